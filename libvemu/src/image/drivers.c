/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of image drivers, finding one by name and by contents, listing them.
 */
#include "image/drivers.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/error.h"
#include "core/property.h"

/* --- sorted by name --------------------------------------------------------------------------- */

/* clang-format off: one line each */
const struct vemu_image_driver *const vemu__image_drivers[] = {
    &vemu__image_blkdebug,
    &vemu__image_copy_on_read,
    &vemu__image_file,
    &vemu__image_host_device,
    &vemu__image_nbd,
    &vemu__image_null_aio,
    &vemu__image_null_co,
    &vemu__qcow2_driver,
    &vemu__image_raw,
    &vemu__image_throttle,
    &vemu__image_vdi,
    &vemu__image_vhdx,
    &vemu__image_vmdk,
    &vemu__image_vpc,
    NULL,
};
/* clang-format on */

const struct vemu_image_driver *vemu__image_find_driver(const char *name)
{
    for (size_t i = 0; vemu__image_drivers[i]; i++)
        if (strcmp(vemu__image_drivers[i]->name, name) == 0)
            return vemu__image_drivers[i];
    return NULL;
}

/* --- protocols -------------------------------------------------------------------------------- */

bool vemu__image_has_protocol(const char *filename)
{
    size_t n = strcspn(filename, ":/");

    return n > 0 && filename[n] == ':';
}

/* `prefixes` is "nbd:" or "nbd:,nbds:"; "nbd+unix:" has the prefix "nbd:" as well. */
static bool prefix_matches(const char *prefixes, const char *filename)
{
    size_t n = strcspn(filename, ":+");

    for (const char *at = prefixes; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, filename, n) == 0 && at[n] == ':')
            return true;
    }
    return false;
}

int vemu__image_find_protocol(const char *filename, const struct vemu_image_driver **ret,
                              struct vemu_error **err)
{
    if (!vemu__image_has_protocol(filename)) {
        *ret = vemu__image_is_device(filename) ? &vemu__image_host_device : &vemu__image_file;
        return 0;
    }
    for (size_t i = 0; vemu__image_drivers[i]; i++) {
        const char *prefix = vemu__image_drivers[i]->prefix;

        if (prefix && prefix_matches(prefix, filename)) {
            *ret = vemu__image_drivers[i];
            return 0;
        }
    }
    return vemu__error_set(err, EINVAL, "Unknown protocol '%.*s' (a file of that name: './%s')",
                           (int)strcspn(filename, ":"), filename, filename);
}

/* --- probing ---------------------------------------------------------------------------------- */

const struct vemu_image_driver *vemu__image_probe_head(const uint8_t *head, size_t bytes,
                                                       const char *filename)
{
    const struct vemu_image_driver *best = &vemu__image_raw;
    int best_score = 0;

    for (size_t i = 0; vemu__image_drivers[i]; i++) {
        const struct vemu_image_driver *driver = vemu__image_drivers[i];
        int score = driver->probe ? driver->probe(head, bytes, filename) : 0;

        if (score > best_score) {
            best_score = score;
            best = driver;
        }
    }
    return best;
}

/* --- listing ---------------------------------------------------------------------------------- */

int vemu_image_list_formats(int (*each)(void *data, const char *name, const char *summary,
                                        uint32_t flags),
                            void *data)
{
    int r = 0;

    for (size_t i = 0; vemu__image_drivers[i] && !r; i++)
        r = each(data, vemu__image_drivers[i]->name, vemu__image_drivers[i]->summary,
                 vemu__image_drivers[i]->flags);
    return r;
}

int vemu_image_list_options(const char *format, int create,
                            int (*each)(void *data, const struct vemu_image_option *option),
                            void *data)
{
    const struct vemu_image_driver *driver = format ? vemu__image_find_driver(format) : NULL;
    struct vemu_prop_iter it = { 0 };
    const struct vemu_prop *prop;
    size_t offset;
    int r = 0;

    if (!driver)
        return -EINVAL;
    it.at = create ? driver->create_props : driver->props;
    while (!r && (prop = vemu__prop_next(&it, &offset)) != NULL) {
        const struct vemu_image_option option = {
            .name = prop->name,
            .type = vemu__prop_type_name(prop->type),
            .default_value = prop->def,
            .summary = prop->summary,
        };

        r = each(data, &option);
    }
    return r;
}
