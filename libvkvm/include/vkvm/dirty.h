/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which guest pages were written: KVM's three ways behind one iterator.
 *
 *     vkvm_dirty_new(vm, VKVM_DIRTY_BEST, 0, 0, &dirty);   before the first vCPU
 *     vkvm_dirty_add_vcpu(dirty, vcpu);                    each of them
 *     vkvm_dirty_start(dirty);
 *     while (...) {
 *         vkvm_dirty_harvest(dirty);                       what was written until now
 *         while (vkvm_dirty_next(dirty, &range) == 1)
 *             ...                                          copy range.length bytes from range.hva
 *     }
 *     vkvm_dirty_stop(dirty);
 *
 * One promise holds for all forms: a range that vkvm_dirty_next() hands out is protected again when
 * it is handed out, so a write from then on shows in a later harvest. Copy after, not before.
 *
 * For the last pass stop the vCPUs first: processors buffer what they note (page-modification
 * logging) and hand it over when a vCPU leaves the guest.
 *
 * The host's writes into guest memory are the application's to report: vkvm_dirty_mark().
 * Context: any; calls on one object are serialised inside.
 */
#ifndef VKVM_DIRTY_H
#define VKVM_DIRTY_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_dirty;

/** How pages are tracked. */
enum vkvm_dirty_form {
    /* the first of RING, MANUAL, BITMAP that the host has and that is not too late */
    VKVM_DIRTY_BEST = 0,
    /* KVM_GET_DIRTY_LOG [4.8]: a harvest protects all pages of a slot at once */
    VKVM_DIRTY_BITMAP = 1,
    /* ... and KVM_CLEAR_DIRTY_LOG [4.117]: protected in steps, as ranges are handed out
     * (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, Linux 5.1) */
    VKVM_DIRTY_MANUAL = 2,
    /* a ring each vCPU writes (KVM_CAP_DIRTY_LOG_RING 5.11, _ACQ_REL 6.2) [8.29]: costs by pages
     * written, not by memory. A full ring is VKVM_EXIT_DIRTY_RING_FULL: harvest, and run again */
    VKVM_DIRTY_RING = 3,
};

/** The first harvest after vkvm_dirty_start() has every page: what a migration begins with. In the
 * MANUAL form the kernel then need not protect all memory at the start (Linux 5.7). */
#define VKVM_DIRTY_ALL_AT_START (1u << 0)

/**
 * struct vkvm_dirty_range - pages that were written
 * @slot: number of the slot
 * @offset, @length: bytes within it
 * @gpa, @hva: the same place for the guest and the host
 */
struct vkvm_dirty_range {
    uint32_t slot;
    uint32_t reserved;
    uint64_t offset, length;
    uint64_t gpa;
    void *hva;
};

/**
 * vkvm_dirty_new() - prepares tracking of a VM; one at a time
 * @form: enum vkvm_dirty_form
 * @ring_entries: pages each vCPU's ring holds, a power of two; 0: 65536 or what the host has at
 * most
 * @flags: VKVM_DIRTY_*
 *
 * A ring has to come before the VM's first vCPU, and where the host wants a bitmap besides
 * (KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, arm64) before the first slot. It excludes the other forms
 * for the VM's life, so keep the object as long; start and stop as often as wanted. The VM must
 * outlive the object. Errors: -EOPNOTSUPP: the host lacks the form; -EINVAL (form, entries, flags;
 * too late for a ring); -EBUSY: the VM is tracked already, or has rings; -ENOMEM. Since 0.1
 */
int vkvm_dirty_new(struct vkvm_vm *vm, uint32_t form, uint32_t ring_entries, uint32_t flags,
                   struct vkvm_dirty **ret_dirty);
/** Stops, and frees. NULL is fine. Returns NULL. vCPUs added may be closed before or after. */
struct vkvm_dirty *vkvm_dirty_free(struct vkvm_dirty *dirty);
/** The form in use, not BEST. Since 0.1 */
uint32_t vkvm_dirty_get_form(const struct vkvm_dirty *dirty);
/** Maps the vCPU's ring; does nothing in the other forms. The vCPU must not be closed while it is
 * added. Errors: -ENOMEM; those of mmap(2). Since 0.1 */
int vkvm_dirty_add_vcpu(struct vkvm_dirty *dirty, struct vkvm_vcpu *vcpu);

/**
 * vkvm_dirty_start() - turns on logging of every writable slot of address space 0 and 1
 *
 * Slots added later need KVM_MEM_LOG_DIRTY_PAGES, or another vkvm_dirty_start(), which does not
 * disturb those that log already. guest_memfd slots are left out. Errors: those of
 * vkvm_vm_log_dirty(); slots before the failing one log then. Since 0.1
 */
int vkvm_dirty_start(struct vkvm_dirty *dirty);
/** Turns logging off and forgets what was harvested. Errors: those of vkvm_vm_log_dirty(). */
int vkvm_dirty_stop(struct vkvm_dirty *dirty);

/**
 * vkvm_dirty_harvest() - asks the kernel what was written since it was asked last
 *
 * Adds to what is still to be handed out. Slots that are gone are forgotten. Returns 0; errors:
 * those of KVM_GET_DIRTY_LOG and KVM_RESET_DIRTY_RINGS; -ENOMEM. What was found before an error is
 * kept. Since 0.1
 */
int vkvm_dirty_harvest(struct vkvm_dirty *dirty);
/** Takes out the next range, in order of slot number and offset: 1, or 0 when none is left. Errors:
 * those of KVM_CLEAR_DIRTY_LOG; the range stays. Since 0.1 */
int vkvm_dirty_next(struct vkvm_dirty *dirty, struct vkvm_dirty_range *ret_range);
/** Bytes still to be handed out. Since 0.1 */
uint64_t vkvm_dirty_pending(struct vkvm_dirty *dirty);
/** Puts a range in, rounded to whole pages: written by the host, or to be handed out again.
 * -ENOENT: no such slot, or it does not log; -ERANGE: reaches outside; -ENOMEM. Since 0.1 */
int vkvm_dirty_mark(struct vkvm_dirty *dirty, uint32_t slot, uint64_t offset, uint64_t length);

/** KVM_GET_DIRTY_LOG [4.8] itself: `bitmap` holds one bit a page of the slot, rounded up to 64
 * bits. Errors: -ENOENT: the slot does not log; -ENXIO: the VM has rings. Since 0.1 */
int vkvm_vm_get_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t *bitmap);
/** KVM_CLEAR_DIRTY_LOG [4.117] itself, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: clears and protects the
 * pages whose bits are set; bit 0 is `first_page`, a multiple of 64; so is `pages`, but at the
 * slot's end. Errors: -EINVAL, -ENOENT, -ENXIO. Since 0.1 */
int vkvm_vm_clear_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t first_page, uint32_t pages,
                            const uint64_t *bitmap);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
