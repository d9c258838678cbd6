/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage volumes behind a server, and the streams of their bytes. As of domains, older procedures
 * are used where there are no flags.
 */
#include "../storage.h"
#include "remote.h"

/* Arguments of every procedure that takes a volume, or a volume and flags. */
struct volume_args {
    struct wire_storage_vol vol;
    uint32_t flags;
};

static struct wire_storage_vol wire_of(struct vmgr_volume *volume)
{
    return (struct wire_storage_vol){ .pool = (char *)vmgr_volume_get_pool_name(volume),
                                      .name = (char *)vmgr_volume_get_name(volume),
                                      .key = (char *)vmgr_volume_get_key(volume) };
}

static struct vmgr__remote *remote_of(struct vmgr_volume *volume)
{
    return vmgr_volume_get_conn(volume)->driver_data;
}

static int ask_text(struct vmgr_volume *volume, int32_t procedure, char **ret,
                    struct vmgr_error **err)
{
    const struct volume_args args = { wire_of(volume), 0 };

    return vmgr__remote_text(remote_of(volume), procedure, &args, ret, err);
}

/* ---- finding and making ---- */

/* Procedures that give a volume, and nothing else. */
static int get(struct vmgr_conn *conn, int32_t procedure, const void *args,
               struct vmgr_volume **ret, struct vmgr_error **err)
{
    struct wire_storage_vol_lookup_by_name_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, procedure, args, &out, &reply, err);

    if (result == 0)
        *ret = vmgr__volume_new(conn, out.vol.pool, out.vol.name, out.vol.key);
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_volume_lookup(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                               struct vmgr_error **err)
{
    const struct wire_storage_vol_lookup_by_name_args args = { .pool = vmgr__remote_pool(pool),
                                                               .name = (char *)name };

    return get(vmgr_pool_get_conn(pool), WIRE_STORAGE_VOL_LOOKUP_BY_NAME, &args, ret, err);
}

int vmgr__remote_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                                      struct vmgr_volume **ret, struct vmgr_error **err)
{
    const struct wire_storage_vol_lookup_by_key_args args = { (char *)key };

    return get(conn, WIRE_STORAGE_VOL_LOOKUP_BY_KEY, &args, ret, err);
}

int vmgr__remote_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                                       struct vmgr_volume **ret, struct vmgr_error **err)
{
    const struct wire_storage_vol_lookup_by_path_args args = { (char *)path };

    return get(conn, WIRE_STORAGE_VOL_LOOKUP_BY_PATH, &args, ret, err);
}

int vmgr__remote_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                               uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_pool_get_conn(pool);

    if (source) {
        const struct wire_storage_vol_create_xml_from_args args = { .pool = vmgr__remote_pool(pool),
                                                                    .xml = (char *)xml,
                                                                    .clonevol = wire_of(source),
                                                                    .flags = flags };

        return get(conn, WIRE_STORAGE_VOL_CREATE_XML_FROM, &args, ret, err);
    } else {
        const struct wire_storage_vol_create_xml_args args = { .pool = vmgr__remote_pool(pool),
                                                               .xml = (char *)xml,
                                                               .flags = flags };

        return get(conn, WIRE_STORAGE_VOL_CREATE_XML, &args, ret, err);
    }
}

int vmgr__remote_pool_list_volumes(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_pool_get_conn(pool);
    const struct wire_storage_pool_list_all_volumes_args args = { .pool = vmgr__remote_pool(pool),
                                                                  .need_results = 1 };
    struct wire_storage_pool_list_all_volumes_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_STORAGE_POOL_LIST_ALL_VOLUMES,
                                         &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.vols.n; i++) {
        const struct wire_storage_vol *vol = &out.vols.v[i];

        g_ptr_array_add(ret, vmgr__volume_new(conn, vol->pool, vol->name, vol->key));
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

/* ---- changing ---- */

int vmgr__remote_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err)
{
    const struct volume_args args = { wire_of(volume), flags };

    return vmgr__remote_do(remote_of(volume), WIRE_STORAGE_VOL_DELETE, &args, err);
}

int vmgr__remote_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm,
                             struct vmgr_error **err)
{
    const struct wire_storage_vol_wipe_args plain = { .vol = wire_of(volume) };
    const struct wire_storage_vol_wipe_pattern_args pattern = { .vol = wire_of(volume),
                                                                .algorithm = algorithm };

    if (algorithm == VMGR_VOLUME_WIPE_ZERO)
        return vmgr__remote_do(remote_of(volume), WIRE_STORAGE_VOL_WIPE, &plain, err);
    return vmgr__remote_do(remote_of(volume), WIRE_STORAGE_VOL_WIPE_PATTERN, &pattern, err);
}

int vmgr__remote_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                               struct vmgr_error **err)
{
    const struct wire_storage_vol_resize_args args = { .vol = wire_of(volume),
                                                       .capacity = capacity,
                                                       .flags = flags };

    return vmgr__remote_do(remote_of(volume), WIRE_STORAGE_VOL_RESIZE, &args, err);
}

/* ---- looking ---- */

int vmgr__remote_volume_get_info(struct vmgr_volume *volume, uint32_t flags,
                                 struct vmgr_volume_info *ret, struct vmgr_error **err)
{
    const struct volume_args args = { wire_of(volume), flags };
    struct wire_storage_vol_get_info_ret out = { 0 }; /* of both procedures */
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(
        remote_of(volume), flags ? WIRE_STORAGE_VOL_GET_INFO_FLAGS : WIRE_STORAGE_VOL_GET_INFO,
        &args, &out, &reply, err);

    ret->type = out.type;
    ret->capacity = out.capacity;
    ret->allocation = out.allocation;
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_volume_get_xml(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    return ask_text(volume, WIRE_STORAGE_VOL_GET_XML_DESC, ret, err);
}

int vmgr__remote_volume_get_path(struct vmgr_volume *volume, char **ret, struct vmgr_error **err)
{
    return ask_text(volume, WIRE_STORAGE_VOL_GET_PATH, ret, err);
}

/* ---- streams ---- */

/* Both procedures have the same arguments. */
static int transfer(struct vmgr_volume *volume, int32_t procedure,
                    enum vmgr__remote_stream_kind kind,
                    const struct wire_storage_vol_upload_args *range, struct vmgr_stream **ret,
                    struct vmgr_error **err)
{
    return vmgr__remote_call_stream(remote_of(volume), procedure, range, kind,
                                    range->flags & VMGR_VOLUME_STREAM_SPARSE, ret, err);
}

int vmgr__remote_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                               uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err)
{
    const struct wire_storage_vol_upload_args range = { wire_of(volume), offset, length, flags };

    return transfer(volume, WIRE_STORAGE_VOL_UPLOAD, REMOTE_STREAM_UPLOAD, &range, ret, err);
}

int vmgr__remote_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                 uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err)
{
    const struct wire_storage_vol_upload_args range = { wire_of(volume), offset, length, flags };

    return transfer(volume, WIRE_STORAGE_VOL_DOWNLOAD, REMOTE_STREAM_DOWNLOAD, &range, ret, err);
}
