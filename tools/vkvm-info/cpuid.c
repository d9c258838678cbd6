/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading CPUID tables and comparing them.
 *
 * KVM_SET_CPUID2 may succeed and yet show the guest something else: where the processor cannot trap
 * CPUID, KVM makes the table agree with what user-mode code sees anyway. So nothing is believed:
 * a table is given to a vCPU and read back with KVM_GET_CPUID2, once as KVM supports it and once
 * with every feature cleared.
 */
#include "cpuid.h"

#include <errno.h>
#include <string.h>

uint32_t cpuid_reg(const struct kvm_cpuid_entry2 *entry, uint32_t reg)
{
    const uint32_t regs[4] = { entry->eax, entry->ebx, entry->ecx, entry->edx };
    return regs[reg & 3];
}

int cpuid_read_system(struct vkvm *kvm, struct cpuid_report *ret)
{
    return vkvm_get_supported_cpuid(kvm, &ret->supported);
}

/* The leaves that say how many leaves there are, and whose they are. */
static bool leaf_is_frame(uint32_t function)
{
    return function == 0 || (function & 0x3fffffff) == 0;
}

static int copy_table(struct vkvm_cpuid *from, bool clear, struct vkvm_cpuid **ret)
{
    size_t count;
    struct kvm_cpuid_entry2 *entries = vkvm_cpuid_entries(from, &count);
    struct vkvm_cpuid *copy = NULL;
    int r = vkvm_cpuid_new(&copy);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct kvm_cpuid_entry2 e = entries[i];
        if (clear && !leaf_is_frame(e.function))
            e.eax = e.ebx = e.ecx = e.edx = 0;
        r = vkvm_cpuid_add(copy, &e);
    }
    if (r < 0)
        copy = vkvm_cpuid_free(copy);
    *ret = copy;
    return r;
}

int cpuid_read_vcpu(struct vkvm_vcpu *vcpu, struct cpuid_report *ret)
{
    struct vkvm_cpuid *zeros = NULL;
    int r = copy_table(ret->supported, true, &zeros);
    if (r >= 0)
        r = vkvm_vcpu_set_cpuid(vcpu, zeros);
    if (r >= 0)
        r = vkvm_vcpu_get_cpuid(vcpu, &ret->masked);
    vkvm_cpuid_free(zeros);
    int r2 = vkvm_vcpu_set_cpuid(vcpu, ret->supported);
    if (r2 >= 0)
        r2 = vkvm_vcpu_get_cpuid(vcpu, &ret->effective);
    return r < 0 ? r : r2 < 0 ? r2 : 0;
}

void cpuid_free(struct cpuid_report *report)
{
    report->supported = vkvm_cpuid_free(report->supported);
    report->effective = vkvm_cpuid_free(report->effective);
    report->masked = vkvm_cpuid_free(report->masked);
}

bool cpuid_guest_has(const struct cpuid_report *report, const struct feature_place *place)
{
    struct vkvm_cpuid *table = report->effective ? report->effective : report->supported;
    const struct kvm_cpuid_entry2 *e =
        table ? vkvm_cpuid_find(table, place->function, place->index) : NULL;
    return e && (cpuid_reg(e, place->reg) >> place->bit & 1);
}

/* Bits of `table` that are not in `other` (NULL: in none), over registers of named bits if `named`,
 * else over all. */
static size_t only_in(struct vkvm_cpuid *table, struct vkvm_cpuid *other, bool named,
                      struct cpuid_bits *ret, size_t max)
{
    size_t total = 0, count;
    if (!table)
        return 0;
    const struct kvm_cpuid_entry2 *entries = vkvm_cpuid_entries(table, &count);
    for (size_t i = 0; i < count; i++) {
        const struct kvm_cpuid_entry2 *e = &entries[i];
        const struct kvm_cpuid_entry2 *o =
            other ? vkvm_cpuid_find(other, e->function, e->index) : NULL;
        if (leaf_is_frame(e->function))
            continue;
        for (uint32_t reg = 0; reg < 4; reg++) {
            uint32_t bits = cpuid_reg(e, reg) & ~(o ? cpuid_reg(o, reg) : 0) &
                            ~features_dynamic(e->function, e->index, reg);
            if (!bits || (named && !features_known(e->function, e->index, reg)))
                continue;
            if (total < max)
                ret[total] = (struct cpuid_bits){ e->function, e->index, reg, bits };
            total++;
        }
    }
    return total;
}

size_t cpuid_unmaskable(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max)
{
    return only_in(report->masked, NULL, false, ret, max);
}

size_t cpuid_lost(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max)
{
    return report->effective ? only_in(report->supported, report->effective, true, ret, max) : 0;
}

size_t cpuid_added(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max)
{
    return only_in(report->effective, report->supported, true, ret, max);
}
