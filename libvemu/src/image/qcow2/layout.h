/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of creating qcow2 images, and how much space what they lead to takes.
 */
#ifndef VEMU_IMAGE_QCOW2_LAYOUT_H
#define VEMU_IMAGE_QCOW2_LAYOUT_H

#include "image/qcow2/qcow2.h"

/* As text, before they are checked. */
struct qcow2_create {
    uint64_t size, cluster_size, refcount_bits;
    char *compat, *backing_file, *backing_fmt, *preallocation, *data_file, *compression_type;
    bool lazy_refcounts, data_file_raw, extended_l2, nocow;
};

extern const struct vemu_prop vemu__qcow2_create_props[];

enum qcow2_preallocation {
    QCOW2_PREALLOC_OFF,
    QCOW2_PREALLOC_METADATA,
    QCOW2_PREALLOC_FALLOC,
    QCOW2_PREALLOC_FULL
};

/* Sets what the options say in `ret`, and their other words; both are cleared with
 * vemu__qcow2_options_clear(). ENOTSUP: encryption. */
int vemu__qcow2_options_parse(const struct vemu_property *props, size_t prop_count,
                              struct qcow2_create *options, struct qcow2_header *ret,
                              enum qcow2_preallocation *ret_preallocation, struct vemu_error **err);
void vemu__qcow2_options_clear(struct qcow2_create *options, struct qcow2_header *header);
int vemu__qcow2_preallocation_parse(const char *word, enum qcow2_preallocation *ret,
                                    struct vemu_error **err);

/* The word for the file below, for which tables are contents as others are. */
const char *vemu__qcow2_preallocation_below(enum qcow2_preallocation preallocation);

/* Entries of the L1 table for a size. */
uint64_t vemu__qcow2_l1_entries(const struct qcow2_header *header, uint64_t size);
/* Clusters of refcount blocks and of the table for `clusters` others and themselves. */
void vemu__qcow2_refcount_layout(unsigned cluster_bits, unsigned order, uint64_t clusters,
                                 uint64_t *ret_blocks, uint64_t *ret_table);

#endif
