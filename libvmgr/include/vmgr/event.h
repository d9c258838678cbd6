/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: what happened to domains.
 *
 * A connection queues events for its callbacks; vmgr_conn_dispatch() delivers them on the calling
 * thread, so an embedder polls vmgr_conn_get_event_fd() in the loop it already has. Without a
 * callback nothing is queued. Events come from every cause, whichever program brought it about:
 * this connection, another one, or the guest. When several things happened to a domain of another
 * program between two looks, a connection may see only their result (stopped and started again
 * looks like both).
 */
#ifndef VMGR_EVENT_H
#define VMGR_EVENT_H

#include <stdint.h>

#include <vmgr/connect.h>
#include <vmgr/domain.h>
#include <vmgr/stats.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Kinds of events a callback can be registered for. Numbers of the libvirt protocol. */
enum vmgr_domain_event_id {
    VMGR_DOMAIN_EVENT_LIFECYCLE = 0,
    VMGR_DOMAIN_EVENT_REBOOT = 1,     /* the guest rebooted */
    VMGR_DOMAIN_EVENT_RTC_CHANGE = 2, /* value: seconds ahead of what the guest was given; of a
                                          variable clock, of UTC */
    VMGR_DOMAIN_EVENT_WATCHDOG = 3,   /* type: enum vmgr_domain_event_watchdog_action */
    VMGR_DOMAIN_EVENT_IO_ERROR = 4, /* path, device; type: enum vmgr_domain_event_io_error_action */
    VMGR_DOMAIN_EVENT_GRAPHICS = 5,
    VMGR_DOMAIN_EVENT_IO_ERROR_REASON = 6, /* as IO_ERROR; text: "enospc" or "" */
    VMGR_DOMAIN_EVENT_CONTROL_ERROR = 7,   /* the emulator's monitor does not answer */
    VMGR_DOMAIN_EVENT_BLOCK_JOB = 8,    /* path; type, detail: enum vmgr_block_job_type, _status */
    VMGR_DOMAIN_EVENT_DISK_CHANGE = 9,  /* old_path, path, device; type: ..._DISK_... */
    VMGR_DOMAIN_EVENT_TRAY_CHANGE = 10, /* device; type: 0 open, 1 closed */
    VMGR_DOMAIN_EVENT_PMWAKEUP = 11,
    VMGR_DOMAIN_EVENT_PMSUSPEND = 12,
    VMGR_DOMAIN_EVENT_BALLOON_CHANGE = 13, /* value: KiB */
    VMGR_DOMAIN_EVENT_PMSUSPEND_DISK = 14,
    VMGR_DOMAIN_EVENT_DEVICE_REMOVED = 15,  /* device */
    VMGR_DOMAIN_EVENT_BLOCK_JOB_2 = 16,     /* as BLOCK_JOB; device: the disk's target, no path */
    VMGR_DOMAIN_EVENT_TUNABLE = 17,         /* stats: limits and pins that have changed */
    VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE = 18, /* type: 1 connected, 2 disconnected; detail: why */
    VMGR_DOMAIN_EVENT_DEVICE_ADDED = 19,    /* device */
    VMGR_DOMAIN_EVENT_MIGRATION_ITERATION = 20,
    VMGR_DOMAIN_EVENT_JOB_COMPLETED = 21,         /* stats: as of vmgr_domain_get_job_stats() */
    VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED = 22, /* device */
    VMGR_DOMAIN_EVENT_METADATA_CHANGE = 23, /* type: enum vmgr_domain_metadata_type; text: URI */
    VMGR_DOMAIN_EVENT_BLOCK_THRESHOLD = 24, /* device: the target; path; value, excess: bytes */
    VMGR_DOMAIN_EVENT_MEMORY_FAILURE = 25,
    VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE = 26, /* device; value: bytes */
    VMGR_DOMAIN_EVENT_KINDS = 27,                     /* how many there are */
};

enum vmgr_domain_event_watchdog_action {
    VMGR_DOMAIN_EVENT_WATCHDOG_NONE = 0,
    VMGR_DOMAIN_EVENT_WATCHDOG_PAUSE = 1,
    VMGR_DOMAIN_EVENT_WATCHDOG_RESET = 2,
    VMGR_DOMAIN_EVENT_WATCHDOG_POWEROFF = 3,
    VMGR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN = 4,
    VMGR_DOMAIN_EVENT_WATCHDOG_DEBUG = 5,
    VMGR_DOMAIN_EVENT_WATCHDOG_INJECT_NMI = 6,
};
enum vmgr_domain_event_io_error_action {
    VMGR_DOMAIN_EVENT_IO_ERROR_NONE = 0,
    VMGR_DOMAIN_EVENT_IO_ERROR_PAUSE = 1,
    VMGR_DOMAIN_EVENT_IO_ERROR_REPORT = 2,
};
/* DISK_CHANGE: why. */
enum vmgr_domain_event_disk_change_reason {
    VMGR_DOMAIN_EVENT_DISK_CHANGED = 0,
    VMGR_DOMAIN_EVENT_DISK_DROPPED = 1, /* the file was not there at the start */
};

/*
 * TUNABLE: names of its values, one group an event. What has not changed is not told.
 *   "cputune.vcpupin%u", "cputune.iothreadpin%u", "cputune.emulatorpin": a string, "0-1,3"
 *   "cputune.NAME": by VMGR_RESOURCE_SCHEDULER (resources.h)
 *   "blkdeviotune.disk": the target, "blkdeviotune.NAME": by VMGR_RESOURCE_DISK
 */

/** LIFECYCLE: what happened. */
enum vmgr_domain_event_type {
    VMGR_DOMAIN_EVENT_DEFINED = 0,
    VMGR_DOMAIN_EVENT_UNDEFINED = 1,
    VMGR_DOMAIN_EVENT_STARTED = 2,
    VMGR_DOMAIN_EVENT_SUSPENDED = 3,
    VMGR_DOMAIN_EVENT_RESUMED = 4,
    VMGR_DOMAIN_EVENT_STOPPED = 5,
    VMGR_DOMAIN_EVENT_SHUTDOWN = 6, /* the guest is off, its process is not yet gone */
    VMGR_DOMAIN_EVENT_PMSUSPENDED = 7,
    VMGR_DOMAIN_EVENT_CRASHED = 8,
};

/** LIFECYCLE: why, by type. */
enum vmgr_domain_event_defined_detail {
    VMGR_DOMAIN_EVENT_DEFINED_ADDED = 0,
    VMGR_DOMAIN_EVENT_DEFINED_UPDATED = 1,
    VMGR_DOMAIN_EVENT_DEFINED_RENAMED = 2,
    VMGR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT = 3,
};
enum vmgr_domain_event_undefined_detail {
    VMGR_DOMAIN_EVENT_UNDEFINED_REMOVED = 0,
    VMGR_DOMAIN_EVENT_UNDEFINED_RENAMED = 1,
};
enum vmgr_domain_event_started_detail {
    VMGR_DOMAIN_EVENT_STARTED_BOOTED = 0,
    VMGR_DOMAIN_EVENT_STARTED_MIGRATED = 1,
    VMGR_DOMAIN_EVENT_STARTED_RESTORED = 2,
    VMGR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT = 3,
    VMGR_DOMAIN_EVENT_STARTED_WAKEUP = 4,
};
enum vmgr_domain_event_suspended_detail {
    VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED = 0,
    VMGR_DOMAIN_EVENT_SUSPENDED_MIGRATED = 1,
    VMGR_DOMAIN_EVENT_SUSPENDED_IOERROR = 2,
    VMGR_DOMAIN_EVENT_SUSPENDED_WATCHDOG = 3,
    VMGR_DOMAIN_EVENT_SUSPENDED_RESTORED = 4,
    VMGR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT = 5,
    VMGR_DOMAIN_EVENT_SUSPENDED_API_ERROR = 6,
    VMGR_DOMAIN_EVENT_SUSPENDED_POSTCOPY = 7,
    VMGR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED = 8,
};
enum vmgr_domain_event_resumed_detail {
    VMGR_DOMAIN_EVENT_RESUMED_UNPAUSED = 0,
    VMGR_DOMAIN_EVENT_RESUMED_MIGRATED = 1,
    VMGR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT = 2,
    VMGR_DOMAIN_EVENT_RESUMED_POSTCOPY = 3,
    VMGR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED = 4,
};
enum vmgr_domain_event_pmsuspended_detail {
    VMGR_DOMAIN_EVENT_PMSUSPENDED_MEMORY = 0,
    VMGR_DOMAIN_EVENT_PMSUSPENDED_DISK = 1,
};
enum vmgr_domain_event_stopped_detail {
    VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN = 0,
    VMGR_DOMAIN_EVENT_STOPPED_DESTROYED = 1,
    VMGR_DOMAIN_EVENT_STOPPED_CRASHED = 2,
    VMGR_DOMAIN_EVENT_STOPPED_MIGRATED = 3,
    VMGR_DOMAIN_EVENT_STOPPED_SAVED = 4,
    VMGR_DOMAIN_EVENT_STOPPED_FAILED = 5,
    VMGR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT = 6,
};
enum vmgr_domain_event_shutdown_detail {
    VMGR_DOMAIN_EVENT_SHUTDOWN_FINISHED = 0,
    VMGR_DOMAIN_EVENT_SHUTDOWN_GUEST = 1,
    VMGR_DOMAIN_EVENT_SHUTDOWN_HOST = 2,
};
enum vmgr_domain_event_crashed_detail {
    VMGR_DOMAIN_EVENT_CRASHED_PANICKED = 0,
    VMGR_DOMAIN_EVENT_CRASHED_CRASHLOADED = 1,
};

/**
 * struct vmgr_domain_event - one event
 * @size: sizeof(struct vmgr_domain_event) of the library
 * @id: enum vmgr_domain_event_id
 * @type, @detail: for LIFECYCLE; for others as their id says, or 0
 * @value, @device, @path, @old_path, @text: as their id says; strings may be NULL, and are borrowed
 * @stats: as their id says, an array that ends with a NULL name, borrowed; or NULL
 *
 * A kind without a word beside its id is one that no driver here emits; docs/events.md says why.
 */
struct vmgr_domain_event {
    uint32_t size;
    int32_t id;
    int32_t type;
    int32_t detail;
    int64_t value;
    const char *device; /* alias */
    const char *path;
    const char *old_path;
    const char *text;
    const struct vmgr_stat *stats;
    uint64_t excess; /* how far behind @value it was */
};

/** Called by vmgr_conn_dispatch(). `domain` is borrowed; take a reference to keep it. */
typedef void (*vmgr_domain_event_fn)(struct vmgr_conn *conn, struct vmgr_domain *domain,
                                     const struct vmgr_domain_event *event, void *data);

/**
 * vmgr_conn_add_domain_event() - registers a callback
 * @domain: only events of this one; NULL: of all
 * @id: enum vmgr_domain_event_id
 * @free_fn: called once with data when the callback is removed, the connection closed, or this call
 *           fails; may be NULL
 *
 * Returns an id for vmgr_conn_remove_domain_event() (>= 0), or -1 and *err: VMGR_ERR_INVALID_ARG
 * (id), VMGR_ERR_SYSTEM_ERROR (out of descriptors). The callback may register, remove and call
 * anything.
 * Context: any. Since 0.1
 */
int vmgr_conn_add_domain_event(struct vmgr_conn *conn, struct vmgr_domain *domain, int id,
                               vmgr_domain_event_fn fn, void *data, void (*free_fn)(void *data),
                               struct vmgr_error **err);
/** Removes a callback. Returns 0, or -1 and *err: VMGR_ERR_INVALID_ARG (no such callback). Since
 * 0.1 */
int vmgr_conn_remove_domain_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err);
/** A descriptor that polls readable while vmgr_conn_dispatch() has work. Borrowed. -1 and *err. */
int vmgr_conn_get_event_fd(struct vmgr_conn *conn, struct vmgr_error **err);
/**
 * vmgr_conn_dispatch() - delivers the events that wait; never blocks
 * Returns the number of events taken from the queue, or -1 and *err. No lock is held while a
 * callback runs. Context: any one thread at a time. Since 0.1
 */
int vmgr_conn_dispatch(struct vmgr_conn *conn, struct vmgr_error **err);

/** The library's word for a lifecycle event and its detail, as people see them ("Started",
 * "Booted"); "unknown" for a number it does not know. Static. Since 0.1 */
const char *vmgr_domain_event_type_name(int type);
const char *vmgr_domain_event_detail_name(int type, int detail);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
