/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replayer, shared by its calls (replay.c), finding a call's record (replay-match.c) and
 * KVM_RUN (replay-run.c). Everything is guarded by `lock`.
 */
#ifndef VKVM_SRC_REPLAY_H
#define VKVM_SRC_REPLAY_H

#include <pthread.h>

#include <vkvm/replay.h>

#include "trace-layout.h"
#include "trace.h"

#define REPLAY_FD_BASE 0x40000000 /* no process has so many descriptors */

struct rep_map {
    uint32_t mapping; /* 0: not in use */
    uint8_t *address, *copy;
    size_t length;
    uint64_t offset;
};

/* A descriptor of the recording. */
struct rep_handle {
    struct trace_object object; /* first: children point to it */
    uint32_t id;
    bool open;
    uint32_t *entries;    /* its records, in order */
    uint32_t count, next; /* next: before it, all are taken */
    struct rep_map maps[TRACE_MAX_MAPS];
};

struct rep_adopted {
    int fd;
    uint32_t id;
};

struct vkvm_replay {
    struct vkvm_trace *trace;
    struct vkvm_replay_options options;
    struct vkvm_syscalls sys;
    pthread_mutex_t lock;
    pthread_cond_t changed;     /* a run is done, or a vCPU was kicked */
    struct rep_handle *handles; /* trace->handle_count + 1; [0] has what is on no descriptor */
    uint32_t *entry_pool;
    uint32_t *runs;               /* KVM_RUN records, in order */
    uint32_t run_count, run_next; /* before it, all are done, or ended by kicks */
    uint64_t left;
    struct rep_adopted adopted[16];
    unsigned adopted_count;
    uint64_t kicks;
    bool broken; /* strict, and diverged */
    uint64_t divergences;
    struct vkvm_divergence first;
};

/* A call of the program. */
struct rep_call {
    enum trace_type type;
    unsigned long request;
    void *argument;
    const struct trace_layout *layout;
    struct trace_part parts[TRACE_MAX_PARTS];
    unsigned part_count;
    uint8_t *masked;         /* part 0's input, without addresses; parts[0].in bytes */
    const char *path;        /* OPEN */
    uint64_t length, offset; /* MMAP, PREAD */
    /* What went wrong, for the report after the lock is let go. */
    struct vkvm_divergence divergence;
};

/* --- replay-match.c --- */

/* The record of a call: its entry's number, taken; or -errno when there is none. *ret is decoded. A
 * record that differs is only found when lenient, with call->divergence set; INT64_MAX then stands
 * for an empty one that says it worked. */
int64_t rep__match(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call,
                   struct trace_record *ret);
/* Notes a divergence. Returns -EPROTO; lenient: 0. */
int rep__diverge(struct vkvm_replay *rep, struct rep_call *call, uint32_t kind, uint32_t handle,
                 int64_t entry, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* "KVM_SET_REGS", "open". */
const char *rep__call_name(enum trace_type type, unsigned long request);
void rep__take(struct vkvm_replay *rep, struct rep_handle *h, uint32_t entry);
/* May be called by any thread at any time: not in a fixed place among a vCPU's other calls. */
bool rep__is_async(const struct trace_entry *entry);
/* A KVM_RUN has been replayed, or will not be. */
void rep__run_done(struct vkvm_replay *rep, uint32_t entry);

/* --- replay-run.c --- */

int rep__run(struct vkvm_replay *rep, struct rep_handle *h, struct rep_call *call);

#endif
