/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-net: a network card (virtio 1.2, 5.1).
 *
 * Pairs of a receive and a transmit queue, as many as the network has, share one lock; a control
 * queue stands behind them. Checksum and segmentation offloads are offered where the network does
 * them (tap), else the guest's own stack does. Frames are copied between rings and back-end, or go
 * to it as they are, and no chain is held when nothing runs: pausing needs no care.
 *
 * Not offered: receive-side scaling and hash reports, notification coalescing, standby, UDP
 * segmentation (USO).
 */
#include "devices/virtio-net/net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <glib.h>

#include "core/bootindex.h"
#include "core/error.h"
#include "core/vm.h"
#include "virtio/class.h"

#define CONTROL_SIZE 64u
#define CONFIG_SIZE  offsetof(struct virtio_net_config, rss_max_key_size)

/* --- queues ----------------------------------------------------------------------------------- */

static void net_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct net *net = net_of(vdev);
    unsigned pairs = vemu__virtio_has(vdev, NET_F(MQ)) ? net->pairs : 1;

    if (queue == net_control_queue(net) && vemu__virtio_has(vdev, NET_F(CTRL_VQ)))
        vemu__net_dev_control(net, queue);
    else if (queue >= 2 * pairs)
        return;
    else if (queue & 1)
        vemu__net_dev_transmit(net, queue / 2);
    else
        vemu__net_dev_refilled(net, queue / 2);
}

/* What the back-end holds is looked at again: the guest takes it, or nobody does. */
static void ready_all(struct net *net)
{
    for (unsigned n = 0; n < net->pairs; n++)
        vemu__net_receive_ready(net->netdev, n);
}

static void net_start(struct vemu_virtio *vdev)
{
    struct net *net = net_of(vdev);

    net->guest_offloads =
        vdev->driver_features & (NET_F(GUEST_CSUM) | NET_F(GUEST_TSO4) | NET_F(GUEST_TSO6) |
                                 NET_F(GUEST_ECN) | NET_F(GUEST_UFO));
    vemu__net_filter_start(net);
    vemu__net_dev_apply(net);
    ready_all(net);
}

static void net_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct net *net = net_of(vdev);

    if (queue / 2 < net->pairs)
        net->pair[queue / 2].rx_suppressed = false;
}

static void net_reset(struct vemu_virtio *vdev)
{
    struct net *net = net_of(vdev);

    vemu__net_filter_reset(net);
    memset(net->pair, 0, sizeof(net->pair));
    net->active_pairs = 1;
    net->announce = 0;
    net->announce_due = false;
    net->guest_offloads = 0;
    if (!net->attached)
        return;
    vemu__net_dev_apply(net);
    ready_all(net);
}

static void net_resume(struct vemu_virtio *vdev)
{
    struct net *net = net_of(vdev);

    if (net->announce_due)
        net->front.announce(net);
    net->announce_due = false;
    ready_all(net);
}

static void net_restored(struct vemu_virtio *vdev)
{
    struct net *net = net_of(vdev);

    vemu__net_filter_restored(net);
    memset(net->pair, 0, sizeof(net->pair));
    net->active_pairs =
        vemu__virtio_has(vdev, NET_F(MQ)) ? CLAMP(net->active_pairs, 1, net->pairs) : 1;
    net->guest_offloads &= vdev->driver_features;
    net->announce &= VIRTIO_NET_S_ANNOUNCE;
    net->announce_due = true;
    vemu__net_dev_apply(net);
}

/* --- the network's side ----------------------------------------------------------------------- */

static void net_link(void *data, bool up)
{
    struct net *net = data;

    if (net->status)
        vemu__virtio_config_changed(&net->vdev);
}

static void net_announce(void *data)
{
    struct net *net = data;

    if (!vemu__virtio_has(&net->vdev, NET_F(GUEST_ANNOUNCE)) || !vemu__virtio_live(&net->vdev))
        return;
    net->announce = VIRTIO_NET_S_ANNOUNCE;
    vemu__virtio_config_changed(&net->vdev);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void net_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const struct net *net = net_of(vdev);
    struct virtio_net_config c = {
        .status =
            (uint16_t)((vemu__net_link(net->netdev) ? VIRTIO_NET_S_LINK_UP : 0) | net->announce),
        .max_virtqueue_pairs = (uint16_t)net->pairs,
        .mtu = net->host_mtu,
        .speed = net->speed,
        .duplex = strcmp(net->duplex, "half") == 0   ? 0
                  : strcmp(net->duplex, "full") == 0 ? 1
                                                     : 0xff,
    };

    memcpy(c.mac, net->filter.mac, NET_MAC);
    memcpy(config, &c, CONFIG_SIZE);
}

/* Virtio 1.2, 5.1.3.1: what a feature needs (any of the bits). */
static bool net_features(struct vemu_virtio *vdev)
{
    static const struct {
        uint64_t feature, needs;
    } rules[] = {
        { NET_F(GUEST_TSO4) | NET_F(GUEST_TSO6) | NET_F(GUEST_UFO), NET_F(GUEST_CSUM) },
        { NET_F(GUEST_ECN), NET_F(GUEST_TSO4) | NET_F(GUEST_TSO6) },
        { NET_F(HOST_TSO4) | NET_F(HOST_TSO6) | NET_F(HOST_UFO), NET_F(CSUM) },
        { NET_F(HOST_ECN), NET_F(HOST_TSO4) | NET_F(HOST_TSO6) },
        { NET_F(CTRL_RX) | NET_F(CTRL_RX_EXTRA) | NET_F(CTRL_VLAN) | NET_F(GUEST_ANNOUNCE) |
              NET_F(MQ) | NET_F(CTRL_MAC_ADDR) | NET_F(CTRL_GUEST_OFFLOADS),
          NET_F(CTRL_VQ) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (vemu__virtio_has(vdev, rules[i].feature) && !vemu__virtio_has(vdev, rules[i].needs))
            return false;
    return true;
}

/* What its user does not mind of what the network can. */
static uint32_t allowed(uint32_t can, bool tso4, bool tso6, bool ecn, bool ufo)
{
    if (!tso4 && !tso6) /* which ECN is about */
        ecn = false;
    return can & ((tso4 ? VEMU_NET_TSO4 : 0) | (tso6 ? VEMU_NET_TSO6 : 0) |
                  (ecn ? VEMU_NET_ECN : 0) | (ufo ? VEMU_NET_UFO : 0));
}

static void net_offer(struct net *net)
{
    const uint32_t can = vemu__net_offloads(net->netdev);
    const uint32_t host =
        net->gso ? allowed(can, net->host_tso4, net->host_tso6, net->host_ecn, net->host_ufo) : 0;
    const uint32_t guest = net->guest_tso ? allowed(can, net->guest_tso4, net->guest_tso6,
                                                    net->guest_ecn, net->guest_ufo)
                                          : 0;
    uint64_t f = NET_F(MAC) | NET_F(SPEED_DUPLEX);

    f |= net->status ? NET_F(STATUS) : 0;
    f |= net->mrg_rxbuf ? NET_F(MRG_RXBUF) : 0;
    f |= net->host_mtu ? NET_F(MTU) : 0;
    if (net->ctrl)
        f |= NET_F(CTRL_VQ) | NET_F(CTRL_RX) | NET_F(CTRL_RX_EXTRA) | NET_F(CTRL_VLAN) |
             NET_F(CTRL_MAC_ADDR) | (net->status ? NET_F(GUEST_ANNOUNCE) : 0) |
             (net->pairs > 1 ? NET_F(MQ) : 0);
    if (can & VEMU_NET_CSUM && net->csum) {
        f |= NET_F(CSUM) | (host & VEMU_NET_TSO4 ? NET_F(HOST_TSO4) : 0) |
             (host & VEMU_NET_TSO6 ? NET_F(HOST_TSO6) : 0) |
             (host & VEMU_NET_ECN ? NET_F(HOST_ECN) : 0) |
             (host & VEMU_NET_UFO ? NET_F(HOST_UFO) : 0);
    }
    if (can & VEMU_NET_CSUM && net->guest_csum) {
        f |= NET_F(GUEST_CSUM) | (net->ctrl ? NET_F(CTRL_GUEST_OFFLOADS) : 0) |
             (guest & VEMU_NET_TSO4 ? NET_F(GUEST_TSO4) : 0) |
             (guest & VEMU_NET_TSO6 ? NET_F(GUEST_TSO6) : 0) |
             (guest & VEMU_NET_ECN ? NET_F(GUEST_ECN) : 0) |
             (guest & VEMU_NET_UFO ? NET_F(GUEST_UFO) : 0);
    }
    net->vdev.features = f;
    net->vdev.config_size = CONFIG_SIZE;
}

/* --- life ------------------------------------------------------------------------------------- */

static bool mac_parse(const char *text, uint8_t mac[NET_MAC])
{
    int used = 0;

    return strlen(text) == 17 &&
           sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &used) == 6 &&
           used == 17 && !(mac[0] & 1);
}

/* The same at each start of a machine that has a UUID; else none that a neighbour has. */
static void mac_make(struct net *net)
{
    const char *uuid = vemu__vm_config(net->vdev.dev->vm)->uuid;
    g_autofree char *text = NULL;
    guint hash = 0;

    if (uuid) {
        text = g_strconcat(uuid, "/", net->vdev.dev->id, NULL);
        hash = g_str_hash(text);
    } else if (getrandom(&hash, sizeof(hash), 0) != sizeof(hash)) {
        hash = (guint)g_get_monotonic_time();
    }
    memcpy(net->mac, "\x52\x54\x00", 3);
    for (int i = 0; i < 3; i++)
        net->mac[3 + i] = (uint8_t)(hash >> (8 * i));
}

static bool queue_size_good(uint16_t size)
{
    return size >= 64 && size <= VEMU_VIRTQ_SIZE_MAX && !(size & (size - 1));
}

static int net_check(struct net *net, struct vemu_error **err)
{
    if (!net->netdev)
        return vemu__error_set(err, EINVAL, "property 'netdev' is missing");
    if (!queue_size_good(net->rx_size) || !queue_size_good(net->tx_size))
        return vemu__error_set(err, EINVAL, "%s_queue_size is not a power of two from 64 to %u",
                               queue_size_good(net->rx_size) ? "tx" : "rx", VEMU_VIRTQ_SIZE_MAX);
    if (net->host_mtu && net->host_mtu < VEMU_NET_MTU_MIN)
        return vemu__error_set(err, EINVAL, "host_mtu is less than %u", VEMU_NET_MTU_MIN);
    if (strcmp(net->duplex, "full") && strcmp(net->duplex, "half") &&
        strcmp(net->duplex, "unknown"))
        return vemu__error_set(err, EINVAL, "duplex '%s' is neither full, half nor unknown",
                               net->duplex);
    if (!net->mac_text)
        mac_make(net);
    else if (!mac_parse(net->mac_text, net->mac))
        return vemu__error_set(err, EINVAL,
                               "mac '%s' is not a unicast address like "
                               "52:54:00:12:34:56",
                               net->mac_text);
    return 0;
}

static int net_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct net *net = net_of(vdev);
    int r = net_check(net, err);

    if (r < 0)
        return r;
    net->front = (struct vemu_net_front){
        .name = vdev->dev->id,
        .receive = vemu__net_dev_receive,
        .batch = vemu__net_dev_received,
        .writable = vemu__net_dev_writable,
        .link = net_link,
        .announce = net_announce,
    };
    /* Without a control queue nobody could turn on more than one pair. */
    net->pairs = net->ctrl ? vemu__net_queues(net->netdev) : 1;
    net->active_pairs = 1;
    if (!net->host_mtu && vemu__net_mtu(net->netdev) > 1500)
        net->host_mtu = (uint16_t)MIN(vemu__net_mtu(net->netdev), UINT16_MAX);
    r = vemu__net_attach(net->netdev, &net->front, net, &vdev->dev->lock, err);
    if (r < 0)
        return r;
    net->attached = true;
    for (unsigned n = 0; n < net->pairs; n++) {
        vemu__virtio_add_queue(vdev, net->rx_size, sizeof(struct vemu_virtq_elem));
        vemu__virtio_add_queue(vdev, net->tx_size, sizeof(struct vemu_virtq_elem));
    }
    if (net->ctrl)
        vemu__virtio_add_queue(vdev, CONTROL_SIZE, sizeof(struct vemu_virtq_elem));
    net_offer(net);
    return 0;
}

static void net_unrealize(struct vemu_virtio *vdev)
{
    struct net *net = net_of(vdev);

    vemu__net_detach(net->netdev);
    net->attached = false;
}

static void net_fini(struct vemu_virtio *vdev)
{
    g_clear_pointer(&net_of(vdev)->linear, g_free);
}

static const struct vemu_virtio_ops net_ops = {
    .realize = net_realize,
    .unrealize = net_unrealize,
    .features = net_features,
    .config_get = net_config_get,
    .start = net_start,
    .notify = net_notify,
    .queue_reset = net_queue_reset,
    .reset = net_reset,
    .resume = net_resume,
    .restored = net_restored,
    .fini = net_fini,
};

static const struct vemu_virtio_class net_class = {
    .name = "virtio-net",
    .id = VEMU_VIRTIO_ID_NET,
    .boot_suffix = "/ethernet-phy@0",
    .ops = &net_ops,
};

static const struct vemu_prop net_props[] = {
    VEMU_PROP(struct net, netdev, "netdev", NETDEV, NULL, "the network"),
    VEMU_PROP_BOOTINDEX(struct net, bootindex),
    VEMU_PROP(struct net, mac_text, "mac", STRING, NULL,
              "address; without one it is made from the machine's UUID, or at random"),
    VEMU_PROP(struct net, rx_size, "rx_queue_size", U16, "256", "entries of a receive queue"),
    VEMU_PROP(struct net, tx_size, "tx_queue_size", U16, "256", "entries of a transmit queue"),
    VEMU_PROP(struct net, host_mtu, "host_mtu", U16, "0",
              "largest packet, as told to the guest; 0: as the network says"),
    VEMU_PROP(struct net, csum, "csum", BOOL, "on",
              "offer to fill in checksums, if the network does"),
    VEMU_PROP(struct net, gso, "gso", BOOL, "on", "offer to cut TCP segments, if the network does"),
    VEMU_PROP(struct net, guest_csum, "guest_csum", BOOL, "on",
              "offer frames with open checksums, if the network has them"),
    VEMU_PROP(struct net, guest_tso, "guest_tso", BOOL, "on",
              "offer frames with large segments, if the network has them"),
    VEMU_PROP(struct net, host_tso4, "host_tso4", BOOL, "on",
              "with gso: segments of TCP over IPv4"),
    VEMU_PROP(struct net, host_tso6, "host_tso6", BOOL, "on", "with gso: those over IPv6"),
    VEMU_PROP(struct net, host_ecn, "host_ecn", BOOL, "on", "with gso: those with ECN"),
    VEMU_PROP(struct net, host_ufo, "host_ufo", BOOL, "on", "with gso: UDP"),
    VEMU_PROP(struct net, guest_tso4, "guest_tso4", BOOL, "on",
              "with guest_tso: segments of TCP over IPv4"),
    VEMU_PROP(struct net, guest_tso6, "guest_tso6", BOOL, "on", "with guest_tso: those over IPv6"),
    VEMU_PROP(struct net, guest_ecn, "guest_ecn", BOOL, "on", "with guest_tso: those with ECN"),
    VEMU_PROP(struct net, guest_ufo, "guest_ufo", BOOL, "on", "with guest_tso: UDP"),
    VEMU_PROP(struct net, mrg_rxbuf, "mrg_rxbuf", BOOL, "on", "offer frames in several buffers"),
    VEMU_PROP(struct net, ctrl, "ctrl_vq", BOOL, "on", "offer a control queue"),
    VEMU_PROP(struct net, status, "status", BOOL, "on", "offer the link's state"),
    VEMU_PROP(struct net, speed, "speed", U32, "4294967295", "MBit/s, as told to the guest"),
    VEMU_PROP(struct net, duplex, "duplex", STRING, "unknown", "full, half or unknown"),
    VEMU_PROP_END,
};

static const struct vemu_state_field net_state[] = {
    VEMU_STATE(struct net, filter),
    VEMU_STATE(struct net, active_pairs),
    VEMU_STATE(struct net, announce),
    VEMU_STATE(struct net, guest_offloads),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_net, struct net, &net_class, "virtio-net", "network card",
                   net_props, net_state);
