/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slots of KVM.
 *
 * KVM waits for a grace period for each slot it gets, a tenth of a millisecond or more. So nothing
 * is told before a vCPU first needs the memory: a machine that is being built puts its slots
 * together meanwhile, and one whose vCPUs the software CPU runs alone never waits.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/assist.h"
#include "accel/kvm/kvm.h"

static uint32_t slot_flags(uint32_t flags)
{
    return (flags & VEMU_SLOT_READONLY ? KVM_MEM_READONLY : 0) |
           (flags & VEMU_SLOT_LOG_DIRTY ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

static int slot_add(struct kvm_vm *vm, struct kvm_slot *s)
{
    int r = vkvm_vm_add_memory(vm->vm, s->slot.gpa, s->slot.size, s->slot.hva,
                               slot_flags(s->slot.flags), &s->kvm_slot);
    s->live = r >= 0;
    return r < 0 ? r : 0;
}

/* Makes KVM's slot `s` what `slot` asks for; s tells what became of it, also after an error. */
static int slot_set(struct kvm_vm *vm, struct kvm_slot *s, const struct vemu_accel_slot *slot)
{
    const struct vemu_accel_slot *old = &s->slot;
    int r;
    if (s->live && slot->size == old->size && slot->gpa == old->gpa && slot->hva == old->hva) {
        r = vkvm_vm_set_memory_flags(vm->vm, s->kvm_slot, slot_flags(slot->flags));
        if (r >= 0)
            s->slot = *slot;
        return r;
    }
    if (s->live) { /* KVM has no atomic replace */
        r = vkvm_vm_remove_memory(vm->vm, s->kvm_slot);
        if (r < 0)
            return r;
    } else if (!s->used && !slot->size) {
        return -EINVAL;
    }
    s->used = s->live = false;
    if (!slot->size)
        return 0;
    s->slot = *slot;
    r = atomic_load(&vm->slots_live) ? slot_add(vm, s) : 0;
    s->used = r >= 0;
    return r;
}

/* What KVM would refuse, while it is not asked yet. */
static int slot_check(const struct kvm_vm *vm, const struct vemu_accel_slot *slot)
{
    const uint64_t page = 4096;
    uint64_t last;
    if (!slot->size)
        return 0;
    if (slot->gpa % page || slot->size % page || (uintptr_t)slot->hva % page || !slot->hva ||
        __builtin_add_overflow(slot->gpa, slot->size - 1, &last))
        return -EINVAL;
    for (uint32_t n = 0; n < vm->slot_count; n++) {
        const struct vemu_accel_slot *other = &vm->slots[n].slot;
        if (n != slot->slot && vm->slots[n].used && other->gpa <= last &&
            slot->gpa <= other->gpa + (other->size - 1))
            return -EEXIST;
    }
    return 0;
}

int kvm__mem_slot(struct vemu_accel_vm *opaque, const struct vemu_accel_slot *slot)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    if (slot->slot >= KVM__MAX_SLOTS ||
        (slot->flags & ~(VEMU_SLOT_READONLY | VEMU_SLOT_LOG_DIRTY)))
        return -EINVAL;
    pthread_mutex_lock(&vm->assist.lock);
    int r = slot_check(vm, slot);
    if (r >= 0) {
        struct kvm_slot now = vm->slots[slot->slot];
        r = slot_set(vm, &now, slot);
        int soft = kvm__assist_mem_slot(vm, slot->slot, &now);
        r = r < 0 ? r : soft;
    }
    pthread_mutex_unlock(&vm->assist.lock);
    return r;
}

int kvm__slots_commit(struct kvm_vm *vm)
{
    int r = 0;
    pthread_mutex_lock(&vm->assist.lock);
    for (uint32_t n = 0; r >= 0 && n < vm->slot_count; n++)
        if (vm->slots[n].used && !vm->slots[n].live)
            r = slot_add(vm, &vm->slots[n]);
    if (r >= 0)
        atomic_store(&vm->slots_live, true);
    pthread_mutex_unlock(&vm->assist.lock);
    if (r < 0)
        kvm__assist_note(vm, 0, "KVM refuses the machine's memory: %s", strerror(-r));
    return r;
}

int kvm__dirty_get(struct vemu_accel_vm *opaque, uint32_t slot, uint64_t *bitmap)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    if (slot >= KVM__MAX_SLOTS || !vm->slots[slot].used)
        return -EINVAL;
    if (!vm->slots[slot].live) { /* KVM has not run */
        kvm__assist_dirty_get(vm, slot, bitmap);
        return 0;
    }
    size_t words = (vm->slots[slot].slot.size / 4096 + 63) / 64;
    uint64_t *fresh = calloc(words, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    int r = vkvm_vm_get_dirty_log(vm->vm, vm->slots[slot].kvm_slot, fresh);
    for (size_t i = 0; r >= 0 && i < words; i++)
        bitmap[i] |= fresh[i];
    free(fresh);
    if (r >= 0)
        kvm__assist_dirty_get(vm, slot, bitmap);
    return r < 0 ? r : 0;
}
