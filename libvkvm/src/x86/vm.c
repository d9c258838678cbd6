/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86 set-up of a VM: interrupt controllers, timer, the pages VT-x needs.
 */
#include <string.h>

#include <vkvm/vm.h>

#include "../vm.h"

int vkvm_vm_set_tss_addr(struct vkvm_vm *vm, uint32_t address)
{
    return vkvm__ioctl_int(&vm->h, KVM_SET_TSS_ADDR, address);
}

int vkvm_vm_set_identity_map_addr(struct vkvm_vm *vm, uint64_t address)
{
    return vkvm__ioctl(&vm->h, KVM_SET_IDENTITY_MAP_ADDR, &address);
}

int vkvm_vm_create_irqchip(struct vkvm_vm *vm)
{
    return vkvm__ioctl_int(&vm->h, KVM_CREATE_IRQCHIP, 0);
}

int vkvm_vm_enable_split_irqchip(struct vkvm_vm *vm, uint32_t pins)
{
    const uint64_t args[4] = { pins };
    return vkvm_vm_enable_cap(vm, KVM_CAP_SPLIT_IRQCHIP, args);
}

int vkvm_vm_create_pit(struct vkvm_vm *vm, uint32_t flags)
{
    struct kvm_pit_config config = { .flags = flags };
    return vkvm__ioctl(&vm->h, KVM_CREATE_PIT2, &config);
}

int vkvm_vm_get_clock(struct vkvm_vm *vm, struct kvm_clock_data *ret)
{
    return vkvm__ioctl(&vm->h, KVM_GET_CLOCK, ret);
}

int vkvm_vm_set_clock(struct vkvm_vm *vm, const struct kvm_clock_data *clock)
{
    return vkvm__ioctl(&vm->h, KVM_SET_CLOCK, clock);
}
