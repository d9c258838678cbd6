/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices of domains: the public calls, which check and pass on to the driver.
 */
#include <vmgr/device.h>

#include "operation.h"

static int check(struct vmgr_conn *conn, const char *what, uint32_t flags, uint32_t known,
                 const char *function, struct vmgr_error **err)
{
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, known, function, err) < 0)
        return -1;
    if (!what)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no device given");
    return 0;
}

#define AFFECT (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)

int vmgr_domain_attach_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_attach_device,
         flags ? "virDomainAttachDeviceFlags" : "virDomainAttachDevice");
    if (check(conn, xml, flags, AFFECT, "virDomainAttachDeviceFlags", err) < 0)
        return -1;
    return conn->driver->domain_attach_device(domain, xml, flags, err);
}

int vmgr_domain_detach_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_detach_device,
         flags ? "virDomainDetachDeviceFlags" : "virDomainDetachDevice");
    if (check(conn, xml, flags, AFFECT, "virDomainDetachDeviceFlags", err) < 0)
        return -1;
    return conn->driver->domain_detach_device(domain, xml, flags, err);
}

int vmgr_domain_detach_device_alias(struct vmgr_domain *domain, const char *alias, uint32_t flags,
                                    struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_detach_alias, "virDomainDetachDeviceAlias");
    if (check(conn, alias, flags, AFFECT, "virDomainDetachDeviceAlias", err) < 0)
        return -1;
    return conn->driver->domain_detach_alias(domain, alias, flags, err);
}

int vmgr_domain_update_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_update_device, "virDomainUpdateDeviceFlags");
    if (check(conn, xml, flags, AFFECT | VMGR_DOMAIN_DEVICE_MODIFY_FORCE,
              "virDomainUpdateDeviceFlags", err) < 0)
        return -1;
    return conn->driver->domain_update_device(domain, xml, flags, err);
}
