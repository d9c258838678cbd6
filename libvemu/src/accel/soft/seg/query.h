/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instructions on descriptors and descriptor-table registers: bodies without operands' decoding. */
#ifndef SC_SEG_QUERY_H
#define SC_SEG_QUERY_H

#include "accel/soft/cpu.h"

/* c->rip is set. Results of LAR, LSL, VERR, VERW, ARPL go to ZF. */
void sc_lldt(struct sc_cpu *c, uint16_t sel);
void sc_ltr(struct sc_cpu *c, uint16_t sel);
bool sc_lar(struct sc_cpu *c, uint16_t sel, uint32_t *ret);
bool sc_lsl(struct sc_cpu *c, uint16_t sel, uint32_t *ret);
bool sc_verify(struct sc_cpu *c, uint16_t sel, bool write);
void sc_set_zf(struct sc_cpu *c, bool zf);

#endif
