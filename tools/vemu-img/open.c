/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening images as the command line names them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "img.h"
#include "json.h"

static struct vemu_image *open_with(const char *filename, const char *shown, const char *format,
                                    uint32_t flags, const struct props *props)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;

    options.flags = flags;
    options.format = format;
    if (props) {
        options.props = props->items;
        options.prop_count = props->count;
    }
    int r = vemu_image_open(filename, &options, &image, &err);
    if (r < 0) {
        report_error(&err, r, "Could not open '%s': ", shown);
        return NULL;
    }
    if (!format && flags & VEMU_IMAGE_WRITE && !strcmp(vemu_image_get_format(image), "raw"))
        fprintf(stderr,
                "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
                "         Automatically detecting the format is dangerous for raw images, write "
                "operations on block 0 will be restricted.\n"
                "         Specify the 'raw' format explicitly to remove the restrictions.\n",
                shown);
    return image;
}

struct vemu_image *open_image(const char *filename, const char *format, uint32_t flags)
{
    uint32_t known;

    if (format && !format_flags(format, &known)) {
        report("Could not open '%s': Unknown driver '%s'", filename, format);
        return NULL;
    }
    return open_with(filename, filename, format, flags, NULL);
}

/* "file.driver=nbd,file.host=x" as {"file": {"driver": "nbd", "host": "x"}}. */
static struct value *nested_options(const struct props *props)
{
    struct value *root = value_object();

    for (size_t i = 0; i < props->count; i++) {
        struct value *at = root;
        char *name = need(strdup(props->items[i].name)), *part = name;
        for (char *dot; (dot = strchr(part, '.')); part = dot + 1) {
            *dot = '\0';
            struct value *inner = value_get(at, part);
            at = inner && value_is_object(inner) ? inner : value_add(at, part, value_object());
        }
        value_add(at, part, value_string(props->items[i].value));
        free(name);
    }
    return root;
}

/* A plain file is named by its path, so that messages and `info` show that. */
static struct vemu_image *open_options(const char *text, uint32_t flags)
{
    struct props props = { 0 };
    struct vemu_image *image = NULL;
    const char *word;

    if (!props_parse(&props, text))
        return NULL;
    char *format = (word = props_get(&props, "driver")) ? need(strdup(word)) : NULL;
    const char *protocol = props_get(&props, "file.driver");
    word = props_get(&props, "file.filename") ? "file.filename" : "filename";
    const char *path = props_get(&props, word);
    uint32_t known;
    if (format && !format_flags(format, &known)) {
        report("Could not open '%s': Unknown driver '%s'", text, format);
    } else if (!path && !format && !props_get(&props, "file.driver")) {
        report("Could not open '%s': neither driver=, file.driver= nor file.filename= is given",
               text);
    } else if (path && (!protocol || !strcmp(protocol, "file"))) {
        char *filename = need(strdup(path));
        props_remove(&props, word);
        props_remove(&props, "driver");
        props_remove(&props, "file.driver");
        image = open_with(filename, filename, format, flags, &props);
        free(filename);
    } else {
        struct value *root = nested_options(&props);
        char *json = value_text(root), *filename = NULL;
        if (asprintf(&filename, "json:%s", json) < 0)
            filename = need(NULL);
        image = open_with(filename, text, NULL, flags, NULL);
        free(filename);
        free(json);
        value_free(root);
    }
    free(format);
    props_clear(&props);
    return image;
}

struct vemu_image *open_named(const struct named *named, uint32_t flags)
{
    if (named->share) {
        if (flags & VEMU_IMAGE_WRITE) {
            report("Could not open '%s': force-share=on can only be used with read-only images",
                   named->filename);
            return NULL;
        }
        flags |= VEMU_IMAGE_FORCE_SHARE;
    }
    if (named->image_opts)
        return open_options(named->filename, flags);
    return open_image(named->filename, named->format, flags);
}

char *resolve_name(const char *of, const char *name)
{
    const char *slash = strrchr(of, '/'), *colon = strchr(name, ':');
    char *path;

    /* "nbd://x", "json:{}": a colon before any slash */
    if (name[0] == '/' || !slash || (colon && memchr(name, '/', (size_t)(colon - name)) == NULL))
        return need(strdup(name));
    if (asprintf(&path, "%.*s%s", (int)(slash + 1 - of), of, name) < 0)
        path = NULL;
    return need(path);
}

int close_image(struct vemu_image *image)
{
    char *name = image ? strdup(vemu_image_get_filename(image)) : NULL;
    int r = vemu_image_close(image);

    if (r < 0)
        report_error(NULL, r, "Could not write all of '%s': ", name ? name : "?");
    free(name);
    return r < 0;
}

/* --- snapshots -------------------------------------------------------------------------------- */

struct wanted_snapshot {
    const char *id, *name;
    char *found; /* its id */
};

static int match_snapshot(void *data, const struct vemu_image_snapshot *snapshot)
{
    struct wanted_snapshot *wanted = data;

    if ((wanted->id && strcmp(wanted->id, snapshot->id)) ||
        (wanted->name && strcmp(wanted->name, snapshot->name)))
        return 0;
    wanted->found = need(strdup(snapshot->id));
    return 1;
}

static bool has_prefix(const char *param)
{
    return !strncmp(param, "snapshot.", strlen("snapshot."));
}

bool check_snapshot_param(const char *param)
{
    struct props props = { 0 };
    bool ok = true;

    if (!has_prefix(param))
        return true;
    ok = props_parse(&props, param);
    for (size_t i = 0; ok && i < props.count; i++) {
        ok = !strcmp(props.items[i].name, "snapshot.id") ||
             !strcmp(props.items[i].name, "snapshot.name");
        if (!ok)
            report("Invalid parameter '%s'", props.items[i].name);
    }
    if (!ok)
        report("Failed in parsing snapshot param '%s'", param);
    props_clear(&props);
    return ok;
}

bool load_snapshot(struct vemu_image *image, const char *param)
{
    struct props props = { 0 };
    struct vemu_error *err = NULL;
    struct wanted_snapshot wanted = { 0 };
    int r;

    if (has_prefix(param)) {
        if (!props_parse(&props, param))
            return false;
        wanted.id = props_get(&props, "snapshot.id");
        wanted.name = props_get(&props, "snapshot.name");
        r = vemu_image_list_snapshots(image, match_snapshot, &wanted);
        if (r >= 0)
            r = wanted.found ? vemu_image_load_snapshot(image, wanted.found, &err) : -ENOENT;
        free(wanted.found);
        props_clear(&props);
    } else {
        r = vemu_image_load_snapshot(image, param, &err);
    }
    if (r == -ENOENT) {
        report("Failed to load snapshot: Can't find snapshot");
        vemu_error_free(err);
    } else if (r < 0) {
        report_error(&err, r, "Failed to load snapshot: ");
    }
    return r >= 0;
}
