/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What CPUID tells of the machine around the processor. Runs with -cpu max,kvm=off,phys-bits=36.
 */
#include "runtime.h"

#define KVM 0x4b4d564bu /* the first word of its signature */

unsigned payload(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    say("hypervisor %u\n", r[2] >> 31);
    cpuid(0x40000000, 0, r);
    say("KVM %u\n", r[1] == KVM);
    cpuid(0x40000100, 0, r);
    say("KVM behind another %u\n", r[1] == KVM);
    cpuid(0x80000008, 0, r);
    check("address bits", r[0] & 0xff, 36);
    return 0;
}
