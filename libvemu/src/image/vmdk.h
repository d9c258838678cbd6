/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a VMDK image: descriptor and extents.
 */
#ifndef VEMU_IMAGE_VMDK_H
#define VEMU_IMAGE_VMDK_H

#include "image/places.h"

/* --- descriptor ------------------------------------------------------------------------------- */

#define VMDK_EXTENTS_MAX    1024u
#define VMDK_DESCRIPTOR_MAX (1u << 20)

enum vmdk_extent_type { VMDK_FLAT, VMDK_SPARSE, VMDK_ZERO };

struct vmdk_extent_line {
    enum vmdk_extent_type type;
    char type_name[8];      /* as written */
    uint64_t bytes, offset; /* offset: FLAT's, in its file */
    char *filename;         /* NULL: ZERO */
};
struct vmdk_descriptor {
    uint32_t cid, parent_cid;
    char *create_type;
    char *parent; /* file name hint; NULL: none */
    struct vmdk_extent_line *lines;
    unsigned line_count;
};

/* `text` has a 0 at its end. */
int vemu__vmdk_descriptor_parse(const char *text, const char *filename, struct vmdk_descriptor *ret,
                                struct vemu_error **err);
void vemu__vmdk_descriptor_clear(struct vmdk_descriptor *descriptor);

/* --- sparse extents --------------------------------------------------------------------------- */

/* What a sparse extent's header says. */
struct vmdk_grains {
    uint64_t bytes;                              /* that the extent holds */
    uint64_t descriptor_offset, descriptor_size; /* in the file; size 0: none */
    uint64_t directory_offset;
    uint64_t grain_size;    /* bytes */
    uint32_t table_entries; /* of a grain table */
    bool zeroed_entries, compressed, markers;
};

struct vmdk_extent {
    struct vemu_image *file; /* a reference of ours unless it is the image's own */
    enum vmdk_extent_type type;
    const char *type_name; /* of the descriptor's line; "" without one */
    uint64_t start, bytes; /* in the image */
    uint64_t offset;       /* FLAT */
    struct vmdk_grains grains;
    struct image_pages pages;
    /* the compressed grain that was read last */
    pthread_mutex_t lock;
    uint64_t unpacked; /* its place in the file; UINT64_MAX: none */
    uint8_t *unpacked_bytes;
};

int vemu__vmdk_grains_read(struct vemu_image *file, const char *filename, struct vmdk_grains *ret,
                           struct vemu_error **err);
/* An image_find_fn for one extent; `offset` counts from its start. */
int vemu__vmdk_grains_find(struct vmdk_extent *extent, uint64_t offset, uint64_t bytes,
                           struct image_place *ret);

#endif
