/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that sleep: the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <vmgr/node.h>

#include "../driver/driver.h"
#include "operation.h"

int vmgr_domain_pm_suspend_for_duration(struct vmgr_domain *domain, uint32_t target,
                                        uint64_t duration, uint32_t flags, struct vmgr_error **err)
{
    static const char function[] = "virDomainPMSuspendForDuration";
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_pm_suspend, function);
    if (vmgr__need_write(conn, function, err) < 0 || vmgr__check_flags(flags, 0, function, err) < 0)
        return -1;
    return conn->driver->domain_pm_suspend(domain, target, duration, err);
}

int vmgr_domain_pm_wakeup(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    static const char function[] = "virDomainPMWakeup";
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_pm_wakeup, function);
    if (vmgr__need_write(conn, function, err) < 0 || vmgr__check_flags(flags, 0, function, err) < 0)
        return -1;
    return conn->driver->domain_pm_wakeup(domain, err);
}
