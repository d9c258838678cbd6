/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface> of the host, read.
 */
#include "iface.h"

#include <string.h>

#define xml_error(err, ...) iface_error(err, VMGR_ERR_XML_ERROR, __VA_ARGS__)

static const char *const types[] = { "ethernet", "bridge", "bond", "vlan", NULL };
static const char *const starts[] = { "onboot", "none", "hotplug", NULL };
static const char *const carriers[] = { "ioctl", "netif", NULL };
static const char *const yes_no[] = { "yes", "no", NULL };
const char *const vmgr__bond_modes[] = { "balance-rr", "active-backup", "balance-xor", "broadcast",
                                         "802.3ad",    "balance-tlb",   "balance-alb", NULL };
const char *const vmgr__bond_validates[] = { "active", "backup", "all", NULL };

static void ip_free(void *data)
{
    struct vmgr__iface_ip *ip = data;

    g_free(ip->address);
    g_free(ip);
}

static void protocol_free(void *data)
{
    struct vmgr__iface_protocol *p = data;

    g_free(p->family);
    g_free(p->gateway);
    g_ptr_array_unref(p->ips);
    g_free(p);
}

void vmgr__iface_def_free(void *data)
{
    struct vmgr__iface_def *def = data;

    if (!def)
        return;
    g_free(def->name);
    g_free(def->mac);
    g_free(def->delay);
    g_free(def->target);
    g_free(def->tag);
    g_free(def->link);
    g_ptr_array_unref(def->protocols);
    g_ptr_array_unref(def->ports);
    g_free(def);
}

struct vmgr__iface_protocol *vmgr__iface_protocol_add(struct vmgr__iface_def *def,
                                                      const char *family)
{
    struct vmgr__iface_protocol *p = g_new0(struct vmgr__iface_protocol, 1);

    p->family = g_strdup(family);
    p->ips = g_ptr_array_new_with_free_func(ip_free);
    g_ptr_array_add(def->protocols, p);
    return p;
}

void vmgr__iface_ip_add(struct vmgr__iface_protocol *p, const char *address, uint32_t prefix)
{
    struct vmgr__iface_ip *ip = g_new0(struct vmgr__iface_ip, 1);

    ip->address = g_strdup(address);
    ip->prefix = prefix;
    g_ptr_array_add(p->ips, ip);
}

static struct vmgr__iface_def *def_new(void)
{
    struct vmgr__iface_def *def = g_new0(struct vmgr__iface_def, 1);

    def->protocols = g_ptr_array_new_with_free_func(protocol_free);
    def->ports = g_ptr_array_new_with_free_func(vmgr__iface_def_free);
    return def;
}

/* Index + 1 of an attribute in names; 0: not there; -1 and *err, which begins with `what`. */
static int choose(const xmlNode *node, const char *attr, const char *const *names, const char *what,
                  struct vmgr_error **err)
{
    g_autofree char *value = vmgr__xml_attr(node, attr);
    const int i = value ? vmgr__name_index(names, value) : -1;

    if (value && *value && i < 0)
        return xml_error(err, "%s %s", what, value);
    return i + 1;
}

/* ---- parts of any ---- */

static int read_ip(const xmlNode *node, struct vmgr__iface_protocol *p, struct vmgr_error **err)
{
    g_autofree char *address = vmgr__xml_attr(node, "address");
    g_autofree char *prefix = vmgr__xml_attr(node, "prefix");
    uint32_t bits = 0;

    if (!address)
        return 0;
    if (prefix && !vmgr__parse_u32(prefix, &bits))
        return xml_error(err,
                         "Invalid value for attribute 'prefix' in element 'ip': '%s'. Expected "
                         "integer value",
                         prefix);
    vmgr__iface_ip_add(p, address, bits);
    return 0;
}

static int read_protocol(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const xmlNode *dhcp = vmgr__xml_child(node, "dhcp"), *route = vmgr__xml_child(node, "route");
    struct vmgr__iface_protocol *p;
    g_autofree char *family = vmgr__xml_attr(node, "family");
    int i = 0;

    if (!family)
        return xml_error(err, "protocol misses the family attribute");
    if (strcmp(family, "ipv4") != 0 && strcmp(family, "ipv6") != 0)
        return xml_error(err, "unsupported protocol family '%s'", family);
    p = vmgr__iface_protocol_add(def, family);
    p->autoconf = strcmp(p->family, "ipv6") == 0 && vmgr__xml_child(node, "autoconf");
    p->dhcp = dhcp != NULL;
    if (dhcp && vmgr__xml_enum(dhcp, "peerdns", yes_no, &i, err) < 0)
        return -1;
    if (dhcp && xmlHasProp((xmlNode *)dhcp, BAD_CAST "peerdns"))
        p->peerdns = i + 1;
    for (const xmlNode *c = vmgr__xml_child(node, "ip"); c; c = vmgr__xml_next(c, "ip")) {
        if (read_ip(c, p, err) < 0)
            return -1;
    }
    p->gateway = route ? vmgr__xml_attr(route, "gateway") : NULL;
    return 0;
}

/* What only an interface has that is in no other. */
static int read_top(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const xmlNode *start = vmgr__xml_child(node, "start"), *mtu = vmgr__xml_child(node, "mtu");
    g_autofree char *size = mtu ? vmgr__xml_attr(mtu, "size") : NULL;
    const int mode = start ? choose(start, "mode", starts, "unknown interface startmode", err) : 0;

    if (mode < 0)
        return -1;
    def->start = (enum vmgr__iface_start)mode;
    if (size && !vmgr__parse_u32(size, &def->mtu))
        return xml_error(err,
                         "Invalid value for attribute 'size' in element 'mtu': '%s'. Expected "
                         "integer value",
                         size);
    for (const xmlNode *c = vmgr__xml_child(node, "protocol"); c;
         c = vmgr__xml_next(c, "protocol")) {
        if (read_protocol(c, def, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- parts of one type ---- */

static struct vmgr__iface_def *read_interface(const xmlNode *node, int parent,
                                              struct vmgr_error **err);

static int read_ports(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    for (const xmlNode *c = vmgr__xml_child(node, "interface"); c;
         c = vmgr__xml_next(c, "interface")) {
        struct vmgr__iface_def *port = read_interface(c, (int)def->type, err);

        if (!port)
            return -1;
        g_ptr_array_add(def->ports, port);
    }
    return 0;
}

static int read_bridge(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    g_autofree char *stp = NULL;

    if (!node)
        return xml_error(err, "bridge interface misses the bridge element");
    stp = vmgr__xml_attr(node, "stp");
    def->stp = g_strcmp0(stp, "on") == 0 ? 1 : g_strcmp0(stp, "off") == 0 ? 2 : 0;
    def->delay = vmgr__xml_attr(node, "delay");
    return read_ports(node, def, err);
}

static bool read_ms(const xmlNode *node, const char *attr, int32_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    uint32_t value = 0;

    if (text && (!vmgr__parse_u32(text, &value) || value > INT32_MAX))
        return false;
    *ret = (int32_t)value;
    return text != NULL;
}

static int read_mii(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    def->monitor = VMGR__IFACE_MII;
    if (!read_ms(node, "freq", &def->interval))
        return xml_error(err, "bond interface miimon freq missing or invalid");
    if (!read_ms(node, "downdelay", &def->downdelay) &&
        xmlHasProp((xmlNode *)node, BAD_CAST "downdelay"))
        return xml_error(err, "bond interface miimon downdelay invalid");
    if (!read_ms(node, "updelay", &def->updelay) && xmlHasProp((xmlNode *)node, BAD_CAST "updelay"))
        return xml_error(err, "bond interface miimon updelay invalid");
    def->carrier = choose(node, "carrier", carriers, "unknown mii bonding carrier", err);
    return def->carrier < 0 ? -1 : 0;
}

static int read_arp(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    def->monitor = VMGR__IFACE_ARP;
    if (!read_ms(node, "interval", &def->interval))
        return xml_error(err, "bond interface arpmon interval missing or invalid");
    def->target = vmgr__xml_attr(node, "target");
    if (!def->target)
        return xml_error(err, "bond interface arpmon target missing");
    def->validate =
        choose(node, "validate", vmgr__bond_validates, "unknown arp bonding validate", err);
    return def->validate < 0 ? -1 : 0;
}

static int read_bond(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const xmlNode *mii, *arp;

    if (!node)
        return xml_error(err, "bond interface misses the bond element");
    def->mode = choose(node, "mode", vmgr__bond_modes, "unknown bonding mode", err);
    if (def->mode < 0 || read_ports(node, def, err) < 0)
        return -1;
    mii = vmgr__xml_child(node, "miimon");
    arp = vmgr__xml_child(node, "arpmon");
    if (mii)
        return read_mii(mii, def, err);
    return arp ? read_arp(arp, def, err) : 0;
}

static int read_vlan(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const xmlNode *link;

    if (!node)
        return xml_error(err, "vlan interface misses the vlan element");
    def->tag = vmgr__xml_attr(node, "tag");
    if (!def->tag)
        return xml_error(err, "vlan interface misses the tag attribute");
    link = vmgr__xml_child(node, "interface");
    def->link = link ? vmgr__xml_attr(link, "name") : NULL;
    return def->link ? 0 : xml_error(err, "vlan interface misses name attribute");
}

static int read_type(const xmlNode *node, struct vmgr__iface_def *def, struct vmgr_error **err)
{
    const xmlNode *mac = vmgr__xml_child(node, "mac");

    switch (def->type) {
    case VMGR__IFACE_BRIDGE: return read_bridge(vmgr__xml_child(node, "bridge"), def, err);
    case VMGR__IFACE_BOND: return read_bond(vmgr__xml_child(node, "bond"), def, err);
    case VMGR__IFACE_VLAN: return read_vlan(vmgr__xml_child(node, "vlan"), def, err);
    case VMGR__IFACE_ETHERNET: def->mac = mac ? vmgr__xml_attr(mac, "address") : NULL; break;
    }
    return 0;
}

/* parent: the type of what it is in; -1: of nothing. */
static struct vmgr__iface_def *read_interface(const xmlNode *node, int parent,
                                              struct vmgr_error **err)
{
    struct vmgr__iface_def *def = def_new();
    int type = -1, r;

    r = vmgr__xml_enum(node, "type", types, &type, err);
    if (r == 0)
        xml_error(err, "Missing required attribute 'type' in element 'interface'");
    def->type = (enum vmgr__iface_type)MAX(type, 0);
    def->name = vmgr__xml_attr(node, "name");
    if (r > 0 && ((parent == VMGR__IFACE_BRIDGE && def->type == VMGR__IFACE_BRIDGE) ||
                  (parent == VMGR__IFACE_BOND && def->type != VMGR__IFACE_ETHERNET)))
        r = xml_error(err, "interface has unsupported type '%s'", types[type]);
    if (r > 0 && !def->name)
        r = xml_error(err, "interface has no name");
    if (r > 0 && (parent >= 0 || read_top(node, def, err) == 0) && read_type(node, def, err) == 0)
        return def;
    vmgr__iface_def_free(def);
    return NULL;
}

struct vmgr__iface_def *vmgr__iface_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(interface_definition)", "interface", err);
    struct vmgr__iface_def *def;

    if (!doc)
        return NULL;
    def = read_interface(xmlDocGetRootElement(doc), -1, err);
    xmlFreeDoc(doc);
    return def;
}
