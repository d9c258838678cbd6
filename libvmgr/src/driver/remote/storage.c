/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage pools behind a server, and the table of what they and volumes can.
 */
#include "../storage.h"

#include "remote.h"

/* Arguments of every procedure that takes a pool, or a pool and a number. */
struct pool_args {
    struct wire_storage_pool pool;
    uint32_t number;
};

struct wire_storage_pool vmgr__remote_pool(struct vmgr_pool *pool)
{
    struct wire_storage_pool wire = { .name = (char *)vmgr_pool_get_name(pool) };

    vmgr_pool_get_uuid(pool, wire.uuid);
    return wire;
}

static struct vmgr__remote *remote_of(struct vmgr_pool *pool)
{
    return vmgr_pool_get_conn(pool)->driver_data;
}

static int act(struct vmgr_pool *pool, int32_t procedure, uint32_t number, struct vmgr_error **err)
{
    const struct pool_args args = { vmgr__remote_pool(pool), number };

    return vmgr__remote_do(remote_of(pool), procedure, &args, err);
}

static int ask(struct vmgr_pool *pool, int32_t procedure, struct vmgr_error **err)
{
    const struct pool_args args = { vmgr__remote_pool(pool), 0 };

    return vmgr__remote_number(remote_of(pool), procedure, &args, err);
}

/* ---- finding and making ---- */

static void make(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, void *ret)
{
    *(struct vmgr_pool **)ret = vmgr__pool_new(conn, name, uuid);
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_pool **ret, struct vmgr_error **err)
{
    static const struct vmgr__remote_lookup procedures = { .by_uuid =
                                                               WIRE_STORAGE_POOL_LOOKUP_BY_UUID,
                                                           .by_name =
                                                               WIRE_STORAGE_POOL_LOOKUP_BY_NAME,
                                                           .make = make };

    return vmgr__remote_lookup_named(conn, &procedures, uuid, name, ret, err);
}

static int lookup_by_target_path(struct vmgr_conn *conn, const char *path, struct vmgr_pool **ret,
                                 struct vmgr_error **err)
{
    const struct wire_storage_pool_lookup_by_target_path_args args = { (char *)path };

    return vmgr__remote_named(conn, WIRE_STORAGE_POOL_LOOKUP_BY_TARGET_PATH, &args, make, ret, err);
}

static int define(struct vmgr_conn *conn, const char *xml, uint32_t flags, struct vmgr_pool **ret,
                  struct vmgr_error **err)
{
    const struct wire_storage_pool_define_xml_args args = { (char *)xml, flags };

    return vmgr__remote_named(conn, WIRE_STORAGE_POOL_DEFINE_XML, &args, make, ret, err);
}

static int create(struct vmgr_conn *conn, const char *xml, uint32_t flags, struct vmgr_pool **ret,
                  struct vmgr_error **err)
{
    const struct wire_storage_pool_create_xml_args args = { (char *)xml, flags };

    return vmgr__remote_named(conn, WIRE_STORAGE_POOL_CREATE_XML, &args, make, ret, err);
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_storage_pools_args args = { .need_results = 1,
                                                                   .flags = flags };
    struct wire_connect_list_all_storage_pools_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_STORAGE_POOLS,
                                         &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.pools.n; i++)
        g_ptr_array_add(ret, vmgr__pool_new(conn, out.pools.v[i].name, out.pools.v[i].uuid));
    vmgr__remote_reply_clear(&reply);
    return result;
}

/* ---- changing ---- */

static int start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_CREATE, flags, err);
}

static int destroy(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_DESTROY, 0, err);
}

static int undefine(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_UNDEFINE, 0, err);
}

static int build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_BUILD, flags, err);
}

static int erase(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_DELETE, flags, err);
}

static int refresh(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_REFRESH, 0, err);
}

static int set_autostart(struct vmgr_pool *pool, bool on, struct vmgr_error **err)
{
    return act(pool, WIRE_STORAGE_POOL_SET_AUTOSTART, on, err);
}

/* ---- looking ---- */

static int get_info(struct vmgr_pool *pool, struct vmgr_pool_info *ret, struct vmgr_error **err)
{
    const struct pool_args args = { vmgr__remote_pool(pool), 0 };
    struct wire_storage_pool_get_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(pool), WIRE_STORAGE_POOL_GET_INFO, &args, &out, &reply, err);

    ret->state = (int32_t)out.state;
    ret->capacity = out.capacity;
    ret->allocation = out.allocation;
    ret->available = out.available;
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_xml(struct vmgr_pool *pool, uint32_t flags, char **ret, struct vmgr_error **err)
{
    const struct pool_args args = { vmgr__remote_pool(pool), flags };

    return vmgr__remote_text(remote_of(pool), WIRE_STORAGE_POOL_GET_XML_DESC, &args, ret, err);
}

static int is_active(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, WIRE_STORAGE_POOL_IS_ACTIVE, err);
}

static int is_persistent(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, WIRE_STORAGE_POOL_IS_PERSISTENT, err);
}

static int get_autostart(struct vmgr_pool *pool, struct vmgr_error **err)
{
    return ask(pool, WIRE_STORAGE_POOL_GET_AUTOSTART, err);
}

static int find_sources(struct vmgr_conn *conn, const char *type, const char *source, char **ret,
                        struct vmgr_error **err)
{
    const struct wire_connect_find_storage_pool_sources_args args = { .type = (char *)type,
                                                                      .src_spec = (char *)source };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_FIND_STORAGE_POOL_SOURCES, &args, ret,
                             err);
}

static int get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err)
{
    const struct wire_connect_get_storage_pool_capabilities_args args = { 0 };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_GET_STORAGE_POOL_CAPABILITIES, &args,
                             ret, err);
}

/* ---- events ---- */

static int watch(struct vmgr_conn *conn, int epoll_fd G_GNUC_UNUSED, struct vmgr_error **err)
{
    static const int32_t register_any = WIRE_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY;
    const struct wire_connect_storage_pool_event_register_any_args lifecycle = {
        .event_id = VMGR_POOL_EVENT_LIFECYCLE
    };
    const struct wire_connect_storage_pool_event_register_any_args refreshed = {
        .event_id = VMGR_POOL_EVENT_REFRESH
    };

    if (vmgr__remote_ask_events(conn, VMGR__REMOTE_POOL_LIFECYCLE, register_any, &lifecycle, err) <
        0)
        return -1;
    return vmgr__remote_ask_events(conn, VMGR__REMOTE_POOL_REFRESH, register_any, &refreshed, err);
}

const struct vmgr__storage_ops vmgr__remote_storage = {
    .pool_lookup = lookup,
    .pool_lookup_by_target_path = lookup_by_target_path,
    .pool_list = list,
    .pool_define = define,
    .pool_create = create,
    .pool_start = start,
    .pool_destroy = destroy,
    .pool_undefine = undefine,
    .pool_build = build,
    .pool_delete = erase,
    .pool_refresh = refresh,
    .pool_get_info = get_info,
    .pool_get_xml = get_xml,
    .pool_is_active = is_active,
    .pool_is_persistent = is_persistent,
    .pool_get_autostart = get_autostart,
    .pool_set_autostart = set_autostart,
    .pool_list_volumes = vmgr__remote_pool_list_volumes,
    .find_sources = find_sources,
    .get_capabilities = get_capabilities,
    .volume_lookup = vmgr__remote_volume_lookup,
    .volume_lookup_by_key = vmgr__remote_volume_lookup_by_key,
    .volume_lookup_by_path = vmgr__remote_volume_lookup_by_path,
    .volume_create = vmgr__remote_volume_create,
    .volume_delete = vmgr__remote_volume_delete,
    .volume_wipe = vmgr__remote_volume_wipe,
    .volume_resize = vmgr__remote_volume_resize,
    .volume_get_info = vmgr__remote_volume_get_info,
    .info_flags = true,
    .volume_get_xml = vmgr__remote_volume_get_xml,
    .volume_get_path = vmgr__remote_volume_get_path,
    .volume_upload = vmgr__remote_volume_upload,
    .volume_download = vmgr__remote_volume_download,
    .watch = watch,
};
