/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links of type macvtap, by rtnetlink.
 *
 * Such a link is an address of its own on an interface of the host. What comes for it can be read
 * from the character device /dev/tapN, where N is the link's index; devtmpfs makes it. Unlike a tap
 * it stays when nobody has it open.
 *
 * A link in mode "passthrough" has the address of what is under it, whose address is the guest's as
 * long as the link is there: the kernel changes it back with the link's end.
 */
#include "macvtap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../api/error.h"
#include "rtnetlink.h"

#define OPEN_TRIES   250
#define OPEN_WAIT_US 20000 /* until the next one */

#define nl_fail(err, code, ...) vmgr__rt_fail(err, VMGR_FROM_NETWORK, code, __VA_ARGS__)

/* In the order of vmgr__direct_modes. */
static const uint32_t modes[] = { MACVLAN_MODE_VEPA, MACVLAN_MODE_PRIVATE, MACVLAN_MODE_BRIDGE,
                                  MACVLAN_MODE_PASSTHRU };

void vmgr__macvtap_clear(struct vmgr__macvtap *m)
{
    g_clear_pointer(&m->name, g_free);
    g_clear_pointer(&m->dev, g_free);
}

static int no_index(struct vmgr_error **err, const char *dev)
{
    return vmgr__error_set_errno(err, ENODEV, VMGR_FROM_NETWORK,
                                 "Unable to get index for interface %s", dev);
}

/* For rtnl_link_put(); NULL: there is none. */
static struct rtnl_link *find(struct nl_sock *sk, const char *name)
{
    struct rtnl_link *link = NULL;

    return rtnl_link_get_kernel(sk, 0, name, &link) == 0 ? link : NULL;
}

/* ---- making ---- */

int vmgr__macvtap_look(struct vmgr__macvtap *m, struct vmgr_error **err)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    struct rtnl_link *link = sk ? find(sk, m->dev) : NULL;
    struct nl_addr *addr = link ? rtnl_link_get_addr(link) : NULL;

    if (addr && nl_addr_get_len(addr) == sizeof(m->lower))
        memcpy(m->lower, nl_addr_get_binary_addr(addr), sizeof(m->lower));
    if (sk && !link)
        no_index(err, m->dev);
    rtnl_link_put(link);
    nl_socket_free(sk);
    return link ? 0 : -1;
}

static int send_new(struct nl_sock *sk, const struct vmgr__macvtap *m, int lower, int mode)
{
    struct nl_msg *msg = vmgr__rt_new_link(m->name);
    struct nlattr *link, *data;

    if (!msg)
        return -NLE_NOMEM;
    nla_put_u32(msg, IFLA_LINK, (uint32_t)lower);
    nla_put(msg, IFLA_ADDRESS, sizeof(m->mac), m->mac);
    link = nla_nest_start(msg, IFLA_LINKINFO);
    nla_put_string(msg, IFLA_INFO_KIND, "macvtap");
    data = nla_nest_start(msg, IFLA_INFO_DATA);
    nla_put_u32(msg, IFLA_MACVLAN_MODE, modes[mode]);
    nla_nest_end(msg, data);
    nla_nest_end(msg, link);
    return nl_send_sync(sk, msg); /* frees it */
}

/* An interface that is up already is left alone. */
static int wake(struct nl_sock *sk, const char *dev, int index)
{
    struct rtnl_link *link = find(sk, dev);
    const bool up = link && rtnl_link_get_flags(link) & IFF_UP;

    rtnl_link_put(link);
    return up ? 0 : vmgr__rt_set_link(sk, index, true, NULL, 0);
}

int vmgr__macvtap_make(struct vmgr__macvtap *m, int mode, uint32_t mtu, struct vmgr_error **err)
{
    const int lower = (int)if_nametoindex(m->dev);
    struct nl_sock *sk;
    int r;

    if (!lower)
        return no_index(err, m->dev);
    sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    if (!sk)
        return -1;
    r = send_new(sk, m, lower, mode);
    if (r == -NLE_OPNOTSUPP)
        r = vmgr__error_set(
            err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
            "this host's kernel has no interfaces of type macvtap (module macvtap)");
    else if (r < 0)
        r = nl_fail(err, r, "error creating macvtap interface %s@%s", m->name, m->dev);
    if (r == 0) {
        m->index = (int)if_nametoindex(m->name);
        r = wake(sk, m->dev, lower);
        if (r < 0)
            r = nl_fail(err, r, "cannot set interface '%s' up", m->dev);
    }
    if (r == 0) {
        r = vmgr__rt_set_link(sk, m->index, true, m->mac, mtu);
        if (r < 0)
            r = nl_fail(err, r, "cannot set interface '%s' up", m->name);
    }
    nl_socket_free(sk);
    return r;
}

/* ---- opening ---- */

/* Links of other network namespaces may have the same index: their devices share one directory. */
static int check_device(const struct vmgr__macvtap *m, int fd, struct vmgr_error **err)
{
    g_autofree char *path = g_strdup_printf("/sys/class/net/%s/tap%d/dev", m->name, m->index);
    g_autofree char *text = NULL;
    unsigned high, low;
    struct stat st;

    if (!g_file_get_contents(path, &text, NULL, NULL) || sscanf(text, "%u:%u", &high, &low) != 2)
        return 0; /* nobody tells */
    if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(high, low))
        return 0;
    return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_NETWORK,
                           "/dev/tap%d is not the device %u:%u of interface '%s'", m->index, high,
                           low, m->name);
}

int vmgr__macvtap_open(const struct vmgr__macvtap *m, bool several, struct vmgr_error **err)
{
    g_autofree char *path = g_strdup_printf("/dev/tap%d", m->index);
    struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                              (several ? IFF_MULTI_QUEUE : 0)) };
    int fd, high = -1;

    for (int i = 0; (fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0; i++) {
        if (errno == ENOENT && i == OPEN_TRIES)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK,
                                         "cannot open macvtap tap device %s, which devtmpfs makes "
                                         "where that is mounted on /dev",
                                         path);
        if (errno != ENOENT && errno != EINTR)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK,
                                         "cannot open macvtap tap device %s", path);
        g_usleep(OPEN_WAIT_US);
    }
    if (check_device(m, fd, err) == 0) {
        if (ioctl(fd, TUNSETIFF, &ifr) == 0)
            high = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the emulator's first three are taken */
        if (high < 0)
            vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK,
                                  "unable to set vnet or multiqueue flags on macvtap %s", m->name);
    }
    close(fd);
    return high;
}

/* ---- removing ---- */

/* Its index is not given twice. Until that is known, its address says whose it is: the guest's, or
 * that of the interface under it. */
static bool is_ours(const struct vmgr__macvtap *m, struct rtnl_link *link)
{
    struct nl_addr *addr = rtnl_link_get_addr(link);
    const char *type = rtnl_link_get_type(link);
    const void *mac = addr && nl_addr_get_len(addr) == 6 ? nl_addr_get_binary_addr(addr) : NULL;

    if (!type || strcmp(type, "macvtap") != 0)
        return false;
    if (m->index)
        return rtnl_link_get_ifindex(link) == m->index;
    return mac && (memcmp(mac, m->mac, 6) == 0 || memcmp(mac, m->lower, 6) == 0);
}

static bool look(const struct vmgr__macvtap *m, bool remove)
{
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, NULL);
    struct rtnl_link *link = sk ? find(sk, m->name) : NULL;
    const bool ours = link && is_ours(m, link);

    if (ours && remove)
        rtnl_link_delete(sk, link);
    rtnl_link_put(link);
    nl_socket_free(sk);
    return ours;
}

bool vmgr__macvtap_is_there(const struct vmgr__macvtap *m)
{
    return look(m, false);
}

void vmgr__macvtap_remove(const struct vmgr__macvtap *m)
{
    look(m, true);
}
