/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Character back-ends from outside: reading the ring, finding the pty, application chardevs.
 */
#ifndef VEMU_CHARDEV_H
#define VEMU_CHARDEV_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Output of the guest on a "callback" chardev. Context: any VM thread; no VM lock held. */
typedef void (*vemu_chardev_fn)(void *data, const void *buf, size_t size);

/** Adds a chardev whose output goes to `fn`; input comes through vemu_chardev_input(). */
int vemu_vm_add_chardev_callback(struct vemu_vm *vm, const char *id, vemu_chardev_fn fn, void *data,
                                 void (*free_fn)(void *data), struct vemu_error **err);
/** Input for the guest on a "callback" or "ring" chardev. Returns the bytes taken (0: full). */
long vemu_chardev_input(struct vemu_vm *vm, const char *id, const void *buf, size_t size);
/** Takes up to `size` bytes of output from a "ring" chardev. Returns the number, or -errno. */
long vemu_chardev_read(struct vemu_vm *vm, const char *id, void *buf, size_t size);
/** The label people see: "pty:/dev/pts/3", "unix:/run/x,server=on", ... Free with free(). */
int vemu_chardev_get_filename(struct vemu_vm *vm, const char *id, char **ret_filename);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
