/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about devices that come, change and go.
 */
#include <vmgr/device.h>

#include "internal.h"

/* Their arguments begin with the domain; nothing comes back. */
#define DEVICE(procedure, change)                                                                  \
    static int device_##procedure(struct vmgr__call *call, const void *args, void *ret)            \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? change : -1;                                                                  \
    }

DEVICE(attach_device, vmgr_domain_attach_device(dom, a->xml, 0, &call->err))
DEVICE(attach_device_flags, vmgr_domain_attach_device(dom, a->xml, a->flags, &call->err))
DEVICE(detach_device, vmgr_domain_detach_device(dom, a->xml, 0, &call->err))
DEVICE(detach_device_flags, vmgr_domain_detach_device(dom, a->xml, a->flags, &call->err))
DEVICE(detach_device_alias, vmgr_domain_detach_device_alias(dom, a->alias, a->flags, &call->err))
DEVICE(update_device_flags, vmgr_domain_update_device(dom, a->xml, a->flags, &call->err))

const struct vmgr__handler vmgr__handlers_domain_device[] = {
    { WIRE_DOMAIN_ATTACH_DEVICE, device_attach_device, 0 },
    { WIRE_DOMAIN_ATTACH_DEVICE_FLAGS, device_attach_device_flags, 0 },
    { WIRE_DOMAIN_DETACH_DEVICE, device_detach_device, 0 },
    { WIRE_DOMAIN_DETACH_DEVICE_FLAGS, device_detach_device_flags, 0 },
    { WIRE_DOMAIN_DETACH_DEVICE_ALIAS, device_detach_device_alias, 0 },
    { WIRE_DOMAIN_UPDATE_DEVICE_FLAGS, device_update_device_flags, 0 },
    { 0, NULL, 0 },
};
