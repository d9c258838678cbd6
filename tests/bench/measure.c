/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure COMMAND...: runs it and prints wall microseconds, peak RSS in KiB and exit status.
 *
 * A small process of its own, since a child inherits the peak RSS of the process it was forked
 * from.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec a, b;
    struct rusage usage;
    int status;
    (void)argc;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t child = vfork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) < 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld %ld %d\n", (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000,
           usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
