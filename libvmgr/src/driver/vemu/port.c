/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces on networks and bridges of the host.
 *
 * Before the emulator starts, each <interface type='network'> and <interface type='bridge'> gets a
 * tap interface, whose descriptor the emulator inherits; its name and the bridge are noted in the
 * definition of the run. See network/tap.c for what becomes of it.
 */
#include <string.h>
#include <unistd.h>

#include "../../network/network.h"
#include "parts.h"

/* One that is to have a tap, and what its back-end is called. */
struct port {
    char *netdev;
    int fd;
};

static void port_clear(void *data)
{
    struct port *p = data;

    g_free(p->netdev);
    close(p->fd);
}

bool vmgr__vemu_port_wanted(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL;

    if (dev->unknown || strcmp(dev->name, "interface") != 0)
        return false;
    type = vmgr__device_get(dev, NULL, "type");
    return g_strcmp0(type, "network") == 0 || g_strcmp0(type, "bridge") == 0;
}

/* Notes in the document where the interface is. */
static void note(struct vmgr__device *dev, const struct vmgr__tap *tap)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *source = vmgr__xml_child(root, "source"), *target = vmgr__xml_child(root, "target");

    if (!target) {
        target = xmlNewDocNode(doc, NULL, BAD_CAST "target", NULL);
        xmlAddNextSibling(source, target);
    }
    xmlSetProp(source, BAD_CAST "bridge", BAD_CAST tap->bridge);
    xmlSetProp(target, BAD_CAST "dev", BAD_CAST tap->name);
    vmgr__device_set_doc(dev, doc);
}

static int open_port(struct vemu *d, struct vmgr__device *dev, GArray *ports,
                     struct vmgr_error **err)
{
    g_autofree char *network = vmgr__device_get(dev, "source", "network");
    g_autofree char *mac = vmgr__device_get(dev, "mac", "address");
    g_autofree char *mtu = vmgr__device_get(dev, "mtu", "size");
    g_autofree char *type = vmgr__device_get(dev, NULL, "type");
    struct vmgr__tap tap = { .network = strcmp(type, "network") == 0 ? network : NULL,
                             .bridge = vmgr__device_get(dev, "source", "bridge"),
                             .name = vmgr__device_get(dev, "target", "dev") };
    int r = -1;

    if (mac)
        vmgr__mac_parse(mac, tap.mac);
    if (mtu && !vmgr__parse_u32(mtu, &tap.mtu))
        vemu_error(err, VMGR_ERR_XML_ERROR, "invalid <mtu size='%s'> of <interface>", mtu);
    else
        r = vmgr__tap_open(d, &tap, err);
    if (r == 0) {
        struct port p = { vmgr__vemu_netdev_name(dev), tap.fd };

        g_array_append_val(ports, p);
        note(dev, &tap);
    }
    g_free(tap.bridge);
    g_free(tap.name);
    return r;
}

GArray *vmgr__vemu_ports_open(struct vemu *d, struct vmgr__domain_def *def, struct vmgr_error **err)
{
    g_autoptr(GArray) ports = g_array_new(FALSE, FALSE, sizeof(struct port));

    g_array_set_clear_func(ports, port_clear);
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (vmgr__vemu_port_wanted(dev) && open_port(d, dev, ports, err) < 0)
            return NULL;
    }
    return g_steal_pointer(&ports);
}

size_t vmgr__vemu_ports_count(const GArray *ports)
{
    return ports->len;
}

int vmgr__vemu_ports_fd(const GArray *ports, size_t i)
{
    return g_array_index(ports, struct port, i).fd;
}

void vmgr__vemu_ports_give(const GArray *ports, const struct vemu_parts *parts)
{
    struct json_object *id;

    for (guint i = 0; i < parts->list->len; i++) {
        const struct vemu_part *part = &g_array_index(parts->list, struct vemu_part, i);

        if (part->kind != VEMU_PART_NET || !json_object_object_get_ex(part->props, "id", &id))
            continue;
        for (guint k = 0; k < ports->len; k++) {
            const struct port *p = &g_array_index(ports, struct port, k);

            if (strcmp(p->netdev, json_object_get_string(id)) == 0)
                vmgr__vemu_setf(part->props, "fd", "%d", p->fd);
        }
    }
}

bool vmgr__vemu_port_moved(const struct vmgr__device *old, const struct vmgr__device *dev)
{
    static const char *const rows[][2] = { { "source", "network" },
                                           { "source", "bridge" },
                                           { "target", "dev" } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *was = vmgr__device_get(old, rows[i][0], rows[i][1]);
        g_autofree char *is = vmgr__device_get(dev, rows[i][0], rows[i][1]);

        if (g_strcmp0(was, is) != 0)
            return true;
    }
    return false;
}

void vmgr__vemu_port_inherit(const struct vmgr__device *old, struct vmgr__device *dev)
{
    g_autofree char *bridge = vmgr__device_get(old, "source", "bridge");
    g_autofree char *name = vmgr__device_get(old, "target", "dev");
    g_autofree char *own_bridge = vmgr__device_get(dev, "source", "bridge");
    g_autofree char *own_name = vmgr__device_get(dev, "target", "dev");
    const struct vmgr__tap tap = { .bridge = own_bridge ? own_bridge : bridge,
                                   .name = own_name ? own_name : name };

    if (vmgr__vemu_port_wanted(dev) && tap.bridge && tap.name)
        note(dev, &tap);
}
