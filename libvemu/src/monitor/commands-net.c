/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about networks: adding, removing, the cable, what cards listen to.
 */
#include <errno.h>
#include <string.h>

#include <vemu/net.h>

#include "core/property.h"
#include "devices/virtio-net/info.h"
#include "monitor/qmp.h"
#include "net/net.h"

/* QEMU lists forwards as [{"str": "tcp::2222-:22"}]; the back-end takes "a;b". */
static int add_forwards(struct qmp_props *props, struct json_object *list, struct vemu_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        if (json_object_is_type(item, json_type_object))
            item = qmp_get(item, "str");
        if (!json_object_is_type(item, json_type_string))
            return vemu__error_set(
                err, EINVAL, "Invalid parameter type for 'hostfwd[%zu]', expected: string", i);
        g_string_append_printf(text, "%s%s", text->len ? ";" : "", json_object_get_string(item));
    }
    vemu__qmp_props_add_text(props, "hostfwd", text->str);
    return 0;
}

/* Descriptors of a tap interface or a socket may have come with getfd. It takes them when it is
 * made. */
static bool takes_descriptors(const char *type)
{
    return !strcmp(type, "tap") || !strcmp(type, "socket") || !strcmp(type, "stream") ||
           !strcmp(type, "dgram");
}

static char *descriptors_of(struct json_object *args, struct vemu_error **err)
{
    return vemu__qmp_descriptors_resolve(vemu__qmp_descriptors(), qmp_get_string(args, "fd"), err);
}

static int cmd_netdev_add(QMP_PARAMS)
{
    const char *type = qmp_get_string(args, "type");
    const bool handed =
        takes_descriptors(type) && json_object_is_type(qmp_get(args, "fd"), json_type_string);
    struct qmp_props *props = vemu__qmp_props_new();
    g_autofree char *fds = handed ? descriptors_of(args, err) : NULL;
    int r = handed && !fds ? -EINVAL : 0;

    json_object_object_foreach(args, key, value)
    {
        if (r < 0 || !strcmp(key, "type") || !strcmp(key, "id"))
            continue;
        if (fds && !strcmp(key, "fd"))
            vemu__qmp_props_add_text(props, "fd", fds);
        else if (!strcmp(key, "hostfwd") && json_object_is_type(value, json_type_array))
            r = add_forwards(props, value, err);
        else
            r = vemu__qmp_props_add(props, key, value, err);
    }
    if (!strcmp(type, "stream") || !strcmp(type, "dgram")) { /* kinds of one class here */
        vemu__qmp_props_add_text(props, "type", type);
        type = "socket";
    }
    if (r >= 0)
        r = vemu_vm_add_net(vm, type, qmp_get_string(args, "id"), vemu__qmp_props_items(props),
                            props->items->len, err);
    vemu__qmp_props_free(props);
    if (fds)
        vemu__qmp_descriptors_forget(vemu__qmp_descriptors(), qmp_get_string(args, "fd"), r < 0);
    return r;
}

static int cmd_netdev_del(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "id");

    return vemu__vm_find_net(vm, id) ? vemu_vm_remove_net(vm, id, err)
                                     : vemu__qmp_not_found(id, err);
}

/* The network that a device uses, NULL: none. */
static struct vemu_net *net_of_device(const struct vemu_device *dev)
{
    struct vemu_prop_iter it = { .at = dev->class_->props };
    const struct vemu_prop *prop;
    size_t offset;

    while ((prop = vemu__prop_next(&it, &offset)) != NULL)
        if (prop->type == VEMU_PROP_NETDEV)
            return *(struct vemu_net *const *)(const void *)((const char *)dev + offset);
    return NULL;
}

/* The name is that of a device or of its back-end. */
static int cmd_set_link(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "name");
    const struct vemu_device *dev = vemu__vm_find_device(vm, name);
    const struct vemu_net *net = dev ? net_of_device(dev) : vemu__vm_find_net(vm, name);

    if (!net)
        return vemu__qmp_not_found(name, err);
    return vemu_vm_set_net_link(vm, vemu__net_id(net), json_object_get_boolean(qmp_get(args, "up")),
                                err);
}

/* --- query-rx-filter -------------------------------------------------------------------------- */

static void add_macs(struct json_object *o, const char *key, const uint8_t macs[][6], unsigned n)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < n; i++) {
        const uint8_t *m = macs[i];
        g_autofree char *text =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);

        json_object_array_add(list, json_object_new_string(text));
    }
    json_object_object_add(o, key, list);
}

static void add_vlans(struct json_object *o, const uint8_t *vlans)
{
    struct json_object *list = json_object_new_array();
    unsigned count = 0;

    for (int n = 0; n < 4096; n++) {
        if (!(vlans[n / 8] & 1u << n % 8))
            continue;
        json_object_array_add(list, json_object_new_int(n));
        count++;
    }
    qmp_add_string(o, "vlan", count == 4096 ? "all" : count ? "normal" : "none");
    if (count == 4096) { /* which ones is of no interest */
        json_object_put(list);
        list = json_object_new_array();
    }
    json_object_object_add(o, "vlan-table", list);
}

static const char *mode(bool none, bool all)
{
    return none ? "none" : all ? "all" : "normal";
}

static struct json_object *describe_filter(const struct vemu_device *dev,
                                           const struct vemu_net_filter_info *f)
{
    struct json_object *o = json_object_new_object();
    g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", f->mac[0], f->mac[1],
                                           f->mac[2], f->mac[3], f->mac[4], f->mac[5]);

    qmp_add_string(o, "name", dev->id);
    qmp_add_bool(o, "promiscuous", f->promiscuous);
    qmp_add_string(o, "multicast", mode(f->no_multicast, f->all_multicast));
    qmp_add_string(o, "unicast", mode(f->no_unicast, f->all_unicast));
    qmp_add_bool(o, "broadcast-allowed", !f->no_broadcast);
    qmp_add_bool(o, "multicast-overflow", f->multicast_overflow);
    qmp_add_bool(o, "unicast-overflow", f->unicast_overflow);
    qmp_add_string(o, "main-mac", mac);
    add_vlans(o, f->vlans);
    add_macs(o, "unicast-table", f->macs, f->unicast_count);
    add_macs(o, "multicast-table", f->macs + f->unicast_count, f->multicast_count);
    return o;
}

static int cmd_query_rx_filter(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "name");
    struct vemu_net_filter_info info;

    if (name && !vemu__vm_find_device(vm, name))
        return vemu__qmp_not_found(name, err);
    if (name && !vemu__net_filter_get(vemu__vm_find_device(vm, name), &info))
        return vemu__error_set(err, ENOTSUP, "net client(%s) doesn't support rx-filter querying",
                               name);
    *result = json_object_new_array();
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if ((!name || !strcmp(dev->id, name)) && vemu__net_filter_get(dev, &info))
            json_object_array_add(*result, describe_filter(dev, &info));
    }
    return 0;
}

#define FILTER                                                                                     \
    "{name:str,promiscuous:bool,multicast:<normal|none|all>,unicast:<normal|none|all>,"            \
    "vlan:<normal|none|all>,broadcast-allowed:bool,multicast-overflow:bool,"                       \
    "unicast-overflow:bool,main-mac:str,vlan-table:[int],unicast-table:[str],"                     \
    "multicast-table:[str]}"

static const struct qmp_command commands[] = {
    { "netdev_add", cmd_netdev_add, "{type:str,id:str,*}", NULL },
    { "netdev_del", cmd_netdev_del, "{id:str}", NULL },
    { "query-rx-filter", cmd_query_rx_filter, "{name?:str}", "[" FILTER "]" },
    { "set_link", cmd_set_link, "{name:str,up:bool}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_net = { .commands = commands };
