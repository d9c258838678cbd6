/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * change-media: what lies in a CD-ROM or floppy drive.
 */
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "../text/device.h"

const struct opt change_media_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "Fully-qualified path or target of disk device" },
    { .name = "source", .type = OPT_STRING, .help = "source of the media" },
    { .name = "eject", .type = OPT_BOOL, .help = "Eject the media" },
    { .name = "insert", .type = OPT_BOOL, .help = "Insert the media" },
    { .name = "update", .type = OPT_BOOL, .help = "Update the media" },
    { .name = "current",
      .type = OPT_BOOL,
      .help = "can be either or both of --live and --config, depends on implementation hypervisor "
              "driver" },
    { .name = "live", .type = OPT_BOOL, .help = "alter live configuration of running domain" },
    { .name = "config",
      .type = OPT_BOOL,
      .help = "alter persistent configuration, effect observed on next boot" },
    { .name = "force", .type = OPT_BOOL, .help = "force media changing" },
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than change media" },
    { .name = "block", .type = OPT_BOOL, .help = "source media is a block device" },
    OPT_END,
};

static xmlNode *find_drive(xmlDoc *doc, const char *path)
{
    xmlNode *n = device_find_disk(doc, path);
    char *device = n ? (char *)xmlGetProp(n, BAD_CAST "device") : NULL;
    bool ok = device && (!strcmp(device, "cdrom") || !strcmp(device, "floppy"));
    xmlFree(device);
    return ok ? n : NULL;
}

/* Puts another source, or none, into the place of the one that is there. */
static void set_medium(xmlDoc *doc, xmlNode *disk, const char *source, bool block)
{
    xmlNode *old = NULL, *target = NULL;
    for (xmlNode *c = disk->children; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, "source"))
            old = c;
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, "target"))
            target = c;
    }
    if (old) {
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    if (!source)
        return;
    xmlNode *fresh = xmlNewDocNode(doc, NULL, BAD_CAST "source", NULL);
    xmlNewProp(fresh, BAD_CAST(block ? "dev" : "file"), BAD_CAST source);
    xmlSetProp(disk, BAD_CAST "type", BAD_CAST(block ? "block" : "file"));
    if (target) {
        xmlAddPrevSibling(target, fresh);
        xmlAddPrevSibling(target, xmlNewDocText(doc, BAD_CAST "\n      "));
    } else {
        xmlAddChild(disk, fresh);
    }
}

static bool check_medium(struct shell *sh, const struct args *args, xmlNode *disk,
                         const char *action)
{
    const char *path = args_string(args, "path"), *source = args_string(args, "source");
    char *file = device_attr(disk, "source", "file"), *dev = device_attr(disk, "source", "dev");
    bool has = file || dev;
    xmlFree(file);
    xmlFree(dev);
    if (!strcmp(action, "eject") && !has)
        shell_error(sh, "The disk device '%s' doesn't have media", path);
    else if (!strcmp(action, "insert") && has)
        shell_error(sh, "The disk device '%s' already has media", path);
    else if (strcmp(action, "eject") && !source)
        shell_error(sh, "New disk media source was not specified");
    else
        return true;
    return false;
}

bool cmd_change_media(struct shell *sh, const struct args *args)
{
    bool eject = args_bool(args, "eject"), insert = args_bool(args, "insert");
    const char *source = args_string(args, "source"), *path = args_string(args, "path");
    const char *action = eject ? "eject" : insert ? "insert" : "update";
    uint32_t flags;
    if (!args_exclusive(sh, args, "eject", "insert") ||
        !args_exclusive(sh, args, "eject", "update") ||
        !args_exclusive(sh, args, "insert", "update") ||
        !args_exclusive(sh, args, "eject", "block"))
        return false;
    xmlDoc *doc = device_begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *disk = find_drive(doc, path);
    bool ok = disk && check_medium(sh, args, disk, action);
    if (!disk)
        shell_error(sh, "No disk found whose source path or target is %s", path);
    if (ok) {
        char failed[64], done[64];
        set_medium(doc, disk, eject ? NULL : source, args_bool(args, "block"));
        snprintf(failed, sizeof(failed), "Failed to complete action %s on media", action);
        snprintf(done, sizeof(done), "Successfully %s media.",
                 eject    ? "ejected"
                 : insert ? "inserted"
                          : "updated");
        if (args_bool(args, "force"))
            flags |= VMGR_DOMAIN_DEVICE_MODIFY_FORCE;
        ok = device_finish(sh, args, device_text(doc, disk), vmgr_domain_update_device, flags,
                           failed, done);
    }
    xmlFreeDoc(doc);
    return ok;
}
