/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's storage pools, whose state is in a directory that any number of callers share.
 *
 * Theory of operation. There is no daemon and no cache; each question looks at the files:
 *
 *   CONFIG/storage/NAME.xml            what the next start uses; replaced atomically and synced
 *   CONFIG/storage/autostart/NAME.xml  a symbolic link to it: start at boot
 *   RUN/storage/NAME.xml               that it is active, with what definition, and how often it
 *                                      was built, deleted and refreshed: events come from that
 *   RUN/storage/NAME.lock, RUN/storage.lock   flock()ed while a pool, or their set, is changed
 *
 * and volumes are what the storage itself says: files of a directory, logical volumes, partitions.
 * So a volume that another program made is seen at once, and nothing has to be kept in step.
 *
 * A volume that is a file is made without a name (O_TMPFILE) and gets it when all of it is on disk:
 * a failure or a killed caller leaves nothing behind, and of two callers one is told that the name
 * is taken. Where the file system cannot do that, a name that begins with ".vmgr-" serves; such
 * names are not listed.
 *
 * Lock order: the pool's lock, then that of the set. Questions take none.
 */
#ifndef VMGR_SRC_STORAGE_STORAGE_H
#define VMGR_SRC_STORAGE_STORAGE_H

#include <vmgr/storage.h>

#include "../conf/volume.h"
#include "../driver/storage.h"

#define STORAGE_LOCK_TIMEOUT_MS 30000

struct vmgr__storage {
    struct vmgr_conn *conn; /* borrowed */
    char *config_dir, *autostart_dir, *run_dir;
    GMutex lock; /* of what follows: what is known for events */
    bool watching;
    int inotify_fd;
    GHashTable *known; /* name: struct known of events.c */
};

/* Nothing is made on disk before a change asks for it. */
struct vmgr__storage *vmgr__storage_new(struct vmgr_conn *conn, const char *config_dir,
                                        const char *run_dir);
void vmgr__storage_free(struct vmgr__storage *st);

/* ---- record.c: a pool as its files have it ---- */

struct vmgr__pool_record {
    char *name;
    struct vmgr__pool_def *config; /* NULL: transient */
    struct vmgr__pool_def *live;   /* NULL: inactive */
    bool autostart;
    uint32_t builds, deletes, refreshes;
};
void vmgr__pool_record_clear(struct vmgr__pool_record *r);
/* 1, 0 (no such pool), -1 and *err. */
int vmgr__pool_record_load(const struct vmgr__storage *st, const char *name,
                           struct vmgr__pool_record *ret, struct vmgr_error **err);
/* Names of all pools, sorted; g_free() each (the array does). */
GPtrArray *vmgr__pool_record_names(const struct vmgr__storage *st);
/* Writes the part of RUN, or removes it when it says nothing. */
int vmgr__pool_record_save(const struct vmgr__storage *st, const struct vmgr__pool_record *r,
                           struct vmgr_error **err);
int vmgr__pool_record_save_config(const struct vmgr__storage *st, const struct vmgr__pool_def *def,
                                  struct vmgr_error **err);
int vmgr__pool_record_remove_config(const struct vmgr__storage *st, const char *name,
                                    struct vmgr_error **err);
int vmgr__pool_record_set_autostart(const struct vmgr__storage *st, const char *name, bool on,
                                    struct vmgr_error **err);
/* What is active, else what would be. */
const struct vmgr__pool_def *vmgr__pool_record_def(const struct vmgr__pool_record *r);
/* The record of a handle; VMGR_ERR_NO_STORAGE_POOL when there is none. */
int vmgr__pool_record_of(struct vmgr_pool *pool, struct vmgr__pool_record *ret,
                         struct vmgr_error **err);
int vmgr__pool_record_need_active(const struct vmgr__pool_record *r, struct vmgr_error **err);
/* Locks, descriptors for close(), or -1 and *err. */
int vmgr__pool_lock(const struct vmgr__storage *st, const char *name, struct vmgr_error **err);
int vmgr__pool_lock_set(const struct vmgr__storage *st, struct vmgr_error **err);

/* ---- pool.c, query.c, volume.c, stream.c, wipe.c, capabilities.c, sources.c: operations ---- */

int vmgr__storage_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret, struct vmgr_error **err);
int vmgr__storage_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret, struct vmgr_error **err);
int vmgr__storage_start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
int vmgr__storage_destroy(struct vmgr_pool *pool, struct vmgr_error **err);
int vmgr__storage_undefine(struct vmgr_pool *pool, struct vmgr_error **err);
int vmgr__storage_build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
int vmgr__storage_delete(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
int vmgr__storage_refresh(struct vmgr_pool *pool, struct vmgr_error **err);
int vmgr__storage_set_autostart(struct vmgr_pool *pool, bool on, struct vmgr_error **err);

int vmgr__storage_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                                uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__storage_volume_delete(struct vmgr_volume *volume, uint32_t flags,
                                struct vmgr_error **err);
int vmgr__storage_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                                struct vmgr_error **err);
int vmgr__storage_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm,
                              struct vmgr_error **err);
int vmgr__storage_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err);
int vmgr__storage_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                  uint32_t flags, struct vmgr_stream **ret,
                                  struct vmgr_error **err);
int vmgr__storage_find_sources(struct vmgr_conn *conn, const char *type, const char *source,
                               char **ret, struct vmgr_error **err);
int vmgr__storage_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);

/* A volume of an active pool by its handle: its pool's record and its own description, both for
 * the caller to free. -1 and *err. */
int vmgr__storage_volume_of(struct vmgr_volume *volume, struct vmgr__pool_record *ret_pool,
                            struct vmgr__volume_def **ret_def, struct vmgr_error **err);

/* ---- events.c ---- */

int vmgr__storage_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
void vmgr__storage_poll_events(struct vmgr_conn *conn);
/* A pool has changed: emits what there is to tell of it. */
void vmgr__storage_changed(struct vmgr__storage *st, const char *name);

/* ---- capabilities.c ---- */

/* Types and formats as a <storagepoolCapabilities> document. For g_free(). */
char *vmgr__storage_capabilities(void);

#endif
