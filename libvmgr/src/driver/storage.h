/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver with storage pools is: the operations behind include/vmgr/storage.h.
 *
 * The rules are those of driver.h. Lists are filled with handles, one reference each.
 */
#ifndef VMGR_SRC_DRIVER_STORAGE_H
#define VMGR_SRC_DRIVER_STORAGE_H

#include "driver.h"

struct vmgr__storage_ops {
    /* By UUID, or else by name. */
    int (*pool_lookup)(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                       struct vmgr_pool **ret, struct vmgr_error **err);
    int (*pool_lookup_by_target_path)(struct vmgr_conn *conn, const char *path,
                                      struct vmgr_pool **ret, struct vmgr_error **err);
    int (*pool_list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                     struct vmgr_error **err);
    int (*pool_define)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_pool **ret, struct vmgr_error **err);
    int (*pool_create)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_pool **ret, struct vmgr_error **err);
    int (*pool_start)(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
    int (*pool_destroy)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_undefine)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_build)(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
    int (*pool_delete)(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
    int (*pool_refresh)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_get_info)(struct vmgr_pool *pool, struct vmgr_pool_info *ret,
                         struct vmgr_error **err);
    int (*pool_get_xml)(struct vmgr_pool *pool, uint32_t flags, char **ret,
                        struct vmgr_error **err);
    int (*pool_is_active)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_is_persistent)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_get_autostart)(struct vmgr_pool *pool, struct vmgr_error **err);
    int (*pool_set_autostart)(struct vmgr_pool *pool, bool on, struct vmgr_error **err);
    int (*pool_list_volumes)(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err);
    int (*find_sources)(struct vmgr_conn *conn, const char *type, const char *source, char **ret,
                        struct vmgr_error **err);
    int (*get_capabilities)(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);

    int (*volume_lookup)(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                         struct vmgr_error **err);
    int (*volume_lookup_by_key)(struct vmgr_conn *conn, const char *key, struct vmgr_volume **ret,
                                struct vmgr_error **err);
    int (*volume_lookup_by_path)(struct vmgr_conn *conn, const char *path, struct vmgr_volume **ret,
                                 struct vmgr_error **err);
    /* source: NULL, or the volume whose contents it gets. */
    int (*volume_create)(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                         uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err);
    int (*volume_delete)(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err);
    int (*volume_wipe)(struct vmgr_volume *volume, uint32_t algorithm, struct vmgr_error **err);
    int (*volume_resize)(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                         struct vmgr_error **err);
    int (*volume_get_info)(struct vmgr_volume *volume, uint32_t flags, struct vmgr_volume_info *ret,
                           struct vmgr_error **err);
    /* The same with flags; NULL where only 0 is known. */
    bool info_flags;
    int (*volume_get_xml)(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);
    int (*volume_get_path)(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);
    int (*volume_upload)(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                         uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err);
    int (*volume_download)(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                           uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err);

    /* As those of struct vmgr__driver, for pools. May be NULL. */
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll_events)(struct vmgr_conn *conn);
};

extern const struct vmgr__storage_ops vmgr__storage_test;
extern const struct vmgr__storage_ops vmgr__storage_vemu;

/* ---- what the api offers to drivers ---- */

struct vmgr_pool *vmgr__pool_new(struct vmgr_conn *conn, const char *name,
                                 const uint8_t uuid[VMGR_UUID_SIZE]);
struct vmgr_volume *vmgr__volume_new(struct vmgr_conn *conn, const char *pool, const char *name,
                                     const char *key);

/* Queues an event for the callbacks that want it. Any thread, any lock. */
void vmgr__pool_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type);

#endif
