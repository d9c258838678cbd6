/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -blockdev and -drive: block nodes and disks.
 *
 * What an option does not know goes to the library as a property, which names it if it does not
 * know it either. -drive makes one node of its words, with nodes for limits and copying above it.
 */
#include "drive.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vemu/block.h>
#include <vemu/image.h>

#include "build.h"
#include "keyval.h"
#include "report.h"

struct props {
    struct vemu_property items[KEYVAL_MAX * 4];
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

static bool build_blockdev(struct vemu_vm *vm, const char *value)
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

/* --- -drive: where the disk is ---------------------------------------------------------------- */

#define IDE_BUSES 6u

#define FLASH_UNITS 2u

enum interface { IF_NONE, IF_VIRTIO, IF_IDE, IF_PFLASH };

/* What the drives so far have taken. */
struct places {
    bool has_ide; /* the machine has ide.0 to ide.5 */
    bool ide[IDE_BUSES];
    bool flash[FLASH_UNITS];
};

struct drive {
    const char *text, *file, *id;
    enum interface interface;
    bool is_cdrom, has_node;
    unsigned bus; /* of IDE; unit of flash */
};

static bool drive_interface(const char *name, const struct places *places, struct drive *drive)
{
    if (!name)
        drive->interface = places->has_ide ? IF_IDE : IF_VIRTIO;
    else if (!strcmp(name, "virtio"))
        drive->interface = IF_VIRTIO;
    else if (!strcmp(name, "ide"))
        drive->interface = IF_IDE;
    else if (!strcmp(name, "none"))
        drive->interface = IF_NONE;
    else if (!strcmp(name, "pflash"))
        drive->interface = IF_PFLASH;
    else if (!strcmp(name, "scsi")) {
        report("-drive %s: the machine has no SCSI adapter of its own; write if=none,id=ID, "
               "-device virtio-scsi-pci and -device scsi-hd,drive=ID",
               drive->text);
        return false;
    } else {
        report("-drive %s: if=%s is not supported (ide, virtio, pflash, none)", drive->text, name);
        return false;
    }
    if (places->has_ide || (drive->interface != IF_IDE && drive->interface != IF_PFLASH))
        return true;
    report("-drive %s: the machine has no %s (machine q35 has)", drive->text,
           drive->interface == IF_IDE ? "IDE or SATA adapter" : "flash");
    return false;
}

static bool drive_media(const char *media, struct drive *drive)
{
    drive->is_cdrom = media && !strcmp(media, "cdrom");
    if (!media || drive->is_cdrom || !strcmp(media, "disk"))
        return true;
    report("-drive %s: media=%s is neither disk nor cdrom", drive->text, media);
    return false;
}

/* A number below `max`; `otherwise` if there is no text. */
static bool drive_number(const struct drive *drive, const char *name, const char *text, long max,
                         long otherwise, long *ret)
{
    char *end = NULL;
    *ret = text ? strtol(text, &end, 10) : otherwise;
    if (!text || (end != text && !*end && *ret >= 0 && *ret < max))
        return true;
    report("-drive %s: %s=%s is not from 0 to %ld", drive->text, name, text, max - 1);
    return false;
}

/* Takes place `n`, or the first that is free (n < 0). */
static bool take_place(struct drive *drive, bool *taken, unsigned count, const char *what, long n)
{
    for (unsigned i = 0; n < 0 && i < count; i++)
        if (!taken[i])
            n = i;
    if (n < 0 || taken[n]) {
        if (n < 0)
            report("-drive %s: all %u %s are taken", drive->text, count, what);
        else
            report("-drive %s: there is a drive with index=%ld already", drive->text, n);
        return false;
    }
    taken[n] = true;
    drive->bus = (unsigned)n;
    return true;
}

/* On a SATA adapter index and bus are the same: there is one unit on each. Flash has units only. */
static bool drive_place(struct keyval *kv, struct places *places, struct drive *drive)
{
    const char *index = keyval_take(kv, "index"), *bus = keyval_take(kv, "bus");
    const char *unit = keyval_take(kv, "unit");
    bool is_ide = drive->interface == IF_IDE, is_flash = drive->interface == IF_PFLASH;
    long n = -1, m = 0;
    if (index && (bus || unit)) {
        report("-drive %s: index cannot be used with bus and unit", drive->text);
        return false;
    }
    if (is_flash)
        return drive_number(drive, "bus", bus, 1, 0, &m) &&
               drive_number(drive, index ? "index" : "unit", index ? index : unit, FLASH_UNITS, -1,
                            &n) &&
               take_place(drive, places->flash, FLASH_UNITS, "units of flash", n);
    if (!drive_number(drive, index ? "index" : "bus", index ? index : bus,
                      is_ide ? (long)IDE_BUSES : 1000, -1, &n) ||
        !drive_number(drive, "unit", unit, is_ide ? 1 : 1000, 0, &m))
        return false;
    return !is_ide || take_place(drive, places->ide, IDE_BUSES, "IDE buses", n);
}

static bool add_disk(struct vemu_vm *vm, const struct drive *drive)
{
    bool is_ide = drive->interface == IF_IDE;
    struct vemu_property props[2];
    struct vemu_error *err = NULL;
    size_t count = 0;
    char bus[16];
    snprintf(bus, sizeof(bus), "ide.%u", drive->bus);
    if (is_ide)
        props[count++] = (struct vemu_property){ "bus", bus };
    if (drive->has_node)
        props[count++] = (struct vemu_property){ "drive", drive->id };
    const char *class_name = !is_ide ? "virtio-blk" : drive->is_cdrom ? "ide-cd" : "ide-hd";
    if (vemu_vm_add_device(vm, class_name, NULL, props, count, &err) >= 0)
        return true;
    report("-drive %s: %s", drive->text, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

/* --- -drive: the whole ------------------------------------------------------------------------ */

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
    char *items[KEYVAL_MAX * 4];
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
static bool add_layers(struct vemu_vm *vm, const struct drive *drive, const char *format,
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
static bool make_overlay(const struct drive *drive, const char *format, char *path, size_t size)
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

static bool add_image(struct vemu_vm *vm, const struct drive *drive, const char *format,
                      struct keyval *kv, const char *read_only, const char *cache)
{
    struct props common = { .count = 0 };
    struct drive top = *drive;
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
        if (!make_overlay(drive, format ? format : "auto", overlay, sizeof(overlay)))
            return false;
        top.file = overlay;
        format = "qcow2";
    } else if (read_only || drive->is_cdrom) {
        props_add(&common, "read-only", drive->is_cdrom ? "on" : read_only);
    }
    bool ok = add_layers(vm, &top, format ? format : "auto", kv, &common, copies);
    if (snapshot)
        unlink(overlay);
    return ok;
}

/* Whether the file is described option by option. */
static bool has_file_options(const struct keyval *kv)
{
    for (size_t i = 0; i < kv->count; i++)
        if (!strncmp(kv->items[i].name, "file.", 5))
            return true;
    return false;
}

/* Names as QEMU gives them. */
static void make_id(const struct drive *drive, unsigned n, char *to, size_t size)
{
    if (drive->interface == IF_IDE)
        snprintf(to, size, "ide%u-%s0", drive->bus, drive->is_cdrom ? "cd" : "hd");
    else if (drive->interface == IF_PFLASH)
        snprintf(to, size, "pflash%u", drive->bus);
    else
        snprintf(to, size, "%s%u", drive->interface == IF_VIRTIO ? "virtio" : "none", n);
}

static bool build_drive(struct vemu_vm *vm, struct places *places, const char *value, unsigned n)
{
    struct keyval kv;
    char made[32];
    if (!keyval_parse(&kv, "drive", value, false))
        return false;
    struct drive drive = { .text = value, .file = keyval_take(&kv, "file") };
    const char *interface = keyval_take(&kv, "if"), *format = keyval_take(&kv, "format");
    const char *media = keyval_take(&kv, "media"), *cache = keyval_take(&kv, "cache");
    const char *read_only = keyval_take(&kv, "readonly"), *id = keyval_take(&kv, "id");
    bool ok = drive_media(media, &drive);
    bool has_file = drive.file || has_file_options(&kv);
    bool is_empty = ok && !has_file && drive.is_cdrom; /* a tray without a medium */
    if (ok && !has_file && !is_empty) {
        report("-drive %s: parameter 'file' is missing", value);
        ok = false;
    }
    ok = ok && drive_interface(interface, places, &drive);
    if (ok && is_empty && drive.interface != IF_IDE) {
        report("-drive %s: parameter 'file' is missing", value);
        ok = false;
    }
    ok = ok && drive_place(&kv, places, &drive);
    make_id(&drive, n, made, sizeof(made));
    drive.id = id ? id : made;
    drive.has_node = has_file;
    if (ok && is_empty)
        ok = keyval_done(&kv, "drive");
    else
        ok = ok && add_image(vm, &drive, format, &kv, read_only, cache);
    ok = ok && (drive.interface == IF_NONE || drive.interface == IF_PFLASH || add_disk(vm, &drive));
    keyval_free(&kv);
    return ok;
}

/* -drive if=pflash: the machine is told by an option, which it gets before there are nodes. */
bool drives_announce_flash(struct options *o)
{
    struct places places = { .has_ide = machine_is_pc(o) };
    for (size_t i = 0; i < o->drives.count; i++) {
        struct drive drive = { .text = o->drives.items[i] };
        char made[32];
        struct keyval kv;
        if (!keyval_parse(&kv, "drive", drive.text, false))
            return false;
        const char *interface = keyval_take(&kv, "if"), *id = keyval_take(&kv, "id");
        bool ok = true;
        if (interface && !strcmp(interface, "pflash")) {
            ok = drive_interface(interface, &places, &drive) && drive_place(&kv, &places, &drive);
            make_id(&drive, (unsigned)i, made, sizeof(made));
            ok = ok &&
                 options_add_machine_option(o, drive.bus ? "pflash1" : "pflash0", id ? id : made);
        }
        keyval_free(&kv);
        if (!ok)
            return false;
    }
    return true;
}

bool build_drives(struct vemu_vm *vm, const struct options *o)
{
    struct places places = { .has_ide = machine_is_pc(o) };
    for (size_t i = 0; i < o->blockdevs.count; i++)
        if (!build_blockdev(vm, o->blockdevs.items[i]))
            return false;
    for (size_t i = 0; i < o->drives.count; i++)
        if (!build_drive(vm, &places, o->drives.items[i], (unsigned)i))
            return false;
    return true;
}
