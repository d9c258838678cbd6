/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters behind a server.
 */
#include "../nwfilter.h"

#include "remote.h"

static struct wire_nwfilter wire_of(struct vmgr_nwfilter *filter)
{
    struct wire_nwfilter wire = { .name = (char *)vmgr_nwfilter_get_name(filter) };

    vmgr_nwfilter_get_uuid(filter, wire.uuid);
    return wire;
}

static struct vmgr__remote *remote_of(struct vmgr_nwfilter *filter)
{
    return vmgr_nwfilter_get_conn(filter)->driver_data;
}

static void make(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, void *ret)
{
    *(struct vmgr_nwfilter **)ret = vmgr__nwfilter_new(conn, name, uuid);
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_nwfilter **ret, struct vmgr_error **err)
{
    static const struct vmgr__remote_lookup procedures = { .by_uuid = WIRE_NWFILTER_LOOKUP_BY_UUID,
                                                           .by_name = WIRE_NWFILTER_LOOKUP_BY_NAME,
                                                           .make = make };

    return vmgr__remote_lookup_named(conn, &procedures, uuid, name, ret, err);
}

static int list(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_nwfilters_args args = { .need_results = 1 };
    struct wire_connect_list_all_nwfilters_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_NWFILTERS, &args,
                                         &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.filters.n; i++)
        g_ptr_array_add(ret,
                        vmgr__nwfilter_new(conn, out.filters.v[i].name, out.filters.v[i].uuid));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int define(struct vmgr_conn *conn, const char *xml, struct vmgr_nwfilter **ret,
                  struct vmgr_error **err)
{
    const struct wire_nwfilter_define_xml_args args = { (char *)xml };

    return vmgr__remote_named(conn, WIRE_NWFILTER_DEFINE_XML, &args, make, ret, err);
}

static int undefine(struct vmgr_nwfilter *filter, struct vmgr_error **err)
{
    const struct wire_nwfilter_undefine_args args = { wire_of(filter) };

    return vmgr__remote_do(remote_of(filter), WIRE_NWFILTER_UNDEFINE, &args, err);
}

static int get_xml(struct vmgr_nwfilter *filter, char **ret, struct vmgr_error **err)
{
    const struct wire_nwfilter_get_xml_desc_args args = { wire_of(filter), 0 };

    return vmgr__remote_text(remote_of(filter), WIRE_NWFILTER_GET_XML_DESC, &args, ret, err);
}

const struct vmgr__nwfilter_ops vmgr__remote_nwfilter = {
    .lookup = lookup,
    .list = list,
    .define = define,
    .undefine = undefine,
    .get_xml = get_xml,
    .binding_lookup = vmgr__remote_binding_lookup,
    .binding_list = vmgr__remote_binding_list,
    .binding_create = vmgr__remote_binding_create,
    .binding_delete = vmgr__remote_binding_delete,
    .binding_get_xml = vmgr__remote_binding_get_xml,
};
