/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VM generation ID, for boards and the monitor.
 */
#ifndef VEMU_DEVICES_VMGENID_H
#define VEMU_DEVICES_VMGENID_H

#include "core/device.h"

#define VEMU_VMGENID_ADDRESS 0xfed70000u

/* The machine's; NULL: it has none. Context: loop. */
struct vemu_device *vemu__vmgenid_find(const struct vemu_vm *vm);
/* As text, to be freed. Context: any. */
char *vemu__vmgenid_get(struct vemu_device *dev);
/* Another one: "auto" or a UUID. The guest is told. -EINVAL. Context: loop. */
int vemu__vmgenid_set(struct vemu_device *dev, const char *guid, struct vemu_error **err);

#endif
