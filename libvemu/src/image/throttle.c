/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image filter throttle: so many bytes and requests in a second, and no more. The limits are its
 * own or those of a group (throttle-group.c).
 */
#include <errno.h>

#include "core/error.h"
#include "image/drivers.h"
#include "image/filter.h"
#include "image/throttle.h"

struct throttle {
    struct vemu_image image;
    struct vemu_throttle_limits limits;
    struct vemu_throttle_group *group;
    unsigned hurried; /* the group's lock */
};

static struct throttle *throttle_of(const struct vemu_image *image)
{
    return (struct throttle *)image;
}

static void account(struct vemu_image *image, uint64_t bytes, bool write)
{
    struct throttle *throttle = throttle_of(image);

    vemu__throttle_group_account(throttle->group, bytes, write, &throttle->hurried);
}

static void throttle_hurry(struct vemu_image *image, bool on)
{
    struct throttle *throttle = throttle_of(image);

    vemu__throttle_group_hurry(throttle->group, &throttle->hurried, on);
}

/* --- requests --------------------------------------------------------------------------------- */

static int throttle_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                          const struct iovec *iov, unsigned count)
{
    account(image, bytes, false);
    return vemu__filter_readv(image, offset, bytes, iov, count);
}

static int throttle_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, uint32_t flags)
{
    account(image, bytes, true);
    return vemu__filter_writev(image, offset, bytes, iov, count, flags);
}

static int throttle_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    account(image, bytes, true);
    return vemu__filter_zero(image, offset, bytes, flags);
}

static int throttle_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    account(image, bytes, true);
    return vemu__filter_discard(image, offset, bytes);
}

/* --- life ------------------------------------------------------------------------------------- */

static int throttle_open(struct vemu_image *image, struct vemu_error **err)
{
    struct throttle *throttle = throttle_of(image);
    int r = vemu__throttle_group_new(&throttle->limits, &throttle->group, err);

    if (r >= 0)
        vemu__filter_open(image);
    return r;
}

static int throttle_close(struct vemu_image *image)
{
    vemu__throttle_group_unref(throttle_of(image)->group);
    return 0;
}

int vemu__throttle_join(struct vemu_image *image, struct vemu_throttle_group *group,
                        struct vemu_error **err)
{
    struct throttle *throttle = throttle_of(image);

    if (image->driver != &vemu__image_throttle)
        return vemu__error_set(err, EINVAL, "only a 'throttle' node is in a throttle group");
    for (unsigned i = 0; i < THROTTLE_BUCKETS; i++)
        if (throttle->limits.of[i].rate)
            return vemu__error_set(err, EINVAL,
                                   "a node has limits of its own or those of its throttle group");
    vemu__throttle_group_unref(throttle->group);
    throttle->group = vemu__throttle_group_ref(group);
    return 0;
}

static const struct vemu_prop throttle_props[] = {
    THROTTLE_PROPS(struct throttle, ""),
    VEMU_PROP_END,
};

const struct vemu_image_driver vemu__image_throttle = {
    .name = "throttle",
    .summary = "limits bytes and requests in a second",
    .flags = VEMU_IMAGE_FORMAT_FILTER | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct throttle),
    .props = throttle_props,
    .open = throttle_open,
    .close = throttle_close,
    .readv = throttle_readv,
    .writev = throttle_writev,
    .zero = throttle_zero,
    .discard = throttle_discard,
    .hurry = throttle_hurry,
};
