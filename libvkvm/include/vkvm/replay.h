/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replaying a recorded session: a table of system calls that answers from a file, with no /dev/kvm.
 *
 *     vkvm_replay_open("session.vkvm", NULL, &replay);
 *     vkvm_open_with(vkvm_replay_get_syscalls(replay), NULL, &kvm);
 *     ... the same program ...
 *     vkvm_replay_close(replay);
 *
 * Each descriptor plays its own records, so threads need not come in the recorded order; KVM_RUN
 * calls do: one returns when those that returned before it have. A run that a kick ended waits for
 * the program's kick. Calls on one VM from several threads may change places. Descriptors are
 * numbers only; guest memory is never touched; signals are not sent.
 *
 * What the program gives is compared with what was given: arguments but for addresses and
 * descriptors, and the vCPUs' shared pages. A difference is a divergence, described in words.
 */
#ifndef VKVM_REPLAY_H
#define VKVM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/syscalls.h>
#include <vkvm/trace.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_replay;

/** What a divergence is. */
enum vkvm_divergence_kind {
    VKVM_DIVERGENCE_CALL = 1,     /* something else was called here */
    VKVM_DIVERGENCE_ARGUMENT = 2, /* the call, with another argument */
    VKVM_DIVERGENCE_ANSWER = 3,   /* the vCPU's shared page differs before KVM_RUN */
    VKVM_DIVERGENCE_SKIPPED = 4,  /* recorded calls on the vCPU were not made before KVM_RUN */
    VKVM_DIVERGENCE_EXTRA = 5,    /* the recording has no more such calls */
    VKVM_DIVERGENCE_STALLED = 6,  /* the other vCPUs did not come as far as recorded */
    VKVM_DIVERGENCE_SIZE = 7,     /* what was returned then does not fit now */
};

/**
 * struct vkvm_divergence - one difference
 * @size: sizeof(struct vkvm_divergence), set by who provides the memory
 * @kind: enum vkvm_divergence_kind
 * @order: the record's position in the file; UINT64_MAX: none
 * @handle: number of the descriptor in the recording; 0: none
 * @part, @offset: where in the argument (ARGUMENT), or the offset in the mapping (ANSWER)
 * @request: the ioctl; 0: another system call
 * @recorded, @replayed: the byte there
 * @text: one line for a person
 */
struct vkvm_divergence {
    uint32_t size;
    uint32_t kind;
    uint64_t order;
    uint64_t request;
    uint64_t offset;
    uint32_t handle;
    uint32_t part;
    uint32_t recorded, replayed;
    char text[200];
};

/** Go on after a divergence: KVM_RUN gives the next recorded exit, other calls what comes nearest
 * among the recorded; capabilities not asked for then are not there, calls that only set something
 * work, and what has no answer at all is -ENOENT. Without it, the call fails with -EPROTO, and so
 * does every later one. */
#define VKVM_REPLAY_LENIENT (1u << 0)

/**
 * struct vkvm_replay_options - how to replay
 * @size: sizeof(struct vkvm_replay_options)
 * @flags: VKVM_REPLAY_LENIENT; other bits are -EINVAL
 * @wait_ms: how long a KVM_RUN waits for other threads, milliseconds; 0: not at all
 * @report, @data: called for each divergence, with no lock held, on the thread of the call; may be
 * NULL
 */
struct vkvm_replay_options {
    uint32_t size;
    uint32_t flags;
    uint32_t wait_ms;
    uint32_t reserved; /* 0 */
    void (*report)(void *data, const struct vkvm_divergence *divergence);
    void *data;
};

/**
 * vkvm_replay_open() - prepares to replay a file
 * @options: NULL: strict, waiting at most 10 seconds
 *
 * Errors: those of vkvm_trace_open(); -EINVAL: options; -ENOEXEC: recorded on another architecture.
 * A file that is cut off replays up to there; then calls fail with -ENODATA. Context: any.
 * Since 0.1
 */
int vkvm_replay_open(const char *path, const struct vkvm_replay_options *options,
                     struct vkvm_replay **ret_replay);
/** The same from memory, which is copied. */
int vkvm_replay_load(const void *bytes, size_t size, const struct vkvm_replay_options *options,
                     struct vkvm_replay **ret_replay);
/** The table to give to vkvm_open_with() and the like; valid until vkvm_replay_close(). */
const struct vkvm_syscalls *vkvm_replay_get_syscalls(const struct vkvm_replay *replay);
/** About the file. -EINVAL: ret_info->size is too small. */
int vkvm_replay_get_info(const struct vkvm_replay *replay, struct vkvm_trace_info *ret_info);
/** The value of the first note with this key: copied to `buffer` when it fits with its NUL. Returns
 * its length, or -ENOENT. Context: any. Since 0.1 */
int vkvm_replay_get_note(struct vkvm_replay *replay, const char *key, char *buffer, size_t size);
/** How many divergences there were. Context: any. */
uint64_t vkvm_replay_get_divergences(struct vkvm_replay *replay);
/** The first one: 0, -ENODATA when there was none, -EINVAL. Context: any. */
int vkvm_replay_get_first_divergence(struct vkvm_replay *replay,
                                     struct vkvm_divergence *ret_divergence);
/** Records and KVM_RUNs not replayed yet. Context: any. */
uint64_t vkvm_replay_get_left(struct vkvm_replay *replay, uint64_t *ret_runs);
/** Frees. All handles made with the table are closed before. NULL is fine. Returns NULL. */
struct vkvm_replay *vkvm_replay_close(struct vkvm_replay *replay);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
