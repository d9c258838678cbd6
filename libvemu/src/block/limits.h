/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all disks check of their properties.
 */
#ifndef VEMU_BLOCK_LIMITS_H
#define VEMU_BLOCK_LIMITS_H

#include "block/backend.h"

/* Block sizes are powers of two from 512 to 32768, hints multiples of the logical one, the node's
 * size as well. Sizes in bytes. -EINVAL and *err. */
int vemu__block_check_limits(const struct vemu_block *block, uint32_t logical, uint32_t physical,
                             uint32_t min_io, uint32_t opt_io, struct vemu_error **err);
/* "on", "off", or "auto": unless the node writes through. -EINVAL and *err. */
int vemu__block_parse_write_cache(const struct vemu_block *block, const char *text, bool *ret,
                                  struct vemu_error **err);

#endif
