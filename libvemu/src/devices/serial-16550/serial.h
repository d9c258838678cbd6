/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 16550A serial port: what ACPI tables need to know of one.
 */
#ifndef VEMU_DEVICES_SERIAL_16550_H
#define VEMU_DEVICES_SERIAL_16550_H

#include "core/device.h"

/* Ports and interrupt of a realized "isa-serial" device. */
void vemu__serial_get_resources(const struct vemu_device *dev, uint16_t *ret_iobase,
                                unsigned *ret_irq);

#endif
