/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <forward>: how a network reaches the world.
 */
#include <string.h>
#include <sys/socket.h>

#include "network.h"

const char *const vmgr__forward_names[] = { "none",    "nat",  "route",       "open",    "bridge",
                                            "private", "vepa", "passthrough", "hostdev", NULL };

void vmgr__net_forward_fini(struct vmgr__net_forward *f)
{
    g_ptr_array_unref(f->interfaces);
    g_ptr_array_unref(f->kept);
    if (f->uses)
        g_array_unref(f->uses);
}

static int parse_nat_address(struct vmgr__net_parse *p, const xmlNode *node, const char *attr,
                             struct vmgr__addr *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    if (text && (!vmgr__addr_parse(text, ret) || ret->family != AF_INET))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Bad ipv4 %s address '%s' in <nat> in <forward> in network '%s'", attr,
                         text, p->def->name);
    return 0;
}

static int parse_nat_addresses(struct vmgr__net_parse *p, const xmlNode *nat)
{
    static const char *const known[] = { "start", "end", NULL };
    struct vmgr__net_forward *f = &p->def->forward;
    const xmlNode *node = vmgr__xml_child(nat, "address");

    if (!node)
        return 0;
    vmgr__net_warn_attrs(p, node, known);
    if (vmgr__xml_next(node, "address"))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Only one <address> element is allowed in <nat> in <forward> in network "
                         "%s",
                         p->def->name);
    if (parse_nat_address(p, node, "start", &f->nat_start) < 0 ||
        parse_nat_address(p, node, "end", &f->nat_end) < 0)
        return -1;
    if (f->nat_end.family && !f->nat_start.family)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing 'start' attribute in <address> in <nat> in <forward> in network "
                         "'%s'",
                         p->def->name);
    if (!f->nat_end.family)
        f->nat_end = f->nat_start;
    return f->nat_start.family ? vmgr__net_range_check(&f->nat_start, &f->nat_end, NULL, p->err)
                               : 0;
}

static int parse_ports(struct vmgr__net_parse *p, const xmlNode *nat)
{
    static const char *const known[] = { "start", "end", NULL };
    struct vmgr__net_forward *f = &p->def->forward;
    const xmlNode *node = vmgr__xml_child(nat, "port");
    const struct {
        const char *attr;
        uint32_t *value;
    } rows[] = { { "start", &f->port_start }, { "end", &f->port_end } };

    if (!node)
        return 0;
    vmgr__net_warn_attrs(p, node, known);
    if (vmgr__xml_next(node, "port"))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Only one <port> element is allowed in <nat> in <forward> in network %s",
                         p->def->name);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = vmgr__xml_attr(node, rows[i].attr);
        bool good = text && vmgr__parse_u32(text, rows[i].value) && *rows[i].value <= 65535;

        if (!good || (i && f->port_end < f->port_start))
            return net_error(p, VMGR_ERR_XML_DETAIL,
                             "Missing or invalid '%s' attribute in <port> in <nat> in <forward> "
                             "in network %s",
                             rows[i].attr, p->def->name);
    }
    f->has_ports = true;
    return 0;
}

static int parse_nat(struct vmgr__net_parse *p, xmlNode *forward)
{
    static const char *const known_attrs[] = { "ipv6", NULL };
    static const char *const known[] = { "address", "port", NULL };
    xmlNode *nat = vmgr__xml_child(forward, "nat");
    int ipv6 = 0;

    if (!nat)
        return 0;
    if (vmgr__xml_next(nat, "nat"))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Only one <nat> element is allowed in <forward> of network %s",
                         p->def->name);
    if (p->def->forward.mode != VMGR__FORWARD_NAT)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "The <nat> element can only be used when <forward> 'mode' is 'nat' in "
                         "network %s",
                         p->def->name);
    vmgr__net_warn_attrs(p, nat, known_attrs);
    vmgr__net_warn_children(p, nat, known);
    if (vmgr__xml_enum(nat, "ipv6", vmgr__yes_no, &ipv6, p->err) < 0)
        return -1;
    p->def->forward.nat_ipv6 = ipv6 == 1;
    return parse_nat_addresses(p, nat) < 0 || parse_ports(p, nat) < 0 ? -1 : 0;
}

int vmgr__net_interface_parse(struct vmgr__net_parse *p, xmlNode *node, char **ret)
{
    static const char *const known[] = { "dev", "connections", NULL };
    g_autofree char *dev = vmgr__xml_attr(node, "dev");

    vmgr__net_warn_attrs(p, node, known);
    if (!dev || !*dev)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing required dev attribute in <forward> <interface> element of "
                         "network %s",
                         p->def->name);
    *ret = g_steal_pointer(&dev);
    return 0;
}

static int parse_interfaces(struct vmgr__net_parse *p, xmlNode *node)
{
    GPtrArray *list = p->def->forward.interfaces;
    g_autofree char *dev = vmgr__xml_attr(node, "dev");

    for (xmlNode *c = vmgr__xml_child(node, "interface"); c; c = vmgr__xml_next(c, "interface")) {
        char *name;

        if (vmgr__net_interface_parse(p, c, &name) < 0)
            return -1;
        g_ptr_array_add(list, name);
    }
    if (!dev || !*dev) /* as none */
        return 0;
    if (list->len && strcmp(dev, list->pdata[0]) != 0)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "<forward dev='%s'> must match first <interface dev='%s'/> in network %s",
                         dev, (char *)list->pdata[0], p->def->name);
    if (!list->len)
        g_ptr_array_add(list, g_steal_pointer(&dev));
    return 0;
}

int vmgr__net_forward_parse(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known_attrs[] = { "mode", "dev", "managed", NULL };
    static const char *const known[] = { "nat", "interface", "pf", "driver", "address", NULL };
    struct vmgr__net_forward *f = &p->def->forward;
    g_autofree char *mode = vmgr__xml_attr(node, "mode");

    vmgr__net_warn_attrs(p, node, known_attrs);
    vmgr__net_warn_children(p, node, known);
    f->mode = mode ? vmgr__name_index(vmgr__forward_names, mode) : VMGR__FORWARD_NAT;
    if (f->mode < 0)
        return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown forwarding type '%s'", mode);
    if (vmgr__xml_enum(node, "managed", vmgr__yes_no, &f->managed, p->err) < 0 ||
        parse_nat(p, node) < 0 || parse_interfaces(p, node) < 0)
        return -1;
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (!vmgr__xml_is(c, "nat") && !vmgr__xml_is(c, "interface"))
            g_ptr_array_add(f->kept, vmgr__xml_keep(c, 2));
    }
    return 0;
}

static void format_nat(const struct vmgr__net_forward *f, struct vmgr__xml_writer *w)
{
    char text[VMGR__ADDR_TEXT];

    if (!f->nat_ipv6 && !f->nat_start.family && !f->has_ports)
        return;
    vmgr__xw_begin(w, "nat");
    if (f->nat_ipv6)
        vmgr__xw_attr(w, "ipv6", "yes");
    if (f->nat_start.family) {
        vmgr__xw_begin(w, "address");
        vmgr__xw_attr(w, "start", vmgr__addr_format(&f->nat_start, text));
        vmgr__xw_attr(w, "end", vmgr__addr_format(&f->nat_end, text));
        vmgr__xw_end(w, "address");
    }
    if (f->has_ports) {
        vmgr__xw_begin(w, "port");
        vmgr__xw_attrf(w, "start", "%u", f->port_start);
        vmgr__xw_attrf(w, "end", "%u", f->port_end);
        vmgr__xw_end(w, "port");
    }
    vmgr__xw_end(w, "nat");
}

void vmgr__net_forward_format(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    const struct vmgr__net_forward *f = &def->forward;

    if (f->mode == VMGR__FORWARD_NONE)
        return;
    vmgr__xw_begin(w, "forward");
    if (f->interfaces->len)
        vmgr__xw_attr(w, "dev", f->interfaces->pdata[0]);
    vmgr__xw_attr(w, "mode", vmgr__forward_names[f->mode]);
    if (f->mode == VMGR__FORWARD_HOSTDEV)
        vmgr__xw_attr(w, "managed", f->managed == 1 ? "yes" : "no");
    format_nat(f, w);
    for (guint i = 0; i < f->kept->len; i++)
        vmgr__xw_raw(w, f->kept->pdata[i]);
    for (guint i = 0; i < f->interfaces->len; i++) {
        vmgr__xw_begin(w, "interface");
        vmgr__xw_attr(w, "dev", f->interfaces->pdata[i]);
        if (f->uses && g_array_index(f->uses, uint32_t, i))
            vmgr__xw_attrf(w, "connections", "%u", g_array_index(f->uses, uint32_t, i));
        vmgr__xw_end(w, "interface");
    }
    vmgr__xw_end(w, "forward");
}
