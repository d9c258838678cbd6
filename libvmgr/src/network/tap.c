/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' ends of networks: tap interfaces on bridges.
 *
 * A tap is not persistent: it lives as long as somebody has a descriptor of it, which is the
 * guest's emulator. So there is nothing to clean up, whoever is killed when. It is always a new one
 * (IFF_TUN_EXCL): an interface that was there before is never taken over.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "network.h"

#define unsupported(err, ...) hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

static int check_admin(const char *what, const char *name, struct vmgr_error **err)
{
    if (vmgr__hostnet_is_admin())
        return 0;
    return unsupported(err,
                       "an interface on %s '%s' takes the capability CAP_NET_ADMIN, which this "
                       "process does not have; guests get a network without it by <interface "
                       "type='user'>",
                       what, name);
}

/* A default port group is meant for those who name none. An empty one asks for nothing. */
static int check_groups(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    for (guint i = 0; i < def->portgroups->len; i++) {
        const struct vmgr__net_portgroup *group = def->portgroups->pdata[i];

        if (group->is_default && strstr(group->text, "</"))
            return unsupported(err, "the default port group of network '%s' is not supported",
                               def->name);
    }
    return 0;
}

/* Where a network leads. */
static int find_bridge(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostnet_load(d);
    const struct vmgr__netobj *obj = vmgr__netobj_find(list, NULL, tap->network);

    if (!obj)
        return vmgr__netobj_not_found(d->conn, NULL, tap->network, err);
    if (check_admin("network", tap->network, err) < 0)
        return -1;
    if (!obj->live)
        return hostnet_error(err, VMGR_ERR_OPERATION_INVALID, "network '%s' is not active",
                             tap->network);
    if (check_groups(obj->live, err) < 0)
        return -1;
    g_free(tap->bridge);
    tap->bridge = g_strdup(obj->live->bridge);
    return 0;
}

/* dev_valid_name() of the kernel; and a '%' would make it choose a number. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);

    if (!length || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (strchr("/:%", name[i]) || g_ascii_isspace(name[i]) || g_ascii_iscntrl(name[i]))
            return false;
    }
    return true;
}

static int make(struct vmgr__tap *tap, struct vmgr_error **err)
{
    struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL) };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), high = -1;

    if (fd >= 0) {
        high = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the emulator's first three are taken */
        close(fd);
    }
    if (high < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "Unable to open /dev/net/tun");
    g_strlcpy(ifr.ifr_name, tap->name ? tap->name : "vnet%d", sizeof(ifr.ifr_name));
    if (ioctl(high, TUNSETIFF, &ifr) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "Unable to create tap device %s",
                              ifr.ifr_name);
        close(high);
        return -1;
    }
    g_free(tap->name);
    tap->name = g_strndup(ifr.ifr_name, sizeof(ifr.ifr_name) - 1);
    tap->fd = high;
    return 0;
}

int vmgr__tap_open(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    uint8_t mac[6];

    tap->fd = -1;
    if (tap->name && !is_name(tap->name))
        return unsupported(err, "'%s' is not the name of an interface", tap->name);
    if (tap->network ? find_bridge(d, tap, err) < 0 : check_admin("bridge", tap->bridge, err) < 0)
        return -1;
    if (make(tap, err) < 0)
        return -1;
    /* The host's end has the guest's address but for the first byte, which is the highest there is:
     * a bridge takes the lowest address of its ports for its own. */
    memcpy(mac, tap->mac, sizeof(mac));
    mac[0] = mac[0] == 0xfe ? 0xfa : 0xfe;
    if (vmgr__link_join(tap->name, tap->bridge, mac, tap->mtu, err) == 0)
        return 0;
    close(tap->fd);
    tap->fd = -1;
    return -1;
}
