/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual machine: memory slots, interrupt controllers, routing, event descriptors.
 */
#ifndef VKVM_VM_H
#define VKVM_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_vcpu;
struct vkvm_device;
struct vkvm_routing;

/** Wraps a VM descriptor; the handle owns it from now on, also on failure. `vcpu_mmap_size` as
 * vkvm_get_vcpu_mmap_size() tells. Errors: -ENOMEM, -EINVAL (size below struct kvm_run). Since 0.1
 * */
int vkvm_vm_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t vcpu_mmap_size,
                    struct vkvm_vm **ret_vm);
/** Closes. vCPUs may still be open: the kernel keeps the VM until they are closed. NULL is fine. */
struct vkvm_vm *vkvm_vm_close(struct vkvm_vm *vm);
int vkvm_vm_get_fd(const struct vkvm_vm *vm);
int vkvm_vm_check_cap(struct vkvm_vm *vm, uint32_t cap);
/** KVM_ENABLE_CAP [4.37] with up to four arguments. Errors: -EINVAL (unknown, or arguments). */
int vkvm_vm_enable_cap(struct vkvm_vm *vm, uint32_t cap, const uint64_t args[4]);
int vkvm_vm_ioctl(struct vkvm_vm *vm, unsigned long request, void *argument);

/** KVM_CREATE_VCPU [4.7]; id is the APIC id on x86. Errors: -EEXIST, -EINVAL (too many), -ENOMEM.
 * */
int vkvm_vm_create_vcpu(struct vkvm_vm *vm, uint32_t id, struct vkvm_vcpu **ret_vcpu);
/** KVM_CREATE_DEVICE [4.79]; type KVM_DEV_TYPE_*. Errors: -ENODEV (unknown type), -EEXIST. */
int vkvm_vm_create_device(struct vkvm_vm *vm, uint32_t type, uint32_t flags,
                          struct vkvm_device **ret_device);

/* --- memory slots [4.35] ---------------------------------------------------------------------- */
/**
 * vkvm_vm_add_memory() - maps host memory into the guest-physical space
 * @gpa, @size: bytes, page aligned
 * @hva: page-aligned host address of `size` bytes, kept mapped by the caller
 * @flags: KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY
 * @ret_slot: receives the slot number (lowest free)
 *
 * Errors, found before the kernel is asked: -EINVAL (alignment, flags, wrap-around), -EEXIST
 * (overlaps a slot), -ENOSPC (KVM_CAP_NR_MEMSLOTS reached). Context: any; slot calls of one VM are
 * serialised by the library.
 */
int vkvm_vm_add_memory(struct vkvm_vm *vm, uint64_t gpa, uint64_t size, void *hva, uint32_t flags,
                       uint32_t *ret_slot);
/** Changes the flags of a slot (dirty logging on or off). Errors: -ENOENT. */
int vkvm_vm_set_memory_flags(struct vkvm_vm *vm, uint32_t slot, uint32_t flags);
/** Removes a slot. Errors: -ENOENT. */
int vkvm_vm_remove_memory(struct vkvm_vm *vm, uint32_t slot);
/** Guest-physical to host address; NULL when [gpa, gpa + size) is not within one slot. */
void *vkvm_vm_translate(struct vkvm_vm *vm, uint64_t gpa, uint64_t size);
/** KVM_GET_DIRTY_LOG [4.8]: `bitmap` holds one bit a page of the slot, rounded up to 64 bits. */
int vkvm_vm_get_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t *bitmap);

/* --- x86 set-up ------------------------------------------------------------------------------- */
/** KVM_SET_TSS_ADDR [4.17]: three pages below 4 GiB the guest does not use (VT-x real mode). */
int vkvm_vm_set_tss_addr(struct vkvm_vm *vm, uint32_t address);
/** KVM_SET_IDENTITY_MAP_ADDR [4.41]: one page. Before the first vCPU, else -EINVAL. */
int vkvm_vm_set_identity_map_addr(struct vkvm_vm *vm, uint64_t address);
/** KVM_CREATE_IRQCHIP [4.24]: PIC, IOAPIC and local APICs in the kernel. -EEXIST when there is one.
 * */
int vkvm_vm_create_irqchip(struct vkvm_vm *vm);
/** KVM_CAP_SPLIT_IRQCHIP [7.5]: only local APICs in the kernel; `pins` IOAPIC routes (24). */
int vkvm_vm_enable_split_irqchip(struct vkvm_vm *vm, uint32_t pins);
/** KVM_CREATE_PIT2 [4.71]; flags KVM_PIT_SPEAKER_DUMMY. Needs the full irqchip. */
int vkvm_vm_create_pit(struct vkvm_vm *vm, uint32_t flags);
int vkvm_vm_get_clock(struct vkvm_vm *vm, struct kvm_clock_data *ret);
int vkvm_vm_set_clock(struct vkvm_vm *vm, const struct kvm_clock_data *clock);

/* --- interrupts ------------------------------------------------------------------------------- */
/** KVM_IRQ_LINE [4.25]: level of a GSI of the in-kernel controllers. */
int vkvm_vm_set_irq_line(struct vkvm_vm *vm, uint32_t gsi, bool level);
/** KVM_SIGNAL_MSI [4.70]: > 0 delivered, 0 blocked by the guest. */
int vkvm_vm_signal_msi(struct vkvm_vm *vm, uint64_t address, uint32_t data);

/** GSI routing table, built in user space and set as a whole [4.52]. */
int vkvm_routing_new(struct vkvm_routing **ret_routing);
struct vkvm_routing *vkvm_routing_free(struct vkvm_routing *routing);
void vkvm_routing_clear(struct vkvm_routing *routing);
/** chip KVM_IRQCHIP_PIC_MASTER, _SLAVE, _IOAPIC. Errors: -ENOMEM. */
int vkvm_routing_add_irqchip(struct vkvm_routing *routing, uint32_t gsi, uint32_t chip,
                             uint32_t pin);
int vkvm_routing_add_msi(struct vkvm_routing *routing, uint32_t gsi, uint64_t address,
                         uint32_t data);
size_t vkvm_routing_count(const struct vkvm_routing *routing);
int vkvm_vm_set_routing(struct vkvm_vm *vm, const struct vkvm_routing *routing);

/** KVM_IRQFD [4.75]: a write to `fd` raises `gsi`. resample_fd >= 0: level-triggered, signalled at
 * EOI. Errors: -EBUSY (fd has one), -EINVAL (gsi not routed). */
int vkvm_vm_add_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi, int resample_fd);
int vkvm_vm_remove_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi);

/**
 * struct vkvm_ioeventfd - a write that signals a descriptor instead of leaving KVM_RUN [4.59]
 * @address: port, or guest-physical address
 * @length: 1, 2, 4, 8, or 0: any (needs KVM_CAP_IOEVENTFD_ANY_LENGTH)
 * @pio: port space
 * @match, @value: only when this value is written
 */
struct vkvm_ioeventfd {
    uint64_t address;
    uint64_t value;
    uint32_t length;
    uint8_t pio;
    uint8_t match;
};
/** Errors: -EEXIST, -EINVAL, -ENOSPC. */
int vkvm_vm_add_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd);
int vkvm_vm_remove_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
