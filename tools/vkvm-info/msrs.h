/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Model-specific registers: which make up a vCPU's state, and what the feature ones say.
 */
#ifndef VKVM_INFO_MSRS_H
#define VKVM_INFO_MSRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vkvm/vkvm.h>

struct msr_value {
    uint32_t index;
    bool readable;
    uint64_t value;
};

struct msr_report {
    uint32_t *state; /* KVM_GET_MSR_INDEX_LIST */
    size_t state_count;
    bool state_known;
    struct msr_value *features; /* KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS */
    size_t feature_count;
    bool features_known;
};

/* Each: -errno of the call that failed. */
int msrs_read_state(struct vkvm *kvm, struct msr_report *ret);
int msrs_read_features(struct vkvm *kvm, struct msr_report *ret);
void msrs_free(struct msr_report *report);
/* "IA32_EFER", or NULL. */
const char *msrs_name(uint32_t index);

#endif
