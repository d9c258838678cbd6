/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recorder: a table of system calls around another one.
 *
 * Theory of operation: a call is made first and written when it returns, so the file's order is the
 * order of completion; what goes in is encoded before the call, since the kernel may overwrite it.
 * Of a vCPU's mappings there is a copy as of the last look: before KVM_RUN the differences to it
 * are what user space did, afterwards what the kernel did.
 *
 * Locks: `lock` guards the list of handles and the file, `pages` of a handle the copies of its
 * mappings. `pages` is taken first. No lock is held during a call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vkvm/record.h>

#include "trace-file.h"
#include "trace-layout.h"

#define BUCKETS 64 /* of descriptors */

struct rec_map {
    uint32_t id; /* 0: not in use */
    uint8_t *address, *copy;
    size_t length;
    off_t offset;
};

struct rec_handle {
    struct trace_object object; /* first: children point to it */
    struct rec_handle *next, *next_by_fd;
    int fd; /* -1: closed */
    uint32_t id;
    pthread_mutex_t pages;
    struct rec_map maps[TRACE_MAX_MAPS];
    struct trace_buf in, out, body; /* of KVM_RUN, which one thread at a time is in */
};

struct vkvm_record {
    struct vkvm_syscalls inner, sys;
    pthread_mutex_t lock;
    struct trace_file file;
    bool finished;
    _Atomic bool stopped; /* finished, or failed */
    _Atomic int error;
    _Atomic uint64_t count;
    uint32_t handle_count, map_count;
    struct rec_handle *handles;
    struct rec_handle *by_fd[BUCKETS];
};

static void rec_fail(struct vkvm_record *rec, int error)
{
    int none = 0;
    atomic_compare_exchange_strong(&rec->error, &none, error);
    atomic_store(&rec->stopped, true);
}

static bool rec_active(struct vkvm_record *rec)
{
    return !atomic_load_explicit(&rec->stopped, memory_order_relaxed);
}

static void append_locked(struct vkvm_record *rec, const struct trace_buf *body)
{
    if (!rec_active(rec))
        return;
    int r = body->failed ? -ENOMEM : trace__file_append(&rec->file, body->data, body->size);
    if (r < 0)
        rec_fail(rec, r);
    else
        atomic_fetch_add(&rec->count, 1);
}

static void put_head(struct trace_buf *body, enum trace_type type, uint32_t handle, int64_t result)
{
    const uint8_t byte = (uint8_t)type;
    trace__put(body, &byte, 1);
    trace__put_number(body, handle);
    trace__put_signed(body, result);
}

/* --- handles --- */

/* NULL: no memory, or no descriptor; recording has ended then. */
static struct rec_handle *handle_add_locked(struct vkvm_record *rec, int fd)
{
    if (fd < 0 || rec->handle_count == TRACE_MAX_HANDLES - 1) {
        rec_fail(rec, -EMFILE);
        return NULL;
    }
    struct rec_handle *h = calloc(1, sizeof(*h));
    if (!h) {
        rec_fail(rec, -ENOMEM);
        return NULL;
    }
    pthread_mutex_init(&h->pages, NULL);
    h->id = ++rec->handle_count;
    h->next = rec->handles;
    rec->handles = h;
    h->fd = fd;
    h->next_by_fd = rec->by_fd[fd % BUCKETS];
    rec->by_fd[fd % BUCKETS] = h;
    return h;
}

static void handle_close_locked(struct vkvm_record *rec, struct rec_handle *h)
{
    struct rec_handle **link = &rec->by_fd[h->fd % BUCKETS];
    while (*link != h)
        link = &(*link)->next_by_fd;
    *link = h->next_by_fd;
    h->fd = -1;
}

/* The handle of a descriptor; one that was made elsewhere is written down first. */
static struct rec_handle *handle_of(struct vkvm_record *rec, int fd)
{
    pthread_mutex_lock(&rec->lock);
    struct rec_handle *h = fd >= 0 ? rec->by_fd[fd % BUCKETS] : NULL;
    while (h && h->fd != fd)
        h = h->next_by_fd;
    if (!h && rec_active(rec) && fd >= 0) {
        h = handle_add_locked(rec, fd);
        if (h) {
            struct trace_buf body = { 0 };
            put_head(&body, TRACE_ADOPT, h->id, 0);
            append_locked(rec, &body);
            trace__buf_fini(&body);
        }
    }
    pthread_mutex_unlock(&rec->lock);
    return h;
}

static void handle_free(struct rec_handle *h)
{
    for (int i = 0; i < TRACE_MAX_MAPS; i++)
        free(h->maps[i].copy);
    trace__object_fini(&h->object);
    trace__buf_fini(&h->in);
    trace__buf_fini(&h->out);
    trace__buf_fini(&h->body);
    pthread_mutex_destroy(&h->pages);
    free(h);
}

/* --- open, close, signals, statistics --- */

static int rec_open(void *data, const char *path, int flags)
{
    struct vkvm_record *rec = data;
    int fd = rec->inner.open(rec->inner.data, path, flags);
    struct trace_buf body = { 0 };
    pthread_mutex_lock(&rec->lock);
    struct rec_handle *h = fd >= 0 && rec_active(rec) ? handle_add_locked(rec, fd) : NULL;
    put_head(&body, TRACE_OPEN, h ? h->id : 0, fd < 0 ? fd : 0);
    trace__put_number(&body, (uint32_t)flags);
    trace__put(&body, path, strlen(path));
    append_locked(rec, &body);
    pthread_mutex_unlock(&rec->lock);
    trace__buf_fini(&body);
    return fd;
}

static int rec_close(void *data, int fd)
{
    struct vkvm_record *rec = data;
    struct rec_handle *h = handle_of(rec, fd);
    struct trace_buf body = { 0 };
    pthread_mutex_lock(&rec->lock); /* during the call: the number may be used again at once */
    int r = rec->inner.close(rec->inner.data, fd);
    if (h) {
        put_head(&body, TRACE_CLOSE, h->id, r);
        append_locked(rec, &body);
        handle_close_locked(rec, h);
    }
    pthread_mutex_unlock(&rec->lock);
    trace__buf_fini(&body);
    return r;
}

static int rec_kill_thread(void *data, int thread_id, int signal_number)
{
    struct vkvm_record *rec = data;
    int r = rec->inner.kill_thread(rec->inner.data, thread_id, signal_number);
    struct trace_buf body = { 0 };
    put_head(&body, TRACE_KILL, 0, r);
    trace__put_number(&body, (uint32_t)signal_number);
    pthread_mutex_lock(&rec->lock);
    append_locked(rec, &body);
    pthread_mutex_unlock(&rec->lock);
    trace__buf_fini(&body);
    return r;
}

static ssize_t rec_pread(void *data, int fd, void *buffer, size_t size, off_t offset)
{
    struct vkvm_record *rec = data;
    struct rec_handle *h = handle_of(rec, fd);
    ssize_t n = rec->inner.pread(rec->inner.data, fd, buffer, size, offset);
    if (!h)
        return n;
    struct trace_buf body = { 0 };
    put_head(&body, TRACE_PREAD, h->id, n);
    trace__put_number(&body, size);
    trace__put_number(&body, (uint64_t)offset);
    trace__put_sparse(&body, buffer, n > 0 && n <= TRACE_MAX_PART ? (size_t)n : 0);
    pthread_mutex_lock(&rec->lock);
    append_locked(rec, &body);
    pthread_mutex_unlock(&rec->lock);
    trace__buf_fini(&body);
    return n;
}

/* --- mappings --- */

static void map_add(struct vkvm_record *rec, struct rec_handle *h, const struct rec_map *wanted,
                    int prot, int flags, int result)
{
    struct trace_buf body = { 0 };
    struct rec_map *map = NULL;
    pthread_mutex_lock(&h->pages);
    for (int i = 0; i < TRACE_MAX_MAPS && !map; i++)
        if (!h->maps[i].id)
            map = &h->maps[i];
    uint8_t *copy = NULL;
    if (result >= 0 && (!map || wanted->length > TRACE_MAX_MAP))
        rec_fail(rec, -E2BIG);
    else if (result >= 0 && !(copy = calloc(1, wanted->length)))
        rec_fail(rec, -ENOMEM);
    pthread_mutex_lock(&rec->lock);
    uint32_t id = copy ? ++rec->map_count : 0;
    put_head(&body, TRACE_MMAP, h->id, result < 0 ? result : 0);
    trace__put_number(&body, id);
    trace__put_number(&body, wanted->length);
    trace__put_number(&body, (uint32_t)prot);
    trace__put_number(&body, (uint32_t)flags);
    trace__put_number(&body, (uint64_t)wanted->offset);
    if (copy) {
        *map = *wanted;
        map->id = id;
        map->copy = copy;
        trace__put_patch(&body, copy, map->address, map->length, SIZE_MAX);
    }
    append_locked(rec, &body);
    pthread_mutex_unlock(&rec->lock);
    pthread_mutex_unlock(&h->pages);
    trace__buf_fini(&body);
}

static int rec_mmap(void *data, size_t length, int prot, int flags, int fd, off_t offset,
                    void **ret)
{
    struct vkvm_record *rec = data;
    struct rec_handle *h = handle_of(rec, fd);
    int r = rec->inner.mmap(rec->inner.data, length, prot, flags, fd, offset, ret);
    if (h && rec_active(rec)) {
        const struct rec_map map = { .address = r < 0 ? NULL : *ret,
                                     .length = length,
                                     .offset = offset };
        map_add(rec, h, &map, prot, flags, r);
    }
    return r;
}

static int rec_munmap(void *data, void *address, size_t length)
{
    struct vkvm_record *rec = data;
    struct trace_buf body = { 0 };
    pthread_mutex_lock(&rec->lock);
    struct rec_handle *h = rec->handles;
    pthread_mutex_unlock(&rec->lock);
    bool found = false;
    for (; h && !found; h = h->next) { /* the list only grows at its head */
        pthread_mutex_lock(&h->pages);
        for (int i = 0; i < TRACE_MAX_MAPS && !found; i++) {
            struct rec_map *map = &h->maps[i];
            if (!map->id || map->address != address)
                continue;
            found = true;
            put_head(&body, TRACE_MUNMAP, h->id, 0);
            trace__put_number(&body, map->id);
            free(map->copy);
            memset(map, 0, sizeof(*map));
        }
        pthread_mutex_unlock(&h->pages);
    }
    if (found) {
        pthread_mutex_lock(&rec->lock);
        append_locked(rec, &body);
        pthread_mutex_unlock(&rec->lock);
    }
    trace__buf_fini(&body);
    return rec->inner.munmap(rec->inner.data, address, length);
}

/* immediate_exit is set by other threads at any time: it is not compared. */
static size_t map_skip(const struct rec_map *map)
{
    return map->offset == 0 ? offsetof(struct kvm_run, immediate_exit) : SIZE_MAX;
}

/* --- ioctl --- */

static int rec_run(struct vkvm_record *rec, struct rec_handle *h, int fd, void *argument)
{
    size_t in_at[TRACE_MAX_MAPS + 1] = { 0 };
    unsigned count = 0;
    h->in.size = 0;
    pthread_mutex_lock(&h->pages);
    for (unsigned i = 0; i < TRACE_MAX_MAPS; i++) {
        struct rec_map *map = &h->maps[i];
        if (map->id) {
            trace__put_patch(&h->in, map->copy, map->address, map->length, map_skip(map));
            count++;
        }
        in_at[i + 1] = h->in.size;
    }
    pthread_mutex_unlock(&h->pages);

    int r = rec->inner.ioctl(rec->inner.data, fd, KVM_RUN, argument);

    uint32_t flags = 0;
    h->out.size = 0;
    pthread_mutex_lock(&h->pages);
    for (unsigned i = 0; i < TRACE_MAX_MAPS; i++) {
        struct rec_map *map = &h->maps[i];
        if (!map->id)
            continue;
        trace__put_number(&h->out, map->id);
        if (in_at[i + 1] > in_at[i]) /* without memory there is no data to point into */
            trace__put(&h->out, h->in.data + in_at[i], in_at[i + 1] - in_at[i]);
        trace__put_patch(&h->out, map->copy, map->address, map->length, map_skip(map));
        if (map->offset == 0 &&
            __atomic_load_n(&((struct kvm_run *)map->address)->immediate_exit, __ATOMIC_SEQ_CST))
            flags |= TRACE_RUN_KICKED;
    }
    pthread_mutex_unlock(&h->pages);
    h->body.size = 0;
    put_head(&h->body, TRACE_RUN, h->id, r);
    trace__put_number(&h->body, flags);
    trace__put_number(&h->body, count);
    trace__put(&h->body, h->out.data, h->out.size);
    if (h->in.failed || h->out.failed)
        h->body.failed = true;
    pthread_mutex_lock(&rec->lock);
    append_locked(rec, &h->body);
    pthread_mutex_unlock(&rec->lock);
    return r;
}

/* KVM_RESET_DIRTY_RINGS changes the rings of all vCPUs. */
static void record_rings(struct vkvm_record *rec, struct rec_handle *vm)
{
    pthread_mutex_lock(&rec->lock);
    struct rec_handle *h = rec->handles;
    pthread_mutex_unlock(&rec->lock);
    for (; h; h = h->next) {
        if (h->object.vm != &vm->object)
            continue;
        pthread_mutex_lock(&h->pages);
        for (int i = 0; i < TRACE_MAX_MAPS; i++) {
            struct rec_map *map = &h->maps[i];
            if (!map->id || map->offset == 0)
                continue;
            struct trace_buf body = { 0 };
            put_head(&body, TRACE_PAGES, h->id, 0);
            trace__put_number(&body, map->id);
            size_t pieces =
                trace__put_patch(&body, map->copy, map->address, map->length, map_skip(map));
            pthread_mutex_lock(&rec->lock);
            if (pieces)
                append_locked(rec, &body);
            pthread_mutex_unlock(&rec->lock);
            trace__buf_fini(&body);
        }
        pthread_mutex_unlock(&h->pages);
    }
}

/* Masked copies of what goes in, one sparse block a part; *ends say where each ends. */
static void put_inputs(struct trace_buf *in, const struct trace_layout *layout,
                       const struct trace_part *parts, unsigned count, size_t *ends)
{
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 && parts[0].in) {
            uint8_t *copy = malloc(parts[0].in);
            if (copy) {
                memcpy(copy, parts[0].data, parts[0].in);
                trace__layout_mask(layout, copy, parts[0].in);
                trace__put_sparse(in, copy, parts[0].in);
            } else {
                in->failed = true;
            }
            free(copy);
        } else {
            trace__put_sparse(in, parts[i].data, parts[i].in);
        }
        ends[i] = in->size;
    }
}

static void put_outputs(struct trace_buf *body, const struct trace_layout *layout,
                        const struct trace_part *parts, unsigned count, const struct trace_buf *in,
                        const size_t *ends)
{
    trace__put_number(body, count);
    for (unsigned i = 0; i < count; i++) {
        size_t begin = i ? ends[i - 1] : 0;
        if (!in->failed)
            trace__put(body, in->data + begin, ends[i] - begin);
        if (i == 0 && layout->child == TRACE_CHILD_FIELD && parts[0].out) {
            uint8_t bytes[sizeof(struct kvm_create_device)];
            size_t n = parts[0].out < sizeof(bytes) ? parts[0].out : sizeof(bytes);
            memcpy(bytes, parts[0].data, n);
            trace__layout_mask(layout, bytes, n);
            trace__put_sparse(body, bytes, n);
        } else {
            trace__put_sparse(body, parts[i].data, parts[i].out);
        }
    }
    if (in->failed)
        body->failed = true;
}

/* The handle a call has made, or NULL. */
static struct rec_handle *child_locked(struct vkvm_record *rec, struct rec_handle *h,
                                       const struct trace_layout *layout, void *argument, int r)
{
    struct rec_handle *child = NULL;
    if (layout->child == TRACE_NO_CHILD || r < 0 || !rec_active(rec))
        return NULL;
    if (layout->child == TRACE_CHILD_RESULT) {
        child = handle_add_locked(rec, r);
    } else {
        const struct kvm_create_device *create = argument;
        if (create->flags & KVM_CREATE_DEVICE_TEST)
            return NULL;
        child = handle_add_locked(rec, (int)create->fd);
        if (child)
            trace__layout_device(&child->object, argument);
    }
    if (child && layout->request != KVM_CREATE_VM)
        child->object.vm = &h->object;
    if (child)
        child->object.xsave_size = h->object.xsave_size;
    return child;
}

static int rec_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    struct vkvm_record *rec = data;
    struct rec_handle *h = handle_of(rec, fd);
    if (!h || !rec_active(rec))
        return rec->inner.ioctl(rec->inner.data, fd, request, argument);
    if (request == KVM_RUN)
        return rec_run(rec, h, fd, argument);

    struct trace_layout derived;
    const struct trace_layout *layout = trace__layout(request, &derived);
    struct trace_part parts[TRACE_MAX_PARTS];
    size_t ends[TRACE_MAX_PARTS];
    struct trace_buf in = { 0 }, body = { 0 };
    pthread_mutex_lock(&rec->lock); /* for what the object has learnt */
    unsigned count = trace__layout_parts(layout, &h->object, argument, parts);
    pthread_mutex_unlock(&rec->lock);
    put_inputs(&in, layout, parts, count, ends);

    int r = rec->inner.ioctl(rec->inner.data, fd, request, argument);

    if (count)
        trace__layout_out(layout, parts, count, parts[0].data, parts[0].capacity, r);
    pthread_mutex_lock(&rec->lock);
    trace__layout_learn(&h->object, request, argument, r);
    struct rec_handle *child = child_locked(rec, h, layout, argument, r);
    put_head(&body, TRACE_IOCTL, h->id, child && layout->child == TRACE_CHILD_RESULT ? 0 : r);
    trace__put_number(&body, request);
    trace__put_number(&body, child ? child->id : 0);
    if (count) {
        trace__put_number(&body, TRACE_PARTS);
        put_outputs(&body, layout, parts, count, &in, ends);
    } else if (layout->in || layout->out) {
        trace__put_number(&body, TRACE_NULL);
    } else {
        trace__put_number(&body, TRACE_NUMBER);
        trace__put_number(&body, (uintptr_t)argument);
    }
    append_locked(rec, &body);
    pthread_mutex_unlock(&rec->lock);
    trace__buf_fini(&in);
    trace__buf_fini(&body);
    if (request == KVM_RESET_DIRTY_RINGS)
        record_rings(rec, h);
    return r;
}

/* --- life --- */

int vkvm_record_new_fd(const struct vkvm_syscalls *inner, int fd, struct vkvm_record **ret_record)
{
    if (!inner)
        inner = vkvm_syscalls_real();
    struct vkvm_record *rec = NULL;
    int r = inner->size == sizeof(*inner) && fd >= 0 ? 0 : -EINVAL;
    if (r == 0 && !(rec = calloc(1, sizeof(*rec))))
        r = -ENOMEM;
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    r = trace__file_init(&rec->file, fd);
    if (r < 0) {
        free(rec);
        return r;
    }
    pthread_mutex_init(&rec->lock, NULL);
    rec->inner = *inner;
    rec->sys = (struct vkvm_syscalls){
        .size = sizeof(rec->sys),
        .data = rec,
        .open = rec_open,
        .close = rec_close,
        .ioctl = rec_ioctl,
        .mmap = rec_mmap,
        .munmap = rec_munmap,
        .kill_thread = rec_kill_thread,
        .pread = rec_pread,
    };
    *ret_record = rec;
    return 0;
}

int vkvm_record_new(const struct vkvm_syscalls *inner, const char *path,
                    struct vkvm_record **ret_record)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : vkvm_record_new_fd(inner, fd, ret_record);
}

const struct vkvm_syscalls *vkvm_record_get_syscalls(const struct vkvm_record *record)
{
    return &record->sys;
}

int vkvm_record_get_error(const struct vkvm_record *record)
{
    return atomic_load(&((struct vkvm_record *)record)->error);
}

uint64_t vkvm_record_get_count(const struct vkvm_record *record)
{
    return atomic_load(&((struct vkvm_record *)record)->count);
}

int vkvm_record_add_note(struct vkvm_record *record, const char *key, const char *value)
{
    struct trace_buf body = { 0 };
    put_head(&body, TRACE_NOTE, 0, 0);
    trace__put_number(&body, strlen(key));
    trace__put(&body, key, strlen(key));
    trace__put(&body, value, strlen(value));
    pthread_mutex_lock(&record->lock);
    append_locked(record, &body);
    pthread_mutex_unlock(&record->lock);
    trace__buf_fini(&body);
    return vkvm_record_get_error(record);
}

int vkvm_record_finish(struct vkvm_record *record)
{
    pthread_mutex_lock(&record->lock);
    if (!record->finished) {
        struct trace_buf body = { 0 };
        put_head(&body, TRACE_END, 0, 0);
        trace__put_number(&body, atomic_load(&record->count));
        append_locked(record, &body);
        trace__buf_fini(&body);
        record->finished = true;
        atomic_store(&record->stopped, true);
        int r = trace__file_fini(&record->file);
        if (r < 0)
            rec_fail(record, r);
    }
    pthread_mutex_unlock(&record->lock);
    return vkvm_record_get_error(record);
}

struct vkvm_record *vkvm_record_close(struct vkvm_record *record)
{
    if (!record)
        return NULL;
    vkvm_record_finish(record);
    for (struct rec_handle *h = record->handles, *next; h; h = next) {
        next = h->next;
        handle_free(h);
    }
    pthread_mutex_destroy(&record->lock);
    free(record);
    return NULL;
}
