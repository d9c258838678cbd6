/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a monitor may ask of a virtio-net card.
 */
#ifndef VEMU_DEVICES_VIRTIO_NET_INFO_H
#define VEMU_DEVICES_VIRTIO_NET_INFO_H

#include "core/device.h"

/* Which frames the guest wants to hear. */
struct vemu_net_filter_info {
    uint8_t mac[6]; /* of the card, as the driver set it */
    bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
    bool multicast_overflow, unicast_overflow; /* the driver's table had more than fits */
    unsigned unicast_count, multicast_count;   /* entries of macs: unicast ones first */
    uint8_t macs[64][6];
    uint8_t vlans[4096 / 8]; /* bit n: VLAN n */
};

/* False: the device is no virtio-net card that works. Context: loop. */
bool vemu__net_filter_get(struct vemu_device *dev, struct vemu_net_filter_info *ret);

#endif
