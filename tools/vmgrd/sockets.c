/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sockets vmgrd listens on.
 *
 * A service manager that starts vmgrd on demand passes listening descriptors from 3 on (LISTEN_FDS,
 * LISTEN_PID, sd_listen_fds(3)). One whose path ends in -ro is for read-only clients; one of TCP is
 * for TLS if its name (LISTEN_FDNAMES) says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmgrd.h"

#define FIRST_PASSED 3
#define MOST_PASSED  16

static enum vmgr__server_way way_of(int fd, const char *name)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    } addr = { 0 };
    socklen_t size = sizeof(addr) - 1;
    const char *path = addr.un.sun_path;

    if (getsockname(fd, &addr.any, &size) == 0 && addr.any.sa_family != AF_UNIX)
        return name && strstr(name, "tls") ? VMGR__SERVER_TLS : VMGR__SERVER_TCP;
    /* Names of the abstract namespace begin with a NUL (unix(7)). */
    return g_str_has_suffix(*path ? path : path + 1, "-ro") ? VMGR__SERVER_UNIX_READ_ONLY
                                                            : VMGR__SERVER_UNIX;
}

/* How many descriptors were passed to this very process; -1: that cannot be. */
static int passed(char ***ret_names, char **err)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const bool ours = count && pid && strtol(pid, NULL, 10) == (long)getpid();
    guint64 n = 0;

    if (ours && !g_ascii_string_to_unsigned(count, 10, 1, MOST_PASSED, &n, NULL))
        *err = g_strdup_printf("LISTEN_FDS is '%s', not a number from 1 to %d", count, MOST_PASSED);

    *ret_names = g_strsplit(getenv("LISTEN_FDNAMES") ? getenv("LISTEN_FDNAMES") : "", ":", -1);
    unsetenv("LISTEN_PID"); /* not for the guests' processes */
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ours && !n ? -1 : (int)n;
}

/* A pair of sockets. */
static int listen_pair(struct vmgr__server *s, const struct config *c, const char *path, char **err)
{
    g_autofree char *read_only = g_strconcat(path, "-ro", NULL);

    if (vmgr__server_listen(s, path, false, err) < 0)
        return -1;
    return c->read_only_socket ? vmgr__server_listen(s, read_only, true, err) : 0;
}

static int listen_list(struct vmgr__server *s, const struct config *c, char **paths, char **err)
{
    for (char **p = paths; p && *p; p++) {
        if (listen_pair(s, c, *p, err) < 0)
            return -1;
    }
    return 0;
}

int sockets_open(struct vmgr__server *s, const struct config *c, char **err)
{
    g_autofree char *run = places_run_dir(c);
    g_autofree char *standard = g_build_filename(run, "libvirt-sock", NULL);
    g_auto(GStrv) names = NULL;
    const int n = passed(&names, err), named = (int)g_strv_length(names);

    if (n < 0)
        return -1;
    for (int fd = FIRST_PASSED; fd < FIRST_PASSED + n; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        const int i = fd - FIRST_PASSED;

        if (vmgr__server_listen_fd(s, fd, way_of(fd, i < named ? names[i] : NULL), err) < 0)
            return -1;
    }
    if (n == 0 && c->standard_sockets && listen_pair(s, c, standard, err) < 0)
        return -1;
    if (listen_list(s, c, c->extra_sockets, err) < 0)
        return -1;
    if (listen_list(s, c, c->listen, err) < 0)
        return -1;
    return network_listen(s, c, err);
}
