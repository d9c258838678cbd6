/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backing images: what their names mean, opening the chain of them.
 *
 * A backing file whose format is not recorded is taken as raw, never probed into something else: a
 * guest that can write to a raw disk could write a header there that names any file of the host.
 */
#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "image/drivers.h"
#include "image/options.h"

/* --- names ------------------------------------------------------------------------------------ */

static const struct vemu_image *lowest(const struct vemu_image *image)
{
    while (image->file)
        image = image->file;
    return image;
}

char *vemu__image_resolve_beside(const char *base, const char *name)
{
    const char *slash;

    if (name[0] == '/' || vemu__image_has_protocol(name))
        return g_strdup(name);
    if (g_str_has_prefix(base, "file:"))
        base += strlen("file:");
    slash = strrchr(base, '/');
    return slash ? g_strdup_printf("%.*s/%s", (int)(slash - base), base, name) : g_strdup(name);
}

char *vemu__image_resolve(const struct vemu_image *image, const char *name)
{
    return vemu__image_resolve_beside(lowest(image)->filename, name);
}

/* --- the chain -------------------------------------------------------------------------------- */

/* Whether `name` is the file of one of the layers from `top` on. */
static bool is_in_chain(const struct vemu_image *top, const char *name)
{
    uint64_t id[2], other[2];
    bool has_id = vemu__image_file_id(name, id);

    for (; top; top = top->backing) {
        const struct vemu_image *file = lowest(top);

        if (has_id ? vemu__image_layer_id(file, other) && !memcmp(id, other, sizeof(id))
                   : !strcmp(file->filename, name) || !strcmp(top->filename, name))
            return true;
    }
    return false;
}

/* The format of a file is not recorded: it must look like raw data. */
static int check_raw(const struct vemu_image *image, const struct vemu_image *overlay,
                     struct vemu_error **err)
{
    uint8_t head[IMAGE_PROBE_SIZE];
    size_t bytes = MIN(vemu_image_get_size(image), sizeof(head));
    const struct vemu_image_driver *driver;
    int r = vemu_image_read((struct vemu_image *)image, 0, head, bytes);

    if (r < 0)
        return vemu__error_set(err, -r, "cannot read backing file '%s': %s", image->filename,
                               strerror(-r));
    driver = vemu__image_probe_head(head, bytes, image->filename);
    if (!strcmp(driver->name, "raw"))
        return 0;
    return vemu__error_set(
        err, EINVAL,
        "'%s' does not record the format of its backing file '%s', which looks "
        "like %s; if that is right, say so: vemu-img rebase -u -b '%s' -F %s '%s'",
        overlay->filename, image->filename, driver->name, overlay->backing_filename, driver->name,
        overlay->filename);
}

static bool has_name(const struct image_options *options, const char *name)
{
    for (guint i = 0; i < options->names->len; i++)
        if (!strcmp(options->names->pdata[i], name))
            return true;
    return false;
}

static bool is_described(const struct image_options *options)
{
    return has_name(options, "file.filename") || has_name(options, "file.driver") ||
           has_name(options, "filename");
}

/* Opens the backing image of `layer` without that one's own; options say more or something else
 * than what the layer has recorded. */
static int open_one(struct vemu_image *top, struct vemu_image *layer, struct image_options *options,
                    struct vemu_error **err)
{
    uint32_t flags = (layer->open_flags & (VEMU_IMAGE_FORCE_SHARE | VEMU_IMAGE_DIRECT)) |
                     VEMU_IMAGE_NO_BACKING | IMAGE_OPEN_BACKING;
    bool described = is_described(options);
    g_autofree char *name = described ? NULL : vemu__image_resolve(layer, layer->backing_filename);
    bool is_tree = described || g_str_has_prefix(name, "json:");
    const char *format = described ? NULL : layer->backing_format;
    g_autofree struct vemu_property *props = NULL;
    int r;

    if (name && is_in_chain(top, name))
        return vemu__error_set(err, ELOOP, "backing file '%s' of '%s' is part of the chain already",
                               name, layer->filename);
    if (has_name(options, "driver"))
        format = NULL;
    else if (!format && !is_tree)
        format = "raw";
    props = vemu__image_options_props(options);
    r = vemu__image_open_tree(name, format, flags, props, options->names->len, &layer->backing,
                              err);
    if (r >= 0 && !is_tree && !layer->backing_format && !has_name(options, "driver"))
        r = check_raw(layer->backing, layer, err);
    if (r < 0)
        vemu__error_prefix(err, "backing file of '%s'", layer->filename);
    return r;
}

int vemu_image_check_backing(struct vemu_image *image, const char *backing_filename,
                             const char *backing_format, struct vemu_error **err)
{
    const struct vemu_image *own = lowest(vemu__image_skip_filters(image));
    g_autofree char *format = g_strdup(backing_format), *name = NULL;
    uint64_t id[2], other[2];

    if (!backing_filename || !*backing_filename || !vemu__image_layer_id(own, id))
        return 0;
    name = vemu__image_resolve(own, backing_filename);
    for (unsigned depth = 0; depth < IMAGE_MAX_CHAIN; depth++) {
        const struct vemu_image_open_options options = {
            .size = sizeof(options),
            .format = format,
            .flags = VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_FORCE_SHARE,
        };
        struct vemu_image *layer;

        if (!vemu__image_file_id(name, other))
            return 0;
        if (!memcmp(id, other, sizeof(id)))
            return vemu__error_set(err, ELOOP, "'%s' would be its own backing file, by '%s'",
                                   image->filename, backing_filename);
        if (vemu_image_open(name, &options, &layer, NULL) < 0)
            return 0;
        g_free(name);
        g_free(format);
        name = layer->backing_filename ? vemu__image_resolve(layer, layer->backing_filename) : NULL;
        format = g_strdup(layer->backing_format ? layer->backing_format : "raw");
        vemu_image_close(layer);
        if (!name)
            return 0;
    }
    return 0;
}

int vemu__image_open_backing(struct vemu_image *image, const struct vemu_property *props,
                             size_t prop_count, struct vemu_error **err)
{
    struct vemu_image *top = vemu__image_skip_filters(image), *layer = top;
    struct image_options options;
    unsigned depth = 0;
    int r = 0;

    if (layer->backing)
        return 0; /* a layer below a filter has opened its own */
    vemu__image_options_init(&options);
    vemu__image_options_add_all(&options, props, prop_count);
    while (r >= 0 && (layer->backing_filename || options.names->len)) {
        struct image_options below;

        if (++depth >= IMAGE_MAX_CHAIN) {
            r = vemu__error_set(err, ELOOP, "the backing chain of '%s' is longer than %u",
                                image->filename, IMAGE_MAX_CHAIN);
            break;
        }
        if (!layer->backing_filename && (!layer->driver->set_backing || !is_described(&options))) {
            r = vemu__error_set(err, EINVAL, "'%s' (%s) has no backing file to apply options to",
                                layer->filename, layer->driver->name);
            break;
        }
        vemu__image_options_init(&below);
        vemu__image_options_split(&options, "backing.", &below);
        r = open_one(top, layer, &options, err);
        vemu__image_options_clear(&options);
        options = below;
        if (r >= 0)
            layer = vemu__image_skip_filters(layer->backing);
    }
    vemu__image_options_clear(&options);
    return r;
}
