/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface>: checked, given a MAC address that stays, and kept.
 */
#include "element.h"
#include "network.h"

static const char *const types[] = { "user",     "ethernet", "vhostuser", "server",
                                     "client",   "mcast",    "network",   "bridge",
                                     "internal", "direct",   "hostdev",   "udp",
                                     "vdpa",     "null",     "vds",       NULL };

const char *const vmgr__direct_modes[] = { "vepa", "private", "bridge", "passthrough", NULL };

static const char *const sockets[] = { "server", "client", "mcast", "udp", NULL };

/* Names of the host's ends that nobody chose. */
static const char *const own_names[] = { "vnet", "macvtap", "macvlan" };

/* What <source> must say, by type; NULL: nothing that is checked here. */
static const char *const source_attrs[] = { NULL, NULL,      NULL,     NULL,   NULL,
                                            NULL, "network", "bridge", "name", "dev",
                                            NULL, NULL,      "dev",    NULL,   NULL };

static int check_mac(struct vmgr__parse *p, xmlNode *node)
{
    xmlNode *element = vmgr__xml_child(node, "mac");
    g_autofree char *text = vmgr__xml_attr(element, "address");
    char fresh[18];
    uint8_t mac[6];

    if (text) {
        if (!vmgr__mac_parse(text, mac))
            return conf_error(p, VMGR_ERR_XML_ERROR, "unable to parse mac address '%s'", text);
        if (mac[0] & 1)
            return conf_error(p, VMGR_ERR_XML_ERROR,
                              "expected unicast mac address, found multicast '%s'", text);
        return 0;
    }
    if (vmgr__mac_generate(fresh, p->err) < 0)
        return -1;
    if (!element) {
        element = xmlNewDocNode(node->doc, NULL, BAD_CAST "mac", NULL);
        if (node->children)
            xmlAddPrevSibling(node->children, element);
        else
            xmlAddChild(node, element);
    }
    xmlNewProp(element, BAD_CAST "address", BAD_CAST fresh);
    return 0;
}

static void drop_attr(xmlNode *node, const char *name)
{
    if (node)
        xmlUnsetProp(node, BAD_CAST name);
}

/* What a run noted about itself: the host's end, unless a user named it, and where its network led,
 * which may be to an interface of the host: of a run, the type is 'direct' then. */
static void drop_run(xmlNode *node, int type)
{
    static const char *const noted[] = { "bridge", "portid", "dev", "mode" };
    xmlNode *target = vmgr__xml_child(node, "target"), *source = vmgr__xml_child(node, "source");
    g_autofree char *name = target ? vmgr__xml_attr(target, "dev") : NULL;
    g_autofree char *managed = target ? vmgr__xml_attr(target, "managed") : NULL;
    const bool led = source && xmlHasProp(source, BAD_CAST "network");
    bool own = false;

    if (strcmp(types[type], "network") == 0 || (strcmp(types[type], "direct") == 0 && led)) {
        xmlSetProp(node, BAD_CAST "type", BAD_CAST "network");
        for (size_t i = 0; i < G_N_ELEMENTS(noted); i++)
            drop_attr(source, noted[i]);
    }
    if (g_strcmp0(managed, "no") == 0)
        return;
    for (size_t i = 0; name && i < G_N_ELEMENTS(own_names); i++)
        own = own || g_str_has_prefix(name, own_names[i]);
    if (!own)
        return;
    drop_attr(target, "dev");
    if (!target->properties && !target->children) {
        xmlUnlinkNode(target);
        xmlFreeNode(target);
    }
}

/* One without a path is none: so libvirt has it, and clients write it. */
static void drop_empty_script(xmlNode *node, const char *element)
{
    xmlNode *script = vmgr__xml_child(node, element);
    g_autofree char *path = script ? vmgr__xml_attr(script, "path") : NULL;

    if (script && (!path || !*path)) {
        xmlUnlinkNode(script);
        xmlFreeNode(script);
    }
}

/* Whose the host's end is and whom it reaches; trust in what the guest says of its addresses. */
static int check_switches(struct vmgr__parse *p, const xmlNode *node, const char *type)
{
    static const char *const words[] = { "no", "yes", NULL };
    const xmlNode *target = vmgr__xml_child(node, "target");
    const xmlNode *port = vmgr__xml_child(node, "port");
    int managed = 1, trust = 0, isolated = 0;

    if (vmgr__xml_enum(node, "trustGuestRxFilters", words, &trust, p->err) < 0 ||
        (target && vmgr__xml_enum(target, "managed", words, &managed, p->err) < 0) ||
        (port && vmgr__xml_enum(port, "isolated", words, &isolated, p->err) < 0))
        return -1;
    if (isolated && strcmp(type, "network") != 0 && strcmp(type, "bridge") != 0) {
        g_autofree char *mac = vmgr__xml_attr(vmgr__xml_child(node, "mac"), "address");

        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "interface %s - <port isolated='yes'/> is not supported for network "
                          "interfaces with type='%s'",
                          mac, type);
    }
    if (!managed && strcmp(type, "ethernet") != 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "unmanaged target dev is not supported on interfaces of type '%s'", type);
    return 0;
}

static int check_mode(struct vmgr__parse *p, xmlNode *source)
{
    int mode = 0;

    if (vmgr__xml_enum(source, "mode", vmgr__direct_modes, &mode, p->err) < 0)
        return -1;
    xmlSetProp(source, BAD_CAST "mode", BAD_CAST vmgr__direct_modes[mode]);
    return 0;
}

static int check_attr(struct vmgr__parse *p, const xmlNode *node, const char *name)
{
    g_autofree char *text = vmgr__xml_attr(node, name);

    return text ? 0
                : conf_error(p, VMGR_ERR_XML_ERROR,
                             "Missing required attribute '%s' in element '%s'", name,
                             (const char *)node->name);
}

static int check_port(struct vmgr__parse *p, const xmlNode *node)
{
    g_autofree char *text = vmgr__xml_attr(node, "port");
    char *end = NULL;

    if (check_attr(p, node, "port") < 0)
        return -1;
    g_ascii_strtoll(text, &end, 10);
    return *text && !*end ? 0
                          : conf_error(p, VMGR_ERR_XML_ERROR,
                                       "Invalid value for attribute 'port' in element '%s': '%s'. "
                                       "Expected integer value",
                                       (const char *)node->name, text);
}

/* Sockets of programs: where one listens or the other side is, and of UDP both. */
static int check_socket(struct vmgr__parse *p, const xmlNode *source, const char *type)
{
    const xmlNode *local;

    if (!source)
        return conf_error(p, VMGR_ERR_XML_ERROR, "interface type='%s' requires a 'source' element",
                          type);
    if (check_port(p, source) < 0 ||
        (strcmp(type, "server") != 0 && check_attr(p, source, "address") < 0))
        return -1;
    if (strcmp(type, "udp") != 0)
        return 0;
    local = vmgr__xml_child(source, "local");
    if (!local)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "'<local>' element missing for 'udp' socket interface");
    return check_port(p, local) < 0 ? -1 : check_attr(p, local, "address");
}

int vmgr__interface_check(struct vmgr__parse *p, xmlNode *node,
                          struct vmgr__device *dev G_GNUC_UNUSED)
{
    xmlNode *source = vmgr__xml_child(node, "source");
    g_autofree char *name = NULL;
    int type = 0;

    if (vmgr__xml_enum(node, "type", types, &type, p->err) < 0)
        return -1;
    if (!xmlHasProp(node, BAD_CAST "type"))
        xmlNewProp(node, BAD_CAST "type", BAD_CAST types[type]);
    if (check_mac(p, node) < 0)
        return -1;
    drop_empty_script(node, "script");
    drop_empty_script(node, "downscript");
    if (check_switches(p, node, types[type]) < 0)
        return -1;
    if (p->flags & VMGR__CONF_INACTIVE) {
        drop_run(node, type);
        vmgr__xml_enum(node, "type", types, &type, NULL);
    }
    if (vmgr__name_index(sockets, types[type]) >= 0)
        return check_socket(p, source, types[type]);
    if (!source_attrs[type])
        return 0;
    if (!source)
        return conf_error(p, VMGR_ERR_XML_ERROR, "interface type='%s' requires a 'source' element",
                          types[type]);
    name = vmgr__xml_attr(source, source_attrs[type]);
    if (!name || !*name)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute '%s' in element 'source'",
                          source_attrs[type]);
    return strcmp(types[type], "direct") == 0 ? check_mode(p, source) : 0;
}
