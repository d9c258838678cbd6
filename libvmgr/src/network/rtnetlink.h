/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said to the kernel about links, addresses and routes, rtnetlink(7): for networks, for
 * interfaces of the host and for those of guests.
 */
#ifndef VMGR_SRC_NETWORK_RTNETLINK_H
#define VMGR_SRC_NETWORK_RTNETLINK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vmgr/error.h>

struct nl_addr;
struct nl_msg;
struct nl_sock;

/* from: VMGR_FROM_*, of errors; code: of libnl. */
/* Always -1: what failed, and the kernel's reason. */
int vmgr__rt_fail(struct vmgr_error **err, int from, int code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* For nl_socket_free(); NULL and *err. */
struct nl_sock *vmgr__rt_open(int from, struct vmgr_error **err);

/* ---- all return 0 or libnl's code ---- */
/* local has the prefix's length; flags: IFA_F_*; how: NLM_F_REPLACE or 0. IPv4 gets a broadcast
 * address where the network has room for one. */
int vmgr__rt_add_address(struct nl_sock *sk, int index, struct nl_addr *local, uint32_t flags,
                         int how);
/* to NULL: everything. metric 0: the kernel's own choice. */
int vmgr__rt_add_route(struct nl_sock *sk, int index, struct nl_addr *to, struct nl_addr *via,
                       uint32_t metric);
/* Sets it up or down; mac NULL and mtu 0: as they are. */
int vmgr__rt_set_link(struct nl_sock *sk, int index, bool up, const uint8_t mac[6], uint32_t mtu);

/* The beginning of a message that makes a link; NULL: no memory. For nl_send_sync(), which frees
 * it. */
struct nl_msg *vmgr__rt_new_link(const char *name);

#endif
