/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of a definition's sizes, with the limits that every driver has.
 */
#include "domobj.h"

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)

int vmgr__def_set_memory(struct vmgr__domain_def *def, uint64_t kib, uint32_t flags, bool live,
                         struct vmgr_error **err)
{
    if (flags & VMGR_DOMAIN_MEM_MAXIMUM) {
        if (live)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                                   "cannot resize the maximum memory on an active domain");
        def->memory_kib = kib;
        if (def->current_memory_kib > kib)
            def->current_memory_kib = kib;
        return 0;
    }
    if (kib > def->memory_kib)
        return invalid(err, "cannot set memory higher than max memory");
    def->current_memory_kib = kib;
    return 0;
}

int vmgr__def_set_vcpus(struct vmgr__domain_def *def, uint32_t count, uint32_t flags, bool live,
                        struct vmgr_error **err)
{
    if (flags & VMGR_DOMAIN_VCPU_MAXIMUM) {
        if (live)
            return invalid(err, "the maximum number of vCPUs of an active domain cannot change");
        if (count > VMGR__VCPUS_MAX)
            return invalid(err, "more than %d vCPUs are not supported", VMGR__VCPUS_MAX);
        def->max_vcpus = count;
        if (def->vcpus > count)
            def->vcpus = count;
        return 0;
    }
    if (count > def->max_vcpus)
        return invalid(err, "requested cpu amount exceeds maximum (%u > %u)", count,
                       def->max_vcpus);
    def->vcpus = count;
    return 0;
}
