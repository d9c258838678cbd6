/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <dns>: what a network's name server knows and whom it asks.
 */
#include <string.h>

#include "network.h"

static void forwarder_free(void *data)
{
    struct vmgr__net_forwarder *f = data;

    g_free(f->domain);
    g_free(f);
}

void vmgr__net_txt_free(void *data)
{
    struct vmgr__net_txt *txt = data;

    g_free(txt->name);
    g_free(txt->value);
    g_free(txt);
}

void vmgr__net_srv_free(void *data)
{
    struct vmgr__net_srv *srv = data;

    g_free(srv->service);
    g_free(srv->protocol);
    g_free(srv->domain);
    g_free(srv->target);
    g_free(srv);
}

void vmgr__net_dns_host_free(void *data)
{
    struct vmgr__net_dns_host *host = data;

    g_ptr_array_unref(host->names);
    g_free(host);
}

void vmgr__net_dns_init(struct vmgr__net_dns *dns)
{
    dns->forwarders = g_ptr_array_new_with_free_func(forwarder_free);
    dns->txts = g_ptr_array_new_with_free_func(vmgr__net_txt_free);
    dns->srvs = g_ptr_array_new_with_free_func(vmgr__net_srv_free);
    dns->hosts = g_ptr_array_new_with_free_func(vmgr__net_dns_host_free);
}

void vmgr__net_dns_fini(struct vmgr__net_dns *dns)
{
    g_ptr_array_unref(dns->forwarders);
    g_ptr_array_unref(dns->txts);
    g_ptr_array_unref(dns->srvs);
    g_ptr_array_unref(dns->hosts);
}

static int parse_forwarder(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known[] = { "addr", "domain", NULL };
    g_autofree char *addr = vmgr__xml_attr(node, "addr");
    struct vmgr__net_forwarder *f = g_new0(struct vmgr__net_forwarder, 1);

    g_ptr_array_add(p->def->dns.forwarders, f);
    vmgr__net_warn_attrs(p, node, known);
    f->domain = vmgr__xml_attr(node, "domain");
    if (!addr && !f->domain)
        return net_error(p, VMGR_ERR_XML_ERROR,
                         "Invalid forwarder element, must contain at least one of addr or domain");
    if (addr && !vmgr__addr_parse(addr, &f->address))
        return net_error(p, VMGR_ERR_XML_ERROR, "Invalid forwarder IP address '%s' in network '%s'",
                         addr, p->def->name);
    return 0;
}

struct vmgr__net_txt *vmgr__net_txt_parse(struct vmgr__net_parse *p, xmlNode *node, bool partial)
{
    static const char *const known[] = { "name", "value", NULL };
    struct vmgr__net_txt *txt = g_new0(struct vmgr__net_txt, 1);
    const char *network = p->def->name;

    vmgr__net_warn_attrs(p, node, known);
    txt->name = vmgr__xml_attr(node, "name");
    txt->value = vmgr__xml_attr(node, "value");
    if (!txt->name)
        net_error(p, VMGR_ERR_XML_DETAIL,
                  "missing required name attribute in DNS TXT record of network %s", network);
    else if (strchr(txt->name, ' '))
        net_error(p, VMGR_ERR_XML_DETAIL,
                  "prohibited character in DNS TXT record name '%s' of network %s", txt->name,
                  network);
    else if (!txt->value && !partial)
        net_error(p, VMGR_ERR_XML_DETAIL,
                  "missing required value attribute in DNS TXT record named '%s' of network %s",
                  txt->name, network);
    else
        return txt;
    vmgr__net_txt_free(txt);
    return NULL;
}

static int parse_srv_number(struct vmgr__net_parse *p, xmlNode *node, const char *attr,
                            const struct vmgr__net_srv *srv, uint32_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    if (!text)
        return 0;
    /* Zero is what stands for absence; libvirt has no zero either. */
    if (!vmgr__parse_u32(text, ret) || *ret > 65535 || (*ret == 0 && strcmp(attr, "port") == 0))
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "invalid DNS SRV %s attribute for service '%s' in network '%s'", attr,
                         srv->service, p->def->name);
    if (!srv->target)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "DNS SRV %s attribute not permitted without target for service '%s' in "
                         "network '%s'",
                         attr, srv->service, p->def->name);
    return 0;
}

static int check_srv(struct vmgr__net_parse *p, xmlNode *node, struct vmgr__net_srv *srv,
                     bool partial)
{
    const char *network = p->def->name;

    if (!srv->service && !partial)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "missing required service attribute in DNS SRV record of network '%s'",
                         network);
    if (!srv->protocol && !partial)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "missing required protocol attribute in DNS SRV record '%s' of network "
                         "'%s'",
                         srv->service, network);
    if (parse_srv_number(p, node, "port", srv, &srv->port) < 0 ||
        parse_srv_number(p, node, "priority", srv, &srv->priority) < 0 ||
        parse_srv_number(p, node, "weight", srv, &srv->weight) < 0)
        return -1;
    return 0;
}

struct vmgr__net_srv *vmgr__net_srv_parse(struct vmgr__net_parse *p, xmlNode *node, bool partial)
{
    static const char *const known[] = { "service", "protocol", "domain", "target",
                                         "port",    "priority", "weight", NULL };
    struct vmgr__net_srv *srv = g_new0(struct vmgr__net_srv, 1);

    vmgr__net_warn_attrs(p, node, known);
    srv->service = vmgr__xml_attr(node, "service");
    srv->protocol = vmgr__xml_attr(node, "protocol");
    srv->domain = vmgr__xml_attr(node, "domain");
    srv->target = vmgr__xml_attr(node, "target");
    if (check_srv(p, node, srv, partial) == 0)
        return srv;
    vmgr__net_srv_free(srv);
    return NULL;
}

static int check_dns_host(struct vmgr__net_parse *p, const char *ip,
                          const struct vmgr__net_dns_host *host, bool partial)
{
    const char *network = p->def->name;

    if (!partial && !ip)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "Missing IP address in network '%s' DNS HOST "
                         "record",
                         network);
    if (ip && !host->ip.family)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "Invalid IP address in network '%s' DNS HOST "
                         "record",
                         network);
    if (!partial && !host->names->len)
        return net_error(p, VMGR_ERR_XML_DETAIL, "Missing hostname in network '%s' DNS HOST record",
                         network);
    if (!ip && !host->names->len)
        return net_error(p, VMGR_ERR_XML_DETAIL,
                         "Missing ip and hostname in network '%s' DNS HOST record", network);
    return 0;
}

struct vmgr__net_dns_host *vmgr__net_dns_host_parse(struct vmgr__net_parse *p, xmlNode *node,
                                                    bool partial)
{
    static const char *const known_attrs[] = { "ip", NULL };
    static const char *const known[] = { "hostname", NULL };
    struct vmgr__net_dns_host *host = g_new0(struct vmgr__net_dns_host, 1);
    g_autofree char *ip = vmgr__xml_attr(node, "ip");

    host->names = g_ptr_array_new_with_free_func(g_free);
    vmgr__net_warn_attrs(p, node, known_attrs);
    vmgr__net_warn_children(p, node, known);
    if (ip)
        vmgr__addr_parse(ip, &host->ip);
    for (xmlNode *c = vmgr__xml_child(node, "hostname"); c; c = vmgr__xml_next(c, "hostname")) {
        char *name = vmgr__xml_text(c);

        if (name && *name)
            g_ptr_array_add(host->names, name);
        else
            g_free(name);
    }
    if (check_dns_host(p, ip, host, partial) == 0)
        return host;
    vmgr__net_dns_host_free(host);
    return NULL;
}

static int parse_records(struct vmgr__net_parse *p, xmlNode *node)
{
    struct vmgr__net_dns *dns = &p->def->dns;

    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        GPtrArray *list = NULL;
        void *record = NULL;

        if (vmgr__xml_is(c, "forwarder")) {
            if (parse_forwarder(p, c) < 0)
                return -1;
        } else if (vmgr__xml_is(c, "txt")) {
            list = dns->txts;
            record = vmgr__net_txt_parse(p, c, false);
        } else if (vmgr__xml_is(c, "srv")) {
            list = dns->srvs;
            record = vmgr__net_srv_parse(p, c, false);
        } else if (vmgr__xml_is(c, "host")) {
            list = dns->hosts;
            record = vmgr__net_dns_host_parse(p, c, false);
        }
        if (list && !record)
            return -1;
        if (list)
            g_ptr_array_add(list, record);
    }
    return 0;
}

int vmgr__net_dns_parse(struct vmgr__net_parse *p, xmlNode *node)
{
    static const char *const known_attrs[] = { "enable", "forwardPlainNames", NULL };
    static const char *const known[] = { "forwarder", "txt", "srv", "host", NULL };
    struct vmgr__net_dns *dns = &p->def->dns;

    vmgr__net_warn_attrs(p, node, known_attrs);
    vmgr__net_warn_children(p, node, known);
    if (vmgr__xml_enum(node, "enable", vmgr__yes_no, &dns->enable, p->err) < 0 ||
        vmgr__xml_enum(node, "forwardPlainNames", vmgr__yes_no, &dns->forward_plain_names, p->err) <
            0 ||
        parse_records(p, node) < 0)
        return -1;
    if (dns->enable == 2 && (dns->forwarders->len || dns->txts->len || dns->srvs->len ||
                             dns->hosts->len || dns->forward_plain_names))
        return net_error(p, VMGR_ERR_XML_ERROR, "Extra data in disabled network '%s'",
                         p->def->name);
    return 0;
}

/* ---- writing ---- */

static void format_srv(const struct vmgr__net_srv *srv, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "srv");
    vmgr__xw_attr(w, "service", srv->service);
    vmgr__xw_attr(w, "protocol", srv->protocol);
    vmgr__xw_attr(w, "domain", srv->domain);
    vmgr__xw_attr(w, "target", srv->target);
    if (srv->port)
        vmgr__xw_attrf(w, "port", "%u", srv->port);
    if (srv->priority)
        vmgr__xw_attrf(w, "priority", "%u", srv->priority);
    if (srv->weight)
        vmgr__xw_attrf(w, "weight", "%u", srv->weight);
    vmgr__xw_end(w, "srv");
}

static void format_hosts(const GPtrArray *hosts, struct vmgr__xml_writer *w)
{
    char text[VMGR__ADDR_TEXT];

    for (guint i = 0; i < hosts->len; i++) {
        const struct vmgr__net_dns_host *host = hosts->pdata[i];

        vmgr__xw_begin(w, "host");
        vmgr__xw_attr(w, "ip", vmgr__addr_format(&host->ip, text));
        vmgr__xw_content(w);
        for (guint n = 0; n < host->names->len; n++)
            vmgr__xw_text(w, "hostname", host->names->pdata[n]);
        vmgr__xw_end(w, "host");
    }
}

void vmgr__net_dns_format(const struct vmgr__network_def *def, struct vmgr__xml_writer *w)
{
    const struct vmgr__net_dns *dns = &def->dns;
    char text[VMGR__ADDR_TEXT];

    if (!dns->enable && !dns->forward_plain_names && !dns->forwarders->len && !dns->txts->len &&
        !dns->srvs->len && !dns->hosts->len)
        return;
    vmgr__xw_begin(w, "dns");
    if (dns->enable)
        vmgr__xw_attr(w, "enable", vmgr__yes_no[dns->enable]);
    if (dns->forward_plain_names)
        vmgr__xw_attr(w, "forwardPlainNames", vmgr__yes_no[dns->forward_plain_names]);
    for (guint i = 0; i < dns->forwarders->len; i++) {
        const struct vmgr__net_forwarder *f = dns->forwarders->pdata[i];

        vmgr__xw_begin(w, "forwarder");
        vmgr__xw_attr(w, "domain", f->domain);
        if (f->address.family)
            vmgr__xw_attr(w, "addr", vmgr__addr_format(&f->address, text));
        vmgr__xw_end(w, "forwarder");
    }
    for (guint i = 0; i < dns->txts->len; i++) {
        const struct vmgr__net_txt *txt = dns->txts->pdata[i];

        vmgr__xw_begin(w, "txt");
        vmgr__xw_attr(w, "name", txt->name);
        vmgr__xw_attr(w, "value", txt->value);
        vmgr__xw_end(w, "txt");
    }
    for (guint i = 0; i < dns->srvs->len; i++)
        format_srv(dns->srvs->pdata[i], w);
    format_hosts(dns->hosts, w);
    vmgr__xw_end(w, "dns");
}
