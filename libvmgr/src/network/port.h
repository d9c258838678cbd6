/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of networks that run, for other files.
 */
#ifndef VMGR_SRC_NETWORK_PORT_H
#define VMGR_SRC_NETWORK_PORT_H

#include "../conf/network-port.h"
#include "network.h"

/* struct vmgr__network_port *; for g_ptr_array_unref(). */
GPtrArray *vmgr__hostnet_ports(const struct vemu *d, const char *network);
/* 0, or -1 without an error: there is none. *ret is for vmgr__network_port_clear(). */
int vmgr__hostnet_port_find(const struct vemu *d, const char *network,
                            const uint8_t uuid[VMGR_UUID_SIZE], struct vmgr__network_port *ret);
/* Counts who is on a network that runs, and on each interface of its pool. */
void vmgr__hostnet_ports_count(const struct vemu *d, struct vmgr__network_def *def);
/* The lock of networks is held, for these two. */
int vmgr__hostnet_port_save(const struct vemu *d, const char *network,
                            const struct vmgr__network_port *port, struct vmgr_error **err);
int vmgr__hostnet_port_remove(const struct vemu *d, const char *network,
                              const struct vmgr__network_port *port, struct vmgr_error **err);

/* ---- of guests; they lock for themselves ---- */
/* Of an interface that is on its network's bridge: a port that it has there stays the same one,
 * those it has elsewhere go. */
int vmgr__hostnet_port_make(struct vemu *d, const struct vmgr__tap *tap,
                            const struct vmgr__domain_def *def, uint8_t ret_uuid[VMGR_UUID_SIZE],
                            struct vmgr_error **err);
/* interface NULL: all of the guest's. */
void vmgr__hostnet_port_forget(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                               const char *interface);
/* Those whose interfaces are not there any more. */
void vmgr__hostnet_port_sweep(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE]);
/* Notes what an interface is limited to. */
void vmgr__hostnet_port_limit(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                              const char *interface, const struct vmgr__bandwidth *b);

#endif
