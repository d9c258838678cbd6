/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing one part of a network's definition: net-update.
 *
 * Each section has a function that reads the fragment, finds what matches it and adds, deletes or
 * modifies. Changes are made on the definition given, which the caller throws away on failure.
 */
#include <string.h>

#include "network.h"

struct update {
    struct vmgr__net_parse p; /* first */
    int command;
    int parent_index;
    xmlNode *node;
};

#define invalid(u, ...) net_error(&(u)->p, VMGR_ERR_OPERATION_INVALID, __VA_ARGS__)
#define NAME(u)         ((u)->p.def->name)

static bool is_add(const struct update *u)
{
    return u->command == VMGR_NETWORK_UPDATE_ADD_FIRST ||
           u->command == VMGR_NETWORK_UPDATE_ADD_LAST;
}

static void insert(const struct update *u, GPtrArray *list, void *item)
{
    g_ptr_array_insert(list, u->command == VMGR_NETWORK_UPDATE_ADD_FIRST ? 0 : -1, item);
}

static int cannot_modify(const struct update *u, const char *what)
{
    return invalid(u, "%s cannot be modified, only added or deleted", what);
}

/* ---- DHCP ---- */

static struct vmgr__net_ip *find_ip(struct update *u)
{
    GPtrArray *ips = u->p.def->ips;

    if (u->parent_index >= 0 && (guint)u->parent_index < ips->len)
        return ips->pdata[u->parent_index];
    if (u->parent_index >= 0) {
        invalid(u,
                "couldn't update dhcp host entry - no <ip> element found at index %d in network "
                "'%s'",
                u->parent_index, NAME(u));
        return NULL;
    }
    /* None said: the one that serves DHCP, else the first of IPv4, else the first. */
    for (guint i = 0; i < ips->len; i++) {
        struct vmgr__net_ip *ip = ips->pdata[i];

        if (ip->ranges->len || ip->hosts->len)
            return ip;
    }
    for (guint i = 0; i < ips->len; i++) {
        struct vmgr__net_ip *ip = ips->pdata[i];

        if (vmgr__addr_bits(&ip->address) == 32)
            return ip;
    }
    if (ips->len)
        return ips->pdata[0];
    invalid(u, "couldn't update dhcp host entry - no <ip> element found in network '%s'", NAME(u));
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool same_mac(const char *a, const char *b)
{
    uint8_t x[6], y[6];

    return a && b && vmgr__mac_parse(a, x) && vmgr__mac_parse(b, y) && memcmp(x, y, 6) == 0;
}

/* Any field in common: two such entries cannot both be served. */
static int find_host_touching(const GPtrArray *hosts, const struct vmgr__net_host *host)
{
    for (guint i = 0; i < hosts->len; i++) {
        const struct vmgr__net_host *h = hosts->pdata[i];

        if (same_mac(h->mac, host->mac) || same_text(h->name, host->name) ||
            (h->ip.family && vmgr__addr_equal(&h->ip, &host->ip)))
            return (int)i;
    }
    return -1;
}

/* All fields that the fragment gives. */
static int find_host_matching(const GPtrArray *hosts, const struct vmgr__net_host *host)
{
    for (guint i = 0; i < hosts->len; i++) {
        const struct vmgr__net_host *h = hosts->pdata[i];

        if ((!host->mac || same_mac(h->mac, host->mac)) &&
            (!host->name || same_text(h->name, host->name)) &&
            (!host->id || same_text(h->id, host->id)) &&
            (!host->ip.family || vmgr__addr_equal(&h->ip, &host->ip)))
            return (int)i;
    }
    return -1;
}

static int modify_host(struct update *u, GPtrArray *hosts, struct vmgr__net_host *host)
{
    int found = -1;

    for (guint i = 0; i < hosts->len && found < 0; i++) {
        const struct vmgr__net_host *h = hosts->pdata[i];

        if (same_mac(h->mac, host->mac) || (!host->mac && same_text(h->id, host->id)) ||
            (!host->mac && !host->id && same_text(h->name, host->name)))
            found = (int)i;
    }
    if (found < 0)
        return invalid(u,
                       "couldn't locate an existing dhcp host entry with \"mac='%s'\" in network "
                       "'%s'",
                       host->mac    ? host->mac
                       : host->name ? host->name
                                    : "",
                       NAME(u));
    vmgr__net_host_free(hosts->pdata[found]);
    hosts->pdata[found] = host;
    return 0;
}

static int add_host(struct update *u, GPtrArray *hosts, struct vmgr__net_host *host)
{
    const int found = find_host_touching(hosts, host);

    if (found >= 0) {
        const struct vmgr__net_host *h = hosts->pdata[found];
        char ip[VMGR__ADDR_TEXT];

        return invalid(u,
                       "there is an existing dhcp host entry in network '%s' that matches \"<host "
                       "mac='%s' name='%s' ip='%s'/>\"",
                       NAME(u), h->mac ? h->mac : "(null)", h->name ? h->name : "(null)",
                       h->ip.family ? vmgr__addr_format(&h->ip, ip) : "(null)");
    }
    insert(u, hosts, host);
    return 0;
}

static int update_host(struct update *u)
{
    const bool remove = u->command == VMGR_NETWORK_UPDATE_DELETE;
    struct vmgr__net_ip *ip = find_ip(u);
    struct vmgr__net_host *host = ip ? vmgr__net_host_parse(&u->p, u->node, ip, remove) : NULL;
    int r, found;

    if (!host)
        return -1;
    if (!remove) {
        r = is_add(u) ? add_host(u, ip->hosts, host) : modify_host(u, ip->hosts, host);
        if (r < 0)
            vmgr__net_host_free(host);
        return r;
    }
    found = find_host_matching(ip->hosts, host);
    vmgr__net_host_free(host);
    if (found < 0)
        return invalid(u, "couldn't locate a matching dhcp host entry in network '%s'", NAME(u));
    g_ptr_array_remove_index(ip->hosts, (guint)found);
    return 0;
}

static int find_range(const GPtrArray *ranges, const struct vmgr__net_range *range)
{
    for (guint i = 0; i < ranges->len; i++) {
        const struct vmgr__net_range *r = ranges->pdata[i];

        if (vmgr__addr_equal(&r->start, &range->start) && vmgr__addr_equal(&r->end, &range->end))
            return (int)i;
    }
    return -1;
}

static int update_range(struct update *u)
{
    struct vmgr__net_ip *ip = find_ip(u);
    g_autofree struct vmgr__net_range *range = NULL;
    char start[VMGR__ADDR_TEXT], end[VMGR__ADDR_TEXT];
    int found;

    if (!ip)
        return -1;
    range = vmgr__net_range_parse(&u->p, u->node, ip);
    if (!range)
        return -1;
    found = find_range(ip->ranges, range);
    if (u->command == VMGR_NETWORK_UPDATE_MODIFY)
        return cannot_modify(u, "dhcp ranges");
    if (is_add(u) && found >= 0)
        return invalid(u,
                       "there is an existing dhcp range entry in network '%s' that matches "
                       "\"<range start='%s' end='%s'/>\"",
                       NAME(u), vmgr__addr_format(&range->start, start),
                       vmgr__addr_format(&range->end, end));
    if (is_add(u))
        insert(u, ip->ranges, g_steal_pointer(&range));
    else if (found < 0)
        return invalid(u, "couldn't locate a matching dhcp range entry in network '%s'", NAME(u));
    else
        g_ptr_array_remove_index(ip->ranges, (guint)found);
    return 0;
}

/* ---- forward, port groups ---- */

static int update_forward_interface(struct update *u)
{
    GPtrArray *list = u->p.def->forward.interfaces;
    g_autofree char *dev = NULL;
    int found = -1;

    if (u->command == VMGR_NETWORK_UPDATE_MODIFY)
        return cannot_modify(u, "forward interface entries");
    if (vmgr__net_interface_parse(&u->p, u->node, &dev) < 0)
        return -1;
    for (guint i = 0; i < list->len && found < 0; i++) {
        if (strcmp(list->pdata[i], dev) == 0)
            found = (int)i;
    }
    if (is_add(u) && found >= 0)
        return invalid(u,
                       "there is an existing interface entry in network '%s' that matches "
                       "\"<interface dev='%s'>\"",
                       NAME(u), dev);
    if (is_add(u))
        insert(u, list, g_steal_pointer(&dev));
    else if (found < 0)
        return invalid(u,
                       "couldn't find an interface entry in network '%s' matching <interface "
                       "dev='%s'>",
                       NAME(u), dev);
    else
        g_ptr_array_remove_index(list, (guint)found);
    return 0;
}

static int change_portgroup(struct update *u, struct vmgr__net_portgroup *group)
{
    GPtrArray *list = u->p.def->portgroups;
    int found = -1, other_default = -1;

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__net_portgroup *g = list->pdata[i];

        if (strcmp(g->name, group->name) == 0)
            found = (int)i;
        else if (g->is_default)
            other_default = (int)i;
    }
    if (found < 0 && !is_add(u))
        return invalid(u,
                       "couldn't find a portgroup entry in network '%s' matching <portgroup "
                       "name='%s'>",
                       NAME(u), group->name);
    if (found >= 0 && is_add(u))
        return invalid(u,
                       "there is an existing portgroup entry in network '%s' that matches "
                       "\"<portgroup name='%s'>\"",
                       NAME(u), group->name);
    if (u->command == VMGR_NETWORK_UPDATE_DELETE) {
        g_ptr_array_remove_index(list, (guint)found);
        vmgr__net_portgroup_free(group);
        return 0;
    }
    if (group->is_default && other_default >= 0)
        return invalid(u,
                       "a different portgroup entry in network '%s' is already set as the default. "
                       "Only one default is allowed.",
                       NAME(u));
    if (is_add(u)) {
        insert(u, list, group);
    } else {
        vmgr__net_portgroup_free(list->pdata[found]);
        list->pdata[found] = group;
    }
    return 0;
}

static int update_portgroup(struct update *u)
{
    struct vmgr__net_portgroup *group = vmgr__net_portgroup_parse(&u->p, u->node);
    int r = group ? change_portgroup(u, group) : -1;

    if (r < 0 && group)
        vmgr__net_portgroup_free(group);
    return r;
}

/* ---- DNS ---- */

static bool names_meet(const GPtrArray *a, const GPtrArray *b)
{
    for (guint i = 0; i < a->len; i++) {
        for (guint k = 0; k < b->len; k++) {
            if (strcmp(a->pdata[i], b->pdata[k]) == 0)
                return true;
        }
    }
    return false;
}

/* The one entry that `matches`; -1: none, -2: several. */
static int find_one(const GPtrArray *list, const void *item,
                    bool (*matches)(const void *entry, const void *item))
{
    int found = -1;

    for (guint i = 0; i < list->len; i++) {
        if (!matches(list->pdata[i], item))
            continue;
        if (found >= 0)
            return -2;
        found = (int)i;
    }
    return found;
}

static bool dns_host_matches(const void *entry, const void *item)
{
    const struct vmgr__net_dns_host *e = entry, *h = item;

    return (h->ip.family && vmgr__addr_equal(&e->ip, &h->ip)) || names_meet(e->names, h->names);
}

/* Two records for one address are fine, two for one name are not. */
static bool dns_host_collides(const void *entry, const void *item)
{
    const struct vmgr__net_dns_host *e = entry, *h = item;

    return vmgr__addr_bits(&e->ip) == vmgr__addr_bits(&h->ip) && dns_host_matches(entry, item);
}

static bool txt_matches(const void *entry, const void *item)
{
    const struct vmgr__net_txt *e = entry, *t = item;

    return strcmp(e->name, t->name) == 0 && (!t->value || same_text(e->value, t->value));
}

static bool txt_collides(const void *entry, const void *item)
{
    return strcmp(((const struct vmgr__net_txt *)entry)->name,
                  ((const struct vmgr__net_txt *)item)->name) == 0;
}

static bool srv_matches(const void *entry, const void *item)
{
    const struct vmgr__net_srv *e = entry, *s = item;

    return (!s->domain || same_text(e->domain, s->domain)) &&
           (!s->service || same_text(e->service, s->service)) &&
           (!s->protocol || same_text(e->protocol, s->protocol)) &&
           (!s->target || same_text(e->target, s->target)) && (!s->port || s->port == e->port) &&
           (!s->priority || s->priority == e->priority) && (!s->weight || s->weight == e->weight);
}

/* Adds or deletes a DNS record, which it owns. `there`: what is in the way of adding it. */
static int change_record(struct update *u, GPtrArray *list, void *record,
                         bool (*collides)(const void *, const void *),
                         bool (*matches)(const void *, const void *), void (*free_fn)(void *),
                         const char *what, const char *there)
{
    int found;

    if (!record)
        return -1;
    found = find_one(list, record, is_add(u) ? collides : matches);
    if (is_add(u) && found == -1) {
        insert(u, list, record);
        return 0;
    }
    free_fn(record);
    if (is_add(u))
        return invalid(u, "there is already %s in network %s", there, NAME(u));
    if (found == -1)
        return invalid(u, "couldn't locate a matching %s record in network %s", what, NAME(u));
    if (found == -2)
        return invalid(u, "multiple matching %s records were found in network %s", what, NAME(u));
    g_ptr_array_remove_index(list, (guint)found);
    return 0;
}

static int need_dns(struct update *u, const char *records)
{
    if (u->command == VMGR_NETWORK_UPDATE_MODIFY)
        return cannot_modify(u, records);
    if (u->p.def->dns.enable == 2 && is_add(u))
        return invalid(u, "DNS is disabled in network '%s'", NAME(u));
    return 0;
}

static int update_dns_host(struct update *u)
{
    const bool partial = !is_add(u);

    if (need_dns(u, "DNS HOST records") < 0)
        return -1;
    return change_record(u, u->p.def->dns.hosts, vmgr__net_dns_host_parse(&u->p, u->node, partial),
                         dns_host_collides, dns_host_matches, vmgr__net_dns_host_free, "DNS HOST",
                         "at least one DNS HOST record with a matching field");
}

static int update_dns_txt(struct update *u)
{
    g_autofree char *name = vmgr__xml_attr(u->node, "name");
    g_autofree char *there = g_strdup_printf("a DNS TXT record with name '%s'", name ? name : "");

    if (need_dns(u, "DNS TXT records") < 0)
        return -1;
    return change_record(u, u->p.def->dns.txts, vmgr__net_txt_parse(&u->p, u->node, !is_add(u)),
                         txt_collides, txt_matches, vmgr__net_txt_free, "DNS TXT", there);
}

static int update_dns_srv(struct update *u)
{
    if (need_dns(u, "DNS SRV records") < 0)
        return -1;
    return change_record(u, u->p.def->dns.srvs, vmgr__net_srv_parse(&u->p, u->node, !is_add(u)),
                         srv_matches, srv_matches, vmgr__net_srv_free, "DNS SRV",
                         "at least one DNS SRV record matching all specified fields");
}

static const struct {
    const char *name;    /* of the section */
    const char *element; /* NULL: cannot be changed by itself */
    int (*run)(struct update *u);
} sections[] = {
    [VMGR_NETWORK_SECTION_BRIDGE] = { "bridge", NULL, NULL },
    [VMGR_NETWORK_SECTION_DOMAIN] = { "domain", NULL, NULL },
    [VMGR_NETWORK_SECTION_IP] = { "ip", NULL, NULL },
    [VMGR_NETWORK_SECTION_IP_DHCP_HOST] = { "ip-dhcp-host", "host", update_host },
    [VMGR_NETWORK_SECTION_IP_DHCP_RANGE] = { "ip-dhcp-range", "range", update_range },
    [VMGR_NETWORK_SECTION_FORWARD] = { "forward", NULL, NULL },
    [VMGR_NETWORK_SECTION_FORWARD_INTERFACE] = { "forward-interface", "interface",
                                                 update_forward_interface },
    [VMGR_NETWORK_SECTION_FORWARD_PF] = { "forward-pf", NULL, NULL },
    [VMGR_NETWORK_SECTION_PORTGROUP] = { "portgroup", "portgroup", update_portgroup },
    [VMGR_NETWORK_SECTION_DNS_HOST] = { "dns-host", "host", update_dns_host },
    [VMGR_NETWORK_SECTION_DNS_TXT] = { "dns-txt", "txt", update_dns_txt },
    [VMGR_NETWORK_SECTION_DNS_SRV] = { "dns-srv", "srv", update_dns_srv },
};

int vmgr__network_def_update(struct vmgr__network_def *def, int command, int section,
                             int parent_index, const char *xml, struct vmgr_error **err)
{
    struct update u = { .p = { .def = def, .err = err },
                        .command = command,
                        .parent_index = parent_index };
    xmlDoc *doc;
    int r;

    if (section <= 0 || (size_t)section >= G_N_ELEMENTS(sections))
        return vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "can't update unrecognized section of network");
    if (command < VMGR_NETWORK_UPDATE_MODIFY || command > VMGR_NETWORK_UPDATE_ADD_FIRST)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "unrecognized network update command code %d", command);
    if (!sections[section].run)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "can't update '%s' section of network '%s'", sections[section].name,
                               def->name);
    doc = vmgr__xml_parse(xml, "network_update_xml", NULL, err);
    if (!doc)
        return -1;
    u.node = xmlDocGetRootElement(doc);
    if (vmgr__xml_is(u.node, sections[section].element))
        r = sections[section].run(&u);
    else
        r = vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_NETWORK,
                            "unexpected element <%s>, expecting <%s>, while updating network '%s'",
                            u.node ? (const char *)u.node->name : "", sections[section].element,
                            def->name);
    xmlFreeDoc(doc);
    return r;
}
