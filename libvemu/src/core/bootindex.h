/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boot indexes of devices: what firmware is to try first.
 *
 * A device that firmware can boot from has VEMU_PROP_BOOTINDEX() among its properties, and
 * vemu_device_ops.boot_path.
 */
#ifndef VEMU_CORE_BOOTINDEX_H
#define VEMU_CORE_BOOTINDEX_H

#include "core/device.h"

/* For an int32_t. */
#define VEMU_PROP_BOOTINDEX(struct_, field)                                                        \
    VEMU_PROP(struct_, field, "bootindex", S32, "-1", "place in the boot order, 0: first; -1: none")

/* The device is about to be realized. -EEXIST: another one has its index; -EINVAL: firmware cannot
 * boot from it. Context: loop. */
int vemu__bootindex_check(struct vemu_device *dev, struct vemu_error **err);
/* Open Firmware paths of the devices that have an index, in its order, with line feeds between
 * them; "" when there are none. To be freed with g_free(). Context: loop. */
char *vemu__bootindex_list(struct vemu_vm *vm);

#endif
