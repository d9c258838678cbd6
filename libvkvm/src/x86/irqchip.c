/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State and settings of the interrupt controllers and the timer in the kernel.
 */
#include <vkvm/uapi.h>
#include <vkvm/vm.h>
#include <vkvm/x86/irqchip.h>

#include "../vm.h"
#include "cpuid.h"

int vkvm_vm_get_irqchip(struct vkvm_vm *vm, uint32_t chip, struct kvm_irqchip *ret)
{
    struct kvm_irqchip state = { .chip_id = chip };
    int r = vkvm__ioctl(&vm->h, KVM_GET_IRQCHIP, &state);
    if (r >= 0)
        *ret = state;
    return r;
}

int vkvm_vm_set_irqchip(struct vkvm_vm *vm, const struct kvm_irqchip *state)
{
    return vkvm__ioctl(&vm->h, KVM_SET_IRQCHIP, state);
}

int vkvm_vm_get_pit(struct vkvm_vm *vm, struct kvm_pit_state2 *ret)
{
    return vkvm__ioctl(&vm->h, KVM_GET_PIT2, ret);
}

int vkvm_vm_set_pit(struct vkvm_vm *vm, const struct kvm_pit_state2 *state)
{
    return vkvm__ioctl(&vm->h, KVM_SET_PIT2, state);
}

int vkvm_vm_set_pit_reinject(struct vkvm_vm *vm, bool reinject)
{
    struct kvm_reinject_control control = { .pit_reinject = reinject };
    return vkvm__ioctl(&vm->h, KVM_REINJECT_CONTROL, &control);
}

int vkvm_vm_set_irq_line_status(struct vkvm_vm *vm, uint32_t gsi, bool level, int32_t *ret_status)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_IRQ_INJECT_STATUS, KVM_IRQ_LINE_STATUS);
    if (r >= 0)
        r = vkvm__ioctl(&vm->h, KVM_IRQ_LINE_STATUS, &line);
    if (r >= 0)
        *ret_status = line.status;
    return r;
}

int vkvm_vm_set_boot_cpu(struct vkvm_vm *vm, uint32_t id)
{
    int r = vkvm__need_cap(&vm->h, KVM_CAP_SET_BOOT_CPU_ID, KVM_SET_BOOT_CPU_ID);
    return r < 0 ? r : vkvm__ioctl_int(&vm->h, KVM_SET_BOOT_CPU_ID, id);
}

int vkvm_vm_set_max_vcpu_id(struct vkvm_vm *vm, uint32_t limit)
{
    return vkvm__vm_enable(vm, KVM_CAP_MAX_VCPU_ID, limit);
}

int vkvm_vm_enable_x2apic_api(struct vkvm_vm *vm, uint64_t flags)
{
    return vkvm__vm_enable(vm, KVM_CAP_X2APIC_API, flags);
}

int vkvm_vm_set_apic_bus_ns(struct vkvm_vm *vm, uint64_t nanoseconds)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, nanoseconds);
}
