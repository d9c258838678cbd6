/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the test driver's host: one to begin with.
 */
#include "../interface.h"

#include <string.h>

#include "../../conf/iface.h"
#include "test.h"

static const char document[] = "<interface type='ethernet' name='eth1'>\n"
                               "  <start mode='onboot'/>\n"
                               "  <mtu size='1492'/>\n"
                               "  <protocol family='ipv4'>\n"
                               "    <ip address='192.168.0.5' prefix='24'/>\n"
                               "    <route gateway='192.168.0.1'/>\n"
                               "  </protocol>\n"
                               "  <mac address='aa:bb:cc:dd:ee:ff'/>\n"
                               "</interface>\n";

struct iface {
    struct vmgr__iface_def *def;
    bool active;
};

static void iface_free(void *data)
{
    struct iface *i = data;

    vmgr__iface_def_free(i->def);
    g_free(i);
}

static struct iface *iface_new(struct vmgr__iface_def *def, bool active)
{
    struct iface *i = g_new0(struct iface, 1);

    i->def = def;
    i->active = active;
    return i;
}

GPtrArray *vmgr__test_interfaces_new(void)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(iface_free);

    g_ptr_array_add(list, iface_new(vmgr__iface_def_parse(document, NULL), true));
    return list;
}

static struct iface *find(const GPtrArray *list, const char *name)
{
    for (guint k = 0; k < list->len; k++) {
        struct iface *i = list->pdata[k];

        if (strcmp(i->def->name, name) == 0)
            return i;
    }
    return NULL;
}

static int not_found(const char *name, struct vmgr_error **err)
{
    return iface_error(err, VMGR_ERR_NO_INTERFACE, "no interface with matching name '%s'", name);
}

/* The interface of a handle with the lock held; NULL and *err, not held. */
static struct iface *enter(struct vmgr_interface *iface, struct test **ret, struct vmgr_error **err)
{
    struct test *t = vmgr_interface_get_conn(iface)->driver_data;
    struct iface *i;

    g_mutex_lock(&t->lock);
    i = find(t->interfaces, vmgr_interface_get_name(iface));
    *ret = t;
    if (i)
        return i;
    g_mutex_unlock(&t->lock);
    not_found(vmgr_interface_get_name(iface), err);
    return NULL;
}

/* ---- looking ---- */

/* The lock is held. */
static int by_mac(const GPtrArray *list, const char *mac, const struct iface **ret,
                  struct vmgr_error **err)
{
    *ret = NULL;
    for (guint k = 0; k < list->len; k++) {
        const struct iface *i = list->pdata[k];

        if (!i->def->mac || g_ascii_strcasecmp(i->def->mac, mac) != 0)
            continue;
        if (*ret)
            return vmgr__error_set(err, VMGR_ERR_MULTIPLE_INTERFACES, VMGR_FROM_INTERFACE, NULL);
        *ret = i;
    }
    return *ret ? 0
                : iface_error(err, VMGR_ERR_NO_INTERFACE, "no interface with matching mac '%s'",
                              mac);
}

static int iface_lookup(struct vmgr_conn *conn, const char *name, const char *mac,
                        struct vmgr_interface **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    const struct iface *i = NULL;
    int r = 0;

    g_mutex_lock(&t->lock);
    if (name)
        i = find(t->interfaces, name);
    else
        r = by_mac(t->interfaces, mac, &i, err);
    if (i && r == 0)
        *ret = vmgr__interface_new(conn, i->def->name, i->def->mac);
    else if (name)
        r = not_found(name, err);
    g_mutex_unlock(&t->lock);
    return r;
}

static int iface_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                      struct vmgr_error **err)
{
    struct test *t = conn->driver_data;

    (void)err;
    g_mutex_lock(&t->lock);
    for (guint k = 0; k < t->interfaces->len; k++) {
        const struct iface *i = t->interfaces->pdata[k];

        if (vmgr__interface_matches(i->active, flags))
            g_ptr_array_add(ret, vmgr__interface_new(conn, i->def->name, i->def->mac));
    }
    g_mutex_unlock(&t->lock);
    return 0;
}

static int iface_get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret,
                         struct vmgr_error **err)
{
    const struct iface *i;
    struct test *t;

    if (vmgr__check_flags(flags, 0, "testInterfaceGetXMLDesc", err) < 0)
        return -1;
    i = enter(iface, &t, err);
    if (!i)
        return -1;
    *ret = vmgr__iface_def_format(i->def);
    g_mutex_unlock(&t->lock);
    return 0;
}

static int iface_is_active(struct vmgr_interface *iface, struct vmgr_error **err)
{
    struct test *t;
    const struct iface *i = enter(iface, &t, err);
    int r;

    if (!i)
        return -1;
    r = i->active;
    g_mutex_unlock(&t->lock);
    return r;
}

/* ---- changing ---- */

static int iface_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                        struct vmgr_interface **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__iface_def *def;
    struct iface *i;

    if (flags)
        return iface_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                           "validation against a schema is not available");
    def = vmgr__iface_def_parse(xml, err);
    if (!def)
        return -1;
    if (ret)
        *ret = vmgr__interface_new(conn, def->name, def->mac);
    g_mutex_lock(&t->lock);
    i = find(t->interfaces, def->name);
    if (i) {
        vmgr__iface_def_free(i->def);
        i->def = def;
    } else {
        g_ptr_array_add(t->interfaces, iface_new(def, false));
    }
    g_mutex_unlock(&t->lock);
    return 0;
}

static int iface_undefine(struct vmgr_interface *iface, struct vmgr_error **err)
{
    struct test *t;
    struct iface *i = enter(iface, &t, err);

    if (!i)
        return -1;
    g_ptr_array_remove(t->interfaces, i);
    g_mutex_unlock(&t->lock);
    return 0;
}

static int set_active(struct vmgr_interface *iface, bool active, struct vmgr_error **err)
{
    struct test *t;
    struct iface *i = enter(iface, &t, err);
    int r = 0;

    if (!i)
        return -1;
    if (i->active == active)
        r = vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_INTERFACE, NULL);
    i->active = active;
    g_mutex_unlock(&t->lock);
    return r;
}

static int iface_start(struct vmgr_interface *iface, struct vmgr_error **err)
{
    return set_active(iface, true, err);
}

static int iface_destroy(struct vmgr_interface *iface, struct vmgr_error **err)
{
    return set_active(iface, false, err);
}

static int iface_change_begin(struct vmgr_conn *conn, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    int r = 0;

    g_mutex_lock(&t->lock);
    if (t->interfaces_begun) {
        r = iface_error(err, VMGR_ERR_OPERATION_INVALID, "there is another transaction running.");
    } else {
        t->interfaces_begun = g_ptr_array_new_with_free_func(iface_free);
        for (guint k = 0; k < t->interfaces->len; k++) {
            const struct iface *i = t->interfaces->pdata[k];
            g_autofree char *text = vmgr__iface_def_format(i->def);

            /* As libvirt's: what comes back is not active. */
            g_ptr_array_add(t->interfaces_begun,
                            iface_new(vmgr__iface_def_parse(text, NULL), false));
        }
    }
    g_mutex_unlock(&t->lock);
    return r;
}

static int end_change(struct vmgr_conn *conn, bool back, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    int r = 0;

    g_mutex_lock(&t->lock);
    if (!t->interfaces_begun) {
        r = iface_error(err, VMGR_ERR_OPERATION_INVALID, "no transaction running, nothing to %s.",
                        back ? "rollback" : "be committed");
    } else if (back) {
        g_ptr_array_unref(t->interfaces);
        t->interfaces = g_steal_pointer(&t->interfaces_begun);
    } else {
        g_clear_pointer(&t->interfaces_begun, g_ptr_array_unref);
    }
    g_mutex_unlock(&t->lock);
    return r;
}

static int iface_change_commit(struct vmgr_conn *conn, struct vmgr_error **err)
{
    return end_change(conn, false, err);
}

static int iface_change_rollback(struct vmgr_conn *conn, struct vmgr_error **err)
{
    return end_change(conn, true, err);
}

const struct vmgr__interface_ops vmgr__test_interface = {
    .lookup = iface_lookup,
    .list = iface_list,
    .get_xml = iface_get_xml,
    .is_active = iface_is_active,
    .define = iface_define,
    .undefine = iface_undefine,
    .start = iface_start,
    .destroy = iface_destroy,
    .change_begin = iface_change_begin,
    .change_commit = iface_change_commit,
    .change_rollback = iface_change_rollback,
};
