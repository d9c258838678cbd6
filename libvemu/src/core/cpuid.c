/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID of each vCPU: the topology leaves.
 *
 * The accelerator offers what it can do, of which the CPU model takes a part (cpu-model.c). What
 * differs between vCPUs is their APIC id and the place in the package (Intel SDM Vol. 2A CPUID
 * leaves 1, 4, 0BH, 1FH; AMD APM Vol. 3 functions 8000_0008h, 8000_001Dh and 8000_001Eh). The
 * third-level cache is the die's, the others are the core's.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/topology.h"
#include "core/vcpu.h"

#define HYPERVISOR_LEAF 0x40000000u
#define LEVEL_SMT       1u
#define LEVEL_CORE      2u
#define LEVEL_DIE       5u

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

/* A level of extended topology: how many bits of the APIC id lie below the next, and how many
 * logical processors there are in one of it. */
struct level {
    uint32_t shift, processors, type;
};

static void add_levels(struct vemu_cpuid *cpuid, uint32_t function, uint32_t apic_id,
                       const struct level *levels, uint32_t count)
{
    remove_leaf(cpuid, function);
    if (cpuid->count + count + 1 > VEMU_CPUID_MAX)
        return;
    for (uint32_t n = 0; n <= count; n++) /* the last one is invalid: the end */
        cpuid->entries[cpuid->count++] = (struct vemu_cpuid_entry){
            .function = function,
            .index = n,
            .flags = VEMU_CPUID_INDEXED,
            .eax = n < count ? levels[n].shift : 0,
            .ebx = n < count ? levels[n].processors : 0,
            .ecx = n | (n < count ? levels[n].type << 8 : 0),
            .edx = apic_id,
        };
}

/* Leaf 0BH knows no dies: it has all cores of the package on one level. */
static void extended_topology(struct vemu_cpuid *cpuid, const struct vemu_topology *t,
                              uint32_t apic_id)
{
    const struct vemu_topology_shifts s = vemu__topology_shifts(t);
    const uint32_t in_die = t->cores * t->threads, in_package = t->dies * in_die;
    const struct level two[] = {
        { s.core, t->threads, LEVEL_SMT },
        { s.package, in_package, LEVEL_CORE },
    };
    const struct level three[] = {
        { s.core, t->threads, LEVEL_SMT },
        { s.die, in_die, LEVEL_CORE },
        { s.package, in_package, LEVEL_DIE },
    };
    struct vemu_cpuid_entry *entry = find(cpuid, 0);
    const bool has_b = entry && entry->eax >= 0xb;

    if (entry && t->dies > 1)
        entry->eax = MAX(entry->eax, 0x1f);
    const bool has_1f = entry && (t->dies > 1 || (entry->eax >= 0x1f && find(cpuid, 0x1f)));

    if (has_b || has_1f)
        add_levels(cpuid, 0xb, apic_id, two, 2);
    if (has_1f)
        add_levels(cpuid, 0x1f, apic_id, t->dies > 1 ? three : two, t->dies > 1 ? 3 : 2);
}

/* Leaf 4 and AMD's 8000_001Dh: in [25:14] who shares the cache; Intel's has the cores of the
 * package in [31:26]. */
static void caches(struct vemu_cpuid *cpuid, const struct vemu_topology *t)
{
    const struct vemu_topology_shifts s = vemu__topology_shifts(t);

    for (uint32_t i = 0; i < cpuid->count; i++) {
        struct vemu_cpuid_entry *e = &cpuid->entries[i];
        const bool intel = e->function == 4;
        uint32_t sharing;

        if ((!intel && e->function != 0x8000001d) || !(e->eax & 0x1f))
            continue;
        sharing = (1u << (((e->eax >> 5) & 7) >= 3 ? s.die : s.core)) - 1;
        e->eax = (e->eax & 0x3fff) | MIN(sharing, 0xfff) << 14;
        if (intel)
            e->eax |= MIN((1u << (s.package - s.core)) - 1, 63) << 26;
    }
}

void vemu__cpuid_topology(struct vemu_cpuid *cpuid, const struct vemu_topology *t, uint32_t n)
{
    const uint32_t apic_id = vemu__topology_apic_id(t, n);
    const struct vemu_topology_shifts s = vemu__topology_shifts(t);
    const uint32_t in_package = t->dies * t->cores * t->threads;
    const struct vemu_vcpu_place place = vemu__topology_place(t, n);
    struct vemu_cpuid_entry *entry = find(cpuid, 1);

    if (entry) {
        entry->ebx =
            (entry->ebx & 0x0000ffff) | (apic_id & 0xff) << 24 | MIN(in_package, 255) << 16;
        if (in_package > 1)
            entry->edx |= 1u << 28; /* HTT: the count in EBX is valid */
        else
            entry->edx &= ~(1u << 28);
        if (find(cpuid, HYPERVISOR_LEAF))
            entry->ecx |= 1u << 31;
    }
    caches(cpuid, t);
    extended_topology(cpuid, t, apic_id);
    entry = find(cpuid, 0x80000008);
    if (entry && entry->ecx)
        entry->ecx = (entry->ecx & ~0xf0ffu) | MIN(s.package, 15) << 12 | MIN(in_package - 1, 255);
    entry = find(cpuid, 0x8000001e);
    if (entry) { /* the node is the die: [10:8] how many the package has, less one */
        entry->eax = apic_id;
        entry->ebx = (t->threads - 1) << 8 | (place.core & 0xff);
        entry->ecx = MIN(t->dies - 1, 7) << 8 | (apic_id >> s.die & 0xff);
    }
}
