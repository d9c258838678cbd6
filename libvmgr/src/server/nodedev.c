/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about node devices.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/nodedev.h>

#include "internal.h"

#define DEVICES_MAX 65536 /* of the protocol, in one reply */

static void drop(void *dev)
{
    vmgr_nodedev_unref(dev);
}

static void list_free(void *list)
{
    vmgr_nodedev_list_free(list);
}

/* The device of an argument, dropped with the call; NULL and call->err. */
static struct vmgr_nodedev *call_device(struct vmgr__call *call, const char *name)
{
    struct vmgr_nodedev *dev = NULL;

    if (vmgr_nodedev_lookup_by_name(call->conn, name, &dev, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, dev, drop);
}

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_lookup_by_name_args *a = args;
    struct wire_node_device_lookup_by_name_ret *r = ret;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    if (!dev)
        return -1;
    r->dev.name = (char *)vmgr_nodedev_get_name(dev);
    return 0;
}

/* ---- lists ---- */

/* The devices with one of the capabilities in `flags`, at most DEVICES_MAX. Returns how many. */
static int list_devices(struct vmgr__call *call, uint32_t flags, struct vmgr_nodedev ***ret)
{
    const int n = vmgr_nodedev_list(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, list_free);
    if (n > DEVICES_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d devices are more than the %d that fit into a reply", n,
                               DEVICES_MAX);
    return n;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_node_devices_args *a = args;
    struct wire_connect_list_all_node_devices_ret *r = ret;
    struct vmgr_nodedev **list;
    const int n = list_devices(call, a->flags, &list);

    if (n < 0)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->devices.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_node_device, n + 1), g_free);
    for (; (int)r->devices.n < n; r->devices.n++)
        r->devices.v[r->devices.n].name = (char *)vmgr_nodedev_get_name(list[r->devices.n]);
    return 0;
}

/* The filter that a capability's name is; NULL: none. A name that nobody has matches nothing. */
static bool cap_flags(const char *cap, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = 0; cap && vmgr_nodedev_cap_name(i); i++) {
        if (strcmp(vmgr_nodedev_cap_name(i), cap) == 0)
            *ret = 1u << i;
    }
    return !cap || *ret;
}

static int list_names(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_list_devices_args *a = args;
    struct wire_node_list_devices_ret *r = ret;
    struct vmgr_nodedev **list;
    uint32_t flags;
    int n;

    if (a->maxnames < 0 || a->maxnames > DEVICES_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "a list of %d devices is asked for, between 0 and %d is possible",
                               a->maxnames, DEVICES_MAX);
    if (!cap_flags(a->cap, &flags))
        return 0;
    n = list_devices(call, flags, &list);
    if (n < 0)
        return -1;
    r->names.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    for (; (int)r->names.n < MIN(n, a->maxnames); r->names.n++)
        r->names.v[r->names.n] = (char *)vmgr_nodedev_get_name(list[r->names.n]);
    return 0;
}

static int num_of_devices(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_num_of_devices_args *a = args;
    struct wire_node_num_of_devices_ret *r = ret;
    uint32_t flags;

    if (cap_flags(a->cap, &flags))
        r->num = vmgr_nodedev_list(call->conn, flags, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

/* ---- looking ---- */

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_get_xml_desc_args *a = args;
    struct wire_node_device_get_xml_desc_ret *r = ret;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    if (!dev || vmgr_nodedev_get_xml(dev, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static int get_parent(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_get_parent_args *a = args;
    struct wire_node_device_get_parent_ret *r = ret;
    struct vmgr_nodedev *dev = call_device(call, a->name);
    char *name = NULL;

    if (!dev || vmgr_nodedev_get_parent(dev, &name, &call->err) < 0)
        return -1;
    r->parent_name = name ? vmgr__arena_adopt(&call->arena, name, free) : NULL;
    return 0;
}

static int num_of_caps(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_num_of_caps_args *a = args;
    struct wire_node_device_num_of_caps_ret *r = ret;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    r->num = dev ? vmgr_nodedev_list_caps(dev, NULL, &call->err) : -1;
    return r->num < 0 ? -1 : 0;
}

static int list_caps(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_list_caps_args *a = args;
    struct wire_node_device_list_caps_ret *r = ret;
    struct vmgr_nodedev *dev = call_device(call, a->name);
    const char **names;
    int n;

    if (!dev)
        return -1;
    n = vmgr_nodedev_list_caps(dev, &names, &call->err);
    if (n < 0)
        return -1;
    r->names.v = vmgr__arena_adopt(&call->arena, (char **)names, free);
    r->names.n = (uint32_t)CLAMP(a->maxnames, 0, n);
    return 0;
}

/* Questions whose answer is one number. */
#define ASK(procedure, field)                                                                      \
    static int ask_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_node_device_##procedure##_args *a = args;                                \
        struct wire_node_device_##procedure##_ret *r = ret;                                        \
        struct vmgr_nodedev *dev = call_device(call, a->name);                                     \
                                                                                                   \
        r->field = dev ? vmgr_nodedev_##procedure(dev, &call->err) : -1;                           \
        return r->field < 0 ? -1 : 0;                                                              \
    }

ASK(is_active, active)
ASK(is_persistent, persistent)
ASK(get_autostart, autostart)

/* ---- giving to guests ---- */

static int dev_detach(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_dettach_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_detach(dev, NULL, 0, &call->err) : -1;
}

static int dev_detach_flags(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_detach_flags_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_detach(dev, a->driver_name, a->flags, &call->err) : -1;
}

static int dev_reattach(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_re_attach_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_reattach(dev, &call->err) : -1;
}

static int dev_reset(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_reset_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_reset(dev, &call->err) : -1;
}

/* ---- making ---- */

static int lookup_wwn(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_lookup_scsi_host_by_wwn_args *a = args;
    struct wire_node_device_lookup_scsi_host_by_wwn_ret *r = ret;
    struct vmgr_nodedev *dev = NULL;

    if (vmgr_nodedev_lookup_scsi_host_by_wwn(call->conn, a->wwnn, a->wwpn, a->flags, &dev,
                                             &call->err) < 0)
        return -1;
    r->dev.name = (char *)vmgr_nodedev_get_name(vmgr__arena_adopt(&call->arena, dev, drop));
    return 0;
}

/* Both have a document and flags, and give a device. */
static int from_document(struct vmgr__call *call,
                         const struct wire_node_device_create_xml_args *a, bool define,
                         struct wire_node_device *ret)
{
    struct vmgr_nodedev *dev = NULL;

    if ((define ? vmgr_nodedev_define_xml : vmgr_nodedev_create_xml)(
            call->conn, a->xml_desc, a->flags, &dev, &call->err) < 0)
        return -1;
    ret->name = (char *)vmgr_nodedev_get_name(vmgr__arena_adopt(&call->arena, dev, drop));
    return 0;
}

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_node_device_create_xml_ret *r = ret;

    return from_document(call, args, false, &r->dev);
}

static int define_xml(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_node_device_define_xml_ret *r = ret;

    return from_document(call, args, true, &r->dev);
}

static int dev_destroy(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_destroy_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_destroy(dev, &call->err) : -1;
}

static int dev_undefine(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_undefine_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_undefine(dev, a->flags, &call->err) : -1;
}

static int dev_start(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_create_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_start(dev, a->flags, &call->err) : -1;
}

static int set_autostart(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_device_set_autostart_args *a = args;
    struct vmgr_nodedev *dev = call_device(call, a->name);

    (void)ret;
    return dev ? vmgr_nodedev_set_autostart(dev, a->autostart, &call->err) : -1;
}

const struct vmgr__handler vmgr__handlers_nodedev[] = {
    { WIRE_NODE_DEVICE_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_CONNECT_LIST_ALL_NODE_DEVICES, list_all, 0 },
    { WIRE_NODE_LIST_DEVICES, list_names, 0 },
    { WIRE_NODE_NUM_OF_DEVICES, num_of_devices, 0 },
    { WIRE_NODE_DEVICE_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_NODE_DEVICE_GET_PARENT, get_parent, 0 },
    { WIRE_NODE_DEVICE_NUM_OF_CAPS, num_of_caps, 0 },
    { WIRE_NODE_DEVICE_LIST_CAPS, list_caps, 0 },
    { WIRE_NODE_DEVICE_IS_ACTIVE, ask_is_active, 0 },
    { WIRE_NODE_DEVICE_IS_PERSISTENT, ask_is_persistent, 0 },
    { WIRE_NODE_DEVICE_GET_AUTOSTART, ask_get_autostart, 0 },
    { WIRE_NODE_DEVICE_DETTACH, dev_detach, 0 },
    { WIRE_NODE_DEVICE_DETACH_FLAGS, dev_detach_flags, 0 },
    { WIRE_NODE_DEVICE_RE_ATTACH, dev_reattach, 0 },
    { WIRE_NODE_DEVICE_RESET, dev_reset, 0 },
    { WIRE_NODE_DEVICE_LOOKUP_SCSI_HOST_BY_WWN, lookup_wwn, 0 },
    { WIRE_NODE_DEVICE_CREATE_XML, create_xml, 0 },
    { WIRE_NODE_DEVICE_DEFINE_XML, define_xml, 0 },
    { WIRE_NODE_DEVICE_DESTROY, dev_destroy, 0 },
    { WIRE_NODE_DEVICE_UNDEFINE, dev_undefine, 0 },
    { WIRE_NODE_DEVICE_CREATE, dev_start, 0 },
    { WIRE_NODE_DEVICE_SET_AUTOSTART, set_autostart, 0 },
    { 0, NULL, 0 },
};
