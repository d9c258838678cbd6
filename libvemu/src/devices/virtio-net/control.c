/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control queue (virtio 1.2, 5.1.6.5): filters, number of queues, announcements, offloads.
 *
 * A command is a class and a number, then its data; the answer is one byte. What is not understood
 * or not negotiated is refused with VIRTIO_NET_ERR and changes nothing.
 */
#include <string.h>

#include <glib.h>

#include "core/vm.h"
#include "devices/virtio-net/net.h"

struct command {
    const struct vemu_virtq_elem *elem;
    struct virtio_net_ctrl_hdr hdr;
    size_t at; /* of what was not read yet */
};

static bool get(struct command *c, void *buf, size_t size)
{
    if (vemu__virtq_elem_read(c->elem, c->at, buf, size) != size)
        return false;
    c->at += size;
    return true;
}

/* --- what frames are heard -------------------------------------------------------------------- */

static bool rx_mode(struct net *net, struct command *c)
{
    struct net_filter *f = &net->filter;
    uint8_t *const modes[] = {
        [VIRTIO_NET_CTRL_RX_PROMISC] = &f->promisc, [VIRTIO_NET_CTRL_RX_ALLMULTI] = &f->allmulti,
        [VIRTIO_NET_CTRL_RX_ALLUNI] = &f->alluni,   [VIRTIO_NET_CTRL_RX_NOMULTI] = &f->nomulti,
        [VIRTIO_NET_CTRL_RX_NOUNI] = &f->nouni,     [VIRTIO_NET_CTRL_RX_NOBCAST] = &f->nobcast,
    };
    bool extra = c->hdr.cmd > VIRTIO_NET_CTRL_RX_ALLMULTI;
    uint8_t on;

    if (c->hdr.cmd >= G_N_ELEMENTS(modes) || !get(c, &on, 1) ||
        !vemu__virtio_has(&net->vdev, extra ? NET_F(CTRL_RX_EXTRA) : NET_F(CTRL_RX)))
        return false;
    *modes[c->hdr.cmd] = on != 0;
    return true;
}

/* One of the two tables, behind `used` entries of macs. */
static bool get_macs(struct command *c, struct net_filter *f, unsigned used, uint8_t *ret_count,
                     uint8_t *ret_all)
{
    uint32_t count;

    if (!get(c, &count, sizeof(count)) || count > (c->elem->out_size - c->at) / NET_MAC)
        return false;
    *ret_all = count > NET_MACS - used;
    *ret_count = *ret_all ? 0 : (uint8_t)count;
    if (!*ret_all)
        return !count || get(c, f->macs[used], count * NET_MAC);
    c->at += count * NET_MAC;
    return true;
}

static bool mac_command(struct net *net, struct command *c)
{
    struct net_filter f = net->filter;

    if (c->hdr.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET) {
        if (!vemu__virtio_has(&net->vdev, NET_F(CTRL_MAC_ADDR)) || !get(c, f.mac, NET_MAC))
            return false;
    } else if (c->hdr.cmd != VIRTIO_NET_CTRL_MAC_TABLE_SET ||
               !vemu__virtio_has(&net->vdev, NET_F(CTRL_RX)) ||
               !get_macs(c, &f, 0, &f.uni_count, &f.all_uni) ||
               !get_macs(c, &f, f.uni_count, &f.multi_count, &f.all_multi)) {
        return false;
    }
    net->filter = f;
    return true;
}

static bool vlan_command(struct net *net, struct command *c)
{
    uint8_t *vlans = net->filter.vlans;
    uint16_t vlan;

    if (!vemu__virtio_has(&net->vdev, NET_F(CTRL_VLAN)) || !get(c, &vlan, sizeof(vlan)) ||
        vlan >= NET_VLANS)
        return false;
    if (c->hdr.cmd == VIRTIO_NET_CTRL_VLAN_ADD)
        vlans[vlan / 8] |= (uint8_t)(1u << vlan % 8);
    else if (c->hdr.cmd == VIRTIO_NET_CTRL_VLAN_DEL)
        vlans[vlan / 8] &= (uint8_t) ~(1u << vlan % 8);
    else
        return false;
    return true;
}

/* --- the rest --------------------------------------------------------------------------------- */

static bool announce_command(struct net *net, struct command *c)
{
    if (!vemu__virtio_has(&net->vdev, NET_F(GUEST_ANNOUNCE)) ||
        c->hdr.cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK)
        return false;
    net->announce = 0;
    return true;
}

static bool mq_command(struct net *net, struct command *c)
{
    uint16_t pairs;

    if (!vemu__virtio_has(&net->vdev, NET_F(MQ)) || c->hdr.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
        !get(c, &pairs, sizeof(pairs)) || !pairs || pairs > net->pairs)
        return false;
    net->active_pairs = pairs;
    vemu__net_dev_apply(net);
    return true;
}

#define OFFLOADS                                                                                   \
    (NET_F(GUEST_CSUM) | NET_F(GUEST_TSO4) | NET_F(GUEST_TSO6) | NET_F(GUEST_ECN) |                \
     NET_F(GUEST_UFO))

static bool offload_command(struct net *net, struct command *c)
{
    uint64_t offloads;

    if (!vemu__virtio_has(&net->vdev, NET_F(CTRL_GUEST_OFFLOADS)) ||
        c->hdr.cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET || !get(c, &offloads, sizeof(offloads)) ||
        offloads & ~(net->vdev.driver_features & OFFLOADS))
        return false;
    net->guest_offloads = offloads;
    vemu__net_dev_apply(net);
    return true;
}

void vemu__net_dev_apply(struct net *net)
{
    uint64_t o = net->guest_offloads;

    vemu__net_set_offload(net->netdev, (o & NET_F(GUEST_CSUM) ? VEMU_NET_CSUM : 0) |
                                           (o & NET_F(GUEST_TSO4) ? VEMU_NET_TSO4 : 0) |
                                           (o & NET_F(GUEST_TSO6) ? VEMU_NET_TSO6 : 0) |
                                           (o & NET_F(GUEST_ECN) ? VEMU_NET_ECN : 0) |
                                           (o & NET_F(GUEST_UFO) ? VEMU_NET_UFO : 0));
    vemu__net_set_queues(net->netdev, net->active_pairs);
}

/* --- the queue -------------------------------------------------------------------------------- */

static bool execute(struct net *net, struct command *c)
{
    switch (c->hdr.class) {
    case VIRTIO_NET_CTRL_RX: return rx_mode(net, c);
    case VIRTIO_NET_CTRL_MAC: return mac_command(net, c);
    case VIRTIO_NET_CTRL_VLAN: return vlan_command(net, c);
    case VIRTIO_NET_CTRL_ANNOUNCE: return announce_command(net, c);
    case VIRTIO_NET_CTRL_MQ: return mq_command(net, c);
    case VIRTIO_NET_CTRL_GUEST_OFFLOADS: return offload_command(net, c);
    default: return false;
    }
}

void vemu__net_dev_control(struct net *net, unsigned queue)
{
    struct vemu_virtq *q = vemu__virtio_queue(&net->vdev, queue);
    struct vemu_virtq_elem *elem;

    while (vemu__virtq_pop(q, &elem)) {
        struct command c = { .elem = elem };
        uint8_t ack = VIRTIO_NET_OK;

        if (!elem->in_size || !get(&c, &c.hdr, sizeof(c.hdr))) {
            vemu__virtio_broken(&net->vdev, "control command without %s",
                                elem->in_size ? "header" : "room for an answer");
            vemu__virtq_drop(elem);
            break;
        }
        if (!execute(net, &c)) {
            net->counters.ctrl_bad++;
            ack = VIRTIO_NET_ERR;
        } else if (c.hdr.class <= VIRTIO_NET_CTRL_VLAN && !net->filter_told) {
            net->filter_told = true; /* until somebody asks for the filter: a guest may go on so */
            vemu__events_post(net->vdev.dev->vm, VEMU_EVENT_NET_FILTER_CHANGED,
                              net->vdev.dev->id, 0);
        }
        vemu__virtq_elem_write(elem, 0, &ack, 1);
        vemu__virtq_push(elem, 1);
    }
    vemu__virtq_flush(q);
}
