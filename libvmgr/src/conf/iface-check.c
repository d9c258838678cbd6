/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether an <interface> of the host makes sense: what the document alone tells.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "iface.h"
#include "network.h"

#define TAG_MAX   4094
#define MTU_MIN   68    /* RFC 791; the kernel's ETH_MIN_MTU */
#define MTU_MAX   65535 /* likewise */
#define DELAY_MAX 3000  /* hundredths of a second: 802.1D's 30 s */
#define PORTS_MAX 256

#define wrong(err, ...) iface_error(err, VMGR_ERR_XML_ERROR, __VA_ARGS__)

/* dev_valid_name() of the kernel; and a '%' would make it choose a number. */
bool vmgr__iface_name_is_valid(const char *name)
{
    const size_t length = strlen(name);

    if (!length || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (strchr("/:%", name[i]) || !g_ascii_isgraph(name[i]))
            return false;
    }
    return true;
}

bool vmgr__iface_delay(const char *text, uint32_t max, uint32_t *ret)
{
    char *end;
    double value;

    if (!g_ascii_isdigit(*text))
        return false;
    value = g_ascii_strtod(text, &end);
    if (*end || strchr(text, 'x') || value < 0 || value * 100 > max)
        return false;
    *ret = (uint32_t)(value * 100 + 0.5);
    return true;
}

static int check_protocol(const struct vmgr__iface_def *def, const struct vmgr__iface_protocol *p,
                          struct vmgr_error **err)
{
    const int family = strcmp(p->family, "ipv4") == 0 ? AF_INET : AF_INET6;
    uint8_t bytes[16];

    for (guint i = 0; i < p->ips->len; i++) {
        const struct vmgr__iface_ip *ip = p->ips->pdata[i];

        if (inet_pton(family, ip->address, bytes) != 1)
            return wrong(err, "'%s' of interface '%s' is not an address of %s", ip->address,
                         def->name, p->family);
        if (!ip->prefix || ip->prefix > (family == AF_INET ? 32 : 128))
            return wrong(err, "the prefix of address %s of interface '%s' is missing or too long",
                         ip->address, def->name);
    }
    if (p->gateway && inet_pton(family, p->gateway, bytes) != 1)
        return wrong(err, "gateway '%s' of interface '%s' is not an address of %s", p->gateway,
                     def->name, p->family);
    return 0;
}

static int check_bond(const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    uint8_t bytes[4];

    if (def->monitor == VMGR__IFACE_ARP && inet_pton(AF_INET, def->target, bytes) != 1)
        return wrong(err, "the target '%s' of bond '%s' is not an address of ipv4", def->target,
                     def->name);
    return 0;
}

static int check_type(const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    uint32_t number;
    uint8_t mac[6];

    if (def->mac && !vmgr__mac_parse(def->mac, mac))
        return wrong(err, "'%s' of interface '%s' is not a MAC address", def->mac, def->name);
    if (def->delay && !vmgr__iface_delay(def->delay, DELAY_MAX, &number))
        return wrong(err, "the delay '%s' of bridge '%s' is not a number of seconds up to 30",
                     def->delay, def->name);
    if (def->tag && (!vmgr__parse_u32(def->tag, &number) || !number || number > TAG_MAX))
        return wrong(err, "the tag '%s' of vlan '%s' is not a number from 1 to %d", def->tag,
                     def->name, TAG_MAX);
    if (def->link && !vmgr__iface_name_is_valid(def->link))
        return wrong(err, "'%s' is not the name of an interface", def->link);
    return def->type == VMGR__IFACE_BOND ? check_bond(def, err) : 0;
}

int vmgr__iface_def_check(const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    if (!vmgr__iface_name_is_valid(def->name))
        return wrong(err, "'%s' is not the name of an interface", def->name);
    if (def->start == VMGR__IFACE_START_HOTPLUG)
        return iface_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                           "start mode 'hotplug' of interface '%s' is not supported", def->name);
    if (def->mtu && (def->mtu < MTU_MIN || def->mtu > MTU_MAX))
        return wrong(err, "the MTU %u of interface '%s' is not between %d and %d", def->mtu,
                     def->name, MTU_MIN, MTU_MAX);
    if (def->ports->len > PORTS_MAX)
        return wrong(err, "interface '%s' has more than %d others in it", def->name, PORTS_MAX);
    for (guint i = 0; i < def->protocols->len; i++) {
        if (check_protocol(def, def->protocols->pdata[i], err) < 0)
            return -1;
    }
    for (guint i = 0; i < def->ports->len; i++) {
        const struct vmgr__iface_def *port = def->ports->pdata[i];

        if (strcmp(port->name, def->name) == 0)
            return wrong(err, "interface '%s' is in itself", def->name);
        if (vmgr__iface_def_check(port, err) < 0)
            return -1;
    }
    return check_type(def, err);
}
