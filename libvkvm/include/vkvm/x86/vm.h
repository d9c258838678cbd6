/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: setting up a VM: the interrupt controllers, the timer, kvmclock, the pages VT-x needs.
 */
#ifndef VKVM_X86_VM_H
#define VKVM_X86_VM_H

#include <linux/kvm.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_SET_TSS_ADDR [4.36], KVM_CAP_SET_TSS_ADDR: three pages below 4 GiB the guest does not use
 * (VT-x without unrestricted guests, in real mode). -EINVAL: they reach beyond. Since 0.1 */
int vkvm_vm_set_tss_addr(struct vkvm_vm *vm, uint32_t address);
/** KVM_SET_IDENTITY_MAP_ADDR [4.40], KVM_CAP_SET_IDENTITY_MAP_ADDR: one page, for the same. Before
 * the first vCPU, else -EINVAL. Since 0.1 */
int vkvm_vm_set_identity_map_addr(struct vkvm_vm *vm, uint64_t address);
/** KVM_CREATE_IRQCHIP [4.24], KVM_CAP_IRQCHIP: PIC, IOAPIC and local APICs in the kernel. -EEXIST:
 * there is one; -EINVAL: there is a vCPU. Since 0.1 */
int vkvm_vm_create_irqchip(struct vkvm_vm *vm);
/** KVM_CAP_SPLIT_IRQCHIP [7.5], Linux 4.5: only local APICs in the kernel; `pins` IOAPIC routes
 * (24). -EEXIST: there is an irqchip; -EINVAL. Since 0.1 */
int vkvm_vm_enable_split_irqchip(struct vkvm_vm *vm, uint32_t pins);
/** KVM_CREATE_PIT2 [4.71], KVM_CAP_PIT2; flags KVM_PIT_SPEAKER_DUMMY. -ENOENT: needs the full
 * irqchip; -EEXIST. Since 0.1 */
int vkvm_vm_create_pit(struct vkvm_vm *vm, uint32_t flags);
/** KVM_GET_CLOCK [4.29], KVM_CAP_ADJUST_CLOCK: kvmclock in nanoseconds, with KVM_CLOCK_REALTIME and
 * KVM_CLOCK_HOST_TSC (Linux 5.16) the host's clocks at the same moment. -ENOTTY. Since 0.1 */
int vkvm_vm_get_clock(struct vkvm_vm *vm, struct kvm_clock_data *ret);
/** KVM_SET_CLOCK [4.30], KVM_CAP_ADJUST_CLOCK; KVM_CLOCK_REALTIME: moved on by the time since.
 * -EINVAL (flags). Since 0.1 */
int vkvm_vm_set_clock(struct vkvm_vm *vm, const struct kvm_clock_data *clock);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
