/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bindings of network filters behind a server.
 */
#include "../nwfilter.h"

#include "remote.h"

static struct vmgr__remote *remote_of(struct vmgr_nwfilter_binding *binding)
{
    return vmgr_nwfilter_binding_get_conn(binding)->driver_data;
}

static struct wire_nwfilter_binding wire_of(struct vmgr_nwfilter_binding *binding)
{
    return (struct wire_nwfilter_binding){
        (char *)vmgr_nwfilter_binding_get_port_dev(binding),
        (char *)vmgr_nwfilter_binding_get_filter_name(binding)
    };
}

/* For procedures that give a binding and nothing else. */
static int get_one(struct vmgr_conn *conn, int32_t procedure, const void *args,
                   struct vmgr_nwfilter_binding **ret, struct vmgr_error **err)
{
    struct wire_nwfilter_binding_create_xml_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, procedure, args, &out, &reply, err);

    if (r == 0 && ret)
        *ret = vmgr__nwfilter_binding_new(conn, out.nwfilter.portdev, out.nwfilter.filtername);
    vmgr__remote_reply_clear(&reply);
    return r;
}

int vmgr__remote_binding_lookup(struct vmgr_conn *conn, const char *port_dev,
                                struct vmgr_nwfilter_binding **ret, struct vmgr_error **err)
{
    const struct wire_nwfilter_binding_lookup_by_port_dev_args args = { (char *)port_dev };

    return get_one(conn, WIRE_NWFILTER_BINDING_LOOKUP_BY_PORT_DEV, &args, ret, err);
}

int vmgr__remote_binding_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                                struct vmgr_nwfilter_binding **ret, struct vmgr_error **err)
{
    const struct wire_nwfilter_binding_create_xml_args args = { (char *)xml, flags };

    return get_one(conn, WIRE_NWFILTER_BINDING_CREATE_XML, &args, ret, err);
}

int vmgr__remote_binding_list(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_nwfilter_bindings_args args = { .need_results = 1 };
    struct wire_connect_list_all_nwfilter_bindings_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_NWFILTER_BINDINGS,
                                    &args, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.bindings.n; i++)
        g_ptr_array_add(ret, vmgr__nwfilter_binding_new(conn, out.bindings.v[i].portdev,
                                                        out.bindings.v[i].filtername));
    vmgr__remote_reply_clear(&reply);
    return r;
}

int vmgr__remote_binding_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err)
{
    const struct wire_nwfilter_binding_delete_args args = { wire_of(binding) };

    return vmgr__remote_do(remote_of(binding), WIRE_NWFILTER_BINDING_DELETE, &args, err);
}

int vmgr__remote_binding_get_xml(struct vmgr_nwfilter_binding *binding, char **ret,
                                 struct vmgr_error **err)
{
    const struct wire_nwfilter_binding_get_xml_desc_args args = { wire_of(binding), 0 };

    return vmgr__remote_text(remote_of(binding), WIRE_NWFILTER_BINDING_GET_XML_DESC, &args, ret,
                             err);
}
