/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty tracking behind one iterator.
 *
 * Theory of operation: whatever way the kernel tells, what it told is kept as a bitmap a slot. A
 * harvest ORs into them; the iterator takes out runs of set bits. What differs is when the kernel
 * protects a page again, which must be before its contents are read:
 *
 *   BITMAP  KVM_GET_DIRTY_LOG does it, for the whole slot
 *   RING    KVM_RESET_DIRTY_RINGS does it, in the harvest (dirty-ring.c)
 *   MANUAL  KVM_CLEAR_DIRTY_LOG does it, in the iterator, for CHUNK pages at a time: the kernel's
 *           MMU lock is held for short times only, and pages written again meanwhile cost one
 *           fault less
 *
 * The list of slots is compared with the VM's by its generation; a number that was given to another
 * slot is told by its serial. Lock order: vkvm_dirty.lock, then vkvm_vm.slots_lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/uapi.h>

#include "dirty.h"

#define CHUNK 32768u /* pages; a multiple of 64 */

#define MANUAL_PROTECT (1u << 0) /* KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE */
#define INITIALLY_SET  (1u << 1) /* KVM_DIRTY_LOG_INITIALLY_SET */

int vkvm_vm_get_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t *bitmap)
{
    struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };
    return vkvm__ioctl(&vm->h, KVM_GET_DIRTY_LOG, &log);
}

int vkvm_vm_clear_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t first_page, uint32_t pages,
                            const uint64_t *bitmap)
{
    struct kvm_clear_dirty_log log = {
        .slot = slot,
        .num_pages = pages,
        .first_page = first_page,
        .dirty_bitmap = (void *)bitmap,
    };
    return vkvm__ioctl(&vm->h, KVM_CLEAR_DIRTY_LOG, &log);
}

/* --- making and freeing --- */

static int manual_enable(struct vkvm_dirty *dirty)
{
    int offers = vkvm_vm_check_cap(dirty->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
    if (offers <= 0)
        return vkvm__failed(&dirty->vm->h, KVM_CLEAR_DIRTY_LOG, NULL, -EOPNOTSUPP);
    uint64_t args[4] = { MANUAL_PROTECT };
    if ((dirty->flags & VKVM_DIRTY_ALL_AT_START) && (offers & (int)INITIALLY_SET)) {
        args[0] |= INITIALLY_SET;
        dirty->kernel_sets = true;
    }
    return vkvm_vm_enable_cap(dirty->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, args);
}

static int form_enable(struct vkvm_dirty *dirty, uint32_t form, uint32_t ring_entries)
{
    int r;
    switch (form) {
    case VKVM_DIRTY_BITMAP: r = 0; break;
    case VKVM_DIRTY_MANUAL: r = manual_enable(dirty); break;
    case VKVM_DIRTY_RING: r = vkvm__dirty_ring_enable(dirty, ring_entries); break;
    case VKVM_DIRTY_BEST:
        for (form = VKVM_DIRTY_RING; form > VKVM_DIRTY_BITMAP; form--)
            /* what was enabled halfway decides */
            if (form_enable(dirty, form, ring_entries) >= 0 || dirty->vm->has_rings)
                return dirty->form ? 0 : -EINVAL;
        r = 0;
        form = VKVM_DIRTY_BITMAP;
        break;
    default: r = -EINVAL; break;
    }
    if (r >= 0)
        dirty->form = form;
    return r;
}

int vkvm_dirty_new(struct vkvm_vm *vm, uint32_t form, uint32_t ring_entries, uint32_t flags,
                   struct vkvm_dirty **ret_dirty)
{
    if (flags & ~VKVM_DIRTY_ALL_AT_START)
        return -EINVAL;
    struct vkvm_dirty *dirty = calloc(1, sizeof(*dirty));
    if (!dirty)
        return -ENOMEM;
    dirty->vm = vm;
    dirty->flags = flags;
    pthread_mutex_lock(&vm->slots_lock);
    bool busy = vm->tracked || vm->has_rings;
    vm->tracked = true;
    pthread_mutex_unlock(&vm->slots_lock);
    if (busy) {
        free(dirty);
        return -EBUSY;
    }
    int r = form_enable(dirty, form, ring_entries);
    if (r < 0) {
        pthread_mutex_lock(&vm->slots_lock);
        vm->tracked = false;
        pthread_mutex_unlock(&vm->slots_lock);
        free(dirty);
        return r;
    }
    pthread_mutex_init(&dirty->lock, NULL);
    *ret_dirty = dirty;
    return 0;
}

static void slots_forget(struct vkvm_dirty *dirty)
{
    for (size_t i = 0; i < dirty->slot_count; i++)
        free(dirty->slots[i].bitmap);
    dirty->slot_count = 0;
    dirty->at_slot = 0;
    dirty->at_page = 0;
    dirty->generation = 0;
}

struct vkvm_dirty *vkvm_dirty_free(struct vkvm_dirty *dirty)
{
    if (!dirty)
        return NULL;
    vkvm_dirty_stop(dirty);
    if (dirty->form == VKVM_DIRTY_MANUAL)
        vkvm_vm_enable_cap(dirty->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, NULL);
    vkvm__dirty_ring_unmap(dirty);
    slots_forget(dirty);
    free(dirty->slots);
    pthread_mutex_lock(&dirty->vm->slots_lock);
    dirty->vm->tracked = false;
    pthread_mutex_unlock(&dirty->vm->slots_lock);
    pthread_mutex_destroy(&dirty->lock);
    free(dirty);
    return NULL;
}

uint32_t vkvm_dirty_get_form(const struct vkvm_dirty *dirty)
{
    return dirty->form;
}

int vkvm_dirty_add_vcpu(struct vkvm_dirty *dirty, struct vkvm_vcpu *vcpu)
{
    if (dirty->form != VKVM_DIRTY_RING)
        return 0;
    pthread_mutex_lock(&dirty->lock);
    int r = vkvm__dirty_ring_map(dirty, vcpu);
    pthread_mutex_unlock(&dirty->lock);
    return r;
}

/* --- slots --- */

struct vkvm_dirty_slot *vkvm__dirty_find(struct vkvm_dirty *dirty, uint32_t number)
{
    size_t low = 0, high = dirty->slot_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (dirty->slots[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < dirty->slot_count && dirty->slots[low].number == number ? &dirty->slots[low]
                                                                         : NULL;
}

static size_t slot_words(const struct vkvm_dirty_slot *slot)
{
    return (size_t)((slot->pages + 63) / 64);
}

static void slot_set_all(struct vkvm_dirty_slot *slot)
{
    memset(slot->bitmap, 0xff, slot_words(slot) * sizeof(uint64_t));
    if (slot->pages % 64)
        slot->bitmap[slot->pages / 64] = (1ull << (slot->pages % 64)) - 1;
}

/* A slot of the VM that logs and is not known yet. */
static int slot_new(struct vkvm_dirty *dirty, const struct vkvm_slot *slot,
                    struct vkvm_dirty_slot *ret)
{
    *ret = (struct vkvm_dirty_slot){
        .number = slot->number,
        .serial = slot->serial,
        .gpa = slot->gpa,
        .hva = slot->hva,
        .pages = slot->size / vkvm__page_size(),
    };
    ret->bitmap = calloc(slot_words(ret), sizeof(uint64_t));
    if (!ret->bitmap)
        return -ENOMEM;
    if ((dirty->flags & VKVM_DIRTY_ALL_AT_START) && !dirty->kernel_sets)
        slot_set_all(ret);
    return 0;
}

static int slot_compare(const void *a, const void *b)
{
    const struct vkvm_dirty_slot *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Makes the list anew from the VM's, keeping what is known of slots that are still there. */
static int slots_sync_locked(struct vkvm_dirty *dirty)
{
    const struct vkvm_slots *theirs = &dirty->vm->slots;
    struct vkvm_dirty_slot *list = calloc(theirs->count + 1, sizeof(*list));
    size_t count = 0;
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < dirty->slot_count; i++)
        dirty->slots[i].seen = false;
    for (size_t i = 0; i < theirs->count; i++) {
        const struct vkvm_slot *slot = &theirs->items[i];
        if (!(slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
            continue;
        struct vkvm_dirty_slot *known = vkvm__dirty_find(dirty, slot->number);
        if (known && known->serial == slot->serial) {
            known->seen = true;
            list[count++] = *known;
        } else if (slot_new(dirty, slot, &list[count]) == 0) {
            count++;
        } else { /* as it was before */
            for (size_t j = 0; j < count; j++)
                if (!list[j].seen)
                    free(list[j].bitmap);
            free(list);
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < dirty->slot_count; i++)
        if (!dirty->slots[i].seen)
            free(dirty->slots[i].bitmap);
    free(dirty->slots);
    qsort(list, count, sizeof(*list), slot_compare);
    dirty->slots = list;
    dirty->slot_count = count;
    dirty->at_slot = 0;
    dirty->at_page = 0;
    dirty->generation = theirs->generation;
    return 0;
}

static int slots_sync(struct vkvm_dirty *dirty)
{
    int r = 0;
    pthread_mutex_lock(&dirty->vm->slots_lock);
    if (dirty->generation != dirty->vm->slots.generation)
        r = slots_sync_locked(dirty);
    pthread_mutex_unlock(&dirty->vm->slots_lock);
    return r;
}

int vkvm_dirty_start(struct vkvm_dirty *dirty)
{
    pthread_mutex_lock(&dirty->lock);
    int r = vkvm__slots_log_all(dirty->vm, true);
    if (r >= 0)
        r = slots_sync(dirty);
    pthread_mutex_unlock(&dirty->lock);
    return r;
}

int vkvm_dirty_stop(struct vkvm_dirty *dirty)
{
    pthread_mutex_lock(&dirty->lock);
    int r = vkvm__slots_log_all(dirty->vm, false);
    if (dirty->ring_count) /* what is still in the rings is of no interest */
        vkvm__dirty_ring_harvest(dirty);
    slots_forget(dirty);
    pthread_mutex_unlock(&dirty->lock);
    return r;
}

/* --- harvest --- */

static int bitmap_harvest(struct vkvm_dirty *dirty)
{
    size_t words = 0;
    for (size_t i = 0; i < dirty->slot_count; i++)
        if (slot_words(&dirty->slots[i]) > words)
            words = slot_words(&dirty->slots[i]);
    uint64_t *log = calloc(words + 1, sizeof(*log));
    if (!log)
        return -ENOMEM;
    int r = 0;
    for (size_t i = 0; i < dirty->slot_count && r >= 0; i++) {
        struct vkvm_dirty_slot *slot = &dirty->slots[i];
        words = slot_words(slot);
        memset(log, 0, words * sizeof(*log));
        r = vkvm_vm_get_dirty_log(dirty->vm, slot->number, log);
        if (slot->pages % 64)
            log[words - 1] &= (1ull << (slot->pages % 64)) - 1;
        for (size_t w = 0; w < words && r >= 0; w++)
            slot->bitmap[w] |= log[w];
        slot->cleared = 0;
    }
    free(log);
    return r;
}

int vkvm_dirty_harvest(struct vkvm_dirty *dirty)
{
    pthread_mutex_lock(&dirty->lock);
    int r = slots_sync(dirty);
    if (r >= 0 && dirty->form == VKVM_DIRTY_RING)
        r = vkvm__dirty_ring_harvest(dirty);
    if (r >= 0 && (dirty->form != VKVM_DIRTY_RING || dirty->with_bitmap))
        r = bitmap_harvest(dirty);
    dirty->at_slot = 0;
    dirty->at_page = 0;
    pthread_mutex_unlock(&dirty->lock);
    return r < 0 ? r : 0;
}

/* --- iterator --- */

/* The first page at or after `page` whose bit is `set`, or the number of pages. */
static uint64_t slot_scan(const struct vkvm_dirty_slot *slot, uint64_t page, bool set)
{
    while (page < slot->pages) {
        uint64_t word = slot->bitmap[page / 64];
        word = (set ? word : ~word) >> (page % 64);
        if (word) {
            page += (uint64_t)__builtin_ctzll(word);
            return page < slot->pages ? page : slot->pages;
        }
        page = (page / 64 + 1) * 64;
    }
    return slot->pages;
}

/* Protects the chunk that holds `page`, as far as its bits are set. */
static int slot_clear(struct vkvm_dirty *dirty, struct vkvm_dirty_slot *slot, uint64_t page)
{
    const uint64_t first = page / CHUNK * CHUNK;
    const uint64_t left = slot->pages - first;
    const uint32_t pages = left < CHUNK ? (uint32_t)left : CHUNK;
    int r =
        vkvm_vm_clear_dirty_log(dirty->vm, slot->number, first, pages, &slot->bitmap[first / 64]);
    if (r >= 0)
        slot->cleared = first + pages;
    return r;
}

static int next_locked(struct vkvm_dirty *dirty, struct vkvm_dirty_range *ret)
{
    const uint64_t page_size = vkvm__page_size();
    int r = slots_sync(dirty);
    if (r < 0)
        return r;
    for (; dirty->at_slot < dirty->slot_count; dirty->at_slot++, dirty->at_page = 0) {
        struct vkvm_dirty_slot *slot = &dirty->slots[dirty->at_slot];
        uint64_t from = slot_scan(slot, dirty->at_page, true);
        if (from == slot->pages)
            continue;
        dirty->at_page = from;
        if (dirty->form == VKVM_DIRTY_MANUAL && from >= slot->cleared) {
            r = slot_clear(dirty, slot, from);
            if (r < 0)
                return r;
        }
        uint64_t to = slot_scan(slot, from, false);
        if (dirty->form == VKVM_DIRTY_MANUAL && to > slot->cleared)
            to = slot->cleared;
        for (uint64_t page = from; page < to; page++)
            slot->bitmap[page / 64] &= ~(1ull << (page % 64));
        dirty->at_page = to;
        *ret = (struct vkvm_dirty_range){
            .slot = slot->number,
            .offset = from * page_size,
            .length = (to - from) * page_size,
            .gpa = slot->gpa + from * page_size,
            .hva = slot->hva + from * page_size,
        };
        return 1;
    }
    return 0;
}

int vkvm_dirty_next(struct vkvm_dirty *dirty, struct vkvm_dirty_range *ret_range)
{
    pthread_mutex_lock(&dirty->lock);
    int r = next_locked(dirty, ret_range);
    pthread_mutex_unlock(&dirty->lock);
    return r;
}

uint64_t vkvm_dirty_pending(struct vkvm_dirty *dirty)
{
    uint64_t pages = 0;
    pthread_mutex_lock(&dirty->lock);
    for (size_t i = 0; i < dirty->slot_count; i++)
        for (size_t w = 0; w < slot_words(&dirty->slots[i]); w++)
            pages += (uint64_t)__builtin_popcountll(dirty->slots[i].bitmap[w]);
    pthread_mutex_unlock(&dirty->lock);
    return pages * vkvm__page_size();
}

static int mark_locked(struct vkvm_dirty *dirty, uint32_t number, uint64_t offset, uint64_t length)
{
    const uint64_t page_size = vkvm__page_size();
    int r = slots_sync(dirty);
    if (r < 0)
        return r;
    struct vkvm_dirty_slot *slot = vkvm__dirty_find(dirty, number);
    if (!slot)
        return -ENOENT;
    const uint64_t size = slot->pages * page_size;
    if (offset > size || length > size - offset)
        return -ERANGE;
    const uint64_t from = offset / page_size;
    const uint64_t to = length ? (offset + length - 1) / page_size + 1 : from;
    for (uint64_t page = from; page < to; page++)
        slot->bitmap[page / 64] |= 1ull << (page % 64);
    /* the iterator may have passed it */
    const size_t index = (size_t)(slot - dirty->slots);
    if (index < dirty->at_slot || (index == dirty->at_slot && from < dirty->at_page)) {
        dirty->at_slot = index;
        dirty->at_page = from;
    }
    return 0;
}

int vkvm_dirty_mark(struct vkvm_dirty *dirty, uint32_t slot, uint64_t offset, uint64_t length)
{
    pthread_mutex_lock(&dirty->lock);
    int r = mark_locked(dirty, slot, offset, length);
    pthread_mutex_unlock(&dirty->lock);
    return r;
}
