/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the server share.
 *
 * Threads: the I/O thread (vmgr__server_run), which alone reads from clients, closes them and moves
 * stream data; workers, which run calls; the event thread, which turns the driver's events into
 * packets. Locks, in the order they are taken: subscriptions.lock, client.lock, pool.lock and
 * kick_lock. Nothing of libvmgr is called with one held, except where it says so.
 */
#ifndef VMGR_SERVER_INTERNAL_H
#define VMGR_SERVER_INTERNAL_H

#include <glib.h>

#include "rpc/errors.h"
#include "rpc/keepalive.h"
#include "rpc/layer.h"
#include "rpc/params.h"
#include "rpc/sasl.h"
#include "rpc/spin.h"
#include "rpc/tls.h"
#include "server.h"

#define CLIENT_HELD_MAX         16 /* calls read but not begun */
#define CLIENT_HELD_BYTES       (1u << 20)
#define CLIENT_FDS_HIGH         64           /* descriptors of calls that are not over */
#define CLIENT_OUT_HIGH         (1u << 20)   /* above: no new calls, no stream data */
#define CLIENT_OUT_MAX          (256u << 20) /* above: it is given up */
#define CLIENT_EVENTS_MAX       (16u << 20)  /* above: events give it up */
#define CLIENT_PENDING_PACKET   65536u
#define CLIENT_READ_ONLY_PACKET (1u << 20)
#define FAST_WORKERS            4

/* Something the I/O thread polls. */
struct source {
    void (*ready)(struct source *source, uint32_t events);
};

struct vmgr__client;
struct vmgr__call;
struct vmgr__transfer;

/* A stream that a call has opened. The I/O thread alone touches it once it is started. */
struct vmgr__server_stream {
    struct source recv; /* first */
    struct source send;
    gint refs;
    struct vmgr__client *client; /* borrowed: the client owns the stream */
    struct vmgr_stream *stream;
    struct vmgr__rpc_header header; /* of its packets */
    GByteArray *input;              /* from the client, not yet taken by the other end */
    bool recv_watched, recv_paused, send_watched;
    bool ended; /* the far end said so */
    bool closed;
};

struct vmgr__client {
    struct source source; /* first */
    gint refs;
    struct vmgr__server *server;
    unsigned id;
    int fd;
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool allowed; /* may authenticate */
    enum vmgr__server_way way;
    bool read_only_socket;
    bool needs_sasl;
    char *address; /* of the network; NULL: a unix socket */
    char *subject; /* of its certificate; NULL: none was asked for */
    int64_t since_us;

    /* the I/O thread's */
    struct vmgr__rpc_reader reader;
    bool closed;
    bool proven; /* no more calls of its authentication can come */

    GMutex lock; /* of what follows */
    struct vmgr__layer *layer;
    bool handshaking, handshake_writes;
    struct vmgr__sasl *sasl; /* its workers': one call of it at a time */
    bool sasl_busy;
    bool dead; /* nothing more is sent or begun */
    bool pending;
    bool authenticated;
    bool opened;
    bool read_only;
    bool close_callback;
    bool event_close;   /* it does not take its events */
    const char *scheme; /* that it opened; static */
    struct vmgr__keepalive keepalive;
    GQueue out; /* struct vmgr__rpc_out */
    size_t out_bytes;
    bool out_armed;
    GQueue held; /* struct vmgr__call */
    size_t held_bytes;
    unsigned fds; /* of its calls, until they are over */
    bool paused;
    unsigned running;
    GPtrArray *streams;
    GPtrArray *transfers; /* struct vmgr__transfer, references */
    GSList *autodestroy;  /* struct autodestroy */
};

/* One call under way. */
struct vmgr__call {
    struct vmgr__server *server;
    struct vmgr__client *client; /* a reference */
    struct vmgr__rpc_packet *packet;
    const struct vmgr__wire_call *wire;
    const struct vmgr__handler *handler;
    struct vmgr__arena arena;
    struct vmgr_conn *conn;             /* borrowed from the server */
    struct vmgr_error *err;             /* of libvmgr, from a call that failed */
    struct wire_error error;            /* or one of the protocol's */
    bool replied;                       /* the handler has done so itself */
    struct vmgr__server_stream *stream; /* to start after the reply */
    struct vmgr__transfer *transfer;    /* likewise */
    struct vmgr__layer *layer;          /* to be laid under all that follows the reply */
};

/* Serves one procedure. ret is zeroed. 0; or -1 and call->err or vmgr__call_fail(). */
typedef int (*vmgr__handler_fn)(struct vmgr__call *call, const void *args, void *ret);
#define HANDLER_UNOPENED (1u << 0) /* may come before CONNECT_OPEN */
#define HANDLER_INLINE   (1u << 1) /* shorter than the way to a worker: the I/O thread does it */
#define HANDLER_FDS      (1u << 2) /* takes the packet's descriptors; others' are closed before */
struct vmgr__handler {
    int32_t procedure; /* WIRE_*; 0 ends a table */
    vmgr__handler_fn run;
    uint32_t flags;
};
extern const struct vmgr__handler vmgr__handlers_auth[], vmgr__handlers_sasl[];
extern const struct vmgr__handler vmgr__handlers_connect[], vmgr__handlers_cpu[],
    vmgr__handlers_secret[],
    vmgr__handlers_node[];
extern const struct vmgr__handler vmgr__handlers_domain[], vmgr__handlers_domain_change[],
    vmgr__handlers_domain_device[], vmgr__handlers_domain_list[], vmgr__handlers_domain_metadata[],
    vmgr__handlers_domain_size[], vmgr__handlers_domain_stats[], vmgr__handlers_event[];
extern const struct vmgr__handler vmgr__handlers_domain_agent[];
extern const struct vmgr__handler vmgr__handlers_domain_block[];
extern const struct vmgr__handler vmgr__handlers_domain_checkpoint[];
extern const struct vmgr__handler vmgr__handlers_domain_display[];
extern const struct vmgr__handler vmgr__handlers_domain_files[];
extern const struct vmgr__handler vmgr__handlers_domain_job[];
extern const struct vmgr__handler vmgr__handlers_domain_peek[];
extern const struct vmgr__handler vmgr__handlers_domain_resource[];
extern const struct vmgr__handler vmgr__handlers_network[], vmgr__handlers_network_port[];
extern const struct vmgr__handler vmgr__handlers_interface[];
extern const struct vmgr__handler vmgr__handlers_nodedev[];
extern const struct vmgr__handler vmgr__handlers_object_event[];
extern const struct vmgr__handler vmgr__handlers_storage_pool[], vmgr__handlers_storage_volume[];
extern const struct vmgr__handler vmgr__handlers_domain_guestnet[];
extern const struct vmgr__handler vmgr__handlers_nwfilter[];
extern const struct vmgr__handler vmgr__handlers_nwfilter_binding[];
extern const struct vmgr__handler vmgr__handlers_qemu[]; /* of that program */

struct vmgr__pool {
    struct vmgr__server *server;
    GMutex lock;
    GCond cond;
    GQueue calls, fast_calls;
    GQueue gone; /* GThread: to be joined */
    unsigned threads, idle, busy; /* busy: with calls that are not fast */
    bool stopping;
};

struct vmgr__associations {
    GMutex lock; /* before those of the driver */
    GPtrArray *list;
};

/* What objects have events. */
enum vmgr__event_object {
    VMGR__EVENTS_DOMAIN,
    VMGR__EVENTS_NETWORK,
    VMGR__EVENTS_POOL,
    VMGR__EVENTS_NODEDEV,
    VMGR__EVENTS_SECRET,
    VMGR__EVENT_OBJECTS,
};

/* What a client may subscribe to of one kind of object. */
struct vmgr__event_kind {
    enum vmgr__event_object object;
    const char *name;  /* in an error text */
    const char *label; /* likewise, before "event ID"; with its blank */
    int events;        /* numbers 0 to events - 1; at most 32 */
    /* Asks the driver. Called once for each number, with subscriptions.lock held. */
    int (*listen)(struct vmgr__server *s, int event_id, struct vmgr_error **err);
};

/* subscription.c */
struct vmgr__subscriptions {
    GMutex lock;
    GPtrArray *list;
    int next_id;
    uint32_t asked[VMGR__EVENT_OBJECTS]; /* what the driver was asked for: bits of numbers */
    GThread *thread;
    int event_fd; /* the connection's */
    int stop_fd;
};

struct vmgr__server {
    struct vmgr_conn *conn;
    char *scheme_path; /* "/system", "/session", "/default" */
    char *uri;
    bool runs_guests;                  /* the driver is vemu, known to clients as QEMU */
    struct vmgr__server_limits limits; /* read with limits_lock */
    GMutex limits_lock;
    struct vmgr__server_access access; /* likewise */
    struct vmgr__tls_context *tls;     /* the I/O thread's */
    vmgr__log_fn log;
    void *log_data;

    int epoll_fd;
    struct vmgr__spin spin;      /* the I/O thread's */
    struct vmgr__client *recent; /* likewise: who called last; NULL: nobody, or it has gone */
    unsigned looks;              /* likewise */
    int kick_fd;
    struct source kick;
    GMutex kick_lock;
    GSList *kicked; /* clients with something to look at, references */
    gint stopping;
    GPtrArray *listeners, *watches;
    GHashTable *clients;  /* the I/O thread's: set of references */
    GPtrArray *graveyard; /* clients closed in this turn of the loop */
    GPtrArray *dead_streams;
    unsigned next_client;
    unsigned pending;
    int64_t idle_since_us;

    struct vmgr__pool pool;
    struct vmgr__subscriptions subscriptions;
    struct vmgr__associations associations;
    gint transfers;                        /* threads of transfer.c */
    const struct vmgr__handler **handlers; /* by procedure */
};

/* ---- log.c ---- */
void vmgr__log(struct vmgr__server *s, enum vmgr__log_level level, const char *message,
               const char *fields, ...) G_GNUC_PRINTF(4, 5);

/* ---- server.c ---- */
/* Sets *err to "<what>: <text of errnum>". Always -1. */
int vmgr__server_fail(char **err, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
struct vmgr__server_limits vmgr__server_limits(struct vmgr__server *s);
/* Lets the I/O thread look at a client. */
void vmgr__server_kick(struct vmgr__server *s, struct vmgr__client *c);

/* ---- listen.c ---- */
void vmgr__listeners_free(struct vmgr__server *s);

/* ---- peer.c ---- */
/* Who is at the other end, and whether that one may use the socket. */
void vmgr__peer_check(struct vmgr__client *c);
/* This end's address, for g_free(); NULL: a unix socket. */
char *vmgr__peer_local_name(const struct vmgr__client *c);

/* ---- access.c ---- */
void vmgr__access_clear(struct vmgr__server_access *a);
/* A copy of what is allowed now. */
struct vmgr__server_access vmgr__server_access(struct vmgr__server *s);
/* Whether one of the patterns (NULL: any) is the name's. */
bool vmgr__access_matches(char *const *patterns, const char *name);

/* ---- handshake.c ---- */
/* I/O thread: begins TLS, if the client came that way. False: it cannot. */
bool vmgr__handshake_begin(struct vmgr__client *c, char **err);
/* I/O thread: goes on with it. 1: done, 0: not yet, -1: the client is not accepted. */
int vmgr__handshake_step(struct vmgr__client *c, char **err);

/* ---- client.c ---- */
void vmgr__client_accept(struct vmgr__server *s, int fd, enum vmgr__server_way way);
struct vmgr__client *vmgr__client_ref(struct vmgr__client *c);
void vmgr__client_unref(struct vmgr__client *c);
/* I/O thread. */
void vmgr__client_close(struct vmgr__client *c, const char *why);
/* I/O thread: reads and serves what has come, without being told that something has. False:
 * nothing, or it may not be read from now. */
bool vmgr__client_look(struct vmgr__client *c);
/* Whether descriptors may come from it. */
bool vmgr__client_sends_fds(struct vmgr__client *c);
/* I/O thread: goes on with what waited. */
void vmgr__client_resume(struct vmgr__client *c);
/* I/O thread, each second. */
void vmgr__client_tick(struct vmgr__client *c, int64_t now_us);
/* Makes room for a new one among those that are not through authentication. */
void vmgr__client_drop_oldest_pending(struct vmgr__server *s);
/* Leaves the state in which it may be dropped for others. */
void vmgr__client_settled(struct vmgr__client *c);

/* ---- transmit.c ---- */
/* Queues a packet, which it owns (NULL is fine), and sends what it can. Any thread. False: the
 * client is gone. */
bool vmgr__client_send(struct vmgr__client *c, struct vmgr__rpc_out *out);
/* As vmgr__client_send(), and lays a layer, which it owns, under everything after that. */
bool vmgr__client_send_last(struct vmgr__client *c, struct vmgr__rpc_out *out,
                            struct vmgr__layer *layer);
bool vmgr__client_send_event(struct vmgr__client *c, struct vmgr__rpc_out *out);
/* I/O thread: the socket takes more. */
void vmgr__client_flush(struct vmgr__client *c);
void vmgr__client_update_locked(struct vmgr__client *c);

/* ---- call.c ---- */
/* I/O thread: takes a packet that is a call. */
void vmgr__call_begin(struct vmgr__client *c, struct vmgr__rpc_packet *packet);
/* Gives workers as many of a client's calls as it may have. */
void vmgr__calls_pump(struct vmgr__client *c);
void vmgr__call_run(struct vmgr__call *call);
void vmgr__call_free(struct vmgr__call *call);
/* Sets the error; always -1. */
int vmgr__call_fail(struct vmgr__call *call, int code, int domain, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* For what a procedure that reads does only for those who may write. 0; or -1 and an error about
 * `what`. */
int vmgr__call_need_write(struct vmgr__call *call, const char *what);
/* Sends the reply now rather than after the handler. */
void vmgr__call_reply(struct vmgr__call *call, const void *ret);
void vmgr__handlers_init(struct vmgr__server *s);

/* ---- pool.c ---- */
void vmgr__pool_init(struct vmgr__pool *p, struct vmgr__server *s);
void vmgr__pool_fini(struct vmgr__pool *p);
void vmgr__pool_push(struct vmgr__pool *p, struct vmgr__call *call);

/* ---- stream.c ---- */
/* A handler's: the stream belongs to the call's client from now on. */
int vmgr__stream_add(struct vmgr__call *call, struct vmgr_stream *stream);
void vmgr__stream_unref(struct vmgr__server_stream *st);
/* Begins to pass on what comes, after the reply. */
void vmgr__stream_start(struct vmgr__server_stream *st);
/* I/O thread. */
void vmgr__stream_packet(struct vmgr__client *c, struct vmgr__rpc_packet *packet);
void vmgr__streams_resume(struct vmgr__client *c);
void vmgr__streams_close(struct vmgr__client *c);
bool vmgr__streams_full_locked(struct vmgr__client *c);

/* ---- transfer.c ---- */
/* A handler's: the transfer belongs to the call's client from now on; takes the stream over. */
int vmgr__transfer_add(struct vmgr__call *call, struct vmgr_stream *stream, bool upload,
                       bool sparse);
void vmgr__transfer_start(struct vmgr__transfer *t);
void vmgr__transfer_unref(struct vmgr__transfer *t);
/* I/O thread. False: the packet is of none of them. */
bool vmgr__transfer_packet(struct vmgr__client *c, struct vmgr__rpc_packet *packet);
bool vmgr__transfers_full_locked(struct vmgr__client *c);
/* I/O thread: forgets those that are over, or all. */
void vmgr__transfers_sweep(struct vmgr__client *c, bool all);
/* Until the last thread has ended. */
void vmgr__transfers_wait(struct vmgr__server *s);

/* ---- subscription.c ---- */
void vmgr__subscriptions_init(struct vmgr__subscriptions *subs);
/* Begins to hear the driver's guests. What keeps it from that is logged, and tried again when a
 * client subscribes. */
void vmgr__subscriptions_start(struct vmgr__server *s);
void vmgr__subscriptions_fini(struct vmgr__server *s);
void vmgr__subscriptions_drop(struct vmgr__server *s, struct vmgr__client *c);
/* A handler's: subscribes to one object, by UUID or by name, or to all; sends the reply `ret`, of
 * which *ret_id is the number. */
int vmgr__subscribe(struct vmgr__call *call, const struct vmgr__event_kind *kind, int event_id,
                    const char *name, const uint8_t *uuid, int32_t *ret_id, const void *ret);
int vmgr__unsubscribe(struct vmgr__call *call, const struct vmgr__event_kind *kind, int id);
/* Sends a message, which begins with the callback's number, to all who want it. The event thread's;
 * uuid: NULL if the object has none. */
void vmgr__subscriptions_emit(struct vmgr__server *s, const struct vmgr__event_kind *kind,
                              int event_id, const char *name, const uint8_t *uuid,
                              int32_t procedure, void *msg);

/* ---- association.c ---- */
/* Associates the packet's descriptors with a domain, for as long as the client stays. 0; or -1 and
 * call->err. */
int vmgr__associate(struct vmgr__call *call, struct vmgr_domain *dom, const char *name,
                    uint32_t flags);
/* The client is gone. */
void vmgr__associations_drop(struct vmgr__server *s, const struct vmgr__client *client);
void vmgr__associations_init(struct vmgr__associations *as);
void vmgr__associations_fini(struct vmgr__associations *as);

/* ---- autodestroy.c ---- */
/* Remembers, for the client, a run that is to end with it. */
void vmgr__autodestroy_add(struct vmgr__call *call, struct vmgr_domain *dom);
/* The client is gone: ends its runs, on a thread of its own. */
void vmgr__autodestroy_run(struct vmgr__client *c);

/* ---- domain-stats.c ---- */
/* A list of libvmgr, which lives as long as the call from now on, as typed parameters. */
struct vmgr_stat;
struct wire_typed_param *vmgr__call_stats(struct vmgr__call *call, struct vmgr_stat *stats,
                                          uint32_t *ret_n);
/* The same of a borrowed list, into an arena. */
struct wire_typed_param *vmgr__stats_params(struct vmgr__arena *arena,
                                            const struct vmgr_stat *stats, uint32_t *ret_n);

/* ---- domain.c ---- */
/* The domain of an argument: one reference, or NULL and call->err. */
/* Domains that pass the filters, which live as long as the call; how many, or -1. */
int vmgr__call_list_entries(struct vmgr__call *call, uint32_t flags,
                            struct vmgr_domain_entry **ret);
struct vmgr_domain *vmgr__call_domain(struct vmgr__call *call, const struct wire_domain *wire);
/* network.c: likewise of networks. */
struct vmgr_network *vmgr__call_network(struct vmgr__call *call, const struct wire_network *wire);
/* domain-guestnet.c: parameters by enum vmgr_interface_limit, and the directions they name; 0, or
 * -1 and the call has failed. */
int vmgr__call_read_limits(struct vmgr__call *call, const struct wire_typed_param *params,
                           uint32_t n, uint32_t *ret_limits, unsigned *ret_directions);
/* Drops this reference with the call. Returns dom. */
struct vmgr_domain *vmgr__call_keep(struct vmgr__call *call, struct vmgr_domain *dom);
/* Puts a domain into a result. */
int vmgr__call_put_domain(struct vmgr__call *call, struct vmgr_domain *dom,
                          struct wire_domain *ret);

#endif
