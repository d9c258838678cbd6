/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ICH9 LPC bridge: what the board uses.
 */
#ifndef VEMU_DEVICES_ICH9_LPC_H
#define VEMU_DEVICES_ICH9_LPC_H

#include "core/device.h"

#define VEMU_ICH9_GPE_PORT 0x620u

/* Programs the interrupt router as firmware does. Context: vCPUs do not run. */
void vemu__ich9_preset_routes(struct vemu_device *lpc);

/* General-purpose event `n` (below 64) happened. Behind the lock of whoever tells. Context: any. */
void vemu__ich9_raise_gpe(struct vemu_device *lpc, unsigned n);

#endif
