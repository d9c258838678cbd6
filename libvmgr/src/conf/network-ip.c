/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <ip> with what its DHCP server gives, and <route>.
 */
#include <string.h>
#include <sys/socket.h>

#include "network.h"

const char *const vmgr__lease_units[] = { "seconds", "minutes", "hours", NULL };
#define LEASE_MIN 120 /* what the DHCP server takes */

uint32_t vmgr__net_lease_seconds(const struct vmgr__net_lease *lease)
{
    static const uint32_t scale[] = { 1, 60, 3600 };
    uint64_t seconds = (uint64_t)lease->expiry * scale[lease->unit];

    return (uint32_t)MIN(seconds, UINT32_MAX);
}

void vmgr__net_host_free(void *data)
{
    struct vmgr__net_host *host = data;

    g_free(host->mac);
    g_free(host->id);
    g_free(host->name);
    g_free(host);
}

void vmgr__net_ip_free(void *data)
{
    struct vmgr__net_ip *ip = data;

    g_free(ip->family);
    g_free(ip->tftp_root);
    g_free(ip->boot_file);
    g_ptr_array_unref(ip->ranges);
    g_ptr_array_unref(ip->hosts);
    g_free(ip);
}

void vmgr__net_route_free(void *data)
{
    struct vmgr__net_route *route = data;

    g_free(route->family);
    g_free(route);
}

/* ---- DHCP ---- */

static int parse_lease(struct vmgr__net_parse *p, const xmlNode *parent,
                       struct vmgr__net_lease *ret)
{
    static const char *const known[] = { "expiry", "unit", NULL };
    const xmlNode *node = vmgr__xml_child(parent, "lease");
    g_autofree char *expiry = vmgr__xml_attr(node, "expiry");

    if (!node)
        return 0;
    vmgr__net_warn_attrs(p, node, known);
    ret->unit = 1;
    if (!expiry)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing required attribute 'expiry' in element 'lease'");
    if (!vmgr__parse_u32(expiry, &ret->expiry))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid value for attribute 'expiry' in element 'lease': '%s'. Expected "
                         "non-negative integer value",
                         expiry);
    if (vmgr__xml_enum(node, "unit", vmgr__lease_units, &ret->unit, p->err) < 0)
        return -1;
    if (ret->expiry && vmgr__net_lease_seconds(ret) < LEASE_MIN)
        return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                         "The minimum lease time should be greater than 2 minutes");
    ret->present = true;
    return 0;
}

int vmgr__net_range_check(const struct vmgr__addr *start, const struct vmgr__addr *end,
                          const struct vmgr__net_ip *ip, struct vmgr_error **err)
{
    char s[VMGR__ADDR_TEXT], e[VMGR__ADDR_TEXT], n[VMGR__ADDR_TEXT];
    const unsigned bits = vmgr__addr_bits(start);
    unsigned prefix;
    int from = 0;

    vmgr__addr_format(start, s);
    vmgr__addr_format(end, e);
#define bad(...) vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_NETWORK, __VA_ARGS__)
    if (start->family != end->family)
        return bad("mismatch of address family in range %s - %s", s, e);
    if (vmgr__addr_compare(start, end) > 0)
        return bad("range %s - %s is reversed ", s, e);
    if (ip) {
        prefix = vmgr__net_ip_prefix(ip);
        vmgr__addr_format(&ip->address, n);
        if (ip->address.family != start->family)
            return bad("mismatch of address family in range %s - %s for network %s", s, e, n);
        if (!vmgr__addr_in(start, &ip->address, prefix) ||
            !vmgr__addr_in(end, &ip->address, prefix))
            return bad("range %s - %s is not entirely within network %s/%u", s, e, n, prefix);
        if (start->family == AF_INET && prefix < 31) {
            struct vmgr__addr first = vmgr__addr_masked(start, prefix, false);
            struct vmgr__addr last = vmgr__addr_masked(start, prefix, true);

            if (vmgr__addr_equal(start, &first))
                return bad("start of range %s - %s in network %s/%u is the network address", s, e,
                           n, prefix);
            if (vmgr__addr_equal(end, &last))
                return bad("end of range %s - %s in network %s/%u is the broadcast address", s, e,
                           n, prefix);
        }
    }
    while (from < (int)bits / 8 - 2 && start->bytes[from] == end->bytes[from])
        from++;
    if (from < (int)bits / 8 - 2)
        return bad("range %s - %s is too large (> 65535)", s, e);
#undef bad
    return 0;
}

static int parse_range_end(struct vmgr__net_parse *p, xmlNode *node, const char *attr,
                           struct vmgr__addr *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    if (!text)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing '%s' attribute in dhcp range for network "
                         "'%s'",
                         attr, p->def->name);
    if (!vmgr__addr_parse(text, ret))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Cannot parse address '%s' in dhcp range for "
                         "network '%s'",
                         text, p->def->name);
    return 0;
}

struct vmgr__net_range *vmgr__net_range_parse(struct vmgr__net_parse *p, xmlNode *node,
                                              const struct vmgr__net_ip *ip)
{
    static const char *const known[] = { "start", "end", NULL };
    static const char *const children[] = { "lease", NULL };
    struct vmgr__net_range range = { 0 };

    vmgr__net_warn_attrs(p, node, known);
    vmgr__net_warn_children(p, node, children);
    if (parse_range_end(p, node, "start", &range.start) < 0 ||
        parse_range_end(p, node, "end", &range.end) < 0 ||
        vmgr__net_range_check(&range.start, &range.end, ip, p->err) < 0 ||
        parse_lease(p, node, &range.lease) < 0)
        return NULL;
    return g_memdup2(&range, sizeof(range));
}

static int check_host_id(struct vmgr__net_parse *p, const char *id)
{
    for (const char *c = id; *c; c++) {
        if (!g_ascii_isxdigit(*c) && *c != ':')
            return net_error(p, VMGR_ERR_XML_ERROR,
                             "Invalid character '%c' in id '%s' of network "
                             "'%s'",
                             *c, id, p->def->name);
    }
    return 0;
}

static int check_host_mac(struct vmgr__net_parse *p, const struct vmgr__net_host *host, bool v6)
{
    uint8_t mac[6];

    if (!vmgr__mac_parse(host->mac, mac))
        return net_error(p, VMGR_ERR_XML_ERROR, "Cannot parse MAC address '%s' in network '%s'",
                         host->mac, p->def->name);
    if (mac[0] & 1)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "expected unicast mac address, found multicast "
                         "'%s' in network '%s'",
                         host->mac, p->def->name);
    if (v6)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid to specify MAC address '%s' in network "
                         "'%s' IPv6 static host definition",
                         host->mac, p->def->name);
    return 0;
}

/* What the DHCP server's files would read as something else. */
static bool is_plain_name(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-._", *c) && !((unsigned char)*c & 0x80))
            return false;
    }
    return g_ascii_isalnum(name[0]) || name[0] == '_' || (unsigned char)name[0] & 0x80;
}

static int check_host(struct vmgr__net_parse *p, const struct vmgr__net_host *host, bool v6,
                      bool partial)
{
    const char *network = p->def->name;

    if (host->mac && check_host_mac(p, host, v6) < 0)
        return -1;
    if (host->id && check_host_id(p, host->id) < 0)
        return -1;
    if (host->name && !is_plain_name(host->name))
        return net_error(p, VMGR_ERR_XML_ERROR, "Cannot use host name '%s' in network '%s'",
                         host->name, network);
    if (partial)
        return host->mac || host->name || host->id || host->ip.family
                   ? 0
                   : net_error(p, VMGR_ERR_XML_ERROR,
                               "At least one of name, mac, or ip attribute must be specified for "
                               "static host definition in network '%s' ",
                               network);
    if (v6 && !host->id && !host->name)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Static host definition in IPv6 network '%s' must "
                         "have id or name attribute",
                         network);
    if (!v6 && !host->mac && !host->name)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Static host definition in IPv4 network '%s' must "
                         "have mac or name attribute",
                         network);
    if (!host->ip.family)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing IP address in static host definition for network '%s'", network);
    return 0;
}

struct vmgr__net_host *vmgr__net_host_parse(struct vmgr__net_parse *p, xmlNode *node,
                                            const struct vmgr__net_ip *ip, bool partial)
{
    static const char *const known[] = { "mac", "id", "name", "ip", NULL };
    static const char *const children[] = { "lease", NULL };
    struct vmgr__net_host *host = g_new0(struct vmgr__net_host, 1);
    g_autofree char *address = vmgr__xml_attr(node, "ip");
    bool v6 = ip && ip->address.family == AF_INET6;

    vmgr__net_warn_attrs(p, node, known);
    vmgr__net_warn_children(p, node, children);
    host->mac = vmgr__xml_attr(node, "mac");
    host->id = vmgr__xml_attr(node, "id");
    host->name = vmgr__xml_attr(node, "name");
    if (address && (!vmgr__addr_parse(address, &host->ip) ||
                    (!partial && ip && host->ip.family != ip->address.family))) {
        net_error(p, VMGR_ERR_XML_ERROR,
                  "Invalid IP address in static host definition for network '%s'", p->def->name);
        goto fail;
    }
    if (check_host(p, host, v6, partial) < 0 || parse_lease(p, node, &host->lease) < 0)
        goto fail;
    return host;
fail:
    vmgr__net_host_free(host);
    return NULL;
}

static int parse_bootp(struct vmgr__net_parse *p, const xmlNode *node, struct vmgr__net_ip *ip)
{
    static const char *const known[] = { "file", "server", NULL };
    g_autofree char *server = vmgr__xml_attr(node, "server");

    if (!node || ip->address.family != AF_INET)
        return 0;
    vmgr__net_warn_attrs(p, node, known);
    ip->boot_file = vmgr__xml_attr(node, "file");
    if (!ip->boot_file)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing required attribute 'file' in element 'bootp'");
    if (server && !vmgr__addr_parse(server, &ip->boot_server))
        return net_error(p, VMGR_ERR_SYSTEM_ERROR,
                         "Cannot parse socket address '%s': Name or service not known", server);
    return 0;
}

static int parse_dhcp(struct vmgr__net_parse *p, xmlNode *node, struct vmgr__net_ip *ip)
{
    static const char *const known[] = { "range", "host", "bootp", NULL };

    if (!node)
        return 0;
    vmgr__net_warn_attrs(p, node, NULL);
    vmgr__net_warn_children(p, node, known);
    for (xmlNode *c = vmgr__xml_child(node, "range"); c; c = vmgr__xml_next(c, "range")) {
        struct vmgr__net_range *range = vmgr__net_range_parse(p, c, ip);

        if (!range)
            return -1;
        g_ptr_array_add(ip->ranges, range);
    }
    for (xmlNode *c = vmgr__xml_child(node, "host"); c; c = vmgr__xml_next(c, "host")) {
        struct vmgr__net_host *host = vmgr__net_host_parse(p, c, ip, false);

        if (!host)
            return -1;
        g_ptr_array_add(ip->hosts, host);
    }
    return parse_bootp(p, vmgr__xml_child(node, "bootp"), ip);
}

/* ---- <ip> ---- */

/* Reads address, netmask and prefix, of <ip> and of <route>. */
static int parse_family(struct vmgr__net_parse *p, const char *family, const struct vmgr__addr *a,
                        const char *text, const char *where)
{
    if (!family || strcmp(family, "ipv4") == 0) {
        if (a->family != AF_INET && !family)
            return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "%sno family specified for non-IPv4 address '%s' in network '%s'",
                             where, text, p->def->name);
        if (a->family != AF_INET)
            return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "%sFamily 'ipv4' specified for non-IPv4 address '%s' in network '%s'",
                             where, text, p->def->name);
        return 0;
    }
    if (strcmp(family, "ipv6") != 0)
        return net_error(p, VMGR_ERR_XML_ERROR, "%sUnrecognized family '%s' in network '%s'", where,
                         family, p->def->name);
    if (a->family != AF_INET6)
        return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                         "%sFamily 'ipv6' specified for non-IPv6 address '%s' in network '%s'",
                         where, text, p->def->name);
    return 0;
}

static int parse_mask(struct vmgr__net_parse *p, const xmlNode *node, const struct vmgr__addr *a,
                      struct vmgr__addr *ret_mask, uint32_t *ret_prefix, bool *ret_has)
{
    g_autofree char *mask = vmgr__xml_attr(node, "netmask");
    g_autofree char *prefix = vmgr__xml_attr(node, "prefix");

    if (prefix) {
        if (!vmgr__parse_u32(prefix, ret_prefix) || *ret_prefix > vmgr__addr_bits(a))
            return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "Invalid %s prefix '%s' in network '%s'",
                             a->family == AF_INET6 ? "IPv6" : "IPv4", prefix, p->def->name);
        *ret_has = true;
    }
    if (!mask)
        return 0;
    if (prefix)
        return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                         "Network '%s' IP address cannot have both a prefix and a netmask",
                         p->def->name);
    if (a->family == AF_INET6)
        return net_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                         "Specifying netmask invalid for IPv6 address in network '%s'",
                         p->def->name);
    if (!vmgr__addr_parse(mask, ret_mask) || ret_mask->family != AF_INET ||
        vmgr__addr_mask_length(ret_mask) < 0)
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid netmask '%s' in network '%s'", mask,
                         p->def->name);
    return 0;
}

int vmgr__net_ip_parse(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known_attrs[] = { "family", "address",  "netmask",
                                               "prefix", "localPtr", NULL };
    static const char *const known[] = { "tftp", "dhcp", NULL };
    struct vmgr__net_ip *ip = g_new0(struct vmgr__net_ip, 1);
    g_autofree char *address = vmgr__xml_attr(node, "address");

    ip->ranges = g_ptr_array_new_with_free_func(g_free);
    ip->hosts = g_ptr_array_new_with_free_func(vmgr__net_host_free);
    g_ptr_array_add(p->def->ips, ip);
    vmgr__net_warn_attrs(p, node, known_attrs);
    vmgr__net_warn_children(p, node, known);
    if (!address)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Missing required address attribute in network '%s'", p->def->name);
    if (!vmgr__addr_parse(address, &ip->address))
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid address '%s' in network '%s'", address,
                         p->def->name);
    ip->family = vmgr__xml_attr(node, "family");
    if (parse_family(p, ip->family, &ip->address, address, "") < 0 ||
        parse_mask(p, node, &ip->address, &ip->netmask, &ip->prefix, &ip->has_prefix) < 0 ||
        vmgr__xml_enum(node, "localPtr", vmgr__yes_no, &ip->local_ptr, p->err) < 0)
        return -1;
    if (vmgr__xml_child(node, "tftp"))
        ip->tftp_root = vmgr__xml_attr(vmgr__xml_child(node, "tftp"), "root");
    return parse_dhcp(p, vmgr__xml_child(node, "dhcp"), ip);
}

static void end_with_lease(const struct vmgr__net_lease *lease, const char *name,
                           struct vmgr__xml_writer *w)
{
    if (lease->present) {
        vmgr__xw_begin(w, "lease");
        vmgr__xw_attrf(w, "expiry", "%u", lease->expiry);
        if (lease->expiry)
            vmgr__xw_attr(w, "unit", vmgr__lease_units[lease->unit]);
        vmgr__xw_end(w, "lease");
    }
    vmgr__xw_end(w, name);
}

static void format_dhcp(const struct vmgr__net_ip *ip, struct vmgr__xml_writer *w)
{
    char text[VMGR__ADDR_TEXT];

    if (!ip->ranges->len && !ip->hosts->len && !ip->boot_file)
        return;
    vmgr__xw_begin(w, "dhcp");
    for (guint i = 0; i < ip->ranges->len; i++) {
        const struct vmgr__net_range *range = ip->ranges->pdata[i];

        vmgr__xw_begin(w, "range");
        vmgr__xw_attr(w, "start", vmgr__addr_format(&range->start, text));
        vmgr__xw_attr(w, "end", vmgr__addr_format(&range->end, text));
        end_with_lease(&range->lease, "range", w);
    }
    for (guint i = 0; i < ip->hosts->len; i++) {
        const struct vmgr__net_host *host = ip->hosts->pdata[i];

        vmgr__xw_begin(w, "host");
        vmgr__xw_attr(w, "mac", host->mac);
        vmgr__xw_attr(w, "id", host->id);
        vmgr__xw_attr(w, "name", host->name);
        if (host->ip.family)
            vmgr__xw_attr(w, "ip", vmgr__addr_format(&host->ip, text));
        end_with_lease(&host->lease, "host", w);
    }
    if (ip->boot_file) {
        vmgr__xw_begin(w, "bootp");
        vmgr__xw_attr(w, "file", ip->boot_file);
        if (ip->boot_server.family)
            vmgr__xw_attr(w, "server", vmgr__addr_format(&ip->boot_server, text));
        vmgr__xw_end(w, "bootp");
    }
    vmgr__xw_end(w, "dhcp");
}

static void format_address(const char *family, const struct vmgr__addr *address,
                           const struct vmgr__addr *netmask, bool has_prefix, uint32_t prefix,
                           struct vmgr__xml_writer *w)
{
    char text[VMGR__ADDR_TEXT];

    vmgr__xw_attr(w, "family", family);
    vmgr__xw_attr(w, "address", vmgr__addr_format(address, text));
    if (netmask->family)
        vmgr__xw_attr(w, "netmask", vmgr__addr_format(netmask, text));
    if (has_prefix)
        vmgr__xw_attrf(w, "prefix", "%u", prefix);
}

void vmgr__net_ip_format(const struct vmgr__net_ip *ip, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "ip");
    format_address(ip->family, &ip->address, &ip->netmask, ip->has_prefix, ip->prefix, w);
    if (ip->local_ptr)
        vmgr__xw_attr(w, "localPtr", vmgr__yes_no[ip->local_ptr]);
    vmgr__xw_content(w);
    if (ip->tftp_root) {
        vmgr__xw_begin(w, "tftp");
        vmgr__xw_attr(w, "root", ip->tftp_root);
        vmgr__xw_end(w, "tftp");
    }
    format_dhcp(ip, w);
    vmgr__xw_end(w, "ip");
}

/* ---- <route> ---- */

static int check_route(struct vmgr__net_parse *p, const struct vmgr__net_route *route,
                       const char *address)
{
    unsigned prefix = vmgr__net_route_prefix(route);
    struct vmgr__addr net = vmgr__addr_masked(&route->address, prefix, false);

    if (!vmgr__addr_equal(&net, &route->address))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "%s: Address '%s' in route definition is not a network address",
                         p->def->name, address);
    return 0;
}

int vmgr__net_route_parse(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "family",  "address", "netmask", "prefix",
                                         "gateway", "metric",  NULL };
    struct vmgr__net_route *route = g_new0(struct vmgr__net_route, 1);
    g_autofree char *address = vmgr__xml_attr(node, "address");
    g_autofree char *gateway = vmgr__xml_attr(node, "gateway");
    g_autofree char *metric = vmgr__xml_attr(node, "metric");
    const char *name = p->def->name;

    g_ptr_array_add(p->def->routes, route);
    vmgr__net_warn_attrs(p, node, known);
    vmgr__net_warn_children(p, node, NULL);
    if (!address)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "%s: Missing required address attribute in route definition", name);
    if (!gateway)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "%s: Missing required gateway attribute in route definition", name);
    if (!vmgr__addr_parse(address, &route->address))
        return net_error(p, VMGR_ERR_XML_ERROR, "%s: Bad network address '%s' in route definition",
                         name, address);
    if (!vmgr__addr_parse(gateway, &route->gateway) ||
        route->gateway.family != route->address.family)
        return net_error(p, VMGR_ERR_XML_ERROR, "%s: Bad gateway address '%s' in route definition",
                         name, gateway);
    route->family = vmgr__xml_attr(node, "family");
    if (parse_family(p, route->family, &route->address, address, "route: ") < 0 ||
        parse_mask(p, node, &route->address, &route->netmask, &route->prefix, &route->has_prefix) <
            0)
        return -1;
    if (metric && !vmgr__parse_u32(metric, &route->metric))
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid value for attribute 'metric' in element 'route': '%s'. Expected "
                         "integer value",
                         metric);
    if (metric && !route->metric)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid value for attribute 'metric' in element "
                         "'route': Zero is not permitted");
    return check_route(p, route, address);
}

void vmgr__net_route_format(const struct vmgr__net_route *route, struct vmgr__xml_writer *w)
{
    char text[VMGR__ADDR_TEXT];

    vmgr__xw_begin(w, "route");
    format_address(route->family, &route->address, &route->netmask, route->has_prefix,
                   route->prefix, w);
    vmgr__xw_attr(w, "gateway", vmgr__addr_format(&route->gateway, text));
    if (route->metric)
        vmgr__xw_attrf(w, "metric", "%u", route->metric);
    vmgr__xw_end(w, "route");
}
