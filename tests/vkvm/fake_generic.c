/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's dirty logs, statistics, registers by id and private memory.
 */
#include <errno.h>
#include <string.h>

#include "fake_table.h"

/* --- dirty logs --- */

static struct fake_dirty *dirty_of(struct fake_kvm *f, uint32_t slot)
{
    for (int i = 0; i < FAKE_MAX_DIRTY; i++)
        if (f->generic.dirty[i].pages && f->generic.dirty[i].slot == slot)
            return &f->generic.dirty[i];
    return NULL;
}

/* Without a log of its own a slot has pages 0 and 2 dirty, always. */
int fake_get_dirty_log(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_dirty_log *log = arg;
    struct fake_dirty *dirty = dirty_of(f, log->slot);
    if (!dirty) {
        *(uint64_t *)log->dirty_bitmap = 0x5;
        return 0;
    }
    size_t bytes = (dirty->pages + 63) / 64 * 8;
    memcpy(log->dirty_bitmap, dirty->bits, bytes);
    if (!f->generic.manual)
        memset(dirty->bits, 0, bytes);
    return 0;
}

/* Checks what the kernel checks. */
int fake_clear_dirty_log(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_clear_dirty_log *log = arg;
    struct fake_dirty *dirty = dirty_of(f, log->slot);
    f->generic.clears++;
    if (!dirty || !f->generic.manual)
        return -ENXIO;
    if (log->first_page % 64 || log->first_page > dirty->pages ||
        log->num_pages > dirty->pages - log->first_page ||
        (log->num_pages % 64 && log->first_page + log->num_pages < dirty->pages))
        return -EINVAL;
    for (uint64_t w = 0; w < (log->num_pages + 63u) / 64; w++)
        dirty->bits[log->first_page / 64 + w] &= ~((const uint64_t *)log->dirty_bitmap)[w];
    return 0;
}

int fake_reset_dirty_rings(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    return ++f->generic.resets;
}

int fake_generic_enable(struct fake_kvm *f, const struct kvm_enable_cap *cap)
{
    if (cap->cap == KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)
        f->generic.manual = cap->args[0] & 1;
    return f->generic.refuse_cap == cap->cap && cap->cap ? -EINVAL : 0;
}

/* --- statistics --- */

int fake_get_stats_fd(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    int fd = fake_new_fd(f, 's', h, 0);
    if (fd >= 0) {
        fake_handle(f, fd)->bytes = f->generic.stats;
        fake_handle(f, fd)->bytes_size = f->generic.stats_size;
    }
    return fd;
}

/* --- registers --- */

static size_t reg_bytes(uint64_t id)
{
    return (size_t)1 << (id >> 52 & 0xf);
}

int fake_get_one_reg(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_one_reg *reg = arg;
    if (reg->id != f->generic.reg_id)
        return -ENOENT;
    memcpy((void *)(uintptr_t)reg->addr, f->generic.reg, reg_bytes(reg->id));
    return 0;
}

int fake_set_one_reg(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    const struct kvm_one_reg *reg = arg;
    if (reg->id != f->generic.reg_id)
        return -ENOENT;
    memcpy(f->generic.reg, (void *)(uintptr_t)reg->addr, reg_bytes(reg->id));
    return 0;
}

int fake_get_reg_list(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_reg_list *list = arg;
    uint64_t room = list->n, count = f->generic.reg_count;
    list->n = count;
    if (f->generic.reg_grows) /* more each time it is asked */
        f->generic.reg_count++;
    if (room < count)
        return -E2BIG;
    list->n = count + f->generic.reg_lie;
    for (uint64_t i = 0; i < count; i++)
        list->reg[i] = 0x100 + i;
    return 0;
}

/* --- private memory --- */

int fake_create_guest_memfd(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    fake_keep(h, KVM_CREATE_GUEST_MEMFD, arg, sizeof(struct kvm_create_guest_memfd));
    return fake_new_fd(f, 's', h, 0);
}

int fake_pre_fault(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_pre_fault_memory *fault = arg;
    uint64_t step =
        f->generic.pre_fault_step < fault->size ? f->generic.pre_fault_step : fault->size;
    if (fault->gpa == f->generic.pre_fault_end)
        return -ENOENT;
    fault->gpa += step;
    fault->size -= step;
    return 0;
}
