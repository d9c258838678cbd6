/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' ends of networks: tap interfaces on bridges. (direct.c has those on no bridge.)
 *
 * A tap is not persistent: it lives as long as somebody has a descriptor of it, which is the
 * guest's emulator. So there is nothing to clean up, whoever is killed when. It is always a new one
 * (IFF_TUN_EXCL): an interface that was there before is taken only where the guest's document says
 * so (adopt.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "direct.h"

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

/* The group of a name, or the default one, which is meant for those who name none. */
static const struct vmgr__net_portgroup *find_group(const struct vmgr__network_def *def,
                                                    const char *name)
{
    for (guint i = 0; i < def->portgroups->len; i++) {
        const struct vmgr__net_portgroup *group = def->portgroups->pdata[i];

        if (name ? g_strcmp0(group->name, name) == 0 : group->is_default)
            return group;
    }
    return NULL;
}

/* A group gives its limits to who has none; it may ask for nothing else. */
int vmgr__portgroup_limits(const struct vmgr__network_def *def, const char *name,
                           struct vmgr__bandwidth *b, struct vmgr_error **err)
{
    const struct vmgr__net_portgroup *group = find_group(def, name);
    struct vmgr__bandwidth limits = { .in.present = false };
    xmlDoc *doc;
    int r = 0;

    if (!group && name)
        return hostnet_error(err, VMGR_ERR_OPERATION_INVALID,
                             "network '%s' doesn't have a portgroup '%s'", def->name, name);
    doc = group ? vmgr__xml_parse_fragment(group->text, err) : NULL;
    if (group && !doc)
        return -1;
    for (xmlNode *c = doc ? vmgr__xml_first(xmlDocGetRootElement(doc)) : NULL; c && r == 0;
         c = vmgr__xml_next(c, NULL)) {
        if (strcmp((const char *)c->name, "bandwidth") == 0)
            r = vmgr__bandwidth_read(c, &limits, err);
        else
            r = unsupported(err, "<%s> of port group '%s' of network '%s' is not supported",
                            (const char *)c->name, group->name, def->name);
    }
    if (doc)
        xmlFreeDoc(doc);
    if (r == 0 && !vmgr__bandwidth_is_any(b))
        *b = limits;
    return r;
}

/* Over what an interface of a network without a bridge may be. */
static int find_pool(const struct vmgr__network_def *def, struct vmgr__tap *tap,
                     struct vmgr_error **err)
{
    const GPtrArray *list = def->forward.interfaces;

    if (tap->isolated == 1)
        return unsupported(err,
                           "<port isolated='yes'> on network '%s', which has no bridge, is not "
                           "supported",
                           def->name);
    if (!list->len)
        return hostnet_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "network '%s' uses a direct mode, but has no forward dev and no "
                             "interface pool",
                             def->name);
    if (tap->pool)
        g_ptr_array_unref(tap->pool);
    tap->pool = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < list->len; i++)
        g_ptr_array_add(tap->pool, g_strdup(list->pdata[i]));
    g_free(tap->mode);
    tap->mode = g_strdup(vmgr__forward_names[def->forward.mode]);
    return 0;
}

/* Where a network leads. */
static int follow(const struct vmgr__network_def *def, struct vmgr__tap *tap,
                  struct vmgr_error **err)
{
    if (vmgr__network_def_is_direct(def))
        return find_pool(def, tap, err);
    g_clear_pointer(&tap->pool, g_ptr_array_unref);
    g_free(tap->bridge);
    tap->bridge = g_strdup(def->bridge);
    if (!tap->isolated)
        tap->isolated = def->port_isolated;
    return 0;
}

static int find_network(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
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
    if (vmgr__portgroup_limits(obj->live, tap->portgroup, &tap->bandwidth, err) < 0)
        return -1;
    return follow(obj->live, tap, err);
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

void vmgr__tap_close_queues(struct vmgr__tap *tap)
{
    for (int i = 0; i < VMGR__TAP_QUEUES; i++) {
        if (tap->fds[i] >= 0)
            close(tap->fds[i]);
        tap->fds[i] = -1;
    }
}

static void no_queues(struct vmgr__tap *tap)
{
    for (int i = 0; i < VMGR__TAP_QUEUES; i++)
        tap->fds[i] = -1;
}

int vmgr__tap_open_queue(struct vmgr__tap *tap, bool make, struct vmgr_error **err)
{
    struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                              (make ? IFF_TUN_EXCL : 0) |
                                              (tap->queues > 1 ? IFF_MULTI_QUEUE : 0)) };
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
    return high;
}

static int make(struct vmgr__tap *tap, struct vmgr_error **err)
{
    for (unsigned i = 0; i < tap->queues; i++) {
        tap->fds[i] = vmgr__tap_open_queue(tap, i == 0, err);
        if (tap->fds[i] < 0) {
            vmgr__tap_close_queues(tap);
            return -1;
        }
    }
    return 0;
}

/* Where it is to be. */
static int find_place(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    if (tap->network)
        return find_network(d, tap, err);
    if (tap->pool)
        return check_admin("host interface", tap->pool->pdata[0], err);
    if (tap->foreign)
        return 0; /* the kernel knows whose it is */
    return tap->bridge ? check_admin("bridge", tap->bridge, err)
                       : check_admin("host interface", tap->name ? tap->name : "vnet", err);
}

static int place(const struct vmgr__tap *tap, struct vmgr_error **err)
{
    uint8_t mac[6];

    if (tap->foreign)
        return 0;
    /* The host's end has the guest's address but for the first byte, which is the highest there is:
     * a bridge takes the lowest address of its ports for its own. */
    memcpy(mac, tap->mac, sizeof(mac));
    mac[0] = mac[0] == 0xfe ? 0xfa : 0xfe;
    if (tap->bridge)
        return vmgr__link_join(tap->name, tap->bridge, mac, tap->mtu, err) < 0
                   ? -1
                   : vmgr__link_isolate(tap->name, tap->isolated == 1, err);
    return vmgr__link_up(tap->name, mac, tap->mtu, err);
}

int vmgr__tap_move(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    const bool was_direct = tap->dev != NULL;

    no_queues(tap);
    if (find_place(d, tap, err) < 0)
        return -1;
    if (was_direct != (tap->pool != NULL))
        return unsupported(err,
                           "interface '%s' cannot go to network '%s' while the guest runs: one "
                           "of both is on a bridge, and one is not",
                           tap->name, tap->network);
    if (!was_direct && place(tap, err) < 0)
        return -1;
    return vmgr__link_limit(tap->name, &tap->bandwidth, err);
}

void vmgr__tap_close(const struct vemu *d, struct vmgr__tap *tap)
{
    vmgr__tap_close_queues(tap);
    if (tap->dev)
        vmgr__direct_forget(d, tap->owner, tap->name);
}

int vmgr__tap_open(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    no_queues(tap);
    if (tap->name && !is_name(tap->name))
        return unsupported(err, "'%s' is not the name of an interface", tap->name);
    if (find_place(d, tap, err) < 0 ||
        (tap->pool      ? vmgr__direct_open(d, tap, err)
         : tap->foreign ? vmgr__tap_adopt(tap, err)
                        : make(tap, err)) < 0)
        return -1;
    if ((tap->pool || place(tap, err) == 0) &&
        (!vmgr__bandwidth_is_any(&tap->bandwidth) ||
         vmgr__link_limit(tap->name, &tap->bandwidth, err) == 0))
        return 0;
    vmgr__tap_close(d, tap);
    return -1;
}
