/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <interface>: a network back-end, and the card that shows it to the guest.
 *
 * The back-end of an interface on a network or a bridge, on none (type 'ethernet'), or right on one
 * of the host's (type 'direct'), is a tap interface that is handed over open; port.c makes it.
 */
#include <string.h>

#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

char *vmgr__vemu_netdev_name(const struct vmgr__device *dev)
{
    g_autofree char *alias = vmgr__device_alias(dev);

    return g_strconcat("host", alias, NULL);
}

/* What is understood of an interface of this type. */
static int check(const xmlNode *root, const char *type, struct vmgr_error **err)
{
    const xmlNode *source = vmgr__xml_child(root, "source");
    const xmlNode *target = vmgr__xml_child(root, "target");

    if (strcmp(type, "user") == 0)
        return vmgr__vemu_only(root, "mac model link boot mtu alias address", "type", err);
    if (vmgr__vemu_only(root,
                        "mac source target model link boot mtu alias address bandwidth filterref",
                        "type", err) < 0)
        return -1;
    if (target && vmgr__vemu_only(target, "", "dev", err) < 0)
        return -1;
    if (!source)
        return 0;
    return vmgr__vemu_only(source, "",
                           strcmp(type, "network") == 0  ? "network portgroup portid bridge"
                           : strcmp(type, "direct") == 0 ? "network portgroup portid dev mode"
                           : strcmp(type, "bridge") == 0 ? "bridge"
                                                         : "",
                           err);
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
    const bool port = vmgr__vemu_port_wanted(dev);
    g_autofree char *class_name = vmgr__vemu_virtio_class(def, "virtio-net");
    struct json_object *o;
    uint32_t n;
    int r = -1;

    if (!port && g_strcmp0(type, "user") != 0) {
        unsupported(err, "interface type '%s' is not supported by the vemu driver yet", type);
    } else if (model && strcmp(model, "virtio") != 0) {
        unsupported(err, "interface model '%s' is not supported by the vemu driver yet", model);
    } else if (check(root, type, err) == 0 && (!port || vmgr__vemu_port_check(dev, err) == 0)) {
        vmgr__vemu_part_add(parts, VEMU_PART_NET, port ? "tap" : "user", net);
        o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, class_name, alias);
        vmgr__vemu_set(o, "netdev", net);
        vmgr__vemu_set(o, "mac", mac);
        if (vmgr__parse_u32(mtu, &n))
            vmgr__vemu_set_int(o, "host_mtu", n);
        if (vmgr__parse_u32(order, &n))
            vmgr__vemu_set_int(o, "bootindex", n);
        r = vmgr__vemu_part_address(def, root, o, err);
    }
    xmlFreeDoc(doc);
    return r;
}
