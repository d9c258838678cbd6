/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver's operations on networks.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../driver/network-port.h"
#include "../driver/vemu/state/lock.h"
#include "port.h"

#define invalid(err, ...) hostnet_error(err, VMGR_ERR_OPERATION_INVALID, __VA_ARGS__)

static struct vemu *driver_of(struct vmgr_network *net)
{
    return vmgr_network_get_conn(net)->driver_data;
}

static struct vmgr__netobj *find(struct vmgr_network *net, const GPtrArray *list,
                                 struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr__netobj *obj;

    vmgr_network_get_uuid(net, uuid);
    obj = vmgr__netobj_find(list, uuid, NULL);
    if (!obj)
        vmgr__netobj_not_found(vmgr_network_get_conn(net), uuid, vmgr_network_get_name(net), err);
    return obj;
}

/* ---- looking ---- */

static int op_lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                     struct vmgr_network **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostnet_load(conn->driver_data);
    const struct vmgr__netobj *obj = vmgr__netobj_find(list, uuid, name);

    if (!obj)
        return vmgr__netobj_not_found(conn, uuid, name, err);
    *ret = vmgr__netobj_handle(conn, obj);
    return 0;
}

static int op_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                   struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) list = vmgr__hostnet_load(conn->driver_data);

    for (guint i = 0; i < list->len; i++) {
        if (vmgr__netobj_matches(list->pdata[i], flags))
            g_ptr_array_add(ret, vmgr__netobj_handle(conn, list->pdata[i]));
    }
    return 0;
}

/* A question about one network. */
#define ASK(net, list, obj)                                                                        \
    g_autoptr(GPtrArray) list = vmgr__hostnet_load(driver_of(net));                                \
    const struct vmgr__netobj *obj = find(net, list, err);                                         \
                                                                                                   \
    if (!obj)                                                                                      \
    return -1

static int op_get_xml(struct vmgr_network *net, uint32_t flags, char **ret, struct vmgr_error **err)
{
    ASK(net, list, obj);
    if (obj->live && !(flags & VMGR_NETWORK_XML_INACTIVE))
        vmgr__hostnet_ports_count(driver_of(net), obj->live);
    *ret = vmgr__netobj_get_xml(obj, flags);
    return 0;
}

static int op_get_bridge(struct vmgr_network *net, char **ret, struct vmgr_error **err)
{
    ASK(net, list, obj);
    return vmgr__netobj_get_bridge(obj, ret, err);
}

static int op_is_active(struct vmgr_network *net, struct vmgr_error **err)
{
    ASK(net, list, obj);
    return obj->live != NULL;
}

static int op_is_persistent(struct vmgr_network *net, struct vmgr_error **err)
{
    ASK(net, list, obj);
    return obj->config != NULL;
}

static int op_get_autostart(struct vmgr_network *net, struct vmgr_error **err)
{
    ASK(net, list, obj);
    return obj->autostart;
}

static int op_get_messages(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err)
{
    ASK(net, list, obj);
    vmgr__netobj_get_messages(obj, ret);
    return 0;
}

static int op_get_leases(struct vmgr_network *net, const char *mac, GPtrArray *ret,
                         struct vmgr_error **err)
{
    ASK(net, list, obj);
    if (!obj->live)
        return invalid(err, "network '%s' is not active", obj->config->name);
    return vmgr__hostnet_leases(driver_of(net), obj->live, mac, ret, err);
}

/* ---- changing ---- */

/* One change: the lock and what the directory holds under it. */
struct change {
    struct vemu *d;
    struct vmgr_conn *conn;
    GPtrArray *list;
    struct vmgr__netobj *obj; /* of the handle; NULL: none was given */
    int lock;
};

static int begin(struct change *c, struct vmgr_conn *conn, struct vmgr_network *net,
                 struct vmgr_error **err)
{
    *c = (struct change){ .d = conn->driver_data, .conn = conn };
    c->lock = vmgr__hostnet_lock(c->d, err);
    if (c->lock < 0)
        return -1;
    c->list = vmgr__hostnet_load_locked(c->d);
    if (!net)
        return 0;
    c->obj = find(net, c->list, err);
    if (c->obj)
        return 0;
    g_ptr_array_unref(c->list);
    vmgr__vemu_unlock(c->lock);
    return -1;
}

static int end(struct change *c, int r)
{
    g_ptr_array_unref(c->list);
    vmgr__vemu_unlock(c->lock);
    if (r == 0)
        vmgr__hostnet_poll_events(c->conn);
    return r;
}

/* Checks a definition that came in, and fills in what the driver chooses. */
static int accept_def(struct change *c, struct vmgr__network_def *def, bool inactive,
                      struct vmgr_error **err)
{
    struct vmgr__netobj *same;

    if (vmgr__netobj_check(c->list, def, inactive, &same, err) < 0)
        return -1;
    /* A definition that says neither keeps what it has. */
    if (same && vmgr__network_def_owns_bridge(def) &&
        vmgr__network_def_owns_bridge(vmgr__netobj_current(same))) {
        const struct vmgr__network_def *old = vmgr__netobj_current(same);

        if (!def->bridge)
            def->bridge = g_strdup(old->bridge);
        if (!def->mac)
            def->mac = g_strdup(old->mac);
    }
    return vmgr__hostnet_complete(def, c->list, err);
}

static int op_define(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                     struct vmgr_error **err)
{
    struct vmgr__network_def *def = vmgr__network_def_parse(xml, err);
    struct change c;
    int r;

    if (!def || begin(&c, conn, NULL, err) < 0) {
        vmgr__network_def_free(def);
        return -1;
    }
    r = accept_def(&c, def, false, err);
    if (r == 0)
        r = vmgr__hostnet_save_config(c.d, def, err);
    if (r == 0 && ret)
        *ret = vmgr__network_new(conn, def->name, def->uuid);
    vmgr__network_def_free(def);
    return end(&c, r);
}

static int op_create(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                     struct vmgr_error **err)
{
    struct vmgr__network_def *def = vmgr__network_def_parse(xml, err);
    struct change c;
    int r;

    if (!def || begin(&c, conn, NULL, err) < 0) {
        vmgr__network_def_free(def);
        return -1;
    }
    r = accept_def(&c, def, true, err);
    if (r == 0 && vmgr__hostnet_check(def, err) < 0)
        r = -1;
    if (r == 0)
        r = vmgr__hostnet_up(c.d, def, err);
    if (r == 0 && ret)
        *ret = vmgr__network_new(conn, def->name, def->uuid);
    vmgr__network_def_free(def);
    return end(&c, r);
}

static int op_start(struct vmgr_network *net, struct vmgr_error **err)
{
    struct vmgr__network_def *def = NULL;
    struct change c;
    int r = -1;

    if (begin(&c, vmgr_network_get_conn(net), net, err) < 0)
        return -1;
    if (c.obj->live)
        invalid(err, "network is already active");
    else
        def = vmgr__network_def_copy(c.obj->config, err);
    if (def && vmgr__hostnet_check(def, err) == 0 && vmgr__hostnet_complete(def, c.list, err) == 0)
        r = vmgr__hostnet_up(c.d, def, err);
    vmgr__network_def_free(def);
    return end(&c, r);
}

static int op_destroy(struct vmgr_network *net, struct vmgr_error **err)
{
    struct change c;
    int r;

    if (begin(&c, vmgr_network_get_conn(net), net, err) < 0)
        return -1;
    if (!c.obj->live)
        return end(&c, invalid(err, "network '%s' is not active", c.obj->config->name));
    /* Where there is no room for it, as on a full disk, the network goes all the same. */
    vmgr__hostnet_save_status(c.d, c.obj->live, false, NULL);
    r = vmgr__hostnet_down(c.d, c.obj->live, err);
    if (r == 0)
        vmgr__hostnet_forget(c.d, c.obj->live->name);
    return end(&c, r);
}

static char *autostart_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->net_autostart_dir, name);
}

static int op_undefine(struct vmgr_network *net, struct vmgr_error **err)
{
    struct change c;
    int r = -1;

    if (begin(&c, vmgr_network_get_conn(net), net, err) < 0)
        return -1;
    if (c.obj->config) {
        g_autofree char *path = vmgr__hostnet_config_path(c.d, c.obj->config->name);
        g_autofree char *link = autostart_path(c.d, c.obj->config->name);

        r = vmgr__file_remove(link, false, err) < 0 || vmgr__file_remove(path, true, err) < 0 ? -1
                                                                                              : 0;
    } else {
        invalid(err, "can't undefine transient network");
    }
    return end(&c, r);
}

static int op_set_autostart(struct vmgr_network *net, bool on, struct vmgr_error **err)
{
    struct change c;
    int r = 0;

    if (begin(&c, vmgr_network_get_conn(net), net, err) < 0)
        return -1;
    if (!c.obj->config)
        return end(&c, invalid(err, "cannot set autostart for transient network"));
    g_autofree char *link = autostart_path(c.d, c.obj->config->name);
    g_autofree char *path = vmgr__hostnet_config_path(c.d, c.obj->config->name);

    if (!on) {
        r = vmgr__file_remove(link, true, err);
    } else if (g_mkdir_with_parents(c.d->net_autostart_dir, 0700) < 0 ||
               (symlink(path, link) < 0 && errno != EEXIST)) {
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot make link '%s'", link);
    } else {
        vmgr__file_sync_dir(link);
    }
    return end(&c, r);
}

/* Live first: what fails there leaves all as it was. */
static int apply_update(struct change *c, const struct vmgr__network_def *live,
                        const struct vmgr__network_def *config, struct vmgr_error **err)
{
    if (live && (vmgr__hostnet_check(live, err) < 0 ||
                 vmgr__hostnet_save_status(c->d, live, true, err) < 0))
        return -1;
    if (live && vmgr__hostnet_refresh(c->d, c->obj->live, live, err) < 0) {
        vmgr__hostnet_save_status(c->d, c->obj->live, true, NULL);
        vmgr__hostnet_refresh(c->d, live, c->obj->live, NULL);
        return -1;
    }
    return config ? vmgr__hostnet_save_config(c->d, config, err) : 0;
}

static int op_update(struct vmgr_network *net, int command, int section, int parent_index,
                     const char *xml, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__network_def *live = NULL, *config = NULL;
    struct change c;
    int r;

    if (begin(&c, vmgr_network_get_conn(net), net, err) < 0)
        return -1;
    r = vmgr__netobj_update(c.obj, command, section, parent_index, xml, flags, &live, &config, err);
    if (r == 0)
        r = apply_update(&c, live, config, err);
    vmgr__network_def_free(live);
    vmgr__network_def_free(config);
    return end(&c, r);
}

const struct vmgr__network_ops vmgr__vemu_network = {
    .lookup = op_lookup,
    .list = op_list,
    .define = op_define,
    .create = op_create,
    .undefine = op_undefine,
    .start = op_start,
    .destroy = op_destroy,
    .update = op_update,
    .get_xml = op_get_xml,
    .get_bridge = op_get_bridge,
    .is_active = op_is_active,
    .is_persistent = op_is_persistent,
    .get_autostart = op_get_autostart,
    .set_autostart = op_set_autostart,
    .get_messages = op_get_messages,
    .get_leases = op_get_leases,
    .watch = vmgr__hostnet_watch,
    .poll_events = vmgr__hostnet_poll_events,
    .ports = &vmgr__vemu_network_port,
};
