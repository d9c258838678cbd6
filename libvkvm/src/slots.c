/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slot bookkeeping: what KVM would refuse with a bare EINVAL is found out here, with the
 * reason.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/uapi.h>

#include "handle.h"
#include "slots.h"

#define KNOWN_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD)

void vkvm__slots_fini(struct vkvm_slots *slots)
{
    free(slots->items);
    memset(slots, 0, sizeof(*slots));
}

/* Where a slot of (space, gpa) is or would be: the first that does not end before it. */
static size_t slots_search(const struct vkvm_slots *slots, uint32_t space, uint64_t gpa)
{
    size_t low = 0, high = slots->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct vkvm_slot *slot = &slots->items[mid];
        if (slot->space < space || (slot->space == space && slot->gpa + (slot->size - 1) < gpa))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int slots_lowest_free(const struct vkvm_slots *slots, uint32_t space, uint32_t limit,
                             uint32_t *ret)
{
    /* count slots use at most count numbers: the lowest free one is in 0..count */
    size_t bits = slots->count + 1;
    uint8_t *used = calloc(1, bits);
    if (!used)
        return -ENOMEM;
    for (size_t i = 0; i < slots->count; i++) {
        uint32_t id = slots->items[i].number & 0xffff;
        if (slots->items[i].space == space && id < bits)
            used[id] = 1;
    }
    uint32_t number = 0;
    while (used[number])
        number++;
    free(used);
    if (number >= limit || number > 0xffff)
        return -ENOSPC;
    *ret = space << 16 | number;
    return 0;
}

int vkvm__slots_prepare(struct vkvm_slots *slots, const struct vkvm_slot *wanted, uint32_t limit,
                        size_t *ret_index, uint32_t *ret_number)
{
    const uint64_t page = vkvm__page_size();
    uint64_t last;
    if (!wanted->size || wanted->gpa % page || wanted->size % page ||
        (uintptr_t)wanted->hva % page || !wanted->hva || (wanted->flags & ~KNOWN_FLAGS) ||
        wanted->space >= VKVM_SLOT_SPACES || wanted->memfd_offset % page ||
        ((wanted->flags & KVM_MEM_GUEST_MEMFD) && wanted->memfd < 0) ||
        __builtin_add_overflow(wanted->gpa, wanted->size - 1, &last))
        return -EINVAL;

    size_t index = slots_search(slots, wanted->space, wanted->gpa);
    if (index < slots->count && slots->items[index].space == wanted->space &&
        slots->items[index].gpa <= last)
        return -EEXIST;

    int r = slots_lowest_free(slots, wanted->space, limit, ret_number);
    if (r < 0)
        return r;
    if (slots->count == slots->capacity) {
        size_t capacity = slots->capacity ? slots->capacity * 2 : 8;
        struct vkvm_slot *items = realloc(slots->items, capacity * sizeof(*items));
        if (!items)
            return -ENOMEM;
        slots->items = items;
        slots->capacity = capacity;
    }
    *ret_index = index;
    return 0;
}

void vkvm__slots_insert(struct vkvm_slots *slots, size_t index, const struct vkvm_slot *slot)
{
    memmove(&slots->items[index + 1], &slots->items[index],
            (slots->count - index) * sizeof(*slots->items));
    slots->items[index] = *slot;
    slots->items[index].serial = ++slots->generation;
    slots->count++;
}

void vkvm__slots_remove(struct vkvm_slots *slots, size_t index)
{
    slots->generation++;
    slots->count--;
    memmove(&slots->items[index], &slots->items[index + 1],
            (slots->count - index) * sizeof(*slots->items));
}

struct vkvm_slot *vkvm__slots_find(struct vkvm_slots *slots, uint32_t number, size_t *ret_index)
{
    for (size_t i = 0; i < slots->count; i++)
        if (slots->items[i].number == number) {
            if (ret_index)
                *ret_index = i;
            return &slots->items[i];
        }
    return NULL;
}

const struct vkvm_slot *vkvm__slots_at(const struct vkvm_slots *slots, uint32_t space, uint64_t gpa,
                                       uint64_t size)
{
    uint64_t last;
    if (!size || __builtin_add_overflow(gpa, size - 1, &last))
        return NULL;
    size_t index = slots_search(slots, space, gpa);
    if (index == slots->count || slots->items[index].space != space)
        return NULL;
    const struct vkvm_slot *slot = &slots->items[index];
    return slot->gpa <= gpa && last <= slot->gpa + (slot->size - 1) ? slot : NULL;
}
