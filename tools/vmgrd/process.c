/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One daemon per state directory, and going to the background.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmgrd.h"

int process_lock(const char *path, char **err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool locked = false;
    char text[32];
    ssize_t n;

    if (fd < 0) {
        *err = g_strdup_printf("cannot open pid file '%s': %s", path, g_strerror(errno));
        return -1;
    }
    /* A child of one that was killed may live, and hold the lock, for a moment longer. */
    for (int i = 0; i < 50 && !locked; i++) {
        locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (!locked)
            g_usleep(10000);
    }
    if (!locked) {
        n = pread(fd, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = 0;
        *err = g_strdup_printf("another vmgrd (process %.*s) serves this already: '%s' is locked",
                               (int)strcspn(text, "\n"), text, path);
        close(fd);
        return -1;
    }
    n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        *err = g_strdup_printf("cannot write pid file '%s': %s", path, g_strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int process_daemonize(char **err)
{
    int fds[2];
    char status = 1;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        *err = g_strdup_printf("cannot go to the background: %s", g_strerror(errno));
        return -1;
    }
    if (pid > 0) {
        close(fds[1]);
        /* No word: it has ended, and said why on standard error. */
        if (read(fds[0], &status, 1) != 1)
            status = 1;
        _exit(status);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

void process_ready(int fd)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const char status = 0;

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    if (chdir("/") < 0 || write(fd, &status, 1) != 1)
        errno = 0; /* whoever waited is gone; it runs nevertheless */
    close(fd);
}
