/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host in the kernel, by rtnetlink: made, given what a definition says, and taken
 * away again.
 */
#ifndef VMGR_SRC_HOSTDEV_IFACE_LINK_H
#define VMGR_SRC_HOSTDEV_IFACE_LINK_H

#include "../conf/iface.h"
#include "../network/rtnetlink.h"

#define iface_nl_fail(err, code, ...) vmgr__rt_fail(err, VMGR_FROM_INTERFACE, code, __VA_ARGS__)

/* ---- iface-link.c ---- */
/* Makes a bridge, bond or VLAN that is not there, or finds what the definition is of. *ret_made:
 * whether it was made. */
int vmgr__iface_link_make(struct nl_sock *sk, const struct vmgr__iface_def *def, bool *ret_made,
                          struct vmgr_error **err);
/* What is not there is fine. */
void vmgr__iface_link_delete(struct nl_sock *sk, const char *name);
/* mtu 0: as it is. */
int vmgr__iface_link_set(struct nl_sock *sk, const char *name, bool up, uint32_t mtu);
/* master NULL: none. */
int vmgr__iface_link_enslave(struct nl_sock *sk, const char *name, const char *master);

/* ---- iface-address.c ---- */
/* Addresses and gateways of the definition. */
int vmgr__iface_address_add(struct nl_sock *sk, const struct vmgr__iface_def *def,
                            struct vmgr_error **err);
/* Takes all addresses away but link-local ones. */
void vmgr__iface_address_flush(struct nl_sock *sk, const char *name);
/* Adds to def->protocols what the interface of its name has now. */
int vmgr__iface_address_read(struct vmgr__iface_def *def, struct vmgr_error **err);

/* ---- iface-dhcp.c ---- */
struct vemu;
/* Starts a client for each protocol that asks for one; returns when it has an address. */
int vmgr__iface_dhcp_start(const struct vemu *d, const struct vmgr__iface_def *def,
                           struct vmgr_error **err);
/* Ends the clients of an interface, if there are any. */
void vmgr__iface_dhcp_stop(const struct vemu *d, const char *name);

/* ---- iface-apply.c ---- */
/* Puts a definition in force. On failure links that it made are gone again. */
int vmgr__iface_up(const struct vemu *d, const struct vmgr__iface_def *def,
                   struct vmgr_error **err);
/* Takes it out of force: a bridge, bond or VLAN goes, cards are set down. */
int vmgr__iface_down(const struct vemu *d, const struct vmgr__iface_def *def,
                     struct vmgr_error **err);

#endif
