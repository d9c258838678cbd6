/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coalesced MMIO and PIO: zones, and the ring.
 *
 * Theory of operation: the kernel writes at `last`, the library reads at `first`; equal means
 * empty, and one entry always stays free. Both lie in shared memory: they are read once, and taken
 * modulo the number of entries the page has, whatever they say.
 */
#include <errno.h>
#include <string.h>

#include <vkvm/coalesced.h>
#include <vkvm/uapi.h>

#include "vcpu.h"
#include "vm.h"

static int zone_ioctl(struct vkvm_vm *vm, unsigned long request, bool pio, uint64_t address,
                      uint32_t size)
{
    const struct kvm_coalesced_mmio_zone zone = { .addr = address, .size = size, .pio = pio };
    int r = vkvm__need_cap(&vm->h, pio ? KVM_CAP_COALESCED_PIO : KVM_CAP_COALESCED_MMIO, request);
    return r < 0 ? r : vkvm__ioctl(&vm->h, request, &zone);
}

int vkvm_vm_add_coalesced(struct vkvm_vm *vm, bool pio, uint64_t address, uint32_t size)
{
    return zone_ioctl(vm, KVM_REGISTER_COALESCED_MMIO, pio, address, size);
}

int vkvm_vm_remove_coalesced(struct vkvm_vm *vm, bool pio, uint64_t address, uint32_t size)
{
    return zone_ioctl(vm, KVM_UNREGISTER_COALESCED_MMIO, pio, address, size);
}

int vkvm_vcpu_next_coalesced(struct vkvm_vcpu *vcpu, struct vkvm_coalesced *ret)
{
    const size_t page = (size_t)vkvm__page_size();
    if (vcpu->run_size < (KVM_COALESCED_MMIO_PAGE_OFFSET + 1) * page)
        return -EOPNOTSUPP;
    struct kvm_coalesced_mmio_ring *ring =
        (void *)((uint8_t *)vcpu->run + KVM_COALESCED_MMIO_PAGE_OFFSET * page);
    const uint32_t entries = (uint32_t)((page - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]));

    uint32_t last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) % entries;
    uint32_t first = __atomic_load_n(&ring->first, __ATOMIC_RELAXED) % entries;
    if (first == last)
        return 0;
    const struct kvm_coalesced_mmio *entry = &ring->coalesced_mmio[first];
    ret->address = entry->phys_addr;
    ret->length = entry->len < sizeof(ret->data) ? entry->len : sizeof(ret->data);
    ret->pio = entry->pio != 0;
    memcpy(ret->data, entry->data, sizeof(ret->data));
    __atomic_store_n(&ring->first, (first + 1) % entries, __ATOMIC_RELEASE);
    return 1;
}
