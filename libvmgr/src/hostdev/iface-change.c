/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations that change the host's interfaces.
 *
 * Only what is defined here is started and stopped: what the host's own configuration made is left
 * to it, until somebody defines it.
 */
#include <string.h>

#include "../driver/interface.h"
#include "../driver/vemu/state/lock.h"
#include "../driver/vemu/vemu.h"
#include "hostdev.h"
#include "iface-link.h"
#include "iface-store.h"

#define invalid(err, ...) iface_error(err, VMGR_ERR_OPERATION_INVALID, __VA_ARGS__)

/* The interface in a definition, at any depth. */
static bool has_port(const struct vmgr__iface_def *def, const char *name)
{
    for (guint i = 0; i < def->ports->len; i++) {
        const struct vmgr__iface_def *port = def->ports->pdata[i];

        if (strcmp(port->name, name) == 0 || has_port(port, name))
            return true;
    }
    return false;
}

/* It is part of no other, and no part of it is. */
static int check_alone(const struct vemu *d, const struct vmgr__iface_def *def,
                       struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__iface_load_all(d);

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__iface_def *other = list->pdata[i];

        if (strcmp(other->name, def->name) == 0)
            continue;
        if (has_port(other, def->name))
            return invalid(err, "interface '%s' is part of interface '%s'", def->name, other->name);
        for (guint k = 0; k < def->ports->len; k++) {
            const struct vmgr__iface_def *port = def->ports->pdata[k];

            if (has_port(other, port->name))
                return invalid(err, "interface '%s' is part of interface '%s'", port->name,
                               other->name);
        }
    }
    return 0;
}

static int remove_ports(const struct vemu *d, const struct vmgr__iface_def *def,
                        struct vmgr_error **err)
{
    for (guint i = 0; i < def->ports->len; i++) {
        const struct vmgr__iface_def *port = def->ports->pdata[i];

        if (vmgr__iface_remove(d, port->name, err) < 0 || remove_ports(d, port, err) < 0)
            return -1;
    }
    return 0;
}

int vmgr__iface_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_interface **ret, struct vmgr_error **err)
{
    const struct vemu *d = conn->driver_data;
    struct vmgr__iface_def *def;
    int lock = -1, r = -1;

    if (flags)
        return iface_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                           "validation against a schema is not available");
    def = vmgr__iface_def_parse(xml, err);
    if (def && vmgr__iface_def_check(def, err) == 0)
        lock = vmgr__iface_lock(d, err);
    if (lock >= 0 && check_alone(d, def, err) == 0 && vmgr__iface_save(d, def, err) == 0)
        r = remove_ports(d, def, err);
    vmgr__vemu_unlock(lock);
    if (r == 0 && ret)
        *ret = vmgr__interface_new(conn, def->name, def->mac);
    vmgr__iface_def_free(def);
    return r;
}

/* The definition of a handle with the lock (*ret_lock) held; NULL and *err, not held. */
static struct vmgr__iface_def *enter(struct vmgr_interface *iface, int *ret_lock,
                                     struct vmgr_error **err)
{
    const struct vemu *d = vmgr_interface_get_conn(iface)->driver_data;
    const char *name = vmgr_interface_get_name(iface);
    struct vmgr__iface_def *def;

    *ret_lock = vmgr__iface_lock(d, err);
    if (*ret_lock < 0)
        return NULL;
    def = vmgr__iface_load(d, name);
    if (def)
        return def;
    vmgr__vemu_unlock(*ret_lock);
    invalid(err, "interface '%s' has no definition here", name);
    return NULL;
}

static int leave(struct vmgr__iface_def *def, int lock, int r)
{
    vmgr__vemu_unlock(lock);
    vmgr__iface_def_free(def);
    return r;
}

int vmgr__iface_undefine(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct vemu *d = vmgr_interface_get_conn(iface)->driver_data;
    int lock;
    struct vmgr__iface_def *def = enter(iface, &lock, err);

    return def ? leave(def, lock, vmgr__iface_remove(d, def->name, err)) : -1;
}

int vmgr__iface_start(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct vemu *d = vmgr_interface_get_conn(iface)->driver_data;
    int lock;
    struct vmgr__iface_def *def = enter(iface, &lock, err);

    if (!def)
        return -1;
    if (vmgr__iface_is_up(def->name))
        return leave(def, lock, invalid(err, "interface '%s' is already active", def->name));
    return leave(def, lock, vmgr__iface_up(d, def, err));
}

int vmgr__iface_destroy(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct vemu *d = vmgr_interface_get_conn(iface)->driver_data;
    int lock;
    struct vmgr__iface_def *def = enter(iface, &lock, err);

    if (!def)
        return -1;
    if (!vmgr__iface_is_up(def->name))
        return leave(def, lock, invalid(err, "interface '%s' is not active", def->name));
    return leave(def, lock, vmgr__iface_down(d, def, err));
}

/* ---- begin, commit, rollback ---- */

int vmgr__iface_change_begin(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct vemu *d = conn->driver_data;
    int lock = vmgr__iface_lock(d, err);
    int r = lock < 0 ? -1 : 0;

    if (r == 0 && vmgr__iface_has_begun(d))
        r = invalid(err, "there is another transaction running.");
    if (r == 0)
        r = vmgr__iface_begun_save(d, err);
    vmgr__vemu_unlock(lock);
    return r;
}

int vmgr__iface_change_commit(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct vemu *d = conn->driver_data;
    int lock = vmgr__iface_lock(d, err);
    int r = lock < 0 ? -1 : 0;

    if (r == 0 && !vmgr__iface_has_begun(d))
        r = invalid(err, "no transaction running, nothing to be committed.");
    if (r == 0)
        vmgr__iface_begun_forget(d);
    vmgr__vemu_unlock(lock);
    return r;
}

static const struct vmgr__iface_def *find(const GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__iface_def *def = list->pdata[i];

        if (strcmp(def->name, name) == 0)
            return def;
    }
    return NULL;
}

static bool same(const struct vmgr__iface_def *a, const struct vmgr__iface_def *b)
{
    g_autofree char *one = vmgr__iface_def_format(a), *other = vmgr__iface_def_format(b);

    return strcmp(one, other) == 0;
}

/* A card comes before what can be made of it. */
static int by_type(const void *a, const void *b)
{
    static const int order[] = { [VMGR__IFACE_ETHERNET] = 0,
                                 [VMGR__IFACE_BOND] = 1,
                                 [VMGR__IFACE_VLAN] = 2,
                                 [VMGR__IFACE_BRIDGE] = 3 };
    const struct vmgr__iface_def *const *one = a, *const *two = b;

    return order[(*one)->type] - order[(*two)->type];
}

/* What is active now and was not, or was another; the last first. The rest goes on if one fails. */
static int stop_changed(const struct vemu *d, GPtrArray *now, const GPtrArray *then,
                        char *const *active, struct vmgr_error **err)
{
    int r = 0;

    g_ptr_array_sort(now, by_type);
    for (guint i = now->len; i-- > 0;) {
        const struct vmgr__iface_def *def = now->pdata[i], *was = find(then, def->name);

        if (vmgr__iface_is_up(def->name) &&
            (!was || !same(was, def) || !g_strv_contains((const char *const *)active, def->name)) &&
            vmgr__iface_down(d, def, r == 0 ? err : NULL) < 0)
            r = -1;
    }
    return r;
}

static int start_again(const struct vemu *d, GPtrArray *then, char *const *active,
                       struct vmgr_error **err)
{
    int r = 0;

    g_ptr_array_sort(then, by_type);
    for (guint i = 0; i < then->len; i++) {
        const struct vmgr__iface_def *def = then->pdata[i];

        if (g_strv_contains((const char *const *)active, def->name) &&
            !vmgr__iface_is_up(def->name) && vmgr__iface_up(d, def, r == 0 ? err : NULL) < 0)
            r = -1;
    }
    return r;
}

/* Files first: a caller that dies in the middle leaves what can be started again. */
static int roll_back(const struct vemu *d, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) now = vmgr__iface_load_all(d);
    g_auto(GStrv) active = NULL;
    g_autoptr(GPtrArray) then = vmgr__iface_begun_load(d, &active);
    int stopped, started;

    for (guint i = 0; i < then->len; i++) {
        if (vmgr__iface_save(d, then->pdata[i], err) < 0)
            return -1;
    }
    for (guint i = 0; i < now->len; i++) {
        const struct vmgr__iface_def *def = now->pdata[i];

        if (!find(then, def->name) && vmgr__iface_remove(d, def->name, err) < 0)
            return -1;
    }
    stopped = stop_changed(d, now, then, active, err);
    started = start_again(d, then, active, stopped == 0 ? err : NULL);
    vmgr__iface_begun_forget(d);
    return stopped == 0 ? started : stopped;
}

int vmgr__iface_change_rollback(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct vemu *d = conn->driver_data;
    int lock = vmgr__iface_lock(d, err);
    int r = lock < 0 ? -1 : 0;

    if (r == 0 && !vmgr__iface_has_begun(d))
        r = invalid(err, "no transaction running, nothing to rollback.");
    if (r == 0)
        r = roll_back(d, err);
    vmgr__vemu_unlock(lock);
    return r;
}
