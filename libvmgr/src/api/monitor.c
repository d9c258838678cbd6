/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulator's monitor: the public call, which checks and passes on to the driver.
 */
#include <vmgr/monitor.h>

#include "operation.h"

int vmgr_domain_monitor_command(struct vmgr_domain *domain, const char *command, uint32_t flags,
                                char **ret_answer, struct vmgr_error **err)
{
    static const char function[] = "virDomainQemuMonitorCommand";
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_monitor_command, function);
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_MONITOR_HMP, function, err) < 0)
        return -1;
    if (!command)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no command given");
    return conn->driver->domain_monitor_command(domain, command, flags, ret_answer, err);
}
