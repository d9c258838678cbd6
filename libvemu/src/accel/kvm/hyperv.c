/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments of KVM: what it has, what a vCPU needs before it gets its CPUID, reset.
 *
 * Which of them a vCPU has says its leaf 0x40000003. KVM numbers vCPUs in the order they are made,
 * which is any; a guest is given the APIC id for its VP_INDEX instead. The MSRs are not in the list
 * of those that are saved: a reset writes what they are at power-on.
 */
#include <errno.h>

#include "accel/kvm/kvm.h"

#define LEAF_INTERFACE 0x40000001u
#define LEAF_RIGHTS    0x40000003u
#define INTERFACE      0x31237648u /* "Hv#1" */

/* Rights of the partition, and the MSRs that go with them (TLFS, "Virtual Processor Registers"). */
#define RIGHT_SYNIC           (1u << 2)
#define RIGHT_STIMER          (1u << 3)
#define RIGHT_APIC            (1u << 4)
#define RIGHT_HYPERCALLS      (1u << 5)
#define RIGHT_VP_INDEX        (1u << 6)
#define RIGHT_REFERENCE_TSC   (1u << 9)
#define RIGHT_REENLIGHTENMENT (1u << 13)

#define MSR_GUEST_OS_ID   0x40000000u
#define MSR_HYPERCALL     0x40000001u
#define MSR_VP_INDEX      0x40000002u
#define MSR_REFERENCE_TSC 0x40000021u
#define MSR_APIC_ASSIST   0x40000073u
#define MSR_SCONTROL      0x40000080u
#define MSR_SIEFP         0x40000082u
#define MSR_SIMP          0x40000083u
#define MSR_SINT0         0x40000090u /* 16 of them */
#define MSR_STIMER0       0x400000b0u /* configuration and count of 4 */
#define MSR_REENLIGHTEN   0x40000106u /* and what follows it: 2 more */
#define SINT_MASKED       (1u << 16)

#define HYPERCALL_UNKNOWN 2 /* HV_STATUS_INVALID_HYPERCALL_CODE */

static int supported(struct vkvm *sys, bool pvm, struct vemu_cpuid *ret)
{
    struct vkvm_cpuid *table;

    if (pvm) /* kernel mode runs on the software CPU, which has none of it */
        return -ENOTSUP;
    int r = vkvm_get_supported_hv_cpuid(sys, &table);
    if (r < 0)
        return r == -EOPNOTSUPP ? -ENOTSUP : r;
    kvm__cpuid_from(table, ret);
    vkvm_cpuid_free(table);
    return 0;
}

int kvm__supported_hyperv(const struct vemu_accel_config *config, struct vemu_accel_vm *opaque,
                          struct vemu_cpuid *ret)
{
    const struct kvm_vm *vm = (const struct kvm_vm *)opaque;
    struct vkvm *sys;
    if (vm)
        return supported(vm->sys, vm->pvm, ret);
    if (config->options) /* what is recorded has one order */
        return -EAGAIN;
    int r = vkvm_open(&sys);
    if (r < 0)
        return -EAGAIN; /* vm_create() has the better words */
    r = supported(sys, kvm__host_is_pvm(), ret);
    vkvm_close(sys);
    return r;
}

/* --- a vCPU ----------------------------------------------------------------------------------- */

static uint32_t rights_of(const struct vemu_cpuid *cpuid)
{
    uint32_t rights = 0;
    bool is_hyperv = false;
    for (uint32_t i = 0; i < cpuid->count; i++) {
        const struct vemu_cpuid_entry *e = &cpuid->entries[i];
        if (e->function == LEAF_INTERFACE)
            is_hyperv = e->eax == INTERFACE;
        if (e->function == LEAF_RIGHTS)
            rights = e->eax;
    }
    return is_hyperv ? rights : 0;
}

static int write_msrs(struct kvm_vcpu *vcpu, struct vkvm_msrs *msrs)
{
    size_t count;
    vkvm_msrs_entries(msrs, &count);
    if (!count)
        return 0;
    int r = vkvm_vcpu_set_msrs(vcpu->vcpu, msrs);
    return r < 0 ? r : (size_t)r == count ? 0 : -EINVAL;
}

int kvm__hyperv_begin(struct kvm_vcpu *vcpu, const struct vemu_cpuid *cpuid)
{
    struct vkvm_msrs *msrs;
    int r = 0;
    vcpu->hyperv = rights_of(cpuid);
    if (vcpu->hyperv & RIGHT_SYNIC)
        r = vkvm_vcpu_enable_synic(vcpu->vcpu);
    if (r < 0 || !(vcpu->hyperv & RIGHT_VP_INDEX))
        return r;
    r = vkvm_msrs_new(1, &msrs);
    if (r < 0)
        return r;
    vkvm_msrs_add(msrs, MSR_VP_INDEX, vcpu->id);
    r = write_msrs(vcpu, msrs);
    vkvm_msrs_free(msrs);
    return r;
}

static void add_synic(struct vkvm_msrs *msrs)
{
    vkvm_msrs_add(msrs, MSR_SCONTROL, 0);
    vkvm_msrs_add(msrs, MSR_SIEFP, 0);
    vkvm_msrs_add(msrs, MSR_SIMP, 0);
    for (uint32_t n = 0; n < 16; n++)
        vkvm_msrs_add(msrs, MSR_SINT0 + n, SINT_MASKED);
}

/* Those of the machine are vCPU 0's to write. */
int kvm__hyperv_reset(struct kvm_vcpu *vcpu)
{
    const uint32_t rights = vcpu->hyperv;
    struct vkvm_msrs *msrs;
    if (!rights)
        return 0;
    int r = vkvm_msrs_new(40, &msrs);
    if (r < 0)
        return r;
    for (uint32_t n = 0; (rights & RIGHT_STIMER) && n < 8; n++)
        vkvm_msrs_add(msrs, MSR_STIMER0 + n, 0);
    if (rights & RIGHT_SYNIC)
        add_synic(msrs);
    if (rights & RIGHT_APIC)
        vkvm_msrs_add(msrs, MSR_APIC_ASSIST, 0);
    if (vcpu->id == 0) {
        if (rights & RIGHT_REFERENCE_TSC)
            vkvm_msrs_add(msrs, MSR_REFERENCE_TSC, 0);
        for (uint32_t n = 0; (rights & RIGHT_REENLIGHTENMENT) && n < 3; n++)
            vkvm_msrs_add(msrs, MSR_REENLIGHTEN + n, 0);
        if (rights & RIGHT_HYPERCALLS) {
            vkvm_msrs_add(msrs, MSR_HYPERCALL, 0);
            vkvm_msrs_add(msrs, MSR_GUEST_OS_ID, 0);
        }
    }
    r = write_msrs(vcpu, msrs);
    vkvm_msrs_free(msrs);
    return r;
}

bool kvm__hyperv_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e)
{
    switch (e->hyperv->type) {
    case KVM_EXIT_HYPERV_SYNIC: /* message and event pages moved: nobody here writes to them */
        return true;
    case KVM_EXIT_HYPERV_HCALL: /* messages and events to a host that has no such ports */
        e->hyperv->u.hcall.result = HYPERCALL_UNKNOWN;
        vcpu->access_open = true;
        return true;
    default:
        return false;
    }
}
