/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Character back-ends as devices see them, and as back-ends implement them.
 *
 * A chardev has at most one front end (a serial port, a monitor). Output goes through
 * vemu_chardev_write(), which never blocks; when the back-end cannot take more, the front end is
 * told by `writable` when it can again. Input arrives by `input` as far as `input_room` allows.
 */
#ifndef VEMU_CHARDEV_CHARDEV_H
#define VEMU_CHARDEV_CHARDEV_H

#include "core/device.h"

enum vemu_chardev_event { VEMU_CHARDEV_OPENED, VEMU_CHARDEV_CLOSED, VEMU_CHARDEV_BREAK };

/* Front end's handlers. Context: loop thread, holding `lock` if given. */
struct vemu_chardev_handlers {
    size_t (*input_room)(void *data); /* bytes the front end can take now */
    void (*input)(void *data, const uint8_t *buf, size_t size);
    void (*event)(void *data, enum vemu_chardev_event event);
    void (*writable)(void *data);
    /* A descriptor came with the input that follows (SCM_RIGHTS); the front end owns it. NULL: it
     * wants none, and none is taken from the peer. */
    void (*descriptor)(void *data, int fd);
};

/* Takes the chardev; -EBUSY when it has a front end. `lock` (or NULL) is held around handlers. */
int vemu_chardev_attach(struct vemu_chardev *chr, const struct vemu_chardev_handlers *handlers,
                        void *data, pthread_mutex_t *lock);
void vemu_chardev_detach(struct vemu_chardev *chr);
/* Returns the number of bytes taken, 0..size; less than size: wait for `writable`. A back-end
 * without a peer (pty nobody opened, socket not connected) takes and drops everything. Context:
 * any. */
size_t vemu_chardev_write(struct vemu_chardev *chr, const void *buf, size_t size);
/* The front end has room again: input that was held back may flow. Context: any. */
void vemu_chardev_input_ready(struct vemu_chardev *chr);
bool vemu_chardev_is_open(struct vemu_chardev *chr);
const char *vemu__chardev_id(const struct vemu_chardev *chr);
/* Whether somebody is attached. Context: any. */
bool vemu__chardev_has_front(struct vemu_chardev *chr);
/* Whether somebody is attached and listens: a port of a guest that nobody there has open does not,
 * and says so. An attached front end listens unless it says something else. Context: any. */
void vemu__chardev_set_front_open(struct vemu_chardev *chr, bool open);
bool vemu__chardev_is_front_open(struct vemu_chardev *chr);
/* Its maker keeps it for itself: clients of the monitor neither see nor remove it. Context:
 * loop. */
void vemu__chardev_hide(struct vemu_chardev *chr);
bool vemu__chardev_is_hidden(const struct vemu_chardev *chr);

#endif
