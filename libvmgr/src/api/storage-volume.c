/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage volumes: handles, and the public calls, which check and pass on to the driver.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/storage.h>

#include "storage.h"

struct vmgr_volume {
    gint refs;
    struct vmgr_conn *conn;
    char *pool, *name, *key;
};

struct vmgr_volume *vmgr__volume_new(struct vmgr_conn *conn, const char *pool, const char *name,
                                     const char *key)
{
    struct vmgr_volume *volume = g_new0(struct vmgr_volume, 1);

    volume->refs = 1;
    volume->conn = vmgr_conn_ref(conn);
    volume->pool = g_strdup(pool);
    volume->name = g_strdup(name);
    volume->key = g_strdup(key);
    return volume;
}

struct vmgr_volume *vmgr_volume_ref(struct vmgr_volume *volume)
{
    g_atomic_int_inc(&volume->refs);
    return volume;
}

struct vmgr_volume *vmgr_volume_unref(struct vmgr_volume *volume)
{
    if (volume && g_atomic_int_dec_and_test(&volume->refs)) {
        vmgr_conn_unref(volume->conn);
        g_free(volume->pool);
        g_free(volume->name);
        g_free(volume->key);
        g_free(volume);
    }
    return NULL;
}

struct vmgr_volume **vmgr_volume_list_free(struct vmgr_volume **volumes)
{
    for (struct vmgr_volume **v = volumes; v && *v; v++)
        vmgr_volume_unref(*v);
    free(volumes);
    return NULL;
}

const char *vmgr_volume_get_name(struct vmgr_volume *volume)
{
    return volume->name;
}

const char *vmgr_volume_get_key(struct vmgr_volume *volume)
{
    return volume->key;
}

const char *vmgr_volume_get_pool_name(struct vmgr_volume *volume)
{
    return volume->pool;
}

struct vmgr_conn *vmgr_volume_get_conn(struct vmgr_volume *volume)
{
    return volume->conn;
}

static int need_text(const char *text, const char *what, struct vmgr_error **err)
{
    if (text)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE, "no %s given", what);
}

/* ---- finding ---- */

int vmgr_volume_lookup_by_name(struct vmgr_pool *pool, const char *name,
                               struct vmgr_volume **ret_volume, struct vmgr_error **err)
{
    STORAGE_OP(vmgr_pool_get_conn(pool), volume_lookup, "virStorageVolLookupByName");
    if (need_text(name, "name", err) < 0)
        return -1;
    return ops->volume_lookup(pool, name, ret_volume, err);
}

int vmgr_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                              struct vmgr_volume **ret_volume, struct vmgr_error **err)
{
    STORAGE_OP(conn, volume_lookup_by_key, "virStorageVolLookupByKey");
    if (need_text(key, "key", err) < 0)
        return -1;
    return ops->volume_lookup_by_key(conn, key, ret_volume, err);
}

int vmgr_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                               struct vmgr_volume **ret_volume, struct vmgr_error **err)
{
    STORAGE_OP(conn, volume_lookup_by_path, "virStorageVolLookupByPath");
    if (need_text(path, "path", err) < 0)
        return -1;
    return ops->volume_lookup_by_path(conn, path, ret_volume, err);
}

static void drop(void *volume)
{
    vmgr_volume_unref(volume);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(struct vmgr_volume *const *)a)->name, (*(struct vmgr_volume *const *)b)->name);
}

int vmgr_pool_list_volumes(struct vmgr_pool *pool, uint32_t flags,
                           struct vmgr_volume ***ret_volumes, struct vmgr_error **err)
{
    GPtrArray *found;

    STORAGE_OP(vmgr_pool_get_conn(pool), pool_list_volumes, "virStoragePoolListAllVolumes");
    if (vmgr__check_flags(flags, 0, "virStoragePoolListAllVolumes", err) < 0)
        return -1;
    found = g_ptr_array_new_with_free_func(drop);
    if (ops->pool_list_volumes(pool, found, err) < 0) {
        g_ptr_array_unref(found);
        return -1;
    }
    return vmgr__storage_give_list(found, by_name, (void ***)ret_volumes, err);
}

/* ---- changing ---- */

#define CREATE_FLAGS                                                                               \
    (VMGR_VOLUME_CREATE_PREALLOC_METADATA | VMGR_VOLUME_CREATE_REFLINK |                           \
     VMGR_VOLUME_CREATE_VALIDATE)

static int create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                  uint32_t flags, const char *function, struct vmgr_volume **ret_volume,
                  struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_pool_get_conn(pool);

    STORAGE_OP(conn, volume_create, function);
    if (vmgr__storage_need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, CREATE_FLAGS, function, err) < 0 ||
        need_text(xml, "document", err) < 0)
        return -1;
    if (source && source->conn != conn)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "clonevol in %s must match the connection of the pool", function);
    return ops->volume_create(pool, xml, source, flags, ret_volume, err);
}

int vmgr_volume_create_xml(struct vmgr_pool *pool, const char *xml, uint32_t flags,
                           struct vmgr_volume **ret_volume, struct vmgr_error **err)
{
    return create(pool, xml, NULL, flags, "virStorageVolCreateXML", ret_volume, err);
}

int vmgr_volume_create_xml_from(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                                uint32_t flags, struct vmgr_volume **ret_volume,
                                struct vmgr_error **err)
{
    return create(pool, xml, source, flags, "virStorageVolCreateXMLFrom", ret_volume, err);
}

#define CHANGE(volume, op, function, flags, known)                                                 \
    STORAGE_OP((volume)->conn, op, function);                                                      \
    if (vmgr__storage_need_write((volume)->conn, function, err) < 0 ||                             \
        vmgr__check_flags(flags, known, function, err) < 0)                                        \
    return -1

int vmgr_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err)
{
    CHANGE(volume, volume_delete, "virStorageVolDelete", flags, 0x3);
    return ops->volume_delete(volume, flags, err);
}

int vmgr_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm, uint32_t flags,
                     struct vmgr_error **err)
{
    const char *function = algorithm ? "virStorageVolWipePattern" : "virStorageVolWipe";

    CHANGE(volume, volume_wipe, function, flags, 0);
    if (algorithm > VMGR_VOLUME_WIPE_TRIM)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "wiping algorithm %u not supported", algorithm);
    return ops->volume_wipe(volume, algorithm, err);
}

int vmgr_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                       struct vmgr_error **err)
{
    CHANGE(volume, volume_resize, "virStorageVolResize", flags, 0x7);
    /* Zero capacity is only valid with a difference. */
    if (!capacity && !(flags & VMGR_VOLUME_RESIZE_DELTA))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "capacity in virStorageVolResize must not be zero");
    if (capacity > INT64_MAX)
        return vmgr__error_set(err, VMGR_ERR_OVERFLOW, VMGR_FROM_STORAGE, "capacity is too large");
    return ops->volume_resize(volume, capacity, flags, err);
}

/* ---- looking ---- */

int vmgr_volume_get_info(struct vmgr_volume *volume, uint32_t flags,
                         struct vmgr_volume_info *ret_info, struct vmgr_error **err)
{
    const char *function = flags ? "virStorageVolGetInfoFlags" : "virStorageVolGetInfo";
    struct vmgr_volume_info info = VMGR_VOLUME_INFO_INIT;
    const uint32_t size = ret_info->size;

    STORAGE_OP(volume->conn, volume_get_info, function);
    if (vmgr__check_flags(flags, VMGR_VOLUME_GET_PHYSICAL, function, err) < 0)
        return -1;
    if (flags && !ops->info_flags)
        return vmgr__storage_unsupported(volume->conn, function, err);
    if (size < sizeof(info))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "size of struct vmgr_volume_info is not set");
    if (ops->volume_get_info(volume, flags, &info, err) < 0)
        return -1;
    *ret_info = info;
    ret_info->size = size;
    return 0;
}

int vmgr_volume_get_xml(struct vmgr_volume *volume, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    STORAGE_OP(volume->conn, volume_get_xml, "virStorageVolGetXMLDesc");
    if (vmgr__check_flags(flags, 0, "virStorageVolGetXMLDesc", err) < 0)
        return -1;
    r = ops->volume_get_xml(volume, &text, err);
    return vmgr__storage_give(text, r, ret_xml, err);
}

int vmgr_volume_get_path(struct vmgr_volume *volume, char **ret_path, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    STORAGE_OP(volume->conn, volume_get_path, "virStorageVolGetPath");
    r = ops->volume_get_path(volume, &text, err);
    return vmgr__storage_give(text, r, ret_path, err);
}

/* ---- streams ---- */

static int check_range(uint64_t offset, uint64_t length, struct vmgr_error **err)
{
    if (offset <= INT64_MAX && length <= INT64_MAX - offset)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_OVERFLOW, VMGR_FROM_STORAGE,
                           "offset and length are beyond what a file can have");
}

int vmgr_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length, uint32_t flags,
                       struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    CHANGE(volume, volume_upload, "virStorageVolUpload", flags, VMGR_VOLUME_STREAM_SPARSE);
    if (check_range(offset, length, err) < 0)
        return -1;
    return ops->volume_upload(volume, offset, length, flags, ret_stream, err);
}

int vmgr_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                         uint32_t flags, struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    /* The contents of a guest's disk are not for those who only look. */
    CHANGE(volume, volume_download, "virStorageVolDownload", flags, VMGR_VOLUME_STREAM_SPARSE);
    if (check_range(offset, length, err) < 0)
        return -1;
    return ops->volume_download(volume, offset, length, flags, ret_stream, err);
}
