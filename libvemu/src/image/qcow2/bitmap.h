/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps of qcow2 images, in memory and in the file.
 */
#ifndef VEMU_IMAGE_QCOW2_BITMAP_H
#define VEMU_IMAGE_QCOW2_BITMAP_H

#include "image/qcow2/qcow2.h"

#define QCOW2_BITMAP_IN_USE       (1u << 0)
#define QCOW2_BITMAP_AUTO         (1u << 1)
#define QCOW2_BITMAP_EXTRA_COMPAT (1u << 2)

#define QCOW2_MAX_BITMAP_BITS (512u << 20) /* bytes of all bitmaps of an image in memory */

struct qcow2_bitmap {
    char *name;
    uint32_t flags; /* as the directory is to have them, but for IN_USE */
    uint8_t granularity_bits;
    uint8_t *extra;
    uint32_t extra_size;
    bool persistent;
    bool inconsistent;     /* was in use when the image was opened */
    bool unknown;          /* extra data that has to be understood */
    uint64_t table_offset; /* in the file; 0: not there yet */
    uint32_t table_size;   /* entries */
    uint64_t flags_at;     /* where the flags are in the file; 0: nowhere */
    bool marked;           /* IN_USE is set in the file by us */
    bool changed;          /* the file has other bits or flags */
    uint8_t *bits;         /* as in the file; NULL: not read yet */
    uint64_t count, bytes; /* bits, and what they take */
};

struct qcow2_bitmap *vemu__qcow2_bitmap_new(struct qcow2 *s, const char *name,
                                            uint8_t granularity_bits);
void vemu__qcow2_bitmap_free(void *bitmap);
struct qcow2_bitmap *vemu__qcow2_bitmap_find(const struct qcow2 *s, const char *name);

/* bitmap-store.c */
int vemu__qcow2_bitmaps_load(struct qcow2 *s, struct vemu_error **err);
int vemu__qcow2_bitmap_read(struct qcow2 *s, struct qcow2_bitmap *bitmap);
/* Bytes that the bits of all bitmaps take that have been read. */
uint64_t vemu__qcow2_bitmaps_memory(const struct qcow2 *s);
/* Says in the file that the bits there are not the last. With `lock`, or in exclusive work. */
int vemu__qcow2_bitmap_mark(struct qcow2 *s, struct qcow2_bitmap *bitmap);
/* Brings all to the file. In exclusive work, or when closing. */
int vemu__qcow2_bitmaps_store(struct qcow2 *s);
/* Before the image gets another size: in use on disk, with memory for the new size. In exclusive
 * work. EINVAL, ENOTSUP: there is one that nobody can take along. */
int vemu__qcow2_bitmaps_prepare_size(struct qcow2 *s, uint64_t size, struct vemu_error **err);
/* The image has another size now. */
void vemu__qcow2_bitmaps_set_size(struct qcow2 *s);
/* Looks again whether writes have to be recorded. */
void vemu__qcow2_bitmaps_update(struct qcow2 *s);

#endif
