/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server half of the management protocol: what a daemon is made of. See docs/rpc.md.
 *
 * A server owns one connection to a hypervisor driver and any number of clients. vmgr__server_run()
 * lends its thread to input and output; calls run on a pool of workers, so that none of them keeps
 * another client, or the same client's next call, waiting.
 *
 * Functions that can fail return -1 and a sentence in *err, for g_free().
 */
#ifndef VMGR_SERVER_SERVER_H
#define VMGR_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <vmgr/vmgr.h>

struct vmgr__server;

enum vmgr__log_level { VMGR__LOG_ERROR, VMGR__LOG_WARNING, VMGR__LOG_INFO, VMGR__LOG_DEBUG };
/* One line, without its end: msg="..." and key=value pairs. Any thread. */
typedef void (*vmgr__log_fn)(enum vmgr__log_level level, const char *line, void *data);

/* What may change while the server runs. */
struct vmgr__server_limits {
    unsigned clients;          /* connected at once */
    unsigned pending;          /* of them not yet through authentication */
    unsigned pending_seconds;  /* how long they may be */
    unsigned calls_per_client; /* under way at once */
    unsigned workers;          /* threads for calls; some more are kept for fast ones */
    int keepalive_seconds;     /* between signs of life; <= 0: never ask */
    unsigned keepalive_count;  /* questions that may stay unanswered */
    unsigned idle_seconds;     /* end when there was no client for so long; 0: never */
    int64_t group;             /* who may use the read-write sockets beside root and the server's
                                   own user; -1: nobody */
    bool open_read_only;       /* anybody may use the read-only sockets */
};
#define VMGR__SERVER_LIMITS_INIT                                                                   \
    {                                                                                              \
        .clients = 5000, .pending = 1000, .pending_seconds = 10, .calls_per_client = 5,            \
        .workers = 32, .keepalive_seconds = 5, .keepalive_count = 5, .group = -1                   \
    }

struct vmgr__server_options {
    const char *uri;      /* NULL: vemu:///system for root, else vemu:///session */
    const char *root;     /* as in struct vmgr_conn_options */
    const char *emulator; /* likewise */
    struct vmgr__server_limits limits;
    vmgr__log_fn log;
    void *log_data;
};

/* Opens the hypervisor connection, which takes up the guests that run. */
int vmgr__server_new(const struct vmgr__server_options *options, struct vmgr__server **ret,
                     char **err);
/* Ends clients and workers; calls under way are waited for. NULL is fine. */
void vmgr__server_free(struct vmgr__server *s);
/* Borrowed. */
struct vmgr_conn *vmgr__server_conn(struct vmgr__server *s);

/* Listens on a new socket. What is left of a server that is no more is replaced. Group and mode
 * follow from the limits. The socket is removed when the server is freed. */
int vmgr__server_listen(struct vmgr__server *s, const char *path, bool read_only, char **err);
/* Ways in. Over the network a client proves who it is: by a certificate, SASL (RFC 4422), or both;
 * plain TCP is for SASL alone. */
enum vmgr__server_way {
    VMGR__SERVER_UNIX,
    VMGR__SERVER_UNIX_READ_ONLY,
    VMGR__SERVER_TCP,
    VMGR__SERVER_TLS,
};
/* Listens on a descriptor it is given (socket activation), and owns it. */
int vmgr__server_listen_fd(struct vmgr__server *s, int fd, enum vmgr__server_way way, char **err);
/* Listens on a port, of all addresses if address is NULL. TLS: after vmgr__server_set_tls(). */
int vmgr__server_listen_net(struct vmgr__server *s, const char *address, unsigned port, bool tls,
                            char **err);
/* Who may come in over the network. Strings are copied; lists end with NULL. */
struct vmgr__server_access {
    char **subjects;       /* distinguished names of certificates, with * and ?; NULL: all */
    bool accept_unsigned;  /* TLS clients need no certificate */
    bool tls_sasl;         /* TLS clients must use SASL too */
    char **users;          /* of SASL, with * and ?; NULL: all */
    char *mechanisms;      /* of SASL, with spaces; NULL: as the library is configured */
    char *user_database;   /* of SASL's own mechanisms (sasldb); NULL: the library's */
    unsigned tcp_strength; /* bits that SASL must protect plain TCP with */
};
void vmgr__server_set_access(struct vmgr__server *s, const struct vmgr__server_access *access);
/* Files in PEM. */
struct vmgr__server_tls {
    const char *ca;         /* who signs clients' certificates */
    const char *cert, *key; /* the server's own */
    const char *crl;        /* revoked ones; NULL: none */
    const char *priority;   /* GnuTLS's words for what is allowed; NULL: the system's default */
};
/* Loads certificates; sessions that are there keep theirs. */
int vmgr__server_set_tls(struct vmgr__server *s, const struct vmgr__server_tls *tls, char **err);
/* Calls fn on the server's thread while fd polls readable. Borrows fd. */
int vmgr__server_watch(struct vmgr__server *s, int fd, void (*fn)(void *data), void *data,
                       char **err);

/* Serves until it is stopped or has been idle for too long. */
int vmgr__server_run(struct vmgr__server *s, char **err);
/* Any thread, also from a watch. */
void vmgr__server_stop(struct vmgr__server *s);
void vmgr__server_set_limits(struct vmgr__server *s, const struct vmgr__server_limits *limits);

#endif
