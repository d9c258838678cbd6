/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access by peer credentials: the kernel says who connected (unix(7), SO_PEERCRED, SO_PEERGROUPS).
 *
 * A read-write socket is for root, the server's own user and one group, chosen by configuration.
 * A read-only socket is for the same, and for everybody where the configuration opens it.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

static bool in_group(const struct vmgr__client *c, gid_t group)
{
    gid_t groups[1024];
    socklen_t size = sizeof(groups);

    if (c->gid == group)
        return true;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

/* "address;port", as SASL wants it too; NULL: not of the network. */
static char *name_of(int fd, int (*get)(int fd, struct sockaddr *addr, socklen_t *size))
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof(addr);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (get(fd, (struct sockaddr *)&addr, &size) < 0 ||
        getnameinfo((struct sockaddr *)&addr, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    return g_strdup_printf("%s;%s", host, port);
}

char *vmgr__peer_local_name(const struct vmgr__client *c)
{
    return c->address ? name_of(c->fd, getsockname) : NULL;
}

/* Nobody vouches for who comes over the network: it has to prove who it is. */
static void check_network(struct vmgr__client *c)
{
    struct vmgr__server_access access = vmgr__server_access(c->server);
    const int one = 1;

    c->address = name_of(c->fd, getpeername);
    if (!c->address)
        c->address = g_strdup("unknown");
    c->allowed = true;
    c->needs_sasl = c->way == VMGR__SERVER_TCP || access.tls_sasl;
    vmgr__access_clear(&access);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

void vmgr__peer_check(struct vmgr__client *c)
{
    const struct vmgr__server_limits limits = vmgr__server_limits(c->server);
    struct ucred cred;
    socklen_t size = sizeof(cred);

    c->uid = (uid_t)-1;
    c->gid = (gid_t)-1;
    if (c->way == VMGR__SERVER_TCP || c->way == VMGR__SERVER_TLS) {
        check_network(c);
        return;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 || size != sizeof(cred))
        return; /* nobody knows who that is */
    c->uid = cred.uid;
    c->gid = cred.gid;
    c->pid = cred.pid;
    c->allowed = cred.uid == 0 || cred.uid == geteuid() ||
                 (limits.group >= 0 && in_group(c, (gid_t)limits.group)) ||
                 (c->read_only_socket && limits.open_read_only);
}
