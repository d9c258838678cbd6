/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the graph of nodes and images that jobs make. Context: loop, all of it.
 *
 * A disk's images are a chain: the layer on top, below any filters, and the backing images. Some of
 * them are nodes, which hold a reference besides the layer above.
 */
#ifndef VEMU_JOBS_GRAPH_H
#define VEMU_JOBS_GRAPH_H

#include "block/backend.h"
#include "jobs/filter.h"

/* The node's image without a job's filter. */
struct vemu_image *vemu__graph_image(const struct vemu_block *block);
/* The highest layer of a node that is no filter. */
struct vemu_image *vemu__graph_top(const struct vemu_block *block);
/* The node whose image it is; NULL: none. */
struct vemu_block *vemu__graph_node_of(struct vemu_vm *vm, const struct vemu_image *image);
/* Whether `name` is the layer, as a node or a file. `above`: the layer that it backs; or NULL. */
bool vemu__graph_is_named(struct vemu_vm *vm, const struct vemu_image *layer,
                          const struct vemu_image *above, const char *name);
/* The layer whose backing image is called `name`, from `layer` on down; NULL and *err. */
struct vemu_image *vemu__graph_find_above(struct vemu_vm *vm, struct vemu_image *layer,
                                          const char *name, struct vemu_error **err);
/* Nobody but the node reads through its layers: -EBUSY. */
int vemu__graph_check_alone(const struct vemu_block *block, struct vemu_error **err);

/* Puts a filter on top of the node's image. The node is quiesced. */
int vemu__graph_put_filter(struct vemu_block *block, const struct job_filter_ops *ops, void *data,
                           uint64_t align, struct job_filter **ret, struct vemu_error **err);
/* Takes it away again. The node is quiesced. */
void vemu__graph_take_filter(struct vemu_block *block);

/* Opens the backing image of `above` again, for writing or not. Errors: EBUSY (somebody else has
 * it), and of opening. The disk is quiesced. */
int vemu__graph_reopen(struct vemu_vm *vm, struct vemu_image *above, bool write,
                       struct vemu_error **err);
/* How `overlay` is to name `above`'s backing image. Caller frees. */
char *vemu__graph_backing_name(const struct vemu_image *above, const struct vemu_image *overlay);
/* How a new image is to name this one as its backing file: in full. Caller frees. */
char *vemu__graph_file_name(const struct vemu_image *image);
/* `backing` (NULL: none) becomes the backing image of `overlay`, which is writable: on stable
 * storage first, then here. */
int vemu__graph_set_backing(struct vemu_vm *vm, struct vemu_image *overlay,
                            struct vemu_image *backing, const char *name, struct vemu_error **err);
/* Here alone. */
void vemu__graph_link_backing(struct vemu_vm *vm, struct vemu_image *overlay,
                              struct vemu_image *backing);

/* The two change places: each has the other's name, image and options; users and requests stay. */
void vemu__graph_swap(struct vemu_block *block, struct vemu_block *other);
/* The names alone. */
void vemu__graph_swap_names(struct vemu_block *block, struct vemu_block *other);
/* A node that is in no list yet, for an image (with a reference of its own) and the options of
 * `like`. */
struct vemu_block *vemu__graph_new_node(const struct vemu_block *like, const char *id,
                                        struct vemu_image *image);
/* The node gets the image of another one, which gets its own; or an image, and its own is closed.
 * `name`: what it is called then; NULL: as before. The node is quiesced. */
void vemu__graph_pivot(struct vemu_block *block, struct vemu_block *target,
                       struct vemu_image *image, const char *name);
/* A snapshot: the disk goes on in `overlay` (a node), or in `image`, which is called `name` (NULL:
 * as the disk is now, and what it was gets another name). What it was is read only from then on.
 * Errors: EBUSY, EROFS, EINVAL (another size, or stands on something already), and of opening. */
int vemu__graph_snapshot(struct vemu_block *block, struct vemu_block *overlay,
                         struct vemu_image *image, const char *name, struct vemu_error **err);
/* Takes the last snapshot of a quiesced disk back, to which nothing was written; its image is
 * closed unless it was a node before (`overlay_stays`). Errors: those of opening; then the snapshot
 * stays. */
int vemu__graph_undo_snapshot(struct vemu_block *block, bool overlay_stays,
                              struct vemu_error **err);

#endif
