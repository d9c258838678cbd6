/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading recorded sessions: checking a file once, then record by record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#include <vkvm/uapi.h>

#define MAX_FILE  (2ull << 30)
#define MAX_PAGES (512u << 20) /* bytes of all run pages a reader follows */
#define MAX_PAGE  (1u << 20)   /* of one */

/* --- the index --- */

/* Room for one more of `size` bytes each; false: no memory. */
static bool grow(void *array, size_t count, size_t *capacity, size_t size)
{
    void **items = array;
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(*items, wanted * size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

static int handle_add(struct vkvm_trace *t, uint32_t number)
{
    size_t capacity = t->handle_capacity;
    if (number != t->handle_count + 1 || number >= TRACE_MAX_HANDLES)
        return -EBADMSG; /* numbered in the order they are made */
    if (!grow(&t->handles, number, &capacity, sizeof(*t->handles)))
        return -ENOMEM;
    t->handle_capacity = (uint32_t)capacity;
    t->handles[number] = (struct trace_handle){ .vcpu = UINT32_MAX };
    t->handle_count = number;
    return 0;
}

static int mapping_add(struct vkvm_trace *t, const struct trace_record *r)
{
    size_t capacity = t->mapping_capacity;
    if (r->mapping != t->mapping_count + 1 || r->result < 0)
        return -EBADMSG;
    if (!grow(&t->mappings, r->mapping, &capacity, sizeof(*t->mappings)))
        return -ENOMEM;
    t->mapping_capacity = (uint32_t)capacity;
    t->mappings[r->mapping] = (struct trace_mapping){ r->handle, r->length, r->offset, NULL };
    t->mapping_count = r->mapping;
    if (r->offset == 0)
        t->handles[r->handle].run_mapping = r->mapping;
    return 0;
}

/* The mapping, when it is one of this handle. */
static struct trace_mapping *mapping_of(const struct vkvm_trace *t, uint32_t number,
                                        uint32_t handle)
{
    if (number == 0 || number > t->mapping_count || t->mappings[number].handle != handle)
        return NULL;
    return &t->mappings[number];
}

static bool patch_fits(struct trace_cur cur, const struct trace_mapping *mapping)
{
    if (!mapping)
        return false;
    trace__get_patch(&cur, NULL, mapping->length);
    return !cur.bad;
}

/* What a record refers to must be there. */
static int index_record(struct vkvm_trace *t, const struct trace_record *r)
{
    const bool makes = r->type == TRACE_ADOPT || (r->type == TRACE_OPEN && r->handle);
    if (makes) {
        int e = r->result < 0 ? -EBADMSG : handle_add(t, r->handle);
        if (e < 0)
            return e;
    }
    const bool needs = r->type != TRACE_OPEN && r->type != TRACE_KILL && r->type != TRACE_END &&
                       r->type != TRACE_NOTE;
    if (r->handle > t->handle_count || (needs && !r->handle))
        return -EBADMSG;
    switch (r->type) {
    case TRACE_IOCTL: {
        int e = r->child ? handle_add(t, r->child) : 0;
        if (e == 0 && r->child && r->request == KVM_CREATE_VCPU)
            t->handles[r->child].vcpu = (uint32_t)r->number;
        return e;
    }
    case TRACE_MMAP: return r->mapping ? mapping_add(t, r) : r->result < 0 ? 0 : -EBADMSG;
    case TRACE_MUNMAP: return mapping_of(t, r->mapping, r->handle) ? 0 : -EBADMSG;
    case TRACE_PAGES:
        return patch_fits(r->patch, mapping_of(t, r->mapping, r->handle)) ? 0 : -EBADMSG;
    case TRACE_RUN:
        for (unsigned i = 0; i < r->maps; i++) {
            const struct trace_mapping *mapping = mapping_of(t, r->run[i].mapping, r->handle);
            if (!patch_fits(r->run[i].in, mapping) || !patch_fits(r->run[i].out, mapping))
                return -EBADMSG;
        }
        t->info.vcpus += !t->handles[r->handle].is_vcpu;
        t->handles[r->handle].is_vcpu = true;
        t->info.runs++;
        return 0;
    default: return 0;
    }
}

/* Reads on until the end or the first record that cannot be used. */
static int index_build(struct vkvm_trace *t)
{
    size_t at = TRACE_HEADER_SIZE;
    t->info.end = VKVM_TRACE_CUT;
    for (;;) {
        t->info.readable = at;
        if (t->size - at < TRACE_RECORD_HEAD)
            return 0;
        uint32_t size = trace__get_u32(t->bytes + at);
        const uint8_t *body = t->bytes + at + TRACE_RECORD_HEAD;
        if (size == 0 || size > t->size - at - TRACE_RECORD_HEAD)
            return 0;
        if (trace__crc(0, body, size) != trace__get_u32(t->bytes + at + 4)) {
            t->info.end = VKVM_TRACE_DAMAGED;
            return 0;
        }
        struct trace_record *r = &t->record;
        int e = trace__decode(body, size, r) ? index_record(t, r) : -EBADMSG;
        if (e == -ENOMEM)
            return e;
        if (e < 0 || (r->type == TRACE_END && r->number != t->info.records)) {
            t->info.end = VKVM_TRACE_INVALID;
            return 0;
        }
        at += TRACE_RECORD_HEAD + size;
        if (r->type == TRACE_END) {
            t->info.readable = at;
            t->info.end = VKVM_TRACE_COMPLETE;
            return 0;
        }
        if (!grow(&t->entries, t->info.records, &t->entry_capacity, sizeof(*t->entries)))
            return -ENOMEM;
        t->entries[t->info.records++] = (struct trace_entry){
            .at = at - size,
            .size = size,
            .handle = r->handle,
            .request = (uint32_t)r->request,
            .type = (uint8_t)r->type,
            .kicked =
                r->type == TRACE_RUN && r->result == -EINTR && (r->run_flags & TRACE_RUN_KICKED),
        };
    }
}

/* Takes the bytes. */
static int trace_new(uint8_t *bytes, size_t size, struct vkvm_trace **ret_trace)
{
    int r = -EBADMSG;
    struct vkvm_trace *t = NULL;
    if (!bytes || size < TRACE_HEADER_SIZE || memcmp(bytes, TRACE_MAGIC, 8) != 0 ||
        trace__crc(0, bytes, 20) != trace__get_u32(bytes + 20))
        goto fail;
    r = -EPROTONOSUPPORT;
    if (trace__get_u32(bytes + 8) != TRACE_VERSION)
        goto fail;
    r = -ENOMEM;
    t = calloc(1, sizeof(*t));
    if (!t)
        goto fail;
    t->bytes = bytes;
    t->size = size;
    t->info.bytes = size;
    t->info.version = TRACE_VERSION;
    t->info.arch = trace__get_u32(bytes + 12);
    r = index_build(t);
    if (r < 0) {
        vkvm_trace_close(t);
        return r;
    }
    *ret_trace = t;
    return 0;
fail:
    free(bytes);
    return r;
}

static int read_all(int fd, uint8_t *bytes, size_t size)
{
    while (size) {
        ssize_t n = read(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EBADMSG; /* it shrinks while it is read */
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int vkvm_trace_open(const char *path, struct vkvm_trace **ret_trace)
{
    struct stat st;
    uint8_t *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = -EBADMSG;
    if (r == 0 && (uint64_t)st.st_size > MAX_FILE)
        r = -EFBIG;
    if (r == 0 && !(bytes = malloc((size_t)st.st_size + 1)))
        r = -ENOMEM;
    if (r == 0)
        r = read_all(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (r < 0) {
        free(bytes);
        return r;
    }
    return trace_new(bytes, (size_t)st.st_size, ret_trace);
}

int vkvm_trace_load(const void *bytes, size_t size, struct vkvm_trace **ret_trace)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        return -ENOMEM;
    if (size)
        memcpy(copy, bytes, size);
    return trace_new(copy, size, ret_trace);
}

struct vkvm_trace *vkvm_trace_close(struct vkvm_trace *trace)
{
    if (trace) {
        for (uint32_t i = 1; i <= trace->mapping_count; i++)
            free(trace->mappings[i].page);
        free(trace->mappings);
        free(trace->handles);
        free(trace->entries);
        free(trace->bytes);
        free(trace);
    }
    return NULL;
}

int vkvm_trace_get_info(const struct vkvm_trace *trace, struct vkvm_trace_info *ret_info)
{
    if (ret_info->size < sizeof(*ret_info))
        return -EINVAL;
    uint32_t size = ret_info->size;
    *ret_info = trace->info;
    ret_info->size = size;
    return 0;
}

/* --- record by record --- */

void vkvm_trace_rewind(struct vkvm_trace *trace)
{
    trace->next = 0;
    trace->page_bytes = 0;
    for (uint32_t i = 1; i <= trace->mapping_count; i++) {
        free(trace->mappings[i].page);
        trace->mappings[i].page = NULL;
    }
}

static void page_forget(struct vkvm_trace *t, struct trace_mapping *mapping)
{
    if (mapping->page)
        t->page_bytes -= mapping->length;
    free(mapping->page);
    mapping->page = NULL;
}

/* Follows the contents of run pages; others are of no interest to a reader. */
static int follow(struct vkvm_trace *t, const struct trace_record *r, struct vkvm_trace_record *ret)
{
    struct trace_mapping *mapping = mapping_of(t, r->mapping, r->handle);
    struct trace_cur cur = r->patch;
    if (r->type == TRACE_MMAP && mapping && r->offset == 0 && r->length <= MAX_PAGE &&
        r->length >= sizeof(struct kvm_run) && r->length <= MAX_PAGES - t->page_bytes) {
        mapping->page = calloc(1, r->length);
        if (!mapping->page)
            return -ENOMEM;
        t->page_bytes += r->length;
        trace__get_patch(&cur, mapping->page, r->length);
    } else if (r->type == TRACE_MUNMAP && mapping) {
        page_forget(t, mapping);
    } else if (r->type == TRACE_PAGES && mapping && mapping->page) {
        trace__get_patch(&cur, mapping->page, mapping->length);
    }
    for (unsigned i = 0; i < r->maps; i++) {
        mapping = mapping_of(t, r->run[i].mapping, r->handle);
        if (!mapping || !mapping->page)
            continue;
        cur = r->run[i].in;
        trace__get_patch(&cur, mapping->page, mapping->length);
        cur = r->run[i].out;
        trace__get_patch(&cur, mapping->page, mapping->length);
        ret->run = (struct kvm_run *)mapping->page;
        ret->run_size = mapping->length;
    }
    return 0;
}

int vkvm_trace_next(struct vkvm_trace *trace, struct vkvm_trace_record *ret_record)
{
    struct trace_record *r = &trace->record;
    if (trace->next == trace->info.records)
        return 0;
    trace__record(trace, &trace->entries[trace->next], r);
    memset(ret_record, 0, sizeof(*ret_record));
    int e = follow(trace, r, ret_record);
    if (e < 0)
        return e;
    ret_record->order = trace->next++;
    ret_record->kind = r->type;
    ret_record->handle = r->handle;
    ret_record->child = r->child;
    ret_record->parts = r->parts;
    ret_record->result = r->result;
    ret_record->request = r->type == TRACE_RUN ? KVM_RUN : r->request;
    ret_record->number = r->number;
    ret_record->length = r->length;
    ret_record->offset = r->offset;
    ret_record->mapping = r->mapping;
    ret_record->flags = r->type == TRACE_OPEN || r->type == TRACE_MMAP ? (uint32_t)r->number : 0;
    ret_record->vcpu = r->handle ? trace->handles[r->handle].vcpu : UINT32_MAX;
    ret_record->kicked = r->run_flags & TRACE_RUN_KICKED;
    ret_record->path = (const char *)r->path;
    ret_record->path_length = (uint32_t)r->path_length;
    ret_record->value_length = (uint32_t)r->value_length;
    return 1;
}

int64_t vkvm_trace_get_part(const struct vkvm_trace *trace, uint32_t part, int output, void *buffer,
                            size_t capacity)
{
    if (part >= trace->record.parts || !trace->next)
        return -ENOENT;
    const struct trace_blob *blob = output ? &trace->record.out[part] : &trace->record.in[part];
    if (blob->size && blob->size <= capacity)
        trace__blob(blob, buffer, capacity);
    return (int64_t)blob->size;
}
