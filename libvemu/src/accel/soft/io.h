/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving the CPU for a device: accelerator callbacks around which the host's own FPU state must be in
 * place, and physical accesses that no memory slot covers.
 */
#ifndef SC_IO_H
#define SC_IO_H

#include "accel/soft/sys.h"

void sc_callback_begin(struct sc_cpu *c);
void sc_callback_end(struct sc_cpu *c);

#endif
