/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage pools: handles, and the public calls, which check and pass on to the driver.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/storage.h>

#include "../conf/def.h"
#include "storage.h"

#define LIST_FLAGS 0xfffffu

struct vmgr_pool {
    gint refs;
    struct vmgr_conn *conn;
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    char uuid_string[VMGR_UUID_STRING_SIZE];
};

struct vmgr_pool *vmgr__pool_new(struct vmgr_conn *conn, const char *name,
                                 const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr_pool *pool = g_new0(struct vmgr_pool, 1);

    pool->refs = 1;
    pool->conn = vmgr_conn_ref(conn);
    pool->name = g_strdup(name);
    memcpy(pool->uuid, uuid, VMGR_UUID_SIZE);
    vmgr__uuid_format(uuid, pool->uuid_string);
    return pool;
}

struct vmgr_pool *vmgr_pool_ref(struct vmgr_pool *pool)
{
    g_atomic_int_inc(&pool->refs);
    return pool;
}

struct vmgr_pool *vmgr_pool_unref(struct vmgr_pool *pool)
{
    if (pool && g_atomic_int_dec_and_test(&pool->refs)) {
        vmgr_conn_unref(pool->conn);
        g_free(pool->name);
        g_free(pool);
    }
    return NULL;
}

struct vmgr_pool **vmgr_pool_list_free(struct vmgr_pool **pools)
{
    for (struct vmgr_pool **p = pools; p && *p; p++)
        vmgr_pool_unref(*p);
    free(pools);
    return NULL;
}

const char *vmgr_pool_get_name(struct vmgr_pool *pool)
{
    return pool->name;
}

void vmgr_pool_get_uuid(struct vmgr_pool *pool, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, pool->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_pool_get_uuid_string(struct vmgr_pool *pool)
{
    return pool->uuid_string;
}

struct vmgr_conn *vmgr_pool_get_conn(struct vmgr_pool *pool)
{
    return pool->conn;
}

/* ---- checks ---- */

int vmgr__storage_unsupported(struct vmgr_conn *conn, const char *function, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", function);
}

const struct vmgr__storage_ops *vmgr__storage_ops(struct vmgr_conn *conn, const char *function,
                                                  struct vmgr_error **err)
{
    if (!conn->driver->storage)
        vmgr__storage_unsupported(conn, function, err);
    return conn->driver->storage;
}

int vmgr__storage_need_write(struct vmgr_conn *conn, const char *function, struct vmgr_error **err)
{
    if (!conn->read_only)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_OPERATION_DENIED, VMGR_FROM_STORAGE,
                           "read only access prevents %s", function);
}

int vmgr__storage_give(char *text, int r, char **ret, struct vmgr_error **err)
{
    if (r < 0)
        return r;
    *ret = strdup(text);
    g_free(text);
    return *ret ? 0 : vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
}

int vmgr__storage_give_list(GPtrArray *found, GCompareFunc compare, void ***ret,
                            struct vmgr_error **err)
{
    const guint n = found->len;
    void **list = ret ? calloc(n + 1, sizeof(*list)) : NULL;

    if (list) {
        g_ptr_array_sort(found, compare);
        g_ptr_array_set_free_func(found, NULL);
        if (n)
            memcpy(list, found->pdata, n * sizeof(*list));
        *ret = list;
    }
    g_ptr_array_unref(found);
    if (ret && !list)
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    return (int)n;
}

#define CHANGE(conn, op, function, flags, known)                                                   \
    STORAGE_OP(conn, op, function);                                                                \
    if (vmgr__storage_need_write(conn, function, err) < 0 ||                                       \
        vmgr__check_flags(flags, known, function, err) < 0)                                        \
    return -1

/* ---- finding ---- */

int vmgr_pool_lookup_by_name(struct vmgr_conn *conn, const char *name, struct vmgr_pool **ret_pool,
                             struct vmgr_error **err)
{
    STORAGE_OP(conn, pool_lookup, "virStoragePoolLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no name given");
    return ops->pool_lookup(conn, NULL, name, ret_pool, err);
}

int vmgr_pool_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                             struct vmgr_pool **ret_pool, struct vmgr_error **err)
{
    STORAGE_OP(conn, pool_lookup, "virStoragePoolLookupByUUID");
    return ops->pool_lookup(conn, uuid, NULL, ret_pool, err);
}

int vmgr_pool_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                    struct vmgr_pool **ret_pool, struct vmgr_error **err)
{
    uint8_t bytes[VMGR_UUID_SIZE];

    if (!uuid || !vmgr__uuid_parse(uuid, bytes))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "uuidstr in virStoragePoolLookupByUUIDString must be a valid UUID");
    return vmgr_pool_lookup_by_uuid(conn, bytes, ret_pool, err);
}

int vmgr_pool_lookup_by_target_path(struct vmgr_conn *conn, const char *path,
                                    struct vmgr_pool **ret_pool, struct vmgr_error **err)
{
    STORAGE_OP(conn, pool_lookup_by_target_path, "virStoragePoolLookupByTargetPath");
    if (!path || !*path)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no path given");
    return ops->pool_lookup_by_target_path(conn, path, ret_pool, err);
}

int vmgr_pool_lookup_by_volume(struct vmgr_volume *volume, struct vmgr_pool **ret_pool,
                               struct vmgr_error **err)
{
    return vmgr_pool_lookup_by_name(vmgr_volume_get_conn(volume), vmgr_volume_get_pool_name(volume),
                                    ret_pool, err);
}

static void drop(void *pool)
{
    vmgr_pool_unref(pool);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(struct vmgr_pool *const *)a)->name, (*(struct vmgr_pool *const *)b)->name);
}

int vmgr_pool_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_pool ***ret_pools,
                   struct vmgr_error **err)
{
    GPtrArray *found;

    STORAGE_OP(conn, pool_list, "virConnectListAllStoragePools");
    if (vmgr__check_flags(flags, LIST_FLAGS, "virConnectListAllStoragePools", err) < 0)
        return -1;
    found = g_ptr_array_new_with_free_func(drop);
    if (ops->pool_list(conn, flags, found, err) < 0) {
        g_ptr_array_unref(found);
        return -1;
    }
    return vmgr__storage_give_list(found, by_name, (void ***)ret_pools, err);
}

/* ---- defining and life cycle ---- */

int vmgr_pool_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret_pool, struct vmgr_error **err)
{
    CHANGE(conn, pool_define, "virStoragePoolDefineXML", flags, VMGR_POOL_DEFINE_VALIDATE);
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no document given");
    return ops->pool_define(conn, xml, flags, ret_pool, err);
}

#define START_FLAGS                                                                                \
    (VMGR_POOL_CREATE_WITH_BUILD | VMGR_POOL_CREATE_WITH_BUILD_OVERWRITE |                         \
     VMGR_POOL_CREATE_WITH_BUILD_NO_OVERWRITE)

int vmgr_pool_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret_pool, struct vmgr_error **err)
{
    CHANGE(conn, pool_create, "virStoragePoolCreateXML", flags, START_FLAGS);
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no document given");
    return ops->pool_create(conn, xml, flags, ret_pool, err);
}

int vmgr_pool_start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_start, "virStoragePoolCreate", flags, START_FLAGS);
    return ops->pool_start(pool, flags, err);
}

int vmgr_pool_destroy(struct vmgr_pool *pool, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_destroy, "virStoragePoolDestroy", 0, 0);
    return ops->pool_destroy(pool, err);
}

int vmgr_pool_undefine(struct vmgr_pool *pool, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_undefine, "virStoragePoolUndefine", 0, 0);
    return ops->pool_undefine(pool, err);
}

int vmgr_pool_build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_build, "virStoragePoolBuild", flags, 0xf);
    return ops->pool_build(pool, flags, err);
}

int vmgr_pool_delete(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_delete, "virStoragePoolDelete", flags, VMGR_POOL_DELETE_ZEROED);
    return ops->pool_delete(pool, flags, err);
}

int vmgr_pool_refresh(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_refresh, "virStoragePoolRefresh", flags, 0);
    return ops->pool_refresh(pool, err);
}

/* ---- looking ---- */

int vmgr_pool_get_info(struct vmgr_pool *pool, struct vmgr_pool_info *ret_info,
                       struct vmgr_error **err)
{
    struct vmgr_pool_info info = VMGR_POOL_INFO_INIT;
    const uint32_t size = ret_info->size;

    STORAGE_OP(pool->conn, pool_get_info, "virStoragePoolGetInfo");
    if (size < sizeof(info))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "size of struct vmgr_pool_info is not set");
    if (ops->pool_get_info(pool, &info, err) < 0)
        return -1;
    *ret_info = info;
    ret_info->size = size;
    return 0;
}

int vmgr_pool_get_xml(struct vmgr_pool *pool, uint32_t flags, char **ret_xml,
                      struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    STORAGE_OP(pool->conn, pool_get_xml, "virStoragePoolGetXMLDesc");
    if (vmgr__check_flags(flags, VMGR_POOL_XML_INACTIVE, "virStoragePoolGetXMLDesc", err) < 0)
        return -1;
    r = ops->pool_get_xml(pool, flags, &text, err);
    return vmgr__storage_give(text, r, ret_xml, err);
}

int vmgr_pool_is_active(struct vmgr_pool *pool, struct vmgr_error **err)
{
    STORAGE_OP(pool->conn, pool_is_active, "virStoragePoolIsActive");
    return ops->pool_is_active(pool, err);
}

int vmgr_pool_is_persistent(struct vmgr_pool *pool, struct vmgr_error **err)
{
    STORAGE_OP(pool->conn, pool_is_persistent, "virStoragePoolIsPersistent");
    return ops->pool_is_persistent(pool, err);
}

int vmgr_pool_get_autostart(struct vmgr_pool *pool, struct vmgr_error **err)
{
    STORAGE_OP(pool->conn, pool_get_autostart, "virStoragePoolGetAutostart");
    return ops->pool_get_autostart(pool, err);
}

int vmgr_pool_set_autostart(struct vmgr_pool *pool, int autostart, struct vmgr_error **err)
{
    CHANGE(pool->conn, pool_set_autostart, "virStoragePoolSetAutostart", 0, 0);
    return ops->pool_set_autostart(pool, autostart != 0, err);
}

int vmgr_conn_find_pool_sources(struct vmgr_conn *conn, const char *type, const char *source,
                                uint32_t flags, char **ret_xml, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    STORAGE_OP(conn, find_sources, "virConnectFindStoragePoolSources");
    /* It may start programs: not for those who only look. */
    if (vmgr__storage_need_write(conn, "virConnectFindStoragePoolSources", err) < 0 ||
        vmgr__check_flags(flags, 0, "virConnectFindStoragePoolSources", err) < 0)
        return -1;
    if (!type)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no type given");
    r = ops->find_sources(conn, type, source, &text, err);
    return vmgr__storage_give(text, r, ret_xml, err);
}

int vmgr_conn_get_pool_capabilities(struct vmgr_conn *conn, uint32_t flags, char **ret_xml,
                                    struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    STORAGE_OP(conn, get_capabilities, "virConnectGetStoragePoolCapabilities");
    if (vmgr__check_flags(flags, 0, "virConnectGetStoragePoolCapabilities", err) < 0)
        return -1;
    r = ops->get_capabilities(conn, &text, err);
    return vmgr__storage_give(text, r, ret_xml, err);
}
