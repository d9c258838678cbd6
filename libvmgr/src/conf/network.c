/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The <network> document: reading it, checking what its parts say together, writing it.
 *
 * Theory of operation. The table stands in the order in which a document is written. Elements with
 * a parser are understood; those without belong to the schema and are kept as text in their place;
 * what is not in the table is kept at the end and warned about.
 */
#include "network.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "def.h"

static const char *const mac_tables[] = { "kernel", "libvirt", NULL };
#define MTU_MAX 65535

/* ---- warnings ---- */

void vmgr__net_warn_attrs(struct vmgr__net_parse *p, const xmlNode *node, const char *const *known)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        if (!a->ns && known && vmgr__name_index(known, (const char *)a->name) >= 0)
            continue;
        g_ptr_array_add(p->def->warnings,
                        g_strdup_printf("unknown attribute '%s' in element '%s'",
                                        (const char *)a->name, (const char *)node->name));
    }
}

static void warn_element(struct vmgr__net_parse *p, const xmlNode *node, const char *where)
{
    g_ptr_array_add(
        p->def->warnings,
        g_strdup_printf("unknown element '%s%s%s' in %s",
                        node->ns && node->ns->prefix ? (const char *)node->ns->prefix : "",
                        node->ns && node->ns->prefix ? ":" : "", (const char *)node->name, where));
}

void vmgr__net_warn_children(struct vmgr__net_parse *p, const xmlNode *node,
                             const char *const *known)
{
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (c->ns || !known || vmgr__name_index(known, (const char *)c->name) < 0)
            warn_element(p, c, (const char *)node->name);
    }
}

/* ---- the small elements ---- */

static int parse_bridge(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "name", "stp", "delay", "zone", "macTableManager", NULL };
    struct vmgr__network_def *def = p->def;
    g_autofree char *stp = vmgr__xml_attr(node, "stp");
    g_autofree char *delay = vmgr__xml_attr(node, "delay");
    g_autofree char *table = vmgr__xml_attr(node, "macTableManager");
    const int mode = def->forward.mode;

    vmgr__net_warn_attrs(p, node, known);
    def->bridge = vmgr__xml_attr(node, "name");
    if (def->bridge && !*def->bridge)
        g_clear_pointer(&def->bridge, g_free);
    if (def->bridge && (strlen(def->bridge) >= IF_NAMESIZE || strpbrk(def->bridge, "/ \t\n:%\"") ||
                        strcmp(def->bridge, ".") == 0 || strcmp(def->bridge, "..") == 0))
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid bridge name '%s' in network '%s'",
                         def->bridge, def->name);
    def->bridge_zone = vmgr__xml_attr(node, "zone");
    if (mode > VMGR__FORWARD_OPEN && (stp || delay || def->bridge_zone))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "bridge delay/stp/zone options only allowed in route, nat, and isolated "
                         "mode, not in %s (network '%s')",
                         vmgr__forward_names[mode], def->name);
    if (stp && strcmp(stp, "on") != 0 && strcmp(stp, "off") != 0)
        g_ptr_array_add(def->warnings,
                        g_strdup_printf("attribute 'stp' of <bridge> is '%s', taken as on", stp));
    def->stp = !stp || strcmp(stp, "off") != 0;
    if (delay && !vmgr__parse_u32(delay, &def->delay))
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid delay value in network '%s'", def->name);
    if (table && (def->mac_table = vmgr__name_index(mac_tables, table)) < 0)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid macTableManager setting '%s' in network "
                         "'%s'",
                         table, def->name);
    return 0;
}

static int parse_mtu(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "size", NULL };
    g_autofree char *size = vmgr__xml_attr(node, "size");

    vmgr__net_warn_attrs(p, node, known);
    if (!size || !vmgr__parse_u32(size, &p->def->mtu) || p->def->mtu > MTU_MAX)
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid mtu size '%s' in network '%s'",
                         size ? size : "", p->def->name);
    return 0;
}

static int parse_mac(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "address", NULL };
    g_autofree char *text = vmgr__xml_attr(node, "address");
    char canonical[VMGR__MAC_TEXT];
    uint8_t mac[6];

    vmgr__net_warn_attrs(p, node, known);
    if (!text)
        return 0;
    if (!vmgr__mac_parse(text, mac))
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid bridge mac address '%s' in network '%s'",
                         text, p->def->name);
    if (mac[0] & 1)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid multicast bridge mac address '%s' in network '%s'", text,
                         p->def->name);
    p->def->mac = g_strdup(vmgr__mac_format(mac, canonical));
    return 0;
}

static int parse_domain(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "name", "localOnly", "register", NULL };

    vmgr__net_warn_attrs(p, node, known);
    p->def->domain = vmgr__xml_attr(node, "name");
    return vmgr__xml_enum(node, "localOnly", vmgr__yes_no, &p->def->domain_local, p->err) < 0 ? -1
                                                                                              : 0;
}

static int parse_port(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "isolated", NULL };

    vmgr__net_warn_attrs(p, node, known);
    return vmgr__xml_enum(node, "isolated", vmgr__yes_no, &p->def->port_isolated, p->err) < 0 ? -1
                                                                                              : 0;
}

void vmgr__net_portgroup_free(void *data)
{
    struct vmgr__net_portgroup *group = data;

    g_free(group->name);
    g_free(group->text);
    g_free(group);
}

struct vmgr__net_portgroup *vmgr__net_portgroup_parse(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "name", "default", "trustGuestRxFilters", NULL };
    g_autofree char *name = vmgr__xml_attr(node, "name");
    g_autofree char *trust = vmgr__xml_attr(node, "trustGuestRxFilters");
    struct vmgr__net_portgroup *group;
    struct vmgr__xml_writer w;
    int is_default = 0;

    vmgr__net_warn_attrs(p, node, known);
    if (!name) {
        net_error(p, VMGR_ERR_XML_ERROR, "Missing required name attribute in portgroup");
        return NULL;
    }
    if (vmgr__xml_enum(node, "default", vmgr__yes_no, &is_default, p->err) < 0)
        return NULL;
    vmgr__xw_init(&w);
    w.level = 1;
    vmgr__xw_begin(&w, "portgroup");
    vmgr__xw_attr(&w, "name", name);
    vmgr__xw_attr(&w, "default", is_default == 1 ? "yes" : NULL);
    vmgr__xw_attr(&w, "trustGuestRxFilters", trust);
    vmgr__xw_content(&w);
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        g_autofree char *text = vmgr__xml_keep(c, 2);

        vmgr__xw_raw(&w, text);
    }
    vmgr__xw_end(&w, "portgroup");
    group = g_new0(struct vmgr__net_portgroup, 1);
    group->name = g_steal_pointer(&name);
    group->is_default = is_default == 1;
    group->text = vmgr__xw_finish(&w);
    return group;
}

static int parse_portgroup(struct vmgr__net_parse *p, xmlNode *node)
{
    struct vmgr__net_portgroup *group = vmgr__net_portgroup_parse(p, node);

    if (!group)
        return -1;
    g_ptr_array_add(p->def->portgroups, group);
    return 0;
}

static void format_bridge(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    bool own = vmgr__network_def_owns_bridge(def);

    if (!own && !def->bridge && def->mac_table < 0)
        return;
    vmgr__xw_begin(w, "bridge");
    vmgr__xw_attr(w, "name", def->bridge);
    vmgr__xw_attr(w, "zone", def->bridge_zone);
    if (own) {
        vmgr__xw_attr(w, "stp", def->stp ? "on" : "off");
        vmgr__xw_attrf(w, "delay", "%u", def->delay);
    }
    if (def->mac_table >= 0)
        vmgr__xw_attr(w, "macTableManager", mac_tables[def->mac_table]);
    vmgr__xw_end(w, "bridge");
}

static void format_mtu(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    if (!def->mtu)
        return;
    vmgr__xw_begin(w, "mtu");
    vmgr__xw_attrf(w, "size", "%u", def->mtu);
    vmgr__xw_end(w, "mtu");
}

static void format_mac(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    if (!def->mac)
        return;
    vmgr__xw_begin(w, "mac");
    vmgr__xw_attr(w, "address", def->mac);
    vmgr__xw_end(w, "mac");
}

static void format_domain(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    if (!def->domain)
        return;
    vmgr__xw_begin(w, "domain");
    vmgr__xw_attr(w, "name", def->domain);
    if (def->domain_local)
        vmgr__xw_attr(w, "localOnly", vmgr__yes_no[def->domain_local]);
    vmgr__xw_end(w, "domain");
}

static void format_port(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    if (!def->port_isolated)
        return;
    vmgr__xw_begin(w, "port");
    vmgr__xw_attr(w, "isolated", vmgr__yes_no[def->port_isolated]);
    vmgr__xw_end(w, "port");
}

static void format_ips(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < def->ips->len; i++)
        vmgr__net_ip_format(def->ips->pdata[i], w);
}

static void format_routes(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < def->routes->len; i++)
        vmgr__net_route_format(def->routes->pdata[i], w);
}

static void format_portgroups(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < def->portgroups->len; i++)
        vmgr__xw_raw(w, ((struct vmgr__net_portgroup *)def->portgroups->pdata[i])->text);
}

/* ---- the table ---- */

static const struct {
    const char *name;
    int (*parse)(struct vmgr__net_parse *p, xmlNode *node);
    void (*format)(const struct vmgr__network_def *def, struct vmgr__xml_writer *w);
    bool repeats;
} elements[] = {
    { "title", NULL, NULL, false },
    { "description", NULL, NULL, false },
    { "metadata", NULL, NULL, false },
    { "forward", vmgr__net_forward_parse, vmgr__net_forward_format, false },
    { "bridge", parse_bridge, format_bridge, false },
    { "mtu", parse_mtu, format_mtu, false },
    { "mac", parse_mac, format_mac, false },
    { "domain", parse_domain, format_domain, false },
    { "dns", vmgr__net_dns_parse, vmgr__net_dns_format, false },
    { "vlan", NULL, NULL, false },
    { "bandwidth", NULL, NULL, false },
    { "port", parse_port, format_port, false },
    { "ip", vmgr__net_ip_parse, format_ips, true },
    { "route", vmgr__net_route_parse, format_routes, true },
    { "virtualport", NULL, NULL, false },
    { "portgroup", parse_portgroup, format_portgroups, true },
};

static int element_index(const xmlNode *node)
{
    for (size_t i = 0; !node->ns && i < G_N_ELEMENTS(elements); i++) {
        if (strcmp(elements[i].name, (const char *)node->name) == 0)
            return (int)i;
    }
    return G_N_ELEMENTS(elements);
}

static void keep(struct vmgr__net_parse *p, xmlNode *node, int rank)
{
    struct vmgr__net_kept *k = g_new0(struct vmgr__net_kept, 1);

    k->rank = rank;
    k->name = g_strdup((const char *)node->name);
    if (strcmp(k->name, "metadata") == 0 && !node->ns) {
        g_autofree char *text = vmgr__xml_dump(node, 1);

        k->text = g_strdup_printf("  %s\n", text);
    } else {
        k->text = vmgr__xml_keep(node, 1);
    }
    g_ptr_array_add(p->def->kept, k);
}

static void kept_free(void *data)
{
    struct vmgr__net_kept *k = data;

    g_free(k->name);
    g_free(k->text);
    g_free(k);
}

static struct vmgr__network_def *def_new(void)
{
    struct vmgr__network_def *def = g_new0(struct vmgr__network_def, 1);

    def->stp = true;
    def->mac_table = -1;
    def->forward.interfaces = g_ptr_array_new_with_free_func(g_free);
    def->forward.kept = g_ptr_array_new_with_free_func(g_free);
    vmgr__net_dns_init(&def->dns);
    def->ips = g_ptr_array_new_with_free_func(vmgr__net_ip_free);
    def->routes = g_ptr_array_new_with_free_func(vmgr__net_route_free);
    def->portgroups = g_ptr_array_new_with_free_func(vmgr__net_portgroup_free);
    def->kept = g_ptr_array_new_with_free_func(kept_free);
    def->warnings = g_ptr_array_new_with_free_func(g_free);
    return def;
}

void vmgr__network_def_free(struct vmgr__network_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    vmgr__net_forward_fini(&def->forward);
    g_free(def->bridge);
    g_free(def->bridge_zone);
    g_free(def->mac);
    g_free(def->domain);
    vmgr__net_dns_fini(&def->dns);
    g_ptr_array_unref(def->ips);
    g_ptr_array_unref(def->routes);
    g_ptr_array_unref(def->portgroups);
    g_ptr_array_unref(def->kept);
    g_ptr_array_unref(def->warnings);
    g_free(def);
}

bool vmgr__network_def_owns_bridge(const struct vmgr__network_def *def)
{
    return def->forward.mode <= VMGR__FORWARD_OPEN;
}

bool vmgr__network_def_is_direct(const struct vmgr__network_def *def)
{
    const int mode = def->forward.mode;

    return (mode == VMGR__FORWARD_BRIDGE && !def->bridge) || mode == VMGR__FORWARD_PRIVATE ||
           mode == VMGR__FORWARD_VEPA || mode == VMGR__FORWARD_PASSTHROUGH;
}

/* ---- reading ---- */

static int parse_identity(struct vmgr__net_parse *p, xmlNode *root)
{
    static const char *const known[] = { "ipv6", "trustGuestRxFilters", "connections", NULL };
    struct vmgr__network_def *def = p->def;
    g_autofree char *uuid = vmgr__xml_text(vmgr__xml_child(root, "uuid"));
    g_autofree char *ipv6 = vmgr__xml_attr(root, "ipv6");

    vmgr__net_warn_attrs(p, root, known);
    def->name = vmgr__xml_text(vmgr__xml_child(root, "name"));
    if (!def->name || !*def->name)
        return net_error(p, VMGR_ERR_NO_NAME, NULL);
    if (strpbrk(def->name, "/\n"))
        return net_error(p, VMGR_ERR_XML_DETAIL, "invalid char in name: %c",
                         *strpbrk(def->name, "/\n"));
    if (strcmp(def->name, ".") == 0 || strcmp(def->name, "..") == 0)
        return net_error(p, VMGR_ERR_XML_DETAIL, "invalid name: %s", def->name);
    if (uuid && !vmgr__uuid_parse(uuid, def->uuid))
        return net_error(p, VMGR_ERR_INTERNAL_ERROR, "malformed uuid element");
    if (!uuid && vmgr__uuid_generate(def->uuid, p->err) < 0)
        return -1;
    def->has_uuid = uuid != NULL;
    if (ipv6 && strcmp(ipv6, "yes") != 0 && strcmp(ipv6, "no") != 0)
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid ipv6 setting '%s' in network '%s'", ipv6,
                         def->name);
    def->ipv6 = ipv6 && strcmp(ipv6, "yes") == 0;
    return vmgr__xml_enum(root, "trustGuestRxFilters", vmgr__yes_no, &def->trust_filters, p->err) <
                   0
               ? -1
               : 0;
}

static int parse_elements(struct vmgr__net_parse *p, xmlNode *root)
{
    bool seen[G_N_ELEMENTS(elements) + 1] = { false };

    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        for (xmlNode *c = vmgr__xml_child(root, elements[i].name); c;
             c = vmgr__xml_next(c, elements[i].name)) {
            if (seen[i] && !elements[i].repeats) {
                g_ptr_array_add(p->def->warnings,
                                g_strdup_printf("only the first of several elements '%s' in "
                                                "network counts",
                                                elements[i].name));
                break;
            }
            seen[i] = true;
            if (!elements[i].parse)
                keep(p, c, (int)i);
            else if (elements[i].parse(p, c) < 0)
                return -1;
        }
    }
    for (xmlNode *c = vmgr__xml_first(root); c; c = vmgr__xml_next(c, NULL)) {
        if (element_index(c) < (int)G_N_ELEMENTS(elements) || vmgr__xml_is(c, "name") ||
            vmgr__xml_is(c, "uuid"))
            continue;
        warn_element(p, c, "network");
        keep(p, c, G_N_ELEMENTS(elements));
    }
    return 0;
}

/* ---- what the parts say together ---- */

static int check_forward(struct vmgr__net_parse *p)
{
    const struct vmgr__network_def *def = p->def;
    const int mode = def->forward.mode;
    const char *word = vmgr__forward_names[mode];
    const guint devices = def->forward.interfaces->len;

    if ((mode == VMGR__FORWARD_NAT || mode == VMGR__FORWARD_ROUTE) && !def->ips->len)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "%s forwarding requested, but no IP address "
                         "provided for network '%s'",
                         word, def->name);
    if ((mode == VMGR__FORWARD_NAT || mode == VMGR__FORWARD_ROUTE) && devices > 1)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "multiple forwarding interfaces specified for "
                         "network '%s', only one is supported",
                         def->name);
    if (mode == VMGR__FORWARD_OPEN && devices)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "forward dev not allowed for network '%s' with forward mode='%s'",
                         def->name, word);
    if (mode == VMGR__FORWARD_BRIDGE && def->bridge && devices)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "A network with forward mode='%s' can specify a "
                         "bridge name or a forward dev, but not both "
                         "(network '%s')",
                         word, def->name);
    if (mode > VMGR__FORWARD_OPEN && def->mtu)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "mtu size only allowed in open, route, nat, and "
                         "isolated mode, not in %s (network '%s')",
                         word, def->name);
    return 0;
}

static int check_routes(struct vmgr__net_parse *p)
{
    const struct vmgr__network_def *def = p->def;

    for (guint i = 0; i < def->routes->len; i++) {
        const struct vmgr__net_route *route = def->routes->pdata[i];
        bool reachable = false;
        char text[VMGR__ADDR_TEXT];

        for (guint k = 0; k < def->ips->len && !reachable; k++) {
            const struct vmgr__net_ip *ip = def->ips->pdata[k];

            reachable = ip->address.family == route->gateway.family &&
                        vmgr__addr_in(&route->gateway, &ip->address, vmgr__net_ip_prefix(ip));
        }
        if (!reachable)
            return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "unreachable static route gateway "
                             "'%s' specified for network '%s'",
                             vmgr__addr_format(&route->gateway, text), def->name);
    }
    return 0;
}

struct vmgr__network_def *vmgr__network_def_parse_node(xmlNode *root, struct vmgr_error **err)
{
    struct vmgr__net_parse p = { .def = def_new(), .err = err };

    if (parse_identity(&p, root) == 0 && parse_elements(&p, root) == 0 && check_forward(&p) == 0 &&
        check_routes(&p) == 0)
        return p.def;
    vmgr__network_def_free(p.def);
    return NULL;
}

struct vmgr__network_def *vmgr__network_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(network_definition)", "network", err);
    struct vmgr__network_def *def;

    if (!doc)
        return NULL;
    def = vmgr__network_def_parse_node(xmlDocGetRootElement(doc), err);
    xmlFreeDoc(doc);
    return def;
}

/* ---- writing ---- */

static void write_kept(const struct vmgr__network_def *def, int rank, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__net_kept *k = def->kept->pdata[i];

        if (k->rank == rank)
            vmgr__xw_raw(w, k->text);
    }
}

void vmgr__network_def_write(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    char uuid[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(def->uuid, uuid);
    vmgr__xw_begin(w, "network");
    if (def->ipv6)
        vmgr__xw_attr(w, "ipv6", "yes");
    if (def->uses)
        vmgr__xw_attrf(w, "connections", "%u", def->uses);
    if (def->trust_filters)
        vmgr__xw_attr(w, "trustGuestRxFilters", vmgr__yes_no[def->trust_filters]);
    vmgr__xw_text(w, "name", def->name);
    vmgr__xw_text(w, "uuid", uuid);
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (elements[i].format)
            elements[i].format(def, w);
        else
            write_kept(def, (int)i, w);
    }
    write_kept(def, G_N_ELEMENTS(elements), w);
    vmgr__xw_end(w, "network");
}

char *vmgr__network_def_format(const struct vmgr__network_def *def)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__network_def_write(def, &w);
    return vmgr__xw_finish(&w);
}

struct vmgr__network_def *vmgr__network_def_copy(const struct vmgr__network_def *def,
                                                 struct vmgr_error **err)
{
    g_autofree char *xml = vmgr__network_def_format(def);

    return vmgr__network_def_parse(xml, err);
}
