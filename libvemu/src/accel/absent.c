/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands for the kvm accelerator in a build without it.
 */
#include <stdio.h>

#include "accel/accel.h"

static void probe(struct vemu_accel_probe *ret, bool measure)
{
    *ret = (struct vemu_accel_probe){ .usable = false };
    snprintf(ret->reason, sizeof(ret->reason), "libvemu was built without it");
}

const struct vemu_accel_ops vemu__accel_kvm = {
    .name = "kvm",
    .probe = probe,
};
