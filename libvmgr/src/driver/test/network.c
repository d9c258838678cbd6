/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks of the test driver: one to begin with, active, in memory like all of it.
 */
#include "../network.h"

#include <string.h>

#include "test.h"

static const char default_network[] =
    "<network>"
    "  <name>default</name>"
    "  <uuid>dd8fe884-6c02-601e-7551-cca97df1c5df</uuid>"
    "  <bridge name='virbr0'/>"
    "  <forward/>"
    "  <ip address='192.168.122.1' netmask='255.255.255.0'>"
    "    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>"
    "  </ip>"
    "</network>";

GPtrArray *vmgr__test_networks_new(void)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__netobj_free);
    struct vmgr__netobj *obj = g_new0(struct vmgr__netobj, 1);

    obj->config = vmgr__network_def_parse(default_network, NULL);
    obj->live = vmgr__network_def_parse(default_network, NULL);
    g_assert(obj->config && obj->live);
    g_ptr_array_add(list, obj);
    return list;
}

#define invalid(err, ...)                                                                          \
    vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST, __VA_ARGS__)

/* Locks and finds; on failure it is unlocked again. */
static struct vmgr__netobj *enter(struct vmgr_network *net, struct test **ret_test,
                                  struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(net);
    struct test *t = conn->driver_data;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr__netobj *obj;

    vmgr_network_get_uuid(net, uuid);
    g_mutex_lock(&t->lock);
    obj = vmgr__netobj_find(t->networks, uuid, NULL);
    if (!obj) {
        vmgr__netobj_not_found(conn, uuid, vmgr_network_get_name(net), err);
        g_mutex_unlock(&t->lock);
    }
    *ret_test = t;
    return obj;
}

static void emit(struct vmgr_conn *conn, const struct vmgr__netobj *obj, int type)
{
    const struct vmgr__network_def *def = vmgr__netobj_current(obj);

    vmgr__network_emit(conn, def->name, def->uuid, type);
}

static int net_lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                      struct vmgr_network **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    const struct vmgr__netobj *obj;

    g_mutex_lock(&t->lock);
    obj = vmgr__netobj_find(t->networks, uuid, name);
    if (obj)
        *ret = vmgr__netobj_handle(conn, obj);
    g_mutex_unlock(&t->lock);
    return obj ? 0 : vmgr__netobj_not_found(conn, uuid, name, err);
}

static int net_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                    struct vmgr_error **err G_GNUC_UNUSED)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    for (guint i = 0; i < t->networks->len; i++) {
        if (vmgr__netobj_matches(t->networks->pdata[i], flags))
            g_ptr_array_add(ret, vmgr__netobj_handle(conn, t->networks->pdata[i]));
    }
    g_mutex_unlock(&t->lock);
    return 0;
}

/* Takes def for `slot` of a new or existing object; NULL and *err when its name is taken. */
static struct vmgr__netobj *assign(struct test *t, struct vmgr__network_def *def, bool live,
                                   bool *ret_fresh, struct vmgr_error **err)
{
    struct vmgr__netobj *obj;
    struct vmgr__network_def **slot;

    if (vmgr__netobj_check(t->networks, def, live, &obj, err) < 0) {
        vmgr__network_def_free(def);
        return NULL;
    }
    *ret_fresh = !obj;
    if (!obj) {
        obj = g_new0(struct vmgr__netobj, 1);
        g_ptr_array_add(t->networks, obj);
    }
    slot = live ? &obj->live : &obj->config;
    vmgr__network_def_free(*slot);
    *slot = def;
    return obj;
}

static int add(struct vmgr_conn *conn, const char *xml, bool live, struct vmgr_network **ret,
               struct vmgr_error **err)
{
    struct vmgr__network_def *def = vmgr__network_def_parse(xml, err);
    struct test *t = conn->driver_data;
    struct vmgr__netobj *obj;
    bool fresh;

    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    obj = assign(t, def, live, &fresh, err);
    if (obj) {
        emit(conn, obj, live ? VMGR_NETWORK_EVENT_STARTED : VMGR_NETWORK_EVENT_DEFINED);
        if (ret)
            *ret = vmgr__netobj_handle(conn, obj);
    }
    return vmgr__test_leave(t, obj ? 0 : -1);
}

static int net_define(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                      struct vmgr_error **err)
{
    return add(conn, xml, false, ret, err);
}

static int net_create(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                      struct vmgr_error **err)
{
    return add(conn, xml, true, ret, err);
}

static int net_undefine(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    if (obj->live)
        return vmgr__test_leave(t, invalid(err, "Network '%s' is still running", obj->live->name));
    emit(vmgr_network_get_conn(net), obj, VMGR_NETWORK_EVENT_UNDEFINED);
    g_ptr_array_remove(t->networks, obj);
    return vmgr__test_leave(t, 0);
}

static int net_start(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    if (obj->live)
        return vmgr__test_leave(t,
                                invalid(err, "Network '%s' is already running", obj->live->name));
    obj->live = vmgr__network_def_copy(obj->config, err);
    if (obj->live)
        emit(vmgr_network_get_conn(net), obj, VMGR_NETWORK_EVENT_STARTED);
    return vmgr__test_leave(t, obj->live ? 0 : -1);
}

static int net_destroy(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    if (!obj->live)
        return vmgr__test_leave(t, invalid(err, "network '%s' is not active", obj->config->name));
    emit(vmgr_network_get_conn(net), obj, VMGR_NETWORK_EVENT_STOPPED);
    if (obj->config)
        g_clear_pointer(&obj->live, vmgr__network_def_free);
    else
        g_ptr_array_remove(t->networks, obj);
    return vmgr__test_leave(t, 0);
}

static int net_update(struct vmgr_network *net, int command, int section, int parent_index,
                      const char *xml, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__network_def *live, *config;
    struct test *t;
    struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    if (vmgr__netobj_update(obj, command, section, parent_index, xml, flags, &live, &config, err) <
        0)
        return vmgr__test_leave(t, -1);
    if (live) {
        vmgr__network_def_free(obj->live);
        obj->live = live;
    }
    if (config) {
        vmgr__network_def_free(obj->config);
        obj->config = config;
    }
    return vmgr__test_leave(t, 0);
}

static int net_get_xml(struct vmgr_network *net, uint32_t flags, char **ret,
                       struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    *ret = vmgr__netobj_get_xml(obj, flags);
    return vmgr__test_leave(t, 0);
}

static int net_get_bridge(struct vmgr_network *net, char **ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    return obj ? vmgr__test_leave(t, vmgr__netobj_get_bridge(obj, ret, err)) : -1;
}

static int net_is_active(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    return obj ? vmgr__test_leave(t, obj->live != NULL) : -1;
}

static int net_is_persistent(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    return obj ? vmgr__test_leave(t, obj->config != NULL) : -1;
}

static int net_get_autostart(struct vmgr_network *net, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    return obj ? vmgr__test_leave(t, obj->autostart) : -1;
}

static int net_set_autostart(struct vmgr_network *net, bool on, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    if (!obj->config)
        return vmgr__test_leave(t, invalid(err, "cannot set autostart for transient network"));
    obj->autostart = on;
    return vmgr__test_leave(t, 0);
}

static int net_get_messages(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__netobj *obj = enter(net, &t, err);

    if (!obj)
        return -1;
    vmgr__netobj_get_messages(obj, ret);
    return vmgr__test_leave(t, 0);
}

const struct vmgr__network_ops vmgr__test_network = {
    .lookup = net_lookup,
    .list = net_list,
    .define = net_define,
    .create = net_create,
    .undefine = net_undefine,
    .start = net_start,
    .destroy = net_destroy,
    .update = net_update,
    .get_xml = net_get_xml,
    .get_bridge = net_get_bridge,
    .is_active = net_is_active,
    .is_persistent = net_is_persistent,
    .get_autostart = net_get_autostart,
    .set_autostart = net_set_autostart,
    .get_messages = net_get_messages,
};
