/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IP and MAC addresses of network documents.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "network.h"

bool vmgr__addr_parse(const char *text, struct vmgr__addr *ret)
{
    struct vmgr__addr a = { 0 };

    if (inet_pton(AF_INET, text, a.bytes) == 1)
        a.family = AF_INET;
    else if (inet_pton(AF_INET6, text, a.bytes) == 1)
        a.family = AF_INET6;
    else
        return false;
    *ret = a;
    return true;
}

const char *vmgr__addr_format(const struct vmgr__addr *addr, char ret[VMGR__ADDR_TEXT])
{
    if (!addr->family || !inet_ntop(addr->family, addr->bytes, ret, VMGR__ADDR_TEXT))
        ret[0] = '\0';
    return ret;
}

unsigned vmgr__addr_bits(const struct vmgr__addr *addr)
{
    return addr->family == AF_INET6 ? 128 : 32;
}

int vmgr__addr_compare(const struct vmgr__addr *a, const struct vmgr__addr *b)
{
    return memcmp(a->bytes, b->bytes, vmgr__addr_bits(a) / 8);
}

bool vmgr__addr_equal(const struct vmgr__addr *a, const struct vmgr__addr *b)
{
    return a->family == b->family && (!a->family || vmgr__addr_compare(a, b) == 0);
}

struct vmgr__addr vmgr__addr_masked(const struct vmgr__addr *addr, unsigned prefix, bool ones)
{
    struct vmgr__addr r = *addr;
    unsigned bits = vmgr__addr_bits(addr);

    for (unsigned i = prefix; i < bits; i++) {
        if (ones)
            r.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
        else
            r.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    }
    return r;
}

bool vmgr__addr_in(const struct vmgr__addr *addr, const struct vmgr__addr *net, unsigned prefix)
{
    struct vmgr__addr a = vmgr__addr_masked(addr, prefix, false);
    struct vmgr__addr b = vmgr__addr_masked(net, prefix, false);

    return vmgr__addr_equal(&a, &b);
}

int vmgr__addr_mask_length(const struct vmgr__addr *mask)
{
    unsigned bits = vmgr__addr_bits(mask), length = 0;

    while (length < bits && mask->bytes[length / 8] & 0x80 >> length % 8)
        length++;
    for (unsigned i = length; i < bits; i++) {
        if (mask->bytes[i / 8] & 0x80 >> i % 8)
            return -1;
    }
    return (int)length;
}

/* Without an explicit length an IPv4 address has that of its class (RFC 791 3.2), as documents of
 * old rely on. */
static unsigned default_prefix(const struct vmgr__addr *a)
{
    if (a->family != AF_INET)
        return 64;
    return a->bytes[0] < 128 ? 8 : a->bytes[0] < 192 ? 16 : a->bytes[0] < 224 ? 24 : 32;
}

static unsigned prefix_of(bool has_prefix, uint32_t prefix, const struct vmgr__addr *netmask,
                          const struct vmgr__addr *address)
{
    int length = netmask->family ? vmgr__addr_mask_length(netmask) : -1;

    if (has_prefix)
        return prefix;
    return length >= 0 ? (unsigned)length : default_prefix(address);
}

unsigned vmgr__net_ip_prefix(const struct vmgr__net_ip *ip)
{
    return prefix_of(ip->has_prefix, ip->prefix, &ip->netmask, &ip->address);
}

unsigned vmgr__net_route_prefix(const struct vmgr__net_route *route)
{
    const struct vmgr__addr *a = &route->address;
    struct vmgr__addr zero = { .family = a->family };

    /* A default route says no length. */
    if (!route->has_prefix && !route->netmask.family && vmgr__addr_equal(a, &zero))
        return 0;
    return prefix_of(route->has_prefix, route->prefix, &route->netmask, a);
}

bool vmgr__mac_parse(const char *text, uint8_t ret[6])
{
    for (int i = 0; i < 6; i++) {
        int value = 0, digits = 0;

        for (; digits < 2 && g_ascii_isxdigit(*text); text++, digits++)
            value = value * 16 + g_ascii_xdigit_value(*text);
        if (!digits || *text != (i < 5 ? ':' : '\0'))
            return false;
        ret[i] = (uint8_t)value;
        text++;
    }
    return true;
}

const char *vmgr__mac_format(const uint8_t mac[6], char ret[VMGR__MAC_TEXT])
{
    g_snprintf(ret, VMGR__MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
               mac[4], mac[5]);
    return ret;
}

int vmgr__mac_generate(char ret[VMGR__MAC_TEXT], struct vmgr_error **err)
{
    uint8_t mac[3];

    if (getrandom(mac, sizeof(mac), 0) != sizeof(mac))
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot make up a MAC address");
    g_snprintf(ret, 18, "52:54:00:%02x:%02x:%02x", mac[0], mac[1], mac[2]);
    return 0;
}
