/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is compiled in: classes of machines, devices, character and block back-ends, and their
 * properties.
 */
#ifndef VEMU_REGISTRY_H
#define VEMU_REGISTRY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vemu_class_kind {
    VEMU_CLASS_MACHINE = 1, /* vemu_vm_config.machine */
    VEMU_CLASS_DEVICE = 2,  /* vemu_vm_add_device() */
    VEMU_CLASS_CHARDEV = 3, /* vemu_vm_add_chardev() */
    VEMU_CLASS_BLOCK = 4,   /* vemu_vm_add_block() */
    VEMU_CLASS_NET = 5,     /* vemu_vm_add_net() */
    VEMU_CLASS_FSDEV = 6,   /* vemu_vm_add_fsdev() */
    VEMU_CLASS_OBJECT = 7,  /* vemu_vm_add_object() */
};

/** The class is part of a machine or made by a call of its own; it cannot be added by name. */
#define VEMU_CLASS_INTERNAL (1u << 0)

/**
 * struct vemu_class_info - one class
 * @size: sizeof(struct vemu_class_info), set by the caller (VEMU_CLASS_INFO_INIT); the library
 * fills
 *        no more than that
 * @flags: VEMU_CLASS_*
 * @name: what users write; static
 * @alias: another name for it, or NULL; static
 * @summary: one line; static
 * @property_count: how many properties vemu_class_get_property() knows
 * @max_vcpus: machines: the highest number of vCPUs; else 0
 */
struct vemu_class_info {
    uint32_t size;
    uint32_t flags;
    const char *name;
    const char *alias;
    const char *summary;
    uint32_t property_count;
    uint32_t max_vcpus;
};
#define VEMU_CLASS_INFO_INIT { .size = sizeof(struct vemu_class_info) }

/**
 * struct vemu_property_info - one property of a class
 * @size: as in struct vemu_class_info (VEMU_PROPERTY_INFO_INIT)
 * @name, @summary: static
 * @type: "bool", "uint8", "uint16", "uint32", "uint64", "int32", "size", "str", "chardev",
 *         "drive", "netdev", "fsdev", "memory-backend"; static
 * @default_value: text, or NULL when there is none (zero, off, not set); static
 */
struct vemu_property_info {
    uint32_t size;
    uint32_t reserved;
    const char *name;
    const char *type;
    const char *default_value;
    const char *summary;
};
#define VEMU_PROPERTY_INFO_INIT { .size = sizeof(struct vemu_property_info) }

/**
 * vemu_class_get() - the class number `index` (from 0) of a kind
 * Errors: -ENOENT (index is past the last), -EINVAL (kind, size). Context: any. Since 0.1
 */
int vemu_class_get(int kind, uint32_t index, struct vemu_class_info *ret);
/** The class by name or alias. Errors: -ENOENT, -EINVAL (kind, size). Context: any. Since 0.1 */
int vemu_class_lookup(int kind, const char *name, struct vemu_class_info *ret);
/** Property number `index` (from 0) of the class. Errors: as above. Context: any. Since 0.1 */
int vemu_class_get_property(int kind, const char *name, uint32_t index,
                            struct vemu_property_info *ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
