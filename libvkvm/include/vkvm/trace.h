/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a recorded session, record by record. vkvm/record.h writes such files, vkvm/replay.h runs
 * programs against them.
 *
 * Files are not trusted: lengths, numbers and references are checked when a file is opened, and
 * what
 * cannot be read ends it there.
 */
#ifndef VKVM_TRACE_H
#define VKVM_TRACE_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_trace;

/** How the readable part of a file ends. */
enum vkvm_trace_end {
    VKVM_TRACE_COMPLETE = 0, /* with the recorder's last record */
    VKVM_TRACE_CUT = 1,      /* a record is not whole: the recorder died, or the file was cut */
    VKVM_TRACE_DAMAGED = 2,  /* a checksum does not fit */
    VKVM_TRACE_INVALID = 3,  /* a record makes no sense */
};

/**
 * struct vkvm_trace_info - about a file
 * @size: sizeof(struct vkvm_trace_info), set by the caller
 * @end: enum vkvm_trace_end
 * @records: readable records, without the last one of a complete file
 * @bytes, @readable: length of the file, and of its readable part
 * @vcpus: how many vCPUs were run
 * @runs: KVM_RUN calls
 */
struct vkvm_trace_info {
    uint32_t size;
    uint32_t version;
    uint32_t arch; /* e_machine of ELF: 62 x86-64, 183 arm64 */
    uint32_t end;
    uint64_t records;
    uint64_t bytes, readable;
    uint64_t vcpus;
    uint64_t runs;
};

/** Kinds of record. */
enum vkvm_trace_kind {
    VKVM_TRACE_OPEN = 1,  /* path, flags */
    VKVM_TRACE_ADOPT = 2, /* a descriptor made elsewhere is first used */
    VKVM_TRACE_CLOSE = 3,
    VKVM_TRACE_IOCTL = 4,  /* request, child, number or parts */
    VKVM_TRACE_RUN = 5,    /* request, run, kicked */
    VKVM_TRACE_MMAP = 6,   /* mapping, length, offset */
    VKVM_TRACE_MUNMAP = 7, /* mapping */
    VKVM_TRACE_PREAD = 8,  /* length, offset; part 0 is what was read */
    VKVM_TRACE_KILL = 9,   /* number: the signal */
    VKVM_TRACE_PAGES = 10, /* mapping: its contents changed outside KVM_RUN */
    VKVM_TRACE_NOTE = 12,  /* path: the key, with value_length bytes of value behind it */
};

/**
 * struct vkvm_trace_record - one record
 * @order: position in the file, from 0: the order in which calls returned
 * @kind: enum vkvm_trace_kind
 * @handle: of the descriptor, numbered from 1 in the order they were made; 0: none
 * @child: the handle the call has made; 0: none
 * @result: what the call returned (0 when it made a handle), or -errno
 * @parts: contiguous ranges of the argument; see vkvm_trace_get_part()
 * @run: after KVM_RUN, the vCPU's shared page; NULL when it was not mapped. Valid until the next
 * call on the trace
 * @run_size: bytes there
 * @path: not terminated, `path_length` bytes
 * @vcpu: id the descriptor's vCPU was made with; UINT32_MAX: not known, or no vCPU
 */
struct vkvm_trace_record {
    uint64_t order;
    uint32_t kind;
    uint32_t handle;
    uint32_t child;
    uint32_t parts;
    int64_t result;
    uint64_t request;
    uint64_t number;
    uint64_t length, offset;
    uint32_t mapping;
    uint32_t flags;
    uint32_t kicked; /* immediate_exit was set */
    uint32_t path_length;
    const char *path;
    struct kvm_run *run;
    uint64_t run_size;
    uint32_t value_length;
    uint32_t vcpu;
};

/**
 * vkvm_trace_open() - reads a file
 *
 * Errors: -errno from open(2) and read(2); -EBADMSG: not a recording; -EPROTONOSUPPORT: of another
 * version; -EFBIG: over 2 GiB; -ENOMEM. Damage behind the header is no error: see
 * vkvm_trace_get_info(). Context: any. Since 0.1
 */
int vkvm_trace_open(const char *path, struct vkvm_trace **ret_trace);
/** The same from memory, which is copied. */
int vkvm_trace_load(const void *bytes, size_t size, struct vkvm_trace **ret_trace);
/** NULL is fine. Returns NULL. */
struct vkvm_trace *vkvm_trace_close(struct vkvm_trace *trace);
/** -EINVAL: ret_info->size is too small. */
int vkvm_trace_get_info(const struct vkvm_trace *trace, struct vkvm_trace_info *ret_info);
/** The next record: 1, 0 at the end, -ENOMEM. Context: one thread at a time. */
int vkvm_trace_next(struct vkvm_trace *trace, struct vkvm_trace_record *ret_record);
/** Begins again. */
void vkvm_trace_rewind(struct vkvm_trace *trace);
/**
 * vkvm_trace_get_part() - bytes of the argument of the record that vkvm_trace_next() gave last
 * @part: from 0; part 0 is the structure with its array, others are what it points to
 * @output: 0: what the program gave, else what the kernel did
 * @buffer, @capacity: receives the bytes, if all fit
 * Returns how many there are; -ENOENT: no such part. Addresses and descriptors read as 0.
 */
int64_t vkvm_trace_get_part(const struct vkvm_trace *trace, uint32_t part, int output, void *buffer,
                            size_t capacity);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
