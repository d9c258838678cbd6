/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface>: a network back-end, and the card that shows it to the guest.
 *
 * The back-end of an interface on a network or a bridge, on none (type 'ethernet'), or right on one
 * of the host's (type 'direct'), is a tap interface that is handed over open; port.c makes it.
 */
#include <string.h>

#include "../../../network/network.h"
#include "parts.h"
#include "usernet.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

char *vmgr__vemu_netdev_name(const struct vmgr__device *dev)
{
    g_autofree char *alias = vmgr__device_alias(dev);

    return g_strconcat("host", alias, NULL);
}

#define ANY    "mac model driver link boot mtu alias address "
#define PORT   ANY "source target bandwidth filterref "
#define SOCKET ANY "source "

/* What is understood of an interface, by its type. */
static const struct kind {
    const char *type;
    bool port;           /* its back-end is handed over open; port.c */
    const char *children;
    const char *netdev;  /* the back-end */
    const char *address; /* its property for <source address= port=>; NULL: there is none */
    const char *source;  /* attributes of <source> */
    const char *inside;  /* elements of it */
} kinds[] = {
    { "network", true, PORT "port", "tap", NULL, "network portgroup portid bridge", "" },
    { "bridge", true, PORT "port", "tap", NULL, "bridge", "" },
    { "direct", true, PORT, "tap", NULL, "network portgroup portid dev mode", "" },
    { "ethernet", true, PORT "script downscript", "tap", NULL, "", "" },
    { "user", false, ANY "source ip backend portForward", "user", NULL, "dev", "" },
    { "server", false, SOCKET, "socket", "listen", "address port", "" },
    { "client", false, SOCKET, "socket", "connect", "address port", "" },
    { "udp", false, SOCKET, "socket", "udp", "address port", "local" },
};

static const struct kind *kind_of(const char *type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(kinds[i].type, type) == 0)
            return &kinds[i];
    }
    return NULL;
}

static int check(const xmlNode *root, const struct kind *kind, struct vmgr_error **err)
{
    const xmlNode *source = vmgr__xml_child(root, "source");
    const xmlNode *target = vmgr__xml_child(root, "target");
    g_autofree char *trust = vmgr__xml_attr(root, "trustGuestRxFilters");

    if (g_strcmp0(trust, "yes") == 0)
        return unsupported(err, "trustGuestRxFilters='yes' of <interface> is not supported by the "
                                "vemu driver yet");
    if (vmgr__vemu_only(root, kind->children, "type trustGuestRxFilters", err) < 0 ||
        (target && vmgr__vemu_only(target, "", "dev managed", err) < 0))
        return -1;
    return source ? vmgr__vemu_only(source, kind->inside, kind->source, err) : 0;
}

/* "HOST:PORT"; nothing is looked up. */
static int put_address(struct json_object *o, const char *prop, const xmlNode *node,
                       struct vmgr_error **err)
{
    g_autofree char *host = vmgr__xml_attr(node, "address");
    g_autofree char *port = vmgr__xml_attr(node, "port");
    uint32_t n;

    if (host && *host && strcmp(host, "localhost") != 0 && !g_hostname_is_ip_address(host))
        return unsupported(err, "address '%s' of <%s> is not a numeric address or localhost", host,
                           (const char *)node->name);
    if (!vmgr__parse_u32(port, &n) || n > 65535)
        return unsupported(err, "port '%s' of <%s> is not the number of a port", port ? port : "",
                           (const char *)node->name);
    vmgr__vemu_setf(o, prop, host && strchr(host, ':') ? "[%s]:%u" : "%s:%u", host ? host : "", n);
    return 0;
}

/* Where a socket's other side is. */
static int put_place(struct json_object *o, const struct kind *kind, const xmlNode *root,
                     struct vmgr_error **err)
{
    const xmlNode *source = vmgr__xml_child(root, "source");
    const xmlNode *local = source ? vmgr__xml_child(source, "local") : NULL;

    if (!kind->address || !source)
        return 0;
    if (put_address(o, kind->address, source, err) < 0)
        return -1;
    if (!local)
        return 0;
    return vmgr__vemu_only(local, "", "address port", err) < 0
               ? -1
               : put_address(o, "localaddr", local, err);
}

/* ---- <driver> ---- */

/* Switches of the card: an attribute of <driver>, <host> or <guest>, and the card's property. */
struct toggle {
    const char *attr, *prop;
};
static const struct toggle driver_toggles[] = { { "event_idx", "event_idx" },
                                                { "packed", "packed" },
                                                { NULL, NULL } };
static const struct toggle host_toggles[] = { { "csum", "csum" },           { "gso", "gso" },
                                              { "tso4", "host_tso4" },      { "tso6", "host_tso6" },
                                              { "ecn", "host_ecn" },        { "ufo", "host_ufo" },
                                              { "mrg_rxbuf", "mrg_rxbuf" }, { NULL, NULL } };
static const struct toggle guest_toggles[] = { { "csum", "guest_csum" }, { "tso4", "guest_tso4" },
                                               { "tso6", "guest_tso6" }, { "ecn", "guest_ecn" },
                                               { "ufo", "guest_ufo" },   { NULL, NULL } };

static int put_toggles(struct json_object *o, const xmlNode *node, const struct toggle *t,
                       struct vmgr_error **err)
{
    static const char *const words[] = { "default", "on", "off", NULL };

    for (; node && t->attr; t++) {
        int value = 0;

        if (vmgr__xml_enum(node, t->attr, words, &value, err) < 0)
            return -1;
        if (value)
            vmgr__vemu_set_bool(o, t->prop, value == 1);
    }
    return 0;
}

static int put_queue_size(struct json_object *o, const xmlNode *driver, const char *attr,
                          struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(driver, attr);
    uint32_t n;

    if (!text)
        return 0;
    if (!vmgr__parse_u32(text, &n))
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element 'driver': '%s'. Expected "
                          "non-negative integer value",
                          attr, text);
    if (n & (n - 1))
        return unsupported(err, "%s has to be a power of two", attr);
    if (n && (n < 64 || n > 1024))
        return unsupported(err, "%s '%u' is not between 64 and 1024", attr, n);
    if (n)
        vmgr__vemu_set_int(o, attr, n);
    return 0;
}

/* Their number is that of the back-end's descriptors (port.c). */
static int check_queues(const xmlNode *root, const xmlNode *driver, bool port,
                        struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(driver, "queues");
    g_autofree char *type = vmgr__xml_attr(root, "type");
    const xmlNode *element = vmgr__xml_child(root, "mac");
    g_autofree char *mac = element ? vmgr__xml_attr(element, "address") : NULL;
    uint32_t n;

    if (!text)
        return 0;
    if (!vmgr__parse_u32(text, &n) || n == 0)
        return vemu_error(
            err, VMGR_ERR_XML_ERROR,
            "Invalid value for attribute 'queues' in element 'driver': '%s'. Expected "
            "integer value greater than 0",
            text);
    if (!port && n > 1)
        return unsupported(err,
                           "interface %s - multiqueue is not supported for network interfaces "
                           "of type %s",
                           mac, type);
    if (n > VMGR__TAP_QUEUES)
        return unsupported(err, "more than %d queues of <interface> are not supported",
                           VMGR__TAP_QUEUES);
    return 0;
}

static int put_driver(struct json_object *o, const xmlNode *root, bool port,
                      struct vmgr_error **err)
{
    const xmlNode *driver = vmgr__xml_child(root, "driver"), *host, *guest;
    g_autofree char *name = driver ? vmgr__xml_attr(driver, "name") : NULL;

    if (!driver)
        return 0;
    host = vmgr__xml_child(driver, "host");
    guest = vmgr__xml_child(driver, "guest");
    if (g_strcmp0(name, "vhost") == 0)
        return unsupported(err, "vhost-net was requested for an interface, but is unavailable");
    if (name && strcmp(name, "qemu") != 0)
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'name' in element 'driver': '%s'.", name);
    if (vmgr__vemu_only(driver, "host guest",
                        "name queues rx_queue_size tx_queue_size event_idx packed", err) < 0 ||
        (host && vmgr__vemu_only(host, "", "csum gso tso4 tso6 ecn ufo mrg_rxbuf", err) < 0) ||
        (guest && vmgr__vemu_only(guest, "", "csum tso4 tso6 ecn ufo", err) < 0) ||
        check_queues(root, driver, port, err) < 0 ||
        put_queue_size(o, driver, "rx_queue_size", err) < 0 ||
        put_queue_size(o, driver, "tx_queue_size", err) < 0 ||
        put_toggles(o, driver, driver_toggles, err) < 0 ||
        put_toggles(o, host, host_toggles, err) < 0)
        return -1;
    return put_toggles(o, guest, guest_toggles, err);
}

int vmgr__vemu_interface_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                               struct vemu_parts *parts, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc);
    g_autofree char *type = vmgr__xml_attr(root, "type");
    g_autofree char *mac = vmgr__device_get(dev, "mac", "address");
    g_autofree char *model = vmgr__device_get(dev, "model", "type");
    g_autofree char *mtu = vmgr__device_get(dev, "mtu", "size");
    g_autofree char *order = vmgr__device_get(dev, "boot", "order");
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autofree char *net = vmgr__vemu_netdev_name(dev);
    const struct kind *kind = kind_of(type);
    g_autofree char *class_name = vmgr__vemu_virtio_class(def, "virtio-net");
    struct json_object *o;
    uint32_t n;
    int r = -1;

    if (!kind) {
        unsupported(err, "interface type '%s' is not supported by the vemu driver yet", type);
    } else if (model && strcmp(model, "virtio") != 0) {
        unsupported(err, "interface model '%s' is not supported by the vemu driver yet", model);
    } else if (check(root, kind, err) == 0 &&
               (!kind->port || vmgr__vemu_port_check(dev, err) == 0)) {
        const bool user = strcmp(kind->type, "user") == 0;

        o = vmgr__vemu_part_add(parts, VEMU_PART_NET,
                                user ? vmgr__vemu_usernet_class(root) : kind->netdev, net);
        r = user ? vmgr__vemu_usernet_put(o, root, err) : put_place(o, kind, root, err);
        o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, class_name, alias);
        vmgr__vemu_set(o, "netdev", net);
        vmgr__vemu_set(o, "mac", mac);
        if (vmgr__parse_u32(mtu, &n))
            vmgr__vemu_set_int(o, "host_mtu", n);
        if (vmgr__parse_u32(order, &n))
            vmgr__vemu_set_int(o, "bootindex", n);
        if (r == 0)
            r = put_driver(o, root, kind->port, err);
        if (r == 0)
            r = vmgr__vemu_part_address(def, root, o, err);
    }
    xmlFreeDoc(doc);
    return r;
}
