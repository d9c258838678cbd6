/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about memory and vCPUs.
 */
#include <vmgr/tune.h>

#include "internal.h"

/* Their arguments begin with the domain; nothing comes back. */
#define SIZE(procedure, change)                                                                    \
    static int size_##procedure(struct vmgr__call *call, const void *args, void *ret)              \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? change : -1;                                                                  \
    }

SIZE(set_memory, vmgr_domain_set_memory(dom, a->memory, VMGR_DOMAIN_AFFECT_LIVE, &call->err))
SIZE(set_memory_flags, vmgr_domain_set_memory(dom, a->memory, a->flags, &call->err))
SIZE(set_max_memory, vmgr_domain_set_memory(dom, a->memory, VMGR_DOMAIN_MEM_MAXIMUM, &call->err))
SIZE(set_vcpus, vmgr_domain_set_vcpus(dom, a->nvcpus, VMGR_DOMAIN_AFFECT_LIVE, &call->err))
SIZE(set_vcpus_flags, vmgr_domain_set_vcpus(dom, a->nvcpus, a->flags, &call->err))
SIZE(set_lifecycle_action,
     vmgr_domain_set_lifecycle_action(dom, a->type, a->action, a->flags, &call->err))
SIZE(set_vcpu, vmgr_domain_set_vcpu(dom, a->cpumap, a->state, a->flags, &call->err))
SIZE(set_memory_stats_period,
     vmgr_domain_set_memory_stats_period(dom, a->period, a->flags, &call->err))
SIZE(inject_nmi, vmgr_domain_inject_nmi(dom, a->flags, &call->err))

const struct vmgr__handler vmgr__handlers_domain_size[] = {
    { WIRE_DOMAIN_SET_MEMORY, size_set_memory, 0 },
    { WIRE_DOMAIN_SET_MEMORY_FLAGS, size_set_memory_flags, 0 },
    { WIRE_DOMAIN_SET_MAX_MEMORY, size_set_max_memory, 0 },
    { WIRE_DOMAIN_SET_VCPUS, size_set_vcpus, 0 },
    { WIRE_DOMAIN_SET_VCPUS_FLAGS, size_set_vcpus_flags, 0 },
    { WIRE_DOMAIN_SET_LIFECYCLE_ACTION, size_set_lifecycle_action, 0 },
    { WIRE_DOMAIN_SET_VCPU, size_set_vcpu, 0 },
    { WIRE_DOMAIN_SET_MEMORY_STATS_PERIOD, size_set_memory_stats_period, 0 },
    { WIRE_DOMAIN_INJECT_NMI, size_inject_nmi, 0 },
    { 0, NULL, 0 },
};
