/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories of the host that file-sharing devices use.
 */
#ifndef VEMU_FSDEV_H
#define VEMU_FSDEV_H

#include <stddef.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vemu_vm_add_fsdev() - opens a directory for sharing, for the property "fsdev" of a device
 * @class_name: "local"; <vemu/registry.h> lists classes and their properties
 * @id: the share's name
 * Errors: EINVAL (unknown class, property or value), EEXIST (name taken), and what opening the
 * directory gives. Context: any. Since 0.1
 */
int vemu_vm_add_fsdev(struct vemu_vm *vm, const char *class_name, const char *id,
                      const struct vemu_property *props, size_t prop_count,
                      struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
