/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses and gateways of the host's interfaces.
 */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/route.h>
#include <string.h>

#include "iface-link.h"

static int family_of(const struct vmgr__iface_protocol *p)
{
    return strcmp(p->family, "ipv4") == 0 ? AF_INET : AF_INET6;
}

static int add_address(struct nl_sock *sk, int index, int family, const struct vmgr__iface_ip *ip)
{
    struct nl_addr *local = NULL;
    int r = nl_addr_parse(ip->address, family, &local);

    if (r == 0) {
        nl_addr_set_prefixlen(local, (int)ip->prefix);
        r = vmgr__rt_add_address(sk, index, local, 0, NLM_F_REPLACE);
    }
    nl_addr_put(local);
    return r;
}

static int add_gateway(struct nl_sock *sk, int index, int family, const char *gateway)
{
    struct nl_addr *via = NULL;
    int r = nl_addr_parse(gateway, family, &via);

    if (r == 0)
        r = vmgr__rt_add_route(sk, index, NULL, via, 0);
    nl_addr_put(via);
    return r;
}

int vmgr__iface_address_add(struct nl_sock *sk, const struct vmgr__iface_def *def,
                            struct vmgr_error **err)
{
    const int index = (int)if_nametoindex(def->name);

    for (guint i = 0; i < def->protocols->len; i++) {
        const struct vmgr__iface_protocol *p = def->protocols->pdata[i];
        int r;

        for (guint k = 0; k < p->ips->len; k++) {
            const struct vmgr__iface_ip *ip = p->ips->pdata[k];

            r = add_address(sk, index, family_of(p), ip);
            if (r < 0)
                return iface_nl_fail(err, r, "cannot give interface '%s' the address %s/%u",
                                     def->name, ip->address, ip->prefix);
        }
        r = p->gateway ? add_gateway(sk, index, family_of(p), p->gateway) : 0;
        if (r < 0)
            return iface_nl_fail(err, r, "cannot make %s the default gateway of interface '%s'",
                                 p->gateway, def->name);
    }
    return 0;
}

/* ---- reading ---- */

static struct vmgr__iface_protocol *protocol(struct vmgr__iface_def *def, int family)
{
    const char *name = family == AF_INET ? "ipv4" : "ipv6";

    for (guint i = 0; i < def->protocols->len; i++) {
        struct vmgr__iface_protocol *p = def->protocols->pdata[i];

        if (strcmp(p->family, name) == 0)
            return p;
    }
    return vmgr__iface_protocol_add(def, name);
}

static void read_address(struct rtnl_addr *addr, struct vmgr__iface_def *def)
{
    const int family = rtnl_addr_get_family(addr);
    struct nl_addr *local = rtnl_addr_get_local(addr);
    struct vmgr__iface_protocol *p;
    char text[INET6_ADDRSTRLEN];

    if ((family != AF_INET && family != AF_INET6) || !local ||
        rtnl_addr_get_scope(addr) == RT_SCOPE_LINK ||
        !inet_ntop(family, nl_addr_get_binary_addr(local), text, sizeof(text)))
        return;
    p = protocol(def, family);
    if (rtnl_addr_get_flags(addr) & IFA_F_PERMANENT)
        vmgr__iface_ip_add(p, text, nl_addr_get_prefixlen(local));
    else if (family == AF_INET)
        p->dhcp = true;
    else
        p->autoconf = true;
}

static void read_route(struct rtnl_route *route, int index, struct vmgr__iface_def *def)
{
    const int family = rtnl_route_get_family(route);
    struct nl_addr *to = rtnl_route_get_dst(route), *via;
    struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
    struct vmgr__iface_protocol *p;
    char text[INET6_ADDRSTRLEN];

    if (!to || nl_addr_get_prefixlen(to) || !hop || rtnl_route_nh_get_ifindex(hop) != index ||
        (family != AF_INET && family != AF_INET6) || rtnl_route_get_protocol(route) == RTPROT_RA)
        return;
    via = rtnl_route_nh_get_gateway(hop);
    if (!via || !inet_ntop(family, nl_addr_get_binary_addr(via), text, sizeof(text)))
        return;
    p = protocol(def, family);
    if (!p->gateway && !p->dhcp)
        p->gateway = g_strdup(text);
}

int vmgr__iface_address_read(struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const int index = (int)if_nametoindex(def->name);
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_INTERFACE, err);
    struct nl_cache *addrs = NULL, *routes = NULL;
    int r;

    if (!sk)
        return -1;
    r = rtnl_addr_alloc_cache(sk, &addrs);
    if (r == 0)
        r = rtnl_route_alloc_cache(sk, AF_UNSPEC, 0, &routes);
    if (r < 0)
        iface_nl_fail(err, r, "cannot read the addresses of interface '%s'", def->name);
    for (struct nl_object *o = r == 0 ? nl_cache_get_first(addrs) : NULL; o;
         o = nl_cache_get_next(o)) {
        if (rtnl_addr_get_ifindex((struct rtnl_addr *)o) == index)
            read_address((struct rtnl_addr *)o, def);
    }
    for (struct nl_object *o = r == 0 ? nl_cache_get_first(routes) : NULL; o;
         o = nl_cache_get_next(o))
        read_route((struct rtnl_route *)o, index, def);
    nl_cache_free(addrs);
    nl_cache_free(routes);
    nl_socket_free(sk);
    return r < 0 ? -1 : 0;
}

void vmgr__iface_address_flush(struct nl_sock *sk, const char *name)
{
    const int index = (int)if_nametoindex(name);
    struct nl_cache *cache = NULL;

    if (!index || rtnl_addr_alloc_cache(sk, &cache) < 0)
        return;
    for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
        struct rtnl_addr *addr = (struct rtnl_addr *)o;

        if (rtnl_addr_get_ifindex(addr) == index &&
            (rtnl_addr_get_family(addr) == AF_INET || rtnl_addr_get_family(addr) == AF_INET6) &&
            rtnl_addr_get_scope(addr) != RT_SCOPE_LINK)
            rtnl_addr_delete(sk, addr, 0);
    }
    nl_cache_free(cache);
}
