/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about interfaces of the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <vmgr/interface.h>

#include "../text/domain.h"
#include "interface.h"

static bool is_mac(const char *text)
{
    unsigned byte[6];
    int n = 0;
    return sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
                  &byte[4], &byte[5], &n) == 6 &&
           !text[n];
}

struct vmgr_interface *args_interface(struct shell *sh, const struct args *args, const char *option,
                                      unsigned by)
{
    const char *text = args_string(args, option);
    struct vmgr_interface *iface = NULL;
    bool mac = is_mac(text);
    if (mac && by & BY_MAC)
        vmgr_interface_lookup_by_mac(sh->conn, text, &iface, shell_err(sh));
    else if (!mac && by & BY_NAME)
        vmgr_interface_lookup_by_name(sh->conn, text, &iface, shell_err(sh));
    if (!iface)
        shell_error(sh, "failed to get interface '%s'", text);
    return iface;
}

/* --- iface-list ----------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    FLAG("inactive", "list inactive interfaces"),
    FLAG("all", "list inactive & active interfaces"),
    OPT_END,
};

static int by_name(const void *a, const void *b)
{
    return strcasecmp(vmgr_interface_get_name(*(struct vmgr_interface *const *)a),
                      vmgr_interface_get_name(*(struct vmgr_interface *const *)b));
}

static bool cmd_iface_list(struct shell *sh, const struct args *args)
{
    bool inactive = args_bool(args, "inactive"), all = args_bool(args, "all");
    uint32_t flags = (inactive || all ? VMGR_INTERFACE_LIST_INACTIVE : 0) |
                     (!inactive || all ? VMGR_INTERFACE_LIST_ACTIVE : 0);
    struct vmgr_interface **ifaces;
    int count = vmgr_interface_list(sh->conn, flags, &ifaces, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list interfaces");
        return false;
    }
    qsort(ifaces, (size_t)count, sizeof(ifaces[0]), by_name);
    struct table *table = table_new("Name", "State", "MAC Address", NULL);
    for (int i = 0; i < count; i++)
        table_row(table, vmgr_interface_get_name(ifaces[i]),
                  vmgr_interface_is_active(ifaces[i], NULL) > 0 ? "active" : "inactive",
                  vmgr_interface_get_mac(ifaces[i]), NULL);
    table_print(table, sh->quiet);
    vmgr_interface_list_free(ifaces);
    return true;
}

/* --- iface-dumpxml, iface-mac, iface-name ----------------------------------------------------- */

static const struct opt iface_dumpxml_opts[] = {
    INTERFACE_OPT("interface name or MAC address"),
    FLAG("inactive", "show inactive defined XML"),
    OPT_XPATH,
    OPT_END,
};

static bool cmd_iface_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME | BY_MAC);
    uint32_t flags = args_bool(args, "inactive") ? VMGR_INTERFACE_XML_INACTIVE : 0;
    char *xml = NULL;
    bool ok = iface && vmgr_interface_get_xml(iface, flags, &xml, shell_err(sh)) == 0 &&
              print_xml(sh, args, xml);
    vmgr_interface_unref(iface);
    return ok;
}

static const struct opt mac_opts[] = { INTERFACE_OPT("interface name"), OPT_END };
static const struct opt name_opts[] = { INTERFACE_OPT("interface mac"), OPT_END };

static bool cmd_iface_mac(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME);
    if (iface)
        printf("%s\n", vmgr_interface_get_mac(iface));
    vmgr_interface_unref(iface);
    return iface != NULL;
}

static bool cmd_iface_name(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_MAC);
    if (iface)
        printf("%s\n", vmgr_interface_get_name(iface));
    vmgr_interface_unref(iface);
    return iface != NULL;
}

const struct cmd cmds_interface[] = {
    { "iface-begin", cmd_iface_begin, NULL,
      "create a snapshot of current interfaces settings, which can be later committed "
      "(iface-commit) or restored (iface-rollback)",
      "Create a restore point for interfaces settings", false },
    { "iface-bridge", cmd_iface_bridge, iface_bridge_opts,
      "create a bridge device and attach an existing network device to it",
      "bridge an existing network device", false },
    { "iface-commit", cmd_iface_commit, NULL,
      "commit changes made since iface-begin and free restore point",
      "commit changes and free restore point", false },
    { "iface-define", cmd_iface_define, iface_define_opts,
      "define an inactive persistent physical host interface or modify an existing persistent one "
      "from an XML file",
      "Define or modify a persistent physical host interface.", false },
    { "iface-destroy", cmd_iface_destroy, iface_any_opts,
      "destroy a physical host interface (disable it / \"if-down\")",
      "forcefully stop a physical host interface.", false },
    { "iface-dumpxml", cmd_iface_dumpxml, iface_dumpxml_opts, "interface information in XML",
      "Output the physical host interface information as an XML dump to stdout.", false },
    { "iface-edit", cmd_iface_edit, iface_any_opts,
      "edit XML configuration for a physical host interface",
      "Edit the XML configuration for a physical host interface.", false },
    { "iface-list", cmd_iface_list, list_opts, "list physical host interfaces",
      "Returns list of physical host interfaces.", false },
    { "iface-mac", cmd_iface_mac, mac_opts, "convert an interface name to interface MAC address",
      "", false },
    { "iface-name", cmd_iface_name, name_opts, "convert an interface MAC address to interface name",
      "", false },
    { "iface-rollback", cmd_iface_rollback, NULL,
      "rollback to previous saved configuration created via iface-begin",
      "rollback to previous restore point", false },
    { "iface-start", cmd_iface_start, iface_any_opts,
      "start a physical host interface (enable it / \"if-up\")",
      "start a physical host interface.", false },
    { "iface-unbridge", cmd_iface_unbridge, iface_unbridge_opts,
      "undefine a bridge device after detaching its device(s)", "unbridge a network device",
      false },
    { "iface-undefine", cmd_iface_undefine, iface_any_opts,
      "undefine a physical host interface (remove it from configuration)", "undefine an interface.",
      false },
    CMD_END,
};
