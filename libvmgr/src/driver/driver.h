/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver is: a table of operations behind the public calls.
 *
 * The calls in src/api check arguments and permission, then come here. A driver that leaves an
 * operation NULL does not support it; the caller gets VMGR_ERR_NO_SUPPORT. Operations may be called
 * from several threads at once; none of them may call an embedder's callback: events go to
 * vmgr__conn_emit().
 */
#ifndef VMGR_SRC_DRIVER_DRIVER_H
#define VMGR_SRC_DRIVER_DRIVER_H

#include <glib.h>
#include <stdbool.h>
#include <vmgr/vmgr.h>

#include "../api/close.h"
#include "../api/error.h"

/* What vmgr_conn_open() understood of its URI and options; borrowed during open. */
struct vmgr__open_args {
    const char *scheme;
    const char *path;
    const char *root;     /* NULL: usual places */
    const char *emulator; /* NULL: look for one */
    uint32_t flags;       /* VMGR_CONN_* */
    GUri *uri;            /* all of it, and as it was given; for the remote driver */
    const char *text;
    const struct vmgr_conn_options *options;
};

struct vmgr__agent_ops;
struct vmgr__block_ops;
struct vmgr__checkpoint_ops;
struct vmgr__cpu_ops;
struct vmgr__display_ops;
struct vmgr__files_ops;
struct vmgr__interface_ops;
struct vmgr__job_ops;
struct vmgr__node_ops;
struct vmgr__nodedev_ops;
struct vmgr__peek_ops;
struct vmgr__resource_ops;
struct vmgr__secret_ops;
struct vmgr__secret_store;
struct vmgr__storage_ops;
struct vmgr__guestnet_ops;
struct vmgr__nwfilter_ops;

struct vmgr__driver {
    const char *name;           /* of vmgr_conn_get_type() */
    const char *const *schemes; /* NULL-terminated; the first is canonical */
    int error_domain;           /* VMGR_FROM_* */

    /* Sets conn->driver_data and conn->uri_path. */
    int (*open)(struct vmgr_conn *conn, const struct vmgr__open_args *args,
                struct vmgr_error **err);
    void (*close)(struct vmgr_conn *conn);

    /* Of drivers that can lose their other end, or find their name there. NULL: alive, `name`,
     * this library's version. */
    bool (*is_alive)(struct vmgr_conn *conn);
    /* 1: nothing to keep alive. */
    int (*set_keepalive)(struct vmgr_conn *conn, int interval_seconds, unsigned count);
    int (*get_type)(struct vmgr_conn *conn, const char **ret, struct vmgr_error **err);
    int (*get_lib_version)(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);

    int (*get_hostname)(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
    int (*get_version)(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
    int (*get_capabilities)(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
    int (*get_max_vcpus)(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);
    int (*get_node_info)(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                         struct vmgr_error **err);
    int (*get_security_model)(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                              struct vmgr_error **err);

    /* Adds to an epoll instance what tells that poll_events() has work; called once, when
     * somebody first asks for the descriptor or registers a callback. */
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll_events)(struct vmgr_conn *conn);
    /* Before a callback for this kind of event is registered; NULL: all are emitted anyway. */
    int (*subscribe)(struct vmgr_conn *conn, int event_id, struct vmgr_error **err);

    int (*domain_lookup)(struct vmgr_conn *conn, int id, const uint8_t *uuid, const char *name,
                         struct vmgr_domain **ret, struct vmgr_error **err);
    int (*domain_list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                       struct vmgr_error **err);
    /* Adds struct vmgr_domain_entry; NULL: each domain is asked. */
    int (*domain_list_entries)(struct vmgr_conn *conn, uint32_t flags, GArray *ret,
                               struct vmgr_error **err);
    int (*domain_define)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_domain **ret, struct vmgr_error **err);
    int (*domain_create)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_domain **ret, struct vmgr_error **err);
    int (*domain_undefine)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_rename)(struct vmgr_domain *dom, const char *name, struct vmgr_error **err);
    int (*domain_start)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_shutdown)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_reboot)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_reset)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_destroy)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_suspend)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_resume)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_pm_suspend)(struct vmgr_domain *dom, uint32_t target, uint64_t duration,
                             struct vmgr_error **err);
    int (*domain_pm_wakeup)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_get_state)(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                            struct vmgr_error **err);
    int (*domain_get_info)(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                           struct vmgr_error **err);
    int (*domain_get_id)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_is_persistent)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_is_updated)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_has_managed_save)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_get_os_type)(struct vmgr_domain *dom, char **ret, struct vmgr_error **err);
    int (*domain_get_vcpus)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*domain_get_autostart)(struct vmgr_domain *dom, struct vmgr_error **err);
    int (*domain_set_autostart)(struct vmgr_domain *dom, bool on, struct vmgr_error **err);
    int (*domain_get_security_label)(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                     struct vmgr_error **err);
    /* Adds those of vmgr__security_label_new(). */
    int (*domain_get_security_labels)(struct vmgr_domain *dom, GPtrArray *ret,
                                      struct vmgr_error **err);
    int (*domain_get_xml)(struct vmgr_domain *dom, uint32_t flags, char **ret,
                          struct vmgr_error **err);
    int (*domain_get_messages)(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                               struct vmgr_error **err);
    int (*domain_get_metadata)(struct vmgr_domain *dom, int type, const char *uri, uint32_t flags,
                               char **ret, struct vmgr_error **err);
    int (*domain_set_metadata)(struct vmgr_domain *dom, int type, const char *text, const char *key,
                               const char *uri, uint32_t flags, struct vmgr_error **err);
    int (*domain_open_console)(struct vmgr_domain *dom, const char *device, uint32_t flags,
                               struct vmgr_stream **ret, struct vmgr_error **err);
    int (*domain_open_channel)(struct vmgr_domain *dom, const char *name, uint32_t flags,
                               struct vmgr_stream **ret, struct vmgr_error **err);

    int (*domain_set_memory)(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                             struct vmgr_error **err);
    int (*domain_set_vcpus)(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                            struct vmgr_error **err);
    /* type, action: enum vmgr_domain_lifecycle_event and _action. flags: VMGR_DOMAIN_AFFECT_*. */
    int (*domain_set_lifecycle_action)(struct vmgr_domain *dom, uint32_t type, uint32_t action,
                                       uint32_t flags, struct vmgr_error **err);
    int (*domain_set_vcpu)(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t flags,
                           struct vmgr_error **err);
    int (*domain_set_stats_period)(struct vmgr_domain *dom, int period, uint32_t flags,
                                   struct vmgr_error **err);
    int (*domain_inject_nmi)(struct vmgr_domain *dom, struct vmgr_error **err);

    /* Adds struct vmgr_stat (stats.h) to ret; groups: some of stats_groups, or all of them. flags:
     * VMGR_STATS_*; what is enforced has been checked against stats_groups. */
    uint32_t stats_groups;
    int (*domain_get_stats)(struct vmgr_domain *dom, uint32_t groups, uint32_t flags, GArray *ret,
                            struct vmgr_error **err);

    /* Devices. flags: VMGR_DOMAIN_AFFECT_*, VMGR_DOMAIN_DEVICE_MODIFY_FORCE. */
    int (*domain_attach_device)(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                struct vmgr_error **err);
    int (*domain_detach_device)(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                struct vmgr_error **err);
    int (*domain_detach_alias)(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                               struct vmgr_error **err);
    int (*domain_update_device)(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                struct vmgr_error **err);

    /* flags: VMGR_DOMAIN_MONITOR_HMP */
    int (*domain_monitor_command)(struct vmgr_domain *dom, const char *command, uint32_t flags,
                                  char **ret, struct vmgr_error **err);

    /* NULL: none; what they are is in NAME.h. */
    const struct vmgr__agent_ops *agent;
    const struct vmgr__block_ops *block;
    const struct vmgr__checkpoint_ops *checkpoint;
    const struct vmgr__cpu_ops *cpu;
    const struct vmgr__display_ops *display;
    const struct vmgr__files_ops *files;
    const struct vmgr__guestnet_ops *guestnet;
    const struct vmgr__interface_ops *interface;
    const struct vmgr__job_ops *job;
    const struct vmgr__network_ops *network;
    const struct vmgr__node_ops *node;
    const struct vmgr__nodedev_ops *nodedev;
    const struct vmgr__nwfilter_ops *nwfilter;
    const struct vmgr__peek_ops *peek;
    const struct vmgr__resource_ops *resource;
    const struct vmgr__secret_ops *secret;
    const struct vmgr__storage_ops *storage;
};

extern const struct vmgr__driver vmgr__driver_remote;
extern const struct vmgr__driver vmgr__driver_test;
extern const struct vmgr__driver vmgr__driver_vemu;

/* ---- what the api offers to drivers ---- */

struct vmgr_conn {
    gint refs;
    const struct vmgr__driver *driver;
    void *driver_data;
    bool read_only;
    char *uri;
    struct vmgr__events *events;
    struct vmgr__close close;           /* close.h */
    struct vmgr__secret_store *secrets; /* of a driver in this process; src/secret */
    struct vmgr__storage *storage; /* of a driver whose pools are the host's; src/storage */
};

/*
 * Fails with VMGR_ERR_INVALID_ARG "unsupported flags (0x80) in function F" if flags has more bits.
 */
int vmgr__check_flags(uint32_t flags, uint32_t known, const char *function,
                      struct vmgr_error **err);

struct vmgr_domain *vmgr__domain_new(struct vmgr_conn *conn, const char *name,
                                     const uint8_t uuid[VMGR_UUID_SIZE]);
/* After a rename. */
void vmgr__domain_set_name(struct vmgr_domain *dom, const char *name);

/* Queues an event for the callbacks that want it. Any thread, any lock. */
void vmgr__conn_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type, int detail);

/* The same with all an event may say; its strings are copied. */
void vmgr__conn_emit_event(struct vmgr_conn *conn, const char *name, const uint8_t *uuid,
                           const struct vmgr_domain_event *event);

/* The connection works no more: vmgr_conn_dispatch() tells the callback, once. enum
 * vmgr_conn_close_reason. Any thread, any lock. */
void vmgr__conn_lost(struct vmgr_conn *conn, int reason);

/* A stream over descriptors, which it owns. watch_fd: when it polls readable another client took
 * the console over (-1: never); taken(data) says whether that really happened. closed(data) runs
 * once. */
struct vmgr__stream_ops {
    bool (*taken)(void *data);
    void (*closed)(void *data);
    /* Of a stream that is no descriptor's; then recv_fd and send_fd only say when to call. As
     * vmgr_stream_recv() and its relatives: -1 and *err on failure. */
    ssize_t (*recv)(void *data, void *buf, size_t size, bool stop_at_hole,
                    struct vmgr_error **err); /* also VMGR_STREAM_AT_HOLE */
    int (*recv_hole)(void *data, uint64_t *ret_bytes, struct vmgr_error **err);
    ssize_t (*send)(void *data, const void *buf, size_t size, struct vmgr_error **err);
    int (*send_hole)(void *data, uint64_t bytes, struct vmgr_error **err);
    /* Agrees with the other end on the end, before closed(). */
    int (*end)(void *data, bool aborted, struct vmgr_error **err);
};
struct vmgr_stream *vmgr__stream_new(struct vmgr_conn *conn, int recv_fd, int send_fd, int watch_fd,
                                     const struct vmgr__stream_ops *ops, void *data,
                                     struct vmgr_error **err);
/* A stream whose calls do the work themselves: a file's bytes. It always polls ready. */
struct vmgr_stream *vmgr__stream_new_sync(struct vmgr_conn *conn,
                                          const struct vmgr__stream_ops *ops, void *data,
                                          struct vmgr_error **err);

/* ---- security.c ---- */
struct vmgr_security_label *vmgr__security_label_new(const char *text, bool enforcing);

#endif
