/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of CPUID and MSR containers.
 */
#ifndef VKVM_SRC_X86_CPUID_H
#define VKVM_SRC_X86_CPUID_H

#include <vkvm/vm.h>
#include <vkvm/x86.h>

#include "../handle.h"

struct vkvm_cpuid {
    struct kvm_cpuid2 *table;
    size_t capacity;
};

struct vkvm_msrs {
    size_t capacity;
    struct kvm_msrs table; /* entries follow */
};

/* KVM_GET_*_CPUID2 into a new table that grows until the answer fits. */
int vkvm__cpuid_fetch(const struct vkvm_handle *h, unsigned long request,
                      struct vkvm_cpuid **ret_cpuid);

/* KVM_ENABLE_CAP of a VM with one argument; -EOPNOTSUPP when the capability is not there. */
int vkvm__vm_enable(struct vkvm_vm *vm, uint32_t cap, uint64_t argument);

#endif
