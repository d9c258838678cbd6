/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a VM behaves where that can be chosen.
 */
#include <vkvm/vm.h>
#include <vkvm/x86/policy.h>

#include "../vm.h"
#include "cpuid.h"

int vkvm__vm_enable(struct vkvm_vm *vm, uint32_t cap, uint64_t argument)
{
    const uint64_t args[4] = { argument };
    int r = vkvm__need_cap(&vm->h, cap, KVM_ENABLE_CAP);
    return r < 0 ? r : vkvm__enable_cap(&vm->h, cap, args);
}

int vkvm_vm_disable_quirks(struct vkvm_vm *vm, uint64_t quirks)
{
    return vkvm__vm_enable(vm, KVM_CAP_DISABLE_QUIRKS2, quirks);
}

int vkvm_vm_disable_exits(struct vkvm_vm *vm, uint64_t exits)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_DISABLE_EXITS, exits);
}

int vkvm_vm_enable_emulation_exits(struct vkvm_vm *vm, bool enable)
{
    return vkvm__vm_enable(vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, enable);
}

int vkvm_vm_enable_triple_fault_event(struct vkvm_vm *vm, bool enable)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, enable);
}

int vkvm_vm_enable_exception_payload(struct vkvm_vm *vm, bool enable)
{
    return vkvm__vm_enable(vm, KVM_CAP_EXCEPTION_PAYLOAD, enable);
}

int vkvm_vm_enable_hypercall_exits(struct vkvm_vm *vm, uint64_t hypercalls)
{
    return vkvm__vm_enable(vm, KVM_CAP_EXIT_HYPERCALL, hypercalls);
}

int vkvm_vm_enable_bus_lock_exits(struct vkvm_vm *vm, bool enable)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_BUS_LOCK_EXIT,
                           enable ? KVM_BUS_LOCK_DETECTION_EXIT : KVM_BUS_LOCK_DETECTION_OFF);
}

int vkvm_vm_enable_notify_exits(struct vkvm_vm *vm, uint32_t window, uint32_t flags)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_NOTIFY_VMEXIT, ((uint64_t)window << 32) | flags);
}

int vkvm_vm_set_platform_info(struct vkvm_vm *vm, bool readable)
{
    return vkvm__vm_enable(vm, KVM_CAP_MSR_PLATFORM_INFO, readable);
}

int vkvm_vm_disable_nx_huge_pages(struct vkvm_vm *vm)
{
    return vkvm__vm_enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0);
}

int vkvm_vm_enable_sgx_attribute(struct vkvm_vm *vm, int fd)
{
    return vkvm__vm_enable(vm, KVM_CAP_SGX_ATTRIBUTE, (uint64_t)fd);
}

int vkvm_vm_set_mmu_pages(struct vkvm_vm *vm, uint32_t pages)
{
    int r = vkvm__need_cap(&vm->h, KVM_CAP_MMU_SHADOW_CACHE_CONTROL, KVM_SET_NR_MMU_PAGES);
    return r < 0 ? r : vkvm__ioctl_int(&vm->h, KVM_SET_NR_MMU_PAGES, pages);
}

int vkvm_vm_get_mmu_pages(struct vkvm_vm *vm)
{
    int r = vkvm__need_cap(&vm->h, KVM_CAP_MMU_SHADOW_CACHE_CONTROL, KVM_GET_NR_MMU_PAGES);
    return r < 0 ? r : vkvm__ioctl_int(&vm->h, KVM_GET_NR_MMU_PAGES, 0);
}
