/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory map that firmware hands to a kernel (ACPI 6.4, section 15).
 */
#ifndef VEMU_BOOT_E820_H
#define VEMU_BOOT_E820_H

#include <stdbool.h>
#include <stdint.h>

enum vemu_e820_type { VEMU_E820_RAM = 1, VEMU_E820_RESERVED = 2, VEMU_E820_ACPI = 3 };

struct vemu_e820_entry {
    uint64_t address, size;
    enum vemu_e820_type type;
};

#define VEMU_E820_MAX 32
struct vemu_e820 {
    unsigned count;
    struct vemu_e820_entry entries[VEMU_E820_MAX];
};

/* Adds an entry; those of size 0 are left out. Entries do not overlap and come in order of address.
 * -ENOSPC when the table is full. */
int vemu__e820_add(struct vemu_e820 *map, uint64_t address, uint64_t size,
                   enum vemu_e820_type type);
/* Is all of [address, address + size) usable RAM of one entry? */
bool vemu__e820_is_ram(const struct vemu_e820 *map, uint64_t address, uint64_t size);

#endif
