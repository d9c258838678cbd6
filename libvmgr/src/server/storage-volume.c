/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about storage volumes.
 */
#include "storage.h"

static void drop(void *volume)
{
    vmgr_volume_unref(volume);
}

static void drop_pool(void *pool)
{
    vmgr_pool_unref(pool);
}

static void drop_list(void *volumes)
{
    vmgr_volume_list_free(volumes);
}

/* The volume of an argument, by the names in it; NULL and call->err. */
static struct vmgr_volume *call_volume(struct vmgr__call *call, const struct wire_storage_vol *wire)
{
    struct vmgr_volume *volume;
    struct vmgr_pool *pool;

    if (vmgr_pool_lookup_by_name(call->conn, wire->pool, &pool, &call->err) < 0)
        return NULL;
    vmgr__arena_adopt(&call->arena, pool, drop_pool);
    if (vmgr_volume_lookup_by_name(pool, wire->name, &volume, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, volume, drop);
}

/* Borrows the strings of a handle that lives as long as the call. */
static void fill(struct vmgr_volume *volume, struct wire_storage_vol *ret)
{
    ret->pool = (char *)vmgr_volume_get_pool_name(volume);
    ret->name = (char *)vmgr_volume_get_name(volume);
    ret->key = (char *)vmgr_volume_get_key(volume);
}

static int put(struct vmgr__call *call, struct vmgr_volume *volume, struct wire_storage_vol *ret)
{
    fill(vmgr__arena_adopt(&call->arena, volume, drop), ret);
    return 0;
}

/* ---- finding ---- */

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_lookup_by_name_args *a = args;
    struct wire_storage_vol_lookup_by_name_ret *r = ret;
    struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);
    struct vmgr_volume *volume;

    if (!pool || vmgr_volume_lookup_by_name(pool, a->name, &volume, &call->err) < 0)
        return -1;
    return put(call, volume, &r->vol);
}

static int lookup_by_key(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_lookup_by_key_args *a = args;
    struct wire_storage_vol_lookup_by_key_ret *r = ret;
    struct vmgr_volume *volume;

    if (vmgr_volume_lookup_by_key(call->conn, a->key, &volume, &call->err) < 0)
        return -1;
    return put(call, volume, &r->vol);
}

static int lookup_by_path(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_lookup_by_path_args *a = args;
    struct wire_storage_vol_lookup_by_path_ret *r = ret;
    struct vmgr_volume *volume;

    if (vmgr_volume_lookup_by_path(call->conn, a->path, &volume, &call->err) < 0)
        return -1;
    return put(call, volume, &r->vol);
}

/* The volumes of a pool; NULL and call->err. */
static struct vmgr_volume **list_volumes(struct vmgr__call *call,
                                         const struct wire_storage_pool *wire, int *ret_n)
{
    struct vmgr_pool *pool = vmgr__call_pool(call, wire);
    struct vmgr_volume **volumes;

    if (!pool)
        return NULL;
    *ret_n = vmgr_pool_list_volumes(pool, 0, &volumes, &call->err);
    if (*ret_n < 0)
        return NULL;
    vmgr__arena_adopt(&call->arena, volumes, drop_list);
    if (*ret_n <= STORAGE_LIST_MAX)
        return volumes;
    vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                    "%d storage volumes are more than the %d that fit into a reply", *ret_n,
                    STORAGE_LIST_MAX);
    return NULL;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_list_all_volumes_args *a = args;
    struct wire_storage_pool_list_all_volumes_ret *r = ret;
    struct vmgr_volume **volumes;
    int n;

    if (a->flags)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_STORAGE,
                               "unsupported flags (0x%x) in function storagePoolListAllVolumes",
                               a->flags);
    volumes = list_volumes(call, &a->pool, &n);
    if (!volumes)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->vols.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_storage_vol, n + 1), g_free);
    r->vols.n = (uint32_t)n;
    for (int i = 0; i < n; i++)
        fill(volumes[i], &r->vols.v[i]);
    return 0;
}

static int list_names(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_pool_list_volumes_args *a = args;
    struct wire_storage_pool_list_volumes_ret *r = ret;
    struct vmgr_volume **volumes;
    int n;

    if (vmgr__call_check_most(call, a->maxnames) < 0)
        return -1;
    volumes = list_volumes(call, &a->pool, &n);
    if (!volumes)
        return -1;
    r->names.v = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    r->names.n = (uint32_t)MIN(n, a->maxnames);
    for (uint32_t i = 0; i < r->names.n; i++)
        r->names.v[i] = (char *)vmgr_volume_get_name(volumes[i]);
    return 0;
}

/* ---- changing ---- */

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_create_xml_args *a = args;
    struct wire_storage_vol_create_xml_ret *r = ret;
    struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);
    struct vmgr_volume *volume;

    if (!pool || vmgr_volume_create_xml(pool, a->xml, a->flags, &volume, &call->err) < 0)
        return -1;
    return put(call, volume, &r->vol);
}

static int create_xml_from(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_create_xml_from_args *a = args;
    struct wire_storage_vol_create_xml_from_ret *r = ret;
    struct vmgr_pool *pool = vmgr__call_pool(call, &a->pool);
    struct vmgr_volume *source = pool ? call_volume(call, &a->clonevol) : NULL, *volume;

    if (!source ||
        vmgr_volume_create_xml_from(pool, a->xml, source, a->flags, &volume, &call->err) < 0)
        return -1;
    return put(call, volume, &r->vol);
}

/* Procedures that only do something to a volume. */
#define DO(procedure, what)                                                                        \
    static int do_##procedure(struct vmgr__call *call, const void *args, void *ret)                \
    {                                                                                              \
        const struct wire_storage_vol_##procedure##_args *a = args;                                \
        struct vmgr_volume *volume = call_volume(call, &a->vol);                                   \
                                                                                                   \
        (void)ret;                                                                                 \
        return volume ? what : -1;                                                                 \
    }

DO(delete, vmgr_volume_delete(volume, a->flags, &call->err))
DO(wipe, vmgr_volume_wipe(volume, VMGR_VOLUME_WIPE_ZERO, a->flags, &call->err))
DO(wipe_pattern, vmgr_volume_wipe(volume, a->algorithm, a->flags, &call->err))
DO(resize, vmgr_volume_resize(volume, a->capacity, a->flags, &call->err))

/* ---- looking ---- */

static int get_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_get_info_args *a = args;
    struct wire_storage_vol_get_info_ret *r = ret;
    struct vmgr_volume_info info = VMGR_VOLUME_INFO_INIT;
    struct vmgr_volume *volume = call_volume(call, &a->vol);

    if (!volume || vmgr_volume_get_info(volume, 0, &info, &call->err) < 0)
        return -1;
    r->type = info.type;
    r->capacity = info.capacity;
    r->allocation = info.allocation;
    return 0;
}

static int get_info_flags(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_get_info_flags_args *a = args;
    struct wire_storage_vol_get_info_flags_ret *r = ret;
    struct vmgr_volume_info info = VMGR_VOLUME_INFO_INIT;
    struct vmgr_volume *volume = call_volume(call, &a->vol);

    if (!volume || vmgr_volume_get_info(volume, a->flags, &info, &call->err) < 0)
        return -1;
    r->type = info.type;
    r->capacity = info.capacity;
    r->allocation = info.allocation;
    return 0;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_get_xml_desc_args *a = args;
    struct wire_storage_vol_get_xml_desc_ret *r = ret;
    struct vmgr_volume *volume = call_volume(call, &a->vol);
    char *xml;

    if (!volume || vmgr_volume_get_xml(volume, a->flags, &xml, &call->err) < 0)
        return -1;
    r->xml = vmgr__call_text(call, xml);
    return 0;
}

static int get_path(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_get_path_args *a = args;
    struct wire_storage_vol_get_path_ret *r = ret;
    struct vmgr_volume *volume = call_volume(call, &a->vol);
    char *path;

    if (!volume || vmgr_volume_get_path(volume, &path, &call->err) < 0)
        return -1;
    r->name = vmgr__call_text(call, path);
    return 0;
}

/* ---- streams ---- */

static int upload(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_upload_args *a = args;
    struct vmgr_volume *volume = call_volume(call, &a->vol);
    struct vmgr_stream *stream;

    (void)ret;
    if (!volume ||
        vmgr_volume_upload(volume, a->offset, a->length, a->flags, &stream, &call->err) < 0)
        return -1;
    return vmgr__transfer_add(call, stream, true, a->flags & VMGR_VOLUME_STREAM_SPARSE);
}

static int download(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_storage_vol_download_args *a = args;
    struct vmgr_volume *volume = call_volume(call, &a->vol);
    struct vmgr_stream *stream;

    (void)ret;
    if (!volume ||
        vmgr_volume_download(volume, a->offset, a->length, a->flags, &stream, &call->err) < 0)
        return -1;
    return vmgr__transfer_add(call, stream, false, a->flags & VMGR_VOLUME_STREAM_SPARSE);
}

const struct vmgr__handler vmgr__handlers_storage_volume[] = {
    { WIRE_STORAGE_VOL_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_STORAGE_VOL_LOOKUP_BY_KEY, lookup_by_key, 0 },
    { WIRE_STORAGE_VOL_LOOKUP_BY_PATH, lookup_by_path, 0 },
    { WIRE_STORAGE_POOL_LIST_ALL_VOLUMES, list_all, 0 },
    { WIRE_STORAGE_POOL_LIST_VOLUMES, list_names, 0 },
    { WIRE_STORAGE_VOL_CREATE_XML, create_xml, 0 },
    { WIRE_STORAGE_VOL_CREATE_XML_FROM, create_xml_from, 0 },
    { WIRE_STORAGE_VOL_DELETE, do_delete, 0 },
    { WIRE_STORAGE_VOL_WIPE, do_wipe, 0 },
    { WIRE_STORAGE_VOL_WIPE_PATTERN, do_wipe_pattern, 0 },
    { WIRE_STORAGE_VOL_RESIZE, do_resize, 0 },
    { WIRE_STORAGE_VOL_GET_INFO, get_info, 0 },
    { WIRE_STORAGE_VOL_GET_INFO_FLAGS, get_info_flags, 0 },
    { WIRE_STORAGE_VOL_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_STORAGE_VOL_GET_PATH, get_path, 0 },
    { WIRE_STORAGE_VOL_UPLOAD, upload, 0 },
    { WIRE_STORAGE_VOL_DOWNLOAD, download, 0 },
    { 0, NULL, 0 },
};
