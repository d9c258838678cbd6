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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmgrd.h"

/* Whether the file still has its name: one that ends takes that away, and then the lock. */
static bool is_there(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

/* The file with a lock on it; -1: somebody else has it, or errno says why not. */
static int open_locked(const char *path, bool *ret_taken)
{
    int fd;

    while ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) >= 0) {
        *ret_taken = true;
        /* A child of one that was killed may live, and hold the lock, for a moment longer. */
        for (int i = 0; i < 50 && *ret_taken; i++) {
            *ret_taken = flock(fd, LOCK_EX | LOCK_NB) < 0;
            if (*ret_taken)
                g_usleep(10000);
        }
        if (!*ret_taken && is_there(fd, path))
            break;
        close(fd);
        if (*ret_taken)
            return -1;
    }
    return fd;
}

static int taken(const char *path, char **err)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        text = g_strdup("?");
    *err = g_strdup_printf("another vmgrd (process %.*s) serves this already: '%s' is locked",
                           (int)strcspn(text, "\n"), text, path);
    return -1;
}

int process_lock(const char *path, char **err)
{
    bool is_taken = false;
    const int fd = open_locked(path, &is_taken);
    char text[32];
    int n;

    if (fd < 0 && is_taken)
        return taken(path, err);
    if (fd < 0) {
        *err = g_strdup_printf("cannot open pid file '%s': %s", path, g_strerror(errno));
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
