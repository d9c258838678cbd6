/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recording a session: every system call libvkvm makes, into a file that vkvm/replay.h plays back.
 *
 *     vkvm_record_new(NULL, "session.vkvm", &record);
 *     vkvm_open_with(vkvm_record_get_syscalls(record), NULL, &kvm);
 *     ... the program ...
 *     vkvm_record_close(record);
 *
 * A file has what the program told the kernel and what the kernel answered, with the contents of
 * the vCPUs' shared pages at each KVM_RUN. It does not have addresses and descriptor numbers of the
 * process, and nothing of guest memory but what calls return of it, such as dirty logs: a program
 * that looks into guest memory which the guest has written will not find the same at replay.
 *
 * The recorder only watches: when it cannot go on (disk full, no memory), the session does, and
 * vkvm_record_get_error() tells. The file is readable up to the last record at any time, also after
 * the process has died.
 */
#ifndef VKVM_RECORD_H
#define VKVM_RECORD_H

#include <stdint.h>

#include <vkvm/syscalls.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_record;

/**
 * vkvm_record_new() - starts a recording
 * @inner: the system calls to make and record; NULL: the real ones. Copied
 * @path: the file, made or replaced, readable by its owner only
 * @ret_record: receives the recorder; end with vkvm_record_close()
 *
 * Errors: -errno from open(2); -EINVAL: the table is not of this version; -ENOSPC, -ENOMEM.
 * Context:
 * any. Since 0.1
 */
int vkvm_record_new(const struct vkvm_syscalls *inner, const char *path,
                    struct vkvm_record **ret_record);
/** The same into a descriptor, open for reading and writing, of a regular file that is empty. The
 * recorder owns it from now on, also on failure. */
int vkvm_record_new_fd(const struct vkvm_syscalls *inner, int fd, struct vkvm_record **ret_record);
/** The table to give to vkvm_open_with() and the like; valid until the recorder is closed. Context:
 * any, and so are the calls of the table, as far as those of `inner` are. */
const struct vkvm_syscalls *vkvm_record_get_syscalls(const struct vkvm_record *record);
/** 0, or -errno: why recording ended early. Context: any. */
int vkvm_record_get_error(const struct vkvm_record *record);
/** Records written so far. Context: any. */
uint64_t vkvm_record_get_count(const struct vkvm_record *record);
/**
 * vkvm_record_add_note() - writes down something else the program depends on
 *
 * Such as a property of the host that decides which calls it makes; vkvm_replay_get_note() tells it
 * at replay. Returns 0 or vkvm_record_get_error(). Context: any. Since 0.1
 */
int vkvm_record_add_note(struct vkvm_record *record, const char *key, const char *value);
/**
 * vkvm_record_finish() - completes the file
 *
 * The table goes on working, unrecorded. Returns 0, or what vkvm_record_get_error() says. Context:
 * any. Since 0.1
 */
int vkvm_record_finish(struct vkvm_record *record);
/** Finishes and frees. All handles made with the table are closed before. NULL is fine. Returns
 * NULL.
 */
struct vkvm_record *vkvm_record_close(struct vkvm_record *record);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
