/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps of qcow2 images.
 */
#include "image/qcow2/qcow2.h"

int vemu__qcow2_bitmaps_touch(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    return 0;
}
