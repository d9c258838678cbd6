/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects of the host that devices and machines use by name: memory.
 */
#ifndef VEMU_OBJECT_H
#define VEMU_OBJECT_H

#include <stddef.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vemu_vm_add_object() - makes an object, for example "memory-backend-memfd" for the property
 * "memdev" of a device or for vemu_vm_config.memory_backend
 * @class_name: <vemu/registry.h> lists classes and their properties
 * @id: the object's name
 * Errors: EINVAL (unknown class, property or value), EEXIST (name taken), EBUSY (the machine is
 * being stopped), and what making it gives. Context: any. Since 0.1
 */
int vemu_vm_add_object(struct vemu_vm *vm, const char *class_name, const char *id,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_error **err);

/**
 * vemu_vm_remove_object() - frees an object that nobody uses
 * Errors: ENOENT (no such object), EBUSY (a device or the machine uses it). Context: any. Since 0.1
 */
int vemu_vm_remove_object(struct vemu_vm *vm, const char *id, struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
