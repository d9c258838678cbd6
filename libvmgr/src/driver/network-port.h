/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's operations on ports of networks.
 */
#ifndef VMGR_SRC_DRIVER_NETWORK_PORT_H
#define VMGR_SRC_DRIVER_NETWORK_PORT_H

#include <vmgr/network-port.h>

#include "network.h"

struct vmgr__network_port_ops {
    int (*lookup)(struct vmgr_network *net, const uint8_t uuid[VMGR_UUID_SIZE],
                  struct vmgr_network_port **ret, struct vmgr_error **err);
    /* Adds struct vmgr_network_port * to ret. */
    int (*list)(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err);
    int (*create)(struct vmgr_network *net, const char *xml, struct vmgr_network_port **ret,
                  struct vmgr_error **err);
    int (*remove)(struct vmgr_network_port *port, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_network_port *port, char **ret, struct vmgr_error **err);
    /* ret is zeroed. */
    int (*get_limits)(struct vmgr_network_port *port, uint32_t ret[VMGR_LIMIT_COUNT],
                      struct vmgr_error **err);
    int (*set_limits)(struct vmgr_network_port *port, unsigned directions,
                      const uint32_t limits[VMGR_LIMIT_COUNT], struct vmgr_error **err);
};
extern const struct vmgr__network_port_ops vmgr__vemu_network_port, vmgr__remote_network_port;

struct vmgr_network_port *vmgr__network_port_new(struct vmgr_network *net,
                                                 const uint8_t uuid[VMGR_UUID_SIZE]);

#endif
