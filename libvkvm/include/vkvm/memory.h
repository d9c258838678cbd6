/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slots beyond the plain one of vm.h: guest_memfd, address spaces, holes, lists, attributes,
 * faulting in ahead.
 *
 * Theory of operation: the library keeps the list of slots, sorted by address space and
 * guest-physical address, and never lets it and the kernel disagree: every change holds one lock
 * around the ioctl. KVM refuses with a bare EINVAL what the list refuses with a reason.
 *
 * KVM cannot resize or move a slot. What looks like that here (vkvm_vm_punch_memory()) is taking it
 * away and putting pieces back: a vCPU that touches the range in between gets an MMIO exit, so
 * vCPUs must not run. Each change moves a generation counter, for consumers that keep a copy of
 * the list (vhost, VFIO).
 */
#ifndef VKVM_MEMORY_H
#define VKVM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/uapi.h>
#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct vkvm_memory - one memory slot
 * @size: sizeof(struct vkvm_memory), set by the caller (VKVM_MEMORY_INIT)
 * @flags: KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD
 * @gpa, @length: bytes, multiples of the host's page size
 * @hva: host address of `length` bytes, kept mapped by the caller
 * @guest_memfd, @guest_memfd_offset: with KVM_MEM_GUEST_MEMFD, where the private part lies (bytes)
 * @space: address space, 0; 1 is system management mode on x86 (KVM_CAP_MULTI_ADDRESS_SPACE)
 * @slot: out: its number. The address space is bits 16 and up, as the kernel counts
 */
struct vkvm_memory {
    uint32_t size;
    uint32_t flags;
    uint64_t gpa, length;
    void *hva;
    uint64_t guest_memfd_offset;
    int32_t guest_memfd;
    uint32_t space;
    uint32_t slot;
    uint32_t reserved;
};
/* clang-format off */
#define VKVM_MEMORY_INIT { .size = sizeof(struct vkvm_memory), .guest_memfd = -1 }
/* clang-format on */

/** A range of guest-physical addresses, bytes. */
struct vkvm_range {
    uint64_t gpa, size;
};

/**
 * vkvm_vm_add_memory_slot() - vkvm_vm_add_memory() with all there is [4.35, 4.140]
 * @ret_slot: receives the slot's number (lowest free of its address space)
 *
 * The same host memory may be in several slots (a ROM and its alias below 1 MiB).
 * Errors: those of vkvm_vm_add_memory(); -EINVAL also: `size` too small, no guest_memfd, no such
 * address space; -EOPNOTSUPP: KVM_MEM_GUEST_MEMFD without KVM_CAP_USER_MEMORY2 (Linux 6.8);
 * -EEXIST also: the part of the guest_memfd is bound. Context: any. Since 0.1
 */
int vkvm_vm_add_memory_slot(struct vkvm_vm *vm, const struct vkvm_memory *memory,
                            uint32_t *ret_slot);

/**
 * vkvm_vm_add_memory_around() - adds a range except for its holes
 * @memory: the whole range, host memory of the holes included
 * @holes, @hole_count: ranges to leave out, in any order; they may overlap and reach outside
 * @ret_slots, @max: receives the numbers of the pieces, in order of address
 *
 * Returns how many slots there are now, 0 when the holes cover all. All or nothing: when a piece
 * fails, those before it are removed again. Errors: as vkvm_vm_add_memory_slot(); -E2BIG: more than
 * `max` pieces; -EINVAL: a hole not page aligned. Context: any. Since 0.1
 */
int vkvm_vm_add_memory_around(struct vkvm_vm *vm, const struct vkvm_memory *memory,
                              const struct vkvm_range *holes, size_t hole_count,
                              uint32_t *ret_slots, size_t max);

/**
 * vkvm_vm_punch_memory() - makes a hole into a slot
 * @slot: keeps its number for the part in front of the hole
 * @gpa, @size: the hole, bytes, page aligned, inside the slot
 * @ret_slot: receives the number of the part behind the hole; UINT32_MAX: there is none
 *
 * Not atomic: vCPUs must not run meanwhile. When putting back a piece fails, the slot is put back
 * as it was, and the error returned. A hole at the front gives `slot` to the part behind; one that
 * covers the slot removes it. Errors: -ENOENT (slot), -EINVAL (the hole), -ENOSPC. Since 0.1
 */
int vkvm_vm_punch_memory(struct vkvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size,
                         uint32_t *ret_slot);

/** Dirty logging of one slot on or off, the other flags unchanged [4.35]. Errors: -ENOENT; -EINVAL:
 * a guest_memfd slot on kernels where those cannot. Context: any. Since 0.1 */
int vkvm_vm_log_dirty(struct vkvm_vm *vm, uint32_t slot, bool on);

/** Fills at most `max` entries, sorted by address space and address; returns how many slots there
 * are. ret_list may be NULL with max 0. Each entry's `size` is set. Context: any. Since 0.1 */
size_t vkvm_vm_list_memory(struct vkvm_vm *vm, struct vkvm_memory *ret_list, size_t max);
/** The slot that holds a guest-physical address of address space `space`. -ENOENT; -EINVAL:
 * ret_memory->size is too small. Context: any. Since 0.1 */
int vkvm_vm_lookup_memory(struct vkvm_vm *vm, uint32_t space, uint64_t gpa,
                          struct vkvm_memory *ret_memory);
/** Host to guest-physical address (address space 0, the lowest when there are aliases); all of
 * [hva, hva + size) in one slot. -ENOENT. Context: any. Since 0.1 */
int vkvm_vm_translate_hva(struct vkvm_vm *vm, const void *hva, uint64_t size, uint64_t *ret_gpa);
/** Changes with every change of the list of slots. Context: any. Since 0.1 */
uint64_t vkvm_vm_get_memory_generation(struct vkvm_vm *vm);

/**
 * vkvm_vm_create_guest_memfd() - KVM_CREATE_GUEST_MEMFD [4.142], Linux 6.8
 * @size: bytes, page aligned
 * @flags: GUEST_MEMFD_FLAG_* (KVM_CAP_GUEST_MEMFD_FLAGS tells which, Linux 6.18)
 *
 * Returns a descriptor of the caller's; it is not close-on-exec by itself on all kernels. Errors:
 * -EOPNOTSUPP: no KVM_CAP_GUEST_MEMFD; -EINVAL (size, flags); -EMFILE. Context: any. Since 0.1
 */
int vkvm_vm_create_guest_memfd(struct vkvm_vm *vm, uint64_t size, uint64_t flags);

/**
 * vkvm_vm_set_memory_attributes() - KVM_SET_MEMORY_ATTRIBUTES [4.141], Linux 6.8
 * @gpa, @size: bytes, page aligned; need not be in slots
 * @attributes: KVM_MEMORY_ATTRIBUTE_PRIVATE or 0, replacing what is set
 *
 * Errors: -EOPNOTSUPP: no KVM_CAP_MEMORY_ATTRIBUTES; -EINVAL: an attribute this VM cannot have
 * (vkvm_vm_check_cap(KVM_CAP_MEMORY_ATTRIBUTES) is the mask). Context: any. Since 0.1
 */
int vkvm_vm_set_memory_attributes(struct vkvm_vm *vm, uint64_t gpa, uint64_t size,
                                  uint64_t attributes);

/**
 * vkvm_vcpu_pre_fault() - KVM_PRE_FAULT_MEMORY [4.143], Linux 6.11: fills second-level page tables
 * @gpa, @size: bytes, page aligned
 * @ret_done: receives how many bytes were done, on errors too; may be NULL
 *
 * The kernel works in steps; this goes on until all is done. Errors: -EINVAL, -ENOENT (outside of
 * all slots), -EINTR (a signal is pending; go on with what is left), -EOPNOTSUPP (not in the
 * vCPU's mode), -ENOTTY (no KVM_CAP_PRE_FAULT_MEMORY), -EIO. Context: the vCPU's thread. Since 0.1
 */
int vkvm_vcpu_pre_fault(struct vkvm_vcpu *vcpu, uint64_t gpa, uint64_t size, uint64_t *ret_done);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
