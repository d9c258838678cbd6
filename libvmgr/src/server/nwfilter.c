/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about network filters.
 */
#include <stdlib.h>
#include <vmgr/nwfilter.h>

#include "internal.h"

#define FILTERS_MAX 16384 /* of the protocol, in one reply */

static void drop(void *filter)
{
    vmgr_nwfilter_unref(filter);
}

static struct vmgr_nwfilter *keep(struct vmgr__call *call, struct vmgr_nwfilter *filter)
{
    return filter ? vmgr__arena_adopt(&call->arena, filter, drop) : NULL;
}

static struct vmgr_nwfilter *call_filter(struct vmgr__call *call, const struct wire_nwfilter *wire)
{
    struct vmgr_nwfilter *filter = NULL;

    vmgr_nwfilter_lookup_by_uuid(call->conn, wire->uuid, &filter, &call->err);
    return keep(call, filter);
}

static void fill(struct wire_nwfilter *ret, struct vmgr_nwfilter *filter)
{
    ret->name = (char *)vmgr_nwfilter_get_name(filter);
    vmgr_nwfilter_get_uuid(filter, ret->uuid);
}

/* Procedures that find or make a filter. */
#define FIND(procedure, get)                                                                       \
    static int procedure(struct vmgr__call *call, const void *args, void *ret)                     \
    {                                                                                              \
        const struct wire_nwfilter_##procedure##_args *a = args;                                   \
        struct wire_nwfilter_##procedure##_ret *r = ret;                                           \
        struct vmgr_nwfilter *filter = NULL;                                                       \
                                                                                                   \
        if (get < 0)                                                                               \
            return -1;                                                                             \
        fill(&r->nwfilter, keep(call, filter));                                                    \
        return 0;                                                                                  \
    }

FIND(lookup_by_name, vmgr_nwfilter_lookup_by_name(call->conn, a->name, &filter, &call->err))
FIND(lookup_by_uuid, vmgr_nwfilter_lookup_by_uuid(call->conn, a->uuid, &filter, &call->err))
FIND(define_xml, vmgr_nwfilter_define_xml(call->conn, a->xml, 0, &filter, &call->err))
FIND(define_xml_flags, vmgr_nwfilter_define_xml(call->conn, a->xml, a->flags, &filter, &call->err))

static int undefine(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_undefine_args *a = args;
    struct vmgr_nwfilter *filter = call_filter(call, &a->nwfilter);

    (void)ret;
    return filter ? vmgr_nwfilter_undefine(filter, &call->err) : -1;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_nwfilter_get_xml_desc_args *a = args;
    struct wire_nwfilter_get_xml_desc_ret *r = ret;
    struct vmgr_nwfilter *filter = call_filter(call, &a->nwfilter);

    if (!filter || vmgr_nwfilter_get_xml(filter, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

/* ---- lists ---- */

static void list_free(void *list)
{
    vmgr_nwfilter_list_free(list);
}

/* Returns how many, or -1. */
static int list_filters(struct vmgr__call *call, uint32_t flags, struct vmgr_nwfilter ***ret)
{
    const int n = vmgr_nwfilter_list(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, list_free);
    if (n > FILTERS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d network filters are more than the %d that fit into a reply", n,
                               FILTERS_MAX);
    return n;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_nwfilters_args *a = args;
    struct wire_connect_list_all_nwfilters_ret *r = ret;
    struct vmgr_nwfilter **list;
    const int n = list_filters(call, a->flags, &list);

    if (n < 0)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->filters.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_nwfilter, n + 1), g_free);
    for (; (int)r->filters.n < n; r->filters.n++)
        fill(&r->filters.v[r->filters.n], list[r->filters.n]);
    return 0;
}

static int list_names(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_nwfilters_args *a = args;
    struct wire_connect_list_nwfilters_ret *r = ret;
    struct vmgr_nwfilter **list;
    int n;

    if (a->maxnames < 0 || a->maxnames > FILTERS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "a list of %d network filters is asked for, between 0 and %d is "
                               "possible",
                               a->maxnames, FILTERS_MAX);
    n = list_filters(call, 0, &list);
    if (n < 0)
        return -1;
    r->names.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    for (; (int)r->names.n < MIN(n, a->maxnames); r->names.n++)
        r->names.v[r->names.n] = (char *)vmgr_nwfilter_get_name(list[r->names.n]);
    return 0;
}

static int num_of(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_nwfilters_ret *r = ret;

    (void)args;
    r->num = vmgr_nwfilter_list(call->conn, 0, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

const struct vmgr__handler vmgr__handlers_nwfilter[] = {
    { WIRE_NWFILTER_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_NWFILTER_LOOKUP_BY_UUID, lookup_by_uuid, 0 },
    { WIRE_NWFILTER_DEFINE_XML, define_xml, 0 },
    { WIRE_NWFILTER_DEFINE_XML_FLAGS, define_xml_flags, 0 },
    { WIRE_NWFILTER_UNDEFINE, undefine, 0 },
    { WIRE_NWFILTER_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_CONNECT_LIST_ALL_NWFILTERS, list_all, 0 },
    { WIRE_CONNECT_LIST_NWFILTERS, list_names, 0 },
    { WIRE_CONNECT_NUM_OF_NWFILTERS, num_of, 0 },
    { 0, NULL, 0 },
};
