/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID: what KVM says it supports, what a guest then sees, and what cannot be hidden.
 */
#ifndef VKVM_INFO_CPUID_H
#define VKVM_INFO_CPUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vkvm/vkvm.h>

#include "cpuid-bits.h"

struct cpuid_report {
    struct vkvm_cpuid *supported; /* KVM_GET_SUPPORTED_CPUID */
    struct vkvm_cpuid *effective; /* that given to a vCPU and read back; NULL: not known */
    struct vkvm_cpuid *masked;    /* the same for a table of zeros; NULL: not known */
};

/* One register of one leaf: bits a guest sees though they are not given, or the other way round. */
struct cpuid_bits {
    uint32_t function, index, reg;
    uint32_t bits;
};

/* -errno of the call that failed; what was found before stays. */
int cpuid_read_system(struct vkvm *kvm, struct cpuid_report *ret);
/* Tries tables on a vCPU that has not run; it is left with the supported one. */
int cpuid_read_vcpu(struct vkvm_vcpu *vcpu, struct cpuid_report *ret);
void cpuid_free(struct cpuid_report *report);

/* Does a guest see the bit? By `effective` where known, else by `supported`. */
bool cpuid_guest_has(const struct cpuid_report *report, const struct feature_place *place);

/* Each fills at most `max` and returns how many there are in all. Bits that follow the vCPU's state
 * (features_dynamic()) are left out. */
size_t cpuid_unmaskable(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max);
/* Given by KVM_GET_SUPPORTED_CPUID but not seen, and seen but not given. */
size_t cpuid_lost(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max);
size_t cpuid_added(const struct cpuid_report *report, struct cpuid_bits *ret, size_t max);

/* EAX, EBX, ECX, EDX of an entry by number. */
uint32_t cpuid_reg(const struct kvm_cpuid_entry2 *entry, uint32_t reg);

#endif
