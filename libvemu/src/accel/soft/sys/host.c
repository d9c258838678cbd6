/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host's processor has.
 *
 * The C library has asked it when the program started. The compiler's __builtin_cpu_supports() asks
 * again, in a constructor: ten CPUID instructions, each of which a hypervisor below takes some
 * microseconds for.
 */
#include "accel/soft/sys/host.h"

#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define HAS(glibc, compiler) x86_cpu_active(x86_cpu_##glibc)
#define PREPARE ((void)0)
#else
#define HAS(glibc, compiler) __builtin_cpu_supports(compiler)
#define PREPARE __builtin_cpu_init()
#endif

uint32_t sc_host_sse(void)
{
    uint32_t bits = 0;

    PREPARE;
    bits |= HAS(SSE3, "sse3") ? 1u << SC_BIT_SSE3 : 0;
    bits |= HAS(SSSE3, "ssse3") ? 1u << SC_BIT_SSSE3 : 0;
    bits |= HAS(SSE4_1, "sse4.1") ? 1u << SC_BIT_SSE41 : 0;
    bits |= HAS(SSE4_2, "sse4.2") ? 1u << SC_BIT_SSE42 : 0;
    return bits;
}

bool sc_host_avx(void)
{
    PREPARE;
    return HAS(AVX, "avx");
}
