/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID tables: an owned kvm_cpuid2, what the host supports, what a vCPU has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "cpuid.h"

#define CPUID_MAX      4096
#define FETCH_CAPACITY 128 /* enough at the first attempt: some hosts take 0.1 ms for each */

static int cpuid_reserve(struct vkvm_cpuid *cpuid, size_t capacity)
{
    if (capacity > CPUID_MAX)
        return -E2BIG;
    struct kvm_cpuid2 *table =
        realloc(cpuid->table, sizeof(*table) + capacity * sizeof(table->entries[0]));
    if (!table)
        return -ENOMEM;
    if (!cpuid->table)
        memset(table, 0, sizeof(*table));
    cpuid->table = table;
    cpuid->capacity = capacity;
    return 0;
}

int vkvm_cpuid_new(struct vkvm_cpuid **ret_cpuid)
{
    struct vkvm_cpuid *cpuid = calloc(1, sizeof(*cpuid));
    if (!cpuid || cpuid_reserve(cpuid, 32) < 0) {
        free(cpuid);
        return -ENOMEM;
    }
    *ret_cpuid = cpuid;
    return 0;
}

struct vkvm_cpuid *vkvm_cpuid_free(struct vkvm_cpuid *cpuid)
{
    if (cpuid) {
        free(cpuid->table);
        free(cpuid);
    }
    return NULL;
}

struct kvm_cpuid_entry2 *vkvm_cpuid_entries(struct vkvm_cpuid *cpuid, size_t *ret_count)
{
    *ret_count = cpuid->table->nent;
    return cpuid->table->entries;
}

int vkvm_cpuid_add(struct vkvm_cpuid *cpuid, const struct kvm_cpuid_entry2 *entry)
{
    if (cpuid->table->nent == cpuid->capacity) {
        int r = cpuid_reserve(cpuid, cpuid->capacity * 2);
        if (r < 0)
            return r;
    }
    cpuid->table->entries[cpuid->table->nent++] = *entry;
    return 0;
}

struct kvm_cpuid_entry2 *vkvm_cpuid_find(struct vkvm_cpuid *cpuid, uint32_t function,
                                         uint32_t index)
{
    for (uint32_t i = 0; i < cpuid->table->nent; i++) {
        struct kvm_cpuid_entry2 *e = &cpuid->table->entries[i];
        if (e->function == function &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
            return e;
    }
    return NULL;
}

int vkvm__cpuid_fetch(const struct vkvm_handle *h, unsigned long request,
                      struct vkvm_cpuid **ret_cpuid)
{
    struct vkvm_cpuid *cpuid = NULL;
    int r = vkvm_cpuid_new(&cpuid);
    if (r >= 0)
        r = cpuid_reserve(cpuid, FETCH_CAPACITY);
    while (r >= 0) {
        cpuid->table->nent = (uint32_t)cpuid->capacity;
        /* KVM_GET_EMULATED_CPUID refuses padding that is not zero. */
        memset(cpuid->table->entries, 0, cpuid->capacity * sizeof(cpuid->table->entries[0]));
        r = vkvm__ioctl(h, request, cpuid->table);
        if (r != -E2BIG)
            break;
        r = cpuid_reserve(cpuid, cpuid->capacity * 2);
    }
    if (r >= 0 && cpuid->table->nent > cpuid->capacity)
        r = -EPROTO; /* a kernel (or fake) that claims more than it was given room for */
    if (r < 0) {
        vkvm_cpuid_free(cpuid);
        return r;
    }
    *ret_cpuid = cpuid;
    return 0;
}

int vkvm_get_supported_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid)
{
    return vkvm__cpuid_fetch(&kvm->h, KVM_GET_SUPPORTED_CPUID, ret_cpuid);
}

int vkvm_get_emulated_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid)
{
    int r = vkvm__need_cap(&kvm->h, KVM_CAP_EXT_EMUL_CPUID, KVM_GET_EMULATED_CPUID);
    return r < 0 ? r : vkvm__cpuid_fetch(&kvm->h, KVM_GET_EMULATED_CPUID, ret_cpuid);
}

int vkvm_vcpu_set_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid *cpuid)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_CPUID2, cpuid->table);
}

int vkvm_vcpu_get_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid)
{
    return vkvm__cpuid_fetch(&vcpu->h, KVM_GET_CPUID2, ret_cpuid);
}

int vkvm_vcpu_enforce_pv_cpuid(struct vkvm_vcpu *vcpu, bool enforce)
{
    const uint64_t args[4] = { enforce };
    return vkvm_vcpu_enable_cap(vcpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, args);
}

static const uint32_t *cpuid_regs(const struct kvm_cpuid_entry2 *e, uint32_t out[4])
{
    out[0] = e->eax;
    out[1] = e->ebx;
    out[2] = e->ecx;
    out[3] = e->edx;
    return out;
}

size_t vkvm_cpuid_diff(struct vkvm_cpuid *wanted, struct vkvm_cpuid *effective,
                       struct vkvm_cpuid_delta *ret, size_t max)
{
    size_t total = 0;
    for (uint32_t i = 0; i < wanted->table->nent; i++) {
        const struct kvm_cpuid_entry2 *w = &wanted->table->entries[i];
        const struct kvm_cpuid_entry2 *e = vkvm_cpuid_find(effective, w->function, w->index);
        uint32_t want[4], have[4] = { 0 };
        cpuid_regs(w, want);
        if (e)
            cpuid_regs(e, have);
        for (uint32_t reg = 0; reg < 4; reg++) {
            if (want[reg] == have[reg])
                continue;
            if (total < max)
                ret[total] =
                    (struct vkvm_cpuid_delta){ w->function, w->index, reg, want[reg], have[reg] };
            total++;
        }
    }
    return total;
}
