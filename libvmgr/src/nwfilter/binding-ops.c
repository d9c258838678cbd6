/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver's operations on bindings: guests' and those made by hand.
 */
#include <string.h>

#include "../driver/vemu/state/lock.h"
#include "nwfilter.h"

int vmgr__nwfilter_op_lookup(struct vmgr_conn *conn, const char *port_dev,
                             struct vmgr_nwfilter_binding **ret, struct vmgr_error **err)
{
    struct vmgr__nwfilter_binding b;

    if (!vmgr__nwfilter_binding_load(conn->driver_data, port_dev, &b))
        return vmgr__nwfilter_binding_not_found(port_dev, err);
    *ret = vmgr__nwfilter_binding_new(conn, b.interface, b.ref->filter);
    vmgr__nwfilter_binding_clear(&b);
    return 0;
}

int vmgr__nwfilter_op_list(struct vmgr_conn *conn, GPtrArray *ret,
                           struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) names = vmgr__nwfilter_binding_names(conn->driver_data);
    struct vmgr__nwfilter_binding b;

    for (guint i = 0; i < names->len; i++) {
        if (!vmgr__nwfilter_binding_load(conn->driver_data, names->pdata[i], &b))
            continue; /* it went in between */
        g_ptr_array_add(ret, vmgr__nwfilter_binding_new(conn, b.interface, b.ref->filter));
        vmgr__nwfilter_binding_clear(&b);
    }
    return 0;
}

int vmgr__nwfilter_op_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                             struct vmgr_nwfilter_binding **ret, struct vmgr_error **err)
{
    struct vemu *d = conn->driver_data;
    struct vmgr__nwfilter_binding b;
    int lock, r = -1;

    if (flags & VMGR_NWFILTER_BINDING_CREATE_VALIDATE)
        return nwfilter_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                              "validation against a schema is not available");
    if (vmgr__nwfilter_binding_parse(xml, &b, err) < 0)
        return -1;
    lock = vmgr__nwfilter_lock(d, err);
    if (lock >= 0)
        r = vmgr__nwfilter_binding_make(d, &b, err);
    vmgr__vemu_unlock(lock);
    if (r == 0 && ret)
        *ret = vmgr__nwfilter_binding_new(conn, b.interface, b.ref->filter);
    vmgr__nwfilter_binding_clear(&b);
    return r;
}

int vmgr__nwfilter_op_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err)
{
    struct vemu *d = vmgr_nwfilter_binding_get_conn(binding)->driver_data;
    const char *port_dev = vmgr_nwfilter_binding_get_port_dev(binding);
    struct vmgr__nwfilter_binding b;
    int lock = vmgr__nwfilter_lock(d, err), r;

    if (lock < 0)
        return -1;
    if (vmgr__nwfilter_binding_load(d, port_dev, &b))
        r = vmgr__nwfilter_binding_remove(d, port_dev, err);
    else
        r = vmgr__nwfilter_binding_not_found(port_dev, err);
    vmgr__nwfilter_binding_clear(&b);
    vmgr__vemu_unlock(lock);
    return r;
}

static int by_name(const void *a, const void *b)
{
    const struct vmgr__nwfilter_pair *const *one = a, *const *two = b;

    return strcmp((*one)->name, (*two)->name);
}

/* What rules can ask for is shown, as libvirt does: the address too. */
static void complete(struct vmgr__nwfilter_binding *b)
{
    GPtrArray *params = b->ref->params;
    bool has = false;

    for (guint i = 0; i < params->len; i++)
        has |= strcmp(((struct vmgr__nwfilter_pair *)params->pdata[i])->name, "MAC") == 0;
    if (!has) {
        struct vmgr__nwfilter_pair *mac = g_new0(struct vmgr__nwfilter_pair, 1);

        mac->name = g_strdup("MAC");
        mac->value = g_strdup(b->mac);
        g_ptr_array_add(params, mac);
    }
    g_ptr_array_sort(params, by_name); /* keeps the order of a name's values */
}

int vmgr__nwfilter_op_get_xml(struct vmgr_nwfilter_binding *binding, char **ret,
                              struct vmgr_error **err)
{
    const struct vemu *d = vmgr_nwfilter_binding_get_conn(binding)->driver_data;
    const char *port_dev = vmgr_nwfilter_binding_get_port_dev(binding);
    struct vmgr__nwfilter_binding b;

    if (!vmgr__nwfilter_binding_load(d, port_dev, &b))
        return vmgr__nwfilter_binding_not_found(port_dev, err);
    complete(&b);
    *ret = vmgr__nwfilter_binding_format(&b);
    vmgr__nwfilter_binding_clear(&b);
    return 0;
}
