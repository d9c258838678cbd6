/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host: handles, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>

#include "../driver/interface.h"
#include "give.h"
#include "operation.h"

struct vmgr_interface {
    gint refs;
    struct vmgr_conn *conn;
    char *name;
    char *mac;
};

struct vmgr_interface *vmgr__interface_new(struct vmgr_conn *conn, const char *name,
                                           const char *mac)
{
    struct vmgr_interface *iface = g_new0(struct vmgr_interface, 1);

    iface->refs = 1;
    iface->conn = vmgr_conn_ref(conn);
    iface->name = g_strdup(name);
    iface->mac = g_strdup(mac ? mac : "");
    return iface;
}

struct vmgr_interface *vmgr_interface_ref(struct vmgr_interface *iface)
{
    g_atomic_int_inc(&iface->refs);
    return iface;
}

struct vmgr_interface *vmgr_interface_unref(struct vmgr_interface *iface)
{
    if (iface && g_atomic_int_dec_and_test(&iface->refs)) {
        vmgr_conn_unref(iface->conn);
        g_free(iface->name);
        g_free(iface->mac);
        g_free(iface);
    }
    return NULL;
}

struct vmgr_interface **vmgr_interface_list_free(struct vmgr_interface **ifaces)
{
    for (struct vmgr_interface **i = ifaces; i && *i; i++)
        vmgr_interface_unref(*i);
    free(ifaces);
    return NULL;
}

const char *vmgr_interface_get_name(struct vmgr_interface *iface)
{
    return iface->name;
}

const char *vmgr_interface_get_mac(struct vmgr_interface *iface)
{
    return iface->mac;
}

struct vmgr_conn *vmgr_interface_get_conn(struct vmgr_interface *iface)
{
    return iface->conn;
}

bool vmgr__interface_matches(bool active, uint32_t flags)
{
    return !flags || flags & (active ? VMGR_INTERFACE_LIST_ACTIVE : VMGR_INTERFACE_LIST_INACTIVE);
}

int vmgr__interface_not_found(const char *name, const char *mac, struct vmgr_error **err)
{
    return name ? vmgr__error_set(err, VMGR_ERR_NO_INTERFACE, VMGR_FROM_INTERFACE,
                                  "couldn't find interface named '%s'", name)
                : vmgr__error_set(err, VMGR_ERR_NO_INTERFACE, VMGR_FROM_INTERFACE,
                                  "couldn't find interface with MAC address '%s'", mac);
}

/* ---- the interface ---- */

/* Fails the function that uses it, also on a connection that may change nothing. */
#define NEED_WRITE(conn, op, name)                                                                 \
    do {                                                                                           \
        NEED_IN(conn, interface, op, name);                                                        \
        if (vmgr__need_write(conn, name, err) < 0)                                                 \
            return -1;                                                                             \
    } while (0)

int vmgr_interface_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                  struct vmgr_interface **ret_iface, struct vmgr_error **err)
{
    NEED_IN(conn, interface, lookup, "virInterfaceLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_INTERFACE, "no name given");
    return conn->driver->interface->lookup(conn, name, NULL, ret_iface, err);
}

int vmgr_interface_lookup_by_mac(struct vmgr_conn *conn, const char *mac,
                                 struct vmgr_interface **ret_iface, struct vmgr_error **err)
{
    NEED_IN(conn, interface, lookup, "virInterfaceLookupByMACString");
    if (!mac)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_INTERFACE, "no address given");
    return conn->driver->interface->lookup(conn, NULL, mac, ret_iface, err);
}

static void drop(void *iface)
{
    vmgr_interface_unref(iface);
}

int vmgr_interface_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_interface ***ret_ifaces,
                        struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);

    NEED_IN(conn, interface, list, "virConnectListAllInterfaces");
    if (vmgr__check_flags(flags, VMGR_INTERFACE_LIST_ACTIVE | VMGR_INTERFACE_LIST_INACTIVE,
                          "virConnectListAllInterfaces", err) < 0 ||
        conn->driver->interface->list(conn, flags, list, err) < 0)
        return -1;
    return ret_ifaces ? vmgr__give_array(list, ret_ifaces, err) : (int)list->len;
}

int vmgr_interface_get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret_xml,
                           struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(iface->conn, interface, get_xml, "virInterfaceGetXMLDesc");
    if (vmgr__check_flags(flags, VMGR_INTERFACE_XML_INACTIVE, "virInterfaceGetXMLDesc", err) < 0)
        return -1;
    r = iface->conn->driver->interface->get_xml(iface, flags, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_interface_is_active(struct vmgr_interface *iface, struct vmgr_error **err)
{
    NEED_IN(iface->conn, interface, is_active, "virInterfaceIsActive");
    return iface->conn->driver->interface->is_active(iface, err);
}

/* ---- changing ---- */

int vmgr_interface_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                              struct vmgr_interface **ret_iface, struct vmgr_error **err)
{
    NEED_WRITE(conn, define, "virInterfaceDefineXML");
    if (vmgr__check_flags(flags, VMGR_INTERFACE_DEFINE_VALIDATE, "virInterfaceDefineXML", err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_INTERFACE, "no document given");
    return conn->driver->interface->define(conn, xml, flags, ret_iface, err);
}

int vmgr_interface_undefine(struct vmgr_interface *iface, struct vmgr_error **err)
{
    NEED_WRITE(iface->conn, undefine, "virInterfaceUndefine");
    return iface->conn->driver->interface->undefine(iface, err);
}

int vmgr_interface_start(struct vmgr_interface *iface, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(iface->conn, start, "virInterfaceCreate");
    if (vmgr__check_flags(flags, 0, "virInterfaceCreate", err) < 0)
        return -1;
    return iface->conn->driver->interface->start(iface, err);
}

int vmgr_interface_destroy(struct vmgr_interface *iface, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(iface->conn, destroy, "virInterfaceDestroy");
    if (vmgr__check_flags(flags, 0, "virInterfaceDestroy", err) < 0)
        return -1;
    return iface->conn->driver->interface->destroy(iface, err);
}

int vmgr_interface_change_begin(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(conn, change_begin, "virInterfaceChangeBegin");
    if (vmgr__check_flags(flags, 0, "virInterfaceChangeBegin", err) < 0)
        return -1;
    return conn->driver->interface->change_begin(conn, err);
}

int vmgr_interface_change_commit(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(conn, change_commit, "virInterfaceChangeCommit");
    if (vmgr__check_flags(flags, 0, "virInterfaceChangeCommit", err) < 0)
        return -1;
    return conn->driver->interface->change_commit(conn, err);
}

int vmgr_interface_change_rollback(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(conn, change_rollback, "virInterfaceChangeRollback");
    if (vmgr__check_flags(flags, 0, "virInterfaceChangeRollback", err) < 0)
        return -1;
    return conn->driver->interface->change_rollback(conn, err);
}
