/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -blockdev, and the images of -drive: block nodes.
 *
 * What an option does not know goes to the library as a property, which names it if it does not
 * know it either. -drive makes one node of its words, with nodes for limits and copying above it.
 */
#include "blockdev.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vemu/block.h>
#include <vemu/image.h>

#include "report.h"

#define PROPS_MAX (KEYVAL_MAX * 6) /* all words for three layers, and a few of our own */

struct props {
    struct vemu_property items[PROPS_MAX];
    size_t count;
};

static void props_add(struct props *props, const char *name, const char *value)
{
    props->items[props->count++] = (struct vemu_property){ name, value };
}

static bool add_node(struct vemu_vm *vm, const char *option, const char *text, const char *driver,
                     const char *id, const struct props *props)
{
    struct vemu_error *err = NULL;
    if (vemu_vm_add_block(vm, driver, id, props->items, props->count, &err) >= 0)
        return true;
    report("-%s %s: %s", option, text, err ? vemu_error_message(err) : "failed");
    vemu_error_free(err);
    return false;
}

/* --- -blockdev -------------------------------------------------------------------------------- */

bool build_blockdev(struct vemu_vm *vm, const char *value)
{
    struct props props = { .count = 0 };
    struct keyval kv;
    char *json;
    if (value[0] == '{') {
        bool added = asprintf(&json, "json:%s", value) >= 0 &&
                     add_node(vm, "blockdev", value, json, NULL, &props);
        free(json);
        return added;
    }
    if (!keyval_parse(&kv, "blockdev", value, true))
        return false;
    const char *named = keyval_take(&kv, "driver");
    const char *driver = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "node-name");
    bool ok = driver && id;
    if (!ok)
        report("-blockdev %s: parameter '%s' is missing", value, driver ? "node-name" : "driver");
    for (size_t i = 0; i < kv.count; i++)
        props_add(&props, kv.items[i].name, kv.items[i].value);
    ok = ok && add_node(vm, "blockdev", value, driver, id, &props);
    keyval_free(&kv);
    return ok;
}

/* --- -drive ----------------------------------------------------------------------------------- */

static bool drive_cache(const char *text, const char *mode, struct props *props)
{
    static const struct {
        const char *mode, *direct, *no_flush, *writeback;
    } modes[] = {
        { "writeback", "off", "off", "on" },     { "none", "on", "off", "on" },
        { "writethrough", "off", "off", "off" }, { "directsync", "on", "off", "off" },
        { "unsafe", "off", "on", "on" },
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i].mode))
            continue;
        props_add(props, "cache.direct", modes[i].direct);
        props_add(props, "cache.no-flush", modes[i].no_flush);
        props_add(props, "cache.writeback", modes[i].writeback);
        return true;
    }
    report("-drive %s: cache '%s' is none of writeback, none, writethrough, directsync, unsafe",
           text, mode);
    return false;
}

/* What -drive says of a limit, and what the node for it calls that; NULL: it is no limit. */
static const char *limit_name(const char *name, char *to, size_t size)
{
    static const struct {
        const char *old, *now;
    } names[] = {
        { "bps", "bps-total" },
        { "bps_rd", "bps-read" },
        { "bps_wr", "bps-write" },
        { "iops", "iops-total" },
        { "iops_rd", "iops-read" },
        { "iops_wr", "iops-write" },
        { "bps_max", "bps-total-max" },
        { "bps_rd_max", "bps-read-max" },
        { "bps_wr_max", "bps-write-max" },
        { "iops_max", "iops-total-max" },
        { "iops_rd_max", "iops-read-max" },
        { "iops_wr_max", "iops-write-max" },
        { "iops_size", "iops-size" },
    };
    static const char prefix[] = "throttling.";
    if (!strncmp(name, prefix, sizeof(prefix) - 1)) {
        snprintf(to, size, "%s", name + sizeof(prefix) - 1);
        return to;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i].old))
            return names[i].now;
    return NULL;
}

/* Names that are made here; freed with the node's properties. */
struct names {
    char *items[PROPS_MAX];
    size_t count;
};

/* A property of the layer that is `depth` below the top. */
static void add_at(struct props *props, struct names *names, unsigned depth, const char *name,
                   const char *value)
{
    static const char below[] = "file.file.";
    char *full;
    if (asprintf(&full, "%.*s%s", (int)depth * 5, below, name) < 0)
        return;
    names->items[names->count++] = full;
    props_add(props, full, value);
}

/* What each layer of a drive is told. */
static void add_common(struct props *props, struct names *names, unsigned depth,
                       const struct props *common)
{
    for (size_t i = 0; i < common->count; i++)
        add_at(props, names, depth, common->items[i].name, common->items[i].value);
}

static bool is_common(const char *name)
{
    return !strncmp(name, "cache.", 6) || !strcmp(name, "discard");
}

/* A node for limits, a node that copies, the image: from the top, as far as they are wanted. */
static bool add_layers(struct vemu_vm *vm, const struct drive_image *drive, const char *format,
                       const struct keyval *kv, struct props *common, bool copies)
{
    struct props props;
    struct names names = { .count = 0 };
    const char *driver = NULL;
    unsigned depth = 0;
    char limit[64];
    bool limits = false;
    props.count = 0;
    for (size_t i = 0; i < kv->count; i++) {
        const char *name = limit_name(kv->items[i].name, limit, sizeof(limit));
        if (name)
            add_at(&props, &names, 0, name, kv->items[i].value);
        limits |= name != NULL;
        if (is_common(kv->items[i].name))
            props_add(common, kv->items[i].name, kv->items[i].value);
    }
    if (limits) {
        driver = "throttle";
        add_common(&props, &names, depth++, common);
    }
    if (copies) {
        if (driver)
            add_at(&props, &names, depth, "driver", "copy-on-read");
        driver = driver ? driver : "copy-on-read";
        add_common(&props, &names, depth++, common);
    }
    if (driver)
        add_at(&props, &names, depth, "driver", format);
    driver = driver ? driver : format;
    add_common(&props, &names, depth, common);
    if (drive->file)
        add_at(&props, &names, depth, "filename", drive->file);
    for (size_t i = 0; i < kv->count; i++) { /* of the image, or of the node that the disk has */
        const char *name = kv->items[i].name;
        bool is_top = !strcmp(name, "aio") || !strcmp(name, "rerror") || !strcmp(name, "werror") ||
                      !strcmp(name, "detect-zeroes");
        if (!is_common(name) && !limit_name(name, limit, sizeof(limit)))
            add_at(&props, &names, is_top ? 0 : depth, name, kv->items[i].value);
    }
    bool ok = add_node(vm, "drive", drive->text, driver, drive->id, &props);
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    return ok;
}

/* snapshot=on: writes go to an image that is gone when the program ends. */
static bool make_overlay(const struct drive_image *drive, const char *format, char *path,
                         size_t size)
{
    const char *folder = getenv("TMPDIR");
    struct vemu_error *err = NULL;
    char full[PATH_MAX];
    int r = 0;
    snprintf(path, size, "%s/vemu-XXXXXX", folder && *folder ? folder : "/var/tmp");
    int fd = mkstemp(path);
    if (fd < 0) {
        report("-drive %s: snapshot=on: cannot make '%s': %s", drive->text, path, strerror(errno));
        return false;
    }
    close(fd);
    if (!strcmp(format, "auto"))
        r = vemu_image_probe(drive->file, &format, &err);
    const struct vemu_property props[] = {
        { "backing_file", realpath(drive->file, full) ? full : drive->file },
        { "backing_fmt", format },
    };
    if (r >= 0)
        r = vemu_image_create(path, "qcow2", UINT64_MAX, props, 2, NULL, &err);
    if (r >= 0)
        return true;
    report("-drive %s: snapshot=on: %s", drive->text, vemu_error_message(err));
    vemu_error_free(err);
    unlink(path);
    return false;
}

static bool take_switch(struct keyval *kv, const char *key, bool *ret)
{
    const char *text = keyval_take(kv, key);
    *ret = false;
    return !text || parse_switch("drive", key, text, ret);
}

bool drive_add_image(struct vemu_vm *vm, const struct drive_image *drive, struct keyval *kv)
{
    const char *format = drive->format ? drive->format : "auto", *cache = drive->cache;
    struct props common = { .count = 0 };
    struct drive_image top = *drive;
    char overlay[PATH_MAX];
    bool copies, snapshot;
    if (!take_switch(kv, "copy-on-read", &copies) || !take_switch(kv, "snapshot", &snapshot))
        return false;
    if (snapshot)
        cache = "unsafe";
    if (cache && !drive_cache(drive->text, cache, &common))
        return false;
    if (snapshot) {
        if (!drive->file) {
            report("-drive %s: snapshot=on needs file=", drive->text);
            return false;
        }
        if (!make_overlay(drive, format, overlay, sizeof(overlay)))
            return false;
        top.file = overlay;
        format = "qcow2";
    } else if (drive->read_only) {
        props_add(&common, "read-only", drive->read_only);
    }
    bool ok = add_layers(vm, &top, format, kv, &common, copies);
    if (snapshot)
        unlink(overlay);
    return ok;
}
