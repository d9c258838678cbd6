/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD server's inside: the server, its exports, and a session for each client.
 *
 * Locks: server->lock for the lists and counters; session->lock for the session's threads; each
 * session's send_lock for its socket's sending side. None is held while another is taken, and none
 * while an image is used, but send_lock.
 */
#ifndef VEMU_NBD_SERVER_SERVER_H
#define VEMU_NBD_SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include <glib.h>
#include <vemu/nbd.h>

#include "core/error.h"
#include "core/unix-socket.h"
#include "image/nbd/proto.h"
#include "image/nbd/stream.h"
#include "net/helper.h"

#define NBD_LISTENERS_MAX 8u
#define NBD_BITMAPS_MAX   32u
#define NBD_PIECE         (1u << 20) /* of a longer request; a thread's buffer */

struct nbd_server_export {
    char *name, *description;
    struct vemu_image *image;
    bool writable, depth;
    char *bitmaps[NBD_BITMAPS_MAX];
    unsigned bitmap_count;
    unsigned users; /* sessions; server->lock */
    bool removed;   /* no new ones */
};

struct nbd_listener {
    int fd;
    char *name;
    struct vemu_unix_file file; /* of a Unix socket that is ours */
};

struct vemu_nbd_server {
    struct vemu_nbd_server_options options; /* defaults filled in */
    char *tls_creds;
    struct nbd_listener listeners[NBD_LISTENERS_MAX];
    unsigned listener_count;
    int wake_fd;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a session has ended, an export has lost a user */
    enum { NBD_NEW, NBD_RUNNING, NBD_STOPPED } state;
    GPtrArray *exports;  /* struct nbd_server_export * */
    GPtrArray *sessions; /* struct nbd_session * */
    uint32_t connected;  /* of them, those that have not ended */
};

/* Contexts of NBD_CMD_BLOCK_STATUS: bits of a mask, and on the wire the number of the bit. */
#define NBD_CONTEXT_ALLOCATION 0u
#define NBD_CONTEXT_DEPTH      1u
#define NBD_CONTEXT_BITMAP     2u /* and up */
#define NBD_CONTEXTS           (NBD_CONTEXT_BITMAP + NBD_BITMAPS_MAX)

/* A client. */
struct nbd_session {
    struct vemu_nbd_server *server;
    int socket_fd;            /* for cutting it off, as long as the session is listed */
    struct nbd_stream stream; /* the same socket, or that of the TLS helper */
    struct vemu_net_helper tls;
    bool use_tls;
    bool structured, no_zeroes;
    uint64_t contexts; /* chosen */
    struct nbd_server_export *contexts_of;
    struct nbd_server_export *export; /* NULL: still negotiating */
    uint64_t size;                    /* of the image, as the client was told */

    pthread_mutex_t lock; /* from here on */
    pthread_cond_t idle;  /* somebody has to receive, or it is over */
    pthread_cond_t worker_gone;
    bool receiving, ended;
    unsigned workers, waiting;
    pthread_mutex_t send_lock;
    bool send_failed; /* send_lock */
};

/* --- server.c --------------------------------------------------------------------------------- */

/* A session has ended: there may be room for another client. */
void vemu__nbd_server_wake(struct vemu_nbd_server *server);

/* --- export.c --------------------------------------------------------------------------------- */

/* server->lock is held; NULL: there is none. */
struct nbd_server_export *vemu__nbd_find_export_locked(struct vemu_nbd_server *server,
                                                       const char *name, size_t size);
void vemu__nbd_export_free(struct nbd_server_export *export);
/* Transmission flags. */
uint32_t vemu__nbd_export_flags(const struct vemu_nbd_server *server,
                                const struct nbd_server_export *export, bool structured);
/* "base:allocation" ...; NULL: the export has no such context. To be freed. */
char *vemu__nbd_context_name(const struct nbd_server_export *export, unsigned context);

/* --- session.c -------------------------------------------------------------------------------- */

/* Takes the descriptor over, also on failure. */
int vemu__nbd_session_start(struct vemu_nbd_server *server, int fd);
/* Uses the export that is called so; NULL: there is none. */
struct nbd_server_export *vemu__nbd_session_use(struct nbd_session *session, const char *name,
                                                size_t size);
void vemu__nbd_session_unuse(struct nbd_session *session, struct nbd_server_export *export);

/* --- negotiate.c ------------------------------------------------------------------------------ */

/* Until an export is chosen (0), the client leaves or is thrown out (< 0). */
int vemu__nbd_negotiate(struct nbd_session *session);

/* --- context.c -------------------------------------------------------------------------------- */

/* NBD_OPT_LIST_META_CONTEXT, NBD_OPT_SET_META_CONTEXT. < 0: the connection is lost. */
int vemu__nbd_negotiate_contexts(struct nbd_session *session, uint32_t option, const uint8_t *data,
                                 uint32_t size);
int vemu__nbd_option_reply(struct nbd_session *session, uint32_t option, uint32_t type,
                           const void *data, size_t size);
int vemu__nbd_option_error(struct nbd_session *session, uint32_t option, uint32_t type,
                           const char *message);

/* --- transmit.c ------------------------------------------------------------------------------- */

/* Serves requests until the client leaves, with threads as needed. */
void vemu__nbd_transmit(struct nbd_session *session);

/* --- request.c -------------------------------------------------------------------------------- */

struct nbd_job {
    uint16_t flags, type;
    uint64_t cookie, offset;
    uint32_t bytes;
    int result;       /* found wrong already */
    uint8_t *buf;     /* NBD_PIECE bytes, the thread's; NULL: not yet */
    uint32_t payload; /* bytes of a write that are in `buf` */
};

/* Reads and checks the next one; a write's payload of up to NBD_PIECE bytes goes to the buffer.
 * < 0: no more. Context: the receiver. */
int vemu__nbd_job_read(struct nbd_session *session, struct nbd_job *job);
/* Does and answers what takes no wait for a disk, or needs the stream; false: it is left for
 * vemu__nbd_job_do(), when another thread receives. Context: the receiver. */
bool vemu__nbd_job_try(struct nbd_session *session, struct nbd_job *job);
/* Does it and answers. */
void vemu__nbd_job_do(struct nbd_session *session, struct nbd_job *job);

/* --- answer.c --------------------------------------------------------------------------------- */

/* All keep quiet when the connection is gone: the receiver notices. */
void vemu__nbd_answer(struct nbd_session *session, const struct nbd_job *job, int result);
/* A part of a structured read's data, zeros left out; `last`: the final part. */
void vemu__nbd_answer_data(struct nbd_session *session, const struct nbd_job *job, uint64_t offset,
                           const uint8_t *data, uint32_t bytes, bool last);
/* A simple reply with `bytes` of data, of which `data` has the first `have`; `more` reads what
 * follows. A failure of that ends the connection: it cannot be told any more. */
void vemu__nbd_answer_simple(struct nbd_session *session, struct nbd_job *job, uint32_t have,
                             int (*more)(struct nbd_session *session, struct nbd_job *job,
                                         uint32_t from, uint32_t bytes));
void vemu__nbd_answer_chunk(struct nbd_session *session, const struct nbd_job *job, uint32_t type,
                            const void *data, size_t size, bool last);

/* --- status.c --------------------------------------------------------------------------------- */

void vemu__nbd_status(struct nbd_session *session, const struct nbd_job *job);

#endif
