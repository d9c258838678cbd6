/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host behind a server.
 */
#include "../interface.h"

#include "remote.h"

/* Arguments of every procedure that takes an interface, or one and a number. */
struct interface_args {
    struct wire_interface iface;
    uint32_t number;
};

static struct vmgr__remote *remote_of(struct vmgr_interface *iface)
{
    return vmgr_interface_get_conn(iface)->driver_data;
}

static struct interface_args args_of(struct vmgr_interface *iface, uint32_t number)
{
    return (struct interface_args){
        { (char *)vmgr_interface_get_name(iface), (char *)vmgr_interface_get_mac(iface) }, number
    };
}

static int lookup(struct vmgr_conn *conn, const char *name, const char *mac,
                  struct vmgr_interface **ret, struct vmgr_error **err)
{
    const struct wire_interface_lookup_by_name_args args = { (char *)(name ? name : mac) };
    struct wire_interface_lookup_by_name_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data,
                                         name ? WIRE_INTERFACE_LOOKUP_BY_NAME
                                              : WIRE_INTERFACE_LOOKUP_BY_MAC_STRING,
                                         &args, &out, &reply, err);

    if (result == 0)
        *ret = vmgr__interface_new(conn, out.iface.name, out.iface.mac);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_interfaces_args args = { .need_results = 1, .flags = flags };
    struct wire_connect_list_all_interfaces_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_INTERFACES, &args,
                                         &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.ifaces.n; i++)
        g_ptr_array_add(ret, vmgr__interface_new(conn, out.ifaces.v[i].name, out.ifaces.v[i].mac));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret,
                   struct vmgr_error **err)
{
    const struct interface_args args = args_of(iface, flags);

    return vmgr__remote_text(remote_of(iface), WIRE_INTERFACE_GET_XML_DESC, &args, ret, err);
}

static int is_active(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct interface_args args = args_of(iface, 0);

    return vmgr__remote_number(remote_of(iface), WIRE_INTERFACE_IS_ACTIVE, &args, err);
}

static int define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_interface **ret, struct vmgr_error **err)
{
    const struct wire_interface_define_xml_args args = { (char *)xml, flags };
    struct wire_interface_define_xml_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(conn->driver_data, WIRE_INTERFACE_DEFINE_XML, &args, &out, &reply, err);

    if (result == 0 && ret)
        *ret = vmgr__interface_new(conn, out.iface.name, out.iface.mac);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int undefine(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct interface_args args = args_of(iface, 0);

    return vmgr__remote_do(remote_of(iface), WIRE_INTERFACE_UNDEFINE, &args, err);
}

static int start(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct interface_args args = args_of(iface, 0);

    return vmgr__remote_do(remote_of(iface), WIRE_INTERFACE_CREATE, &args, err);
}

static int destroy(struct vmgr_interface *iface, struct vmgr_error **err)
{
    const struct interface_args args = args_of(iface, 0);

    return vmgr__remote_do(remote_of(iface), WIRE_INTERFACE_DESTROY, &args, err);
}

static int change_begin(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct wire_interface_change_begin_args args = { 0 };

    return vmgr__remote_do(conn->driver_data, WIRE_INTERFACE_CHANGE_BEGIN, &args, err);
}

static int change_commit(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct wire_interface_change_commit_args args = { 0 };

    return vmgr__remote_do(conn->driver_data, WIRE_INTERFACE_CHANGE_COMMIT, &args, err);
}

static int change_rollback(struct vmgr_conn *conn, struct vmgr_error **err)
{
    const struct wire_interface_change_rollback_args args = { 0 };

    return vmgr__remote_do(conn->driver_data, WIRE_INTERFACE_CHANGE_ROLLBACK, &args, err);
}

const struct vmgr__interface_ops vmgr__remote_interface = {
    .lookup = lookup,
    .list = list,
    .get_xml = get_xml,
    .is_active = is_active,
    .define = define,
    .undefine = undefine,
    .start = start,
    .destroy = destroy,
    .change_begin = change_begin,
    .change_commit = change_commit,
    .change_rollback = change_rollback,
};
