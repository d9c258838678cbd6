/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host's processor has. Context of all: any.
 */
#ifndef SC_HOST_H
#define SC_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of CPUID.1:ECX. */
enum { SC_BIT_SSE3 = 0, SC_BIT_SSSE3 = 9, SC_BIT_SSE41 = 19, SC_BIT_SSE42 = 20 };
#define SC_HOST_SSE_BITS                                                                           \
    (1u << SC_BIT_SSE3 | 1u << SC_BIT_SSSE3 | 1u << SC_BIT_SSE41 | 1u << SC_BIT_SSE42)
/* Which of them it has. */
uint32_t sc_host_sse(void);
/* AVX, and the system saves its registers. */
bool sc_host_avx(void);

#endif
