/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that make node devices and take them away.
 */
#include <stdlib.h>

#include "nodedev.h"

const struct opt nodedev_create_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML description of the device",
      .completer = COMPLETE_FILE },
    { .name = "validate", .type = OPT_BOOL, .help = "validate the XML against the schema" },
    OPT_END,
};
const struct opt nodedev_any_opts[] = { DEVICE_OPT(NAME_OR_WWN), OPT_END };
const struct opt nodedev_start_opts[] = { DEVICE_OPT("device name"), OPT_END };
const struct opt nodedev_autostart_opts[] = {
    DEVICE_OPT(NAME_OR_WWN),
    { .name = "disable", .type = OPT_BOOL, .help = "disable autostarting" },
    OPT_END,
};

bool cmd_nodedev_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NODEDEV_VALIDATE : 0;
    struct vmgr_nodedev *dev = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_nodedev_create_xml(sh->conn, xml, flags, &dev, shell_err(sh)) == 0;
    free(xml);
    if (ok)
        shell_extra(sh, "Node device %s created from %s\n", vmgr_nodedev_get_name(dev), path);
    else
        shell_error(sh, "Failed to create node device from %s", path);
    vmgr_nodedev_unref(dev);
    return ok;
}

bool cmd_nodedev_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NODEDEV_VALIDATE : 0;
    struct vmgr_nodedev *dev = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_nodedev_define_xml(sh->conn, xml, flags, &dev, shell_err(sh)) == 0;
    free(xml);
    if (ok)
        shell_extra(sh, "Node device '%s' defined from '%s'\n", vmgr_nodedev_get_name(dev), path);
    else
        shell_error(sh, "Failed to define node device from '%s'", path);
    vmgr_nodedev_unref(dev);
    return ok;
}

bool cmd_nodedev_destroy(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev_or_wwn(sh, args);
    if (!dev)
        return false;
    bool ok = vmgr_nodedev_destroy(dev, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Destroyed node device '%s'\n", args_string(args, "device"));
    else
        shell_error(sh, "Failed to destroy node device '%s'", args_string(args, "device"));
    vmgr_nodedev_unref(dev);
    return ok;
}

bool cmd_nodedev_undefine(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev_or_wwn(sh, args);
    if (!dev)
        return false;
    bool ok = vmgr_nodedev_undefine(dev, 0, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Undefined node device '%s'\n", args_string(args, "device"));
    else
        shell_error(sh, "Failed to undefine node device '%s'", args_string(args, "device"));
    vmgr_nodedev_unref(dev);
    return ok;
}

bool cmd_nodedev_start(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev(sh, args);
    if (!dev)
        return false;
    bool ok = vmgr_nodedev_start(dev, 0, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Device %s started\n", vmgr_nodedev_get_name(dev));
    else
        shell_error(sh, "Failed to start device %s", vmgr_nodedev_get_name(dev));
    vmgr_nodedev_unref(dev);
    return ok;
}

bool cmd_nodedev_autostart(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev_or_wwn(sh, args);
    const char *name = args_string(args, "device");
    bool on = !args_bool(args, "disable");
    if (!dev)
        return false;
    bool ok = vmgr_nodedev_set_autostart(dev, on, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Device %s %s as autostarted\n", name, on ? "marked" : "unmarked");
    else
        shell_error(sh, "failed to %s device %s as autostarted", on ? "mark" : "unmark", name);
    vmgr_nodedev_unref(dev);
    return ok;
}
