/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools in memory, which storage.c has, and their volumes, which are volume.c's.
 */
#ifndef VMGR_DRIVER_TEST_STORAGE_H
#define VMGR_DRIVER_TEST_STORAGE_H

#include "../../conf/def.h"
#include "../../conf/volume.h"
#include "../storage.h"
#include "test.h"

struct test_pool {
    struct vmgr__pool_def *def;
    struct vmgr__pool_def *next; /* redefined while active; NULL: def */
    bool persistent, active, autostart;
    GPtrArray *volumes; /* struct vmgr__volume_def */
};

/* ---- storage.c ---- */
/* Locks, and finds the pool of a handle; NULL and unlocked when it is gone. */
struct test_pool *vmgr__test_pool_enter(struct vmgr_pool *pool, struct test **ret_test,
                                        struct vmgr_error **err);
/* The lock is held; NULL: there is none. */
struct test_pool *vmgr__test_pool_by_name(const struct test *t, const char *name);
/* "no storage pool with matching ..."; always -1. */
int vmgr__test_no_pool(const char *what, const char *value, struct vmgr_error **err);
int vmgr__test_pool_need_active(const struct test_pool *p, struct vmgr_error **err);

/* ---- volume.c: operations of the driver ---- */
int vmgr__test_volume_list(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err);
int vmgr__test_volume_lookup(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                             struct vmgr_error **err);
int vmgr__test_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                                    struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__test_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                                     struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__test_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                             uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__test_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err);
int vmgr__test_volume_get_info(struct vmgr_volume *volume, uint32_t flags,
                               struct vmgr_volume_info *ret, struct vmgr_error **err);
int vmgr__test_volume_get_xml(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);
int vmgr__test_volume_get_path(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);

#endif
