/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps of qcow2 images.
 */
#include "image/qcow2/check.h"

int vemu__qcow2_bitmaps_touch(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    return 0;
}

int vemu__qcow2_bitmaps_check(struct qcow2_check *c)
{
    return 0;
}

uint64_t vemu__qcow2_measure_bitmaps(struct vemu_image *source, uint32_t cluster_size)
{
    return 0;
}
