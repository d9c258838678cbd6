/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory map that firmware hands to a kernel.
 */
#include "boot/e820.h"

#include <errno.h>

int vemu__e820_add(struct vemu_e820 *map, uint64_t address, uint64_t size, enum vemu_e820_type type)
{
    if (size == 0) {
        return 0;
    }
    if (map->count >= VEMU_E820_MAX) {
        return -ENOSPC;
    }
    map->entries[map->count++] = (struct vemu_e820_entry){ address, size, type };
    return 0;
}

bool vemu__e820_is_ram(const struct vemu_e820 *map, uint64_t address, uint64_t size)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct vemu_e820_entry *e = &map->entries[i];

        if (e->type == VEMU_E820_RAM && address >= e->address && address - e->address <= e->size &&
            size <= e->size - (address - e->address)) {
            return true;
        }
    }
    return false;
}
