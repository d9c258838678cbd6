/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's operations on the interfaces of guests.
 */
#ifndef VMGR_SRC_DRIVER_GUESTNET_H
#define VMGR_SRC_DRIVER_GUESTNET_H

#include <vmgr/guestnet.h>

#include "driver.h"

struct vmgr__guestnet_ops {
    /* Adds struct vmgr_domain_interface * to ret, of vmgr__guest_interface_new(). */
    int (*get_addresses)(struct vmgr_domain *dom, unsigned source, GPtrArray *ret,
                         struct vmgr_error **err);
    /* ret is zeroed. */
    int (*get_limits)(struct vmgr_domain *dom, const char *interface, uint32_t flags,
                      uint32_t ret[VMGR_LIMIT_COUNT], struct vmgr_error **err);
    int (*set_limits)(struct vmgr_domain *dom, const char *interface, unsigned directions,
                      const uint32_t limits[VMGR_LIMIT_COUNT], uint32_t flags,
                      struct vmgr_error **err);
};
extern const struct vmgr__guestnet_ops vmgr__vemu_guestnet, vmgr__remote_guestnet;

/* An interface without addresses. mac may be NULL. */
struct vmgr_domain_interface *vmgr__guest_interface_new(const char *name, const char *mac);
void vmgr__guest_interface_free(void *interface);
void vmgr__guest_interface_add(struct vmgr_domain_interface *interface, int type,
                               const char *address, unsigned prefix);

#endif
