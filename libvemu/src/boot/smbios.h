/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMBIOS tables: what dmidecode shows.
 */
#ifndef VEMU_BOOT_SMBIOS_H
#define VEMU_BOOT_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "core/topology.h"

struct vemu_smbios_config {
    const char *product; /* "Standard PC (Q35 + ICH9)" */
    const char *version; /* "q35" */
    const char *bios_version;
    const char *uuid;    /* text, or NULL: none */
    uint32_t vcpus;
    struct vemu_topology topology; /* zeros: all are cores of one socket */
    uint64_t ram_low, ram_high; /* bytes from 0 on, and from 4 GiB on */
};

#define VEMU_SMBIOS_ENTRY_SIZE 31u

/* Appends types 0, 1, 3, 4, 16, 17, 19, 32 and 127 to `tables`, and to `entry` the 32-bit entry
 * point of SMBIOS 2.8 for tables at `address`. */
void vemu__smbios_build(const struct vemu_smbios_config *config, uint32_t address,
                        GByteArray *entry, GByteArray *tables);

#endif
