/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all disks check of their properties.
 */
#include "block/limits.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"

static bool is_block_size(uint32_t size)
{
    return size >= 512 && size <= 32768 && !(size & (size - 1));
}

int vemu__block_check_limits(const struct vemu_block *block, uint32_t logical, uint32_t physical,
                             uint32_t min_io, uint32_t opt_io, struct vemu_error **err)
{
    if (!is_block_size(logical) || !is_block_size(physical) || physical < logical)
        return vemu__error_set(err, EINVAL,
                               "block sizes are powers of two from 512 to 32768, and the physical "
                               "one is not the smaller");
    if (min_io % logical || opt_io % logical || min_io / logical > UINT16_MAX)
        return vemu__error_set(err, EINVAL,
                               "min_io_size and opt_io_size are multiples of the block size");
    if (vemu__block_size(block) % logical)
        return vemu__error_set(err, EINVAL, "the size of '%s' is no multiple of the block size",
                               vemu__block_id(block));
    return 0;
}

int vemu__block_parse_write_cache(const struct vemu_block *block, const char *text, bool *ret,
                                  struct vemu_error **err)
{
    if (strcmp(text, "auto") == 0)
        *ret = !vemu__block_write_through(block);
    else if (strcmp(text, "on") == 0 || strcmp(text, "off") == 0)
        *ret = strcmp(text, "on") == 0;
    else
        return vemu__error_set(err, EINVAL, "write-cache '%s' is neither on, off nor auto", text);
    return 0;
}
