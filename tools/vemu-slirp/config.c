/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments: "name=value" words. Addresses that are not given are taken from the network, as QEMU's
 * user network has them: the host is .2, the name server .3, DHCP begins at .15.
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static unsigned parse_number(const char *name, const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || n < min || n > max)
        die("%s: '%s' is not a number from %u to %u", name, text, min, max);
    return (unsigned)n;
}

static struct in_addr parse_address(const char *name, const char *text)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        die("%s: '%s' is not an IPv4 address", name, text);
    return address;
}

static bool parse_switch(const char *name, const char *text)
{
    if (strcmp(text, "on") && strcmp(text, "off"))
        die("%s: '%s' is neither on nor off", name, text);
    return !strcmp(text, "on");
}

/* "10.0.2.0/24"; an address inside stands for its network. */
static void parse_net(struct config *config, const char *text)
{
    char copy[64];
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        die("net: too long");
    char *slash = strchr(copy, '/');
    unsigned bits = 24;
    if (slash) {
        *slash = '\0';
        bits = parse_number("net", slash + 1, 8, 28);
    }
    config->slirp.vnetmask.s_addr = htonl(~0u << (32 - bits));
    config->slirp.vnetwork.s_addr =
        parse_address("net", copy).s_addr & config->slirp.vnetmask.s_addr;
}

static void parse_net6(struct config *config, const char *text)
{
    char copy[64];
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        die("ipv6-net: too long");
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    config->slirp.vprefix_len = (uint8_t)(slash ? parse_number("ipv6-net", slash + 1, 8, 126) : 64);
    if (inet_pton(AF_INET6, copy, &config->slirp.vprefix_addr6) != 1)
        die("ipv6-net: '%s' is not an IPv6 address", copy);
}

/* tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT */
static void parse_forward(struct config *config, const char *text)
{
    char copy[128];
    struct forward *f = &config->forwards[config->forward_count];
    if (config->forward_count == FORWARDS_MAX)
        die("hostfwd: more than %d", FORWARDS_MAX);
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        die("hostfwd: too long");
    char *host = strchr(copy, ':'), *guest = strchr(copy, '-');
    char *host_port = host ? strchr(host + 1, ':') : NULL;
    char *guest_port = guest ? strchr(guest + 1, ':') : NULL;
    if (!host || !guest || !host_port || !guest_port || guest < host_port)
        die("hostfwd: '%s' is not tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT", text);
    *host++ = *host_port++ = *guest++ = *guest_port++ = '\0';
    if (strcmp(copy, "tcp") && strcmp(copy, "udp") && copy[0])
        die("hostfwd: '%s' is neither tcp nor udp", copy);
    *f = (struct forward){
        .udp = !strcmp(copy, "udp"),
        .host = *host ? parse_address("hostfwd", host) : (struct in_addr){ 0 },
        .host_port = (int)parse_number("hostfwd", host_port, 1, 65535),
        .guest = *guest ? parse_address("hostfwd", guest) : (struct in_addr){ 0 },
        .guest_port = (int)parse_number("hostfwd", guest_port, 1, 65535),
        .text = text,
    };
    config->forward_count++;
}

static struct in_addr in_network(const SlirpConfig *c, const char *name, struct in_addr given,
                                 uint32_t host)
{
    if (!given.s_addr)
        given.s_addr = c->vnetwork.s_addr | htonl(host);
    if ((given.s_addr & c->vnetmask.s_addr) != c->vnetwork.s_addr)
        die("%s: the address is not in the guest's network", name);
    return given;
}

/* Where the network is too small for .15. */
static uint32_t first_dhcp(const SlirpConfig *c)
{
    return ~ntohl(c->vnetmask.s_addr) > 15 ? 15 : 4;
}

static void complete(struct config *config)
{
    SlirpConfig *c = &config->slirp;
    if (!c->in_enabled && !c->in6_enabled)
        die("ipv4 and ipv6 are both off");
    c->vhost = in_network(c, "host", c->vhost, 2);
    c->vnameserver = in_network(c, "dns", c->vnameserver, 3);
    c->vdhcp_start = in_network(c, "dhcpstart", c->vdhcp_start, first_dhcp(c));
    if (c->vhost.s_addr == c->vnameserver.s_addr || c->vhost.s_addr == c->vdhcp_start.s_addr ||
        c->vnameserver.s_addr == c->vdhcp_start.s_addr)
        die("host, dns and dhcpstart must be three addresses");
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    c->if_mru = c->if_mtu;
}

static void parse_word(struct config *config, const char *name, const char *value)
{
    SlirpConfig *c = &config->slirp;
    if (!strcmp(name, "net"))
        parse_net(config, value);
    else if (!strcmp(name, "host"))
        c->vhost = parse_address(name, value);
    else if (!strcmp(name, "dns"))
        c->vnameserver = parse_address(name, value);
    else if (!strcmp(name, "dhcpstart"))
        c->vdhcp_start = parse_address(name, value);
    else if (!strcmp(name, "hostname"))
        c->vhostname = value;
    else if (!strcmp(name, "domainname"))
        c->vdomainname = value;
    else if (!strcmp(name, "ipv6-net"))
        parse_net6(config, value);
    else if (!strcmp(name, "mtu"))
        c->if_mtu = parse_number(name, value, 1280, 65521);
    else if (!strcmp(name, "restrict"))
        c->restricted = parse_switch(name, value);
    else if (!strcmp(name, "ipv4"))
        c->in_enabled = parse_switch(name, value);
    else if (!strcmp(name, "ipv6"))
        c->in6_enabled = parse_switch(name, value);
    else if (!strcmp(name, "hostfwd"))
        parse_forward(config, value);
    else
        die("'%s' is not known", name);
}

void config_parse(struct config *config, int argc, char **argv)
{
    memset(config, 0, sizeof(*config));
    config->slirp.version = 4;
    config->slirp.in_enabled = config->slirp.in6_enabled = true;
    config->slirp.if_mtu = 1500;
    parse_net(config, "10.0.2.0/24");
    parse_net6(config, "fec0::/64");
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            die("'%s' is not name=value", argv[i]);
        *value++ = '\0';
        parse_word(config, argv[i], value);
    }
    complete(config);
}
