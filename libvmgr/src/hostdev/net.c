/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network devices: address, link, what the hardware takes over. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostdev.h"

/* ---- features ---- */

/* Questions of ethtool(8), one bit each, in the order in which they are shown. */
static const struct {
    uint32_t command;
    uint32_t mask; /* 0: any value */
    const char *name;
} features[] = {
    { ETHTOOL_GRXCSUM, 0, "rx" },
    { ETHTOOL_GTXCSUM, 0, "tx" },
    { ETHTOOL_GSG, 0, "sg" },
    { ETHTOOL_GTSO, 0, "tso" },
    { ETHTOOL_GGSO, 0, "gso" },
    { ETHTOOL_GGRO, 0, "gro" },
    { ETHTOOL_GFLAGS, ETH_FLAG_LRO, "lro" },
    { ETHTOOL_GFLAGS, ETH_FLAG_RXVLAN, "rxvlan" },
    { ETHTOOL_GFLAGS, ETH_FLAG_TXVLAN, "txvlan" },
    { ETHTOOL_GFLAGS, ETH_FLAG_NTUPLE, "ntuple" },
    { ETHTOOL_GFLAGS, ETH_FLAG_RXHASH, "rxhash" },
};

static int ask(int fd, const char *name, void *request)
{
    struct ifreq ifr = { .ifr_data = request };

    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    return ioctl(fd, SIOCETHTOOL, &ifr);
}

static void write_feature(struct vmgr__xml_writer *w, const char *name)
{
    vmgr__xw_begin(w, "feature");
    vmgr__xw_attr(w, "name", name);
    vmgr__xw_end(w, "feature");
}

/* How many strings a set has. */
static uint32_t set_size(int fd, const char *name, uint32_t set)
{
    union {
        struct ethtool_sset_info info;
        uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
    } u = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << set } };
    uint32_t n = 0;

    if (ask(fd, name, &u) == 0 && u.info.sset_mask)
        memcpy(&n, u.room + sizeof(u.info), sizeof(n));
    return MIN(n, 1024u);
}

/* Of the features that have only a name: whether this one is on. */
static bool named_feature(int fd, const char *name, const char *feature)
{
    const uint32_t n = set_size(fd, name, ETH_SS_FEATURES);
    g_autofree struct ethtool_gstrings *strings =
        g_malloc0(sizeof(*strings) + (gsize)n * ETH_GSTRING_LEN);
    g_autofree struct ethtool_gfeatures *values =
        g_malloc0(sizeof(*values) + (n + 31) / 32 * sizeof(values->features[0]));

    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = n;
    values->cmd = ETHTOOL_GFEATURES;
    values->size = (n + 31) / 32;
    if (!n || ask(fd, name, strings) < 0 || ask(fd, name, values) < 0)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (strncmp((char *)strings->data + (size_t)i * ETH_GSTRING_LEN, feature,
                    ETH_GSTRING_LEN) == 0)
            return values->features[i / 32].active >> i % 32 & 1;
    }
    return false;
}

void vmgr__net_features_write(struct vmgr__xml_writer *w, const char *name)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        struct ethtool_value value = { .cmd = features[i].command };

        if (ask(fd, name, &value) == 0 &&
            (features[i].mask ? value.data & features[i].mask : value.data))
            write_feature(w, features[i].name);
    }
    if (named_feature(fd, name, "tx-udp_tnl-segmentation"))
        write_feature(w, "txudptnl");
    close(fd);
}

void vmgr__net_link_write(struct vmgr__xml_writer *w, const char *dir)
{
    static const char *const states[] = { "unknown", "notpresent", "down", "lowerlayerdown",
                                          "testing", "dormant",    "up",   NULL };
    g_autofree char *state = vmgr__sysfs_text(dir, "operstate");
    g_autofree char *speed = vmgr__sysfs_text(dir, "speed");
    const int known = state ? vmgr__name_index(states, state) : -1;

    if (known < 0)
        return;
    vmgr__xw_begin(w, "link");
    /* An unknown speed is -1, and shown as libvirt does. */
    if (strcmp(state, "up") == 0 && speed && strcmp(speed, "0") != 0)
        vmgr__xw_attrf(w, "speed", "%u", (unsigned)g_ascii_strtoll(speed, NULL, 10));
    vmgr__xw_attr(w, "state", state);
    vmgr__xw_end(w, "link");
}

/* ---- the device ---- */

/* Bridges, bonds and the like say what they are: they are interfaces, not devices. */
static bool net_is(const struct nodedev *dev)
{
    const char *type = vmgr__nodedev_property(dev, "DEVTYPE");

    return !type || strcmp(type, "wlan") == 0;
}

static char *net_suffix(const struct nodedev *dev)
{
    return vmgr__sysfs_text(dev->dir, "address");
}

/* What has no hardware type of its own (lo) counts as wired, too. */
static const char *net_kind(const struct nodedev *dev)
{
    return g_strcmp0(vmgr__nodedev_property(dev, "DEVTYPE"), "wlan") == 0 ? "80211" : "80203";
}

static void net_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                       struct vmgr__xml_writer *w)
{
    g_autofree char *address = vmgr__sysfs_text(dev->dir, "address");

    vmgr__xw_text(w, "interface", dev->sysname);
    vmgr__xw_text(w, "address", address);
    vmgr__net_link_write(w, dev->dir);
    if (!*h->root) /* the interfaces of another tree cannot be asked */
        vmgr__net_features_write(w, dev->sysname);
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", net_kind(dev));
    vmgr__xw_end(w, "capability");
}

const struct nodedev_kind vmgr__nodedev_net = {
    .type = "net",
    .flag = VMGR_NODEDEV_LIST_NET,
    .dir = "/sys/class/net",
    .is = net_is,
    .prefix = "net",
    .suffix = net_suffix,
    .format = net_format,
};
