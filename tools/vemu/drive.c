/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -drive: disks, and where they are.
 */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockdev.h"
#include "build.h"
#include "keyval.h"
#include "report.h"

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
        ok = ok && drive_add_image(vm,
                                   &(struct drive_image){
                                       .text = value,
                                       .id = drive.id,
                                       .file = drive.file,
                                       .format = format,
                                       .read_only = drive.is_cdrom ? "on" : read_only,
                                       .cache = cache,
                                   },
                                   &kv);
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
            ok = ok && options_add_machine_option(o, "drive", drive.bus ? "pflash1" : "pflash0",
                                                  id ? id : made);
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
