/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about interfaces of the host.
 */
#include <stdlib.h>
#include <vmgr/interface.h>

#include "internal.h"

#define INTERFACES_MAX 16384 /* of the protocol, in one reply */

static void drop(void *iface)
{
    vmgr_interface_unref(iface);
}

static void list_free(void *list)
{
    vmgr_interface_list_free(list);
}

static void fill(struct vmgr_interface *iface, struct wire_interface *ret)
{
    ret->name = (char *)vmgr_interface_get_name(iface);
    ret->mac = (char *)vmgr_interface_get_mac(iface);
}

static struct vmgr_interface *call_interface(struct vmgr__call *call,
                                             const struct wire_interface *wire)
{
    struct vmgr_interface *iface = NULL;

    if (vmgr_interface_lookup_by_name(call->conn, wire->name, &iface, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, iface, drop);
}

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_lookup_by_name_args *a = args;
    struct wire_interface_lookup_by_name_ret *r = ret;
    struct vmgr_interface *iface = NULL;

    if (vmgr_interface_lookup_by_name(call->conn, a->name, &iface, &call->err) < 0)
        return -1;
    fill(vmgr__arena_adopt(&call->arena, iface, drop), &r->iface);
    return 0;
}

static int lookup_by_mac(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_lookup_by_mac_string_args *a = args;
    struct wire_interface_lookup_by_mac_string_ret *r = ret;
    struct vmgr_interface *iface = NULL;

    if (vmgr_interface_lookup_by_mac(call->conn, a->mac, &iface, &call->err) < 0)
        return -1;
    fill(vmgr__arena_adopt(&call->arena, iface, drop), &r->iface);
    return 0;
}

/* ---- lists ---- */

static int list_some(struct vmgr__call *call, uint32_t flags, struct vmgr_interface ***ret)
{
    const int n = vmgr_interface_list(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, list_free);
    if (n > INTERFACES_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d interfaces are more than the %d that fit into a reply", n,
                               INTERFACES_MAX);
    return n;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_interfaces_args *a = args;
    struct wire_connect_list_all_interfaces_ret *r = ret;
    struct vmgr_interface **list;
    const int n = list_some(call, a->flags, &list);

    if (n < 0)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->ifaces.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_interface, n + 1), g_free);
    for (; (int)r->ifaces.n < n; r->ifaces.n++)
        fill(list[r->ifaces.n], &r->ifaces.v[r->ifaces.n]);
    return 0;
}

/* The older lists, of names: of those that are active, and of the others. */
#define NAMES(procedure, filter)                                                                   \
    static int list_##procedure(struct vmgr__call *call, const void *args, void *ret)              \
    {                                                                                              \
        const struct wire_connect_list_##procedure##_args *a = args;                               \
        struct wire_connect_list_##procedure##_ret *r = ret;                                       \
        struct vmgr_interface **list;                                                              \
        const int n = list_some(call, filter, &list);                                              \
                                                                                                   \
        if (n < 0)                                                                                 \
            return -1;                                                                             \
        r->names.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);               \
        for (; (int)r->names.n < MIN(n, a->maxnames); r->names.n++)                                \
            r->names.v[r->names.n] = (char *)vmgr_interface_get_name(list[r->names.n]);            \
        return 0;                                                                                  \
    }                                                                                              \
                                                                                                   \
    static int num_of_##procedure(struct vmgr__call *call, const void *args, void *ret)            \
    {                                                                                              \
        struct wire_connect_num_of_##procedure##_ret *r = ret;                                     \
                                                                                                   \
        (void)args;                                                                                \
        r->num = vmgr_interface_list(call->conn, filter, NULL, &call->err);                        \
        return r->num < 0 ? -1 : 0;                                                                \
    }

NAMES(interfaces, VMGR_INTERFACE_LIST_ACTIVE)
NAMES(defined_interfaces, VMGR_INTERFACE_LIST_INACTIVE)

/* ---- looking ---- */

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_get_xml_desc_args *a = args;
    struct wire_interface_get_xml_desc_ret *r = ret;
    struct vmgr_interface *iface = call_interface(call, &a->iface);

    if (!iface || vmgr_interface_get_xml(iface, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static int is_active(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_is_active_args *a = args;
    struct wire_interface_is_active_ret *r = ret;
    struct vmgr_interface *iface = call_interface(call, &a->iface);

    r->active = iface ? vmgr_interface_is_active(iface, &call->err) : -1;
    return r->active < 0 ? -1 : 0;
}

/* ---- changing ---- */

static int define_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_define_xml_args *a = args;
    struct wire_interface_define_xml_ret *r = ret;
    struct vmgr_interface *iface = NULL;

    if (vmgr_interface_define_xml(call->conn, a->xml, a->flags, &iface, &call->err) < 0)
        return -1;
    fill(vmgr__arena_adopt(&call->arena, iface, drop), &r->iface);
    return 0;
}

static int undefine(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_undefine_args *a = args;
    struct vmgr_interface *iface = call_interface(call, &a->iface);

    (void)ret;
    return iface ? vmgr_interface_undefine(iface, &call->err) : -1;
}

static int start(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_create_args *a = args;
    struct vmgr_interface *iface = call_interface(call, &a->iface);

    (void)ret;
    return iface ? vmgr_interface_start(iface, a->flags, &call->err) : -1;
}

static int destroy(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_interface_destroy_args *a = args;
    struct vmgr_interface *iface = call_interface(call, &a->iface);

    (void)ret;
    return iface ? vmgr_interface_destroy(iface, a->flags, &call->err) : -1;
}

/* Changes of all of them. */
#define CHANGE(what)                                                                               \
    static int change_##what(struct vmgr__call *call, const void *args, void *ret)                 \
    {                                                                                              \
        const struct wire_interface_change_##what##_args *a = args;                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return vmgr_interface_change_##what(call->conn, a->flags, &call->err);                     \
    }

CHANGE(begin)
CHANGE(commit)
CHANGE(rollback)

const struct vmgr__handler vmgr__handlers_interface[] = {
    { WIRE_INTERFACE_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_INTERFACE_LOOKUP_BY_MAC_STRING, lookup_by_mac, 0 },
    { WIRE_CONNECT_LIST_ALL_INTERFACES, list_all, 0 },
    { WIRE_CONNECT_LIST_INTERFACES, list_interfaces, 0 },
    { WIRE_CONNECT_LIST_DEFINED_INTERFACES, list_defined_interfaces, 0 },
    { WIRE_CONNECT_NUM_OF_INTERFACES, num_of_interfaces, 0 },
    { WIRE_CONNECT_NUM_OF_DEFINED_INTERFACES, num_of_defined_interfaces, 0 },
    { WIRE_INTERFACE_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_INTERFACE_IS_ACTIVE, is_active, 0 },
    { WIRE_INTERFACE_DEFINE_XML, define_xml, 0 },
    { WIRE_INTERFACE_UNDEFINE, undefine, 0 },
    { WIRE_INTERFACE_CREATE, start, 0 },
    { WIRE_INTERFACE_DESTROY, destroy, 0 },
    { WIRE_INTERFACE_CHANGE_BEGIN, change_begin, 0 },
    { WIRE_INTERFACE_CHANGE_COMMIT, change_commit, 0 },
    { WIRE_INTERFACE_CHANGE_ROLLBACK, change_rollback, 0 },
    { 0, NULL, 0 },
};
