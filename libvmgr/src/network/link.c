/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bridges, their addresses and routes, and what is plugged into them, by rtnetlink.
 *
 * A bridge is made in one message, MAC address and all, so that it is never there without the mark
 * by which it is known to be ours.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <string.h>

#include "network.h"
#include "rtnetlink.h"

#define TICKS_PER_SECOND 100 /* USER_HZ, the unit of IFLA_BR_FORWARD_DELAY */

#define nl_fail(err, code, ...) vmgr__rt_fail(err, VMGR_FROM_NETWORK, code, __VA_ARGS__)

bool vmgr__link_exists(const char *name)
{
    return if_nametoindex(name) != 0;
}

/* ---- making ---- */

static int send_bridge(struct nl_sock *sk, const struct vmgr__network_def *def)
{
    struct nl_msg *msg = vmgr__rt_new_link(def->bridge);
    struct nlattr *link, *data;
    uint8_t mac[6];

    if (!msg)
        return -NLE_NOMEM;
    vmgr__mac_parse(def->mac, mac);
    nla_put(msg, IFLA_ADDRESS, sizeof(mac), mac);
    if (def->mtu)
        nla_put_u32(msg, IFLA_MTU, def->mtu);
    link = nla_nest_start(msg, IFLA_LINKINFO);
    nla_put_string(msg, IFLA_INFO_KIND, "bridge");
    data = nla_nest_start(msg, IFLA_INFO_DATA);
    nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, def->delay * TICKS_PER_SECOND);
    nla_put_u32(msg, IFLA_BR_STP_STATE, def->stp);
    nla_nest_end(msg, data);
    nla_nest_end(msg, link);
    return nl_send_sync(sk, msg); /* frees it */
}

static struct nl_addr *to_nl(const struct vmgr__addr *a, unsigned prefix)
{
    struct nl_addr *addr = nl_addr_build(a->family, a->bytes, vmgr__addr_bits(a) / 8);

    if (addr)
        nl_addr_set_prefixlen(addr, (int)prefix);
    return addr;
}

static int add_address(struct nl_sock *sk, int index, const struct vmgr__net_ip *ip)
{
    struct nl_addr *local = to_nl(&ip->address, vmgr__net_ip_prefix(ip));
    /* Nobody else has it: the bridge is new. And without a port it would wait for ever. */
    const uint32_t flags = ip->address.family == AF_INET6 ? IFA_F_NODAD : 0;
    int r = local ? vmgr__rt_add_address(sk, index, local, flags, 0) : -NLE_NOMEM;

    nl_addr_put(local);
    return r;
}

static int add_route(struct nl_sock *sk, int index, const struct vmgr__net_route *route)
{
    struct nl_addr *to = to_nl(&route->address, vmgr__net_route_prefix(route));
    struct nl_addr *via = to_nl(&route->gateway, vmgr__addr_bits(&route->gateway));
    int r = to && via ? vmgr__rt_add_route(sk, index, to, via, route->metric) : -NLE_NOMEM;

    nl_addr_put(via);
    nl_addr_put(to);
    return r;
}

static int furnish(struct nl_sock *sk, const struct vmgr__network_def *def, struct vmgr_error **err)
{
    const int index = (int)if_nametoindex(def->bridge);
    char text[VMGR__ADDR_TEXT];
    int r;

    if (vmgr__hostnet_sysctls(def, err) < 0)
        return -1;
    for (guint i = 0; i < def->ips->len; i++) {
        const struct vmgr__net_ip *ip = def->ips->pdata[i];

        r = add_address(sk, index, ip);
        if (r < 0)
            return nl_fail(err, r, "cannot give bridge '%s' the address %s", def->bridge,
                           vmgr__addr_format(&ip->address, text));
    }
    r = vmgr__rt_set_link(sk, index, true, NULL, 0);
    if (r < 0)
        return nl_fail(err, r, "cannot set bridge '%s' up", def->bridge);
    for (guint i = 0; i < def->routes->len; i++) {
        const struct vmgr__net_route *route = def->routes->pdata[i];

        r = add_route(sk, index, route);
        if (r < 0)
            return nl_fail(err, r, "cannot add the route to %s of network '%s'",
                           vmgr__addr_format(&route->address, text), def->name);
    }
    return 0;
}

int vmgr__bridge_make(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    int r;

    if (!sk)
        return -1;
    r = send_bridge(sk, def);
    if (r < 0)
        r = nl_fail(err, r, "cannot make bridge '%s'", def->bridge);
    else
        r = furnish(sk, def, err);
    nl_socket_free(sk);
    return r;
}

/* ---- removing ---- */

static bool is_ours(struct rtnl_link *link, const struct vmgr__network_def *def)
{
    struct nl_addr *addr = rtnl_link_get_addr(link);
    const char *type = rtnl_link_get_type(link);
    uint8_t mac[6];

    return type && strcmp(type, "bridge") == 0 && addr && nl_addr_get_len(addr) == 6 && def->mac &&
           vmgr__mac_parse(def->mac, mac) && memcmp(nl_addr_get_binary_addr(addr), mac, 6) == 0;
}

void vmgr__bridge_remove(const struct vmgr__network_def *def)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, NULL);
    struct rtnl_link *link = NULL;

    if (!sk)
        return;
    if (rtnl_link_get_kernel(sk, 0, def->bridge, &link) == 0) {
        if (is_ours(link, def))
            rtnl_link_delete(sk, link);
        rtnl_link_put(link);
    }
    nl_socket_free(sk);
}

/* ---- looking ---- */

struct collision {
    const struct vmgr__addr *net;
    unsigned prefix;
    int found; /* an interface's index */
};

static void compare_route(struct nl_object *object, void *data)
{
    struct rtnl_route *route = (struct rtnl_route *)object;
    struct collision *c = data;
    struct nl_addr *dst = rtnl_route_get_dst(route);
    struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);

    if (!dst || !hop || rtnl_route_get_table(route) != RT_TABLE_MAIN ||
        nl_addr_get_prefixlen(dst) != c->prefix || c->prefix == 0 ||
        nl_addr_get_len(dst) != vmgr__addr_bits(c->net) / 8 ||
        memcmp(nl_addr_get_binary_addr(dst), c->net->bytes, nl_addr_get_len(dst)) != 0)
        return;
    c->found = rtnl_route_nh_get_ifindex(hop);
}

static int check_subnet(struct nl_sock *sk, const struct vmgr__net_ip *ip, struct vmgr_error **err)
{
    const unsigned prefix = vmgr__net_ip_prefix(ip);
    const struct vmgr__addr net = vmgr__addr_masked(&ip->address, prefix, false);
    struct collision c = { .net = &net, .prefix = prefix };
    struct nl_cache *cache = NULL;
    char name[IF_NAMESIZE] = "?";
    int r = rtnl_route_alloc_cache(sk, ip->address.family, 0, &cache);

    if (r < 0)
        return nl_fail(err, r, "cannot read the routes of this host");
    nl_cache_foreach(cache, compare_route, &c);
    nl_cache_free(cache);
    if (!c.found)
        return 0;
    if_indextoname((unsigned)c.found, name);
    return hostnet_error(err, VMGR_ERR_INTERNAL_ERROR, "Network is already in use by interface %s",
                         name);
}

int vmgr__bridge_check_free(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    int r = 0;

    if (!sk)
        return -1;
    for (guint i = 0; r == 0 && i < def->ips->len; i++)
        r = check_subnet(sk, def->ips->pdata[i], err);
    nl_socket_free(sk);
    return r;
}

/* ---- joining ---- */

int vmgr__link_join(const char *name, const char *bridge, const uint8_t mac[6], uint32_t mtu,
                    struct vmgr_error **err)
{
    const int to = (int)if_nametoindex(bridge), index = (int)if_nametoindex(name);
    struct rtnl_link *master = NULL;
    struct nl_sock *sk;
    const char *type;
    int r;

    if (!to)
        return hostnet_error(err, VMGR_ERR_OPERATION_FAILED, "there is no bridge '%s'", bridge);
    sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    if (!sk)
        return -1;
    r = rtnl_link_get_kernel(sk, to, NULL, &master);
    type = r == 0 ? rtnl_link_get_type(master) : NULL;
    if (r == 0 && (!type || strcmp(type, "bridge") != 0)) {
        hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "interface '%s' is not a bridge", bridge);
        r = -1;
    } else {
        if (r == 0)
            r = vmgr__rt_set_link(sk, index, true, mac, mtu ? mtu : rtnl_link_get_mtu(master));
        if (r == 0)
            r = rtnl_link_enslave_ifindex(sk, to, index);
        if (r < 0)
            r = nl_fail(err, r, "cannot put interface '%s' on bridge '%s'", name, bridge);
    }
    rtnl_link_put(master);
    nl_socket_free(sk);
    return r;
}

int vmgr__link_isolate(const char *name, bool isolated, struct vmgr_error **err)
{
    struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = (int)if_nametoindex(name) };
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK);
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    struct nlattr *port;
    int r = -NLE_NOMEM;

    if (!sk) {
        nlmsg_free(msg);
        return -1;
    }
    if (msg) {
        nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
        port = nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED);
        nla_put_u8(msg, IFLA_BRPORT_ISOLATED, isolated);
        nla_nest_end(msg, port);
        r = nl_send_sync(sk, msg); /* frees it */
    }
    nl_socket_free(sk);
    return r < 0 ? nl_fail(err, r, "cannot set whether port '%s' of its bridge is isolated", name)
                 : 0;
}

int vmgr__link_up(const char *name, const uint8_t *mac, uint32_t mtu, struct vmgr_error **err)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    int r = sk ? vmgr__rt_set_link(sk, (int)if_nametoindex(name), true, mac, mtu) : -1;

    if (!sk)
        return -1;
    nl_socket_free(sk);
    return r < 0 ? nl_fail(err, r, "cannot set interface '%s' up", name) : 0;
}
