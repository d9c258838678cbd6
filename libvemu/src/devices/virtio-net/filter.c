/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which frames the guest wants to hear (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3).
 */
#include <string.h>

#include "devices/virtio-net/info.h"
#include "devices/virtio-net/net.h"
#include "virtio/class.h"

void vemu__net_filter_reset(struct net *net)
{
    memset(&net->filter, 0, sizeof(net->filter));
    memcpy(net->filter.mac, net->mac, NET_MAC);
    net->filter.promisc = 1;
    memset(net->filter.vlans, 0xff, sizeof(net->filter.vlans));
}

void vemu__net_filter_start(struct net *net)
{
    if (vemu__virtio_has(&net->vdev, NET_F(CTRL_VLAN)))
        memset(net->filter.vlans, 0, sizeof(net->filter.vlans));
}

void vemu__net_filter_restored(struct net *net)
{
    struct net_filter *f = &net->filter;

    if (f->uni_count > NET_MACS || f->multi_count > NET_MACS - f->uni_count)
        f->uni_count = f->multi_count = 0;
}

static bool listed(const uint8_t macs[][NET_MAC], unsigned count, const uint8_t *mac)
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(macs[i], mac, NET_MAC) == 0)
            return true;
    return false;
}

bool vemu__net_filter_passes(const struct net *net, const struct vemu_net_frame *frame)
{
    static const uint8_t broadcast[NET_MAC] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const struct net_filter *f = &net->filter;
    const uint8_t *head = frame->iov[0].iov_base; /* back-ends give at least it in one piece */
    unsigned vlan;

    if (frame->iov[0].iov_len < 14)
        return false;
    if (head[12] == 0x81 && head[13] == 0x00 && frame->iov[0].iov_len >= 16) {
        vlan = (head[14] & 0xfu) << 8 | head[15];
        if (!(f->vlans[vlan / 8] & 1u << vlan % 8))
            return false;
    }
    if (f->promisc)
        return true;
    if (memcmp(head, broadcast, NET_MAC) == 0)
        return !f->nobcast;
    if (head[0] & 1)
        return !f->nomulti && (f->allmulti || f->all_multi ||
                               listed(f->macs + f->uni_count, f->multi_count, head));
    return !f->nouni && (f->alluni || f->all_uni || memcmp(head, f->mac, NET_MAC) == 0 ||
                         listed(f->macs, f->uni_count, head));
}

bool vemu__net_filter_get(struct vemu_device *dev, struct vemu_net_filter_info *ret)
{
    const struct net_filter *f;

    if (strncmp(dev->class_->name, "virtio-net-", 11) != 0 || !dev->realized)
        return false;
    f = &net_of(vemu__virtio_of(dev))->filter;
    pthread_mutex_lock(&dev->lock);
    net_of(vemu__virtio_of(dev))->filter_told = false;
    *ret = (struct vemu_net_filter_info){
        .promiscuous = f->promisc,
        .all_multicast = f->allmulti,
        .all_unicast = f->alluni,
        .no_multicast = f->nomulti,
        .no_unicast = f->nouni,
        .no_broadcast = f->nobcast,
        .multicast_overflow = f->all_multi,
        .unicast_overflow = f->all_uni,
        .unicast_count = f->uni_count,
        .multicast_count = f->multi_count,
    };
    memcpy(ret->mac, f->mac, sizeof(ret->mac));
    memcpy(ret->macs, f->macs, sizeof(ret->macs));
    memcpy(ret->vlans, f->vlans, sizeof(ret->vlans));
    pthread_mutex_unlock(&dev->lock);
    return true;
}
