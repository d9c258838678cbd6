/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links: bridges, bonds and VLANs made in one message each, with all that can only be said then.
 */
#include "iface-link.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>

#include "../conf/network.h"

#define DELAY_MAX 3000 /* hundredths of a second, which are the kernel's USER_HZ */

/* ---- making ---- */

static void put_bridge(struct nl_msg *msg, const struct vmgr__iface_def *def)
{
    uint32_t delay = 0;

    if (def->stp)
        nla_put_u32(msg, IFLA_BR_STP_STATE, def->stp == 1);
    if (def->delay && vmgr__iface_delay(def->delay, DELAY_MAX, &delay))
        nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, delay);
}

static void put_bond(struct nl_msg *msg, const struct vmgr__iface_def *def)
{
    /* in the kernel: none, active, backup, all */
    if (def->mode)
        nla_put_u8(msg, IFLA_BOND_MODE, (uint8_t)(def->mode - 1));
    if (def->monitor == VMGR__IFACE_MII) {
        nla_put_u32(msg, IFLA_BOND_MIIMON, (uint32_t)def->interval);
        if (def->updelay)
            nla_put_u32(msg, IFLA_BOND_UPDELAY, (uint32_t)def->updelay);
        if (def->downdelay)
            nla_put_u32(msg, IFLA_BOND_DOWNDELAY, (uint32_t)def->downdelay);
        if (def->carrier)
            nla_put_u8(msg, IFLA_BOND_USE_CARRIER, def->carrier == 2);
    } else if (def->monitor == VMGR__IFACE_ARP) {
        struct in_addr target = { 0 };
        struct nlattr *list;

        inet_pton(AF_INET, def->target, &target);
        nla_put_u32(msg, IFLA_BOND_ARP_INTERVAL, (uint32_t)def->interval);
        list = nla_nest_start(msg, IFLA_BOND_ARP_IP_TARGET);
        nla_put_u32(msg, 0, target.s_addr);
        nla_nest_end(msg, list);
        if (def->validate)
            nla_put_u32(msg, IFLA_BOND_ARP_VALIDATE, (uint32_t)def->validate);
    }
}

static const char *kind_of(const struct vmgr__iface_def *def)
{
    switch (def->type) {
    case VMGR__IFACE_BRIDGE: return "bridge";
    case VMGR__IFACE_BOND: return "bond";
    case VMGR__IFACE_VLAN: return "vlan";
    case VMGR__IFACE_ETHERNET: break;
    }
    return NULL;
}

static int send_link(struct nl_sock *sk, const struct vmgr__iface_def *def)
{
    struct nl_msg *msg = vmgr__rt_new_link(def->name);
    struct nlattr *link, *data;
    uint32_t tag;

    if (!msg)
        return -NLE_NOMEM;
    if (def->type == VMGR__IFACE_VLAN)
        nla_put_u32(msg, IFLA_LINK, if_nametoindex(def->link));
    link = nla_nest_start(msg, IFLA_LINKINFO);
    nla_put_string(msg, IFLA_INFO_KIND, kind_of(def));
    data = nla_nest_start(msg, IFLA_INFO_DATA);
    if (def->type == VMGR__IFACE_BRIDGE)
        put_bridge(msg, def);
    else if (def->type == VMGR__IFACE_BOND)
        put_bond(msg, def);
    else if (vmgr__parse_u32(def->tag, &tag))
        nla_put_u16(msg, IFLA_VLAN_ID, (uint16_t)tag);
    nla_nest_end(msg, data);
    nla_nest_end(msg, link);
    return nl_send_sync(sk, msg); /* frees it */
}

/* Whether the one that is there is of the definition's type. */
static int check_there(struct nl_sock *sk, const struct vmgr__iface_def *def,
                       struct vmgr_error **err)
{
    struct rtnl_link *link = NULL;
    const char *type, *kind = kind_of(def);
    struct nl_addr *addr;
    uint8_t mac[6];
    int r = rtnl_link_get_kernel(sk, 0, def->name, &link);

    if (r < 0)
        return iface_nl_fail(err, r, "cannot find interface '%s'", def->name);
    type = rtnl_link_get_type(link);
    addr = rtnl_link_get_addr(link);
    if (kind && g_strcmp0(type, kind) != 0)
        r = iface_error(err, VMGR_ERR_OPERATION_FAILED, "interface '%s' is there and is no %s",
                        def->name, kind);
    else if (def->mac && vmgr__mac_parse(def->mac, mac) &&
             (!addr || nl_addr_get_len(addr) != 6 ||
              memcmp(nl_addr_get_binary_addr(addr), mac, 6) != 0))
        r = iface_error(err, VMGR_ERR_OPERATION_FAILED,
                        "interface '%s' does not have the MAC address %s", def->name, def->mac);
    rtnl_link_put(link);
    return r;
}

int vmgr__iface_link_make(struct nl_sock *sk, const struct vmgr__iface_def *def, bool *ret_made,
                          struct vmgr_error **err)
{
    int r;

    *ret_made = false;
    if (if_nametoindex(def->name))
        return check_there(sk, def, err);
    if (!kind_of(def))
        return iface_error(err, VMGR_ERR_OPERATION_FAILED, "there is no interface '%s'", def->name);
    if (def->link && !if_nametoindex(def->link))
        return iface_error(err, VMGR_ERR_OPERATION_FAILED, "there is no interface '%s'", def->link);
    r = send_link(sk, def);
    if (r < 0)
        return iface_nl_fail(err, r, "cannot make %s '%s'", kind_of(def), def->name);
    *ret_made = true;
    return 0;
}

/* ---- changing ---- */

void vmgr__iface_link_delete(struct nl_sock *sk, const char *name)
{
    struct rtnl_link *link = NULL;

    if (rtnl_link_get_kernel(sk, 0, name, &link) < 0)
        return;
    rtnl_link_delete(sk, link);
    rtnl_link_put(link);
}

int vmgr__iface_link_set(struct nl_sock *sk, const char *name, bool up, uint32_t mtu)
{
    return vmgr__rt_set_link(sk, (int)if_nametoindex(name), up, NULL, mtu);
}

int vmgr__iface_link_enslave(struct nl_sock *sk, const char *name, const char *master)
{
    const int index = (int)if_nametoindex(name);

    return master ? rtnl_link_enslave_ifindex(sk, (int)if_nametoindex(master), index)
                  : rtnl_link_release_ifindex(sk, index);
}
