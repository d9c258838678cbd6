/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Background operation.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static int ready_fd = -1; /* child: end of the pipe the parent waits on */
static int pid_fd = -1;   /* holds the lock for as long as the process lives */

bool daemon_start(void)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        report("pipe: %s", strerror(errno));
        return false;
    }
    pid_t child = fork();
    if (child < 0) {
        report("fork: %s", strerror(errno));
        return false;
    }
    if (child > 0) {
        char byte;
        close(pipe_fds[1]);
        ssize_t n;
        do {
            n = read(pipe_fds[0], &byte, 1);
        } while (n < 0 && errno == EINTR);
        if (n == 1)
            _exit(0);
        int status = 1;
        waitpid(child, &status, 0);
        _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
    }
    close(pipe_fds[0]);
    ready_fd = pipe_fds[1];
    setsid();
    return true;
}

void daemon_ready(void)
{
    if (ready_fd < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        close(null);
    }
    ssize_t n = write(ready_fd, "", 1);
    (void)n; /* a parent that went away needs no answer */
    close(ready_fd);
    ready_fd = -1;
}

bool pidfile_write(const char *path)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (pid_fd < 0) {
        report("cannot create pid file '%s': %s", path, strerror(errno));
        return false;
    }
    if (fcntl(pid_fd, F_SETLK, &lock) < 0) {
        report("pid file '%s' belongs to a running process", path);
        close(pid_fd);
        pid_fd = -1;
        return false;
    }
    if (ftruncate(pid_fd, 0) < 0 || write(pid_fd, text, (size_t)length) != length) {
        report("cannot write pid file '%s': %s", path, strerror(errno));
        return false;
    }
    return true;
}

void pidfile_remove(const char *path)
{
    if (pid_fd >= 0)
        unlink(path);
}

bool exit_file_write(const char *path, const char *cause, uint32_t code, int status)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid()) >=
        (int)sizeof(temporary)) {
        report("exit file name too long");
        return false;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && dprintf(fd, "{\"cause\": \"%s\", \"code\": %u, \"status\": %d}\n", cause,
                                 code, status) > 0;
    if (fd >= 0)
        close(fd);
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        report("cannot write exit file '%s': %s", path, strerror(errno));
        if (fd >= 0)
            unlink(temporary);
    }
    return ok;
}
