/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-net from inside: net.c is the device, the other files its queues.
 */
#ifndef VEMU_DEVICES_VIRTIO_NET_NET_H
#define VEMU_DEVICES_VIRTIO_NET_NET_H

#include "net/net.h"
#include "virtio/virtio.h"

#define NET_MACS  64u /* filter entries, unicast and multicast together */
#define NET_VLANS 4096u
#define NET_MAC   6u
#define NET_HDR   sizeof(struct virtio_net_hdr_v1)
#define NET_F(f)  VEMU_VIRTIO_F(VIRTIO_NET_F_##f)

/* What the guest hears, of one queue pair. */
struct net_pair {
    bool tx_blocked;    /* the back-end has no room */
    bool rx_suppressed; /* the driver need not tell about new buffers */
};

struct net_counters {
    uint64_t tx_bad;      /* frames that are none, or ask for what was not negotiated */
    uint64_t rx_filtered; /* that the guest did not want to hear */
    uint64_t rx_small;    /* that do not fit into the buffers */
    uint64_t rx_unready;  /* that came before the driver */
    uint64_t ctrl_bad;    /* commands that were refused */
};

/* Guest-visible state; saved. */
struct net_filter {
    uint8_t mac[NET_MAC]; /* of the device, as the driver set it */
    uint8_t promisc, allmulti, alluni, nomulti, nouni, nobcast;
    uint8_t all_uni, all_multi;     /* the table had more than fits */
    uint8_t uni_count, multi_count; /* entries of macs: unicast ones first */
    uint8_t macs[NET_MACS][NET_MAC];
    uint8_t vlans[NET_VLANS / 8];
};

struct net {
    struct vemu_virtio vdev;
    /* properties */
    struct vemu_net *netdev;
    char *mac_text, *duplex;
    uint16_t rx_size, tx_size, host_mtu;
    uint32_t speed;
    int32_t bootindex;
    bool csum, gso, guest_csum, guest_tso, mrg_rxbuf, ctrl, status;
    bool host_tso4, host_tso6, host_ecn, host_ufo;
    bool guest_tso4, guest_tso6, guest_ecn, guest_ufo;

    unsigned pairs; /* there are */
    uint8_t mac[NET_MAC];
    struct vemu_net_front front;
    bool attached;
    struct net_pair pair[VEMU_NET_QUEUES_MAX];
    struct vemu_virtq_elem *gathered[64]; /* chains for the frame that is being received */
    uint8_t *linear;                      /* a frame in more pieces than a back-end takes */
    struct net_counters counters;

    /* saved */
    struct net_filter filter;
    bool filter_told; /* that it changed, since somebody asked */
    uint16_t active_pairs;
    uint16_t announce;       /* VIRTIO_NET_S_ANNOUNCE or 0 */
    uint64_t guest_offloads; /* NET_F() of what the driver takes now */
    bool announce_due;       /* the guest has just come from elsewhere */
};

static inline struct net *net_of(struct vemu_virtio *vdev)
{
    return (struct net *)vdev;
}

/* Number of the control queue: behind all pairs, or behind the only one that the driver knows
 * (virtio 1.2, 5.1.2). */
static inline unsigned net_control_queue(const struct net *net)
{
    return vemu__virtio_has(&net->vdev, NET_F(MQ)) ? 2 * net->pairs : 2;
}

/* --- receive.c -------------------------------------------------------------------------------- */
bool vemu__net_dev_receive(void *data, unsigned pair, const struct vemu_net_frame *frame);
void vemu__net_dev_received(void *data, unsigned pair);
/* The driver has added buffers. */
void vemu__net_dev_refilled(struct net *net, unsigned pair);

/* --- transmit.c ------------------------------------------------------------------------------- */
void vemu__net_dev_transmit(struct net *net, unsigned pair);
void vemu__net_dev_writable(void *data, unsigned pair);

/* --- filter.c --------------------------------------------------------------------------------- */
void vemu__net_filter_reset(struct net *net);
/* DRIVER_OK: what the driver negotiated decides what is filtered at first. */
void vemu__net_filter_start(struct net *net);
bool vemu__net_filter_passes(const struct net *net, const struct vemu_net_frame *frame);
void vemu__net_filter_restored(struct net *net);

/* --- control.c -------------------------------------------------------------------------------- */
void vemu__net_dev_control(struct net *net, unsigned queue);
/* Tells the back-end what the driver takes, and how many queues. */
void vemu__net_dev_apply(struct net *net);

#endif
