/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing all of an image's metadata at once: refcounts in memory, new tables beside the old ones,
 * and one sector of the header that switches over.
 */
#ifndef VEMU_IMAGE_QCOW2_SHADOW_H
#define VEMU_IMAGE_QCOW2_SHADOW_H

#include "image/qcow2/qcow2.h"

/* Refcounts of all clusters, packed as in refcount blocks. */
struct qcow2_refmap {
    uint8_t *data;
    uint64_t count; /* clusters there is room for */
    unsigned order;
};
int vemu__qcow2_refmap_init(struct qcow2_refmap *map, unsigned order, uint64_t count);
void vemu__qcow2_refmap_fini(struct qcow2_refmap *map);
/* At least so many; more than are needed at the moment. */
int vemu__qcow2_refmap_grow(struct qcow2_refmap *map, uint64_t count);
static inline uint64_t qcow2_refmap_get(const struct qcow2_refmap *map, uint64_t cluster)
{
    return cluster < map->count ? vemu__qcow2_refcount_decode(map->data, map->order, cluster) : 0;
}
/* -ERANGE: the refcount would leave what it can be; -EIO: there is no such cluster. */
int vemu__qcow2_refmap_add(struct qcow2_refmap *map, uint64_t cluster, uint64_t count,
                           int64_t delta);
/* The last cluster that is used, plus one. */
uint64_t vemu__qcow2_refmap_end(const struct qcow2_refmap *map);
/* From the image's blocks; clusters without a block have 0. -EFBIG: they speak of clusters far
 * behind the end of the file. */
int vemu__qcow2_refmap_load(struct qcow2 *s, struct qcow2_refmap *ret);

struct qcow2_shadow {
    struct qcow2 *s;
    struct qcow2_refmap map;    /* as it will be */
    struct qcow2_refmap used;   /* one bit each: in use now, or taken for what will be */
    struct qcow2_header header; /* as it will be; strings are the image's */
    uint64_t hint;
};

/* In exclusive work. The map has what the disk has. */
int vemu__qcow2_shadow_begin(struct qcow2 *s, struct qcow2_shadow *ret);
void vemu__qcow2_shadow_end(struct qcow2_shadow *shadow);
/* Clusters in a row that nobody uses, with a refcount of 1 to come. */
int vemu__qcow2_shadow_take(struct qcow2_shadow *shadow, uint64_t bytes, uint64_t *ret_offset);
/* One reference more or less for bytes of the file. */
int vemu__qcow2_shadow_ref(struct qcow2_shadow *shadow, uint64_t offset, uint64_t bytes,
                           int64_t delta);
/* The same for all that an L1 table leads to, L2 tables included, the table itself not. */
int vemu__qcow2_shadow_ref_tree(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count,
                                int64_t delta);
/* Makes the "copied" flags of an active L1 table and its L2 tables agree with the refcounts: L2
 * tables that have to change are copied. `shared` (may be NULL): a snapshot's L1 table that gets
 * the copies too. */
int vemu__qcow2_shadow_fix_flags(struct qcow2_shadow *shadow, uint64_t *l1, uint64_t count,
                                 uint64_t *shared);
/* Writes an L1 table to a new place. */
int vemu__qcow2_shadow_write_l1(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count,
                                uint64_t *ret_offset);
/* The same, which becomes the active one; the one that is there is given up. */
int vemu__qcow2_shadow_replace_l1(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count);
/* Writes the image's list of snapshots to a new place, and gives up the old one. `old_bytes`: of
 * the table that is there. */
int vemu__qcow2_shadow_write_snapshots(struct qcow2_shadow *shadow, uint64_t old_bytes);
/* Refcounts, and then the header: from here on all is as the shadow has it. On failure the image is
 * as it was. The tables in memory are read again. */
int vemu__qcow2_shadow_commit(struct qcow2_shadow *shadow);

/* Opposite of keeping them: tables in memory from the disk. In exclusive work. */
int vemu__qcow2_reload(struct qcow2 *s);

#endif
