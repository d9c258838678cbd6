/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a character back-end implements and may use.
 *
 * Most back-ends are streams: descriptors that stream.c reads and writes. The back-end opens them,
 * hands them over with vemu__chardev_stream_start() and hears from `lost` when the other side is
 * gone. Others (ring, callback) keep bytes in memory.
 *
 * Locking: chr->lock guards the fields marked so and is held around `write`. It comes after the
 * front end's lock; nothing is called with it held. All else belongs to the loop thread.
 */
#ifndef VEMU_CHARDEV_BACKEND_H
#define VEMU_CHARDEV_BACKEND_H

#include <sys/types.h>

#include "chardev/bytes.h"
#include "chardev/chardev.h"
#include "core/backend.h"
#include "core/loop.h"

struct vemu_chardev_class {
    struct vemu_backend_class base; /* of a struct whose first member is struct vemu_chardev */
    unsigned drain_ms; /* how long closing may wait for output that was taken already */
    /* Context of all but write: loop. */
    int (*open)(struct vemu_chardev *chr, struct vemu_error **err);
    /* Also after an open that failed half-way. */
    void (*close)(struct vemu_chardev *chr);
    /* Frees what the instance owns beyond its properties. May be NULL. Context: any. */
    void (*fini)(struct vemu_chardev *chr);
    /* Takes what it can without blocking: 0 when that is nothing now, -errno when the peer is gone.
     * Context: any, chr->lock held. NULL: output is dropped. */
    ssize_t (*write)(struct vemu_chardev *chr, const void *buf, size_t size);
    /* As read(2) on in_fd, without blocking. *ret_fd: a descriptor that came along, -1: none; NULL:
     * none is wanted. May be NULL: read(2). Context: loop, the front end's lock held. */
    ssize_t (*read)(struct vemu_chardev *chr, void *buf, size_t size, int *ret_fd);
    /* Hands out buffered output where that is not by `write`. NULL: by write. */
    void (*flush)(struct vemu_chardev *chr);
    /* Looks at and changes input in place; returns what is left of it. The front end's lock is
     * held. May be NULL. */
    size_t (*filter)(struct vemu_chardev *chr, uint8_t *buf, size_t size);
    /* Stream: end of file or error; the stream still stands. May be NULL: input just ends. */
    void (*lost)(struct vemu_chardev *chr);
    /* Stream: the peer hung up, but the front end has no room for its last input. May be NULL. */
    void (*hung_up)(struct vemu_chardev *chr);
};

/* First member of every back-end's struct. */
struct vemu_chardev {
    const struct vemu_chardev_class *class_;
    struct vemu_vm *vm;
    char *id;
    char *filename; /* as vemu_chardev_get_filename() shows it; under lock */
    char *log_path; /* properties of all classes: VEMU_CHARDEV_PROPS */
    bool log_append;

    pthread_mutex_t lock;
    pthread_cond_t cond; /* open, closed or wait_connected changed */
    /* the front end; changed on the loop with `lock` held */
    const struct vemu_chardev_handlers *handlers;
    void *fe_data;
    pthread_mutex_t *fe_lock;
    bool fe_open; /* it was told OPENED; loop */
    bool hidden;  /* from clients of the monitor; loop */
    /* under lock */
    bool open;           /* there is a peer */
    bool fe_idle;        /* the front end does not listen */
    bool closed;         /* for good */
    bool wait_connected; /* vemu_vm_add_chardev() waits for a peer */
    bool broken;         /* the peer takes no output any more: drop it */
    bool in_held;        /* the front end had no room */
    bool out_refused;    /* the front end waits for `writable` */
    bool flush_posted, deliver_posted;
    int64_t first_write; /* vemu__times_now() of the first byte; 0: none yet */
    struct vemu_bytes out, in;
    int log_fd; /* -1: none */
    /* stream */
    int in_fd, out_fd; /* borrowed from the back-end; -1: none */
    struct vemu_watch *in_watch, *out_watch; /* the same when the descriptors are */
    bool hup;
};

/* Ends a class's table of properties. */
#define VEMU_CHARDEV_PROPS                                                                         \
    VEMU_PROP(struct vemu_chardev, log_path, "logfile", STRING, NULL,                              \
              "where output goes as well"),                                                        \
        VEMU_PROP(struct vemu_chardev, log_append, "logappend", BOOL, "off",                       \
                  "keep what logfile holds already"),                                              \
        VEMU_PROP_END

/* NULL-terminated table in core/registry.c. */
extern const struct vemu_backend_class *const vemu__chardev_classes[];
extern const struct vemu_backend_kind vemu__chardev_kind;
extern const struct vemu_chardev_class vemu__chardev_null, vemu__chardev_stdio, vemu__chardev_file,
    vemu__chardev_pipe, vemu__chardev_pty, vemu__chardev_serial, vemu__chardev_socket,
    vemu__chardev_tty, vemu__chardev_udp, vemu__chardev_ring, vemu__chardev_callback;

/* --- chardev.c -------------------------------------------------------------------------------- */
/* There is a peer, or none any more; tells the front end. Context: loop, no lock held. */
void vemu__chardev_set_open(struct vemu_chardev *chr, bool open);
/* Context: loop, the front end's lock held (from `filter`). */
void vemu__chardev_break_locked(struct vemu_chardev *chr);
/* Input from outside the loop: what fits is taken and delivered soon. Context: any. */
size_t vemu__chardev_push(struct vemu_chardev *chr, const void *buf, size_t size);
/* Takes the front end's lock around work with its handlers. Context: loop. */
const struct vemu_chardev_handlers *vemu__chardev_fe_enter(struct vemu_chardev *chr);
void vemu__chardev_fe_leave(struct vemu_chardev *chr);
/* Something of `out` has gone: a front end that was refused may go on. Context: loop. */
void vemu__chardev_out_progress(struct vemu_chardev *chr);

/* When the front end wrote its first byte (vemu__times_now(); 0: not yet), and forgetting it. */
int64_t vemu__chardev_first_write(struct vemu_chardev *chr);
void vemu__chardev_forget_first(struct vemu_chardev *chr);

void vemu__chardev_set_filename(struct vemu_chardev *chr, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- log.c ------------------------------------------------------------------------------------ */
/* Context: loop. */
int vemu__chardev_log_open(struct vemu_chardev *chr, struct vemu_error **err);
/* chr->lock is held. */
void vemu__chardev_log_locked(struct vemu_chardev *chr, const void *buf, size_t size);
void vemu__chardev_log_close_locked(struct vemu_chardev *chr);

/* --- ring.c, callback.c ----------------------------------------------------------------------- */
size_t vemu__chardev_ring_read(struct vemu_chardev *chr, void *buf, size_t size);
struct vemu_chardev_callback {
    void (*fn)(void *data, const void *buf, size_t size);
    void *data;
    void (*free_fn)(void *data);
    bool taken; /* the chardev owns data now */
};
void vemu__chardev_callback_setup(struct vemu_chardev *chr, void *data);

/* --- stream.c --------------------------------------------------------------------------------- */
/* Reads from in_fd and writes to out_fd (both non-blocking or never blocking; -1: none; may be the
 * same) until vemu__chardev_stream_stop(). Opens the chardev. Context: loop. */
void vemu__chardev_stream_start(struct vemu_chardev *chr, int in_fd, int out_fd);
/* The descriptors are the back-end's again. Closes the chardev; buffered output is dropped. */
void vemu__chardev_stream_stop(struct vemu_chardev *chr);
/* Tries to get rid of buffered output for up to `timeout_ms`. */
void vemu__chardev_stream_drain(struct vemu_chardev *chr, unsigned timeout_ms);
/* write(2) on out_fd, for class->write. */
ssize_t vemu__chardev_stream_write(struct vemu_chardev *chr, const void *buf, size_t size);
void vemu__chardev_stream_flush(struct vemu_chardev *chr);
/* What to wait for has changed. chr->lock is held. */
void vemu__chardev_stream_update_locked(struct vemu_chardev *chr);

#endif
