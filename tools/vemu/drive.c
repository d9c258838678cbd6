/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -blockdev and -drive: block nodes and disks.
 *
 * A node may be described inside another one ("driver=raw,node-name=d,file.driver=file,
 * file.filename=x"): the inner one gets the name "d.file". What an option does not know goes to the
 * library as a property, which names it if it does not know it either.
 */
#include "drive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vemu/block.h>

#include "keyval.h"
#include "report.h"

struct props {
    struct vemu_property items[KEYVAL_MAX + 8];
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

/* Takes the items "file.NAME" out of `kv` and makes the inner node from them. */
static bool add_inner(struct vemu_vm *vm, const char *text, struct keyval *kv, const char *id)
{
    static const char prefix[] = "file.";
    struct props inner = { .count = 0 };
    const char *driver = "file";
    size_t kept = 0;
    bool any = false;
    for (size_t i = 0; i < kv->count; i++) {
        struct vemu_property item = kv->items[i];
        if (strncmp(item.name, prefix, sizeof(prefix) - 1)) {
            kv->items[kept++] = item;
            continue;
        }
        any = true;
        item.name += sizeof(prefix) - 1;
        if (!strcmp(item.name, "driver"))
            driver = item.value;
        else
            props_add(&inner, item.name, item.value);
    }
    kv->count = kept;
    return !any || add_node(vm, "blockdev", text, driver, id, &inner);
}

static bool build_blockdev(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    char inner[128];
    if (value[0] == '{') {
        report("-blockdev: JSON is not supported; write driver=...,node-name=...");
        return false;
    }
    if (!keyval_parse(&kv, "blockdev", value, true))
        return false;
    const char *named = keyval_take(&kv, "driver");
    const char *driver = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "node-name");
    bool ok = driver && id;
    if (!ok) {
        report("-blockdev %s: parameter '%s' is missing", value, driver ? "node-name" : "driver");
    } else {
        size_t before = kv.count;
        struct props props = { .count = 0 };
        ok = snprintf(inner, sizeof(inner), "%s.file", id) < (int)sizeof(inner);
        if (!ok)
            report("-blockdev %s: node-name is too long", value);
        ok = ok && add_inner(vm, value, &kv, inner);
        for (size_t i = 0; i < kv.count; i++)
            props_add(&props, kv.items[i].name, kv.items[i].value);
        if (kv.count < before)
            props_add(&props, "file", inner);
        ok = ok && add_node(vm, "blockdev", value, driver, id, &props);
    }
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

/* Without format= a person may mean an image that is not raw, and would not like it overwritten. */
static bool drive_format(const char *text, const char *format, const char *file)
{
    char magic[4] = { 0 };
    if (format && strcmp(format, "raw")) {
        report("-drive %s: format '%s' is not supported (only raw)", text, format);
        return false;
    }
    int fd = format ? -1 : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; /* opening it properly says why */
    ssize_t n = read(fd, magic, sizeof(magic));
    close(fd);
    if (n == sizeof(magic) && !memcmp(magic, "QFI\xfb", sizeof(magic))) {
        report("-drive %s: qcow2 is not supported (only raw)", text);
        return false;
    }
    return true;
}

static bool drive_interface(const char *text, const char *name, bool *ret_device)
{
    *ret_device = name && !strcmp(name, "virtio");
    if (*ret_device || (name && !strcmp(name, "none")))
        return true;
    report("-drive %s: if=%s is not supported (virtio, none)", text, name ? name : "");
    return false;
}

static bool add_disk(struct vemu_vm *vm, const char *text, const char *id)
{
    const struct vemu_property props[] = { { "drive", id } };
    struct vemu_error *err = NULL;
    if (vemu_vm_add_device(vm, "virtio-blk", NULL, props, 1, &err) >= 0)
        return true;
    report("-drive %s: %s", text, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

static bool build_drive(struct vemu_vm *vm, const char *value, unsigned n)
{
    struct keyval kv;
    struct props props = { .count = 0 };
    char made[32];
    bool device = false;
    if (!keyval_parse(&kv, "drive", value, false))
        return false;
    const char *file = keyval_take(&kv, "file"), *id = keyval_take(&kv, "id");
    const char *interface = keyval_take(&kv, "if"), *format = keyval_take(&kv, "format");
    const char *media = keyval_take(&kv, "media"), *cache = keyval_take(&kv, "cache");
    const char *read_only = keyval_take(&kv, "readonly");
    bool ok = file && drive_interface(value, interface ? interface : "virtio", &device) &&
              drive_format(value, format, file);
    if (!file)
        report("-drive %s: parameter 'file' is missing", value);
    if (ok && media && strcmp(media, "disk")) {
        report("-drive %s: media=%s is not supported (only disk)", value, media);
        ok = false;
    }
    ok = ok && (!cache || drive_cache(value, cache, &props));
    props_add(&props, "filename", file);
    if (read_only)
        props_add(&props, "read-only", read_only);
    for (size_t i = 0; i < kv.count; i++) /* discard, aio; others are refused by name */
        props_add(&props, kv.items[i].name, kv.items[i].value);
    snprintf(made, sizeof(made), "%s%u", device ? "virtio" : "none", n);
    id = id ? id : made;
    ok = ok && add_node(vm, "drive", value, "file", id, &props);
    ok = ok && (!device || add_disk(vm, value, id));
    keyval_free(&kv);
    return ok;
}

bool build_drives(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->blockdevs.count; i++)
        if (!build_blockdev(vm, o->blockdevs.items[i]))
            return false;
    for (size_t i = 0; i < o->drives.count; i++)
        if (!build_drive(vm, o->drives.items[i], (unsigned)i))
            return false;
    return true;
}
