/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What rules of network filters match, in nft's words.
 *
 * A table says for every attribute where it may stand, what its values are, and what nft calls it
 * (nft(8), "Payload expressions"). Each value is read and written anew, so nothing of a document
 * gets into a script as it stands. An attribute that is not in the table is refused by name.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "def.h"
#include "network.h"
#include "nwfilter.h"

/* Families of protocols: bits. */
enum {
    F_MAC = 1,
    F_VLAN = 2,
    F_STP = 4,
    F_ARP = 8,
    F_RARP = 16,
    F_IP = 32,
    F_IP6 = 64,
    F_UP4 = 128, /* upper layer over IPv4 */
    F_UP6 = 256,
    F_PORTS = 512,
    F_ICMP = 1024,
    F_ICMP6 = 2048,
    F_ANY = 4095,
};

static const struct protocol {
    const char *name;
    unsigned families;
    const char *match;
} protocols[] = {
    { "mac", F_MAC, "" },
    { "vlan", F_VLAN, "ether type vlan" },
    { "stp", F_STP, "ether daddr 01:80:c2:00:00:00" },
    { "arp", F_ARP, "ether type arp" },
    { "rarp", F_RARP, "ether type 0x8035" },
    { "ip", F_IP | F_PORTS, "ether type ip" },
    { "ipv6", F_IP6 | F_PORTS | F_ICMP6, "ether type ip6" },
    { "all", F_UP4, "ether type ip" },
    { "tcp", F_UP4 | F_PORTS, "ether type ip ip protocol tcp" },
    { "udp", F_UP4 | F_PORTS, "ether type ip ip protocol udp" },
    { "sctp", F_UP4 | F_PORTS, "ether type ip ip protocol sctp" },
    { "udplite", F_UP4 | F_PORTS, "ether type ip ip protocol udplite" },
    { "icmp", F_UP4 | F_ICMP, "ether type ip ip protocol icmp" },
    { "igmp", F_UP4, "ether type ip ip protocol igmp" },
    { "esp", F_UP4, "ether type ip ip protocol esp" },
    { "ah", F_UP4, "ether type ip ip protocol ah" },
    { "all-ipv6", F_UP6, "ether type ip6" },
    { "tcp-ipv6", F_UP6 | F_PORTS, "ether type ip6 meta l4proto tcp" },
    { "udp-ipv6", F_UP6 | F_PORTS, "ether type ip6 meta l4proto udp" },
    { "sctp-ipv6", F_UP6 | F_PORTS, "ether type ip6 meta l4proto sctp" },
    { "udplite-ipv6", F_UP6 | F_PORTS, "ether type ip6 meta l4proto udplite" },
    { "icmpv6", F_UP6 | F_ICMP6, "ether type ip6 meta l4proto ipv6-icmp" },
    { "esp-ipv6", F_UP6, "ether type ip6 meta l4proto esp" },
    { "ah-ipv6", F_UP6, "ether type ip6 meta l4proto ah" },
};

/* Of what kind values are. HEX_*: written as a number, where nft has no name for the field. */
enum kind {
    MAC,
    IP4,
    IP6,
    NUMBER,
    ETHERTYPE,
    PROTO,
    OPCODE,
    HEX_MAC,
    HEX_IP4,
    HEX_OPCODE,
    COMMENT
};

static const struct attr {
    const char *name;
    unsigned families;
    enum kind kind;
    unsigned limit;         /* NUMBER */
    const char *expr, *rev; /* rev: with source and destination changed */
    const char *mask;       /* the attribute that has the mask; or the end of a range */
} attrs[] = {
    { "comment", F_ANY, COMMENT, 0, "", NULL, NULL },
    { "srcmacaddr", F_ANY, MAC, 0, "ether saddr", "ether daddr", "srcmacmask" },
    { "dstmacaddr", F_ANY, MAC, 0, "ether daddr", "ether saddr", "dstmacmask" },
    { "protocolid", F_MAC, ETHERTYPE, 0, "ether type", NULL, NULL },
    { "vlanid", F_VLAN, NUMBER, 4095, "vlan id", NULL, NULL },
    { "encap-protocol", F_VLAN, ETHERTYPE, 0, "vlan type", NULL, NULL },
    { "hwtype", F_ARP, NUMBER, 65535, "arp htype", NULL, NULL },
    { "protocoltype", F_ARP, ETHERTYPE, 0, "arp ptype", NULL, NULL },
    { "opcode", F_ARP, OPCODE, 65535, "arp operation", NULL, NULL },
    { "arpsrcmacaddr", F_ARP, MAC, 0, "arp saddr ether", "arp daddr ether", NULL },
    { "arpdstmacaddr", F_ARP, MAC, 0, "arp daddr ether", "arp saddr ether", NULL },
    { "arpsrcipaddr", F_ARP, IP4, 0, "arp saddr ip", "arp daddr ip", "arpsrcipmask" },
    { "arpdstipaddr", F_ARP, IP4, 0, "arp daddr ip", "arp saddr ip", "arpdstipmask" },
    /* RFC 826: the fields of ARP, which nft looks for in ARP only */
    { "hwtype", F_RARP, NUMBER, 65535, "@nh,0,16", NULL, NULL },
    { "protocoltype", F_RARP, ETHERTYPE, 0, "@nh,16,16", NULL, NULL },
    { "opcode", F_RARP, HEX_OPCODE, 65535, "@nh,48,16", NULL, NULL },
    { "arpsrcmacaddr", F_RARP, HEX_MAC, 0, "@nh,64,48", "@nh,144,48", NULL },
    { "arpdstmacaddr", F_RARP, HEX_MAC, 0, "@nh,144,48", "@nh,64,48", NULL },
    { "arpsrcipaddr", F_RARP, HEX_IP4, 0, "@nh,112,32", "@nh,192,32", NULL },
    { "arpdstipaddr", F_RARP, HEX_IP4, 0, "@nh,192,32", "@nh,112,32", NULL },
    { "srcipaddr", F_IP | F_UP4, IP4, 0, "ip saddr", "ip daddr", "srcipmask" },
    { "dstipaddr", F_IP | F_UP4, IP4, 0, "ip daddr", "ip saddr", "dstipmask" },
    { "srcipfrom", F_UP4, IP4, 0, "ip saddr", "ip daddr", "srcipto" },
    { "dstipfrom", F_UP4, IP4, 0, "ip daddr", "ip saddr", "dstipto" },
    { "protocol", F_IP, PROTO, 255, "ip protocol", NULL, NULL },
    { "dscp", F_IP | F_UP4, NUMBER, 63, "ip dscp", NULL, NULL },
    { "srcipaddr", F_IP6 | F_UP6, IP6, 0, "ip6 saddr", "ip6 daddr", "srcipmask" },
    { "dstipaddr", F_IP6 | F_UP6, IP6, 0, "ip6 daddr", "ip6 saddr", "dstipmask" },
    { "srcipfrom", F_UP6, IP6, 0, "ip6 saddr", "ip6 daddr", "srcipto" },
    { "dstipfrom", F_UP6, IP6, 0, "ip6 daddr", "ip6 saddr", "dstipto" },
    { "protocol", F_IP6, PROTO, 255, "meta l4proto", NULL, NULL },
    { "dscp", F_UP6, NUMBER, 63, "ip6 dscp", NULL, NULL },
    { "srcportstart", F_PORTS, NUMBER, 65535, "th sport", "th dport", "srcportend" },
    { "dstportstart", F_PORTS, NUMBER, 65535, "th dport", "th sport", "dstportend" },
    { "type", F_ICMP, NUMBER, 255, "icmp type", NULL, NULL },
    { "code", F_ICMP, NUMBER, 255, "icmp code", NULL, NULL },
    { "type", F_ICMP6, NUMBER, 255, "icmpv6 type", NULL, "typeend" },
    { "code", F_ICMP6, NUMBER, 255, "icmpv6 code", NULL, "codeend" },
};

static const struct word {
    const char *name;
    unsigned number;
} ethertypes[] = { { "arp", 0x806 },   { "rarp", 0x8035 }, { "ipv4", 0x800 },
                   { "ipv6", 0x86dd }, { "vlan", 0x8100 }, { NULL, 0 } },
  protos[] = { { "icmp", 1 }, { "igmp", 2 },    { "tcp", 6 },    { "udp", 17 },      { "esp", 50 },
               { "ah", 51 },  { "icmpv6", 58 }, { "sctp", 132 }, { "udplite", 136 }, { NULL, 0 } },
  /* IANA, Address Resolution Protocol Parameters */
    opcodes[] = { { "Request", 1 },         { "Reply", 2 },
                  { "Request_Reverse", 3 }, { "Reply_Reverse", 4 },
                  { "DRARP_Request", 5 },   { "DRARP_Reply", 6 },
                  { "DRARP_Error", 7 },     { "InARP_Request", 8 },
                  { "ARP_NAK", 9 },         { NULL, 0 } };

/* ---- parameters ---- */

static void values_free(void *values)
{
    g_ptr_array_unref(values);
}

GHashTable *vmgr__nwfilter_vars_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, values_free);
}

void vmgr__nwfilter_vars_add(GHashTable *vars, const char *name, const char *value)
{
    GPtrArray *values = g_hash_table_lookup(vars, name);

    if (!values) {
        values = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(vars, g_strdup(name), values);
    }
    g_ptr_array_add(values, g_strdup(value));
}

/* ---- values ---- */

static bool number(const char *text, const struct word *words, unsigned limit, unsigned *ret)
{
    char *end = NULL;
    guint64 n;

    for (const struct word *w = words; w && w->name; w++) {
        if (g_ascii_strcasecmp(w->name, text) == 0) {
            *ret = w->number;
            return true;
        }
    }
    n = g_ascii_strtoull(text, &end, 0);
    *ret = (unsigned)n;
    return g_ascii_isdigit(*text) && !*end && n <= limit;
}

static char *mac_text(const uint8_t mac[6], const char *gap)
{
    return g_strdup_printf("%s%02x%s%02x%s%02x%s%02x%s%02x%s%02x", *gap ? "" : "0x", mac[0], gap,
                           mac[1], gap, mac[2], gap, mac[3], gap, mac[4], gap, mac[5]);
}

static char *address_text(const char *text, enum kind kind)
{
    uint8_t bytes[16];
    char out[INET6_ADDRSTRLEN];
    const int family = kind == IP6 ? AF_INET6 : AF_INET;

    if (inet_pton(family, text, bytes) != 1)
        return NULL;
    if (kind == HEX_IP4)
        return g_strdup_printf("0x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    return g_strdup(inet_ntop(family, bytes, out, sizeof(out)));
}

/* A value as nft reads it; NULL: it is none of this kind. */
static char *value_text(const struct attr *a, const char *text)
{
    uint8_t mac[6];
    unsigned n;

    switch (a->kind) {
    case MAC:
    case HEX_MAC:
        return vmgr__mac_parse(text, mac) ? mac_text(mac, a->kind == MAC ? ":" : "") : NULL;
    case IP4:
    case HEX_IP4:
    case IP6: return address_text(text, a->kind);
    case ETHERTYPE:
        return number(text, ethertypes, 65535, &n) ? g_strdup_printf("0x%04x", n) : NULL;
    case PROTO: return number(text, protos, a->limit, &n) ? g_strdup_printf("%u", n) : NULL;
    case OPCODE:
    case HEX_OPCODE: return number(text, opcodes, a->limit, &n) ? g_strdup_printf("%u", n) : NULL;
    default: return number(text, NULL, a->limit, &n) ? g_strdup_printf("%u", n) : NULL;
    }
}

/* ---- a rule ---- */

struct job {
    const struct vmgr__nwfilter_rule *rule;
    const struct protocol *protocol;
    bool reverse;
    GHashTable *vars;
    bool *learned;
    GString *out;
    struct vmgr_error **err;
};

static const char *value_of(const struct job *j, const char *name)
{
    for (guint i = 0; i < j->rule->pairs->len; i++) {
        const struct vmgr__nwfilter_pair *p = j->rule->pairs->pdata[i];

        if (strcmp(p->name, name) == 0)
            return p->value;
    }
    return NULL;
}

static int wrong(const struct job *j, const char *name, const char *value)
{
    return nwfilter_error(j->err, VMGR_ERR_XML_ERROR,
                          "attribute '%s' of <%s> has no value of its kind: '%s'", name,
                          j->protocol->name, value);
}

/* "$NAME" or "$NAME[2]". *ret_index: -1: all its values. */
static char *variable(const char *text, int *ret_index)
{
    const char *open = strchr(text, '[');
    char *end = NULL;
    guint64 n;

    *ret_index = -1;
    if (!open)
        return g_strdup(text + 1);
    n = g_ascii_strtoull(open + 1, &end, 10);
    if (!g_ascii_isdigit(open[1]) || strcmp(end, "]") != 0 || n > 65535)
        return NULL;
    *ret_index = (int)n;
    return g_strndup(text + 1, (size_t)(open - text - 1));
}

/* Puts the values of a parameter: one, or a set. */
static int put_variable(const struct job *j, const struct attr *a, const char *text)
{
    int index;
    g_autofree char *name = variable(text, &index);
    const GPtrArray *values = name && j->vars ? g_hash_table_lookup(j->vars, name) : NULL;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *joined = NULL;

    if (!name)
        return nwfilter_error(j->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "'%s' is not supported: a parameter is $NAME or $NAME[number]", text);
    if (!j->vars)
        return 0;
    if (!values && strcmp(name, "IP") == 0 && a->kind == IP4 && j->learned) {
        *j->learned = true;
        g_string_append(j->out, "@learned");
        return 0;
    }
    if (!values || index >= (int)values->len)
        return nwfilter_error(j->err, VMGR_ERR_INTERNAL_ERROR,
                              "Cannot instantiate filter due to unresolvable variables or "
                              "unavailable list elements: %s",
                              name);
    for (guint i = 0; i < values->len; i++) {
        char *one = index < 0 || (int)i == index ? value_text(a, values->pdata[i]) : NULL;

        if (one)
            g_ptr_array_add(texts, one);
        else if (index < 0 || (int)i == index)
            return wrong(j, a->name, values->pdata[i]);
    }
    g_ptr_array_add(texts, NULL);
    joined = g_strjoinv(", ", (char **)texts->pdata);
    g_string_append_printf(j->out, texts->len > 2 ? "{ %s }" : "%s", joined);
    return 0;
}

/* The length of a prefix, from a number or a netmask; -1: neither. */
static int prefix_length(const char *text, enum kind kind)
{
    const int bits = kind == IP6 ? 128 : 32;
    uint8_t bytes[16];
    int n = 0;

    if (strchr(text, kind == IP6 ? ':' : '.')) {
        if (inet_pton(kind == IP6 ? AF_INET6 : AF_INET, text, bytes) != 1)
            return -1;
        while (n < bits && bytes[n / 8] & 0x80 >> n % 8)
            n++;
        for (int i = n; i < bits; i++) {
            if (bytes[i / 8] & 0x80 >> i % 8)
                return -1;
        }
        return n;
    }
    return number(text, NULL, (unsigned)bits, (unsigned *)&n) ? n : -1;
}

/* "ether saddr & ff:.. == 52:.." */
static int put_masked_mac(const struct job *j, const struct attr *a, const char *expr,
                          const char *value, const char *mask)
{
    uint8_t mac[6], bits[6];
    g_autofree char *x = NULL, *y = NULL;

    if (!vmgr__mac_parse(value, mac))
        return wrong(j, a->name, value);
    if (!vmgr__mac_parse(mask, bits))
        return wrong(j, a->mask, mask);
    for (int i = 0; i < 6; i++)
        mac[i] &= bits[i];
    x = mac_text(bits, ":");
    y = mac_text(mac, ":");
    g_string_append_printf(j->out, " %s & %s %s %s", expr, x, j->rule->negated ? "!=" : "==", y);
    return 0;
}

static int put_attr(const struct job *j, const struct attr *a, const char *value)
{
    const char *expr = j->reverse && a->rev ? a->rev : a->expr;
    const char *mask = a->mask ? value_of(j, a->mask) : NULL;
    g_autofree char *text = *value == '$' ? NULL : value_text(a, value);
    g_autofree char *end = NULL;
    int length;

    if (a->kind == COMMENT)
        return 0;
    if (mask && *value == '$')
        return nwfilter_error(j->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "attribute '%s' beside a parameter in '%s' is not supported", a->mask,
                              a->name);
    if (a->kind == MAC && mask)
        return put_masked_mac(j, a, expr, value, mask);
    if (*value != '$' && !text)
        return wrong(j, a->name, value);
    g_string_append_printf(j->out, " %s %s", expr, j->rule->negated ? "!= " : "");
    if (*value == '$')
        return put_variable(j, a, value);
    g_string_append(j->out, text);
    if (!mask)
        return 0;
    if (g_str_has_suffix(a->mask, "mask")) {
        length = prefix_length(mask, a->kind);
        if (length < 0)
            return wrong(j, a->mask, mask);
        g_string_append_printf(j->out, "/%d", length);
        return 0;
    }
    end = value_text(a, mask);
    if (!end)
        return wrong(j, a->mask, mask);
    g_string_append_printf(j->out, "-%s", end);
    return 0;
}

static bool is_mask(const struct job *j, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(attrs); i++) {
        if (attrs[i].families & j->protocol->families && g_strcmp0(attrs[i].mask, name) == 0)
            return value_of(j, attrs[i].name) != NULL;
    }
    return false;
}

static int put_pair(const struct job *j, const struct vmgr__nwfilter_pair *p)
{
    for (size_t i = 0; i < G_N_ELEMENTS(attrs); i++) {
        if (attrs[i].families & j->protocol->families && strcmp(attrs[i].name, p->name) == 0)
            return put_attr(j, &attrs[i], p->value);
    }
    if (is_mask(j, p->name))
        return 0;
    return nwfilter_error(j->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "attribute '%s' of <%s> is not supported", p->name, j->protocol->name);
}

static const struct protocol *find_protocol(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    }
    return NULL;
}

bool vmgr__nwfilter_is_upper(const struct vmgr__nwfilter_rule *rule)
{
    const struct protocol *p = rule->protocol ? find_protocol(rule->protocol) : NULL;

    return p && p->families & (F_UP4 | F_UP6);
}

char *vmgr__nwfilter_match(const struct vmgr__nwfilter_rule *rule, bool reverse, GHashTable *vars,
                           bool *ret_learned, struct vmgr_error **err)
{
    struct job j = {
        .rule = rule, .reverse = reverse, .vars = vars, .learned = ret_learned, .err = err
    };
    int r = 0;

    if (!rule->protocol)
        return g_strdup("");
    j.protocol = find_protocol(rule->protocol);
    if (!j.protocol) {
        nwfilter_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "rules for <%s> are not supported",
                       rule->protocol);
        return NULL;
    }
    j.out = g_string_new(j.protocol->match);
    for (guint i = 0; i < rule->pairs->len && r == 0; i++)
        r = put_pair(&j, rule->pairs->pdata[i]);
    return g_string_free(j.out, r < 0);
}
