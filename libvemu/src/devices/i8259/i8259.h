/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 8259A pair: the side that the board's wiring and the accelerator use.
 */
#ifndef VEMU_DEVICES_I8259_H
#define VEMU_DEVICES_I8259_H

#include "core/device.h"

/* Level of ISA interrupt n (0..15; 2 is the cascade and ignored). Context: any, lock not held. */
void vemu__i8259_set_irq(struct vemu_device *pic, unsigned n, bool level);
/* INTA cycle: the vector to deliver, -1 when no request is left. Context: vcpu, lock not held. */
int vemu__i8259_ack(struct vemu_device *pic);

#endif
