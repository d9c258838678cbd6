/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access by peer credentials: the kernel says who connected (unix(7), SO_PEERCRED, SO_PEERGROUPS).
 *
 * A read-write socket is for root, the server's own user and one group, chosen by configuration.
 * A read-only socket is for the same, and for everybody where the configuration opens it.
 */
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

void vmgr__peer_check(struct vmgr__client *c)
{
    const struct vmgr__server_limits limits = vmgr__server_limits(c->server);
    struct ucred cred;
    socklen_t size = sizeof(cred);

    c->uid = (uid_t)-1;
    c->gid = (gid_t)-1;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 || size != sizeof(cred))
        return; /* nobody knows who that is */
    c->uid = cred.uid;
    c->gid = cred.gid;
    c->pid = cred.pid;
    c->allowed = cred.uid == 0 || cred.uid == geteuid() ||
                 (limits.group >= 0 && in_group(c, (gid_t)limits.group)) ||
                 (c->read_only_socket && limits.open_read_only);
}
