/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver: a hypervisor behind a daemon that speaks the management protocol, vmgrd or
 * libvirtd. See docs/rpc.md.
 *
 * Theory of operation. A connection has a thread that reads, sends what the socket did not take at
 * once, keeps the peer alive, and finds out that it is dead. Callers encode and send on their own
 * threads and wait, each on a condition of its own, for the reply with their serial number; so
 * calls of several threads go side by side over one socket. What comes in is decoded by the caller
 * it is for. The thread runs no callback: events are queued by vmgr__conn_emit().
 *
 * A program that makes one call after the other would wake two threads for each reply. So while
 * calls keep coming, and nothing but replies is expected, the thread lends the reading to callers:
 * the first that waits reads for all (vmgr__remote_await_locked()). See session.c.
 *
 * A connection fails once, as a whole: everything that waits and everything that comes later gets
 * that error, streams end, and the close callback is told.
 *
 * One lock, session.lock. Nothing is called with it held but leaves: encoding, sockets, and the
 * queue of events.
 */
#ifndef VMGR_DRIVER_REMOTE_H
#define VMGR_DRIVER_REMOTE_H

#include "../../rpc/keepalive.h"
#include "../../rpc/layer.h"
#include "../../rpc/spin.h"
#include "../driver.h"
#include "uri.h"

struct vmgr__remote_reply {
    struct vmgr__arena arena;
    struct vmgr__rpc_packet *packet;
};
#define VMGR__REMOTE_REPLY_INIT                                                                    \
    {                                                                                              \
        VMGR__ARENA_INIT, NULL                                                                     \
    }
void vmgr__remote_reply_clear(struct vmgr__remote_reply *reply);

/* One that waits, on its caller's stack. */
struct vmgr__remote_waiter {
    GCond cond;
    uint32_t program;
    int32_t procedure;
    uint32_t serial;
    bool done;
    struct vmgr__rpc_packet *packet; /* NULL though done: the connection has failed */
};

struct vmgr__remote_stream;
/* Those of volumes go one way, and their calls wait. */
enum vmgr__remote_stream_kind {
    REMOTE_STREAM_CONSOLE,
    REMOTE_STREAM_UPLOAD,
    REMOTE_STREAM_DOWNLOAD,
};

/* Kinds of events: those of domains by their id, then the others. */
enum {
    VMGR__REMOTE_DOMAIN_EVENTS = 27, /* that the protocol has */
    VMGR__REMOTE_NETWORK_LIFECYCLE = VMGR__REMOTE_DOMAIN_EVENTS,
    VMGR__REMOTE_POOL_LIFECYCLE,
    VMGR__REMOTE_POOL_REFRESH,
    VMGR__REMOTE_NODEDEV_LIFECYCLE,
    VMGR__REMOTE_NODEDEV_UPDATE,
    VMGR__REMOTE_SECRET_LIFECYCLE,
    VMGR__REMOTE_SECRET_VALUE,
    VMGR__REMOTE_EVENTS,
};

struct vmgr__remote {
    struct vmgr_conn *conn; /* borrowed */
    struct vmgr__remote_uri uri;
    const struct vmgr_conn_options *options; /* while opening */
    char *type;                              /* the hypervisor's, as the server tells */
    bool opened;
    bool answers_pings;
    int fd, kick_fd; /* -1: none */
    GPid child;
    struct vmgr__rpc_reader reader; /* the thread's, or a caller's: see `lent` */
    struct vmgr__spin spin;         /* that caller's */
    GThread *thread;
    int64_t deadline_us; /* while opening: by when a reply must have come; 0: none */

    GMutex lock; /* of what follows */
    struct vmgr__layer *layer;
    uint32_t next_serial;
    GHashTable *waiters; /* serial -> struct vmgr__remote_waiter, borrowed */
    GHashTable *streams; /* serial -> struct vmgr__remote_stream, a reference each */
    GQueue out;          /* struct vmgr__rpc_out */
    size_t out_bytes;
    size_t unread_bytes;   /* that came for streams and were not taken */
    unsigned stream_waits; /* calls that wait for a stream's data */
    bool out_waits;        /* for the socket */
    const struct vmgr__rpc_out *pong; /* of those in `out`, the answer to a PING; NULL: none */
    bool lent;             /* callers may read, not the thread */
    bool lent_now;         /* one does: `reader` is that caller's */
    bool rests;            /* the thread sleeps until that caller has done */
    uint32_t lent_serial;  /* next_serial when the thread last looked */
    bool closing;
    int child_err_fd; /* -1: none, or it has ended */
    GString *words;   /* the last of what came from there */
    struct vmgr__keepalive keepalive;
    struct vmgr_error *failure;            /* NULL: it works */
    bool callback_numbers;                 /* the server has been found to know them */
    int callback_ids[VMGR__REMOTE_EVENTS]; /* by kind; or one of the below */
};
enum { VMGR__REMOTE_UNASKED = -1, VMGR__REMOTE_ASKING = -2 };

/* ---- transport.c ---- */
/* Connects: r->fd and, where one was started, r->child. */
int vmgr__remote_dial(struct vmgr__remote *r, bool read_only, struct vmgr_error **err);

/* ---- spawn.c ---- */
/* Takes some of what a child says on its standard error, for it must not wait for us. False: there
 * is nothing now. */
bool vmgr__remote_hear_locked(struct vmgr__remote *r);
/* The last of that, one line; for g_free(). NULL: nothing was said. */
char *vmgr__remote_last_words_locked(struct vmgr__remote *r);
/* The command line of ssh. */
char **vmgr__remote_ssh_argv(const struct vmgr__remote_uri *u, bool read_only);
/* Starts a program whose standard input and output are *ret_fd. */
int vmgr__remote_spawn(struct vmgr__remote *r, char **argv, struct vmgr_error **err);
bool vmgr__remote_may_start(const struct vmgr__remote_uri *u);
/* Starts vmgrd in the background; returns when clients can connect. */
int vmgr__remote_start_daemon(const struct vmgr__remote_uri *u, struct vmgr_error **err);

/* ---- auth.c ---- */
int vmgr__remote_authenticate(struct vmgr__remote *r, struct vmgr_error **err);

/* ---- sasl.c ---- */
int vmgr__remote_sasl(struct vmgr__remote *r, struct vmgr_error **err);

/* ---- tls.c ---- */
/* Lays TLS over the socket, before the thread has it. */
int vmgr__remote_tls(struct vmgr__remote *r, struct vmgr_error **err);

/* ---- session.c ---- */
void vmgr__remote_session_init(struct vmgr__remote *r);
int vmgr__remote_session_start(struct vmgr__remote *r, struct vmgr_error **err);
/* Ends the thread, and frees. */
void vmgr__remote_session_fini(struct vmgr__remote *r);
void vmgr__remote_kick(struct vmgr__remote *r);
/* Sends a packet, which it owns; NULL or a failed connection: false. */
bool vmgr__remote_send_locked(struct vmgr__remote *r, struct vmgr__rpc_out *out);
/* Waits until a call is done or the connection has failed, perhaps reading itself. */
void vmgr__remote_await_locked(struct vmgr__remote *r, struct vmgr__remote_waiter *w);
/* The connection's error, for one that waited. Always -1. */
int vmgr__remote_failed_locked(struct vmgr__remote *r, struct vmgr_error **err);
/* Gives the connection up, with that sentence. */
void vmgr__remote_fail_locked(struct vmgr__remote *r, int reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* ---- call.c ---- */
/*
 * Calls a procedure of the main program: args (NULL: it takes none) in the structure of
 * protocol.wire, ret (NULL: it gives nothing) likewise, zeroed by the caller. What ret points to
 * lives in *reply.
 */
int vmgr__remote_call(struct vmgr__remote *r, int32_t procedure, const void *args, void *ret,
                      struct vmgr__remote_reply *reply, struct vmgr_error **err);
/* The same of the program for qemu's own things; the server may not have it. */
int vmgr__remote_call_qemu(struct vmgr__remote *r, int32_t procedure, const void *args, void *ret,
                           struct vmgr__remote_reply *reply, struct vmgr_error **err);
/* As vmgr__remote_call(), with descriptors, which stay the caller's. They go over a unix socket
 * that nothing protects, and nowhere else: VMGR_ERR_ARGUMENT_UNSUPPORTED. */
int vmgr__remote_call_files(struct vmgr__remote *r, int32_t procedure, const void *args,
                            const int *fds, uint32_t n_fds, void *ret,
                            struct vmgr__remote_reply *reply, struct vmgr_error **err);
/* For procedures that give nothing. */
int vmgr__remote_do(struct vmgr__remote *r, int32_t procedure, const void *args,
                    struct vmgr_error **err);
/* For those that give one string (for g_free()), one number that is not negative (returned), or one
 * of 64 bits: structures of a single member, which need no name here. */
int vmgr__remote_text(struct vmgr__remote *r, int32_t procedure, const void *args, char **ret,
                      struct vmgr_error **err);
int vmgr__remote_number(struct vmgr__remote *r, int32_t procedure, const void *args,
                        struct vmgr_error **err);
int vmgr__remote_large(struct vmgr__remote *r, int32_t procedure, uint64_t *ret,
                       struct vmgr_error **err);
/* For those that give an object known by its name and UUID, and nothing else: networks and pools.
 * make() turns it into a handle, *ret. */
struct vmgr__remote_named {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
};
typedef void (*vmgr__remote_named_fn)(struct vmgr_conn *conn, const char *name, const uint8_t *uuid,
                                      void *ret);
int vmgr__remote_named(struct vmgr_conn *conn, int32_t procedure, const void *args,
                       vmgr__remote_named_fn make, void *ret, struct vmgr_error **err);
struct vmgr__remote_lookup {
    int32_t by_uuid, by_name; /* procedures that take nothing else */
    vmgr__remote_named_fn make;
};
/* By UUID, or else by name. */
int vmgr__remote_lookup_named(struct vmgr_conn *conn, const struct vmgr__remote_lookup *lookup,
                              const uint8_t *uuid, const char *name, void *ret,
                              struct vmgr_error **err);
/* For one that opens a stream. */
int vmgr__remote_call_stream(struct vmgr__remote *r, int32_t procedure, const void *args,
                             enum vmgr__remote_stream_kind kind, bool sparse,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err);
/* The same, of one that gives a string too (for free(); NULL: none). */
int vmgr__remote_call_stream_text(struct vmgr__remote *r, int32_t procedure, const void *args,
                                  enum vmgr__remote_stream_kind kind, char **ret_text,
                                  struct vmgr_stream **ret_stream, struct vmgr_error **err);
/* Sets *err to what a packet says; always -1. */
int vmgr__remote_error_from(struct vmgr__rpc_packet *packet, const char *procedure,
                            struct vmgr_error **err);

/* ---- stream.c ---- */
struct vmgr__remote_stream *vmgr__remote_stream_new(struct vmgr__remote *r, int32_t procedure,
                                                    enum vmgr__remote_stream_kind kind, bool sparse,
                                                    struct vmgr_error **err);
void vmgr__remote_stream_unref(void *stream);
/* Its packets have this serial number from now on. */
void vmgr__remote_stream_add_locked(struct vmgr__remote *r, struct vmgr__remote_stream *st,
                                    uint32_t serial);
void vmgr__remote_stream_drop(struct vmgr__remote *r, struct vmgr__remote_stream *st);
/* The handle, which takes over the reference. */
struct vmgr_stream *vmgr__remote_stream_handle(struct vmgr__remote *r,
                                               struct vmgr__remote_stream *st,
                                               struct vmgr_error **err);
/* The thread: takes a packet, which it frees. */
void vmgr__remote_stream_packet(struct vmgr__remote *r, struct vmgr__rpc_packet *packet);
/* There is room for what streams send, or there is none; or the connection has failed. */
void vmgr__remote_streams_update_locked(struct vmgr__remote *r);

/* ---- event.c ---- */
int vmgr__remote_subscribe(struct vmgr_conn *conn, int event_id, struct vmgr_error **err);
/* Asks the server for a kind of events, once, by a procedure whose reply is a callback's number. */
int vmgr__remote_ask_events(struct vmgr_conn *conn, int kind, int32_t procedure, const void *args,
                            struct vmgr_error **err);
/* The thread: takes a packet, which it frees. */
void vmgr__remote_event_packet(struct vmgr__remote *r, struct vmgr__rpc_packet *packet);

/* ---- host.c ---- */
int vmgr__remote_get_hostname(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__remote_get_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
int vmgr__remote_get_lib_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
int vmgr__remote_get_type(struct vmgr_conn *conn, const char **ret, struct vmgr_error **err);
int vmgr__remote_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__remote_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);
int vmgr__remote_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                               struct vmgr_error **err);
int vmgr__remote_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                                    struct vmgr_error **err);

/* ---- domain.c ---- */
/* A domain as the protocol names it: borrows its name. */
struct wire_domain vmgr__remote_domain(struct vmgr_domain *dom);
int vmgr__remote_domain_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid,
                               const char *name, struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__remote_domain_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                             struct vmgr_error **err);
int vmgr__remote_domain_get_id(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_list_entries(struct vmgr_conn *conn, uint32_t flags, GArray *ret,
                                     struct vmgr_error **err);
int vmgr__remote_domain_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                                  struct vmgr_error **err);
int vmgr__remote_domain_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                                 struct vmgr_error **err);
int vmgr__remote_domain_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_is_updated(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err);
int vmgr__remote_domain_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_get_security_labels(struct vmgr_domain *dom, GPtrArray *ret,
                                            struct vmgr_error **err);
int vmgr__remote_domain_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                           struct vmgr_error **err);
int vmgr__remote_domain_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret,
                                struct vmgr_error **err);
int vmgr__remote_domain_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                                     struct vmgr_error **err);
int vmgr__remote_domain_get_metadata(struct vmgr_domain *dom, int type, const char *uri,
                                     uint32_t flags, char **ret, struct vmgr_error **err);

/* ---- device.c ---- */
/* One value, into a list of struct vmgr_stat. */
void vmgr__remote_add_stat(GArray *list, const struct wire_typed_param *p);

/* ---- agent.c ---- */
extern const struct vmgr__agent_ops vmgr__remote_agent;
int vmgr__remote_monitor_command(struct vmgr_domain *dom, const char *command, uint32_t flags,
                                 char **ret, struct vmgr_error **err);

/* ---- lifecycle.c ---- */
int vmgr__remote_domain_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                               struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__remote_domain_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                               struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__remote_domain_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_rename(struct vmgr_domain *dom, const char *name, struct vmgr_error **err);
int vmgr__remote_domain_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_reset(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_suspend(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_resume(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_pm_suspend(struct vmgr_domain *dom, uint32_t target, uint64_t duration,
                                   struct vmgr_error **err);
int vmgr__remote_domain_pm_wakeup(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__remote_domain_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err);
int vmgr__remote_domain_set_metadata(struct vmgr_domain *dom, int type, const char *text,
                                     const char *key, const char *uri, uint32_t flags,
                                     struct vmgr_error **err);
int vmgr__remote_domain_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                                     struct vmgr_stream **ret, struct vmgr_error **err);
int vmgr__remote_domain_open_channel(struct vmgr_domain *dom, const char *name, uint32_t flags,
                                     struct vmgr_stream **ret, struct vmgr_error **err);

/* ---- device.c ---- */
int vmgr__remote_domain_attach_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err);
int vmgr__remote_domain_detach_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err);
int vmgr__remote_domain_detach_alias(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                                     struct vmgr_error **err);
int vmgr__remote_domain_update_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err);
int vmgr__remote_domain_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                                   struct vmgr_error **err);
int vmgr__remote_domain_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                                  struct vmgr_error **err);
int vmgr__remote_domain_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type,
                                             uint32_t action, uint32_t flags,
                                             struct vmgr_error **err);
int vmgr__remote_domain_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there,
                                 uint32_t flags, struct vmgr_error **err);
int vmgr__remote_domain_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                         struct vmgr_error **err);
int vmgr__remote_domain_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err);
/* Adds a typed parameter to a list of struct vmgr_stat. */
void vmgr__remote_add_stat(GArray *list, const struct wire_typed_param *p);
/* Which there are is for the server to say. */
#define VMGR__REMOTE_STATS_GROUPS UINT32_MAX
int vmgr__remote_domain_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags,
                                  GArray *ret, struct vmgr_error **err);

/* ---- storage.c ---- */
extern const struct vmgr__storage_ops vmgr__remote_storage;

/* ---- volume.c, for the table of storage.c ---- */
int vmgr__remote_pool_list_volumes(struct vmgr_pool *pool, GPtrArray *ret, struct vmgr_error **err);
int vmgr__remote_volume_lookup(struct vmgr_pool *pool, const char *name, struct vmgr_volume **ret,
                               struct vmgr_error **err);
int vmgr__remote_volume_lookup_by_key(struct vmgr_conn *conn, const char *key,
                                      struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__remote_volume_lookup_by_path(struct vmgr_conn *conn, const char *path,
                                       struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__remote_volume_create(struct vmgr_pool *pool, const char *xml, struct vmgr_volume *source,
                               uint32_t flags, struct vmgr_volume **ret, struct vmgr_error **err);
int vmgr__remote_volume_delete(struct vmgr_volume *volume, uint32_t flags, struct vmgr_error **err);
int vmgr__remote_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm,
                             struct vmgr_error **err);
int vmgr__remote_volume_resize(struct vmgr_volume *volume, uint64_t capacity, uint32_t flags,
                               struct vmgr_error **err);
int vmgr__remote_volume_get_info(struct vmgr_volume *volume, uint32_t flags,
                                 struct vmgr_volume_info *ret, struct vmgr_error **err);
int vmgr__remote_volume_get_xml(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);
int vmgr__remote_volume_get_path(struct vmgr_volume *volume, char **ret, struct vmgr_error **err);
int vmgr__remote_volume_upload(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                               uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err);
int vmgr__remote_volume_download(struct vmgr_volume *volume, uint64_t offset, uint64_t length,
                                 uint32_t flags, struct vmgr_stream **ret, struct vmgr_error **err);
/* A pool as the protocol names it: borrows its name. */
struct wire_storage_pool vmgr__remote_pool(struct vmgr_pool *pool);

/* ---- nwfilter-binding.c, for the table of nwfilter.c ---- */
int vmgr__remote_binding_lookup(struct vmgr_conn *conn, const char *port_dev,
                                struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
int vmgr__remote_binding_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                                struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
int vmgr__remote_binding_list(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err);
int vmgr__remote_binding_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err);
int vmgr__remote_binding_get_xml(struct vmgr_nwfilter_binding *binding, char **ret,
                                 struct vmgr_error **err);

/* ---- network.c ---- */
extern const struct vmgr__network_ops vmgr__remote_network;

#endif
