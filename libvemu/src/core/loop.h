/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's event loop: calls from other threads, file descriptors, in a thread of its own.
 */
#ifndef VEMU_CORE_LOOP_H
#define VEMU_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct vemu_vm;
struct vemu_loop;

/* Starts the thread "vemu-loop". -errno on failure. */
int vemu__loop_new(struct vemu_vm *vm, struct vemu_loop **ret);
/* Ends and joins the thread; calls that wait for it get -ESHUTDOWN. Context: not the loop. */
void vemu__loop_stop(struct vemu_loop *loop);
/* After vemu__loop_stop(). NULL is fine. */
void vemu__loop_free(struct vemu_loop *loop);
bool vemu__loop_is_current(struct vemu_loop *loop);

/* Runs fn on the loop thread and returns its result; directly when already there. -EDEADLK from
 * another thread of the same VM (it might wait for itself), -ESHUTDOWN after vemu__loop_stop(). */
int vemu__loop_call(struct vemu_loop *loop, int (*fn)(void *data), void *data);

/* Runs fn on the loop thread soon. free_fn (may be NULL) runs exactly once: after fn, or when the
 * loop ended before. Order is kept. Context: any. */
void vemu__loop_post(struct vemu_loop *loop, void (*fn)(void *data), void *data,
                     void (*free_fn)(void *data));

/* A descriptor watched by the loop. fn gets POLLIN, POLLOUT, POLLRDHUP, POLLHUP, POLLERR ... */
struct vemu_watch;
typedef void (*vemu_watch_fn)(void *data, uint32_t revents);
/* Context: loop. */
struct vemu_watch *vemu__watch_new(struct vemu_loop *loop, int fd, uint32_t events,
                                   vemu_watch_fn fn, void *data);
/* What to wait for; 0: nothing, not even POLLHUP. Context: any. */
void vemu__watch_set(struct vemu_watch *watch, uint32_t events);
/* fn is not called any more. NULL is fine. Context: loop, or after vemu__loop_stop(). */
void vemu__watch_free(struct vemu_watch *watch);

/* Calls fn once after `delay_ms`, on the loop; freed by vemu__delay_free(), also after it fired. */
struct vemu_delay;
struct vemu_delay *vemu__delay_new(struct vemu_loop *loop, unsigned delay_ms,
                                   void (*fn)(void *data), void *data);
void vemu__delay_free(struct vemu_delay *delay);

#endif
