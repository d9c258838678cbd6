/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvpanic: what ACPI tables need to know of it.
 */
#ifndef VEMU_DEVICES_PVPANIC_H
#define VEMU_DEVICES_PVPANIC_H

#include "core/device.h"

/* The port of a realized "pvpanic" device. */
uint16_t vemu__pvpanic_get_port(const struct vemu_device *dev);

#endif
