/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XSAVE for lent vCPUs: records for the instructions, sizes for CPUID.
 */
#ifndef SC_XSAVE_H
#define SC_XSAVE_H

#include "accel/soft/trace/decode.h"

/* XSAVE, XRSTOR and their like, XGETBV. False: not one of them, or not shown by CPUID. */
bool sc_emit_xsave(struct sc_tb *tb, const struct sc_dec *d);
/* Bytes of an area with these components (CPUID leaf 0xD, EBX of subleaves 0 and 1). */
uint32_t sc_xsave_size(const struct sc_cpu *c, uint64_t components, bool compact);

#endif
