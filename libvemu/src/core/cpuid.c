/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID of each vCPU: the topology leaves.
 *
 * The accelerator offers what it can do, of which the CPU model takes a part (cpu-model.c). What
 * differs between vCPUs is their APIC id and the place in the package (Intel SDM Vol. 2A CPUID
 * leaves 1, 4, 0BH, 1FH; AMD APM Vol. 3 functions 8000_0008h and 8000_001Eh): one package, one core
 * for each vCPU, no SMT.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/vcpu.h"

#define HYPERVISOR_LEAF 0x40000000u

static struct vemu_cpuid_entry *find(struct vemu_cpuid *cpuid, uint32_t function)
{
    uint32_t i;

    for (i = 0; i < cpuid->count; i++)
        if (cpuid->entries[i].function == function)
            return &cpuid->entries[i];
    return NULL;
}

static void remove_leaf(struct vemu_cpuid *cpuid, uint32_t function)
{
    uint32_t from, to = 0;

    for (from = 0; from < cpuid->count; from++)
        if (cpuid->entries[from].function != function)
            cpuid->entries[to++] = cpuid->entries[from];
    cpuid->count = to;
}

/* Extended topology: level 0 is a core of one thread, level 1 the package of `count` cores. */
static void add_levels(struct vemu_cpuid *cpuid, uint32_t function, uint32_t id, uint32_t count,
                       uint32_t id_bits)
{
    const struct vemu_cpuid_entry levels[] = {
        { function, 0, VEMU_CPUID_INDEXED, 0, 1, 0x100, id },
        { function, 1, VEMU_CPUID_INDEXED, id_bits, count, 0x201, id },
        { function, 2, VEMU_CPUID_INDEXED, 0, 0, 2, id },
    };

    remove_leaf(cpuid, function);
    if (cpuid->count + G_N_ELEMENTS(levels) > VEMU_CPUID_MAX)
        return;
    memcpy(&cpuid->entries[cpuid->count], levels, sizeof(levels));
    cpuid->count += G_N_ELEMENTS(levels);
}

void vemu__cpuid_topology(struct vemu_cpuid *cpuid, uint32_t id, uint32_t count)
{
    uint32_t id_bits = 0;
    struct vemu_cpuid_entry *entry;
    uint32_t i;

    while ((1u << id_bits) < count)
        id_bits++;

    entry = find(cpuid, 1);
    if (entry) {
        entry->ebx = (entry->ebx & 0x0000ffff) | (id & 0xff) << 24 | MIN(count, 255) << 16;
        if (count > 1)
            entry->edx |= 1u << 28; /* HTT: the count in EBX is valid */
        else
            entry->edx &= ~(1u << 28);
        if (find(cpuid, HYPERVISOR_LEAF))
            entry->ecx |= 1u << 31;
    }
    for (i = 0; i < cpuid->count; i++) {
        entry = &cpuid->entries[i];
        if (entry->function != 4 || !(entry->eax & 0x1f))
            continue;
        /* Cores of the package in [31:26]; L3 is shared by all, lower levels by none. */
        entry->eax &= 0x00003fff;
        entry->eax |= MIN(((1u << id_bits) - 1), 63) << 26;
        if (((entry->eax >> 5) & 7) >= 3)
            entry->eax |= ((1u << id_bits) - 1) << 14;
    }
    entry = find(cpuid, 0);
    if (entry && entry->eax >= 0xb)
        add_levels(cpuid, 0xb, id, count, id_bits);
    if (entry && entry->eax >= 0x1f && find(cpuid, 0x1f))
        add_levels(cpuid, 0x1f, id, count, id_bits);
    entry = find(cpuid, 0x80000008);
    if (entry && entry->ecx)
        entry->ecx = (entry->ecx & ~0xf0ffu) | id_bits << 12 | MIN(count - 1, 255);
    entry = find(cpuid, 0x8000001e);
    if (entry) {
        entry->eax = id;
        entry->ebx = id & 0xff; /* core id; threads per core - 1 is 0 */
        entry->ecx = 0;
    }
}
