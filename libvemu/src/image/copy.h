/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A copy that is under way.
 */
#ifndef VEMU_IMAGE_COPY_H
#define VEMU_IMAGE_COPY_H

#include <inttypes.h>

#include "image/image.h"
#include "image/work.h"

#define COPY_CHUNK       (512u << 10) /* read and written at once: stays in a CPU's cache */
#define COPY_CHUNK_WAITS (1u << 20)   /* the same where requests wait for a device */
#define COPY_MAX_ALIGN   65536u

enum vemu__copy_kind {
    COPY_SKIP, /* the target's backing image has it */
    COPY_ZERO,
    COPY_DATA,
};

enum vemu__copy_order {
    COPY_ANY,   /* each thread writes what it has read */
    COPY_TURNS, /* the same, and places in the target are taken in order before */
    COPY_SERIAL /* one thread at a time writes, in order */
};

/* Places are those of the source. */
struct vemu__copy_piece {
    enum vemu__copy_kind kind;
    uint64_t offset, bytes;
    uint64_t kind_end; /* as far as is known, all is of that kind up to here */
};

/* A part of a piece of data. */
struct vemu__copy_run {
    uint32_t bytes;
    bool zero;
};

struct vemu__copy_slot {
    struct vemu__copy_piece piece;
    uint8_t *buf;
    struct vemu__copy_run *runs;
    unsigned run_count;
};

struct vemu__copy_hints {
    struct vemu_image *file; /* which is asked for space; NULL: none is */
    struct vemu_image_span span;
    uint64_t window; /* asked for at once, 0: nothing any more; with work.lock */
    uint64_t hinted; /* up to here; with work.lock */
};

struct vemu__copy {
    struct vemu_image *source, *target;
    struct vemu_image_copy_options options;
    uint64_t start, end; /* of the source */
    uint64_t delta;      /* what a place of the target is more; may wrap */
    uint32_t align;      /* a power of two: places of the target where pieces are cut */
    uint32_t sparse;
    size_t chunk; /* a power of two, and a multiple of align */
    enum vemu__copy_order order;

    struct vemu__work work; /* its lock is for all below; `turn` changes: its wake */
    struct vemu__copy_hints hints;
    uint64_t planned; /* pieces up to here were given out */
    struct {
        enum vemu__copy_kind kind;
        uint64_t end;
    } ahead; /* the extent at `planned`, if its end is behind that */
    struct vemu__copy_slot *slots;
    void *memory; /* the slots' buffers */
    size_t memory_size;
    unsigned slot_count, started;
    uint64_t taken;        /* turns that were given out */
    _Atomic uint64_t turn; /* whose it is */
    uint64_t next_us;      /* when the speed limit lets the next piece pass */
};

/* --- copy-plan.c ------------------------------------------------------------------------------ */

/* The next piece; false: there is none, or an error happened. */
bool vemu__copy_plan_locked(struct vemu__copy *c, struct vemu__copy_piece *ret);

/* --- copy-hint.c ------------------------------------------------------------------------------ */

/* Around the copy. */
void vemu__copy_hint_begin(struct vemu__copy *c);
void vemu__copy_hint_end(struct vemu__copy *c);
/* Before a slot is written. */
void vemu__copy_hint(struct vemu__copy *c, const struct vemu__copy_slot *slot);
/* Zeros were found at `offset`, where data was thought to be. Returns whether space was asked for
 * there. */
bool vemu__copy_hint_was_wrong(struct vemu__copy *c, uint64_t offset);

/* --- copy-piece.c: on failure the copy ends, and -errno is returned --------------------------- */

/* Reads a slot's piece, and finds the zeros in it. */
int vemu__copy_read(struct vemu__copy *c, struct vemu__copy_slot *slot);
/* Gives places in the target to a slot's data. */
int vemu__copy_reserve(struct vemu__copy *c, const struct vemu__copy_slot *slot);
int vemu__copy_write(struct vemu__copy *c, const struct vemu__copy_slot *slot);
int vemu__copy_write_zeros(struct vemu__copy *c, uint64_t offset, uint64_t bytes);
/* Lets the kernel copy what it can; leaves in `piece` what is still to be done. */
void vemu__copy_offload(struct vemu__copy *c, struct vemu__copy_piece *piece);

#endif
