/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * detach-disk, detach-interface: a device of the definition is found by what a person calls it.
 */
#include <libxml/tree.h>
#include <string.h>
#include <strings.h>

#include "../text/device.h"

const struct opt detach_disk_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "target", .type = OPT_DATA, .help = "target of disk device" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than detach the disk" },
    OPT_END,
};
const struct opt detach_interface_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "type", .type = OPT_DATA, .help = "network interface type" },
    { .name = "mac", .type = OPT_STRING, .help = "MAC address" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than detach the interface" },
    OPT_END,
};

bool cmd_detach_disk(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    xmlDoc *doc = device_begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *node = device_find_disk(doc, args_string(args, "target"));
    bool ok = false;
    if (node)
        ok = device_finish(sh, args, device_text(doc, node), vmgr_domain_detach_device, flags,
                           "Failed to detach disk", "Disk detached successfully");
    else
        shell_error(sh, "No disk found whose source path or target is %s",
                    args_string(args, "target"));
    xmlFreeDoc(doc);
    return ok;
}

/* The one interface of a type, and with this MAC address if there is one given. */
static xmlNode *find_interface(struct shell *sh, const struct args *args, xmlDoc *doc)
{
    const char *type = args_string(args, "type"), *mac = args_string(args, "mac");
    xmlNode *found = NULL;
    int of_type = 0, matches = 0;
    for (xmlNode *n = device_next(doc, NULL, "interface"); n;
         n = device_next(doc, n, "interface")) {
        char *is = (char *)xmlGetProp(n, BAD_CAST "type");
        char *has = device_attr(n, "mac", "address");
        bool right = is && !strcmp(is, type);
        of_type += right;
        if (right && (!mac || (has && !strcasecmp(has, mac)))) {
            matches++;
            found = n;
        }
        xmlFree(has);
        xmlFree(is);
    }
    if (matches == 1)
        return found;
    if (!of_type)
        shell_error(sh, "No interface found whose type is %s", type);
    else if (!mac)
        shell_error(sh, "Domain has %d interfaces. Please specify which one to detach using --mac",
                    of_type);
    else if (!matches)
        shell_error(sh, "No interface with MAC address %s was found", mac);
    else
        shell_error(sh,
                    "Domain has multiple interfaces matching MAC address %s. You must use "
                    "detach-device and specify the device pci address to remove it.",
                    mac);
    return NULL;
}

bool cmd_detach_interface(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    xmlDoc *doc = device_begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *node = find_interface(sh, args, doc);
    bool ok = false;
    if (node)
        ok = device_finish(sh, args, device_text(doc, node), vmgr_domain_detach_device, flags,
                           "Failed to detach interface", "Interface detached successfully");
    else if (!args_bool(args, "print-xml"))
        shell_error(sh, "Failed to detach interface");
    xmlFreeDoc(doc);
    return ok;
}
