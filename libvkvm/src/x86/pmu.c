/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PMU event filters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/uapi.h>
#include <vkvm/x86/pmu.h>

#include "../vm.h"
#include "cpuid.h"

#define EVENTS_MAX  300 /* KVM_PMU_EVENT_FILTER_MAX_EVENTS of the kernel */
#define SELECT_MAX  0xfff
#define FLAG_MASKED (1u << 0) /* KVM_PMU_EVENT_FLAG_MASKED_EVENTS, Linux 6.3 */
#define SELECT(s)   (((uint64_t)(s)&0xff) | (((uint64_t)(s)&0xf00) << 24))
#define MASK_SHIFT  56 /* of an entry with a mask: what of the unit mask is compared */
#define EXCLUDE     (1ull << 55)
#define UNIT_SHIFT  8

struct vkvm_pmu_filter {
    struct kvm_pmu_event_filter *table;
    uint32_t capacity;
};

static int filter_reserve(struct vkvm_pmu_filter *filter, uint32_t capacity)
{
    struct kvm_pmu_event_filter *table =
        realloc(filter->table, sizeof(*table) + capacity * sizeof(table->events[0]));
    if (!table)
        return -ENOMEM;
    if (!filter->table)
        memset(table, 0, sizeof(*table));
    filter->table = table;
    filter->capacity = capacity;
    return 0;
}

int vkvm_pmu_filter_new(uint32_t action, bool masked, struct vkvm_pmu_filter **ret_filter)
{
    if (action != KVM_PMU_EVENT_ALLOW && action != KVM_PMU_EVENT_DENY)
        return -EINVAL;
    struct vkvm_pmu_filter *filter = calloc(1, sizeof(*filter));
    if (!filter || filter_reserve(filter, 16) < 0) {
        free(filter);
        return -ENOMEM;
    }
    filter->table->action = action;
    filter->table->flags = masked ? FLAG_MASKED : 0;
    *ret_filter = filter;
    return 0;
}

struct vkvm_pmu_filter *vkvm_pmu_filter_free(struct vkvm_pmu_filter *filter)
{
    if (filter) {
        free(filter->table);
        free(filter);
    }
    return NULL;
}

static int filter_add(struct vkvm_pmu_filter *filter, uint64_t event)
{
    if (filter->table->nevents == EVENTS_MAX)
        return -E2BIG;
    if (filter->table->nevents == filter->capacity) {
        int r = filter_reserve(filter, filter->capacity * 2);
        if (r < 0)
            return r;
    }
    filter->table->events[filter->table->nevents++] = event;
    return 0;
}

int vkvm_pmu_filter_add(struct vkvm_pmu_filter *filter, uint16_t select, uint8_t unit_mask)
{
    if (select > SELECT_MAX || (filter->table->flags & FLAG_MASKED))
        return -EINVAL;
    return filter_add(filter, SELECT(select) | ((uint64_t)unit_mask << UNIT_SHIFT));
}

int vkvm_pmu_filter_add_masked(struct vkvm_pmu_filter *filter, uint16_t select, uint8_t mask,
                               uint8_t match, bool exclude)
{
    if (select > SELECT_MAX || !(filter->table->flags & FLAG_MASKED))
        return -EINVAL;
    return filter_add(filter, SELECT(select) | ((uint64_t)mask << MASK_SHIFT) |
                                  ((uint64_t)match << UNIT_SHIFT) | (exclude ? EXCLUDE : 0));
}

void vkvm_pmu_filter_set_fixed(struct vkvm_pmu_filter *filter, uint32_t bitmap)
{
    filter->table->fixed_counter_bitmap = bitmap;
}

int vkvm_vm_set_pmu_filter(struct vkvm_vm *vm, const struct vkvm_pmu_filter *filter)
{
    uint32_t cap = filter->table->flags & FLAG_MASKED ? KVM_CAP_PMU_EVENT_MASKED_EVENTS
                                                      : KVM_CAP_PMU_EVENT_FILTER;
    int r = vkvm__need_cap(&vm->h, cap, KVM_SET_PMU_EVENT_FILTER);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_SET_PMU_EVENT_FILTER, filter->table);
}

int vkvm_vm_disable_pmu(struct vkvm_vm *vm)
{
    return vkvm__vm_enable(vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
}
