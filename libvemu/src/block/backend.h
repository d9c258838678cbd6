/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block nodes: what a disk device sees of its image, and what an image format implements.
 *
 * A node has at most one user, a device or another node. Requests are asynchronous: the user owns
 * the request and its buffers until `done` is called.
 *
 * Locking: the user gives its lock when it attaches. Every function below that takes a node which
 * has a user is called with that lock held, and `done` and the user's handlers are called with it
 * held: on the node's I/O thread, or inside vemu__block_kick() and vemu__block_drain() on the
 * caller's. So a node needs no lock for what only its user can reach.
 */
#ifndef VEMU_BLOCK_BACKEND_H
#define VEMU_BLOCK_BACKEND_H

#include <pthread.h>
#include <sys/uio.h>

#include "core/backend.h"
#include "core/device.h"

struct vemu_block;
struct vemu_block_request;

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
    /* the nodes' */
    struct vemu_block_request *next;
    struct vemu_block *block;
    int result;
};

struct vemu_block_user {
    const char *name; /* for people: the device's id */
    void (*batch)(void *data); /* a series of `done` is over */
    void (*resized)(void *data);
};

/* Takes the node. Errors: EBUSY (it has a user), EROFS (`write` and the node is read only). */
int vemu__block_attach(struct vemu_block *block, const struct vemu_block_user *user, void *data,
                       pthread_mutex_t *lock, bool write, struct vemu_error **err);
/* No request may be under way. NULL is fine. */
void vemu__block_detach(struct vemu_block *block);
/* Queues a request; `done` is never called from here. */
void vemu__block_submit(struct vemu_block *block, struct vemu_block_request *req);
/* Starts what was queued. Requests that are ready at once are done before it returns. */
void vemu__block_kick(struct vemu_block *block);
/* Returns when all requests are done. */
void vemu__block_drain(struct vemu_block *block);

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

/* --- node's side ------------------------------------------------------------------------------ */

struct vemu_block_class {
    struct vemu_backend_class base; /* of a struct whose first member is struct vemu_block */
    /* Sets block->size and the flags. Context: loop. */
    int (*open)(struct vemu_block *block, struct vemu_error **err);
    void (*close)(struct vemu_block *block); /* also after an open that failed half-way */
    /* The range was checked; bytes is not 0 except for FLUSH. */
    void (*submit)(struct vemu_block *block, struct vemu_block_request *req);
    void (*kick)(struct vemu_block *block);
    void (*drain)(struct vemu_block *block); /* waits until something is done, if anything is */
    void (*detach)(struct vemu_block *block); /* the user goes; nothing is under way */
    int (*resize)(struct vemu_block *block, uint64_t size); /* NULL: cannot */
};

/* First member of every node's struct. */
struct vemu_block {
    const struct vemu_block_class *class_;
    struct vemu_vm *vm;
    char *id;
    /* set by open */
    uint64_t size;
    bool read_only, can_discard, write_through;
    /* the user */
    const struct vemu_block_user *user;
    void *user_data;
    pthread_mutex_t *user_lock;
    struct vemu_block *child; /* node this one stands on: has its lock, and is locked by it */
    bool with_parent;         /* made together with the node above, and goes with it */
    bool with_medium;         /* made for a drive, and goes when it is taken out */
    unsigned in_flight;       /* requests that `done` was not called for */
    struct vemu_block_request *refused, **refused_last; /* done with an error at the next kick */
    struct vemu_block_stats stats;
    int64_t error_second; /* of the last error that was told */
};

/* NULL-terminated table in core/registry.c. */
extern const struct vemu_backend_class *const vemu__block_classes[];
extern const struct vemu_backend_kind vemu__block_kind;
extern const struct vemu_block_class vemu__block_file, vemu__block_raw;

/* A request has come back: counts it and calls `done`. The user's lock is held. */
void vemu__block_complete(struct vemu_block_request *req, int result);

/* --- the VM's nodes --------------------------------------------------------------------------- */
struct vemu_block *vemu__vm_find_block(struct vemu_vm *vm, const char *id);
void vemu__block_free(struct vemu_block *block);

#endif
