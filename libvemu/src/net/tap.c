/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev tap: the host's network through a tap interface.
 *
 * The interface is made (or joined) by name through /dev/net/tun, or its descriptors are handed in.
 * Those are taken over when all went well, and stay their owner's when it did not.
 * Addresses, bridges and routes are somebody else's matter: no script is run.
 *
 * Each queue pair is a descriptor. With vnet_hdr the kernel takes and gives frames with open
 * checksums and whole TCP segments, described by the same header that the guest's driver uses
 * (linux/if_tun.h; virtio 1.2, 5.1.6), so it is passed on as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/property.h"
#include "core/vm.h"
#include "net/packet.h"

struct tap {
    struct vemu_net net;
    char *ifname, *fds, *script, *downscript;
    uint32_t queues;
    uint64_t sndbuf;
    bool vnet_hdr;

    struct vemu_net_packet packets[VEMU_NET_QUEUES_MAX];
    unsigned active; /* queues that are attached to the interface */
    bool can_detach; /* queues, from the interface */
};

static struct tap *tap_of(struct vemu_net *net)
{
    return (struct tap *)net;
}

static unsigned long tun_flags(uint32_t offloads)
{
    return (offloads & VEMU_NET_CSUM ? TUN_F_CSUM : 0) |
           (offloads & VEMU_NET_TSO4 ? TUN_F_TSO4 : 0) |
           (offloads & VEMU_NET_TSO6 ? TUN_F_TSO6 : 0) |
           (offloads & VEMU_NET_ECN ? TUN_F_TSO_ECN : 0) |
           (offloads & VEMU_NET_UFO ? TUN_F_UFO : 0);
}

/* --- a descriptor ----------------------------------------------------------------------------- */

static int open_queue(struct tap *tap, char name[IFNAMSIZ], struct vemu_error **err)
{
    struct ifreq ifr = { 0 };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open /dev/net/tun: %s", strerror(errno));
    memcpy(ifr.ifr_name, name, IFNAMSIZ);
    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (tap->vnet_hdr ? IFF_VNET_HDR : 0) |
                            (tap->queues > 1 ? IFF_MULTI_QUEUE : 0));
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        int r = -errno;

        if (r == -EINVAL)
            vemu__error_set(err, EINVAL, "interface '%s' is not a tap interface with %s queue%s",
                            name, tap->queues > 1 ? "several" : "one", tap->queues > 1 ? "s" : "");
        else
            vemu__error_set(err, -r, "cannot use interface '%s': %s", name, strerror(-r));
        close(fd);
        return r;
    }
    memcpy(name, ifr.ifr_name, IFNAMSIZ); /* "tap%d" has become "tap0" */
    return fd;
}

static int use_queue(struct tap *tap, const char *text, struct vemu_error **err)
{
    struct ifreq ifr = { 0 };
    uint64_t number;
    int fd, flags;

    if (!vemu__parse_number(text, INT32_MAX, &number))
        return vemu__error_set(err, EINVAL, "'%s' is not a descriptor", text);
    fd = (int)number;
    if (ioctl(fd, TUNGETIFF, &ifr) < 0)
        return vemu__error_set(err, errno == EBADF ? EBADF : EINVAL,
                               "descriptor %d is not that of a tap interface", fd);
    if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI))
        return vemu__error_set(err, EINVAL, "interface '%.15s' is not tap without packet info",
                               ifr.ifr_name);
    /* What the descriptor is decides, for all of them. */
    if (tap->net.queues && tap->vnet_hdr != !!(ifr.ifr_flags & IFF_VNET_HDR))
        return vemu__error_set(err, EINVAL, "some descriptors have vnet_hdr and some do not");
    tap->vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    tap->can_detach = (!tap->net.queues || tap->can_detach) && ifr.ifr_flags & IFF_MULTI_QUEUE;
    flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0)
        flags = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    else
        flags = -1;
    return flags < 0 ? vemu__error_set(err, errno, "descriptor %d: %s", fd, strerror(errno))
                     : flags;
}

/* The interface is ours by other numbers. */
static void take_over(const struct tap *tap)
{
    g_auto(GStrv) list = g_strsplit(tap->fds, ":", -1);
    uint64_t number;

    for (unsigned i = 0; list[i]; i++)
        if (vemu__parse_number(list[i], INT32_MAX, &number))
            close((int)number);
}

static int setup_queue(struct tap *tap, int fd, struct vemu_error **err)
{
    int size = tap->vnet_hdr ? (int)sizeof(struct virtio_net_hdr_v1) : 0, little = 1;
    int sndbuf = (int)tap->sndbuf;

    if (tap->sndbuf && ioctl(fd, TUNSETSNDBUF, &sndbuf) < 0)
        return vemu__error_set(err, errno, "sndbuf: %s", strerror(errno));
    if (!tap->vnet_hdr)
        return 0;
    if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0)
        return vemu__error_set(err, errno, "vnet_hdr: %s", strerror(errno));
    return 0;
}

static void add_queue(struct tap *tap, int fd)
{
    unsigned n = tap->net.queues++;

    tap->packets[n] = (struct vemu_net_packet){
        .net = &tap->net,
        .queue = n,
        .fd = fd,
        .hdr_size = tap->vnet_hdr ? sizeof(struct virtio_net_hdr_v1) : 0,
    };
}

/* --- class ------------------------------------------------------------------------------------ */

static int check(struct tap *tap, struct vemu_error **err)
{
    const char *scripts[] = { tap->script, tap->downscript };

    for (unsigned i = 0; i < 2; i++)
        if (scripts[i] && *scripts[i] && strcmp(scripts[i], "no") != 0)
            return vemu__error_set(err, EINVAL,
                                   "property '%s': scripts are not run (only 'no'); set the "
                                   "interface up before, or hand it in as fd",
                                   i ? "downscript" : "script");
    if (tap->ifname && tap->fds)
        return vemu__error_set(err, EINVAL, "'ifname' and 'fd' exclude each other");
    if (tap->ifname && (!*tap->ifname || strlen(tap->ifname) >= IFNAMSIZ))
        return vemu__error_set(err, EINVAL, "property 'ifname': 1 to %d characters", IFNAMSIZ - 1);
    if (tap->fds && tap->queues > 1)
        return vemu__error_set(err, EINVAL, "'queues' and 'fd' exclude each other");
    if (!tap->queues || tap->queues > VEMU_NET_QUEUES_MAX)
        return vemu__error_set(err, EINVAL, "property 'queues': 1 to %u", VEMU_NET_QUEUES_MAX);
    if (tap->sndbuf > INT32_MAX)
        return vemu__error_set(err, EINVAL, "property 'sndbuf' is too large");
    return 0;
}

static int open_by_fd(struct tap *tap, struct vemu_error **err)
{
    g_auto(GStrv) list = g_strsplit(tap->fds, ":", -1);
    int r = 0;

    if (g_strv_length(list) > VEMU_NET_QUEUES_MAX)
        return vemu__error_set(err, EINVAL, "more than %u descriptors", VEMU_NET_QUEUES_MAX);
    for (unsigned i = 0; list[i] && r >= 0; i++) {
        r = use_queue(tap, list[i], err);
        if (r >= 0)
            add_queue(tap, r);
    }
    return r;
}

static int open_by_name(struct tap *tap, struct vemu_error **err)
{
    char name[IFNAMSIZ] = "tap%d";
    int r = 0;

    tap->can_detach = tap->queues > 1;
    if (tap->ifname)
        g_strlcpy(name, tap->ifname, sizeof(name));
    for (unsigned i = 0; i < tap->queues && r >= 0; i++) {
        r = open_queue(tap, name, err);
        if (r >= 0)
            add_queue(tap, r);
    }
    if (r >= 0)
        vemu_vm_log(tap->net.vm, VEMU_LOG_INFO, "netdev '%s': interface %s", tap->net.id, name);
    return r;
}

/* What the kernel can do for us. Nothing is on at first. */
static void probe_offloads(struct tap *tap)
{
    static const uint32_t each[] = { VEMU_NET_TSO4, VEMU_NET_TSO6, VEMU_NET_ECN | VEMU_NET_TSO4,
                                     VEMU_NET_UFO };
    int fd = tap->packets[0].fd;

    if (tap->vnet_hdr && ioctl(fd, TUNSETOFFLOAD, tun_flags(VEMU_NET_CSUM)) == 0) {
        tap->net.offloads = VEMU_NET_CSUM;
        for (size_t i = 0; i < G_N_ELEMENTS(each); i++)
            if (ioctl(fd, TUNSETOFFLOAD, tun_flags(VEMU_NET_CSUM | each[i])) == 0)
                tap->net.offloads |= each[i];
    }
    ioctl(fd, TUNSETOFFLOAD, 0ul);
}

static void tap_set_queues(struct vemu_net *net, unsigned pairs)
{
    struct tap *tap = tap_of(net);
    struct ifreq ifr = { 0 };

    if (!tap->can_detach)
        return;
    for (unsigned n = 0; n < net->queues; n++) {
        ifr.ifr_flags = n < pairs ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
        if ((n < pairs) != (n < tap->active) && ioctl(tap->packets[n].fd, TUNSETQUEUE, &ifr) < 0)
            vemu_vm_log(net->vm, VEMU_LOG_WARNING, "netdev '%s': queue %u: %s", net->id, n,
                        strerror(errno));
        /* A queue without interface polls as an error. */
        vemu__net_packet_set_off(&tap->packets[n], n >= pairs);
    }
    tap->active = pairs;
}

static void tap_set_offload(struct vemu_net *net, uint32_t offloads)
{
    struct tap *tap = tap_of(net);

    if (tap->vnet_hdr && ioctl(tap->packets[0].fd, TUNSETOFFLOAD, tun_flags(offloads)) < 0)
        vemu_vm_log(net->vm, VEMU_LOG_WARNING, "netdev '%s': offloads: %s", net->id,
                    strerror(errno));
}

static int tap_open(struct vemu_net *net, struct vemu_error **err)
{
    struct tap *tap = tap_of(net);
    int r = check(tap, err);

    net->queues = 0;
    if (r >= 0)
        r = tap->fds ? open_by_fd(tap, err) : open_by_name(tap, err);
    for (unsigned n = 0; n < net->queues && r >= 0; n++)
        r = setup_queue(tap, tap->packets[n].fd, err);
    if (r < 0)
        return r;
    if (tap->fds)
        take_over(tap);
    probe_offloads(tap);
    tap->active = net->queues;
    tap_set_queues(net, 1);
    for (unsigned n = 0; n < net->queues; n++)
        vemu__net_packet_start(&tap->packets[n]);
    vemu__net_set_connected(net, true);
    return 0;
}

static void tap_close(struct vemu_net *net)
{
    struct tap *tap = tap_of(net);

    for (unsigned n = 0; n < net->queues; n++) {
        vemu__net_packet_stop(&tap->packets[n]);
        close(tap->packets[n].fd);
    }
}

static int tap_send(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame)
{
    return vemu__net_packet_send(&tap_of(net)->packets[queue], frame);
}

static void tap_ready(struct vemu_net *net, unsigned queue)
{
    vemu__net_packet_ready(&tap_of(net)->packets[queue]);
}

static const struct vemu_prop tap_props[] = {
    VEMU_PROP(struct tap, ifname, "ifname", STRING, NULL, "interface; made if it is not there"),
    VEMU_PROP(struct tap, fds, "fd", STRING, NULL,
              "open descriptors instead of ifname, one for each queue: 3 or 3:4:5"),
    VEMU_PROP(struct tap, queues, "queues", U32, "1", "queue pairs"),
    VEMU_PROP(struct tap, vnet_hdr, "vnet_hdr", BOOL, "on",
              "leave checksums and segmentation to the kernel"),
    VEMU_PROP(struct tap, sndbuf, "sndbuf", SIZE, NULL,
              "bytes the guest may have on their way; 0: any number"),
    VEMU_PROP(struct tap, script, "script", STRING, "no", "no: none is run"),
    VEMU_PROP(struct tap, downscript, "downscript", STRING, "no", "no: none is run"),
    VEMU_PROP_END,
};

const struct vemu_net_class vemu__net_tap = {
    .base = {
        .name = "tap",
        .summary = "The host's network, through a tap interface",
        .instance_size = sizeof(struct tap),
        .props = tap_props,
    },
    .open = tap_open,
    .close = tap_close,
    .send = tap_send,
    .ready = tap_ready,
    .set_queues = tap_set_queues,
    .set_offload = tap_set_offload,
};
