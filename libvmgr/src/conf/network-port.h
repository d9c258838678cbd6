/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <networkport>: who is plugged into a network.
 */
#ifndef VMGR_SRC_CONF_NETWORK_PORT_H
#define VMGR_SRC_CONF_NETWORK_PORT_H

#include "bandwidth.h"
#include "def.h"

struct vmgr__network_port {
    uint8_t uuid[VMGR_UUID_SIZE];
    char *owner;
    uint8_t owner_uuid[VMGR_UUID_SIZE];
    char *group; /* of the network; NULL: the default one, if any */
    char *mac;
    struct vmgr__bandwidth bandwidth;
    int isolated;    /* tristate, of the bridge's port */
    char *bridge;    /* it is plugged into; NULL: not yet, or none */
    char *dev;       /* of the host, that it is over; NULL: none */
    char *mode;      /* of that, of vmgr__direct_modes */
    char *interface; /* of this host; NULL: none that is known. Not shown to clients. */
};

/* For vmgr__network_port_clear(). Fails on what is no port, and on what no network here has. */
int vmgr__network_port_parse(const char *xml, struct vmgr__network_port *ret,
                             struct vmgr_error **err);
/* The document, for g_free(). status: with the host's interface. */
char *vmgr__network_port_format(const struct vmgr__network_port *port, bool status);
void vmgr__network_port_clear(struct vmgr__network_port *port);
/* One on g_malloc(), cleared too. */
void vmgr__network_port_free(void *port);

#endif
