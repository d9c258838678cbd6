/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual machine: vCPUs, devices, memory slots, interrupts, event descriptors.
 */
#ifndef VKVM_VM_H
#define VKVM_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/routing.h>
#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_vcpu;
struct vkvm_device;

/** Wraps a VM descriptor; the handle owns it from now on, also on failure. `vcpu_mmap_size` as
 * vkvm_get_vcpu_mmap_size() tells. Errors: -ENOMEM, -EINVAL (size below struct kvm_run). Since 0.1
 * */
int vkvm_vm_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t vcpu_mmap_size,
                    struct vkvm_vm **ret_vm);
/** Closes. vCPUs may still be open: the kernel keeps the VM until they are closed. NULL is fine. */
struct vkvm_vm *vkvm_vm_close(struct vkvm_vm *vm);
/** The descriptor, borrowed. Since 0.1 */
int vkvm_vm_get_fd(const struct vkvm_vm *vm);
/** KVM_CHECK_EXTENSION [4.4] on the VM, which may have less than the host. Needs
 * KVM_CAP_CHECK_EXTENSION_VM; without, -ENOTTY. Since 0.1 */
int vkvm_vm_check_cap(struct vkvm_vm *vm, uint32_t cap);
/** KVM_ENABLE_CAP [4.37], KVM_CAP_ENABLE_CAP_VM, with up to four arguments. Errors: -EINVAL
 * (unknown, or arguments). */
int vkvm_vm_enable_cap(struct vkvm_vm *vm, uint32_t cap, const uint64_t args[4]);
/** Any other ioctl on the descriptor. -errno: its own. Since 0.1 */
int vkvm_vm_ioctl(struct vkvm_vm *vm, unsigned long request, void *argument);

/** KVM_CREATE_VCPU [4.7]; id is the APIC id on x86. Errors: -EEXIST, -EINVAL (too many), -ENOMEM.
 * */
int vkvm_vm_create_vcpu(struct vkvm_vm *vm, uint32_t id, struct vkvm_vcpu **ret_vcpu);
/** KVM_CREATE_DEVICE [4.79], KVM_CAP_DEVICE_CTRL (3.10); type KVM_DEV_TYPE_*. Errors: -ENODEV
 * (unknown type), -EEXIST. */
int vkvm_vm_create_device(struct vkvm_vm *vm, uint32_t type, uint32_t flags,
                          struct vkvm_device **ret_device);

/* --- memory slots [4.35]; more in memory.h, dirty logging in dirty.h ------------------------- */
/**
 * vkvm_vm_add_memory() - maps host memory into the guest-physical space
 * @gpa, @size: bytes, multiples of the host's page size
 * @hva: page-aligned host address of `size` bytes, kept mapped by the caller
 * @flags: KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY
 * @ret_slot: receives the slot number (lowest free)
 *
 * Errors, found before the kernel is asked: -EINVAL (alignment, flags, wrap-around), -EEXIST
 * (overlaps a slot), -ENOSPC (KVM_CAP_NR_MEMSLOTS reached). Context: any; slot calls of one VM are
 * serialised by the library. Since 0.1
 */
int vkvm_vm_add_memory(struct vkvm_vm *vm, uint64_t gpa, uint64_t size, void *hva, uint32_t flags,
                       uint32_t *ret_slot);
/** Changes the flags of a slot. Errors: -ENOENT; -EINVAL: read-only cannot be changed. Since 0.1 */
int vkvm_vm_set_memory_flags(struct vkvm_vm *vm, uint32_t slot, uint32_t flags);
/** Removes a slot. Errors: -ENOENT. Since 0.1 */
int vkvm_vm_remove_memory(struct vkvm_vm *vm, uint32_t slot);
/** Guest-physical to host address; NULL when [gpa, gpa + size) is not within one slot of address
 * space 0. Since 0.1 */
void *vkvm_vm_translate(struct vkvm_vm *vm, uint64_t gpa, uint64_t size);

/* --- interrupts ------------------------------------------------------------------------------- */
/** KVM_IRQ_LINE [4.25], KVM_CAP_IRQCHIP: level of a GSI of the in-kernel controllers. -ENXIO: there
 * are none. */
int vkvm_vm_set_irq_line(struct vkvm_vm *vm, uint32_t gsi, bool level);
/** KVM_SIGNAL_MSI [4.71], KVM_CAP_SIGNAL_MSI (3.5): > 0 delivered, 0 blocked by the guest. -EINVAL:
 * no controller in the kernel takes it. */
int vkvm_vm_signal_msi(struct vkvm_vm *vm, uint64_t address, uint32_t data);

/** The same with a device id, for controllers that tell devices apart (KVM_CAP_MSI_DEVID,
 * arm64's ITS). Errors: -EINVAL (no such controller), -EOPNOTSUPP: no KVM_CAP_MSI_DEVID. Since
 * 0.1 */
int vkvm_vm_signal_msi_from(struct vkvm_vm *vm, uint64_t address, uint32_t data, uint32_t devid);

/** KVM_IRQFD [4.75]: a write to `fd` raises `gsi`. resample_fd >= 0: level-triggered, signalled at
 * EOI (KVM_CAP_IRQFD_RESAMPLE, Linux 3.7). Errors: -EBUSY (fd has one), -EINVAL (gsi not routed, no
 * eventfd). Since 0.1 */
int vkvm_vm_add_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi, int resample_fd);
/** Errors: -EINVAL. Removing one that is not there is fine. Since 0.1 */
int vkvm_vm_remove_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi);

/**
 * struct vkvm_ioeventfd - a write that signals a descriptor instead of leaving KVM_RUN [4.59]
 * @address: port, or guest-physical address
 * @length: 1, 2, 4, 8, or 0: any (KVM_CAP_IOEVENTFD_ANY_LENGTH, Linux 4.4). For memory, 0 is also
 *   the fastest: the instruction is not looked at
 * @pio: port space
 * @match, @value: only when this value is written; not with length 0
 */
struct vkvm_ioeventfd {
    uint64_t address;
    uint64_t value;
    uint32_t length;
    uint8_t pio;
    uint8_t match;
};
/** Errors: -EEXIST: taken (a match next to one without, too); -EINVAL: the description; -ENOSPC:
 * the bus is full (1000). Since 0.1 */
int vkvm_vm_add_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd);
/** The same description and fd as when added. Errors: -ENOENT. Since 0.1 */
int vkvm_vm_remove_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#if defined(__x86_64__)
#include <vkvm/x86/vm.h>
#endif
#endif
