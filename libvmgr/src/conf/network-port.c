/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <networkport>: read and written.
 */
#include "network-port.h"

#include <string.h>

#include "network.h"

#define port_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_NETWORK, __VA_ARGS__)
#define missing(err, what)                                                                         \
    port_error(err, VMGR_ERR_INTERNAL_ERROR, "network port has no %s", what)

void vmgr__network_port_clear(struct vmgr__network_port *port)
{
    g_free(port->owner);
    g_free(port->group);
    g_free(port->mac);
    g_free(port->bridge);
    g_free(port->dev);
    g_free(port->mode);
    g_free(port->interface);
    memset(port, 0, sizeof(*port));
}

void vmgr__network_port_free(void *port)
{
    vmgr__network_port_clear(port);
    g_free(port);
}

/* A child with a text; *ret NULL: there is none, or it is empty. */
static void read_text(const xmlNode *parent, const char *name, char **ret)
{
    const xmlNode *node = vmgr__xml_child(parent, name);

    *ret = node ? vmgr__xml_text(node) : NULL;
    if (*ret && !**ret)
        g_clear_pointer(ret, g_free);
}

static int read_uuid(const xmlNode *parent, const char *what, uint8_t ret[VMGR_UUID_SIZE],
                     struct vmgr_error **err)
{
    g_autofree char *text = NULL;

    read_text(parent, "uuid", &text);
    if (!text)
        return missing(err, what);
    if (!vmgr__uuid_parse(text, ret))
        return port_error(err, VMGR_ERR_INTERNAL_ERROR, "Unable to parse UUID '%s'", text);
    return 0;
}

static int read_owner(const xmlNode *root, struct vmgr__network_port *port, struct vmgr_error **err)
{
    const xmlNode *owner = vmgr__xml_child(root, "owner");

    if (owner)
        read_text(owner, "name", &port->owner);
    if (!port->owner)
        return missing(err, "owner name");
    return read_uuid(owner, "owner UUID", port->owner_uuid, err);
}

static int read_mac(const xmlNode *root, struct vmgr__network_port *port, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "mac");
    g_autofree char *text = node ? vmgr__xml_attr(node, "address") : NULL;
    char canonical[VMGR__MAC_TEXT];
    uint8_t b[6];

    if (!text)
        return missing(err, "mac");
    if (!vmgr__mac_parse(text, b))
        return port_error(err, VMGR_ERR_INTERNAL_ERROR, "Unable to parse MAC '%s'", text);
    port->mac = g_strdup(vmgr__mac_format(b, canonical));
    return 0;
}

static int read_direct(const xmlNode *node, struct vmgr__network_port *port,
                       struct vmgr_error **err)
{
    int mode = 0;

    port->dev = vmgr__xml_attr(node, "dev");
    if (!port->dev)
        return port_error(err, VMGR_ERR_XML_ERROR, "Missing network port link device name");
    if (vmgr__xml_enum(node, "mode", vmgr__direct_modes, &mode, err) < 0)
        return -1;
    port->mode = g_strdup(vmgr__direct_modes[mode]);
    return 0;
}

static int read_plug(const xmlNode *root, struct vmgr__network_port *port, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "plug");
    g_autofree char *type = node ? vmgr__xml_attr(node, "type") : NULL;
    g_autofree char *table = node ? vmgr__xml_attr(node, "macTableManager") : NULL;

    if (!type || strcmp(type, "none") == 0)
        return 0;
    if (strcmp(type, "direct") == 0)
        return read_direct(node, port, err);
    if (strcmp(type, "network") != 0 && strcmp(type, "bridge") != 0)
        return port_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "<plug type='%s'> of a network port is not supported", type);
    if (table && strcmp(table, "kernel") != 0)
        return port_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "macTableManager '%s' of a network port is not supported", table);
    port->bridge = vmgr__xml_attr(node, "bridge");
    return port->bridge ? 0
                        : port_error(err, VMGR_ERR_XML_ERROR, "Missing network port bridge name");
}

static int read_options(const xmlNode *root, struct vmgr__network_port *port,
                        struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "port");

    return node ? vmgr__xml_enum(node, "isolated", vmgr__yes_no, &port->isolated, err) : 0;
}

static int check_children(const xmlNode *root, struct vmgr_error **err)
{
    static const char *const known[] = {
        "uuid", "owner", "group", "mac", "plug", "bandwidth", "port", NULL
    };

    for (const xmlNode *c = vmgr__xml_first(root); c; c = vmgr__xml_next(c, NULL)) {
        if (vmgr__name_index(known, (const char *)c->name) < 0)
            return port_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "<%s> of a network port is not supported", (const char *)c->name);
    }
    return 0;
}

static int read_port(const xmlNode *root, struct vmgr__network_port *port, struct vmgr_error **err)
{
    const xmlNode *bandwidth = vmgr__xml_child(root, "bandwidth");

    if (read_uuid(root, "uuid", port->uuid, err) < 0 || read_owner(root, port, err) < 0)
        return -1;
    read_text(root, "group", &port->group);
    port->interface = vmgr__xml_attr(root, "interface");
    if (read_mac(root, port, err) < 0 ||
        (bandwidth && vmgr__bandwidth_read(bandwidth, &port->bandwidth, err) < 0))
        return -1;
    return read_options(root, port, err) < 0 || read_plug(root, port, err) < 0
               ? -1
               : check_children(root, err);
}

int vmgr__network_port_parse(const char *xml, struct vmgr__network_port *ret,
                             struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(networkport_definition)", "networkport", err);
    int r;

    memset(ret, 0, sizeof(*ret));
    if (!doc)
        return -1;
    r = read_port(xmlDocGetRootElement(doc), ret, err);
    xmlFreeDoc(doc);
    if (r < 0)
        vmgr__network_port_clear(ret);
    return r;
}

char *vmgr__network_port_format(const struct vmgr__network_port *port, bool status)
{
    char uuid[VMGR_UUID_STRING_SIZE];
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "networkport");
    if (status)
        vmgr__xw_attr(&w, "interface", port->interface);
    vmgr__uuid_format(port->uuid, uuid);
    vmgr__xw_text(&w, "uuid", uuid);
    vmgr__xw_begin(&w, "owner");
    vmgr__xw_text(&w, "name", port->owner);
    vmgr__uuid_format(port->owner_uuid, uuid);
    vmgr__xw_text(&w, "uuid", uuid);
    vmgr__xw_end(&w, "owner");
    vmgr__xw_text(&w, "group", port->group);
    vmgr__xw_begin(&w, "mac");
    vmgr__xw_attr(&w, "address", port->mac);
    vmgr__xw_end(&w, "mac");
    vmgr__bandwidth_write(&port->bandwidth, &w);
    if (port->isolated) {
        vmgr__xw_begin(&w, "port");
        vmgr__xw_attr(&w, "isolated", vmgr__yes_no[port->isolated]);
        vmgr__xw_end(&w, "port");
    }
    if (port->bridge) {
        vmgr__xw_begin(&w, "plug");
        vmgr__xw_attr(&w, "type", "network");
        vmgr__xw_attr(&w, "bridge", port->bridge);
        vmgr__xw_end(&w, "plug");
    } else if (port->dev) {
        vmgr__xw_begin(&w, "plug");
        vmgr__xw_attr(&w, "type", "direct");
        vmgr__xw_attr(&w, "dev", port->dev);
        vmgr__xw_attr(&w, "mode", port->mode);
        vmgr__xw_end(&w, "plug");
    }
    vmgr__xw_end(&w, "networkport");
    return vmgr__xw_finish(&w);
}
