/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage pools, the places where volumes are, and volumes, the disks of guests.
 *
 * A pool is *persistent* when it has a definition that outlives its activity, *transient*
 * otherwise, and *active* while its volumes can be reached. A handle is a name and a UUID; a
 * volume's is the name of its pool, its own name, and its key, which is unlike that of any other
 * volume of the host (a file's path). Handles keep no state and stay valid when what they stand for
 * goes away: calls then fail with VMGR_ERR_NO_STORAGE_POOL or VMGR_ERR_NO_STORAGE_VOL.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_STORAGE_POOL, VMGR_ERR_SYSTEM_ERROR and
 * VMGR_ERR_NO_SUPPORT (not a thing this driver does); those that change something with
 * VMGR_ERR_OPERATION_DENIED (read-only connection) and VMGR_ERR_OPERATION_TIMEOUT (another change
 * of the same pool did not end within 30 seconds). Numbers are those of the libvirt protocol.
 */
#ifndef VMGR_STORAGE_H
#define VMGR_STORAGE_H

#include <stddef.h>
#include <stdint.h>

#include <vmgr/connect.h>
#include <vmgr/domain.h>
#include <vmgr/stream.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_pool;
struct vmgr_volume;

/* ---- handles ---- */

/** Takes a reference. Returns pool. */
struct vmgr_pool *vmgr_pool_ref(struct vmgr_pool *pool);
/** Drops a reference; the pool itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_pool *vmgr_pool_unref(struct vmgr_pool *pool);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_pool **vmgr_pool_list_free(struct vmgr_pool **pools);
/** Borrowed. */
const char *vmgr_pool_get_name(struct vmgr_pool *pool);
/** The 16 bytes of the UUID. */
void vmgr_pool_get_uuid(struct vmgr_pool *pool, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". Borrowed. */
const char *vmgr_pool_get_uuid_string(struct vmgr_pool *pool);
/** Borrowed from the pool. */
struct vmgr_conn *vmgr_pool_get_conn(struct vmgr_pool *pool);

/** Takes a reference. Returns volume. */
struct vmgr_volume *vmgr_volume_ref(struct vmgr_volume *volume);
/** Drops a reference; the volume itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_volume *vmgr_volume_unref(struct vmgr_volume *volume);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_volume **vmgr_volume_list_free(struct vmgr_volume **volumes);
/** Borrowed. */
const char *vmgr_volume_get_name(struct vmgr_volume *volume);
/** What tells it from all other volumes. Borrowed. */
const char *vmgr_volume_get_key(struct vmgr_volume *volume);
/** Name of its pool. Borrowed. */
const char *vmgr_volume_get_pool_name(struct vmgr_volume *volume);
/** Borrowed from the volume. */
struct vmgr_conn *vmgr_volume_get_conn(struct vmgr_volume *volume);

/* ---- finding pools ---- */

/** Errors: VMGR_ERR_NO_STORAGE_POOL ("Storage pool not found: no storage pool with matching ...").
 */
int vmgr_pool_lookup_by_name(struct vmgr_conn *conn, const char *name, struct vmgr_pool **ret_pool,
                             struct vmgr_error **err);
int vmgr_pool_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                             struct vmgr_pool **ret_pool, struct vmgr_error **err);
/** Errors also: VMGR_ERR_INVALID_ARG (not a UUID). */
int vmgr_pool_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                    struct vmgr_pool **ret_pool, struct vmgr_error **err);
/** The active pool whose <target><path> this is. */
int vmgr_pool_lookup_by_target_path(struct vmgr_conn *conn, const char *path,
                                    struct vmgr_pool **ret_pool, struct vmgr_error **err);
/** The pool a volume is in. */
int vmgr_pool_lookup_by_volume(struct vmgr_volume *volume, struct vmgr_pool **ret_pool,
                               struct vmgr_error **err);

/* Filters of vmgr_pool_list(). Bits of one group are alternatives, groups restrict each other; a
 * group with no bit does not filter. */
#define VMGR_POOL_LIST_INACTIVE     (1u << 0)
#define VMGR_POOL_LIST_ACTIVE       (1u << 1)
#define VMGR_POOL_LIST_PERSISTENT   (1u << 2)
#define VMGR_POOL_LIST_TRANSIENT    (1u << 3)
#define VMGR_POOL_LIST_AUTOSTART    (1u << 4)
#define VMGR_POOL_LIST_NO_AUTOSTART (1u << 5)
#define VMGR_POOL_LIST_DIR          (1u << 6)
#define VMGR_POOL_LIST_FS           (1u << 7)
#define VMGR_POOL_LIST_NETFS        (1u << 8)
#define VMGR_POOL_LIST_LOGICAL      (1u << 9)
#define VMGR_POOL_LIST_DISK         (1u << 10)
#define VMGR_POOL_LIST_ISCSI        (1u << 11)
#define VMGR_POOL_LIST_SCSI         (1u << 12)
#define VMGR_POOL_LIST_MPATH        (1u << 13)
#define VMGR_POOL_LIST_RBD          (1u << 14)
#define VMGR_POOL_LIST_SHEEPDOG     (1u << 15)
#define VMGR_POOL_LIST_GLUSTER      (1u << 16)
#define VMGR_POOL_LIST_ZFS          (1u << 17)
#define VMGR_POOL_LIST_VSTORAGE     (1u << 18)
#define VMGR_POOL_LIST_ISCSI_DIRECT (1u << 19)

/**
 * vmgr_pool_list() - the pools that pass the filters, sorted by name
 * @ret_pools: a NULL-terminated array for vmgr_pool_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_pool_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_pool ***ret_pools,
                   struct vmgr_error **err);

/* ---- defining and life cycle ---- */

/** Checks the document against the schema first. */
#define VMGR_POOL_DEFINE_VALIDATE (1u << 0)
/**
 * vmgr_pool_define_xml() - makes or replaces a persistent definition
 * @xml: a <pool> document
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED,
 * VMGR_ERR_OPERATION_FAILED (name, UUID or source belong to another pool).
 */
int vmgr_pool_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret_pool, struct vmgr_error **err);

/* Flags of vmgr_pool_start() and vmgr_pool_create_xml(): build it first. */
#define VMGR_POOL_CREATE_WITH_BUILD              (1u << 0)
#define VMGR_POOL_CREATE_WITH_BUILD_OVERWRITE    (1u << 1)
#define VMGR_POOL_CREATE_WITH_BUILD_NO_OVERWRITE (1u << 2)
/** Starts a transient pool. Errors: those of vmgr_pool_define_xml() and vmgr_pool_start(). */
int vmgr_pool_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_pool **ret_pool, struct vmgr_error **err);
/** Errors: VMGR_ERR_OPERATION_INVALID (active already), VMGR_ERR_INTERNAL_ERROR (a program that it
 * takes failed or is not installed; the message names it). */
int vmgr_pool_start(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
/** Makes it inactive; data stays. A transient pool is gone then. Errors:
 * VMGR_ERR_OPERATION_INVALID (not active). */
int vmgr_pool_destroy(struct vmgr_pool *pool, struct vmgr_error **err);
/** Removes the definition of an inactive pool. Errors: VMGR_ERR_OPERATION_INVALID (active). */
int vmgr_pool_undefine(struct vmgr_pool *pool, struct vmgr_error **err);

/* Flags of vmgr_pool_build(). */
#define VMGR_POOL_BUILD_NEW          0u
#define VMGR_POOL_BUILD_REPAIR       (1u << 0)
#define VMGR_POOL_BUILD_RESIZE       (1u << 1)
#define VMGR_POOL_BUILD_NO_OVERWRITE (1u << 2) /* fails where something is */
#define VMGR_POOL_BUILD_OVERWRITE    (1u << 3)
/** Makes what the pool stands on: a directory, a file system, a volume group. Errors:
 * VMGR_ERR_OPERATION_INVALID (active), VMGR_ERR_STORAGE_POOL_BUILT (there is something). */
int vmgr_pool_build(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);

#define VMGR_POOL_DELETE_NORMAL 0u
#define VMGR_POOL_DELETE_ZEROED (1u << 0)
/** Removes what vmgr_pool_build() made: a directory that is empty, a volume group. Errors:
 * VMGR_ERR_OPERATION_INVALID (active). */
int vmgr_pool_delete(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);
/** Looks at the storage anew. Errors: VMGR_ERR_OPERATION_INVALID (not active). @flags: none yet. */
int vmgr_pool_refresh(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err);

/* ---- looking at pools ---- */

enum vmgr_pool_state {
    VMGR_POOL_INACTIVE = 0,
    VMGR_POOL_BUILDING = 1,
    VMGR_POOL_RUNNING = 2,
    VMGR_POOL_DEGRADED = 3,
    VMGR_POOL_INACCESSIBLE = 4,
};
/**
 * struct vmgr_pool_info - a pool in a few numbers
 * @size: sizeof(struct vmgr_pool_info), set by VMGR_POOL_INFO_INIT
 * @state: enum vmgr_pool_state
 * @capacity, @allocation, @available: bytes
 */
struct vmgr_pool_info {
    uint32_t size;
    int32_t state;
    uint64_t capacity, allocation, available;
};
#define VMGR_POOL_INFO_INIT                                                                        \
    {                                                                                              \
        .size = sizeof(struct vmgr_pool_info)                                                      \
    }
int vmgr_pool_get_info(struct vmgr_pool *pool, struct vmgr_pool_info *ret_info,
                       struct vmgr_error **err);
#define VMGR_POOL_XML_INACTIVE (1u << 0) /* what the next start uses */
/** The definition as a document. To be freed with free(). */
int vmgr_pool_get_xml(struct vmgr_pool *pool, uint32_t flags, char **ret_xml,
                      struct vmgr_error **err);
/** 1, 0, or -1 and *err. */
int vmgr_pool_is_active(struct vmgr_pool *pool, struct vmgr_error **err);
int vmgr_pool_is_persistent(struct vmgr_pool *pool, struct vmgr_error **err);
/** 1 when the host starts it at boot, 0, or -1 and *err. */
int vmgr_pool_get_autostart(struct vmgr_pool *pool, struct vmgr_error **err);
/** Errors: VMGR_ERR_INVALID_ARG (transient). */
int vmgr_pool_set_autostart(struct vmgr_pool *pool, int autostart, struct vmgr_error **err);
/**
 * vmgr_pool_list_volumes() - the volumes of an active pool, sorted by name
 * @ret_volumes: a NULL-terminated array for vmgr_volume_list_free(); NULL: only count
 * @flags: none yet
 * Returns how many, or -1 and *err: VMGR_ERR_OPERATION_INVALID (not active).
 */
int vmgr_pool_list_volumes(struct vmgr_pool *pool, uint32_t flags,
                           struct vmgr_volume ***ret_volumes, struct vmgr_error **err);
/** What pools of a type could be made here (<sources>). @source: a <source> document that narrows
 * the search, or NULL. @flags: none yet. For free(). */
int vmgr_conn_find_pool_sources(struct vmgr_conn *conn, const char *type, const char *source,
                                uint32_t flags, char **ret_xml, struct vmgr_error **err);
/** Which types and formats there are (<storagepoolCapabilities>). @flags: none yet. For free(). */
int vmgr_conn_get_pool_capabilities(struct vmgr_conn *conn, uint32_t flags, char **ret_xml,
                                    struct vmgr_error **err);

/* ---- volumes ---- */

/** Errors: VMGR_ERR_NO_STORAGE_VOL ("Storage volume not found: no storage vol with matching ..."),
 * VMGR_ERR_OPERATION_INVALID (the pool is not active). */
int vmgr_volume_lookup_by_name(struct vmgr_pool *pool, const char *name,
                               struct vmgr_volume **ret_volume, struct vmgr_error **err);
/** Among all active pools. */
int vmgr_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                              struct vmgr_volume **ret_volume, struct vmgr_error **err);
int vmgr_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                               struct vmgr_volume **ret_volume, struct vmgr_error **err);

/* Flags of vmgr_volume_create_xml() and vmgr_volume_create_xml_from(). */
#define VMGR_VOLUME_CREATE_PREALLOC_METADATA (1u << 0)
#define VMGR_VOLUME_CREATE_REFLINK           (1u << 1) /* share blocks or fail */
#define VMGR_VOLUME_CREATE_VALIDATE          (1u << 2)
/**
 * vmgr_volume_create_xml() - makes a volume
 * @xml: a <volume> document
 *
 * It is there as a whole or, on failure, not at all. An allocation that is not said is all of the
 * capacity.
 * Errors: VMGR_ERR_XML_DETAIL, VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED,
 * VMGR_ERR_STORAGE_VOL_EXIST, VMGR_ERR_OPERATION_INVALID (name, or the pool is not active),
 * VMGR_ERR_SYSTEM_ERROR (no space ...).
 */
int vmgr_volume_create_xml(struct vmgr_pool *pool, const char *xml, uint32_t flags,
                           struct vmgr_volume **ret_volume, struct vmgr_error **err);
/** The same with another volume's contents, converted where formats differ. */
int vmgr_volume_create_xml_from(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                                uint32_t flags, struct vmgr_volume **ret_volume,
                                struct vmgr_error **err);

#define VMGR_VOLUME_DELETE_NORMAL         0u
#define VMGR_VOLUME_DELETE_ZEROED         (1u << 0)
#define VMGR_VOLUME_DELETE_WITH_SNAPSHOTS (1u << 1)
int vmgr_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err);

/** How vmgr_volume_wipe() overwrites. */
enum vmgr_volume_wipe_algorithm {
    VMGR_VOLUME_WIPE_ZERO = 0,
    VMGR_VOLUME_WIPE_NNSA = 1,
    VMGR_VOLUME_WIPE_DOD = 2,
    VMGR_VOLUME_WIPE_BSI = 3,
    VMGR_VOLUME_WIPE_GUTMANN = 4,
    VMGR_VOLUME_WIPE_SCHNEIER = 5,
    VMGR_VOLUME_WIPE_PFITZNER7 = 6,
    VMGR_VOLUME_WIPE_PFITZNER33 = 7,
    VMGR_VOLUME_WIPE_RANDOM = 8,
    VMGR_VOLUME_WIPE_TRIM = 9,
};
/** Overwrites all of it. ZERO and RANDOM are done here, the others by the program scrub. @flags:
 * none yet. */
int vmgr_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm, uint32_t flags,
                     struct vmgr_error **err);

#define VMGR_VOLUME_RESIZE_ALLOCATE (1u << 0) /* the new space is allocated */
#define VMGR_VOLUME_RESIZE_DELTA    (1u << 1) /* capacity is the difference */
#define VMGR_VOLUME_RESIZE_SHRINK   (1u << 2) /* may become smaller */
/** @capacity: bytes. Errors: VMGR_ERR_INVALID_ARG (smaller without SHRINK, or than its data). */
int vmgr_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                       struct vmgr_error **err);

enum vmgr_volume_type {
    VMGR_VOLUME_FILE = 0,
    VMGR_VOLUME_BLOCK = 1,
    VMGR_VOLUME_DIR = 2,
    VMGR_VOLUME_NETWORK = 3,
    VMGR_VOLUME_NETDIR = 4,
    VMGR_VOLUME_PLOOP = 5,
};
/**
 * struct vmgr_volume_info - a volume in a few numbers
 * @size: sizeof(struct vmgr_volume_info), set by VMGR_VOLUME_INFO_INIT
 * @type: enum vmgr_volume_type
 * @capacity: bytes the guest sees. @allocation: bytes it takes on the host
 */
struct vmgr_volume_info {
    uint32_t size;
    int32_t type;
    uint64_t capacity, allocation;
};
#define VMGR_VOLUME_INFO_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(struct vmgr_volume_info)                                                    \
    }
#define VMGR_VOLUME_GET_PHYSICAL (1u << 0) /* allocation: where its last byte is */
int vmgr_volume_get_info(struct vmgr_volume *volume, uint32_t flags,
                         struct vmgr_volume_info *ret_info, struct vmgr_error **err);
/** The description as a document. @flags: none yet. To be freed with free(). */
int vmgr_volume_get_xml(struct vmgr_volume *volume, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err);
/** Where a guest finds it. To be freed with free(). */
int vmgr_volume_get_path(struct vmgr_volume *volume, char **ret_path, struct vmgr_error **err);

#define VMGR_VOLUME_STREAM_SPARSE (1u << 0) /* holes travel as holes, see stream.h */
/**
 * vmgr_volume_upload() - a stream into the bytes of a volume (not those a guest sees)
 * @offset, @length: bytes; length 0: as much as comes. More than that is VMGR_ERR_SYSTEM_ERROR
 *
 * What has been sent is safe when vmgr_stream_finish() has returned 0.
 */
int vmgr_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length, uint32_t flags,
                       struct vmgr_stream **ret_stream, struct vmgr_error **err);
/** The bytes of a volume; length 0: to its end. */
int vmgr_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                         uint32_t flags, struct vmgr_stream **ret_stream, struct vmgr_error **err);

/* ---- events ---- */

enum vmgr_pool_event_id {
    VMGR_POOL_EVENT_LIFECYCLE = 0,
    VMGR_POOL_EVENT_REFRESH = 1,
};
/** LIFECYCLE: what happened. */
enum vmgr_pool_event_type {
    VMGR_POOL_EVENT_DEFINED = 0,
    VMGR_POOL_EVENT_UNDEFINED = 1,
    VMGR_POOL_EVENT_STARTED = 2,
    VMGR_POOL_EVENT_STOPPED = 3,
    VMGR_POOL_EVENT_CREATED = 4, /* built */
    VMGR_POOL_EVENT_DELETED = 5,
};
/** struct vmgr_pool_event - one event. @id: enum vmgr_pool_event_id. @type: of LIFECYCLE, else 0 */
struct vmgr_pool_event {
    uint32_t size;
    int32_t id;
    int32_t type;
    int32_t detail;
};
/** Called by vmgr_conn_dispatch() (event.h). `pool` is borrowed. */
typedef void (*vmgr_pool_event_fn)(struct vmgr_conn *conn, struct vmgr_pool *pool,
                                   const struct vmgr_pool_event *event, void *data);
/**
 * vmgr_conn_add_pool_event() - registers a callback
 * @pool: only events of this one; NULL: of all
 * @free_fn: called once with data when the callback is removed, the connection closed, or this call
 *           fails; may be NULL
 * Returns an id for vmgr_conn_remove_pool_event() (>= 0), or -1 and *err: VMGR_ERR_INVALID_ARG.
 */
int vmgr_conn_add_pool_event(struct vmgr_conn *conn, struct vmgr_pool *pool, int id,
                             vmgr_pool_event_fn fn, void *data, void (*free_fn)(void *data),
                             struct vmgr_error **err);
int vmgr_conn_remove_pool_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err);
/** "Defined", "Started" ...; "unknown" for a number it does not know. Static. */
const char *vmgr_pool_event_type_name(int type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
