/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about node devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vmgr/nodedev.h>

#include "../text/domain.h"
#include "nodedev.h"
#include "object-event.h"

struct vmgr_nodedev *args_nodedev(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "device");
    struct vmgr_nodedev *dev = NULL;
    if (vmgr_nodedev_lookup_by_name(sh->conn, name, &dev, shell_err(sh)) < 0)
        shell_error(sh, "Could not find matching device '%s'", name);
    return dev;
}

static bool is_wwn(struct shell *sh, const char *text)
{
    bool ok = strlen(text) == 16 && strspn(text, "0123456789abcdefABCDEF") == 16;
    if (!ok)
        shell_error(sh, "internal error: Malformed wwn: %s", text);
    return ok;
}

struct vmgr_nodedev *args_nodedev_or_wwn(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "device");
    struct vmgr_nodedev *dev = NULL;
    if (!strchr(text, ','))
        return args_nodedev(sh, args);
    char *wwnn = must_strdup(text), *wwpn = strchr(wwnn, ',') + 1;
    wwpn[-1] = '\0';
    if (strchr(wwpn, ','))
        shell_error(sh, "Malformed device value '%s'", text);
    else if (is_wwn(sh, wwnn) && is_wwn(sh, wwpn) &&
             vmgr_nodedev_lookup_scsi_host_by_wwn(sh->conn, wwnn, wwpn, 0, &dev, shell_err(sh)) < 0)
        shell_error(sh, "Could not find matching device '%s'", text);
    free(wwnn);
    return dev;
}

/* --- nodedev-list --------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    FLAG("tree", "list devices in a tree"),
    { .name = "cap",
      .type = OPT_STRING,
      .help = "capability names, separated by comma",
      .completer = COMPLETE_NODEDEV_CAP },
    FLAG("inactive", "list inactive devices"),
    FLAG("all", "list inactive & active devices"),
    OPT_END,
};

/* The filter of "pci,net". False: printed. */
static bool cap_flags(struct shell *sh, const char *caps, uint32_t *flags)
{
    char *copy = must_strdup(caps), *rest = copy;
    bool ok = true;
    while (ok && rest) {
        const char *word = strsep(&rest, ",");
        unsigned n = 0;
        while (vmgr_nodedev_cap_name(n) && strcmp(vmgr_nodedev_cap_name(n), word))
            n++;
        ok = vmgr_nodedev_cap_name(n) != NULL;
        if (ok)
            *flags |= 1u << n;
        else
            shell_error(sh, "Invalid capability type");
    }
    free(copy);
    return ok;
}

#define TREE_DEPTH 64 /* deeper is not shown */

/* Devices and their parents ("" for none), in order of name. */
struct tree {
    struct vmgr_nodedev **devs;
    char **parents;
    int count;
};

static bool is_child(const struct tree *t, int i, const char *parent)
{
    return !strcmp(t->parents[i], parent);
}

/* A device and what hangs on it, as virsh draws it. last: the index of the last of its siblings.
 * indent: of its line, with room for what is deeper; it is changed and put back. */
static void print_tree(const struct tree *t, int at, int last, int depth, char *indent)
{
    const char *name = vmgr_nodedev_get_name(t->devs[at]);
    size_t length = strlen(indent), own = length;
    int last_child = -1;
    printf("%s%s%s\n", indent, depth ? "+- " : "", name);
    if (depth)
        own = length + strlen(strcpy(indent + length, at == last ? "  " : "| "));
    for (int i = 0; depth < TREE_DEPTH && i < t->count; i++)
        if (is_child(t, i, name))
            last_child = i;
    if (last_child >= 0)
        printf("%s  |\n", indent);
    strcpy(indent + own, "  ");
    for (int i = 0; i <= last_child; i++)
        if (is_child(t, i, name))
            print_tree(t, i, last_child, depth + 1, indent);
    indent[own] = '\0';
    if (last_child < 0 && at == last)
        printf("%s\n", indent);
    indent[length] = '\0';
}

static void list_tree(struct vmgr_nodedev **devs, int count)
{
    struct tree t = { devs, must_alloc(sizeof(char *) * ((size_t)count + 1)), count };
    char indent[4 * (TREE_DEPTH + 2)] = "";
    for (int i = 0; i < count; i++) {
        char *parent = NULL;
        vmgr_nodedev_get_parent(devs[i], &parent, NULL);
        t.parents[i] = parent ? parent : must_strdup("");
    }
    for (int i = 0; i < count; i++)
        if (is_child(&t, i, ""))
            print_tree(&t, i, i, 0, indent);
    for (int i = 0; i < count; i++)
        free(t.parents[i]);
    free(t.parents);
}

static bool cmd_nodedev_list(struct shell *sh, const struct args *args)
{
    const char *caps = args_string(args, "cap");
    bool tree = args_bool(args, "tree"), inactive = args_bool(args, "inactive");
    bool all = args_bool(args, "all");
    struct vmgr_nodedev **devs;
    uint32_t flags = 0;
    if (caps && !cap_flags(sh, caps, &flags))
        return false;
    if (tree && (caps || inactive)) {
        shell_error(sh, "Option --tree is incompatible with --cap and --inactive");
        return false;
    }
    if (inactive || all)
        flags |= VMGR_NODEDEV_LIST_INACTIVE;
    if (!inactive)
        flags |= VMGR_NODEDEV_LIST_ACTIVE;
    int count = vmgr_nodedev_list(sh->conn, flags, &devs, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list node devices");
        return false;
    }
    if (tree)
        list_tree(devs, count);
    for (int i = 0; !tree && i < count; i++)
        printf("%s\n", vmgr_nodedev_get_name(devs[i]));
    vmgr_nodedev_list_free(devs);
    return true;
}

/* --- nodedev-dumpxml, nodedev-info ------------------------------------------------------------ */

static const struct opt nodedev_dumpxml_opts[] = {
    DEVICE_OPT(NAME_OR_WWN),
    OPT_XPATH,
    OPT_END,
};

static bool cmd_nodedev_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev_or_wwn(sh, args);
    char *xml = NULL;
    bool ok = dev && vmgr_nodedev_get_xml(dev, 0, &xml, shell_err(sh)) == 0 &&
              print_xml(sh, args, xml);
    vmgr_nodedev_unref(dev);
    return ok;
}

static const struct opt info_opts[] = { DEVICE_OPT(NAME_OR_WWN), OPT_END };

static bool cmd_nodedev_info(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev_or_wwn(sh, args);
    char *parent = NULL;
    if (!dev)
        return false;
    /* What cannot be asked counts as yes, as virsh has it. */
    vmgr_nodedev_get_parent(dev, &parent, NULL);
    int autostart = vmgr_nodedev_get_autostart(dev, NULL);
    printf("%-15s %s\n", "Name:", vmgr_nodedev_get_name(dev));
    printf("%-15s %s\n", "Parent:", parent ? parent : "");
    printf("%-15s %s\n", "Active:", vmgr_nodedev_is_active(dev, NULL) ? "yes" : "no");
    printf("%-15s %s\n", "Persistent:", vmgr_nodedev_is_persistent(dev, NULL) ? "yes" : "no");
    printf("%-15s %s\n", "Autostart:", autostart < 0 ? "no autostart" : autostart ? "yes" : "no");
    free(parent);
    vmgr_nodedev_unref(dev);
    return true;
}

/* --- nodedev-detach, -reattach, -reset -------------------------------------------------------- */

static const struct opt detach_opts[] = {
    DEVICE_OPT("device key"),
    { .name = "driver",
      .type = OPT_STRING,
      .help = "pci device assignment backend driver (e.g. 'vfio' or 'xen')" },
    OPT_END,
};
static const struct opt key_opts[] = { DEVICE_OPT("device key"), OPT_END };

/* Tells how something that is done with a device went. */
static bool report(struct shell *sh, struct vmgr_nodedev *dev, int r, const char *done,
                   const char *failed)
{
    if (r < 0)
        shell_error(sh, "Failed to %s device %s", failed, vmgr_nodedev_get_name(dev));
    else
        shell_extra(sh, "Device %s %s\n", vmgr_nodedev_get_name(dev), done);
    vmgr_nodedev_unref(dev);
    return r >= 0;
}

static bool cmd_nodedev_detach(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev(sh, args);
    return dev &&
           report(sh, dev, vmgr_nodedev_detach(dev, args_string(args, "driver"), 0, shell_err(sh)),
                  "detached", "detach");
}

static bool cmd_nodedev_reattach(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev(sh, args);
    return dev &&
           report(sh, dev, vmgr_nodedev_reattach(dev, shell_err(sh)), "re-attached", "re-attach");
}

static bool cmd_nodedev_reset(struct shell *sh, const struct args *args)
{
    struct vmgr_nodedev *dev = args_nodedev(sh, args);
    return dev && report(sh, dev, vmgr_nodedev_reset(dev, shell_err(sh)), "reset", "reset");
}

const struct cmd cmds_nodedev[] = {
    { "nodedev-list", cmd_nodedev_list, list_opts, "enumerate devices on this host", "", false },
    { "nodedev-dumpxml", cmd_nodedev_dumpxml, nodedev_dumpxml_opts, "node device details in XML",
      "Output the node device details as an XML dump to stdout.", false },
    { "nodedev-info", cmd_nodedev_info, info_opts, "node device information",
      "Returns basic information about the node device", false },
    { "nodedev-detach", cmd_nodedev_detach, detach_opts,
      "detach node device from its device driver",
      "Detach node device from its device driver before assigning to a domain.", false },
    { "nodedev-reattach", cmd_nodedev_reattach, key_opts,
      "reattach node device to its device driver",
      "Reattach node device to its device driver once released by the domain.", false },
    { "nodedev-reset", cmd_nodedev_reset, key_opts, "reset node device",
      "Reset node device before or after assigning to a domain.", false },
    { "nodedev-event", cmd_nodedev_event, nodedev_event_opts, "Node Device Events",
      "List event types, or wait for node device events to occur", false },
    { "nodedev-create", cmd_nodedev_create, nodedev_create_opts,
      "create a device defined by an XML file on the node",
      "Create a device on the node.  Note that this command creates devices on the physical host "
      "that can then be assigned to a virtual machine.",
      false },
    { "nodedev-define", cmd_nodedev_define, nodedev_create_opts,
      "Define a device by an xml file on a node",
      "Defines a persistent device on the node that can be assigned to a domain. The device must "
      "be started before it can be assigned to a domain.",
      false },
    { "nodedev-destroy", cmd_nodedev_destroy, nodedev_any_opts,
      "destroy (stop) a device on the node",
      "Destroy a device on the node.  Note that this command destroys devices on the physical host",
      false },
    { "nodedev-undefine", cmd_nodedev_undefine, nodedev_any_opts,
      "Undefine an inactive node device",
      "Undefines the configuration for an inactive node device", false },
    { "nodedev-start", cmd_nodedev_start, nodedev_start_opts, "Start an inactive node device",
      "Starts an inactive node device that was previously defined", false },
    { "nodedev-autostart", cmd_nodedev_autostart, nodedev_autostart_opts,
      "autostart a defined node device",
      "Configure a node device to be automatically started at boot.", false },
    CMD_END,
};
