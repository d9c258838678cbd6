/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the record of a call, and saying what differs.
 *
 * The next record of the descriptor should be the call's. On a VM or /dev/kvm, which several
 * threads
 * use, one a little further on that is equal will do as well. A vCPU belongs to one thread; there
 * only requests that others make, such as KVM_NMI, may change places.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/error.h>
#include <vkvm/uapi.h>

#include "replay.h"

#define WINDOW 512 /* records looked ahead */

const char *rep__call_name(enum trace_type type, unsigned long request)
{
    static const char *const names[TRACE_TYPES] = {
        [TRACE_OPEN] = "open",     [TRACE_ADOPT] = "a new descriptor",
        [TRACE_CLOSE] = "close",   [TRACE_IOCTL] = "ioctl",
        [TRACE_RUN] = "KVM_RUN",   [TRACE_MMAP] = "mmap",
        [TRACE_MUNMAP] = "munmap", [TRACE_PREAD] = "pread",
    };
    const char *name = type == TRACE_IOCTL ? vkvm_ioctl_name(request) : names[type];
    return name ? name : "an unknown ioctl";
}

int rep__diverge(struct vkvm_replay *rep, struct rep_call *call, uint32_t kind, uint32_t handle,
                 int64_t entry, const char *format, ...)
{
    struct vkvm_divergence *d = &call->divergence;
    rep->divergences++;
    if (!d->kind) { /* one a call is told */
        va_list args;
        d->size = sizeof(*d);
        d->kind = kind;
        d->handle = handle;
        d->order = entry < 0 ? UINT64_MAX : (uint64_t)entry;
        d->request = call->type == TRACE_RUN     ? KVM_RUN
                     : call->type == TRACE_IOCTL ? call->request
                                                 : 0;
        int n = snprintf(d->text, sizeof(d->text), "handle %u, ", handle);
        if (entry >= 0)
            n += snprintf(d->text + n, sizeof(d->text) - (size_t)n, "record %lld, ",
                          (long long)entry);
        n += snprintf(d->text + n, sizeof(d->text) - (size_t)n,
                      "%s: ", rep__call_name(call->type, call->request));
        va_start(args, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() is right above */
        vsnprintf(d->text + n, sizeof(d->text) - (size_t)n, format, args);
        va_end(args);
    }
    if (!rep->first.kind)
        rep->first = *d;
    if (rep->options.flags & VKVM_REPLAY_LENIENT)
        return 0;
    rep->broken = true;
    pthread_cond_broadcast(&rep->changed);
    return -EPROTO;
}

void rep__take(struct vkvm_replay *rep, struct rep_handle *h, uint32_t entry)
{
    struct trace_entry *entries = rep->trace->entries;
    if (!entries[entry].taken)
        rep->left--;
    entries[entry].taken = true;
    while (h->next < h->count && entries[h->entries[h->next]].taken)
        h->next++;
}

bool rep__is_async(const struct trace_entry *entry)
{
    if (entry->type != TRACE_IOCTL)
        return entry->type == TRACE_PAGES;
#if defined(__x86_64__)
    if (entry->request == KVM_SMI)
        return true;
#endif
    return entry->request == KVM_NMI;
}

static bool same_call(const struct trace_entry *entry, const struct rep_call *call)
{
    return entry->type == call->type &&
           (call->type != TRACE_IOCTL || entry->request == (uint32_t)call->request);
}

/* --- comparing --- */

/* Where two inputs differ first; false: they are equal. */
static bool blob_differs(const struct trace_blob *blob, const uint8_t *bytes, size_t size,
                         struct vkvm_divergence *d)
{
    if (!d && blob->size != size)
        return true;
    uint8_t *recorded = blob->size ? malloc(blob->size) : NULL;
    size_t common = blob->size < size ? blob->size : size, at = 0;
    if (!recorded)
        common = 0; /* no memory: reads as a difference */
    else
        trace__blob(blob, recorded, blob->size);
    while (at < common && recorded[at] == bytes[at])
        at++;
    bool differs = at < blob->size || at < size;
    if (differs && d) {
        d->offset = at;
        d->recorded = recorded && at < blob->size ? recorded[at] : 0;
        d->replayed = at < size ? bytes[at] : 0;
    }
    free(recorded);
    return differs;
}

static const uint8_t *part_input(const struct rep_call *call, unsigned part)
{
    return part == 0 ? call->masked : call->parts[part].data;
}

/* *d (may be NULL) receives part, offset and bytes. */
static bool ioctl_differs(const struct rep_call *call, const struct trace_record *r,
                          struct vkvm_divergence *d)
{
    if (!call->part_count) {
        const bool null = call->layout->in || call->layout->out;
        if (r->form != (null ? TRACE_NULL : TRACE_NUMBER))
            return true;
        return !null && r->number != (uintptr_t)call->argument;
    }
    if (r->form != TRACE_PARTS || r->parts != call->part_count)
        return true;
    for (unsigned i = 0; i < call->part_count; i++) {
        if (d)
            d->part = i;
        if (blob_differs(&r->in[i], part_input(call, i), call->parts[i].in, d))
            return true;
    }
    return false;
}

static bool call_differs(const struct rep_call *call, const struct trace_record *r,
                         struct vkvm_divergence *d)
{
    switch (call->type) {
    case TRACE_IOCTL: return ioctl_differs(call, r, d);
    case TRACE_OPEN:
        return strlen(call->path) != r->path_length ||
               memcmp(call->path, r->path, r->path_length) != 0;
    case TRACE_MMAP: return call->length != r->length || call->offset != r->offset;
    case TRACE_PREAD: return call->offset != r->offset || call->length < r->out[0].size;
    default: return false;
    }
}

static int argument_diverged(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                             int64_t entry, const struct trace_record *r)
{
    struct vkvm_divergence where = { 0 };
    call_differs(call, r, &where);
    int e;
    if (call->type == TRACE_IOCTL && call->part_count && r->form == TRACE_PARTS)
        e = rep__diverge(rep, call, VKVM_DIVERGENCE_ARGUMENT, h->id, entry,
                         "byte %llu of part %u of the argument is 0x%02x, recorded 0x%02x",
                         (unsigned long long)where.offset, where.part, where.replayed,
                         where.recorded);
    else if (call->type == TRACE_IOCTL && r->form == TRACE_NUMBER)
        e = rep__diverge(rep, call, VKVM_DIVERGENCE_ARGUMENT, h->id, entry,
                         "the argument is %llu, recorded %llu",
                         (unsigned long long)(uintptr_t)call->argument,
                         (unsigned long long)r->number);
    else if (call->type == TRACE_OPEN)
        e = rep__diverge(rep, call, VKVM_DIVERGENCE_ARGUMENT, h->id, entry,
                         "the path is '%.60s', recorded '%.*s'", call->path,
                         (int)(r->path_length < 60 ? r->path_length : 60), (const char *)r->path);
    else
        e = rep__diverge(rep, call, VKVM_DIVERGENCE_ARGUMENT, h->id, entry,
                         "other arguments than recorded");
    call->divergence.offset = where.offset;
    call->divergence.part = where.part;
    call->divergence.recorded = where.recorded;
    call->divergence.replayed = where.replayed;
    if (rep->divergences == 1)
        rep->first = call->divergence;
    return e;
}

/* --- searching --- */

/* The first record at or after `from` that is this call; exact: with these arguments. -1: none. */
static int64_t search(const struct vkvm_replay *rep, const struct rep_handle *h,
                      const struct rep_call *call, bool exact, bool past_runs,
                      struct trace_record *ret)
{
    unsigned seen = 0;
    for (uint32_t i = h->next; i < h->count && seen < WINDOW; i++) {
        const struct trace_entry *entry = &rep->trace->entries[h->entries[i]];
        if (entry->taken)
            continue;
        seen++;
        if (same_call(entry, call)) {
            trace__record(rep->trace, entry, ret);
            if (!exact || !call_differs(call, ret, NULL))
                return h->entries[i];
        }
        if (entry->type == TRACE_RUN && !past_runs)
            break;
    }
    return -1;
}

/* The last answer to the same request; exact: with these arguments. -1: none. */
static int64_t search_back(const struct vkvm_replay *rep, const struct rep_handle *h,
                           const struct rep_call *call, bool exact, struct trace_record *ret)
{
    uint32_t from = h->next;
    for (uint32_t i = from; i > 0 && from - i < WINDOW; i--) {
        const struct trace_entry *entry = &rep->trace->entries[h->entries[i - 1]];
        if (!same_call(entry, call))
            continue;
        trace__record(rep->trace, entry, ret);
        if (!exact || !call_differs(call, ret, NULL))
            return h->entries[i - 1];
    }
    return -1;
}

/* Lenient: what comes nearest to a call that was not recorded here. -1: nothing. */
static int64_t nearest(const struct vkvm_replay *rep, const struct rep_handle *h,
                       const struct rep_call *call, int64_t next, bool anywhere,
                       struct trace_record *ret)
{
    const bool asks = call->type == TRACE_IOCTL && call->request == KVM_CHECK_EXTENSION;
    int64_t found = search(rep, h, call, true, anywhere, ret);
    if (found < 0 && next >= 0 && !asks && same_call(&rep->trace->entries[next], call)) {
        trace__record(rep->trace, &rep->trace->entries[next], ret);
        return next;
    }
    if (found < 0)
        found = search_back(rep, h, call, true, ret);
    if (found >= 0 || asks)
        return found;
    found = search(rep, h, call, false, anywhere, ret);
    return found >= 0 ? found : search_back(rep, h, call, false, ret);
}

/* Nothing comes out of the call but that it worked. */
static bool only_sets(const struct rep_call *call)
{
    if (call->type != TRACE_IOCTL || call->layout->child != TRACE_NO_CHILD)
        return call->type == TRACE_CLOSE || call->type == TRACE_MUNMAP;
    for (unsigned i = 0; i < call->part_count; i++)
        if (call->parts[i].capacity)
            return false;
    return true;
}

/* The next record a call on this descriptor should be: what the kernel did by itself and what other
 * threads do is passed over. */
static int64_t expected(const struct vkvm_replay *rep, const struct rep_handle *h)
{
    for (uint32_t i = h->next; i < h->count; i++) {
        const struct trace_entry *entry = &rep->trace->entries[h->entries[i]];
        if (!entry->taken && !rep__is_async(entry))
            return h->entries[i];
    }
    return -1;
}

/* The program had been kicked already and did not run once more. */
static void pass_kicked(struct vkvm_replay *rep, struct rep_handle *h)
{
    int64_t next;
    while ((next = expected(rep, h)) >= 0 && rep->trace->entries[next].kicked) {
        rep__take(rep, h, (uint32_t)next);
        rep__run_done(rep, (uint32_t)next);
    }
}

int64_t rep__match(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                   struct trace_record *ret)
{
    const struct trace_entry probe = { .type = (uint8_t)call->type,
                                       .request = (uint32_t)call->request };
    const bool is_vcpu = h->id && rep->trace->handles[h->id].is_vcpu;
    const bool anywhere = !is_vcpu || rep__is_async(&probe);
    if (!anywhere)
        pass_kicked(rep, h);
    int64_t next = expected(rep, h), found = -1;
    if (next >= 0 && same_call(&rep->trace->entries[next], call)) {
        trace__record(rep->trace, &rep->trace->entries[next], ret);
        if (!call_differs(call, ret, NULL))
            found = next;
    }
    if (found < 0 && anywhere)
        found = search(rep, h, call, true, true, ret);
    if (found < 0) {
        int e;
        if (next < 0 && rep->trace->info.end != VKVM_TRACE_COMPLETE)
            return -ENODATA; /* all there is */
        if (next < 0) {
            e = rep__diverge(rep, call, VKVM_DIVERGENCE_EXTRA, h->id, -1,
                             "the recording has no more calls here");
        } else if (same_call(&rep->trace->entries[next], call)) {
            trace__record(rep->trace, &rep->trace->entries[next], ret);
            e = argument_diverged(rep, h, call, next, ret);
        } else {
            const struct trace_entry *entry = &rep->trace->entries[next];
            e = rep__diverge(rep, call, VKVM_DIVERGENCE_CALL, h->id, next, "recorded was %s",
                             rep__call_name((enum trace_type)entry->type, entry->request));
        }
        if (e < 0)
            return e;
        found = nearest(rep, h, call, next, anywhere, ret);
        if (found < 0 && only_sets(call)) { /* a capability nobody asked for: not there */
            memset(ret, 0, sizeof(*ret));
            return INT64_MAX;
        }
        if (found < 0)
            return -ENOENT;
    }
    rep__take(rep, h, (uint32_t)found);
    return found;
}
