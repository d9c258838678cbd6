/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Screens and keyboards of domains: the public calls, which check and pass on to the driver.
 */
#include <vmgr/display.h>

#include "../driver/display.h"
#include "operation.h"

/* The operations of a connection that may change something, or NULL and *err. */
static const struct vmgr__display_ops *check(struct vmgr_domain *domain, uint32_t flags,
                                             const char *function, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    if (!conn->driver->display) {
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", function);
        return NULL;
    }
    if (vmgr__need_write(conn, function, err) < 0 || vmgr__check_flags(flags, 0, function, err) < 0)
        return NULL;
    return conn->driver->display;
}

int vmgr_domain_screenshot(struct vmgr_domain *domain, uint32_t screen, uint32_t flags,
                           char **ret_mime, struct vmgr_stream **ret_stream,
                           struct vmgr_error **err)
{
    const struct vmgr__display_ops *ops = check(domain, flags, "virDomainScreenshot", err);

    return ops ? ops->screenshot(domain, screen, ret_mime, ret_stream, err) : -1;
}

int vmgr_domain_send_key(struct vmgr_domain *domain, uint32_t codeset, uint32_t holdtime_ms,
                         const uint32_t *keycodes, uint32_t count, uint32_t flags,
                         struct vmgr_error **err)
{
    const struct vmgr__display_ops *ops = check(domain, flags, "virDomainSendKey", err);

    if (!ops)
        return -1;
    if (codeset >= VMGR_KEYCODE_SETS)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "Unsupported codeset '%u' in virDomainSendKey", codeset);
    if (!keycodes || count < 1 || count > VMGR_KEYS_MAX)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "nkeycodes in virDomainSendKey must be from 1 to %d", VMGR_KEYS_MAX);
    return ops->send_key(domain, codeset, holdtime_ms, keycodes, count, err);
}

int vmgr_domain_send_process_signal(struct vmgr_domain *domain, int64_t pid, uint32_t signum,
                                    uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__display_ops *ops = check(domain, flags, "virDomainSendProcessSignal", err);

    if (!ops)
        return -1;
    if (!ops->send_signal)
        return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT,
                               vmgr_domain_get_conn(domain)->driver->error_domain, "%s",
                               "virDomainSendProcessSignal");
    if (!pid)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "pid_value in virDomainSendProcessSignal must not be zero");
    return ops->send_signal(domain, pid, signum, err);
}
