/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk images: block nodes that disk devices use.
 */
#ifndef VEMU_BLOCK_H
#define VEMU_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vemu_vm_add_block() - opens an image as a block node, for the property "drive" of a device
 * @class_name: a driver of images ("file", "raw", "qcow2", "throttle" ...); <vemu/registry.h> lists
 *              them and their properties; "auto": found from the contents of the property
 *              "filename"; "json:{...}": driver, "node-name" (then @id is NULL) and properties
 * @id: the node's name
 * @props: what is below is a node by name ("file", "backing") or described ("file.driver",
 *         "backing.file.filename"), which makes a node "ID.file" with it
 * Errors: EINVAL (unknown class, property or value), EEXIST (name taken), and what opening the
 * image gives. Context: any. Since 0.1
 */
int vemu_vm_add_block(struct vemu_vm *vm, const char *class_name, const char *id,
                      const struct vemu_property *props, size_t prop_count,
                      struct vemu_error **err);

/**
 * vemu_vm_remove_block() - closes a block node that nothing uses any more
 *
 * Nodes below it that were made together with it go as well.
 * Errors: ENOENT (no such node), EBUSY (a device or another node uses it). Context: any. Since 0.1
 */
int vemu_vm_remove_block(struct vemu_vm *vm, const char *id, struct vemu_error **err);

/**
 * vemu_vm_resize_block() - changes the size of an image; a guest that uses it is told
 * @size: bytes, a multiple of 512
 * Errors: ENOENT (no such node), EROFS, EINVAL (size), ENOTSUP (not with this class), and what the
 * file system gives. Context: any. Since 0.1
 */
int vemu_vm_resize_block(struct vemu_vm *vm, const char *id, uint64_t size,
                         struct vemu_error **err);

/**
 * vemu_vm_add_fd() - lets a descriptor stand for a file: "/dev/fdset/N" as a name of one
 * @set: N, 0 or more; a set may have several descriptors of one file
 * @fd: is duplicated, and stays the caller's
 * @opaque: what query-fdsets tells of it; NULL: nothing
 *
 * A node takes that one of a set that has the access it wants: opened O_RDWR to write, O_RDONLY
 * to read, another one with O_DIRECT beside it for cache.direct=on; none with O_APPEND.
 * Errors: EINVAL (set), EBADF, EMFILE (256 are there). Context: any. Since 0.1
 */
int vemu_vm_add_fd(struct vemu_vm *vm, int64_t set, int fd, const char *opaque,
                   struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
