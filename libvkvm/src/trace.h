/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recorded session in memory: checked records and an index, for the reader and the replayer.
 */
#ifndef VKVM_SRC_TRACE_H
#define VKVM_SRC_TRACE_H

#include <vkvm/trace.h>

#include "trace-format.h"

/* What the replayer needs of each record without decoding it. */
struct trace_entry {
    size_t at; /* of the body */
    uint32_t size;
    uint32_t handle;
    uint32_t request; /* ioctls: low 32 bits, which is all there are */
    uint8_t type;
    bool kicked;      /* KVM_RUN that a kick ended: only as good as the moment it came at */
    bool taken, done; /* the replayer's */
};

struct trace_blob {
    struct trace_cur cur; /* of a sparse block */
    size_t size;
};

/* A decoded record; pointers lead into the file. */
struct trace_record {
    enum trace_type type;
    uint32_t handle;
    int64_t result;
    uint64_t request;
    uint32_t child;
    enum trace_form form;
    uint64_t number; /* argument; KILL: signal; OPEN: flags; END: count; MMAP: flags */
    unsigned parts;
    struct trace_blob in[TRACE_MAX_PARTS], out[TRACE_MAX_PARTS];
    const uint8_t *path; /* OPEN; NOTE: key, and the value behind it */
    size_t path_length;
    size_t value_length;
    uint32_t mapping;
    uint64_t length, offset;
    uint32_t prot;
    struct trace_cur patch; /* MMAP, PAGES */
    uint32_t run_flags;
    unsigned maps;
    struct {
        uint32_t mapping;
        struct trace_cur in, out;
    } run[TRACE_MAX_MAPS];
};

struct trace_handle {
    bool is_vcpu;         /* was run */
    uint32_t run_mapping; /* its mapping at offset 0; 0: none */
    uint32_t vcpu;        /* id given to KVM_CREATE_VCPU; UINT32_MAX: it was not seen */
};

struct trace_mapping {
    uint32_t handle;
    uint64_t length;
    uint64_t offset;
    uint8_t *page; /* the reader's: contents so far; NULL: not followed */
};

struct vkvm_trace {
    uint8_t *bytes;
    size_t size;
    struct vkvm_trace_info info;
    struct trace_entry *entries; /* info.records */
    size_t entry_capacity;
    struct trace_handle *handles; /* by number; [0] is not used */
    uint32_t handle_count, handle_capacity;
    struct trace_mapping *mappings;
    uint32_t mapping_count, mapping_capacity;
    /* reading */
    uint64_t next;
    struct trace_record record; /* the one given last */
    size_t page_bytes;          /* of all `page` */
};

/* Decodes and checks a body as far as it can be by itself. False: it makes no sense. */
bool trace__decode(const uint8_t *body, size_t size, struct trace_record *ret);
/* The record of an entry, which was checked when the file was read. */
void trace__record(const struct vkvm_trace *trace, const struct trace_entry *entry,
                   struct trace_record *ret);
/* Decodes all of a blob: `capacity` must be at least blob->size. */
void trace__blob(const struct trace_blob *blob, uint8_t *buffer, size_t capacity);

#endif
