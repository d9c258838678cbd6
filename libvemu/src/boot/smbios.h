/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMBIOS tables: what dmidecode shows.
 */
#ifndef VEMU_BOOT_SMBIOS_H
#define VEMU_BOOT_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "core/device.h"
#include "core/topology.h"

/* What is told instead of our own words, or where we say nothing; NULL: not given. Properties of a
 * machine (smbios-texts.c). */
struct vemu_smbios_texts {
    struct {
        char *vendor, *version, *date, *release; /* "major.minor" */
    } bios;
    struct {
        char *manufacturer, *product, *version, *serial, *uuid, *sku, *family;
    } system;
    struct { /* any of them: there is a base board */
        char *manufacturer, *product, *version, *serial, *asset, *location;
    } board;
    struct {
        char *manufacturer, *version, *serial, *asset, *sku;
    } chassis;
    char *oem; /* a line for each string */
};

/* Relative to struct vemu_smbios_texts: smbios.bios.vendor, smbios.system.product ... */
extern const struct vemu_prop vemu__smbios_texts_props[];
/* -EINVAL with words: control characters, a UUID or a release that is none, too much of it. */
int vemu__smbios_texts_check(const struct vemu_smbios_texts *texts, struct vemu_error **err);
/* Of texts that were checked. */
void vemu__smbios_release(const struct vemu_smbios_texts *texts, uint8_t ret[2]);
bool vemu__smbios_has_board(const struct vemu_smbios_texts *texts);

struct vemu_smbios_config {
    const char *product; /* "Standard PC (Q35 + ICH9)" */
    const char *version; /* "q35" */
    const char *bios_version;
    const char *uuid; /* text, or NULL: none */
    uint32_t vcpus;
    struct vemu_topology topology;  /* zeros: all are cores of one socket */
    uint64_t ram_low, ram_high;     /* bytes from 0 on, and from 4 GiB on */
    struct vemu_smbios_texts texts; /* borrowed */
};

#define VEMU_SMBIOS_ENTRY_SIZE 31u

/* Appends types 0, 1, 3, 4, 16, 17, 19, 32 and 127, and 2 and 11 if texts are given, to `tables`,
 * and to `entry` the 32-bit entry point of SMBIOS 2.8 for tables at `address`. */
void vemu__smbios_build(const struct vemu_smbios_config *config, uint32_t address,
                        GByteArray *entry, GByteArray *tables);

#endif
