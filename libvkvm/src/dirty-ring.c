/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty rings [8.29].
 *
 * Theory of operation: each vCPU has a ring of (slot, page) entries in memory shared with the
 * kernel. The kernel fills an entry and then sets DIRTY; here it is read and RESET set; then
 * KVM_RESET_DIRTY_RINGS protects the pages of all such entries and frees them. Entries are taken in
 * order and none is skipped. An entry is trusted with nothing: its slot and page are looked up, and
 * a harvest takes at most one ring's length, so a ring that stays full by magic does not hang.
 *
 * The reset comes before the pages are handed out. Until then a write needs no new entry, because
 * its page is still to be copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vkvm/uapi.h>

#include "dirty.h"
#include "vcpu.h"

#define DEFAULT_ENTRIES 65536u
#define MIN_ENTRIES     1024u /* the kernel keeps some hundred of them back */

/* Headers of before an architecture had rings say 0; it is the same wherever there are any. */
#define RING_PAGE_OFFSET 64

int vkvm__dirty_ring_enable(struct vkvm_dirty *dirty, uint32_t entries)
{
    struct vkvm_vm *vm = dirty->vm;
    uint32_t cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
    int bytes = vkvm_vm_check_cap(vm, cap);
    if (bytes <= 0) { /* before Linux 6.2, and only where memory order is strong */
        cap = KVM_CAP_DIRTY_LOG_RING;
        bytes = vkvm_vm_check_cap(vm, cap);
    }
    if (bytes <= 0)
        return vkvm__failed(&vm->h, KVM_RESET_DIRTY_RINGS, NULL, -EOPNOTSUPP);
    const uint32_t most = (uint32_t)bytes / sizeof(struct kvm_dirty_gfn);
    if (!entries)
        entries = most < DEFAULT_ENTRIES ? most : DEFAULT_ENTRIES;
    if (entries & (entries - 1) || entries > most || entries < MIN_ENTRIES)
        return -EINVAL;

    const uint64_t args[4] = { (uint64_t)entries * sizeof(struct kvm_dirty_gfn) };
    int r = vkvm_vm_enable_cap(vm, cap, args);
    if (r < 0)
        return r;
    vm->has_rings = true;
    dirty->ring_entries = entries;
    if (vkvm_vm_check_cap(vm, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP) <= 0)
        return 0;
    dirty->with_bitmap = true;
    return vkvm_vm_enable_cap(vm, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, NULL);
}

int vkvm__dirty_ring_map(struct vkvm_dirty *dirty, struct vkvm_vcpu *vcpu)
{
    if (dirty->ring_count == dirty->ring_capacity) {
        size_t capacity = dirty->ring_capacity ? dirty->ring_capacity * 2 : 4;
        struct vkvm_dirty_ring *rings = realloc(dirty->rings, capacity * sizeof(*rings));
        if (!rings)
            return -ENOMEM;
        dirty->rings = rings;
        dirty->ring_capacity = capacity;
    }
    void *gfns;
    int r = vcpu->h.sys.mmap(vcpu->h.sys.data, dirty->ring_entries * sizeof(struct kvm_dirty_gfn),
                             PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->h.fd,
                             (off_t)(RING_PAGE_OFFSET * vkvm__page_size()), &gfns);
    if (r < 0)
        return r;
    const struct vkvm_dirty_ring ring = { .sys = vcpu->h.sys, .gfns = gfns };
    dirty->rings[dirty->ring_count++] = ring;
    return 0;
}

void vkvm__dirty_ring_unmap(struct vkvm_dirty *dirty)
{
    for (size_t i = 0; i < dirty->ring_count; i++) {
        struct vkvm_dirty_ring *ring = &dirty->rings[i];
        ring->sys.munmap(ring->sys.data, ring->gfns,
                         dirty->ring_entries * sizeof(struct kvm_dirty_gfn));
    }
    free(dirty->rings);
    dirty->rings = NULL;
    dirty->ring_count = dirty->ring_capacity = 0;
}

/* All entries of one ring that are dirty now. Returns how many. */
static uint32_t ring_take(struct vkvm_dirty *dirty, struct vkvm_dirty_ring *ring)
{
    uint32_t taken = 0;
    for (; taken < dirty->ring_entries; taken++, ring->next++) {
        struct kvm_dirty_gfn *gfn = &ring->gfns[ring->next & (dirty->ring_entries - 1)];
        if ((__atomic_load_n(&gfn->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_MASK) !=
            KVM_DIRTY_GFN_F_DIRTY)
            break;
        struct vkvm_dirty_slot *slot = vkvm__dirty_find(dirty, gfn->slot);
        uint64_t page = gfn->offset;
        if (slot && page < slot->pages)
            slot->bitmap[page / 64] |= 1ull << (page % 64);
        __atomic_store_n(&gfn->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
    }
    return taken;
}

int vkvm__dirty_ring_harvest(struct vkvm_dirty *dirty)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < dirty->ring_count; i++)
        taken += ring_take(dirty, &dirty->rings[i]);
    int r = 0;
    if (taken || dirty->reset_due)
        r = vkvm__ioctl_int(&dirty->vm->h, KVM_RESET_DIRTY_RINGS, 0);
    dirty->reset_due = r < 0;
    return r < 0 ? r : 0;
}
