/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hyper-V enlightenments.
 */
#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "../vm.h"
#include "cpuid.h"

int vkvm_get_supported_hv_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid)
{
    int r = vkvm__need_cap(&kvm->h, KVM_CAP_SYS_HYPERV_CPUID, KVM_GET_SUPPORTED_HV_CPUID);
    return r < 0 ? r : vkvm__cpuid_fetch(&kvm->h, KVM_GET_SUPPORTED_HV_CPUID, ret_cpuid);
}

int vkvm_vcpu_get_supported_hv_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid)
{
    return vkvm__cpuid_fetch(&vcpu->h, KVM_GET_SUPPORTED_HV_CPUID, ret_cpuid);
}

static int hyperv_eventfd(struct vkvm_vm *vm, uint32_t connection, int fd, uint32_t flags)
{
    struct kvm_hyperv_eventfd request = { .conn_id = connection, .fd = fd, .flags = flags };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_HYPERV_EVENTFD, KVM_HYPERV_EVENTFD);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_HYPERV_EVENTFD, &request);
}

int vkvm_vm_add_hyperv_eventfd(struct vkvm_vm *vm, uint32_t connection, int fd)
{
    return hyperv_eventfd(vm, connection, fd, 0);
}

int vkvm_vm_remove_hyperv_eventfd(struct vkvm_vm *vm, uint32_t connection)
{
    return hyperv_eventfd(vm, connection, -1, KVM_HYPERV_EVENTFD_DEASSIGN);
}

int vkvm_vcpu_enable_synic(struct vkvm_vcpu *vcpu)
{
    return vkvm_vcpu_enable_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, NULL);
}

int vkvm_vcpu_enable_evmcs(struct vkvm_vcpu *vcpu, uint16_t *ret_version)
{
    const uint64_t args[4] = { (uintptr_t)ret_version };
    return vkvm_vcpu_enable_cap(vcpu, KVM_CAP_HYPERV_ENLIGHTENED_VMCS, args);
}

int vkvm_vcpu_enable_direct_tlbflush(struct vkvm_vcpu *vcpu)
{
    return vkvm_vcpu_enable_cap(vcpu, KVM_CAP_HYPERV_DIRECT_TLBFLUSH, NULL);
}

int vkvm_vcpu_enforce_hyperv_cpuid(struct vkvm_vcpu *vcpu, bool enforce)
{
    const uint64_t args[4] = { enforce };
    return vkvm_vcpu_enable_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, args);
}
