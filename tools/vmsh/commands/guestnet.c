/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about interfaces of guests: their addresses, limits and links.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/device.h"

/* --- domifaddr ------------------------------------------------------------------------------ */

const struct opt domifaddr_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "interface", .type = OPT_STRING, .help = "network interface name", .named = true },
    { .name = "full", .type = OPT_BOOL, .help = "always display names and MACs of interfaces" },
    { .name = "source",
      .type = OPT_STRING,
      .help = "address source: 'lease', 'agent', or 'arp'",
      .named = true },
    OPT_END,
};

static bool source_number(struct shell *sh, const char *text, unsigned *ret)
{
    static const char *const names[] = { [VMGR_ADDRESS_SOURCE_LEASE] = "lease",
                                         [VMGR_ADDRESS_SOURCE_AGENT] = "agent",
                                         [VMGR_ADDRESS_SOURCE_ARP] = "arp" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!text || !strcmp(text, names[i])) {
            *ret = i;
            return true;
        }
    shell_error(sh, "Unknown data source '%s'", text);
    return false;
}

static void print_interface(const struct vmgr_domain_interface *i, bool full)
{
    const char *mac = i->mac && *i->mac ? i->mac : "-";
    if (!i->address_count)
        printf(" %-10s %-17s    %-12s %s\n", i->name, mac, "N/A", "N/A");
    for (size_t n = 0; n < i->address_count; n++) {
        const struct vmgr_interface_address *a = &i->addresses[n];
        bool named = full || n == 0;
        printf(" %-10s %-17s    %-12s %s/%u\n", named ? i->name : "-", named ? mac : "-",
               a->type == VMGR_ADDRESS_IPV6 ? "ipv6" : "ipv4", a->address, a->prefix);
    }
}

bool cmd_domifaddr(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "interface");
    struct vmgr_domain_interface **list = NULL;
    struct vmgr_domain *domain = args_domain(sh, args);
    unsigned source = 0;
    bool ok = domain && source_number(sh, args_string(args, "source"), &source);
    if (ok && vmgr_domain_get_interface_addresses(domain, source, 0, &list, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to query for interfaces addresses");
        ok = false;
    }
    if (ok)
        shell_extra(sh, " %-10s %-20s %-8s     %s\n%s%s\n", "Name", "MAC address", "Protocol",
                    "Address", "-------------------------------------------------",
                    "------------------------------");
    for (struct vmgr_domain_interface **i = list; ok && *i; i++)
        if (!name || !strcmp((*i)->name, name))
            print_interface(*i, args_bool(args, "full"));
    vmgr_domain_interfaces_free(list);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- domiftune ------------------------------------------------------------------------------ */

const struct opt domiftune_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "interface", .type = OPT_DATA, .help = "interface device (MAC Address)" },
    { .name = "inbound",
      .type = OPT_STRING,
      .help = "control domain's incoming traffics",
      .named = true },
    { .name = "outbound",
      .type = OPT_STRING,
      .help = "control domain's outgoing traffics",
      .named = true },
    OPT_AFFECT,
    OPT_END,
};

/* "average,peak,burst,floor"; those left out are 0. 1 given, 0 not, -1: wrong, the error was
 * printed. */
static int rate(struct shell *sh, const struct args *args, const char *name, uint32_t *to,
                int count)
{
    const char *text = args_string(args, name);
    if (!text)
        return 0;
    for (int i = 0; i < count; i++) {
        char *end = NULL;
        unsigned long n = strtoul(text, &end, 10);
        bool wanted = i == 0 || (*text && *text != ',');
        if (wanted && (end == text || *text == '-' || n > UINT32_MAX))
            break;
        to[i] = wanted ? (uint32_t)n : 0;
        text = wanted ? end : text;
        if (!*text)
            return 1;
        if (*text++ != ',')
            break;
    }
    shell_error(sh, "%s format is incorrect", name);
    return -1;
}

static bool print_limits(struct shell *sh, struct vmgr_domain *domain, const char *interface,
                         uint32_t flags)
{
    uint32_t limits[VMGR_LIMIT_COUNT];
    if (vmgr_domain_get_interface_limits(domain, interface, flags, limits, shell_err(sh)) < 0) {
        shell_error(sh, "Unable to get interface parameters");
        return false;
    }
    for (int i = 0; i < VMGR_LIMIT_COUNT; i++)
        printf("%-15s: %u\n", vmgr_interface_limit_name(i), limits[i]);
    return true;
}

bool cmd_domiftune(struct shell *sh, const struct args *args)
{
    const char *interface = args_string(args, "interface");
    uint32_t limits[VMGR_LIMIT_COUNT] = { 0 };
    struct vmgr_domain *domain = NULL;
    uint32_t flags;
    int in = rate(sh, args, "inbound", &limits[VMGR_LIMIT_IN_AVERAGE], 4);
    int out = in < 0 ? -1 : rate(sh, args, "outbound", &limits[VMGR_LIMIT_OUT_AVERAGE], 3);
    if (out < 0 || !args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok;
    if (!in && !out) {
        ok = print_limits(sh, domain, interface, flags);
    } else {
        unsigned directions = (in ? VMGR_LIMIT_IN : 0) | (out ? VMGR_LIMIT_OUT : 0);
        ok = vmgr_domain_set_interface_limits(domain, interface, directions, limits, flags,
                                              shell_err(sh)) == 0;
        if (!ok)
            shell_error(sh, "Unable to set interface parameters");
    }
    vmgr_domain_unref(domain);
    return ok;
}

/* --- domif-setlink -------------------------------------------------------------------------- */

const struct opt domif_setlink_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "interface", .type = OPT_DATA, .help = "interface device (MAC Address)" },
    { .name = "state", .type = OPT_DATA, .help = "new state of the device" },
    { .name = "config", .type = OPT_BOOL, .help = "affect next boot" },
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than set the interface link state" },
    OPT_END,
};

static xmlNode *find_interface(xmlDoc *doc, const char *name)
{
    xmlNode *n = NULL;
    while ((n = device_next(doc, n, "interface"))) {
        char *mac = device_attr(n, "mac", "address"), *dev = device_attr(n, "target", "dev");
        bool same = (mac && !strcasecmp(mac, name)) || (dev && !strcmp(dev, name));
        xmlFree(mac);
        xmlFree(dev);
        if (same)
            return n;
    }
    return NULL;
}

/* The interface's document with that state of its link; for xmlFree(). */
static xmlChar *with_link(xmlNode *interface, const char *state)
{
    xmlNode *link = interface->children;
    while (link && (link->type != XML_ELEMENT_NODE || xmlStrcmp(link->name, BAD_CAST "link") != 0))
        link = link->next;
    if (!link)
        link = xmlNewChild(interface, NULL, BAD_CAST "link", NULL);
    xmlSetProp(link, BAD_CAST "state", BAD_CAST state);
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, interface->doc, interface, 0, 0);
    xmlChar *text = xmlStrdup(xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

static bool set_link(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                     uint32_t flags)
{
    const char *name = args_string(args, "interface");
    xmlDoc *doc = device_definition(sh, domain, flags);
    if (!doc) {
        shell_error(sh, "Failed to get domain description xml");
        return false;
    }
    xmlNode *found = find_interface(doc, name);
    bool ok = found != NULL;
    if (!found) {
        shell_error(sh, "interface (%s: %s) not found", strchr(name, ':') ? "mac" : "target", name);
    } else {
        xmlChar *xml = with_link(found, args_string(args, "state"));
        if (args_bool(args, "print-xml")) {
            printf("%s", (const char *)xml);
        } else {
            ok = vmgr_domain_update_device(domain, (const char *)xml, flags, shell_err(sh)) == 0;
            if (ok)
                shell_extra(sh, "Device updated successfully\n");
            else
                shell_error(sh, "Failed to update interface link state");
        }
        xmlFree(xml);
    }
    xmlFreeDoc(doc);
    return ok;
}

bool cmd_domif_setlink(struct shell *sh, const struct args *args)
{
    const char *state = args_string(args, "state");
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = !strcmp(state, "up") || !strcmp(state, "down");
    bool config = args_bool(args, "config") || vmgr_domain_is_active(domain, NULL) == 0;
    if (ok)
        ok = set_link(sh, args, domain,
                      config ? VMGR_DOMAIN_AFFECT_CONFIG : VMGR_DOMAIN_AFFECT_LIVE);
    else
        shell_error(sh, "invalid link state '%s'", state);
    vmgr_domain_unref(domain);
    return ok;
}
