/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O APIC: the side that the board's wiring uses.
 */
#ifndef VEMU_DEVICES_IOAPIC_H
#define VEMU_DEVICES_IOAPIC_H

#include "core/device.h"

#define VEMU_IOAPIC_PINS    24
#define VEMU_IOAPIC_ADDRESS 0xfec00000u

/* Level of input pin `pin`; asserted is true whatever the polarity. Context: any, lock not held. */
void vemu__ioapic_set_pin(struct vemu_device *ioapic, unsigned pin, bool level);
/* A local APIC broadcast the EOI of a level-triggered `vector`. Context: vcpu, lock not held. */
void vemu__ioapic_eoi(struct vemu_device *ioapic, uint8_t vector);

#endif
