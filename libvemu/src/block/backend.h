/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block nodes: what a disk device sees of its image (image/).
 *
 * A node has at most one user, a device or another node. Requests are asynchronous: the user owns
 * the request and its buffers until `done` is called. What the kernel can do by itself (the image
 * says where the bytes are in a file) goes to io_uring; everything else is done by worker threads,
 * which call the image. The nodes that a node stands on have no part in its requests: it has their
 * images.
 *
 * Locking: the user gives its lock when it attaches. Every function below that takes a node which
 * has a user is called with that lock held, and `done` and the user's handlers are called with it
 * held: on the user's iothread or a thread of the node, or inside vemu__block_kick() and
 * vemu__block_drain() on the caller's. So a node needs no lock for what only its user can reach.
 */
#ifndef VEMU_BLOCK_BACKEND_H
#define VEMU_BLOCK_BACKEND_H

#include <pthread.h>
#include <sys/uio.h>

#include "core/backend.h"
#include "core/device.h"
#include "image/image.h"
#include "image/options.h"

struct vemu_block;
struct vemu_block_request;
struct vemu_job;
struct vemu_throttle_group;
struct vemu_throttle_limits;

/* --- user's side ------------------------------------------------------------------------------ */

enum vemu_block_op {
    VEMU_BLOCK_READ,
    VEMU_BLOCK_WRITE,
    VEMU_BLOCK_FLUSH,   /* what was completed before survives a power failure */
    VEMU_BLOCK_DISCARD, /* contents become undefined */
    VEMU_BLOCK_ZERO,    /* contents become zeros */
};
#define VEMU_BLOCK_FUA   (1u << 0) /* WRITE, ZERO: on stable storage when done */
#define VEMU_BLOCK_UNMAP (1u << 1) /* ZERO: may free the space */

struct vemu_block_request {
    enum vemu_block_op op;
    uint32_t flags;
    uint64_t offset, bytes; /* multiples of the node's request alignment are fastest; any work */
    struct iovec *iov;      /* READ, WRITE: `bytes` in total, at most IOV_MAX entries */
    unsigned iov_count;
    /* result: 0 or -errno (-EINVAL: outside the node, -EROFS, -ENOSPC, -EIO ...) */
    void (*done)(struct vemu_block_request *req, int result);
    /* the node's */
    struct vemu_block_request *next;
    struct vemu_block *block;
    int result;
    struct vemu_image_span span; /* while the kernel has it */
};

struct vemu_iothread;

struct vemu_block_user {
    const char *name;          /* for people: the device's id */
    void (*batch)(void *data); /* a series of `done` is over */
    void (*resized)(void *data);
    /* What becomes of errors: "report", "ignore", "stop", for writes "enospc"; "auto" and NULL
     * leave it to the node. Read when attaching. */
    const char *rerror, *werror;
    /* Where completions are called; NULL: a thread of the node. */
    struct vemu_iothread *iothread;
};

/* Takes the node. Errors: EBUSY (it has a user), EROFS (`write` and the node is read only), EINVAL
 * (rerror, werror). */
int vemu__block_attach(struct vemu_block *block, const struct vemu_block_user *user, void *data,
                       pthread_mutex_t *lock, bool write, struct vemu_error **err);
/* No request may be under way. NULL is fine. */
void vemu__block_detach(struct vemu_block *block);
/* Queues a request; `done` is never called from here. */
void vemu__block_submit(struct vemu_block *block, struct vemu_block_request *req);
/* Starts what was queued. Requests that are ready at once are done before it returns. */
void vemu__block_kick(struct vemu_block *block);
/* Returns when all requests are done, also those that an error policy held back: they fail. */
void vemu__block_drain(struct vemu_block *block);
/* The machine halts: as above, but what was held back stays, until the machine goes on. */
void vemu__block_pause(struct vemu_block *block);
/* Returns when no request is under way; those that come are held until vemu__block_release().
 * Without the user's lock. Context: loop. */
void vemu__block_quiesce(struct vemu_block *block);
void vemu__block_release(struct vemu_block *block);

uint64_t vemu__block_size(const struct vemu_block *block); /* bytes */
bool vemu__block_read_only(const struct vemu_block *block);
bool vemu__block_can_discard(const struct vemu_block *block);
/* Whether writes are on stable storage when done (cache=writethrough, directsync). */
bool vemu__block_write_through(const struct vemu_block *block);
const char *vemu__block_id(const struct vemu_block *block);

struct vemu_block_stats {
    uint64_t ops[5], bytes[5], errors[5]; /* by enum vemu_block_op */
};
void vemu__block_get_stats(const struct vemu_block *block, struct vemu_block_stats *ret);

/* --- what becomes of errors ------------------------------------------------------------------- */

enum vemu_block_policy {
    VEMU_BLOCK_REPORT, /* the guest is told */
    VEMU_BLOCK_IGNORE, /* the request counts as done */
    VEMU_BLOCK_STOP,   /* the machine stops; the request is made again when it goes on */
    VEMU_BLOCK_ENOSPC, /* stop when there is no space left, else report */
};

/* The properties of a device that has these two strings. */
#define VEMU_PROP_BLOCK_POLICY(struct_, rerror_, werror_)                                          \
    VEMU_PROP(struct_, rerror_, "rerror", STRING, "auto",                                          \
              "when a read fails: report, ignore, stop, or auto: as the drive has it"),            \
        VEMU_PROP(                                                                                 \
            struct_, werror_, "werror", STRING, "auto",                                            \
            "when a write fails: report, ignore, stop, enospc, or auto: as the drive has it")

/* --- the node --------------------------------------------------------------------------------- */

enum vemu_block_zeroes { VEMU_BLOCK_ZEROES_OFF, VEMU_BLOCK_ZEROES_ON, VEMU_BLOCK_ZEROES_UNMAP };

struct vemu_block {
    struct vemu_vm *vm;
    char *id;
    struct vemu_image *image;
    char *driver;                 /* as given: "auto" ... */
    char *filename;               /* of an image that a job brought; NULL: the options say it */
    struct image_options options; /* of the driver */
    /* properties of every node, by declaration in node.c */
    struct vemu_block *file_node, *backing_node; /* below; NULL: the image has its own, or none */
    char *aio_name, *discard, *detect_zeroes_name, *rerror, *werror, *throttle_group;
    bool want_read_only, auto_read_only, direct, no_flush, write_back, force_share;
    /* from them */
    int aio_kind; /* enum vemu_aio_kind */
    enum vemu_block_zeroes detect_zeroes;
    enum vemu_block_policy policy[2], user_policy[2]; /* of reads, of writes */
    bool read_only, can_discard, no_backing;
    int flush_fd;
    /* the user */
    const struct vemu_block_user *user;
    void *user_data;
    pthread_mutex_t *user_lock;
    struct vemu_aio *aio; /* while there is a user; made at the first request */
    bool with_parent;     /* made together with the node above, and goes with it */
    bool with_medium;     /* made for a drive, and goes when it is taken out */
    unsigned in_flight;   /* requests that `done` was not called for, without those held back */
    struct vemu_block_request *refused, **refused_last; /* done with an error at the next kick */
    struct vemu_block_request *held, **held_last;       /* until the machine goes on */
    bool no_holding;                                    /* a drain: errors are final */
    bool quiesced;                                      /* requests are held */
    struct vemu_block_stats stats;
    int64_t error_second; /* of the last error that was told */
    int io_error;         /* -errno that stopped the machine, until it goes on; 0: none */
    /* limits, tune.c; changed while the node is quiesced */
    struct vemu_throttle_group *tune; /* NULL: none */
    char *tune_name;                  /* shared with other nodes; NULL: not */
    unsigned hurried;                 /* the group's lock */
    /* jobs; changed by the loop */
    struct vemu_job *job; /* that works on this disk; NULL: none */
    const char *claimed;  /* id of the job that writes to it as its target; NULL: none */
};

/* What every node has, whatever its driver. */
extern const struct vemu_prop vemu__block_props[];
extern const struct vemu_backend_kind vemu__block_kind;

/* A request has come back: counts it and calls `done`, or holds it. The user's lock is held. */
void vemu__block_complete(struct vemu_block_request *req, int result);
/* node.c: makes a node from "driver" and all its options, and nodes below it ("file.driver" ...).
 * Context: loop. */
int vemu__block_add(struct vemu_vm *vm, const char *driver, const char *id,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err);
/* Somebody is going to write: a node with auto-read-only is opened for that now, if it can be.
 * Nothing uses it yet. Context: loop. */
int vemu__block_want_write(struct vemu_block *block, struct vemu_error **err);
/* Opens the image again, for writing or not, whatever the options say; its backing image stays.
 * Nobody else has a reference to the image. On failure it is as it was. Context: loop. */
int vemu__block_reopen(struct vemu_block *block, bool write, struct vemu_error **err);
/* Who has the node besides a device: the message of -EBUSY; 0: nobody. Context: loop. */
int vemu__block_check_free(const struct vemu_block *block, struct vemu_error **err);
/* The node that stands on this one; NULL: none. Context: loop. */
struct vemu_block *vemu__block_parent(const struct vemu_block *block);

/* tune.c: so much in a second from now on, no limit: as before. name: limits that all nodes of this
 * name share, which become these for all; NULL: its own. -EINVAL. Context: loop. */
int vemu__block_tune(struct vemu_block *block, const struct vemu_throttle_limits *limits,
                     const char *name, struct vemu_error **err);
/* Waits until there is room for a request. Context: io. */
void vemu__block_wait_tune(struct vemu_block *block, const struct vemu_block_request *req);

/* threshold.c: what VEMU_EVENT_BLOCK_THRESHOLD tells, once; bytes 0: nothing. Context: loop. */
void vemu__block_set_threshold(struct vemu_block *block, uint64_t bytes);
/* 0: there is none, or it was exceeded. */
uint64_t vemu__block_get_threshold(const struct vemu_block *block);

/* --- the VM's nodes --------------------------------------------------------------------------- */
struct vemu_block *vemu__vm_find_block(struct vemu_vm *vm, const char *id);
void vemu__block_free(struct vemu_block *block);
/* The machine goes on: so do requests that were held back. Context: loop. */
void vemu__blocks_resume(struct vemu_vm *vm);

#endif
