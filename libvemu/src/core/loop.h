/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's event loop: calls from other threads, file descriptors, in a thread of its own or in
 * one that the application lends.
 */
#ifndef VEMU_CORE_LOOP_H
#define VEMU_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct vemu_vm;
struct vemu_loop;

/* Starts the thread "vemu-loop", or takes the calling one (`lent`). -errno on failure. */
int vemu__loop_new(struct vemu_vm *vm, bool lent, struct vemu_loop **ret);
/* Ends and joins the thread, or waits until a lent one is out of vemu__loop_serve(); calls that
 * wait for it get -ESHUTDOWN. Context: not a callback of the loop. */
void vemu__loop_stop(struct vemu_loop *loop);
/* After vemu__loop_stop(). NULL is fine. */
void vemu__loop_free(struct vemu_loop *loop);
bool vemu__loop_is_current(struct vemu_loop *loop);
/* The calling thread is the loop's, and is lent: waiting for the loop means serving it. */
bool vemu__loop_is_lent(struct vemu_loop *loop);
/* Does the loop's work until done(data) (1), `fd` polls readable (0; -1: none) or the time is up
 * (-ETIMEDOUT; < 0: never). -ESHUTDOWN: the loop ended; -EDEADLK: from a callback. Context: the
 * lent thread. */
int vemu__loop_serve(struct vemu_loop *loop, int fd, int timeout_ms, bool (*done)(void *data),
                     void *data);

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
