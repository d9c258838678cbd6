/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Throttle groups of a machine.
 */
#ifndef VEMU_BLOCK_THROTTLE_OBJECT_H
#define VEMU_BLOCK_THROTTLE_OBJECT_H

#include "block/backend.h"
#include "core/object.h"

extern const struct vemu_object_class vemu__throttle_object;

/* The block's image shares the limits of the group that its "throttle-group" names. ENOENT: there
 * is none; EINVAL: it is not a throttle node, or has limits. Context: loop. */
int vemu__block_join_group(const struct vemu_block *block, struct vemu_error **err);

#endif
