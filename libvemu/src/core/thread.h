/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own threads: named, small stacks, no signals, each belonging to one VM.
 */
#ifndef VEMU_CORE_THREAD_H
#define VEMU_CORE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct vemu_vm;

/* Starts a thread of `vm`. `name` is copied (15 characters are kept). -errno on failure. */
int vemu__thread_start(struct vemu_vm *vm, const char *name, void *(*fn)(void *arg), void *arg,
                       pthread_t *ret);
/* The VM the calling thread belongs to; NULL for the application's threads. */
struct vemu_vm *vemu__thread_vm(void);
/* An application's thread does work of the VM's loop (or NULL: no longer). */
void vemu__thread_set_vm(struct vemu_vm *vm);

/* Takes the lock, however long that takes, unless *quit is set meanwhile: then returns false. For a
 * thread whose end somebody waits for who holds the lock. */
bool vemu__lock_unless(pthread_mutex_t *lock, const atomic_bool *quit);

/* A condition variable whose timed waits use CLOCK_MONOTONIC. */
void vemu__cond_init(pthread_cond_t *cond);

#endif
