/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replayer: a table of system calls that answers from a recorded session.
 *
 * Theory of operation: the records of each descriptor are a queue. A call looks for its record
 * there (replay-match.c), gets the recorded result, and the recorded output is copied to where the
 * program's own argument says it goes and as far as it says there is room. Sizes never come from
 * the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vkvm/uapi.h>

#include "replay.h"

#define DEFAULT_WAIT_MS 10000

/* --- descriptors --- */

static int fd_of(const struct rep_handle *h)
{
    return REPLAY_FD_BASE + (int)h->id;
}

/* A descriptor from elsewhere becomes the next one that was from elsewhere then. */
static struct rep_handle *adopt(struct vkvm_replay *rep, int fd)
{
    for (unsigned i = 0; i < rep->adopted_count; i++)
        if (rep->adopted[i].fd == fd)
            return &rep->handles[rep->adopted[i].id];
    if (rep->adopted_count == sizeof(rep->adopted) / sizeof(rep->adopted[0]))
        return NULL;
    for (uint32_t id = 1; id <= rep->trace->handle_count; id++) {
        struct rep_handle *h = &rep->handles[id];
        if (h->next >= h->count)
            continue;
        uint32_t entry = h->entries[h->next];
        if (rep->trace->entries[entry].type != TRACE_ADOPT)
            continue;
        rep__take(rep, h, entry);
        h->open = true;
        rep->adopted[rep->adopted_count++] = (struct rep_adopted){ fd, id };
        return h;
    }
    return NULL;
}

static struct rep_handle *handle_of(struct vkvm_replay *rep, int fd)
{
    if (fd <= REPLAY_FD_BASE || fd - REPLAY_FD_BASE > (int)rep->trace->handle_count)
        return fd >= 0 && fd < REPLAY_FD_BASE ? adopt(rep, fd) : NULL;
    struct rep_handle *h = &rep->handles[fd - REPLAY_FD_BASE];
    return h->open ? h : NULL;
}

/* Lets go of the lock and tells what went wrong. */
static void finish(struct vkvm_replay *rep, const struct rep_call *call)
{
    pthread_mutex_unlock(&rep->lock);
    if (call->divergence.kind && rep->options.report)
        rep->options.report(rep->options.data, &call->divergence);
}

/* --- open, close, signals, statistics --- */

static int rep_open(void *data, const char *path, int flags)
{
    struct vkvm_replay *rep = data;
    struct rep_call call = { .type = TRACE_OPEN, .path = path };
    struct trace_record r;
    pthread_mutex_lock(&rep->lock);
    int64_t entry = rep->broken ? -EPROTO : rep__match(rep, &rep->handles[0], &call, &r);
    int result = entry < 0 ? (int)entry : (int)r.result;
    if (entry >= 0 && r.handle) {
        rep->handles[r.handle].open = true;
        result = fd_of(&rep->handles[r.handle]);
    }
    finish(rep, &call);
    return result;
}

static int rep_close(void *data, int fd)
{
    struct vkvm_replay *rep = data;
    struct rep_call call = { .type = TRACE_CLOSE };
    struct trace_record r;
    int result = -EBADF;
    pthread_mutex_lock(&rep->lock);
    struct rep_handle *h = handle_of(rep, fd);
    if (h) {
        /* Programs end differently; what counts is that the descriptor is gone. */
        int64_t entry = rep->broken ? -EPROTO : rep__match(rep, h, &call, &r);
        result = entry < 0 ? 0 : (int)r.result;
        h->open = false;
        for (unsigned i = 0; i < rep->adopted_count; i++)
            if (rep->adopted[i].id == h->id)
                rep->adopted[i].fd = -1;
    }
    finish(rep, &call);
    return result;
}

static int rep_kill_thread(void *data, int thread_id, int signal_number)
{
    struct vkvm_replay *rep = data;
    pthread_mutex_lock(&rep->lock);
    rep->kicks++;
    pthread_cond_broadcast(&rep->changed);
    pthread_mutex_unlock(&rep->lock);
    return 0;
}

static ssize_t rep_pread(void *data, int fd, void *buffer, size_t size, off_t offset)
{
    struct vkvm_replay *rep = data;
    struct rep_call call = { .type = TRACE_PREAD, .length = size, .offset = (uint64_t)offset };
    struct trace_record r;
    ssize_t result = -EBADF;
    pthread_mutex_lock(&rep->lock);
    struct rep_handle *h = handle_of(rep, fd);
    if (h) {
        int64_t entry = rep->broken ? -EPROTO : rep__match(rep, h, &call, &r);
        result = entry < 0 ? (ssize_t)entry : (ssize_t)r.result;
        if (entry >= 0 && r.out[0].size <= size)
            trace__blob(&r.out[0], buffer, size);
        else if (entry >= 0)
            result = -EPROTO;
    }
    finish(rep, &call);
    return result;
}

/* --- mappings --- */

static int map_make(struct rep_handle *h, const struct trace_record *r, size_t length, void **ret)
{
    struct rep_map *map = NULL;
    for (int i = 0; i < TRACE_MAX_MAPS && !map; i++)
        if (!h->maps[i].mapping)
            map = &h->maps[i];
    if (!map || length != r->length || length == 0)
        return -EPROTO;
    void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED)
        return -ENOMEM;
    uint8_t *copy = calloc(1, length);
    if (!copy) {
        munmap(address, length);
        return -ENOMEM;
    }
    struct trace_cur cur = r->patch, again = cur;
    trace__get_patch(&cur, address, length);
    trace__get_patch(&again, copy, length);
    *map = (struct rep_map){ r->mapping, address, copy, length, r->offset };
    *ret = address;
    return 0;
}

static int rep_mmap(void *data, size_t length, int prot, int flags, int fd, off_t offset,
                    void **ret)
{
    struct vkvm_replay *rep = data;
    struct rep_call call = { .type = TRACE_MMAP, .length = length, .offset = (uint64_t)offset };
    struct trace_record r;
    int result = -EBADF;
    pthread_mutex_lock(&rep->lock);
    struct rep_handle *h = handle_of(rep, fd);
    if (h) {
        int64_t entry = rep->broken ? -EPROTO : rep__match(rep, h, &call, &r);
        result = entry < 0 ? (int)entry : (int)r.result;
        if (entry >= 0 && result >= 0)
            result = map_make(h, &r, length, ret);
    }
    finish(rep, &call);
    return result;
}

static void map_free(struct rep_map *map)
{
    munmap(map->address, map->length);
    free(map->copy);
    memset(map, 0, sizeof(*map));
}

static int rep_munmap(void *data, void *address, size_t length)
{
    struct vkvm_replay *rep = data;
    struct rep_call call = { .type = TRACE_MUNMAP };
    struct trace_record r;
    int result = -EINVAL;
    pthread_mutex_lock(&rep->lock);
    for (uint32_t id = 1; id <= rep->trace->handle_count && result < 0; id++) {
        struct rep_handle *h = &rep->handles[id];
        for (int i = 0; i < TRACE_MAX_MAPS && result < 0; i++) {
            struct rep_map *map = &h->maps[i];
            if (!map->mapping || map->address != address || map->length != length)
                continue;
            if (!rep->broken)
                rep__match(rep, h, &call, &r);
            map_free(map);
            result = 0;
        }
    }
    finish(rep, &call);
    return result;
}

/* The kernel's doing on rings at KVM_RESET_DIRTY_RINGS stands behind its record. */
static void apply_pages(struct vkvm_replay *rep, const struct rep_handle *vm, int64_t entry)
{
    for (uint32_t id = 1; id <= rep->trace->handle_count; id++) {
        struct rep_handle *h = &rep->handles[id];
        if (h->object.vm != &vm->object)
            continue;
        for (uint32_t i = h->next; i < h->count; i++) {
            struct trace_entry *e = &rep->trace->entries[h->entries[i]];
            if (e->type == TRACE_RUN && (int64_t)h->entries[i] > entry)
                break;
            if (e->type != TRACE_PAGES || e->taken || (int64_t)h->entries[i] < entry)
                continue;
            struct trace_record r;
            trace__record(rep->trace, e, &r);
            for (int j = 0; j < TRACE_MAX_MAPS; j++)
                if (h->maps[j].mapping == r.mapping)
                    trace__get_patch(&r.patch, h->maps[j].address, h->maps[j].length);
            rep__take(rep, h, h->entries[i]);
        }
    }
}

/* --- ioctl --- */

/* What was returned then, into the program's memory. */
static int copy_out(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                    int64_t entry, const struct trace_record *r)
{
    for (unsigned i = 0; i < call->part_count && i < r->parts; i++)
        if (r->out[i].size > call->parts[i].capacity) {
            int e = rep__diverge(rep, call, VKVM_DIVERGENCE_SIZE, h->id, entry,
                                 "%zu bytes were returned in part %u, there is room for %zu",
                                 r->out[i].size, i, call->parts[i].capacity);
            return e < 0 ? e : -EPROTO;
        }
    for (unsigned i = 0; i < call->part_count && i < r->parts; i++)
        if (r->out[i].size)
            trace__blob(&r->out[i], call->parts[i].data, call->parts[i].capacity);
    return 0;
}

/* The descriptor the call has made; the result is its number. */
static int make_child(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                      const struct trace_record *r)
{
    if (!r->child)
        return (int)r->result;
    struct rep_handle *child = &rep->handles[r->child];
    child->open = true;
    if (call->request != KVM_CREATE_VM)
        child->object.vm = &h->object;
    child->object.xsave_size = h->object.xsave_size;
    if (call->layout->child == TRACE_CHILD_RESULT)
        return fd_of(child);
    if (call->layout->child == TRACE_CHILD_FIELD && call->part_count) {
        ((struct kvm_create_device *)call->argument)->fd = (uint32_t)fd_of(child);
        trace__layout_device(&child->object, call->argument);
    }
    return (int)r->result;
}

static int do_ioctl(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call)
{
    struct trace_record r;
    struct trace_part *parts = call->parts;
    call->part_count = trace__layout_parts(call->layout, &h->object, call->argument, parts);
    if (call->part_count && parts[0].in) {
        call->masked = malloc(parts[0].in);
        if (!call->masked)
            return -ENOMEM;
        memcpy(call->masked, parts[0].data, parts[0].in);
        trace__layout_mask(call->layout, call->masked, parts[0].in);
    }
    int64_t entry = rep__match(rep, h, call, &r);
    if (entry < 0)
        return (int)entry;
    int result = copy_out(rep, h, call, entry, &r);
    if (result < 0)
        return result;
    result = make_child(rep, h, call, &r);
    trace__layout_learn(&h->object, call->request, call->argument, result);
    if (call->request == KVM_RESET_DIRTY_RINGS)
        apply_pages(rep, h, entry);
    return result;
}

static int rep_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    struct vkvm_replay *rep = data;
    struct trace_layout derived;
    struct rep_call call = { .type = request == KVM_RUN ? TRACE_RUN : TRACE_IOCTL,
                             .request = request,
                             .argument = argument };
    int result = -EBADF;
    call.layout = trace__layout(request, &derived);
    pthread_mutex_lock(&rep->lock);
    struct rep_handle *h = handle_of(rep, fd);
    if (rep->broken)
        result = -EPROTO;
    else if (h)
        result = request == KVM_RUN ? rep__run(rep, h, &call) : do_ioctl(rep, h, &call);
    finish(rep, &call);
    free(call.masked);
    return result;
}

/* --- life --- */

/* The queues: one pass to count, one to fill. */
static int build_queues(struct vkvm_replay *rep)
{
    const struct vkvm_trace *t = rep->trace;
    size_t handles = (size_t)t->handle_count + 1;
    rep->handles = calloc(handles, sizeof(*rep->handles));
    rep->entry_pool = calloc(t->info.records + 1, sizeof(*rep->entry_pool));
    rep->runs = calloc(t->info.runs + 1, sizeof(*rep->runs));
    if (!rep->handles || !rep->entry_pool || !rep->runs)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->info.records; i++) {
        const struct trace_entry *entry = &t->entries[i];
        rep->handles[entry->type == TRACE_OPEN ? 0 : entry->handle].count++;
    }
    uint32_t *pool = rep->entry_pool;
    for (uint32_t id = 0; id < handles; id++) {
        rep->handles[id].id = id;
        rep->handles[id].entries = pool;
        pool += rep->handles[id].count;
        rep->handles[id].count = 0;
    }
    for (uint32_t i = 0; i < t->info.records; i++) {
        const struct trace_entry *entry = &t->entries[i];
        struct rep_handle *h = &rep->handles[entry->type == TRACE_OPEN ? 0 : entry->handle];
        if (entry->type == TRACE_KILL || entry->type == TRACE_NOTE)
            continue; /* signals are not waited for */
        h->entries[h->count++] = i;
        rep->left++;
        if (entry->type == TRACE_RUN)
            rep->runs[rep->run_count++] = i;
    }
    return 0;
}

/* Takes the trace. */
static int replay_new(struct vkvm_trace *trace, const struct vkvm_replay_options *options,
                      struct vkvm_replay **ret_replay)
{
    const struct vkvm_replay_options defaults = { .size = sizeof(defaults),
                                                  .wait_ms = DEFAULT_WAIT_MS };
    if (!options)
        options = &defaults;
    int r = -EINVAL;
    struct vkvm_replay *rep = NULL;
    if (options->size != sizeof(*options) || (options->flags & ~VKVM_REPLAY_LENIENT) ||
        options->reserved)
        goto fail;
    r = -ENOEXEC;
    if (trace->info.arch != trace__arch())
        goto fail;
    r = -ENOMEM;
    rep = calloc(1, sizeof(*rep));
    if (!rep)
        goto fail;
    rep->trace = trace;
    rep->options = *options;
    pthread_mutex_init(&rep->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&rep->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rep->sys = (struct vkvm_syscalls){
        .size = sizeof(rep->sys),
        .data = rep,
        .open = rep_open,
        .close = rep_close,
        .ioctl = rep_ioctl,
        .mmap = rep_mmap,
        .munmap = rep_munmap,
        .kill_thread = rep_kill_thread,
        .pread = rep_pread,
    };
    r = build_queues(rep);
    if (r < 0) {
        vkvm_replay_close(rep);
        return r;
    }
    *ret_replay = rep;
    return 0;
fail:
    vkvm_trace_close(trace);
    return r;
}

int vkvm_replay_open(const char *path, const struct vkvm_replay_options *options,
                     struct vkvm_replay **ret_replay)
{
    struct vkvm_trace *trace;
    int r = vkvm_trace_open(path, &trace);
    return r < 0 ? r : replay_new(trace, options, ret_replay);
}

int vkvm_replay_load(const void *bytes, size_t size, const struct vkvm_replay_options *options,
                     struct vkvm_replay **ret_replay)
{
    struct vkvm_trace *trace;
    int r = vkvm_trace_load(bytes, size, &trace);
    return r < 0 ? r : replay_new(trace, options, ret_replay);
}

const struct vkvm_syscalls *vkvm_replay_get_syscalls(const struct vkvm_replay *replay)
{
    return &replay->sys;
}

int vkvm_replay_get_info(const struct vkvm_replay *replay, struct vkvm_trace_info *ret_info)
{
    return vkvm_trace_get_info(replay->trace, ret_info);
}

int vkvm_replay_get_note(struct vkvm_replay *replay, const char *key, char *buffer, size_t size)
{
    struct trace_record r;
    for (uint64_t i = 0; i < replay->trace->info.records; i++) {
        const struct trace_entry *entry = &replay->trace->entries[i];
        if (entry->type != TRACE_NOTE)
            continue;
        trace__record(replay->trace, entry, &r);
        if (r.path_length != strlen(key) || memcmp(r.path, key, r.path_length) != 0)
            continue;
        if (r.value_length < size) {
            memcpy(buffer, r.path + r.path_length, r.value_length);
            buffer[r.value_length] = '\0';
        }
        return (int)r.value_length;
    }
    return -ENOENT;
}

uint64_t vkvm_replay_get_divergences(struct vkvm_replay *replay)
{
    pthread_mutex_lock(&replay->lock);
    uint64_t n = replay->divergences;
    pthread_mutex_unlock(&replay->lock);
    return n;
}

int vkvm_replay_get_first_divergence(struct vkvm_replay *replay,
                                     struct vkvm_divergence *ret_divergence)
{
    if (ret_divergence->size < sizeof(*ret_divergence))
        return -EINVAL;
    pthread_mutex_lock(&replay->lock);
    int r = replay->first.kind ? 0 : -ENODATA;
    if (r == 0) {
        uint32_t size = ret_divergence->size;
        *ret_divergence = replay->first;
        ret_divergence->size = size;
    }
    pthread_mutex_unlock(&replay->lock);
    return r;
}

uint64_t vkvm_replay_get_left(struct vkvm_replay *replay, uint64_t *ret_runs)
{
    pthread_mutex_lock(&replay->lock);
    uint64_t left = replay->left;
    uint64_t runs = 0;
    for (uint32_t i = replay->run_next; i < replay->run_count; i++)
        runs += !replay->trace->entries[replay->runs[i]].done;
    pthread_mutex_unlock(&replay->lock);
    if (ret_runs)
        *ret_runs = runs;
    return left;
}

struct vkvm_replay *vkvm_replay_close(struct vkvm_replay *replay)
{
    if (!replay)
        return NULL;
    for (uint32_t id = 0; replay->handles && id <= replay->trace->handle_count; id++) {
        struct rep_handle *h = &replay->handles[id];
        for (int i = 0; i < TRACE_MAX_MAPS; i++)
            if (h->maps[i].mapping)
                map_free(&h->maps[i]);
        trace__object_fini(&h->object);
    }
    free(replay->handles);
    free(replay->entry_pool);
    free(replay->runs);
    vkvm_trace_close(replay->trace);
    pthread_cond_destroy(&replay->changed);
    pthread_mutex_destroy(&replay->lock);
    free(replay);
    return NULL;
}
