/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about storage pools.
 */
#include "storage.h"

#include <stdlib.h>

static void drop(void *pool)
{
    vmgr_pool_unref(pool);
}

static void drop_list(void *pools)
{
    vmgr_pool_list_free(pools);
}

struct vmgr_pool *vmgr__call_pool(struct vmgr__call *call, const struct wire_storage_pool *wire)
{
    struct vmgr_pool *pool = NULL;

    if (vmgr_pool_lookup_by_uuid(call->conn, wire->uuid, &pool, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, pool, drop);
}

void vmgr__call_fill_pool(struct vmgr__call *call, struct vmgr_pool *pool,
                          struct wire_storage_pool *ret)
{
    ret->name = vmgr__arena_strdup(&call->arena, vmgr_pool_get_name(pool));
    vmgr_pool_get_uuid(pool, ret->uuid);
}

int vmgr__call_put_pool(struct vmgr__call *call, struct vmgr_pool *pool,
                        struct wire_storage_pool *ret)
{
    vmgr__call_fill_pool(call, vmgr__arena_adopt(&call->arena, pool, drop), ret);
    return 0;
}

char *vmgr__call_text(struct vmgr__call *call, char *text)
{
    return vmgr__arena_adopt(&call->arena, text, free);
}

int vmgr__call_check_most(struct vmgr__call *call, int most)
{
    if (most >= 0 && most <= STORAGE_LIST_MAX)
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                           "a list of %d names is asked for, between 0 and %d is possible", most,
                           STORAGE_LIST_MAX);
}

/* ---- finding ---- */

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_lookup_by_name_args *a = args;
    struct wire_storage_pool_lookup_by_name_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_lookup_by_name(call->conn, a->name, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

static int lookup_by_uuid(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_lookup_by_uuid_args *a = args;
    struct wire_storage_pool_lookup_by_uuid_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_lookup_by_uuid(call->conn, a->uuid, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

static int lookup_by_volume(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_lookup_by_volume_args *a = args;
    struct wire_storage_pool_lookup_by_volume_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_lookup_by_name(call->conn, a->vol.pool, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

static int lookup_by_target_path(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_lookup_by_target_path_args *a = args;
    struct wire_storage_pool_lookup_by_target_path_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_lookup_by_target_path(call->conn, a->path, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

/* The pools that pass; *ret_n is how many. NULL and call->err. */
static struct vmgr_pool **list_pools(struct vmgr__call *call, uint32_t flags, int *ret_n)
{
    struct vmgr_pool **pools;

    *ret_n = vmgr_pool_list(call->conn, flags, &pools, &call->err);
    if (*ret_n < 0)
        return NULL;
    vmgr__arena_adopt(&call->arena, pools, drop_list);
    if (*ret_n <= STORAGE_LIST_MAX)
        return pools;
    vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                    "%d storage pools are more than the %d that fit into a reply", *ret_n,
                    STORAGE_LIST_MAX);
    return NULL;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_storage_pools_args *a = args;
    struct wire_connect_list_all_storage_pools_ret *r = ret;
    int n;
    struct vmgr_pool **pools = list_pools(call, a->flags, &n);

    if (!pools)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->pools.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_storage_pool, n + 1), g_free);
    r->pools.n = (uint32_t)n;
    for (int i = 0; i < n; i++)
        vmgr__call_fill_pool(call, pools[i], &r->pools.v[i]);
    return 0;
}

static int num_of_pools(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_storage_pools_ret *r = ret;

    (void)args;
    r->num = vmgr_pool_list(call->conn, VMGR_POOL_LIST_ACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

static int num_of_defined_pools(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_defined_storage_pools_ret *r = ret;

    (void)args;
    r->num = vmgr_pool_list(call->conn, VMGR_POOL_LIST_INACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

/* The older lists: names of at most so many. */
static int list_names(struct vmgr__call *call, uint32_t flags, int most, uint32_t *ret_n,
                      char ***ret_names)
{
    struct vmgr_pool **pools;
    int n;

    if (vmgr__call_check_most(call, most) < 0)
        return -1;
    pools = list_pools(call, flags, &n);
    if (!pools)
        return -1;
    *ret_names = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    *ret_n = (uint32_t)MIN(n, most);
    for (uint32_t i = 0; i < *ret_n; i++)
        (*ret_names)[i] = (char *)vmgr_pool_get_name(pools[i]);
    return 0;
}

static int list_active(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_storage_pools_args *a = args;
    struct wire_connect_list_storage_pools_ret *r = ret;

    return list_names(call, VMGR_POOL_LIST_ACTIVE, a->maxnames, &r->names.n, &r->names.v);
}

static int list_defined(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_defined_storage_pools_args *a = args;
    struct wire_connect_list_defined_storage_pools_ret *r = ret;

    return list_names(call, VMGR_POOL_LIST_INACTIVE, a->maxnames, &r->names.n, &r->names.v);
}

/* ---- changing ---- */

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_create_xml_args *a = args;
    struct wire_storage_pool_create_xml_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_create_xml(call->conn, a->xml, a->flags, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

static int define_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_define_xml_args *a = args;
    struct wire_storage_pool_define_xml_ret *r = ret;
    struct vmgr_pool *pool;

    if (vmgr_pool_define_xml(call->conn, a->xml, a->flags, &pool, &call->err) < 0)
        return -1;
    return vmgr__call_put_pool(call, pool, &r->pool);
}

/* Procedures that only do something to a pool. */
#define DO(procedure, what)                                                                        \
    static int do_##procedure(struct vmgr__call *call, const void *args, void *ret)                \
    {                                                                                              \
        const struct wire_storage_pool_##procedure##_args *a = args;                               \
        struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);                                  \
                                                                                                   \
        (void)ret;                                                                                 \
        return pool ? what : -1;                                                                   \
    }

DO(create, vmgr_pool_start(pool, a->flags, &call->err))
DO(build, vmgr_pool_build(pool, a->flags, &call->err))
DO(destroy, vmgr_pool_destroy(pool, &call->err))
DO(delete, vmgr_pool_delete(pool, a->flags, &call->err))
DO(undefine, vmgr_pool_undefine(pool, &call->err))
DO(refresh, vmgr_pool_refresh(pool, a->flags, &call->err))
DO(set_autostart, vmgr_pool_set_autostart(pool, a->autostart, &call->err))

/* ---- looking ---- */

/* Questions whose answer is one number. */
#define ASK(procedure, field, question)                                                            \
    static int ask_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_storage_pool_##procedure##_args *a = args;                               \
        struct wire_storage_pool_##procedure##_ret *r = ret;                                       \
        struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);                                  \
                                                                                                   \
        if (!pool)                                                                                 \
            return -1;                                                                             \
        r->field = question;                                                                       \
        return r->field < 0 ? -1 : 0;                                                              \
    }

ASK(is_active, active, vmgr_pool_is_active(pool, &call->err))
ASK(is_persistent, persistent, vmgr_pool_is_persistent(pool, &call->err))
ASK(get_autostart, autostart, vmgr_pool_get_autostart(pool, &call->err))
ASK(num_of_volumes, num, vmgr_pool_list_volumes(pool, 0, NULL, &call->err))

static int get_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_get_info_args *a = args;
    struct wire_storage_pool_get_info_ret *r = ret;
    struct vmgr_pool_info info = VMGR_POOL_INFO_INIT;
    struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);

    if (!pool || vmgr_pool_get_info(pool, &info, &call->err) < 0)
        return -1;
    r->state = (uint32_t)info.state;
    r->capacity = info.capacity;
    r->allocation = info.allocation;
    r->available = info.available;
    return 0;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_get_xml_desc_args *a = args;
    struct wire_storage_pool_get_xml_desc_ret *r = ret;
    struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);
    char *xml;

    if (!pool || vmgr_pool_get_xml(pool, a->flags, &xml, &call->err) < 0)
        return -1;
    r->xml = vmgr__call_text(call, xml);
    return 0;
}

static int find_sources(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_find_storage_pool_sources_args *a = args;
    struct wire_connect_find_storage_pool_sources_ret *r = ret;
    char *xml;

    if (vmgr_conn_find_pool_sources(call->conn, a->type, a->src_spec, a->flags, &xml, &call->err) <
        0)
        return -1;
    r->xml = vmgr__call_text(call, xml);
    return 0;
}

static int get_capabilities(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_storage_pool_capabilities_args *a = args;
    struct wire_connect_get_storage_pool_capabilities_ret *r = ret;
    char *xml;

    if (vmgr_conn_get_pool_capabilities(call->conn, a->flags, &xml, &call->err) < 0)
        return -1;
    r->capabilities = vmgr__call_text(call, xml);
    return 0;
}

const struct vmgr__handler vmgr__handlers_storage_pool[] = {
    { WIRE_STORAGE_POOL_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_STORAGE_POOL_LOOKUP_BY_UUID, lookup_by_uuid, 0 },
    { WIRE_STORAGE_POOL_LOOKUP_BY_VOLUME, lookup_by_volume, 0 },
    { WIRE_STORAGE_POOL_LOOKUP_BY_TARGET_PATH, lookup_by_target_path, 0 },
    { WIRE_CONNECT_LIST_ALL_STORAGE_POOLS, list_all, 0 },
    { WIRE_CONNECT_NUM_OF_STORAGE_POOLS, num_of_pools, 0 },
    { WIRE_CONNECT_NUM_OF_DEFINED_STORAGE_POOLS, num_of_defined_pools, 0 },
    { WIRE_CONNECT_LIST_STORAGE_POOLS, list_active, 0 },
    { WIRE_CONNECT_LIST_DEFINED_STORAGE_POOLS, list_defined, 0 },
    { WIRE_STORAGE_POOL_CREATE_XML, create_xml, 0 },
    { WIRE_STORAGE_POOL_DEFINE_XML, define_xml, 0 },
    { WIRE_STORAGE_POOL_CREATE, do_create, 0 },
    { WIRE_STORAGE_POOL_BUILD, do_build, 0 },
    { WIRE_STORAGE_POOL_DESTROY, do_destroy, 0 },
    { WIRE_STORAGE_POOL_DELETE, do_delete, 0 },
    { WIRE_STORAGE_POOL_UNDEFINE, do_undefine, 0 },
    { WIRE_STORAGE_POOL_REFRESH, do_refresh, 0 },
    { WIRE_STORAGE_POOL_SET_AUTOSTART, do_set_autostart, 0 },
    { WIRE_STORAGE_POOL_GET_AUTOSTART, ask_get_autostart, 0 },
    { WIRE_STORAGE_POOL_IS_ACTIVE, ask_is_active, 0 },
    { WIRE_STORAGE_POOL_IS_PERSISTENT, ask_is_persistent, 0 },
    { WIRE_STORAGE_POOL_NUM_OF_VOLUMES, ask_num_of_volumes, 0 },
    { WIRE_STORAGE_POOL_GET_INFO, get_info, 0 },
    { WIRE_STORAGE_POOL_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_CONNECT_FIND_STORAGE_POOL_SOURCES, find_sources, 0 },
    { WIRE_CONNECT_GET_STORAGE_POOL_CAPABILITIES, get_capabilities, 0 },
    { 0, NULL, 0 },
};
