/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iface-bridge and iface-unbridge: definitions rewritten as virsh does it. The bridge takes over
 * everything of the interface but what makes it what it is, and gives it back.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interface.h"

#define BRIDGE_OPT(help_)                                                                          \
    {                                                                                              \
        .name = "bridge", .type = OPT_DATA, .help = help_                                          \
    }

const struct opt iface_bridge_opts[] = {
    INTERFACE_OPT("existing interface name"),
    BRIDGE_OPT("new bridge device name"),
    FLAG("no-stp", "do not enable STP for this bridge"),
    { .name = "delay",
      .type = OPT_INT,
      .help = "number of seconds to squelch traffic on newly connected ports" },
    FLAG("no-start", "don't start the bridge immediately"),
    OPT_END,
};
const struct opt iface_unbridge_opts[] = {
    { .name = "bridge",
      .type = OPT_DATA,
      .help = "current bridge device name",
      .completer = COMPLETE_INTERFACE },
    FLAG("no-start", "don't start the detached interface immediately (not recommended)"),
    OPT_END,
};

#define TEXT(text) ((const xmlChar *)(text))

static bool is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

static xmlNode *child(const xmlNode *node, const char *name)
{
    for (xmlNode *c = node->children; c; c = c->next)
        if (is_element(c, name))
            return c;
    return NULL;
}

/* Moves those children that make an interface what it is, or all. */
static void move_children(xmlNode *from, xmlNode *to, bool all)
{
    for (xmlNode *c = from->children, *next; c; c = next) {
        next = c->next;
        if (c != to && (is_element(c, "mac") || is_element(c, "bond") || is_element(c, "vlan") ||
                        (all && c->type == XML_ELEMENT_NODE))) {
            xmlUnlinkNode(c);
            xmlAddChild(to, c);
        }
    }
}

/* The definition of an interface; NULL: printed. */
static xmlDoc *definition(struct shell *sh, struct vmgr_interface *iface)
{
    const char *name = vmgr_interface_get_name(iface);
    xmlDoc *doc = NULL;
    char *xml = NULL;
    if (vmgr_interface_get_xml(iface, VMGR_INTERFACE_XML_INACTIVE, &xml, shell_err(sh)) < 0)
        return NULL;
    doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    free(xml);
    if (doc && xmlDocGetRootElement(doc))
        return doc;
    xmlFreeDoc(doc);
    shell_error(sh, "Failed to parse configuration of %s", name);
    return NULL;
}

/* Defines what a document says. NULL: not, the library's error is there. */
static struct vmgr_interface *define(struct shell *sh, xmlDoc *doc)
{
    struct vmgr_interface *iface = NULL;
    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpMemory(doc, &text, &size);
    if (text)
        vmgr_interface_define_xml(sh->conn, (const char *)text, 0, &iface, shell_err(sh));
    xmlFree(text);
    return iface;
}

/* --- iface-bridge --------------------------------------------------------------------------- */

/* Wraps what a definition says into a bridge. */
static void wrap(xmlDoc *doc, const char *name, const char *bridge, bool stp, int delay)
{
    xmlNode *top = xmlDocGetRootElement(doc), *node, *port;
    xmlChar *type = xmlGetProp(top, TEXT("type"));
    char *seconds = must_printf("%d", delay);
    node = xmlNewChild(top, NULL, TEXT("bridge"), NULL);
    xmlSetProp(node, TEXT("stp"), TEXT(stp ? "on" : "off"));
    if (delay || stp)
        xmlSetProp(node, TEXT("delay"), TEXT(seconds));
    free(seconds);
    xmlSetProp(top, TEXT("type"), TEXT("bridge"));
    xmlSetProp(top, TEXT("name"), TEXT(bridge));
    port = xmlNewChild(node, NULL, TEXT("interface"), NULL);
    xmlSetProp(port, TEXT("type"), type ? type : TEXT("ethernet"));
    xmlSetProp(port, TEXT("name"), TEXT(name));
    move_children(top, port, false);
    xmlFree(type);
}

static bool is_bridge(xmlDoc *doc)
{
    xmlChar *type = xmlGetProp(xmlDocGetRootElement(doc), TEXT("type"));
    bool is = type && !strcmp((const char *)type, "bridge");
    xmlFree(type);
    return is;
}

static bool make_bridge(struct shell *sh, const struct args *args, xmlDoc *doc, const char *name,
                        int delay)
{
    const char *bridge = args_string(args, "bridge");
    if (is_bridge(doc)) {
        shell_error(sh, "Existing device %s is already a bridge", name);
        return false;
    }
    wrap(doc, name, bridge, !args_bool(args, "no-stp"), delay);
    struct vmgr_interface *made = define(sh, doc);
    if (!made) {
        shell_error(sh, "Failed to define new bridge interface %s", bridge);
        return false;
    }
    shell_extra(sh, "Created bridge %s with attached device %s\n", bridge, name);
    bool ok = args_bool(args, "no-start") || vmgr_interface_start(made, 0, shell_err(sh)) == 0;
    if (!ok)
        shell_error(sh, "Failed to start bridge interface %s", bridge);
    else if (!args_bool(args, "no-start"))
        shell_extra(sh, "Bridge interface %s started\n", bridge);
    vmgr_interface_unref(made);
    return ok;
}

bool cmd_iface_bridge(struct shell *sh, const struct args *args)
{
    const char *bridge = args_string(args, "bridge");
    struct vmgr_interface *iface = args_interface(sh, args, "interface", BY_NAME), *other = NULL;
    bool ok = false;
    int delay = 0;
    if (!iface)
        return false;
    if (vmgr_interface_lookup_by_name(sh->conn, bridge, &other, shell_err(sh)) == 0) {
        shell_error(sh, "Network device %s already exists", bridge);
    } else if (args_int(sh, args, "delay", &delay) >= 0) {
        xmlDoc *doc = definition(sh, iface);
        ok = doc && make_bridge(sh, args, doc, vmgr_interface_get_name(iface), delay);
        xmlFreeDoc(doc);
    }
    vmgr_interface_unref(other);
    vmgr_interface_unref(iface);
    return ok;
}

/* --- iface-unbridge ------------------------------------------------------------------------- */

/* Makes the definition of a bridge that of the one interface in it, whose name it gives, for
 * free(). NULL: printed. */
static char *unwrap(struct shell *sh, xmlDoc *doc, const char *bridge)
{
    xmlNode *top = xmlDocGetRootElement(doc), *node = child(top, "bridge"), *port = NULL;
    int ports = 0;
    for (xmlNode *c = node ? node->children : NULL; c; c = c->next)
        if (is_element(c, "interface") && ports++ == 0)
            port = c;
    const char *why = !is_bridge(doc) ? ""
                      : !node         ? "No bridge node in xml document"
                      : ports > 1     ? "Multiple interfaces attached to bridge"
                      : !port         ? "No interface attached to bridge"
                                      : NULL;
    if (why && !*why)
        shell_error(sh, "Device %s is not a bridge", bridge);
    else if (why)
        shell_error(sh, "%s", why);
    if (why)
        return NULL;
    xmlChar *type = xmlGetProp(port, TEXT("type")), *name = xmlGetProp(port, TEXT("name"));
    char *result = name ? must_strdup((const char *)name) : NULL;
    if (!result)
        shell_error(sh, "Device attached to bridge %s has no name", bridge);
    xmlSetProp(top, TEXT("type"), type ? type : TEXT("ethernet"));
    xmlSetProp(top, TEXT("name"), name);
    move_children(port, top, true);
    xmlUnlinkNode(node);
    xmlFreeNode(node);
    xmlFree(type);
    xmlFree(name);
    return result;
}

static bool free_port(struct shell *sh, const struct args *args, struct vmgr_interface *bridge,
                      xmlDoc *doc, const char *name)
{
    const char *bridge_name = vmgr_interface_get_name(bridge);
    if (vmgr_interface_destroy(bridge, 0, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to destroy bridge interface %s", bridge_name);
        return false;
    }
    if (vmgr_interface_undefine(bridge, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to undefine bridge interface %s", bridge_name);
        return false;
    }
    struct vmgr_interface *iface = define(sh, doc);
    if (!iface) {
        shell_error(sh, "Failed to define new interface %s", name);
        return false;
    }
    shell_extra(sh, "Device %s un-attached from bridge %s\n", name, bridge_name);
    bool ok = args_bool(args, "no-start") || vmgr_interface_start(iface, 0, shell_err(sh)) == 0;
    if (!ok)
        shell_error(sh, "Failed to start interface %s", name);
    else if (!args_bool(args, "no-start"))
        shell_extra(sh, "Interface %s started\n", name);
    vmgr_interface_unref(iface);
    return ok;
}

bool cmd_iface_unbridge(struct shell *sh, const struct args *args)
{
    struct vmgr_interface *bridge = args_interface(sh, args, "bridge", BY_NAME);
    if (!bridge)
        return false;
    xmlDoc *doc = definition(sh, bridge);
    char *name = doc ? unwrap(sh, doc, vmgr_interface_get_name(bridge)) : NULL;
    bool ok = name && free_port(sh, args, bridge, doc, name);
    free(name);
    xmlFreeDoc(doc);
    vmgr_interface_unref(bridge);
    return ok;
}
