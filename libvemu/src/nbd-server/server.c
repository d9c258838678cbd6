/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD server: where it listens, its beginning and end.
 *
 * One thread accepts; every client has a session with threads of its own. A server that has as many
 * clients as it may leaves new ones in the sockets' queues until one goes.
 */
#include "nbd-server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/inet-socket.h"
#include "core/thread.h"
#include "image/nbd/tls.h"

#define DEFAULT_CLIENTS  100u
#define MAX_CLIENTS      4096u
#define DEFAULT_REQUESTS 16u
#define MAX_REQUESTS     256u
#define DEFAULT_MS       10000u
#define BACKLOG          128
#define REFUSED_MS       100 /* pause after accept(2) failed */

/* --- making ----------------------------------------------------------------------------------- */

static int check_options(const struct vemu_nbd_server_options *options, struct vemu_error **err)
{
    const struct nbd_tls_config config = { .server = true, .creds = options->tls_creds };

    if (options->size < sizeof(*options) ||
        (options->flags & ~(VEMU_NBD_TLS_REQUIRED | VEMU_NBD_TLS_VERIFY_PEER)))
        return vemu__error_set(err, EINVAL, "bad size of the options, or unknown flags");
    if (options->flags && !options->tls_creds)
        return vemu__error_set(err, EINVAL, "TLS without credentials");
    if (options->max_clients > MAX_CLIENTS || options->max_requests > MAX_REQUESTS)
        return vemu__error_set(err, EINVAL, "more than %u clients, or %u requests", MAX_CLIENTS,
                               MAX_REQUESTS);
    return options->tls_creds ? vemu__nbd_tls_check(&config, err) : 0;
}

int vemu_nbd_server_new(const struct vemu_nbd_server_options *options, struct vemu_nbd_server **ret,
                        struct vemu_error **err)
{
    static const struct vemu_nbd_server_options plain = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct vemu_nbd_server *server;
    int fd, r;

    if (!ret)
        return vemu__error_set(err, EINVAL, "the result is missing");
    options = options ? options : &plain;
    r = check_options(options, err);
    if (r < 0)
        return r;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return vemu__error_set(err, errno, "cannot make an eventfd: %s", g_strerror(errno));
    server = g_new0(struct vemu_nbd_server, 1);
    server->options = *options;
    server->tls_creds = g_strdup(options->tls_creds);
    server->options.max_clients = options->max_clients ? options->max_clients : DEFAULT_CLIENTS;
    server->options.max_requests = options->max_requests ? options->max_requests : DEFAULT_REQUESTS;
    if (!options->handshake_timeout_ms)
        server->options.handshake_timeout_ms = DEFAULT_MS;
    server->wake_fd = fd;
    server->exports = g_ptr_array_new();
    server->sessions = g_ptr_array_new();
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    *ret = server;
    return 0;
}

/* --- places to listen ------------------------------------------------------------------------- */

static int may_listen(const struct vemu_nbd_server *server, struct vemu_error **err)
{
    if (server->state != NBD_NEW)
        return vemu__error_set(err, EBUSY, "the server runs already, or was stopped");
    if (server->listener_count == NBD_LISTENERS_MAX)
        return vemu__error_set(err, E2BIG, "the server listens at %u places already",
                               NBD_LISTENERS_MAX);
    return 0;
}

/* The library's own sockets have a queue of one. */
static int add_listener(struct vemu_nbd_server *server, int fd, char *name,
                        const struct vemu_unix_file *file, struct vemu_error **err)
{
    int r;

    if (listen(fd, BACKLOG) < 0) {
        r = vemu__error_set(err, errno, "cannot listen on %s: %s", name, g_strerror(errno));
        if (file)
            vemu__unix_unbind(name, &(struct vemu_unix_file){ file->bound, file->dev, file->ino });
        close(fd);
        g_free(name);
        return r;
    }
    server->listeners[server->listener_count++] = (struct nbd_listener){
        .fd = fd,
        .name = name,
        .file = file ? *file : (struct vemu_unix_file){ 0 },
    };
    return 0;
}

int vemu_nbd_server_listen_unix(struct vemu_nbd_server *server, const char *path,
                                struct vemu_error **err)
{
    struct vemu_unix_file file = { 0 };
    int fd, r = may_listen(server, err);

    if (r < 0)
        return r;
    fd = vemu__unix_bind(path, SOCK_STREAM, &file, err);
    if (fd >= 0)
        return add_listener(server, fd, g_strdup(path), &file, err);
    vemu__unix_unbind(path, &file);
    return fd;
}

int vemu_nbd_server_listen_inet(struct vemu_nbd_server *server, const char *host, const char *port,
                                struct vemu_error **err)
{
    char *name = NULL;
    int fd, r = may_listen(server, err);

    if (r < 0)
        return r;
    fd = vemu__inet_listen(host ? host : "0.0.0.0", port, &name, err);
    return fd < 0 ? fd : add_listener(server, fd, name, NULL, err);
}

int vemu_nbd_server_listen_fd(struct vemu_nbd_server *server, int fd, struct vemu_error **err)
{
    g_autofree char *text = g_strdup_printf("%d", fd);
    int r = may_listen(server, err);

    if (r >= 0)
        r = vemu__unix_use_fd(text, SOCK_STREAM, true, err);
    if (r >= 0)
        return add_listener(server, fd, g_strdup_printf("fd %d", fd), NULL, err);
    close(fd);
    return r;
}

const char *vemu_nbd_server_get_address(const struct vemu_nbd_server *server, unsigned i)
{
    return i < server->listener_count ? server->listeners[i].name : NULL;
}

/* --- accepting -------------------------------------------------------------------------------- */

void vemu__nbd_server_wake(struct vemu_nbd_server *server)
{
    const uint64_t one = 1;
    ssize_t n = write(server->wake_fd, &one, sizeof(one));

    (void)n; /* full: it wakes anyway */
}

static void accept_one(struct vemu_nbd_server *server, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        vemu__nbd_session_start(server, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        poll(NULL, 0, REFUSED_MS); /* it would poll readable for ever */
}

/* How many of the places to wait on; false: the server ends. */
static bool want_clients(struct vemu_nbd_server *server, unsigned *ret)
{
    bool running;

    pthread_mutex_lock(&server->lock);
    running = server->state == NBD_RUNNING;
    *ret = server->sessions->len < server->options.max_clients ? server->listener_count : 0;
    pthread_mutex_unlock(&server->lock);
    return running;
}

static void *accept_main(void *data)
{
    struct vemu_nbd_server *server = data;
    unsigned count;

    while (want_clients(server, &count)) {
        struct pollfd fds[NBD_LISTENERS_MAX + 1] = { { server->wake_fd, POLLIN, 0 } };
        uint64_t n;

        for (unsigned i = 0; i < count; i++)
            fds[i + 1] = (struct pollfd){ server->listeners[i].fd, POLLIN, 0 };
        if (poll(fds, count + 1, -1) < 0)
            continue;
        if (fds[0].revents && read(server->wake_fd, &n, sizeof(n)) < 0)
            continue;
        for (unsigned i = 0; i < count; i++)
            if (fds[i + 1].revents)
                accept_one(server, server->listeners[i].fd);
    }
    return NULL;
}

int vemu_nbd_server_start(struct vemu_nbd_server *server, struct vemu_error **err)
{
    int r;

    if (server->state != NBD_NEW)
        return vemu__error_set(err, EBUSY, "the server runs already, or was stopped");
    server->state = NBD_RUNNING;
    r = vemu__thread_start(NULL, "vemu-nbd", accept_main, server, &server->thread);
    if (r < 0) {
        server->state = NBD_NEW;
        return vemu__error_set(err, -r, "cannot make a thread: %s", g_strerror(-r));
    }
    return 0;
}

int vemu_nbd_server_add_client(struct vemu_nbd_server *server, int fd, struct vemu_error **err)
{
    int flags = fcntl(fd, F_GETFL), r = -EBADF;
    bool full, running;

    pthread_mutex_lock(&server->lock);
    running = server->state == NBD_RUNNING;
    full = server->sessions->len >= server->options.max_clients;
    pthread_mutex_unlock(&server->lock);
    if (!running || full) {
        close(fd);
        return full ? vemu__error_set(err, EBUSY, "the server has as many clients as it may")
                    : vemu__error_set(err, ESHUTDOWN, "the server does not run");
    }
    if (flags >= 0)
        r = fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0
                ? -errno
                : vemu__nbd_session_start(server, fd);
    return r < 0 ? vemu__error_set(err, -r, "cannot serve a client: %s", g_strerror(-r)) : 0;
}

uint32_t vemu_nbd_server_get_clients(const struct vemu_nbd_server *server)
{
    struct vemu_nbd_server *s = (struct vemu_nbd_server *)server;
    uint32_t n;

    pthread_mutex_lock(&s->lock);
    n = s->sessions->len;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* --- the end ---------------------------------------------------------------------------------- */

void vemu_nbd_server_stop(struct vemu_nbd_server *server)
{
    bool running;

    pthread_mutex_lock(&server->lock);
    running = server->state == NBD_RUNNING;
    server->state = NBD_STOPPED;
    pthread_mutex_unlock(&server->lock);
    if (running) {
        vemu__nbd_server_wake(server);
        pthread_join(server->thread, NULL);
    }
    pthread_mutex_lock(&server->lock);
    for (guint i = 0; i < server->sessions->len; i++) {
        struct nbd_session *session = server->sessions->pdata[i];

        shutdown(session->socket_fd, SHUT_RDWR);
    }
    while (server->sessions->len)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void vemu_nbd_server_free(struct vemu_nbd_server *server)
{
    if (!server)
        return;
    vemu_nbd_server_stop(server);
    for (unsigned i = 0; i < server->listener_count; i++) {
        vemu__unix_unbind(server->listeners[i].name, &server->listeners[i].file);
        close(server->listeners[i].fd);
        g_free(server->listeners[i].name);
    }
    for (guint i = 0; i < server->exports->len; i++)
        vemu__nbd_export_free(server->exports->pdata[i]);
    g_ptr_array_free(server->exports, TRUE);
    g_ptr_array_free(server->sessions, TRUE);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    close(server->wake_fd);
    g_free(server->tls_creds);
    g_free(server);
}
