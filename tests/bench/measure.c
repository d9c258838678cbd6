/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure ROUNDS COMMAND... [--- COMMAND...]: runs the commands in turn, so many times each, and
 * prints a line for every run: wall microseconds, peak RSS in KiB, exit status.
 *
 * A small process of its own, since a child inherits the peak RSS of the process it was forked
 * from, and since what an interpreter does between two runs is not what should be measured.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8 };

static int measure(char **argv, int null)
{
    struct timespec a, b;
    struct rusage usage;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t child = vfork();
    if (child == 0) {
        dup2(null, 0);
        dup2(null, 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) < 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld %ld %d\n", (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000,
           usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

int main(int argc, char **argv)
{
    char **commands[MAX_COMMANDS];
    int count = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (argc < 3 || null < 0)
        return 2;
    for (int n = 2; n <= argc; n++)
        if (n == 2 || !strcmp(argv[n - 1], "---")) {
            if (count == MAX_COMMANDS || n == argc)
                return 2;
            argv[n - 1] = n == 2 ? argv[n - 1] : NULL;
            commands[count++] = argv + n;
        }
    for (long round = strtol(argv[1], NULL, 10); round > 0; round--)
        for (int n = 0; n < count; n++)
            if (measure(commands[n], null))
                return 1;
    return 0;
}
