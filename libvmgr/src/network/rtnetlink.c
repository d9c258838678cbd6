/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said to the kernel about links, addresses and routes.
 */
#include "rtnetlink.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <string.h>

#include "../api/error.h"

int vmgr__rt_fail(struct vmgr_error **err, int from, int code, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list ap;

    va_start(ap, format);
    what = g_strdup_vprintf(format, ap);
    va_end(ap);
    return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, from, "%s: %s", what, nl_geterror(code));
}

struct nl_sock *vmgr__rt_open(int from, struct vmgr_error **err)
{
    struct nl_sock *sk = nl_socket_alloc();
    int r = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;

    if (r == 0)
        return sk;
    vmgr__rt_fail(err, from, r, "cannot open a netlink socket");
    nl_socket_free(sk);
    return NULL;
}

/* The last address of an IPv4 network; NULL: it has none to spare. */
static struct nl_addr *broadcast_of(struct nl_addr *local)
{
    const unsigned prefix = nl_addr_get_prefixlen(local);
    uint32_t last;

    if (nl_addr_get_family(local) != AF_INET || prefix >= 31)
        return NULL;
    memcpy(&last, nl_addr_get_binary_addr(local), sizeof(last));
    last |= htonl(UINT32_MAX >> prefix);
    return nl_addr_build(AF_INET, &last, sizeof(last));
}

int vmgr__rt_add_address(struct nl_sock *sk, int index, struct nl_addr *local, uint32_t flags,
                         int how)
{
    struct nl_addr *broadcast = broadcast_of(local);
    struct rtnl_addr *addr = rtnl_addr_alloc();
    int r = -NLE_NOMEM;

    if (addr) {
        rtnl_addr_set_ifindex(addr, index);
        r = rtnl_addr_set_local(addr, local);
        if (r == 0 && broadcast)
            r = rtnl_addr_set_broadcast(addr, broadcast);
        if (flags)
            rtnl_addr_set_flags(addr, flags);
        if (r == 0)
            r = rtnl_addr_add(sk, addr, how);
    }
    nl_addr_put(broadcast);
    rtnl_addr_put(addr);
    return r;
}

int vmgr__rt_add_route(struct nl_sock *sk, int index, struct nl_addr *to, struct nl_addr *via,
                       uint32_t metric)
{
    const int family = nl_addr_get_family(via);
    struct rtnl_route *route = rtnl_route_alloc();
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    struct nl_addr *all = NULL;
    int r = to ? 0 : nl_addr_parse("default", family, &all);

    if (r == 0 && (!route || !hop))
        r = -NLE_NOMEM;
    if (r == 0) {
        rtnl_route_set_family(route, (uint8_t)family);
        rtnl_route_set_dst(route, to ? to : all);
        rtnl_route_set_protocol(route, RTPROT_STATIC);
        if (metric)
            rtnl_route_set_priority(route, metric);
        rtnl_route_nh_set_ifindex(hop, index);
        rtnl_route_nh_set_gateway(hop, via);
        rtnl_route_add_nexthop(route, hop); /* owns it */
        hop = NULL;
        r = rtnl_route_add(sk, route, 0);
    }
    nl_addr_put(all);
    if (hop)
        rtnl_route_nh_free(hop);
    rtnl_route_put(route);
    return r;
}

int vmgr__rt_set_link(struct nl_sock *sk, int index, bool up, const uint8_t mac[6], uint32_t mtu)
{
    struct nl_addr *addr = mac ? nl_addr_build(AF_LLC, mac, 6) : NULL;
    struct rtnl_link *which = rtnl_link_alloc(), *change = rtnl_link_alloc();
    int r = -NLE_NOMEM;

    if (which && change) {
        rtnl_link_set_ifindex(which, index);
        if (up)
            rtnl_link_set_flags(change, IFF_UP);
        else
            rtnl_link_unset_flags(change, IFF_UP);
        if (addr)
            rtnl_link_set_addr(change, addr);
        if (mtu)
            rtnl_link_set_mtu(change, mtu);
        r = rtnl_link_change(sk, which, change, 0);
    }
    rtnl_link_put(which);
    rtnl_link_put(change);
    nl_addr_put(addr);
    return r;
}

struct nl_msg *vmgr__rt_new_link(const char *name)
{
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
    struct nl_msg *msg =
        nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);

    if (!msg)
        return NULL;
    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    nla_put_string(msg, IFLA_IFNAME, name);
    return msg;
}
