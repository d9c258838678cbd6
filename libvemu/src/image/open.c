/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening images: which driver, which layers, which backing images.
 *
 * Options describe a tree: those of a layer by name, those of the layer below it with "file." in
 * front, those of its backing image with "backing.". A filename is the shorthand for the lowest
 * layer; "json:{...}" is a tree. Backing chains are opened in a loop, top down, one layer and its
 * files at a time, with what was opened so far as the record of what may not come again.
 */
#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "image/drivers.h"
#include "image/options.h"

#define PUBLIC_FLAGS ((VEMU_IMAGE_NO_DATA_FILE << 1) - 1)
#define MAX_NESTING  16u /* of layers in options */

static int open_layer(const char *filename, const char *format, uint32_t flags,
                      struct image_options *options, unsigned nesting, struct vemu_image **ret,
                      struct vemu_error **err);

/* --- options that every layer has ------------------------------------------------------------- */

static int common_options(struct image_options *options, uint32_t *flags, struct vemu_error **err)
{
    static const struct {
        const char *name;
        uint32_t flag;
        bool inverse;
    } words[] = {
        { "read-only", VEMU_IMAGE_WRITE, true },
        { "force-share", VEMU_IMAGE_FORCE_SHARE, false },
        { "cache.direct", VEMU_IMAGE_DIRECT, false },
        { "cache.no-flush", VEMU_IMAGE_NO_FLUSH, false },
        { "cache.writeback", VEMU_IMAGE_WRITE_THROUGH, true },
    };
    g_autofree char *discard = vemu__image_options_take(options, "discard");

    /* of machines' nodes */
    g_free(vemu__image_options_take(options, "node-name"));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        bool was = !(*flags & words[i].flag) == words[i].inverse, is = was;
        int r = vemu__image_options_take_bool(options, words[i].name, &is, err);

        if (r < 0)
            return r;
        /* what the caller did not ask for ("read-only": off) does not become writable */
        if (is != was && (words[i].flag != VEMU_IMAGE_WRITE || is))
            *flags ^= words[i].flag;
    }
    if ((*flags & VEMU_IMAGE_WRITE) && (*flags & VEMU_IMAGE_FORCE_SHARE))
        return vemu__error_set(err, EINVAL, "an image that others may write to can only be read");
    if ((*flags & VEMU_IMAGE_WRITE) && (*flags & VEMU_IMAGE_NO_DATA_FILE))
        return vemu__error_set(err, EINVAL, "an image without its data file can only be read");
    if (!discard)
        return 0;
    if (!strcmp(discard, "unmap") || !strcmp(discard, "on"))
        *flags |= VEMU_IMAGE_UNMAP;
    else if (!strcmp(discard, "ignore") || !strcmp(discard, "off"))
        *flags &= ~VEMU_IMAGE_UNMAP;
    else
        return vemu__error_set(err, EINVAL, "discard '%s' is neither ignore nor unmap", discard);
    return 0;
}

/* --- one layer and what is below it ----------------------------------------------------------- */

static int new_layer(const struct vemu_image_driver *driver, const char *filename,
                     struct vemu_image *file, uint32_t flags, const struct image_options *options,
                     struct vemu_image **ret, struct vemu_error **err)
{
    g_autofree struct vemu_property *props = vemu__image_options_props(options);

    return vemu__image_new(driver, filename, file, flags, props, options->names->len, ret, err);
}

/* Formats decide themselves when something is flushed, freed or written through. */
static uint32_t child_flags(const struct vemu_image_driver *parent, uint32_t flags)
{
    flags &= ~(VEMU_IMAGE_WRITE_THROUGH | IMAGE_OPEN_PROBED);
    if (parent->flags & VEMU_IMAGE_FORMAT_FILTER)
        return flags;
    flags &= ~(VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_CHECK | VEMU_IMAGE_NO_DATA_FILE);
    return flags | VEMU_IMAGE_UNMAP | IMAGE_OPEN_CHILD;
}

static int open_protocol(const char *filename, uint32_t flags, struct image_options *options,
                         struct vemu_image **ret, struct vemu_error **err)
{
    g_autofree char *name = vemu__image_options_take(options, "driver");
    g_autofree char *given = filename ? NULL : vemu__image_options_take(options, "filename");
    const struct vemu_image_driver *driver;
    int r;

    filename = filename ? filename : given;
    if (!name && !filename)
        return vemu__error_set(err, EINVAL, "there is neither a filename nor 'file.driver'");
    if (name) {
        driver = vemu__image_find_driver(name);
        if (!driver)
            return vemu__error_set(err, EINVAL, "Unknown driver '%s'", name);
    } else {
        r = vemu__image_find_protocol(filename, &driver, err);
        if (r < 0)
            return r;
    }
    r = common_options(options, &flags, err);
    return r < 0 ? r : new_layer(driver, filename, NULL, flags, options, ret, err);
}

int vemu__image_open_protocol(const char *filename, uint32_t open_flags,
                              const struct vemu_property *props, size_t prop_count,
                              struct vemu_image **ret, struct vemu_error **err)
{
    struct image_options options;
    int r;

    vemu__image_options_init(&options);
    vemu__image_options_add_all(&options, props, prop_count);
    r = open_protocol(filename, open_flags | IMAGE_OPEN_CHILD, &options, ret, err);
    vemu__image_options_clear(&options);
    return r;
}

static bool names_layer(const struct image_options *options)
{
    for (guint i = 0; i < options->names->len; i++) {
        const struct vemu_image_driver *driver;

        if (strcmp(options->names->pdata[i], "driver") != 0)
            continue;
        driver = vemu__image_find_driver(options->values->pdata[i]);
        return driver && !(driver->flags & VEMU_IMAGE_FORMAT_PROTOCOL);
    }
    return false;
}

/* What `driver` stands on. A filter may stand on any image, the format of which is found as if it
 * were opened by itself. */
static int open_child(const struct vemu_image_driver *driver, const char *filename, uint32_t flags,
                      struct image_options *options, unsigned nesting, struct vemu_image **ret,
                      struct vemu_error **err)
{
    if (nesting >= MAX_NESTING)
        return vemu__error_set(err, ELOOP, "more than %u layers in the options", MAX_NESTING);
    if ((driver->flags & VEMU_IMAGE_FORMAT_FILTER) || names_layer(options))
        return open_layer(filename, NULL, child_flags(driver, flags), options, nesting + 1, ret,
                          err);
    return open_protocol(filename, child_flags(driver, flags), options, ret, err);
}

static int probe_layer(struct vemu_image *file, const struct vemu_image_driver **ret,
                       struct vemu_error **err)
{
    uint8_t head[IMAGE_PROBE_SIZE];
    size_t bytes = MIN(vemu_image_get_size(file), sizeof(head));
    int r = vemu_image_read(file, 0, head, bytes);

    if (r < 0)
        return vemu__error_set(err, -r, "cannot read '%s': %s", file->filename, strerror(-r));
    *ret = vemu__image_probe_head(head, bytes, file->filename);
    return 0;
}

/* No format is given: it is found from the contents. */
static int open_probed(const char *filename, uint32_t flags, struct image_options *options,
                       struct image_options *below, struct vemu_image **ret,
                       struct vemu_error **err)
{
    const struct vemu_image_driver *driver = NULL;
    struct vemu_image *file = NULL;
    int r;

    r = open_protocol(filename, child_flags(vemu__image_find_driver("raw"), flags), below, &file,
                      err);
    if (r >= 0)
        r = probe_layer(file, &driver, err);
    if (r < 0) {
        vemu_image_close(file);
        return r;
    }
    if (!strcmp(driver->name, "raw"))
        flags |= IMAGE_OPEN_PROBED;
    return new_layer(driver, filename, file, flags, options, ret, err);
}

static int open_with(const struct vemu_image_driver *driver, const char *filename, uint32_t flags,
                     struct image_options *options, struct image_options *below, unsigned nesting,
                     struct vemu_image **ret, struct vemu_error **err)
{
    g_autofree char *given = NULL;
    struct vemu_image *file = NULL;
    int r;

    if (driver->flags & VEMU_IMAGE_FORMAT_PROTOCOL)
        return new_layer(driver, filename, NULL, flags, options, ret, err);
    r = open_child(driver, filename, flags, below, nesting, &file, err);
    if (r < 0)
        return r;
    if (!filename)
        given = g_strdup(file->filename);
    return new_layer(driver, filename ? filename : given, file, flags, options, ret, err);
}

static int backing_word(struct image_options *options, uint32_t *flags, struct vemu_error **err)
{
    g_autofree char *word = vemu__image_options_take(options, "backing");

    if (!word)
        return 0;
    *flags |= VEMU_IMAGE_NO_BACKING;
    return *word ? vemu__error_set(err, EINVAL, "backing '%s' is not the description of an image",
                                   word)
                 : 0;
}

static int open_layer(const char *filename, const char *format, uint32_t flags,
                      struct image_options *options, unsigned nesting, struct vemu_image **ret,
                      struct vemu_error **err)
{
    g_autofree struct vemu_property *props = NULL;
    struct image_options below, backing;
    const struct vemu_image_driver *driver = NULL;
    g_autofree char *named = NULL, *given = NULL;
    int r = 0;

    vemu__image_options_init(&below);
    vemu__image_options_init(&backing);
    if (filename && g_str_has_prefix(filename, "json:")) {
        r = vemu__image_options_add_json(options, filename + strlen("json:"), err);
        filename = NULL;
    }
    named = vemu__image_options_take(options, "driver");
    if (!filename)
        filename = given = vemu__image_options_take(options, "filename");
    vemu__image_options_split(options, "file.", &below);
    vemu__image_options_split(options, "backing.", &backing);
    if (r >= 0)
        r = common_options(options, &flags, err);
    if (r >= 0)
        r = backing_word(options, &flags, err);
    if (r >= 0 && format && named && strcmp(format, named) != 0)
        r = vemu__error_set(err, EINVAL, "the format is given twice: '%s' and '%s'", format, named);
    format = format ? format : named;
    if (r >= 0 && format && !(driver = vemu__image_find_driver(format)))
        r = vemu__error_set(err, EINVAL, "Unknown driver '%s'", format);
    if (r >= 0 && driver)
        r = open_with(driver, filename, flags, options, &below, nesting, ret, err);
    else if (r >= 0)
        r = open_probed(filename, flags, options, &below, ret, err);
    if (r >= 0 && !(flags & VEMU_IMAGE_NO_BACKING)) {
        props = vemu__image_options_props(&backing);
        r = vemu__image_open_backing(*ret, props, backing.names->len, err);
        if (r < 0) {
            vemu_image_close(*ret);
            *ret = NULL;
        }
    }
    vemu__image_options_clear(&below);
    vemu__image_options_clear(&backing);
    return r;
}

int vemu__image_open_tree(const char *filename, const char *format, uint32_t flags,
                          const struct vemu_property *props, size_t prop_count,
                          struct vemu_image **ret, struct vemu_error **err)
{
    struct image_options options;
    int r;

    vemu__image_options_init(&options);
    vemu__image_options_add_all(&options, props, prop_count);
    r = open_layer(filename, format, flags, &options, 0, ret, err);
    vemu__image_options_clear(&options);
    return r;
}

int vemu_image_open(const char *filename, const struct vemu_image_open_options *options,
                    struct vemu_image **ret, struct vemu_error **err)
{
    static const struct vemu_image_open_options plain = VEMU_IMAGE_OPEN_OPTIONS_INIT;

    options = options ? options : &plain;
    if (!filename || !ret)
        return vemu__error_set(err, EINVAL, "the %s is missing", filename ? "result" : "filename");
    if (options->size < sizeof(*options) || (options->flags & ~PUBLIC_FLAGS))
        return vemu__error_set(err, EINVAL, "bad size of the options, or unknown flags");
    if (options->prop_count && !options->props)
        return vemu__error_set(err, EINVAL, "options are missing");
    *ret = NULL;
    return vemu__image_open_tree(filename, options->format, options->flags, options->props,
                                 options->prop_count, ret, err);
}

int vemu_image_probe(const char *filename, const char **ret_format, struct vemu_error **err)
{
    const struct vemu_image_driver *driver = NULL;
    struct vemu_image *file = NULL;
    struct image_options options;
    int r;

    if (!filename || !ret_format)
        return vemu__error_set(err, EINVAL, "the %s is missing", filename ? "result" : "filename");
    vemu__image_options_init(&options);
    r = open_protocol(filename, VEMU_IMAGE_FORCE_SHARE | IMAGE_OPEN_CHILD, &options, &file, err);
    vemu__image_options_clear(&options);
    if (r >= 0)
        r = probe_layer(file, &driver, err);
    vemu_image_close(file);
    if (r >= 0)
        *ret_format = driver->name;
    return r;
}
