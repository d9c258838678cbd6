/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about bindings of network filters.
 */
#include <stdlib.h>
#include <vmgr/nwfilter-binding.h>

#include "internal.h"

#define BINDINGS_MAX 16384 /* of the protocol, in one reply */

static void drop(void *binding)
{
    vmgr_nwfilter_binding_unref(binding);
}

static struct vmgr_nwfilter_binding *find(struct vmgr__call *call, const char *port_dev)
{
    struct vmgr_nwfilter_binding *binding = NULL;

    if (vmgr_nwfilter_binding_lookup_by_port_dev(call->conn, port_dev, &binding, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, binding, drop);
}

static void fill(struct wire_nwfilter_binding *ret, struct vmgr_nwfilter_binding *binding)
{
    ret->portdev = (char *)vmgr_nwfilter_binding_get_port_dev(binding);
    ret->filtername = (char *)vmgr_nwfilter_binding_get_filter_name(binding);
}

static int lookup(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_binding_lookup_by_port_dev_args *a = args;
    struct wire_nwfilter_binding_lookup_by_port_dev_ret *r = ret;
    struct vmgr_nwfilter_binding *binding = find(call, a->name);

    if (!binding)
        return -1;
    fill(&r->nwfilter, binding);
    return 0;
}

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_binding_create_xml_args *a = args;
    struct wire_nwfilter_binding_create_xml_ret *r = ret;
    struct vmgr_nwfilter_binding *binding = NULL;

    if (vmgr_nwfilter_binding_create_xml(call->conn, a->xml, a->flags, &binding, &call->err) < 0)
        return -1;
    fill(&r->nwfilter, vmgr__arena_adopt(&call->arena, binding, drop));
    return 0;
}

static int delete(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_binding_delete_args *a = args;
    struct vmgr_nwfilter_binding *binding = find(call, a->nwfilter.portdev);

    (void)ret;
    return binding ? vmgr_nwfilter_binding_delete(binding, &call->err) : -1;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_binding_get_xml_desc_args *a = args;
    struct wire_nwfilter_binding_get_xml_desc_ret *r = ret;
    struct vmgr_nwfilter_binding *binding = find(call, a->nwfilter.portdev);

    if (!binding || vmgr_nwfilter_binding_get_xml(binding, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static void list_free(void *list)
{
    vmgr_nwfilter_binding_list_free(list);
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_nwfilter_bindings_args *a = args;
    struct wire_connect_list_all_nwfilter_bindings_ret *r = ret;
    struct vmgr_nwfilter_binding **list;
    const int n = vmgr_nwfilter_binding_list(call->conn, a->flags, &list, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, list, list_free);
    if (n > BINDINGS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d bindings are more than the %d that fit into a reply", n,
                               BINDINGS_MAX);
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->bindings.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_nwfilter_binding, n + 1), g_free);
    for (; (int)r->bindings.n < n; r->bindings.n++)
        fill(&r->bindings.v[r->bindings.n], list[r->bindings.n]);
    return 0;
}

const struct vmgr__handler vmgr__handlers_nwfilter_binding[] = {
    { WIRE_NWFILTER_BINDING_LOOKUP_BY_PORT_DEV, lookup, 0 },
    { WIRE_NWFILTER_BINDING_CREATE_XML, create_xml, 0 },
    { WIRE_NWFILTER_BINDING_DELETE, delete, 0 },
    { WIRE_NWFILTER_BINDING_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_CONNECT_LIST_ALL_NWFILTER_BINDINGS, list_all, 0 },
    { 0, NULL, 0 },
};
