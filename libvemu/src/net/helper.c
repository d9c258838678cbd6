/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Helper programs.
 *
 * The helper ends when its socket does, which is when the last process that holds our end is gone:
 * it outlives no machine, however that dies. (PR_SET_PDEATHSIG would look at a thread, not at the
 * process.) Signals go through a pidfd where the kernel has one, so that an application that reaps
 * children it does not know cannot make us hit another process.
 */
#include "net/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000

extern char **environ;

char *vemu__net_helper_find(const char *name, struct vemu_error **err)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *here = g_path_get_dirname(program ? program : VEMU_LIBEXECDIR "/");
    const char *const folders[] = { here, "..", VEMU_LIBEXECDIR };

    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        bool built = strcmp(folders[i], "..") == 0; /* tools/vemu-slirp beside tools/vemu */
        char *path = built ? g_build_filename(here, "..", name, name, NULL)
                           : g_build_filename(folders[i], name, NULL);

        if (access(path, X_OK) == 0)
            return path;
        g_free(path);
    }
    vemu__error_set(err, ENOENT, "the program %s is missing (it is in neither %s nor %s)", name,
                    VEMU_LIBEXECDIR, here);
    return NULL;
}

/* --- starting --------------------------------------------------------------------------------- */

/* The library's threads block signals and the application may ignore some; the helper does not. */
static int spawn(char *const argv[], int socket_fd, int error_fd, int pass_fd, int *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    pid_t pid;
    int r;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket_fd, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, error_fd, 2);
    if (pass_fd)
        posix_spawn_file_actions_adddup2(&actions, pass_fd, 3);
    posix_spawn_file_actions_addclosefrom_np(&actions, pass_fd ? 4 : 3);
    r = -posix_spawn(&pid, argv[0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    *ret_pid = pid;
    return r;
}

/* Collects lines until "ready". */
static int wait_ready(int fd, struct vemu_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + START_MS * G_GINT64_CONSTANT(1000);

    for (;;) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        gint64 left = (end - g_get_monotonic_time()) / 1000;
        char buf[256];
        ssize_t n;

        if (left <= 0 || text->len > 4096)
            return vemu__error_set(err, ETIMEDOUT, "the helper does not start: %s", text->str);
        if (poll(&poll_fd, 1, (int)left) <= 0)
            continue;
        n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vemu__error_set(err, EIO, "%s",
                                   text->len ? g_strchomp(text->str) : "the helper has died");
        g_string_append_len(text, buf, n);
        if (g_str_has_suffix(text->str, "ready\n"))
            return 0;
    }
}

int vemu__net_helper_start(struct vemu_net_helper *helper, char *const argv[], int *ret_fd,
                           struct vemu_error **err)
{
    int sockets[2] = { -1, -1 }, errors[2] = { -1, -1 }, r = 0;

    helper->pidfd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0 ||
        pipe2(errors, O_CLOEXEC) < 0)
        r = -errno;
    if (r >= 0)
        r = spawn(argv, sockets[1], errors[1], helper->pass_fd, &helper->pid);
    if (r < 0) {
        helper->pid = 0;
        vemu__error_set(err, -r, "cannot start %s: %s", argv[0], strerror(-r));
    } else {
        helper->pidfd = (int)syscall(SYS_pidfd_open, helper->pid, 0);
        close(sockets[1]);
        close(errors[1]);
        sockets[1] = errors[1] = -1;
        r = wait_ready(errors[0], err);
    }
    if (r >= 0) {
        fcntl(sockets[0], F_SETFL, O_NONBLOCK);
        *ret_fd = sockets[0];
        sockets[0] = -1;
    }
    for (int i = 0; i < 2; i++) {
        if (sockets[i] >= 0)
            close(sockets[i]);
        if (errors[i] >= 0)
            close(errors[i]);
    }
    return r;
}

/* --- ending ----------------------------------------------------------------------------------- */

void vemu__net_helper_stop(struct vemu_net_helper *helper)
{
    if (!helper->pid)
        return;
    /* It keeps nothing that would need a gentle end. Without a pidfd its socket tells it. */
    if (helper->pidfd >= 0) {
        syscall(SYS_pidfd_send_signal, helper->pidfd, SIGKILL, NULL, 0);
        close(helper->pidfd);
    }
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    helper->pid = 0;
    helper->pidfd = -1;
}
