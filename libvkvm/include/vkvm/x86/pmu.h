/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: which performance events a guest may count.
 */
#ifndef VKVM_X86_PMU_H
#define VKVM_X86_PMU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A PMU event filter: events that are allowed, or denied. Context: one thread at a time. */
struct vkvm_pmu_filter;
/**
 * vkvm_pmu_filter_new() - an empty filter
 * @action: KVM_PMU_EVENT_ALLOW: only what is added; KVM_PMU_EVENT_DENY: all but what is added
 * @masked: entries match several unit masks, vkvm_pmu_filter_add_masked() (Linux 6.3)
 * Errors: -EINVAL, -ENOMEM. Since 0.1
 */
int vkvm_pmu_filter_new(uint32_t action, bool masked, struct vkvm_pmu_filter **ret_filter);
struct vkvm_pmu_filter *vkvm_pmu_filter_free(struct vkvm_pmu_filter *filter);
/** An event of a general counter: event select (8 bits, 12 on AMD) and unit mask. Errors: -EINVAL
 * (select above 0xfff, a filter of masked entries), -E2BIG (more than 300), -ENOMEM. */
int vkvm_pmu_filter_add(struct vkvm_pmu_filter *filter, uint16_t select, uint8_t unit_mask);
/** All events whose unit mask, under `mask`, is `match`; `exclude`: makes exceptions from those.
 * Errors as above (-EINVAL: a filter of plain entries). */
int vkvm_pmu_filter_add_masked(struct vkvm_pmu_filter *filter, uint16_t select, uint8_t mask,
                               uint8_t match, bool exclude);
/** The fixed counters the action is about: bit n for counter n. */
void vkvm_pmu_filter_set_fixed(struct vkvm_pmu_filter *filter, uint32_t bitmap);
/** KVM_SET_PMU_EVENT_FILTER [4.120], Linux 5.3. The filter is copied; takes effect at once. Errors:
 * -EOPNOTSUPP (no KVM_CAP_PMU_EVENT_FILTER, or _MASKED_EVENTS for such entries), -ENOMEM. */
int vkvm_vm_set_pmu_filter(struct vkvm_vm *vm, const struct vkvm_pmu_filter *filter);
/** KVM_CAP_PMU_CAPABILITY [8.35], Linux 5.18: no PMU in this VM. Before the first vCPU, else
 * -EINVAL. -EOPNOTSUPP. */
int vkvm_vm_disable_pmu(struct vkvm_vm *vm);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
