/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HPET, for the board.
 */
#ifndef VEMU_DEVICES_HPET_H
#define VEMU_DEVICES_HPET_H

#include "core/device.h"

#define VEMU_HPET_ADDRESS 0xfed00000u
#define VEMU_HPET_SIZE    0x400u
/* The low half of the capabilities: Intel, legacy replacement, 64 bits, three timers, revision 1 */
#define VEMU_HPET_ID      0x8086a201u

/* Legacy replacement: the ends of the lines that timers 0 and 1 have instead of the PIT and the
 * clock, and one that is high while they do. Context: after realize, before the machine runs. */
void vemu__hpet_connect(struct vemu_device *dev, struct vemu_irq *timer, struct vemu_irq *clock,
                        struct vemu_irq *replaces);

#endif
