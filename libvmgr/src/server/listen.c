/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listening sockets.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "internal.h"

struct listener {
    struct source source; /* first */
    struct vmgr__server *server;
    int fd;
    int spare_fd; /* given up to refuse a client when descriptors run out */
    enum vmgr__server_way way;
    char *path; /* to be removed; NULL: not ours */
    dev_t dev;
    ino_t ino;
};

static void listener_free(struct listener *l)
{
    struct stat st;

    /* Only what we made: a later server may have put its own there. */
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->path);
    close(l->fd);
    if (l->spare_fd >= 0)
        close(l->spare_fd);
    g_free(l->path);
    g_free(l);
}

void vmgr__listeners_free(struct vmgr__server *s)
{
    for (guint i = 0; i < s->listeners->len; i++)
        listener_free(s->listeners->pdata[i]);
    g_ptr_array_unref(s->listeners);
}

/* Without a descriptor to accept with, the client would wait for ever and the loop spin. */
static void refuse(struct listener *l)
{
    int fd;

    close(l->spare_fd);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    l->spare_fd = epoll_create1(EPOLL_CLOEXEC);
}

static void accept_ready(struct source *source, uint32_t events)
{
    struct listener *l = (struct listener *)source;

    (void)events;
    for (int i = 0; i < 64; i++) {
        const int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            vmgr__client_accept(l->server, fd, l->way);
        } else if ((errno == EMFILE || errno == ENFILE) && l->spare_fd >= 0) {
            vmgr__log(l->server, VMGR__LOG_ERROR, "client refused", "reason=\"%s\"",
                      g_strerror(errno));
            refuse(l);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static int listener_add(struct vmgr__server *s, int fd, const char *path, enum vmgr__server_way way,
                        char **err)
{
    struct listener *l = g_new0(struct listener, 1);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
    struct stat st;

    l->source.ready = accept_ready;
    l->server = s;
    l->fd = fd;
    l->way = way;
    l->spare_fd = epoll_create1(EPOLL_CLOEXEC);
    l->path = g_strdup(path);
    if (path && lstat(path, &st) == 0) {
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    g_ptr_array_add(s->listeners, l);
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        return vmgr__server_fail(err, errno, "cannot poll a socket");
    return 0;
}

/* Removes a socket on which nobody listens. */
static int remove_stale(const struct sockaddr_un *addr, char **err)
{
    struct stat st;
    bool live = true;
    int fd;

    if (lstat(addr->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return vmgr__server_fail(err, 0, "'%s' exists and is not a socket", addr->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vmgr__server_fail(err, errno, "cannot make a socket");
    /* A child of a server that was killed may hold the socket for a moment longer. */
    for (int i = 0; i < 20; i++) {
        live = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN;
        if (!live)
            break;
        close(fd);
        g_usleep(10000);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            return vmgr__server_fail(err, errno, "cannot make a socket");
    }
    if (live) {
        close(fd);
        return vmgr__server_fail(err, 0, "another server listens on '%s'", addr->sun_path);
    }
    close(fd);
    if (unlink(addr->sun_path) < 0 && errno != ENOENT)
        return vmgr__server_fail(err, errno, "cannot remove '%s'", addr->sun_path);
    return 0;
}

/* Who may connect at all; vmgr__peer_check() decides who may stay. */
static int set_access(struct vmgr__server *s, const char *path, bool read_only, char **err)
{
    const struct vmgr__server_limits limits = vmgr__server_limits(s);
    mode_t mode = 0600;

    if (limits.group >= 0) {
        if (lchown(path, (uid_t)-1, (gid_t)limits.group) < 0)
            return vmgr__server_fail(err, errno, "cannot give '%s' to group %lld", path,
                                     (long long)limits.group);
        mode = 0660;
    }
    if (read_only && limits.open_read_only)
        mode = 0666;
    if (chmod(path, mode) < 0)
        return vmgr__server_fail(err, errno, "cannot set the mode of '%s'", path);
    return 0;
}

int vmgr__server_listen(struct vmgr__server *s, const char *path, bool read_only, char **err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    mode_t mask;
    const enum vmgr__server_way way = read_only ? VMGR__SERVER_UNIX_READ_ONLY : VMGR__SERVER_UNIX;
    int fd, r;

    if (strlen(path) >= sizeof(addr.sun_path))
        return vmgr__server_fail(err, 0, "socket path '%s' is too long", path);
    strcpy(addr.sun_path, path);
    if (remove_stale(&addr, err) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vmgr__server_fail(err, errno, "cannot make a socket");
    mask = umask(0177); /* nobody else before the owner is set */
    r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
    umask(mask);
    if (r < 0) {
        vmgr__server_fail(err, errno, "cannot listen on '%s'", path);
        close(fd);
        return -1;
    }
    if (listener_add(s, fd, path, way, err) < 0 || set_access(s, path, read_only, err) < 0)
        return -1;
    if (listen(fd, SOMAXCONN) < 0)
        return vmgr__server_fail(err, errno, "cannot listen on '%s'", path);
    vmgr__log(s, VMGR__LOG_INFO, "listening", "path=%s read_only=%d", path, read_only);
    return 0;
}

int vmgr__server_listen_fd(struct vmgr__server *s, int fd, enum vmgr__server_way way, char **err)
{
    const bool net = way == VMGR__SERVER_TCP || way == VMGR__SERVER_TLS;
    struct sockaddr_storage addr;
    socklen_t size = sizeof(addr);
    int listening = 0;
    socklen_t one = sizeof(listening);

    if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0 ||
        (addr.ss_family != AF_UNIX) != net ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &one) < 0 || !listening) {
        close(fd);
        return vmgr__server_fail(err, 0, "descriptor %d is not a listening %s socket", fd,
                                 net ? "TCP" : "unix");
    }
    if (way == VMGR__SERVER_TLS && !s->tls) {
        close(fd);
        return vmgr__server_fail(err, 0, "descriptor %d is for TLS, which has no certificates", fd);
    }
    if (!g_unix_set_fd_nonblocking(fd, TRUE, NULL)) {
        close(fd);
        return vmgr__server_fail(err, errno, "cannot use descriptor %d", fd);
    }
    return listener_add(s, fd, NULL, way, err);
}

static int listen_address(struct vmgr__server *s, const struct addrinfo *a,
                          enum vmgr__server_way way, char **err)
{
    const int fd =
        socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    const int one = 1;

    if (fd < 0)
        return vmgr__server_fail(err, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->ai_family == AF_INET6) /* the other family has its own */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        vmgr__server_fail(err, errno, "cannot listen");
        close(fd);
        return -1;
    }
    return listener_add(s, fd, NULL, way, err);
}

int vmgr__server_listen_net(struct vmgr__server *s, const char *address, unsigned port, bool tls,
                            char **err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    const char *where = address ? address : "any address";
    g_autofree char *service = g_strdup_printf("%u", port);
    struct addrinfo *all = NULL;
    const int r = getaddrinfo(address, service, &hints, &all);
    unsigned n = 0;

    if (tls && !s->tls)
        return vmgr__server_fail(err, 0, "TLS without certificates");
    if (r != 0)
        return vmgr__server_fail(err, 0, "cannot listen on %s, port %u: %s", where, port,
                                 gai_strerror(r));
    for (const struct addrinfo *a = all; a; a = a->ai_next) {
        g_autofree char *why = NULL;

        /* A host without one of the families has the other. */
        if (listen_address(s, a, tls ? VMGR__SERVER_TLS : VMGR__SERVER_TCP, &why) == 0)
            n++;
        else if (!*err)
            *err = g_strdup_printf("%s, port %u: %s", where, port, why);
    }
    freeaddrinfo(all);
    if (!n)
        return -1;
    g_clear_pointer(err, g_free);
    vmgr__log(s, VMGR__LOG_INFO, "listening", "address=\"%s\" port=%u tls=%d", where, port, tls);
    return 0;
}
