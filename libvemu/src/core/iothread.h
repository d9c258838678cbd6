/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object "iothread": a thread of its own for the requests of devices that ask for it.
 *
 * Devices give it descriptors. When one is readable the thread takes the lock that was given with
 * it (the device's) and calls the function. What a device does there, and what its queues and its
 * block node do because of it, is done on this thread.
 */
#ifndef VEMU_CORE_IOTHREAD_H
#define VEMU_CORE_IOTHREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/object.h"

struct vemu_iothread;
struct vemu_iothread_watch;

struct vemu_iothread_info {
    int thread_id; /* as gettid(2) has it */
    uint64_t poll_max_ns, poll_grow, poll_shrink, aio_max_batch;
};

extern const struct vemu_object_class vemu__iothread_object;

/* NULL: no object of that name, or of another class. */
struct vemu_iothread *vemu__vm_find_iothread(struct vemu_vm *vm, const char *id);
const char *vemu__iothread_id(const struct vemu_iothread *iothread);
/* Context: loop. */
void vemu__iothread_get_info(const struct vemu_iothread *iothread, struct vemu_iothread_info *ret);

/* From now on fn(data) runs on the thread, with `lock` held, while `fd` is readable; fn does not
 * let go of the lock. -errno. Context: any. */
int vemu__iothread_watch(struct vemu_iothread *iothread, int fd, pthread_mutex_t *lock,
                         void (*fn)(void *data), void *data, struct vemu_iothread_watch **ret);
/* fn is not called any more. The watch's lock is held; NULL is fine. Context: not the thread. */
void vemu__iothread_unwatch(struct vemu_iothread_watch *watch);

/* --- what is bounded for all devices of the thread; any context ------------------------------- */
/* Requests that are gathered before the kernel gets them; 0: as the engine likes. */
uint64_t vemu__iothread_max_batch(const struct vemu_iothread *iothread);
/* Worker threads that are made before they are needed. */
unsigned vemu__iothread_min_workers(const struct vemu_iothread *iothread);
/* One more worker thread; false: there are as many as may be. `first`: even so. */
bool vemu__iothread_take_worker(struct vemu_iothread *iothread, bool first);
void vemu__iothread_give_workers(struct vemu_iothread *iothread, unsigned count);

#endif
