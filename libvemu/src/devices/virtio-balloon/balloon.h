/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a monitor may ask of a balloon.
 */
#ifndef VEMU_DEVICES_VIRTIO_BALLOON_BALLOON_H
#define VEMU_DEVICES_VIRTIO_BALLOON_BALLOON_H

#include "core/device.h"

#define VEMU_BALLOON_STATS 10 /* indexed by VIRTIO_BALLOON_S_*; UINT64_MAX: not known */

struct vemu_balloon_info {
    uint64_t wanted_bytes; /* that the host wants in the balloon */
    uint64_t actual_bytes; /* that are in it */
    uint64_t given_back_bytes; /* ever, by balloon and free page reporting */
    int64_t updated_ns; /* vemu_clock_ns() of the statistics; 0: none yet */
    uint64_t stats[VEMU_BALLOON_STATS];
};

bool vemu__balloon_is(const struct vemu_device *dev);
/* Leaves the guest `memory_bytes` of its memory. -EINVAL. Context: loop. */
int vemu__balloon_set_size(struct vemu_device *dev, uint64_t memory_bytes);
void vemu__balloon_get(struct vemu_device *dev, struct vemu_balloon_info *ret);
/* Statistics come every so many seconds; 0: when asked. -EINVAL: more than the maximum, or the
 * device does not work. Context: loop. */
#define VEMU_BALLOON_INTERVAL_MAX 86400u
int vemu__balloon_set_interval(struct vemu_device *dev, uint32_t seconds);
/* Asks the guest for new statistics. -ENOTSUP: its driver has none. */
int vemu__balloon_ask(struct vemu_device *dev);

#endif
