/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts of SMBIOS tables that the owner of a machine chooses: what management tells a guest about
 * itself, and what cloud-init and systemd read (DMTF DSP0134, 7.1 to 7.4 and 7.12).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "boot/smbios.h"
#include "core/vm.h"

#define BYTES_MAX 16384u /* of all of them: the tables have 64 KiB, less where they lie in ROM */
#define OEM_MAX   255u   /* a structure numbers its strings with a byte */

static int check_text(const char *name, const char *text, bool lines, struct vemu_error **err)
{
    if (!g_utf8_validate(text, -1, NULL))
        return vemu__error_set(err, EINVAL, "%s is not UTF-8", name);
    for (const char *p = text; *p; p++) {
        if (g_ascii_iscntrl(*p) && !(lines && *p == '\n'))
            return vemu__error_set(err, EINVAL, "%s has a control character", name);
    }
    return 0;
}

static bool parse_release(const char *text, unsigned ret[2])
{
    char rest;

    return g_ascii_isdigit(text[0]) && sscanf(text, "%3u.%3u%c", &ret[0], &ret[1], &rest) == 2 &&
           ret[0] <= 0xff && ret[1] <= 0xff;
}

static int check_oem(const char *oem, struct vemu_error **err)
{
    unsigned count = 1;

    if (!*oem || *oem == '\n' || strstr(oem, "\n\n") || g_str_has_suffix(oem, "\n"))
        return vemu__error_set(err, EINVAL, "smbios.oem has an empty string");
    for (const char *p = oem; (p = strchr(p, '\n')); p++)
        count++;
    if (count > OEM_MAX)
        return vemu__error_set(err, EINVAL, "smbios.oem has more than %u strings", OEM_MAX);
    return 0;
}

int vemu__smbios_texts_check(const struct vemu_smbios_texts *texts, struct vemu_error **err)
{
    size_t bytes = 0;
    unsigned release[2];

    for (const struct vemu_prop *prop = vemu__smbios_texts_props; prop->name; prop++) {
        const char *text = *(char *const *)((const char *)texts + prop->offset);

        if (!text)
            continue;
        if (check_text(prop->name, text, text == texts->oem, err) < 0)
            return -EINVAL;
        bytes += strlen(text) + 1;
    }
    if (bytes > BYTES_MAX)
        return vemu__error_set(err, EINVAL, "texts of SMBIOS tables have more than %u bytes",
                               BYTES_MAX);
    if (texts->system.uuid && !g_uuid_string_is_valid(texts->system.uuid))
        return vemu__error_set(err, EINVAL, "smbios.system.uuid: '%s' is not a UUID",
                               texts->system.uuid);
    if (texts->bios.release && !parse_release(texts->bios.release, release))
        return vemu__error_set(err, EINVAL,
                               "smbios.bios.release: '%s' is not two numbers up to 255, as 1.0",
                               texts->bios.release);
    return texts->oem ? check_oem(texts->oem, err) : 0;
}

void vemu__smbios_release(const struct vemu_smbios_texts *texts, uint8_t ret[2])
{
    unsigned release[2] = { 0, 0 };

    if (texts->bios.release)
        parse_release(texts->bios.release, release);
    ret[0] = (uint8_t)release[0];
    ret[1] = (uint8_t)release[1];
}

bool vemu__smbios_has_board(const struct vemu_smbios_texts *texts)
{
    return texts->board.manufacturer || texts->board.product || texts->board.version ||
           texts->board.serial || texts->board.asset || texts->board.location;
}

#define TEXT(field, summary)                                                                       \
    VEMU_PROP(struct vemu_smbios_texts, field, "smbios." #field, STRING, NULL, summary)

const struct vemu_prop vemu__smbios_texts_props[] = {
    TEXT(bios.vendor, "who made the firmware"),
    TEXT(bios.version, "its version"),
    TEXT(bios.date, "its date, as 01/31/2026"),
    TEXT(bios.release, "its release, as 1.0"),
    TEXT(system.manufacturer, "who made the machine"),
    TEXT(system.product, "its name"),
    TEXT(system.version, "its version"),
    TEXT(system.serial, "its serial number"),
    TEXT(system.uuid, "its UUID, if not that of -uuid"),
    TEXT(system.sku, "its SKU number"),
    TEXT(system.family, "its family"),
    TEXT(board.manufacturer, "who made the base board"),
    TEXT(board.product, "its name"),
    TEXT(board.version, "its version"),
    TEXT(board.serial, "its serial number"),
    TEXT(board.asset, "its asset tag"),
    TEXT(board.location, "where in the chassis it is"),
    TEXT(chassis.manufacturer, "who made the chassis"),
    TEXT(chassis.version, "its version"),
    TEXT(chassis.serial, "its serial number"),
    TEXT(chassis.asset, "its asset tag"),
    TEXT(chassis.sku, "its SKU number"),
    TEXT(oem, "OEM strings, a line each"),
    VEMU_PROP_END,
};
