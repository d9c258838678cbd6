/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The chardev without a peer: output vanishes, there is no input.
 */
#include "chardev/backend.h"

static int null_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    vemu__chardev_set_open(chr, true);
    vemu__chardev_set_filename(chr, "null");
    return 0;
}

static const struct vemu_prop null_props[] = {
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_null = {
    .base = {
        .name = "null",
        .summary = "Swallows output, gives no input",
        .instance_size = sizeof(struct vemu_chardev),
        .props = null_props,
    },
    .open = null_open,
};
