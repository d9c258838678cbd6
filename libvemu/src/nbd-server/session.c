/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client's session: from its connection to its end.
 *
 * The session's first thread negotiates, then serves requests together with others, and last waits
 * for them and frees everything. `socket_fd` is a descriptor of its own for the one purpose of
 * cutting the client off from outside; it is there as long as the session is listed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/inet-socket.h"
#include "core/thread.h"
#include "image/nbd/tls.h"
#include "nbd-server/server.h"

struct nbd_server_export *vemu__nbd_session_use(struct nbd_session *session, const char *name,
                                                size_t size)
{
    struct vemu_nbd_server *server = session->server;
    struct nbd_server_export *export;

    pthread_mutex_lock(&server->lock);
    export = vemu__nbd_find_export_locked(server, name, size);
    if (export)
        export->users++;
    pthread_mutex_unlock(&server->lock);
    return export;
}

void vemu__nbd_session_unuse(struct nbd_session *session, struct nbd_server_export *export)
{
    if (!export)
        return;
    pthread_mutex_lock(&session->server->lock);
    export->users--;
    pthread_cond_broadcast(&session->server->changed);
    pthread_mutex_unlock(&session->server->lock);
}

/* All but the session itself. */
static void session_close(struct nbd_session *session)
{
    vemu__nbd_stream_fini(&session->stream);
    if (session->use_tls)
        vemu__nbd_tls_stop(&session->tls);
    pthread_mutex_destroy(&session->send_lock);
    pthread_cond_destroy(&session->worker_gone);
    pthread_cond_destroy(&session->idle);
    pthread_mutex_destroy(&session->lock);
}

/* The last thing a session does with its server, which may go away then. */
static void unlist(struct nbd_session *session)
{
    struct vemu_nbd_server *server = session->server;

    pthread_mutex_lock(&server->lock);
    g_ptr_array_remove_fast(server->sessions, session);
    vemu__nbd_server_wake(server);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void *session_main(void *data)
{
    struct nbd_session *session = data;
    struct vemu_nbd_server *server = session->server;
    int negotiated = vemu__nbd_negotiate(session) >= 0, fd;
    struct nbd_server_export *export, *contexts_of;
    uint32_t left;

    pthread_detach(pthread_self());
    if (negotiated)
        vemu__nbd_transmit(session);
    pthread_mutex_lock(&server->lock);
    export = session->export;
    contexts_of = session->contexts_of;
    fd = session->socket_fd;
    session->export = session->contexts_of = NULL;
    session->socket_fd = -1;
    left = --server->connected;
    pthread_mutex_unlock(&server->lock);
    session_close(session);
    close(fd);
    vemu__nbd_session_unuse(session, export);
    vemu__nbd_session_unuse(session, contexts_of);
    if (server->options.client_gone)
        server->options.client_gone(server->options.data, left, negotiated);
    unlist(session);
    g_free(session);
    return NULL;
}

int vemu__nbd_session_start(struct vemu_nbd_server *server, int fd)
{
    struct nbd_session *session = g_new0(struct nbd_session, 1);
    const int on = 1;
    pthread_t thread;
    bool running;
    int r = 0;

    session->server = server;
    session->socket_fd = fd;
    vemu__nbd_stream_init(&session->stream, fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (session->stream.fd < 0)
        r = -errno;
    pthread_mutex_init(&session->lock, NULL);
    pthread_cond_init(&session->idle, NULL);
    pthread_cond_init(&session->worker_gone, NULL);
    pthread_mutex_init(&session->send_lock, NULL);
    vemu__inet_no_delay(fd); /* fails for Unix sockets, as it may */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));

    pthread_mutex_lock(&server->lock);
    running = server->state == NBD_RUNNING;
    if (running && r >= 0) {
        g_ptr_array_add(server->sessions, session);
        server->connected++;
    }
    pthread_mutex_unlock(&server->lock);
    if (!running && r >= 0)
        r = -ESHUTDOWN;
    if (r >= 0) {
        r = vemu__thread_start(NULL, "vemu-nbd-client", session_main, session, &thread);
        if (r < 0) {
            pthread_mutex_lock(&server->lock);
            server->connected--;
            session->socket_fd = -1;
            pthread_mutex_unlock(&server->lock);
            unlist(session);
        }
    }
    if (r < 0) {
        session_close(session);
        close(fd);
        g_free(session);
    }
    return r;
}
