/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sockets vmgrd listens on.
 *
 * A service manager that starts vmgrd on demand passes listening descriptors from 3 on (LISTEN_FDS,
 * LISTEN_PID, sd_listen_fds(3)). One whose path ends in -ro is for read-only clients.
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

static bool is_read_only(int fd)
{
    struct sockaddr_un addr = { 0 };
    socklen_t size = sizeof(addr) - 1;

    return getsockname(fd, (struct sockaddr *)&addr, &size) == 0 && addr.sun_family == AF_UNIX &&
           g_str_has_suffix(addr.sun_path, "-ro");
}

/* How many descriptors were passed to this very process. */
static int passed(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const long n = count ? strtol(count, NULL, 10) : 0;
    const bool ours = pid && strtol(pid, NULL, 10) == (long)getpid();

    unsetenv("LISTEN_PID"); /* not for the guests' processes */
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ours && n > 0 && n <= MOST_PASSED ? (int)n : 0;
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
    const int n = passed();

    for (int fd = FIRST_PASSED; fd < FIRST_PASSED + n; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (vmgr__server_listen_fd(s, fd, is_read_only(fd), err) < 0)
            return -1;
    }
    if (n == 0 && c->standard_sockets && listen_pair(s, c, standard, err) < 0)
        return -1;
    if (listen_list(s, c, c->extra_sockets, err) < 0)
        return -1;
    return listen_list(s, c, c->listen, err);
}
