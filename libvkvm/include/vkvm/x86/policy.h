/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: how a VM behaves where that can be chosen: quirks, what leaves to user space, shadow paging.
 *
 * Each function checks the capability on the VM first: -EOPNOTSUPP when it is not there. -EINVAL:
 * bits the host does not offer; vCPUs are there already where that counts.
 */
#ifndef VKVM_X86_POLICY_H
#define VKVM_X86_POLICY_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_CAP_DISABLE_QUIRKS2 [7.31], Linux 5.18: KVM_X86_QUIRK_*, all of which must be on offer:
 * vkvm_vm_check_cap(vm, KVM_CAP_DISABLE_QUIRKS2). Since 0.1 */
int vkvm_vm_disable_quirks(struct vkvm_vm *vm, uint64_t quirks);
/** KVM_CAP_X86_DISABLE_EXITS [7.13], Linux 4.17: KVM_X86_DISABLE_EXITS_*: HLT, PAUSE, MWAIT run in
 * the guest, for vCPUs with CPUs of their own. Before the first vCPU. */
int vkvm_vm_disable_exits(struct vkvm_vm *vm, uint64_t exits);
/** KVM_CAP_EXIT_ON_EMULATION_FAILURE [7.27], Linux 5.14: an instruction KVM cannot emulate always
 * leaves to user space, with its bytes (VKVM_EXIT_INTERNAL_ERROR), also from user mode of the
 * guest, which would get #UD else. */
int vkvm_vm_enable_emulation_exits(struct vkvm_vm *vm, bool enable);
/** KVM_CAP_X86_TRIPLE_FAULT_EVENT, Linux 6.1: vcpu events tell and take a pending triple fault. */
int vkvm_vm_enable_triple_fault_event(struct vkvm_vm *vm, bool enable);
/** KVM_CAP_EXCEPTION_PAYLOAD [7.17], Linux 4.20: vcpu events tell pending from injected
 * exceptions and carry CR2 or DR6 of those that are not delivered yet. */
int vkvm_vm_enable_exception_payload(struct vkvm_vm *vm, bool enable);
/** KVM_CAP_EXIT_HYPERCALL [8.34], Linux 5.14: bits of hypercall numbers (1 << KVM_HC_MAP_GPA_RANGE)
 * that come as VKVM_EXIT_HYPERCALL. */
int vkvm_vm_enable_hypercall_exits(struct vkvm_vm *vm, uint64_t hypercalls);
/** KVM_CAP_X86_BUS_LOCK_EXIT [7.22], Linux 5.12: VKVM_EXIT_BUS_LOCK for split locks, on CPUs that
 * notice. */
int vkvm_vm_enable_bus_lock_exits(struct vkvm_vm *vm, bool enable);
/** KVM_CAP_X86_NOTIFY_VMEXIT [7.33], Linux 6.1: an exit when no interrupt could be delivered for
 * `window` TSC cycles (0: hardware's least). flags: KVM_X86_NOTIFY_VMEXIT_ENABLED, and _USER for
 * VKVM_EXIT_NOTIFY. Once per VM. */
int vkvm_vm_enable_notify_exits(struct vkvm_vm *vm, uint32_t window, uint32_t flags);
/** KVM_CAP_MSR_PLATFORM_INFO [7.15], Linux 4.19: whether guests may read MSR_PLATFORM_INFO; on when
 * not set. */
int vkvm_vm_set_platform_info(struct vkvm_vm *vm, bool readable);
/** KVM_CAP_VM_DISABLE_NX_HUGE_PAGES [8.38], Linux 6.1: no iTLB multi-hit mitigation for a guest
 * that is trusted. Before the first vCPU. -EPERM: not CAP_SYS_BOOT. */
int vkvm_vm_disable_nx_huge_pages(struct vkvm_vm *vm);
/** KVM_CAP_SGX_ATTRIBUTE [7.25], Linux 5.13: lets enclaves of the guest use the attribute whose
 * securityfs file this is. */
int vkvm_vm_enable_sgx_attribute(struct vkvm_vm *vm, int fd);

/** KVM_SET_NR_MMU_PAGES, KVM_GET_NR_MMU_PAGES: how many shadow pages the VM may have; at least 64,
 * else -EINVAL. Capability: KVM_CAP_MMU_SHADOW_CACHE_CONTROL (Linux 2.6.25). KVM sets it by the
 * memory slots on its own. Newer kernels (6.3) refuse to tell: -EINVAL. */
int vkvm_vm_set_mmu_pages(struct vkvm_vm *vm, uint32_t pages);
int vkvm_vm_get_mmu_pages(struct vkvm_vm *vm);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
