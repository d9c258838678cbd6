/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replaying KVM_RUN: the page before and after, and the order among vCPUs.
 *
 * A run returns when all runs that returned before it in the recording are done, so that what one
 * vCPU's exit makes another do happens in the recorded order.
 *
 * Kicks come when they come. A run that was ended by one waits a moment for the kick: returning
 * earlier would send the program round its loop once more than recorded. When the kick has come
 * before the run, the program may not run at all, so nothing waits for such a run. And one that
 * comes where none was recorded, between a run and another call, ends a run that is not recorded.
 * Past the last record, the vCPU is asleep until it is kicked.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

#include "replay.h"

#define KICK_WAIT_MS 1000
#define SLICE_NS     1000000 /* immediate_exit is set without a call */

static void deadline_in(uint32_t ms, struct timespec *ret)
{
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += ms / 1000;
    ret->tv_nsec += (long)(ms % 1000) * 1000000;
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
}

/* Waits a slice, or until something changes. False: the deadline has passed. */
static bool wait_slice(struct vkvm_replay *rep, const struct timespec *deadline)
{
    struct timespec now, slice;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > deadline->tv_sec ||
        (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec))
        return false;
    slice = now;
    slice.tv_nsec += SLICE_NS;
    if (slice.tv_nsec >= 1000000000) {
        slice.tv_sec++;
        slice.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&rep->changed, &rep->lock, &slice);
    return true;
}

static struct rep_map *map_at(struct rep_handle *h, uint64_t offset)
{
    for (int i = 0; i < TRACE_MAX_MAPS; i++)
        if (h->maps[i].mapping && h->maps[i].offset == offset)
            return &h->maps[i];
    return NULL;
}

static bool is_kicked(struct rep_handle *h)
{
    struct rep_map *map = map_at(h, 0);
    return map &&
           __atomic_load_n(&((struct kvm_run *)map->address)->immediate_exit, __ATOMIC_SEQ_CST);
}

/* --- the page --- */

/* What user space has changed since the last run, against the recording. The copy is
 * `map->copy`. */
static int check_page(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                      int64_t entry, struct rep_map *map, struct trace_cur in)
{
    trace__get_patch(&in, map->copy, map->length); /* what it should be now */
    const size_t skip = offsetof(struct kvm_run, immediate_exit);
    for (size_t at = 0; at < map->length; at++) {
        if (at == skip || map->copy[at] == map->address[at])
            continue;
        int e = rep__diverge(rep, call, VKVM_DIVERGENCE_ANSWER, h->id, entry,
                             "byte %zu of kvm_run is 0x%02x, recorded 0x%02x (after exit %u)", at,
                             map->address[at], map->copy[at],
                             ((struct kvm_run *)map->copy)->exit_reason);
        call->divergence.offset = at;
        call->divergence.recorded = map->copy[at];
        call->divergence.replayed = map->address[at];
        if (rep->divergences == 1)
            rep->first = call->divergence;
        return e;
    }
    return 0;
}

/* Rings behind the page are user space's too, which takes from them at its own pace: not
 * compared. */
static int pages_before(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                        int64_t entry, const struct trace_record *r)
{
    for (unsigned i = 0; i < r->maps; i++) {
        for (int j = 0; j < TRACE_MAX_MAPS; j++) {
            struct rep_map *map = &h->maps[j];
            if (map->mapping != r->run[i].mapping || map->offset != 0)
                continue;
            int e = check_page(rep, h, call, entry, map, r->run[i].in);
            if (e < 0)
                return e;
        }
    }
    return 0;
}

/* Only what the kernel wrote then is written now. The copy follows the page, not the recording, so
 * that a difference is told once. */
static void pages_after(struct rep_handle *h, const struct trace_record *r)
{
    const size_t skip = offsetof(struct kvm_run, immediate_exit);
    for (unsigned i = 0; i < r->maps; i++) {
        for (int j = 0; j < TRACE_MAX_MAPS; j++) {
            struct rep_map *map = &h->maps[j];
            if (map->mapping != r->run[i].mapping)
                continue;
            struct trace_cur out = r->run[i].out;
            trace__get_patch(&out, map->address, map->length);
            if (map->offset == 0 && map->length > skip) {
                memcpy(map->copy, map->address, skip);
                memcpy(map->copy + skip + 1, map->address + skip + 1, map->length - skip - 1);
            }
        }
    }
}

/* --- order --- */

/* The run's number among all runs, in order. */
static uint32_t run_rank(const struct vkvm_replay *rep, uint32_t entry)
{
    uint32_t low = 0, high = rep->run_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rep->runs[middle] < entry)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rep__run_done(struct vkvm_replay *rep, uint32_t entry)
{
    const struct trace_entry *entries = rep->trace->entries;
    rep->trace->entries[entry].done = true;
    while (rep->run_next < rep->run_count &&
           (entries[rep->runs[rep->run_next]].done || entries[rep->runs[rep->run_next]].kicked))
        rep->run_next++;
    pthread_cond_broadcast(&rep->changed);
}

/* 0, or -EPROTO. The deadline is put off as long as the others get on. */
static int wait_turn(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                     uint32_t entry)
{
    const uint32_t rank = run_rank(rep, entry);
    uint32_t seen = rep->run_next;
    struct timespec deadline;
    if (rep->run_next >= rank || !rep->options.wait_ms)
        return 0;
    deadline_in(rep->options.wait_ms, &deadline);
    while (rep->run_next < rank && !rep->broken) {
        if (rep->run_next != seen) {
            seen = rep->run_next;
            deadline_in(rep->options.wait_ms, &deadline);
        }
        if (!wait_slice(rep, &deadline))
            return rep__diverge(rep, call, VKVM_DIVERGENCE_STALLED, h->id, entry,
                                "record %u, another vCPU's, should be replayed first",
                                rep->runs[rep->run_next]);
    }
    return rep->broken ? -EPROTO : 0;
}

/* True: it came. */
static bool wait_kick(struct vkvm_replay *rep, struct rep_handle *h)
{
    struct timespec deadline;
    uint32_t ms = rep->options.wait_ms < KICK_WAIT_MS ? rep->options.wait_ms : KICK_WAIT_MS;
    deadline_in(ms, &deadline);
    while (ms && !is_kicked(h) && !rep->broken && wait_slice(rep, &deadline))
        ;
    return is_kicked(h);
}

/* Nothing is recorded any more: as if the guest slept. */
static int run_past_end(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call)
{
    struct timespec deadline;
    uint64_t kicks = rep->kicks;
    uint32_t seen = rep->run_next;
    deadline_in(rep->options.wait_ms, &deadline);
    for (;;) {
        if (is_kicked(h) || kicks != rep->kicks)
            return -EINTR;
        if (rep->broken)
            return -EPROTO;
        if (rep->run_next != seen) {
            seen = rep->run_next;
            deadline_in(rep->options.wait_ms, &deadline);
        }
        if (!rep->options.wait_ms || !wait_slice(rep, &deadline))
            break;
    }
    if (rep->trace->info.end == VKVM_TRACE_COMPLETE) {
        int e = rep__diverge(rep, call, VKVM_DIVERGENCE_EXTRA, h->id, -1,
                             "the recording has no more runs of this vCPU");
        if (e < 0)
            return e;
    }
    return -ENODATA;
}

/* The next run of the vCPU. Calls recorded before it that were not made are passed over. */
static int64_t run_entry(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call)
{
    struct trace_entry *entries = rep->trace->entries;
    uint32_t skipped = 0, first = 0, i;
    for (i = h->next; i < h->count && entries[h->entries[i]].type != TRACE_RUN; i++) {
        const struct trace_entry *entry = &entries[h->entries[i]];
        if (!entry->taken && !rep__is_async(entry) && !skipped++)
            first = h->entries[i];
    }
    while (i < h->count &&
           (entries[h->entries[i]].taken || entries[h->entries[i]].type != TRACE_RUN))
        i++; /* after a lenient jump */
    if (i == h->count)
        return -1;
    if (skipped && wait_kick(rep, h))
        return -EINTR;
    if (skipped) {
        int e = rep__diverge(
            rep, call, VKVM_DIVERGENCE_SKIPPED, h->id, first,
            "%u recorded calls were not made, the first is %s", skipped,
            rep__call_name((enum trace_type)entries[first].type, entries[first].request));
        if (e < 0)
            return e;
    }
    uint32_t found = h->entries[i];
    for (i = h->next; i < h->count && h->entries[i] < found; i++)
        if (!rep__is_async(&entries[h->entries[i]]))
            rep__take(rep, h, h->entries[i]);
    return found;
}

int rep__run(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call)
{
    struct trace_record r;
    int64_t entry = run_entry(rep, h, call);
    if (entry == -1)
        return run_past_end(rep, h, call);
    if (entry < 0)
        return (int)entry;
    trace__record(rep->trace, &rep->trace->entries[entry], &r);
    int e = pages_before(rep, h, call, entry, &r);
    if (e < 0)
        return e;
    rep__take(rep, h, (uint32_t)entry);
    e = wait_turn(rep, h, call, (uint32_t)entry);
    if (e >= 0) {
        if (r.result == -EINTR && (r.run_flags & TRACE_RUN_KICKED))
            wait_kick(rep, h);
        pages_after(h, &r);
    }
    rep__run_done(rep, (uint32_t)entry);
    return e < 0 ? e : (int)r.result;
}
