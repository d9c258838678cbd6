/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of bytes and requests in a second, of one image or of a group of images.
 */
#ifndef VEMU_IMAGE_THROTTLE_H
#define VEMU_IMAGE_THROTTLE_H

#include "image/image.h"

enum vemu_throttle_bucket {
    THROTTLE_BPS_TOTAL,
    THROTTLE_BPS_READ,
    THROTTLE_BPS_WRITE,
    THROTTLE_IOPS_TOTAL,
    THROTTLE_IOPS_READ,
    THROTTLE_IOPS_WRITE,
    THROTTLE_BUCKETS,
};

struct vemu_throttle_limits {
    struct {
        uint64_t rate, burst, length; /* a second; of the burst; seconds */
    } of[THROTTLE_BUCKETS];
    uint64_t iops_size;
};

/* The properties of struct vemu_throttle_limits `limits` in TYPE, their names behind PREFIX. */
#define THROTTLE_LIMIT(type, prefix, bucket, name, what)                                           \
    VEMU_PROP(type, limits.of[bucket].rate, prefix name, SIZE, "0",                                \
              what " a second; 0: no limit"),                                                      \
        VEMU_PROP(type, limits.of[bucket].burst, prefix name "-max", SIZE, "0",                    \
                  what " a second in bursts"),                                                     \
        VEMU_PROP(type, limits.of[bucket].length, prefix name "-max-length", U64, "1",             \
                  "seconds that a burst lasts")
#define THROTTLE_PROPS(type, prefix)                                                               \
    THROTTLE_LIMIT(type, prefix, THROTTLE_BPS_TOTAL, "bps-total", "bytes"),                        \
        THROTTLE_LIMIT(type, prefix, THROTTLE_BPS_READ, "bps-read", "bytes read"),                 \
        THROTTLE_LIMIT(type, prefix, THROTTLE_BPS_WRITE, "bps-write", "bytes written"),            \
        THROTTLE_LIMIT(type, prefix, THROTTLE_IOPS_TOTAL, "iops-total", "requests"),               \
        THROTTLE_LIMIT(type, prefix, THROTTLE_IOPS_READ, "iops-read", "reads"),                    \
        THROTTLE_LIMIT(type, prefix, THROTTLE_IOPS_WRITE, "iops-write", "writes"),                 \
        VEMU_PROP(type, limits.iops_size, prefix "iops-size", SIZE, "0",                           \
                  "a request that is longer counts as several; 0: as one")

struct vemu_throttle_group;

/* EINVAL: limits that cannot be, in words. */
int vemu__throttle_check(const struct vemu_throttle_limits *limits, struct vemu_error **err);
int vemu__throttle_group_new(const struct vemu_throttle_limits *limits,
                             struct vemu_throttle_group **ret, struct vemu_error **err);
/* Other limits from now on, also for who waits. */
int vemu__throttle_group_set(struct vemu_throttle_group *group,
                             const struct vemu_throttle_limits *limits, struct vemu_error **err);
struct vemu_throttle_group *vemu__throttle_group_ref(struct vemu_throttle_group *group);
void vemu__throttle_group_unref(struct vemu_throttle_group *group);
/* Waits until the group has room for a request, or *hurried is not 0. Context: any. */
void vemu__throttle_group_account(struct vemu_throttle_group *group, uint64_t bytes, bool write,
                                  const unsigned *hurried);
/* Adds to *hurried, and wakes who waits. */
void vemu__throttle_group_hurry(struct vemu_throttle_group *group, unsigned *hurried, bool on);

/* An image of the driver "throttle" shares the limits of a group from now on, instead of its own.
 * Before the first request. EINVAL: it is of another driver, or has limits. */
int vemu__throttle_join(struct vemu_image *image, struct vemu_throttle_group *group,
                        struct vemu_error **err);

#endif
