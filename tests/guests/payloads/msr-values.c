/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that model-specific registers refuse: addresses that are not canonical, unknown memory
 * types.
 */
#include "runtime.h"

static void try_wrmsr(uint32_t index, uint32_t low, uint32_t high)
{
    TRY_FULL("wrmsr", LIST(), LIST("c"(index), "a"(low), "d"(high)));
    say("%x ", index);
    report("wrmsr");
}

unsigned payload(void)
{
    try_wrmsr(0xc0000082, 0, 0x00800000); /* not canonical */
    try_wrmsr(0xc0000100, 0, 0x00800000);
    try_wrmsr(0xc0000102, 0, 0x00800000);
    try_wrmsr(0x176, 0, 0x00800000);
    try_wrmsr(0x277, 0x02020202, 0); /* reserved memory type */
    say("pat %lx\n", (unsigned long)rdmsr(0x277));
    return 0;
}
