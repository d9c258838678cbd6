/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A copy that is under way.
 */
#ifndef VEMU_IMAGE_COPY_H
#define VEMU_IMAGE_COPY_H

#include <inttypes.h>
#include <pthread.h>

#include "image/image.h"

#define COPY_CHUNK     (512u << 10) /* read and written at once: stays in a CPU's cache */
#define COPY_MAX_ALIGN 65536u

enum vemu__copy_kind {
    COPY_SKIP, /* the target's backing image has it */
    COPY_ZERO,
    COPY_DATA,
};

/* Places are those of the source. */
struct vemu__copy_piece {
    enum vemu__copy_kind kind;
    uint64_t offset, bytes;
};

struct vemu__copy_slot {
    struct vemu__copy_piece piece;
    uint8_t *buf;
    bool ready; /* read, not written yet */
};

struct vemu__copy {
    struct vemu_image *source, *target;
    struct vemu_image_copy_options options;
    const struct vemu_progress *progress;
    uint64_t start, end; /* of the source */
    uint64_t delta;      /* what a place of the target is more; may wrap */
    uint32_t align;      /* a power of two: places of the target where pieces are cut */
    uint32_t sparse;
    size_t chunk; /* a multiple of align */
    bool ordered;
    bool hints; /* of the one thread that writes in order */
    struct vemu_image_span hint_span;
    uint64_t hinted; /* place in the file */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;  /* `written` or `error` has changed */
    uint64_t planned;     /* pieces up to here were given out */
    struct {
        enum vemu__copy_kind kind;
        uint64_t end;
    } ahead; /* the extent at `planned`, if its end is behind that */
    struct vemu__copy_slot *ring;
    unsigned ring_size, started;
    uint64_t taken, written; /* slots of the ring so far */
    bool writing, reporting;
    uint64_t done;    /* bytes */
    uint64_t next_us; /* when the speed limit lets the next piece pass */
    int error;        /* -errno */
    struct vemu_error *message;
};

/* The next piece; false: there is none, or an error happened. */
bool vemu__copy_plan_locked(struct vemu__copy *c, struct vemu__copy_piece *ret);
/* Around the copy, and before so many bytes are written to the target. */
void vemu__copy_hint_begin(struct vemu__copy *c);
void vemu__copy_hint(struct vemu__copy *c, uint64_t offset, uint64_t bytes);
void vemu__copy_hint_end(struct vemu__copy *c);
/* Ends the copy. `what`: "reading"; NULL: canceled. */
int vemu__copy_fail_locked(struct vemu__copy *c, int code, const char *what, uint64_t offset);

#endif
