/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames of the guest (virtio 1.2, 5.1.6.1 and 5.1.6.2).
 *
 * They go to the back-end at once, on the thread that rang the doorbell. One that the back-end has
 * no room for is put back into the ring and stays the driver's until there is.
 */
#include <string.h>

#include <glib.h>

#include "devices/virtio-net/net.h"

#define BATCH 256u /* frames before the queue is flushed */

/* Whether the header asks only for what was negotiated, and makes sense (5.1.6.2.1). */
static bool header_good(const struct net *net, const struct virtio_net_hdr_v1 *hdr, size_t size)
{
    uint64_t needed = 0;

    if (hdr->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
        return false;
    if (hdr->flags) {
        needed |= NET_F(CSUM);
        if ((size_t)hdr->csum_start + hdr->csum_offset + 2 > size)
            return false;
    }
    switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return !hdr->gso_type && (net->vdev.driver_features & needed) == needed;
    case VIRTIO_NET_HDR_GSO_TCPV4: needed |= NET_F(HOST_TSO4); break;
    case VIRTIO_NET_HDR_GSO_TCPV6: needed |= NET_F(HOST_TSO6); break;
    case VIRTIO_NET_HDR_GSO_UDP: needed |= NET_F(HOST_UFO); break;
    default: return false;
    }
    if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN)
        needed |= NET_F(HOST_ECN);
    return hdr->gso_size && hdr->flags && (net->vdev.driver_features & needed) == needed;
}

/* Removes the header from `out`. */
static void trim(struct vemu_virtq_elem *elem, size_t size)
{
    while (size >= elem->out[0].iov_len) {
        size -= elem->out[0].iov_len;
        elem->out++;
        if (--elem->out_count == 0)
            return;
    }
    elem->out[0].iov_base = (uint8_t *)elem->out[0].iov_base + size;
    elem->out[0].iov_len -= size;
}

/* False: the back-end has no room. */
static bool send(struct net *net, unsigned pair, struct vemu_virtq_elem *elem)
{
    struct virtio_net_hdr_v1 hdr;
    struct iovec linear;
    struct vemu_net_frame frame = { .hdr = &hdr, .size = elem->out_size - NET_HDR };

    vemu__virtq_elem_read(elem, 0, &hdr, sizeof(hdr));
    hdr.num_buffers = 0;
    if (frame.size < 14 || frame.size > VEMU_NET_FRAME_MAX || !header_good(net, &hdr, frame.size)) {
        net->counters.tx_bad++;
        return true;
    }
    if (elem->out_count > VEMU_NET_IOV_MAX) {
        if (!net->linear)
            net->linear = g_malloc(VEMU_NET_FRAME_MAX);
        vemu__virtq_elem_read(elem, NET_HDR, net->linear, frame.size);
        linear = (struct iovec){ net->linear, frame.size };
        frame.iov = &linear;
        frame.count = 1;
    } else {
        trim(elem, NET_HDR);
        frame.iov = elem->out;
        frame.count = elem->out_count;
    }
    return vemu__net_send(net->netdev, pair, &frame);
}

void vemu__net_dev_transmit(struct net *net, unsigned pair)
{
    struct vemu_virtq *q = vemu__virtio_queue(&net->vdev, 2 * pair + 1);
    struct vemu_virtq_elem *elem;

    for (unsigned i = 0; i < BATCH && !net->pair[pair].tx_blocked && vemu__virtq_pop(q, &elem);
         i++) {
        if (elem->out_size < NET_HDR) {
            vemu__virtio_broken(&net->vdev, "queue %u: a frame of %u bytes without header",
                                vemu__virtq_index(q), elem->out_size);
            vemu__virtq_drop(elem);
            break;
        }
        if (pair < net->active_pairs && !send(net, pair, elem)) {
            net->pair[pair].tx_blocked = true;
            vemu__virtq_unpop(elem);
            break;
        }
        vemu__virtq_push(elem, 0);
    }
    vemu__virtq_flush(q);
}

void vemu__net_dev_writable(void *data, unsigned pair)
{
    struct net *net = data;

    net->pair[pair].tx_blocked = false;
    vemu__virtio_notify(&net->vdev, 2 * pair + 1);
}
