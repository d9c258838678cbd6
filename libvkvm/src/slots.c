/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slot bookkeeping: what KVM would refuse with a bare EINVAL is found out here, with the
 * reason.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"

#define PAGE 4096ull
#define KNOWN_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

void vkvm__slots_fini(struct vkvm_slots *slots)
{
    free(slots->items);
    memset(slots, 0, sizeof(*slots));
}

/* First slot that ends behind gpa. */
static size_t slots_search(const struct vkvm_slots *slots, uint64_t gpa)
{
    size_t low = 0, high = slots->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slots->items[mid].gpa + (slots->items[mid].size - 1) < gpa)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int slots_lowest_free(const struct vkvm_slots *slots, uint32_t limit, uint32_t *ret)
{
    /* count slots use at most count numbers: the lowest free one is in 0..count */
    size_t bits = slots->count + 1;
    uint8_t *used = calloc(1, bits);
    if (!used)
        return -ENOMEM;
    for (size_t i = 0; i < slots->count; i++)
        if (slots->items[i].number < bits)
            used[slots->items[i].number] = 1;
    uint32_t number = 0;
    while (used[number])
        number++;
    free(used);
    if (number >= limit)
        return -ENOSPC;
    *ret = number;
    return 0;
}

int vkvm__slots_prepare(struct vkvm_slots *slots, const struct vkvm_slot *wanted, uint32_t limit,
                        size_t *ret_index, uint32_t *ret_number)
{
    uint64_t last;
    if (!wanted->size || wanted->gpa % PAGE || wanted->size % PAGE ||
        (uintptr_t)wanted->hva % PAGE || !wanted->hva || (wanted->flags & ~KNOWN_FLAGS) ||
        __builtin_add_overflow(wanted->gpa, wanted->size - 1, &last))
        return -EINVAL;

    size_t index = slots_search(slots, wanted->gpa);
    if (index < slots->count && slots->items[index].gpa <= last)
        return -EEXIST;

    int r = slots_lowest_free(slots, limit, ret_number);
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
    slots->count++;
}

void vkvm__slots_remove(struct vkvm_slots *slots, size_t index)
{
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

const struct vkvm_slot *vkvm__slots_at(const struct vkvm_slots *slots, uint64_t gpa,
                                       uint64_t size)
{
    uint64_t last;
    if (!size || __builtin_add_overflow(gpa, size - 1, &last))
        return NULL;
    size_t index = slots_search(slots, gpa);
    if (index == slots->count)
        return NULL;
    const struct vkvm_slot *slot = &slots->items[index];
    return slot->gpa <= gpa && last <= slot->gpa + (slot->size - 1) ? slot : NULL;
}
