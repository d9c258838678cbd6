/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of descriptors that stand for files: what "/dev/fdset/N" means in a machine.
 */
#ifndef VEMU_BLOCK_FDSET_H
#define VEMU_BLOCK_FDSET_H

#include <stdint.h>

#include <glib.h>

struct image_options;
struct vemu_error;
struct vemu_vm;

struct vemu_fdset_fd {
    int64_t set;
    int fd;
    char *opaque; /* NULL: none */
};

/* Context of all: loop, or before there is one. */

/* Takes fd over on success. set: below 0, the first number that is free. -EMFILE: there are too
 * many. */
int vemu__fdset_add(struct vemu_vm *vm, int64_t set, int fd, const char *opaque, int64_t *ret_set,
                    struct vemu_error **err);
/* Closes one of a set, or (fd below 0) all. Who has one open keeps its own duplicate. -ENOENT:
 * there is none. */
int vemu__fdset_remove(struct vemu_vm *vm, int64_t set, int fd, struct vemu_error **err);
/* The options of a node, and of what is below it, with the descriptors of each filename that is a
 * set (the property "fds" beside it). filename: the node's, beside the options; NULL: none.
 * -ENOENT: there is no such set. */
int vemu__fdset_options(const struct vemu_vm *vm, const char *driver, const char *filename,
                        const struct image_options *options, struct image_options *ret,
                        struct vemu_error **err);
/* All, in the order of sets: struct vemu_fdset_fd. Borrowed. */
const GArray *vemu__fdset_list(const struct vemu_vm *vm);
/* An empty list for vm->fdsets; its descriptors are closed with it. */
GArray *vemu__fdsets_new(void);

#endif
