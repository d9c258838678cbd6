/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID through KVM: what the host supports, and what the guest sees in the end.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/assist.h"

/* 0x40000001 EAX: features that make the guest use hypercalls
 * (Documentation/virt/kvm/x86/cpuid.rst) */
#define KVM_FEATURES_HYPERCALL ((1u << 7) | (1u << 11) | (1u << 13)) /* unhalt, send_ipi, yield */
/* A vCPU that the software CPU runs looks preempted to KVM, and would not see a flush asked for. */
#define KVM_FEATURE_PV_TLB_FLUSH (1u << 9)

/*
 * What a KVM that interprets kernel mode does wrong without saying so, as far as hiding helps
 * (1.ECX, 7 and 0xD it shows as the hardware has them): LZCNT is executed as BSR; a hypercall
 * spins. With several vCPUs the kernel stays in KVM once user mode runs, and each CMPXCHG16B of the
 * kernel's allocator would be an assist.
 */
static void hide_for_pvm(const struct vemu_accel_config *config, struct vemu_cpuid_entry *e)
{
    if (e->function == 1 && config->vcpus > 1)
        e->ecx &= ~(1u << 13);
    if (e->function == 0x80000001)
        e->ecx &= ~(1u << 5);
    if (e->function == 0x40000001)
        e->eax &= ~(KVM_FEATURES_HYPERCALL | KVM_FEATURE_PV_TLB_FLUSH);
}

void kvm__cpuid_from(struct vkvm_cpuid *table, struct vemu_cpuid *ret)
{
    size_t count;
    const struct kvm_cpuid_entry2 *e = vkvm_cpuid_entries(table, &count);
    ret->count = 0;
    for (size_t i = 0; i < count && ret->count < VEMU_CPUID_MAX; i++)
        ret->entries[ret->count++] = (struct vemu_cpuid_entry){
            .function = e[i].function,
            .index = e[i].index,
            .flags = e[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ? VEMU_CPUID_INDEXED : 0,
            .eax = e[i].eax, .ebx = e[i].ebx, .ecx = e[i].ecx, .edx = e[i].edx,
        };
}

static int supported(struct vkvm *sys, bool pvm, const struct vemu_accel_config *config,
                     struct vemu_cpuid *ret)
{
    struct vkvm_cpuid *cpuid;
    int r = vkvm_get_supported_cpuid(sys, &cpuid);
    if (r < 0)
        return r;
    bool deadline = vkvm_check_cap(sys, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    kvm__cpuid_from(cpuid, ret);
    for (uint32_t i = 0; i < ret->count; i++) {
        struct vemu_cpuid_entry *out = &ret->entries[i];
        if (out->function == 1) /* true with a local APIC in the kernel, but not reported */
            out->ecx |= (1u << 21) | (1u << 31) | (deadline ? 1u << 24 : 0);
        if (pvm)
            hide_for_pvm(config, out);
    }
    vkvm_cpuid_free(cpuid);
    return 0;
}

/* Asking the processor for all its leaves takes as long as making the VM, when each of them is an
 * exit to the next host. */
int kvm__supported_cpuid(const struct vemu_accel_config *config, struct vemu_accel_vm *opaque,
                         struct vemu_cpuid *ret)
{
    const struct kvm_vm *vm = (const struct kvm_vm *)opaque;
    struct vkvm *sys;
    if (vm)
        return supported(vm->sys, vm->pvm, config, ret);
    if (config->options) /* what is recorded has one order */
        return -EAGAIN;
    int r = vkvm_open(&sys);
    if (r < 0)
        return -EAGAIN; /* vm_create() has the better words */
    r = supported(sys, kvm__host_is_pvm(), config, ret);
    vkvm_close(sys);
    return r;
}

int kvm__set_cpuid(struct vemu_accel_vcpu *opaque, const struct vemu_cpuid *cpuid)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    struct vkvm_cpuid *table = NULL;
    int r = vkvm_cpuid_new(&table);
    for (uint32_t i = 0; r >= 0 && i < cpuid->count; i++) {
        const struct vemu_cpuid_entry *in = &cpuid->entries[i];
        struct kvm_cpuid_entry2 e = {
            .function = in->function,
            .index = in->index,
            .flags = in->flags & VEMU_CPUID_INDEXED ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = in->eax, .ebx = in->ebx, .ecx = in->ecx, .edx = in->edx,
        };
        r = vkvm_cpuid_add(table, &e);
    }
    if (r >= 0)
        r = kvm__hyperv_begin(vcpu, cpuid);
    if (r >= 0)
        r = vkvm_vcpu_set_cpuid(vcpu->vcpu, table);
    vkvm_cpuid_free(table);
    if (r >= 0)
        r = kvm__assist_set_cpuid(vcpu);
    return r < 0 ? r : 0;
}

int kvm__get_cpuid(struct vemu_accel_vcpu *opaque, struct vemu_cpuid *ret)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    struct vkvm_cpuid *table;
    int r = vkvm_vcpu_get_cpuid(vcpu->vcpu, &table);
    if (r < 0)
        return r;
    kvm__cpuid_from(table, ret);
    vkvm_cpuid_free(table);
    return 0;
}
