/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that change interfaces of the host.
 */
#include <stdlib.h>

#include "../text/domain.h"
#include "interface.h"

const struct opt iface_define_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML interface description",
      .completer = COMPLETE_FILE },
    { .name = "validate", .type = OPT_BOOL, .help = "validate the XML against the schema" },
    OPT_END,
};
const struct opt iface_any_opts[] = { INTERFACE_OPT("interface name or MAC address"), OPT_END };

bool cmd_iface_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_INTERFACE_DEFINE_VALIDATE : 0;
    struct vmgr_interface *iface = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_interface_define_xml(sh->conn, xml, flags, &iface, shell_err(sh)) == 0;
    free(xml);
    if (ok)
        shell_extra(sh, "Interface %s defined from %s\n", vmgr_interface_get_name(iface), path);
    else
        shell_error(sh, "Failed to define interface from %s", path);
    vmgr_interface_unref(iface);
    return ok;
}

/* --- one call, one sentence ------------------------------------------------------------------- */

/* Names the interface as it was named. */
static bool report(struct shell *sh, const struct args *args, struct vmgr_interface *iface, int r,
                   const char *verb, const char *done)
{
    const char *name = args_string(args, "interface");
    if (r < 0)
        shell_error(sh, "Failed to %s interface %s", verb, name);
    else
        shell_extra(sh, "Interface %s %s\n", name, done);
    vmgr_interface_unref(iface);
    return r == 0;
}

bool cmd_iface_undefine(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME | BY_MAC);
    return iface && report(sh, args, iface, vmgr_interface_undefine(iface, shell_err(sh)),
                           "undefine", "undefined");
}

bool cmd_iface_start(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME | BY_MAC);
    return iface && report(sh, args, iface, vmgr_interface_start(iface, 0, shell_err(sh)), "start",
                           "started");
}

bool cmd_iface_destroy(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME | BY_MAC);
    return iface && report(sh, args, iface, vmgr_interface_destroy(iface, 0, shell_err(sh)),
                           "destroy", "destroyed");
}

static bool change(struct shell *sh,
                   int (*call)(struct vmgr_conn *, uint32_t, struct vmgr_error **),
                   const char *verb, const char *done)
{
    bool ok = call(sh->conn, 0, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Network config change transaction %s\n", done);
    else
        shell_error(sh, "Failed to %s network config change transaction", verb);
    return ok;
}

bool cmd_iface_begin(struct shell *sh, const struct args *args)
{
    (void)args;
    return change(sh, vmgr_interface_change_begin, "begin", "started");
}

bool cmd_iface_commit(struct shell *sh, const struct args *args)
{
    (void)args;
    return change(sh, vmgr_interface_change_commit, "commit", "committed");
}

bool cmd_iface_rollback(struct shell *sh, const struct args *args)
{
    (void)args;
    return change(sh, vmgr_interface_change_rollback, "rollback", "rolled back");
}

/* --- iface-edit ----------------------------------------------------------------------------- */

static int get_interface(void *handle, char **xml, struct vmgr_error **err)
{
    return vmgr_interface_get_xml(handle, VMGR_INTERFACE_XML_INACTIVE, xml, err);
}

static int define_interface(struct shell *sh, const char *xml, bool validate)
{
    uint32_t flags = validate ? VMGR_INTERFACE_DEFINE_VALIDATE : 0;
    struct vmgr_interface *iface = NULL;
    if (vmgr_interface_define_xml(sh->conn, xml, flags, &iface, shell_err(sh)) < 0)
        return -1;
    shell_extra(sh, "Interface %s XML configuration edited.\n", vmgr_interface_get_name(iface));
    vmgr_interface_unref(iface);
    return 0;
}

bool cmd_iface_edit(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME | BY_MAC);
    if (!iface)
        return false;
    char *label = must_printf("Interface %s", vmgr_interface_get_name(iface));
    struct edit_object object = { label, iface, get_interface, define_interface };
    bool ok = edit_object(sh, &object, false);
    free(label);
    vmgr_interface_unref(iface);
    return ok;
}
