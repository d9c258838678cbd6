/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces that somebody else made for a guest: taps and macvtaps.
 *
 * They are opened and left as they are: their address, MTU, state and place are their owner's, and
 * so is their end. A persistent tap that a user owns needs no rights of the administrator.
 */
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>

#include "macvtap.h"
#include "network.h"
#include "rtnetlink.h"

#define unsupported(err, ...) hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

static int is_macvtap(int index, bool *ret, struct vmgr_error **err)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    struct rtnl_link *link = NULL;
    const char *type;
    int r;

    if (!sk)
        return -1;
    r = rtnl_link_get_kernel(sk, index, NULL, &link);
    type = r == 0 ? rtnl_link_get_type(link) : NULL;
    *ret = type && strcmp(type, "macvtap") == 0;
    if (r < 0)
        vmgr__rt_fail(err, VMGR_FROM_NETWORK, r, "cannot look at interface %d", index);
    rtnl_link_put(link);
    nl_socket_free(sk);
    return r < 0 ? -1 : 0;
}

static int open_one(struct vmgr__tap *tap, int index, bool macvtap, struct vmgr_error **err)
{
    const struct vmgr__macvtap link = { .name = tap->name, .index = index };

    if (macvtap)
        return vmgr__macvtap_open(&link, tap->queues > 1, err);
    return vmgr__tap_open_queue(tap, false, err);
}

int vmgr__tap_adopt(struct vmgr__tap *tap, struct vmgr_error **err)
{
    const int index = tap->name ? (int)if_nametoindex(tap->name) : 0;
    bool macvtap;

    if (!tap->name)
        return unsupported(err, "target dev must be supplied when managed='no'");
    if (!index)
        return unsupported(err, "target managed='no' but specified dev doesn't exist");
    if (is_macvtap(index, &macvtap, err) < 0)
        return -1;
    for (unsigned i = 0; i < tap->queues; i++) {
        tap->fds[i] = open_one(tap, index, macvtap, err);
        if (tap->fds[i] < 0) {
            vmgr__tap_close_queues(tap);
            return -1;
        }
    }
    /* One that went in between was made anew, as ours, and goes with its descriptors. */
    if ((int)if_nametoindex(tap->name) == index)
        return 0;
    vmgr__tap_close_queues(tap);
    return unsupported(err, "target managed='no' but specified dev doesn't exist");
}
