/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bindings of network filters: handles, and the public calls, which check and pass on to the
 * driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>

#include "../driver/nwfilter.h"
#include "give.h"
#include "operation.h"

struct vmgr_nwfilter_binding {
    gint refs;
    struct vmgr_conn *conn;
    char *port_dev, *filter;
};

struct vmgr_nwfilter_binding *vmgr__nwfilter_binding_new(struct vmgr_conn *conn,
                                                         const char *port_dev, const char *filter)
{
    struct vmgr_nwfilter_binding *b = g_new0(struct vmgr_nwfilter_binding, 1);

    *b = (struct vmgr_nwfilter_binding){ .refs = 1,
                                         .conn = vmgr_conn_ref(conn),
                                         .port_dev = g_strdup(port_dev),
                                         .filter = g_strdup(filter) };
    return b;
}

int vmgr__nwfilter_binding_not_found(const char *port_dev, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_NWFILTER_BINDING, VMGR_FROM_NWFILTER,
                           "no nwfilter binding for port dev '%s'", port_dev);
}

struct vmgr_nwfilter_binding *vmgr_nwfilter_binding_ref(struct vmgr_nwfilter_binding *binding)
{
    g_atomic_int_inc(&binding->refs);
    return binding;
}

struct vmgr_nwfilter_binding *vmgr_nwfilter_binding_unref(struct vmgr_nwfilter_binding *binding)
{
    if (binding && g_atomic_int_dec_and_test(&binding->refs)) {
        vmgr_conn_unref(binding->conn);
        g_free(binding->port_dev);
        g_free(binding->filter);
        g_free(binding);
    }
    return NULL;
}

static void drop(void *binding)
{
    vmgr_nwfilter_binding_unref(binding);
}

struct vmgr_nwfilter_binding **
vmgr_nwfilter_binding_list_free(struct vmgr_nwfilter_binding **bindings)
{
    for (struct vmgr_nwfilter_binding **b = bindings; b && *b; b++)
        vmgr_nwfilter_binding_unref(*b);
    free(bindings);
    return NULL;
}

const char *vmgr_nwfilter_binding_get_port_dev(struct vmgr_nwfilter_binding *binding)
{
    return binding->port_dev;
}

const char *vmgr_nwfilter_binding_get_filter_name(struct vmgr_nwfilter_binding *binding)
{
    return binding->filter;
}

struct vmgr_conn *vmgr_nwfilter_binding_get_conn(struct vmgr_nwfilter_binding *binding)
{
    return binding->conn;
}

/* ---- calls ---- */

int vmgr_nwfilter_binding_lookup_by_port_dev(struct vmgr_conn *conn, const char *port_dev,
                                             struct vmgr_nwfilter_binding **ret_binding,
                                             struct vmgr_error **err)
{
    NEED_IN(conn, nwfilter, binding_lookup, "virNWFilterBindingLookupByPortDev");
    if (!port_dev)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NWFILTER, "no name given");
    return conn->driver->nwfilter->binding_lookup(conn, port_dev, ret_binding, err);
}

int vmgr_nwfilter_binding_list(struct vmgr_conn *conn, uint32_t flags,
                               struct vmgr_nwfilter_binding ***ret_bindings,
                               struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);

    NEED_IN(conn, nwfilter, binding_list, "virConnectListAllNWFilterBindings");
    if (vmgr__check_flags(flags, 0, "virConnectListAllNWFilterBindings", err) < 0 ||
        conn->driver->nwfilter->binding_list(conn, list, err) < 0)
        return -1;
    return ret_bindings ? vmgr__give_array(list, ret_bindings, err) : (int)list->len;
}

int vmgr_nwfilter_binding_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                                     struct vmgr_nwfilter_binding **ret_binding,
                                     struct vmgr_error **err)
{
    NEED_IN(conn, nwfilter, binding_create, "virNWFilterBindingCreateXML");
    if (vmgr__need_write(conn, "virNWFilterBindingCreateXML", err) < 0 ||
        vmgr__check_flags(flags, VMGR_NWFILTER_BINDING_CREATE_VALIDATE,
                          "virNWFilterBindingCreateXML", err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NWFILTER, "no document given");
    return conn->driver->nwfilter->binding_create(conn, xml, flags, ret_binding, err);
}

int vmgr_nwfilter_binding_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err)
{
    NEED_IN(binding->conn, nwfilter, binding_delete, "virNWFilterBindingDelete");
    if (vmgr__need_write(binding->conn, "virNWFilterBindingDelete", err) < 0)
        return -1;
    return binding->conn->driver->nwfilter->binding_delete(binding, err);
}

int vmgr_nwfilter_binding_get_xml(struct vmgr_nwfilter_binding *binding, uint32_t flags,
                                  char **ret_xml, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(binding->conn, nwfilter, binding_get_xml, "virNWFilterBindingGetXMLDesc");
    if (vmgr__check_flags(flags, 0, "virNWFilterBindingGetXMLDesc", err) < 0)
        return -1;
    r = binding->conn->driver->nwfilter->binding_get_xml(binding, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}
