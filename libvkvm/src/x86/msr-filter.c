/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MSR filters: ranges with a bit for each MSR.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/x86/msr.h>

#include "../vm.h"

#define RANGE_MAX    (KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8u) /* MSRs of one range */
#define ACCESS_VALID (KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

struct vkvm_msr_filter {
    struct kvm_msr_filter table; /* bitmaps are owned */
    uint32_t count;
};

int vkvm_msr_filter_new(bool default_deny, struct vkvm_msr_filter **ret_filter)
{
    struct vkvm_msr_filter *filter = calloc(1, sizeof(*filter));
    if (!filter)
        return -ENOMEM;
    filter->table.flags = default_deny ? KVM_MSR_FILTER_DEFAULT_DENY : KVM_MSR_FILTER_DEFAULT_ALLOW;
    *ret_filter = filter;
    return 0;
}

struct vkvm_msr_filter *vkvm_msr_filter_free(struct vkvm_msr_filter *filter)
{
    if (filter) {
        for (uint32_t i = 0; i < filter->count; i++)
            free(filter->table.ranges[i].bitmap);
        free(filter);
    }
    return NULL;
}

/* The range that decides about this access to this MSR, or NULL. */
static struct kvm_msr_filter_range *filter_find(struct vkvm_msr_filter *filter, uint32_t access,
                                                uint32_t index)
{
    for (uint32_t i = 0; i < filter->count; i++) {
        struct kvm_msr_filter_range *range = &filter->table.ranges[i];
        if ((range->flags & access) && index - range->base < range->nmsrs)
            return range;
    }
    return NULL;
}

int vkvm_msr_filter_add_range(struct vkvm_msr_filter *filter, uint32_t access, uint32_t base,
                              uint32_t count, bool allow)
{
    if (!access || (access & ~(uint32_t)ACCESS_VALID) || !count || count > RANGE_MAX ||
        base + (count - 1) < base)
        return -EINVAL;
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct kvm_msr_filter_range *range = &filter->table.ranges[i];
        if ((range->flags & access) &&
            (range->base - base < count || base - range->base < range->nmsrs))
            return -EEXIST;
    }
    if (filter->count == KVM_MSR_FILTER_MAX_RANGES)
        return -ENOSPC;
    size_t bytes = ((size_t)count + 63) / 64 * 8; /* the kernel copies whole longs */
    uint8_t *bitmap = malloc(bytes);
    if (!bitmap)
        return -ENOMEM;
    memset(bitmap, allow ? 0xff : 0, bytes);
    filter->table.ranges[filter->count++] = (struct kvm_msr_filter_range){
        .flags = access,
        .nmsrs = count,
        .base = base,
        .bitmap = bitmap,
    };
    return 0;
}

static void filter_set_one(struct vkvm_msr_filter *filter, uint32_t access, uint32_t index,
                           bool allow)
{
    struct kvm_msr_filter_range *range = filter_find(filter, access, index);
    uint32_t bit = index - range->base;
    if (allow)
        range->bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
    else
        range->bitmap[bit / 8] &= (uint8_t) ~(1u << bit % 8);
}

int vkvm_msr_filter_set(struct vkvm_msr_filter *filter, uint32_t access, uint32_t index, bool allow)
{
    static const uint32_t each[] = { KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE };
    if (!access || (access & ~(uint32_t)ACCESS_VALID))
        return -EINVAL;
    for (int i = 0; i < 2; i++)
        if ((access & each[i]) && !filter_find(filter, each[i], index))
            return -ENOENT;
    for (int i = 0; i < 2; i++)
        if (access & each[i])
            filter_set_one(filter, each[i], index, allow);
    return 0;
}

int vkvm_vm_set_msr_filter(struct vkvm_vm *vm, const struct vkvm_msr_filter *filter)
{
    static const struct kvm_msr_filter none;
    int r = vkvm__need_cap(&vm->h, KVM_CAP_X86_MSR_FILTER, KVM_X86_SET_MSR_FILTER);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_X86_SET_MSR_FILTER, filter ? &filter->table : &none);
}
