/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of type 'user': a network in user space, the emulator's own or passt's.
 *
 * <ip> says where the guest is. The emulator's own network is around that address; passt gives it
 * to the guest by DHCP. passt's words are those of libvirt's qemu driver.
 */
#include "usernet.h"

#include <string.h>
#include <sys/socket.h>

#include "../../../conf/network.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)
#define malformed(err, ...)   vemu_error(err, VMGR_ERR_XML_ERROR, __VA_ARGS__)

static bool is_passt(const xmlNode *root)
{
    const xmlNode *backend = vmgr__xml_child(root, "backend");
    g_autofree char *type = backend ? vmgr__xml_attr(backend, "type") : NULL;

    return g_strcmp0(type, "passt") == 0;
}

bool vmgr__vemu_passt_wanted(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL, *backend = NULL;

    if (dev->unknown || strcmp(dev->name, "interface") != 0)
        return false;
    type = vmgr__device_get(dev, NULL, "type");
    backend = vmgr__device_get(dev, "backend", "type");
    return g_strcmp0(type, "user") == 0 && g_strcmp0(backend, "passt") == 0;
}

char *vmgr__vemu_passt_log(const struct vmgr__device *dev)
{
    return vmgr__device_get(dev, "backend", "logFile");
}

/* ---- <ip> ---- */

struct place {
    bool there;
    struct vmgr__addr address;
    uint32_t prefix; /* 0: not said */
};

static int read_ip(const xmlNode *node, struct place *ret, struct vmgr_error **err)
{
    static const char *const families[] = { "ipv4", "ipv6", NULL };
    g_autofree char *text = vmgr__xml_attr(node, "address"), *peer = vmgr__xml_attr(node, "peer");
    g_autofree char *prefix = vmgr__xml_attr(node, "prefix");
    struct place place = { .there = true };
    int family = 0;
    bool v6;

    if (vmgr__xml_enum(node, "family", families, &family, err) < 0)
        return -1;
    if (!text)
        return malformed(err, "Missing required address in <ip>");
    if (!vmgr__addr_parse(text, &place.address) ||
        (xmlHasProp(node, BAD_CAST "family") &&
         place.address.family != (family ? AF_INET6 : AF_INET)))
        return malformed(err, "Invalid address '%s' in <ip>", text);
    if (peer)
        return unsupported(err, "Invalid attempt to set peer IP for guest");
    v6 = place.address.family == AF_INET6;
    if (prefix &&
        (!vmgr__parse_u32(prefix, &place.prefix) || place.prefix > vmgr__addr_bits(&place.address)))
        return malformed(err, "Invalid prefix value '%s' in <ip>", prefix);
    if (ret[v6].there)
        return unsupported(err, "Only one IPv%d address per interface is allowed", v6 ? 6 : 4);
    if (v6 && place.prefix && place.prefix != 64)
        return unsupported(err, "unsupported IPv6 address prefix='%u' - must be 64", place.prefix);
    if (!v6 && place.prefix && (place.prefix < 4 || place.prefix > 27))
        return malformed(err, "invalid prefix, must be in range of 4-27");
    ret[v6] = place;
    return 0;
}

/* ret: of IPv4, of IPv6. */
static int read_ips(const xmlNode *root, struct place ret[2], struct vmgr_error **err)
{
    memset(ret, 0, 2 * sizeof(*ret));
    for (const xmlNode *n = vmgr__xml_child(root, "ip"); n; n = vmgr__xml_next(n, "ip")) {
        if (read_ip(n, ret, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- <portForward> ---- */

/* A port's number; 0: it has none. */
static int read_port(const xmlNode *range, const char *attr, uint32_t *ret, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(range, attr);

    *ret = 0;
    if (!text)
        return 0;
    if (!vmgr__parse_u32(text, ret))
        return malformed(err,
                         "Invalid value for attribute '%s' in element 'range': '%s'. Expected "
                         "non-negative integer value",
                         attr, text);
    if (*ret == 0)
        return malformed(
            err, "Invalid value for attribute '%s' in element 'range': Zero is not permitted",
            attr);
    return *ret <= 65535
               ? 0
               : unsupported(err, "port '%s' of <range> is not the number of a port", text);
}

static int put_range(GString *s, const xmlNode *range, struct vmgr_error **err)
{
    static const char *const words[] = { "no", "yes", NULL };
    uint32_t start, end, to;
    int exclude = 0;

    if (read_port(range, "start", &start, err) < 0 || read_port(range, "end", &end, err) < 0 ||
        read_port(range, "to", &to, err) < 0 ||
        vmgr__xml_enum(range, "exclude", words, &exclude, err) < 0)
        return -1;
    if (!start)
        return malformed(err, "Missing required attribute 'start' in element 'range'");
    if (end && end < start)
        return unsupported(err, "<range start='%u' end='%u'> ends before it begins", start, end);
    if (exclude && to)
        return unsupported(err, "<range start='%u' exclude='yes'> cannot have 'to'", start);
    if (to && end && to + (end - start) > 65535)
        return unsupported(err, "<range start='%u' end='%u' to='%u'> goes beyond port 65535", start,
                           end, to);
    g_string_append_printf(s, "%s%u", exclude ? "~" : "", start);
    if (end)
        g_string_append_printf(s, "-%u", end);
    if (to)
        g_string_append_printf(s, ":%u", to);
    if (to && end)
        g_string_append_printf(s, "-%u", to + (end - start));
    g_string_append_c(s, ',');
    return 0;
}

/* "192.0.2.1%eth0/"; passt wants no name of an interface without an address. */
static int put_listener(GString *s, const xmlNode *node, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(node, "address"), *dev = vmgr__xml_attr(node, "dev");
    struct vmgr__addr address;

    if (text && !vmgr__addr_parse(text, &address))
        return malformed(err, "Invalid address '%s' in <portForward>", text);
    if (dev && strpbrk(dev, "/%"))
        return unsupported(err, "'%s' of <portForward> is not the name of an interface", dev);
    if (dev && !text)
        return unsupported(err, "<portForward dev='%s'> needs an address", dev);
    if (text)
        g_string_append_printf(s, "%s%s%s/", text, dev ? "%" : "", dev ? dev : "");
    return 0;
}

static int add_forward(GPtrArray *args, const xmlNode *node, struct vmgr_error **err)
{
    static const char *const protocols[] = { "tcp", "udp", NULL };
    g_autoptr(GString) s = g_string_new(NULL);
    int protocol = 0, r;

    if (vmgr__vemu_only(node, "range", "proto address dev", err) < 0)
        return -1;
    r = vmgr__xml_enum(node, "proto", protocols, &protocol, err);
    if (r == 0)
        return malformed(err, "Missing required attribute 'proto' in element 'portForward'");
    if (r < 0 || put_listener(s, node, err) < 0)
        return -1;
    if (!vmgr__xml_child(node, "range"))
        g_string_append(s, "all,");
    for (const xmlNode *n = vmgr__xml_child(node, "range"); n; n = vmgr__xml_next(n, "range")) {
        if (put_range(s, n, err) < 0)
            return -1;
    }
    g_string_truncate(s, s->len - 1);
    g_ptr_array_add(args, g_strdup(protocol ? "--udp-ports" : "--tcp-ports"));
    g_ptr_array_add(args, g_strdup(s->str));
    return 0;
}

/* ---- passt ---- */

/* An option of an attribute, if that is there. */
static void add_option(GPtrArray *args, const char *option, const xmlNode *node, const char *attr)
{
    g_autofree char *value = node ? vmgr__xml_attr(node, attr) : NULL;

    if (!value)
        return;
    g_ptr_array_add(args, g_strdup(option));
    g_ptr_array_add(args, g_steal_pointer(&value));
}

static void add_addresses(GPtrArray *args, const struct place places[2])
{
    char text[VMGR__ADDR_TEXT];

    for (int i = 0; i < 2; i++) {
        if (!places[i].there)
            continue;
        g_ptr_array_add(args, g_strdup("--address"));
        g_ptr_array_add(args, g_strdup(vmgr__addr_format(&places[i].address, text)));
    }
    if (places[0].prefix) {
        g_ptr_array_add(args, g_strdup("--netmask"));
        g_ptr_array_add(args, g_strdup_printf("%u", places[0].prefix));
    }
}

GPtrArray *vmgr__vemu_passt_args(const xmlNode *root, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
    struct place places[2];

    add_option(args, "--mac-addr", vmgr__xml_child(root, "mac"), "address");
    add_option(args, "--mtu", vmgr__xml_child(root, "mtu"), "size");
    add_option(args, "--interface", vmgr__xml_child(root, "source"), "dev");
    add_option(args, "--log-file", vmgr__xml_child(root, "backend"), "logFile");
    if (read_ips(root, places, err) < 0)
        return NULL;
    add_addresses(args, places);
    for (const xmlNode *n = vmgr__xml_child(root, "portForward"); n;
         n = vmgr__xml_next(n, "portForward")) {
        if (add_forward(args, n, err) < 0)
            return NULL;
    }
    return g_steal_pointer(&args);
}

/* What passt is told for a device, in one text; NULL: it has none, or makes no sense. */
static char *passt_text(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__vemu_passt_wanted(dev) ? vmgr__device_doc(dev) : NULL;
    g_autoptr(GPtrArray) args = doc ? vmgr__vemu_passt_args(xmlDocGetRootElement(doc), NULL) : NULL;

    xmlFreeDoc(doc);
    if (!args)
        return NULL;
    g_ptr_array_add(args, NULL);
    return g_strjoinv("\n", (char **)args->pdata);
}

bool vmgr__vemu_passt_same(const struct vmgr__device *a, const struct vmgr__device *b)
{
    g_autofree char *one = passt_text(a), *other = passt_text(b);

    return g_strcmp0(one, other) == 0;
}

/* ---- the back-end ---- */

const char *vmgr__vemu_usernet_class(const xmlNode *root)
{
    return is_passt(root) ? "socket" : "user";
}

static int check_passt(const xmlNode *root, struct vmgr_error **err)
{
    const xmlNode *backend = vmgr__xml_child(root, "backend");
    const xmlNode *source = vmgr__xml_child(root, "source");
    g_autofree char *log = vmgr__xml_attr(backend, "logFile");
    g_autoptr(GPtrArray) args = NULL;

    if (vmgr__vemu_only(backend, "", "type logFile", err) < 0 ||
        (source && vmgr__vemu_only(source, "", "dev", err) < 0))
        return -1;
    if (log && !g_path_is_absolute(log))
        return unsupported(err, "the logFile of <backend> must be absolute: '%s'", log);
    args = vmgr__vemu_passt_args(root, err);
    return args ? 0 : -1;
}

int vmgr__vemu_usernet_put(struct json_object *o, const xmlNode *root, struct vmgr_error **err)
{
    static const char *const only_passt[] = { "portForward", "source", "backend" };
    const xmlNode *backend = vmgr__xml_child(root, "backend");
    g_autofree char *type = backend ? vmgr__xml_attr(backend, "type") : NULL;
    char text[VMGR__ADDR_TEXT];
    struct place places[2];

    if (is_passt(root))
        return check_passt(root, err);
    if (type)
        return malformed(err, "Invalid value for attribute 'type' in element 'backend': '%s'.",
                         type);
    for (size_t i = 0; i < G_N_ELEMENTS(only_passt); i++) {
        if (vmgr__xml_child(root, only_passt[i]))
            return unsupported(err, "<%s> of <interface type='user'> needs <backend type='passt'/>",
                               only_passt[i]);
    }
    if (read_ips(root, places, err) < 0)
        return -1;
    if (places[0].there)
        vmgr__vemu_setf(o, "net", "%s/%u", vmgr__addr_format(&places[0].address, text),
                        places[0].prefix ? places[0].prefix : 24);
    if (places[1].there)
        vmgr__vemu_setf(o, "ipv6-net", "%s/64", vmgr__addr_format(&places[1].address, text));
    return 0;
}
