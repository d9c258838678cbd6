/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slots of a VM: the list of slots.c kept in step with the kernel's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/memory.h>

#include "vcpu.h"
#include "vm.h"

#define DEFAULT_SLOT_LIMIT 32 /* KVM_CAP_NR_MEMSLOTS absent [4.35] */

static struct kvm_userspace_memory_region2 slot_region(const struct vkvm_slot *slot)
{
    return (struct kvm_userspace_memory_region2){
        .slot = slot->number,
        .flags = slot->flags,
        .guest_phys_addr = slot->gpa,
        .memory_size = slot->size,
        .userspace_addr = (uintptr_t)slot->hva,
        .guest_memfd_offset = slot->memfd_offset,
        .guest_memfd = (uint32_t)slot->memfd,
    };
}

static unsigned long slot_request(const struct vkvm_slot *slot)
{
    return slot->flags & KVM_MEM_GUEST_MEMFD ? KVM_SET_USER_MEMORY_REGION2
                                             : KVM_SET_USER_MEMORY_REGION;
}

/* Tells the kernel. Its first structure is how the second begins. */
static int slot_set(struct vkvm_vm *vm, const struct vkvm_slot *slot)
{
    const struct kvm_userspace_memory_region2 region = slot_region(slot);
    return vkvm__ioctl(&vm->h, slot_request(slot), &region);
}

static int slot_unset(struct vkvm_vm *vm, const struct vkvm_slot *slot)
{
    struct vkvm_slot gone = *slot;
    gone.size = 0;
    /* flags and descriptor would be checked again for nothing */
    gone.flags = 0;
    gone.memfd = 0;
    return slot_set(vm, &gone);
}

/* Records what the list or a range check refused, as the ioctl it spared. */
static int slot_refused(struct vkvm_vm *vm, const struct vkvm_slot *slot, int error)
{
    const struct kvm_userspace_memory_region2 region = slot_region(slot);
    return vkvm__failed(&vm->h, slot_request(slot), &region, error);
}

static int no_slot(struct vkvm_vm *vm, uint32_t number)
{
    const struct vkvm_slot slot = { .number = number };
    return slot_refused(vm, &slot, -ENOENT);
}

/* --- adding and removing --- */

static int add_locked(struct vkvm_vm *vm, struct vkvm_slot *slot)
{
    size_t index;
    if (!vm->slot_limit) {
        int limit = vkvm_vm_check_cap(vm, KVM_CAP_NR_MEMSLOTS);
        vm->slot_limit = limit > 0 ? (uint32_t)limit : DEFAULT_SLOT_LIMIT;
    }
    int r = vkvm__slots_prepare(&vm->slots, slot, vm->slot_limit, &index, &slot->number);
    if (r < 0)
        return slot_refused(vm, slot, r);
    r = slot_set(vm, slot);
    if (r < 0)
        return r;
    vkvm__slots_insert(&vm->slots, index, slot);
    return 0;
}

static int remove_locked(struct vkvm_vm *vm, uint32_t number)
{
    size_t index;
    const struct vkvm_slot *slot = vkvm__slots_find(&vm->slots, number, &index);
    if (!slot)
        return no_slot(vm, number);
    int r = slot_unset(vm, slot);
    if (r < 0)
        return r;
    vkvm__slots_remove(&vm->slots, index);
    return 0;
}

static int slot_from(const struct vkvm_memory *memory, struct vkvm_slot *ret)
{
    if (memory->size < sizeof(*memory))
        return -EINVAL;
    *ret = (struct vkvm_slot){
        .gpa = memory->gpa,
        .size = memory->length,
        .hva = memory->hva,
        .memfd = memory->guest_memfd,
        .memfd_offset = memory->guest_memfd_offset,
        .space = memory->space,
        .flags = memory->flags,
    };
    return 0;
}

static int need_memfd(struct vkvm_vm *vm, uint32_t flags)
{
    return flags & KVM_MEM_GUEST_MEMFD
               ? vkvm__need_cap(&vm->h, KVM_CAP_USER_MEMORY2, KVM_SET_USER_MEMORY_REGION2)
               : 0;
}

int vkvm_vm_add_memory_slot(struct vkvm_vm *vm, const struct vkvm_memory *memory,
                            uint32_t *ret_slot)
{
    struct vkvm_slot slot;
    int r = slot_from(memory, &slot);
    if (r >= 0)
        r = need_memfd(vm, slot.flags);
    if (r < 0)
        return r;
    pthread_mutex_lock(&vm->slots_lock);
    r = add_locked(vm, &slot);
    pthread_mutex_unlock(&vm->slots_lock);
    if (r == 0)
        *ret_slot = slot.number;
    return r;
}

int vkvm_vm_add_memory(struct vkvm_vm *vm, uint64_t gpa, uint64_t size, void *hva, uint32_t flags,
                       uint32_t *ret_slot)
{
    struct vkvm_memory memory = VKVM_MEMORY_INIT;
    memory.gpa = gpa;
    memory.length = size;
    memory.hva = hva;
    memory.flags = flags;
    return vkvm_vm_add_memory_slot(vm, &memory, ret_slot);
}

int vkvm_vm_remove_memory(struct vkvm_vm *vm, uint32_t number)
{
    pthread_mutex_lock(&vm->slots_lock);
    int r = remove_locked(vm, number);
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

static int flags_locked(struct vkvm_vm *vm, struct vkvm_slot *slot, uint32_t flags)
{
    struct vkvm_slot changed = *slot;
    changed.flags = flags;
    int r = slot_set(vm, &changed);
    if (r < 0)
        return r;
    if (slot->flags != flags)
        vm->slots.generation++;
    slot->flags = flags;
    return 0;
}

static int set_flags(struct vkvm_vm *vm, uint32_t number, uint32_t keep, uint32_t set)
{
    pthread_mutex_lock(&vm->slots_lock);
    struct vkvm_slot *slot = vkvm__slots_find(&vm->slots, number, NULL);
    int r = slot ? flags_locked(vm, slot, (slot->flags & keep) | set) : no_slot(vm, number);
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

int vkvm__slots_log_all(struct vkvm_vm *vm, bool on)
{
    int r = 0;
    pthread_mutex_lock(&vm->slots_lock);
    for (size_t i = 0; i < vm->slots.count && r >= 0; i++) {
        struct vkvm_slot *slot = &vm->slots.items[i];
        uint32_t flags = slot->flags & ~(uint32_t)KVM_MEM_LOG_DIRTY_PAGES;
        if (on)
            flags |= KVM_MEM_LOG_DIRTY_PAGES;
        if (flags != slot->flags && !(flags & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)))
            r = flags_locked(vm, slot, flags);
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

int vkvm_vm_set_memory_flags(struct vkvm_vm *vm, uint32_t number, uint32_t flags)
{
    return set_flags(vm, number, KVM_MEM_GUEST_MEMFD, flags);
}

int vkvm_vm_log_dirty(struct vkvm_vm *vm, uint32_t slot, bool on)
{
    return set_flags(vm, slot, ~(uint32_t)KVM_MEM_LOG_DIRTY_PAGES,
                     on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

/* --- holes --- */

static int range_compare(const void *a, const void *b)
{
    const struct vkvm_range *x = a, *y = b;
    return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

/* The part [gpa, gpa + size) of a slot. */
static struct vkvm_slot slot_part(const struct vkvm_slot *whole, uint64_t gpa, uint64_t size)
{
    struct vkvm_slot part = *whole;
    part.gpa = gpa;
    part.size = size;
    part.hva = (uint8_t *)whole->hva + (gpa - whole->gpa);
    part.memfd_offset += gpa - whole->gpa;
    return part;
}

/* The pieces of `whole` between sorted holes: at most `max` into ret. -E2BIG. */
static int slot_pieces(const struct vkvm_slot *whole, const struct vkvm_range *holes,
                       size_t hole_count, struct vkvm_slot *ret, size_t max)
{
    uint64_t at = whole->gpa;
    const uint64_t end = whole->gpa + whole->size; /* wraps to 0 at the top: differences work */
    size_t count = 0;
    for (size_t i = 0; i <= hole_count && at != end; i++) {
        uint64_t left = end - at, gap = left, skip = 0;
        if (i < hole_count) {
            const struct vkvm_range *hole = &holes[i];
            if (hole->gpa >= at) {
                gap = hole->gpa - at < left ? hole->gpa - at : left;
                skip = hole->size;
            } else { /* began before: maybe it reaches in here */
                gap = 0;
                skip = at - hole->gpa < hole->size ? hole->size - (at - hole->gpa) : 0;
            }
        }
        if (gap) {
            if (count == max)
                return -E2BIG;
            ret[count++] = slot_part(whole, at, gap);
        }
        at += gap;
        at += skip < end - at ? skip : end - at;
    }
    return (int)count;
}

int vkvm_vm_add_memory_around(struct vkvm_vm *vm, const struct vkvm_memory *memory,
                              const struct vkvm_range *holes, size_t hole_count,
                              uint32_t *ret_slots, size_t max)
{
    const uint64_t page = vkvm__page_size();
    struct vkvm_slot whole, *pieces = NULL;
    struct vkvm_range *sorted = NULL;
    uint64_t last;
    int count = slot_from(memory, &whole);
    if (count >= 0)
        count = need_memfd(vm, whole.flags);
    for (size_t i = 0; count >= 0 && i < hole_count; i++)
        if (holes[i].gpa % page || holes[i].size % page)
            count = -EINVAL;
    if (count >= 0 && (!whole.size || __builtin_add_overflow(whole.gpa, whole.size - 1, &last)))
        count = -EINVAL;
    if (count < 0)
        return count;

    const size_t room = max < hole_count + 1 ? max : hole_count + 1;
    sorted = calloc(hole_count + 1, sizeof(*sorted));
    pieces = calloc(room + 1, sizeof(*pieces));
    count = -ENOMEM;
    if (!sorted || !pieces)
        goto out;
    if (hole_count)
        memcpy(sorted, holes, hole_count * sizeof(*sorted));
    qsort(sorted, hole_count, sizeof(*sorted), range_compare);
    count = slot_pieces(&whole, sorted, hole_count, pieces, room);

    pthread_mutex_lock(&vm->slots_lock);
    for (int i = 0; i < count; i++) {
        int r = add_locked(vm, &pieces[i]);
        if (r < 0) {
            while (i-- > 0)
                remove_locked(vm, pieces[i].number);
            count = r;
            break;
        }
        ret_slots[i] = pieces[i].number;
    }
    pthread_mutex_unlock(&vm->slots_lock);
out:
    free(pieces);
    free(sorted);
    return count;
}

static int punch_locked(struct vkvm_vm *vm, uint32_t number, const struct vkvm_range *hole,
                        uint32_t *ret_slot)
{
    const uint64_t page = vkvm__page_size();
    const struct vkvm_slot *slot = vkvm__slots_find(&vm->slots, number, NULL);
    if (!slot)
        return no_slot(vm, number);
    struct vkvm_slot whole = *slot, pieces[2];
    if (!hole->size || hole->gpa % page || hole->size % page || hole->gpa < whole.gpa ||
        hole->gpa - whole.gpa > whole.size || hole->size > whole.size - (hole->gpa - whole.gpa))
        return slot_refused(vm, &whole, -EINVAL);

    int count = slot_pieces(&whole, hole, 1, pieces, 2);
    /* Taking it away frees its number, which is the lowest free one only by chance: the first piece
     * gets it back by name below, the list being the library's own. */
    int r = remove_locked(vm, number);
    if (r < 0)
        return r;
    *ret_slot = UINT32_MAX;
    for (int i = 0; i < count && r >= 0; i++) {
        size_t index;
        uint32_t lowest;
        r = vkvm__slots_prepare(&vm->slots, &pieces[i], vm->slot_limit, &index, &lowest);
        pieces[i].number = i == 0 ? number : lowest;
        if (r < 0)
            slot_refused(vm, &pieces[i], r);
        else
            r = slot_set(vm, &pieces[i]);
        if (r >= 0)
            vkvm__slots_insert(&vm->slots, index, &pieces[i]);
        else if (i > 0)
            remove_locked(vm, number);
        if (r >= 0 && i > 0)
            *ret_slot = lowest;
    }
    if (r < 0) { /* as it was; there was room for it a moment ago */
        size_t index;
        uint32_t lowest;
        if (vkvm__slots_prepare(&vm->slots, &whole, vm->slot_limit, &index, &lowest) >= 0 &&
            slot_set(vm, &whole) >= 0)
            vkvm__slots_insert(&vm->slots, index, &whole);
        return r;
    }
    return 0;
}

int vkvm_vm_punch_memory(struct vkvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size,
                         uint32_t *ret_slot)
{
    const struct vkvm_range hole = { gpa, size };
    pthread_mutex_lock(&vm->slots_lock);
    int r = punch_locked(vm, slot, &hole, ret_slot);
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

/* --- looking up --- */

void *vkvm_vm_translate(struct vkvm_vm *vm, uint64_t gpa, uint64_t size)
{
    pthread_mutex_lock(&vm->slots_lock);
    const struct vkvm_slot *slot = vkvm__slots_at(&vm->slots, 0, gpa, size);
    void *hva = slot ? (uint8_t *)slot->hva + (gpa - slot->gpa) : NULL;
    pthread_mutex_unlock(&vm->slots_lock);
    return hva;
}

static void slot_to(const struct vkvm_slot *slot, struct vkvm_memory *ret)
{
    *ret = (struct vkvm_memory){
        .size = sizeof(*ret),
        .flags = slot->flags,
        .gpa = slot->gpa,
        .length = slot->size,
        .hva = slot->hva,
        .guest_memfd_offset = slot->memfd_offset,
        .guest_memfd = slot->memfd,
        .space = slot->space,
        .slot = slot->number,
    };
}

size_t vkvm_vm_list_memory(struct vkvm_vm *vm, struct vkvm_memory *ret_list, size_t max)
{
    pthread_mutex_lock(&vm->slots_lock);
    size_t count = vm->slots.count;
    for (size_t i = 0; i < count && i < max; i++)
        slot_to(&vm->slots.items[i], &ret_list[i]);
    pthread_mutex_unlock(&vm->slots_lock);
    return count;
}

int vkvm_vm_lookup_memory(struct vkvm_vm *vm, uint32_t space, uint64_t gpa,
                          struct vkvm_memory *ret_memory)
{
    if (ret_memory->size < sizeof(*ret_memory))
        return -EINVAL;
    pthread_mutex_lock(&vm->slots_lock);
    const struct vkvm_slot *slot = vkvm__slots_at(&vm->slots, space, gpa, 1);
    if (slot)
        slot_to(slot, ret_memory);
    pthread_mutex_unlock(&vm->slots_lock);
    return slot ? 0 : -ENOENT;
}

int vkvm_vm_translate_hva(struct vkvm_vm *vm, const void *hva, uint64_t size, uint64_t *ret_gpa)
{
    int r = -ENOENT;
    pthread_mutex_lock(&vm->slots_lock);
    for (size_t i = 0; i < vm->slots.count && size; i++) {
        const struct vkvm_slot *slot = &vm->slots.items[i];
        uint64_t offset = (uintptr_t)hva - (uintptr_t)slot->hva;
        if (slot->space == 0 && offset < slot->size && size <= slot->size - offset) {
            *ret_gpa = slot->gpa + offset;
            r = 0;
            break;
        }
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

uint64_t vkvm_vm_get_memory_generation(struct vkvm_vm *vm)
{
    pthread_mutex_lock(&vm->slots_lock);
    uint64_t generation = vm->slots.generation;
    pthread_mutex_unlock(&vm->slots_lock);
    return generation;
}
