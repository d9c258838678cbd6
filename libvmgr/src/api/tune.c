/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sizes of domains: the public calls, which check and pass on to the driver.
 */
#include <vmgr/tune.h>

#include "operation.h"

#define AFFECT (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)

int vmgr_domain_set_memory(struct vmgr_domain *domain, uint64_t kib, uint32_t flags,
                           struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_set_memory, "virDomainSetMemoryFlags");
    if (vmgr__need_write(conn, "virDomainSetMemoryFlags", err) < 0 ||
        vmgr__check_flags(flags, AFFECT | VMGR_DOMAIN_MEM_MAXIMUM, "virDomainSetMemoryFlags", err) <
            0)
        return -1;
    if (!kib)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "memory in virDomainSetMemoryFlags must not be zero");
    if (kib > INT64_MAX / 1024)
        return vmgr__error_set_plain(err, VMGR_ERR_OVERFLOW, VMGR_FROM_DOM,
                                     "the memory size is out of range");
    return conn->driver->domain_set_memory(domain, kib, flags, err);
}

int vmgr_domain_set_vcpus(struct vmgr_domain *domain, uint32_t count, uint32_t flags,
                          struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_set_vcpus, "virDomainSetVcpusFlags");
    if (vmgr__need_write(conn, "virDomainSetVcpusFlags", err) < 0 ||
        vmgr__check_flags(flags,
                          AFFECT | VMGR_DOMAIN_VCPU_MAXIMUM | VMGR_DOMAIN_VCPU_GUEST |
                              VMGR_DOMAIN_VCPU_HOTPLUGGABLE,
                          "virDomainSetVcpusFlags", err) < 0)
        return -1;
    if ((flags & VMGR_DOMAIN_VCPU_MAXIMUM) && (flags & VMGR_DOMAIN_AFFECT_LIVE))
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_VCPU_MAXIMUM' "
                                     "are mutually exclusive");
    if (!count)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "nvcpus in virDomainSetVcpusFlags must not be zero");
    return conn->driver->domain_set_vcpus(domain, count, flags, err);
}

int vmgr_domain_set_vcpu(struct vmgr_domain *domain, const char *vcpus, int there, uint32_t flags,
                         struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_set_vcpu, "virDomainSetVcpu");
    if (vmgr__need_write(conn, "virDomainSetVcpu", err) < 0 ||
        vmgr__check_flags(flags, AFFECT, "virDomainSetVcpu", err) < 0)
        return -1;
    if (!vcpus)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "vcpumap in virDomainSetVcpu must not be NULL");
    if (there != 0 && there != 1)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "unsupported state value");
    return conn->driver->domain_set_vcpu(domain, vcpus, there, flags, err);
}

int vmgr_domain_set_memory_stats_period(struct vmgr_domain *domain, int period, uint32_t flags,
                                        struct vmgr_error **err)
{
    static const char function[] = "virDomainSetMemoryStatsPeriod";
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_set_stats_period, function);
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, AFFECT, function, err) < 0)
        return -1;
    if (period < 0)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "period in %s must be zero or greater", function);
    return conn->driver->domain_set_stats_period(domain, period, flags, err);
}

int vmgr_domain_inject_nmi(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_inject_nmi, "virDomainInjectNMI");
    if (vmgr__need_write(conn, "virDomainInjectNMI", err) < 0 ||
        vmgr__check_flags(flags, 0, "virDomainInjectNMI", err) < 0)
        return -1;
    return conn->driver->domain_inject_nmi(domain, err);
}

int vmgr_domain_set_lifecycle_action(struct vmgr_domain *domain, uint32_t type, uint32_t action,
                                     uint32_t flags, struct vmgr_error **err)
{
    static const char *const events[] = { "poweroff", "reboot", "crash" };
    static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart" };
    const char *name = action < G_N_ELEMENTS(actions) ? actions[action] : NULL;
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_set_lifecycle_action, "virDomainSetLifecycleAction");
    if (vmgr__need_write(conn, "virDomainSetLifecycleAction", err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG,
                          "virDomainSetLifecycleAction", err) < 0)
        return -1;
    if (type >= G_N_ELEMENTS(events) || !name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "lifecycle event %u or action %u is unknown", type, action);
    if (type != VMGR_DOMAIN_LIFECYCLE_CRASH &&
        action >= VMGR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY)
        return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, conn->driver->error_domain,
                               "Lifecycle event '%s' doesn't support '%s' action", events[type],
                               name);
    return conn->driver->domain_set_lifecycle_action(domain, type, action, flags, err);
}
