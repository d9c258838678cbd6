/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames for the guest (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 *
 * A frame goes into one chain or, with mergeable buffers, into as many as it needs; they are taken
 * only when they suffice, so that no chain is held while a frame waits. Then the driver is asked to
 * tell about new ones, and the back-end holds the frame.
 */
#include <string.h>

#include <glib.h>

#include "devices/virtio-net/net.h"

/* False: the guest did not agree to do what the frame leaves to it. */
static bool acceptable(const struct net *net, const struct virtio_net_hdr_v1 *hdr)
{
    uint64_t needed = 0;

    if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        needed |= NET_F(GUEST_CSUM);
    switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE: break;
    case VIRTIO_NET_HDR_GSO_TCPV4: needed |= NET_F(GUEST_TSO4); break;
    case VIRTIO_NET_HDR_GSO_TCPV6: needed |= NET_F(GUEST_TSO6); break;
    case VIRTIO_NET_HDR_GSO_UDP: needed |= NET_F(GUEST_UFO); break;
    default: return false;
    }
    if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN)
        needed |= NET_F(GUEST_ECN);
    return !(needed & ~net->guest_offloads);
}

static void put_back(struct net *net, unsigned count)
{
    while (count--)
        vemu__virtq_unpop(net->gathered[count]);
}

/* Takes a chain. When there is none the driver is asked to tell about new ones, and another look is
 * taken, since it may have added some before it saw the wish. This is done while those taken so far
 * are not put back: with event indices the wish is about what comes behind them. */
static bool take(struct net *net, unsigned pair, struct vemu_virtq *q, struct vemu_virtq_elem **ret)
{
    if (vemu__virtq_pop(q, ret))
        return true;
    net->pair[pair].rx_suppressed = false;
    vemu__virtq_want_notify(q, true);
    return vemu__virtq_pop(q, ret);
}

/* Chains for `size` bytes: how many; 0: there are too few; -1: they can never hold them. */
static int gather(struct net *net, unsigned pair, struct vemu_virtq *q, size_t size)
{
    unsigned most =
        vemu__virtio_has(&net->vdev, NET_F(MRG_RXBUF)) ? G_N_ELEMENTS(net->gathered) : 1;
    unsigned count = 0;
    uint64_t room = 0;

    while (room < size && count < most) {
        struct vemu_virtq_elem *elem;

        if (!take(net, pair, q, &elem)) {
            put_back(net, count);
            return 0;
        }
        net->gathered[count++] = elem;
        room += elem->in_size;
        if (elem->in_size < NET_HDR && count == 1) {
            vemu__virtio_broken(&net->vdev, "queue %u: a receive buffer of %u bytes",
                                vemu__virtq_index(q), elem->in_size);
            put_back(net, count);
            return -1;
        }
    }
    if (room >= size)
        return (int)count;
    put_back(net, count);
    return -1;
}

/* Copies the frame behind `from` bytes of it into a chain; returns how many bytes went there. */
static size_t fill(struct vemu_virtq_elem *elem, size_t at, const struct vemu_net_frame *frame,
                   size_t from)
{
    size_t done = 0;

    for (unsigned i = 0; i < frame->count; i++) {
        size_t n;

        if (from >= frame->iov[i].iov_len) {
            from -= frame->iov[i].iov_len;
            continue;
        }
        n = vemu__virtq_elem_write(elem, at + done, (const uint8_t *)frame->iov[i].iov_base + from,
                                   frame->iov[i].iov_len - from);
        done += n;
        if (n < frame->iov[i].iov_len - from)
            break;
        from = 0;
    }
    return done;
}

static void store(struct net *net, unsigned count, const struct vemu_net_frame *frame)
{
    struct virtio_net_hdr_v1 hdr = *frame->hdr;
    size_t done = 0;

    if (!(net->guest_offloads & NET_F(GUEST_CSUM)))
        memset(&hdr, 0, sizeof(hdr));
    hdr.num_buffers = (uint16_t)count;
    for (unsigned i = 0; i < count; i++) {
        size_t at = i ? 0 : vemu__virtq_elem_write(net->gathered[i], 0, &hdr, sizeof(hdr));
        size_t n = fill(net->gathered[i], at, frame, done);

        done += n;
        vemu__virtq_push(net->gathered[i], (uint32_t)(at + n));
    }
}

/* While there are buffers nobody waits for more. */
static void suppress(struct net *net, unsigned pair, struct vemu_virtq *q)
{
    if (net->pair[pair].rx_suppressed)
        return;
    net->pair[pair].rx_suppressed = true;
    vemu__virtq_want_notify(q, false);
}

bool vemu__net_dev_receive(void *data, unsigned pair, const struct vemu_net_frame *frame)
{
    struct net *net = data;
    struct vemu_virtq *q;
    int count;

    if (!net->vdev.running)
        return false;
    /* Where the host's queues are more than the guest's. */
    pair = pair < net->active_pairs ? pair : 0;
    q = vemu__virtio_queue(&net->vdev, 2 * pair);
    if (!vemu__virtio_live(&net->vdev) || !vemu__virtq_enabled(q)) {
        net->counters.rx_unready++;
        return true;
    }
    if (!vemu__net_filter_passes(net, frame) || !acceptable(net, frame->hdr)) {
        net->counters.rx_filtered++;
        return true;
    }
    count = gather(net, pair, q, NET_HDR + frame->size);
    if (!count) /* a guest that broke the device gets nothing */
        return !vemu__virtio_live(&net->vdev);
    if (count < 0) {
        net->counters.rx_small++;
        return true;
    }
    store(net, (unsigned)count, frame);
    suppress(net, pair, q);
    return true;
}

void vemu__net_dev_received(void *data, unsigned pair)
{
    struct net *net = data;

    pair = pair < net->active_pairs ? pair : 0;
    vemu__virtq_flush(vemu__virtio_queue(&net->vdev, 2 * pair));
}

void vemu__net_dev_refilled(struct net *net, unsigned pair)
{
    /* The core asks for notifications again behind this. */
    net->pair[pair].rx_suppressed = false;
    vemu__net_receive_ready(net->netdev, pair);
    /* Frames of host queues that the guest does not use come here as well. */
    for (unsigned n = net->active_pairs; pair == 0 && n < net->pairs; n++)
        vemu__net_receive_ready(net->netdev, n);
}
