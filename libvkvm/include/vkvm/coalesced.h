/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coalesced MMIO and PIO [4.116]: writes that do not leave the guest but queue up in a ring.
 *
 * For registers whose writes have no effect the guest could see before its next exit: frame buffer
 * planes, index registers. Writes to a zone go to a ring the vCPU's mapping holds, one for the
 * whole VM; a full ring makes the next write an ordinary exit. Order among ring entries is that of
 * the writes; drain the ring before handling any exit of a device that has a zone, and before
 * saving state.
 */
#ifndef VKVM_COALESCED_H
#define VKVM_COALESCED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vkvm_vm_add_coalesced() - KVM_REGISTER_COALESCED_MMIO
 * @pio: ports (KVM_CAP_COALESCED_PIO, Linux 4.20) instead of memory (KVM_CAP_COALESCED_MMIO)
 * @address, @size: bytes
 *
 * Errors: -EOPNOTSUPP: the host lacks the capability; -ENOSPC: too many zones (1000); -EINVAL.
 * Context: any. Since 0.1
 */
int vkvm_vm_add_coalesced(struct vkvm_vm *vm, bool pio, uint64_t address, uint32_t size);
/** Removes every zone that lies within the range. Errors: -EINVAL. Context: any. Since 0.1 */
int vkvm_vm_remove_coalesced(struct vkvm_vm *vm, bool pio, uint64_t address, uint32_t size);

/** One queued write: `length` is 1..8. */
struct vkvm_coalesced {
    uint64_t address;
    uint32_t length;
    uint8_t pio;
    uint8_t data[8];
};

/**
 * vkvm_vcpu_next_coalesced() - takes the oldest write out of the ring
 *
 * Returns 1: *ret_write is it; 0: the ring is empty; -EOPNOTSUPP: the vCPU's mapping has no ring.
 * The ring is the VM's: any vCPU's handle will do, but one thread at a time may take from it
 * (vCPUs may fill it meanwhile). Since 0.1
 */
int vkvm_vcpu_next_coalesced(struct vkvm_vcpu *vcpu, struct vkvm_coalesced *ret_write);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
