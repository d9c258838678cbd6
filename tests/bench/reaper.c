/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reaper COMMAND...: runs a daemon, and collects what it leaves behind at once.
 *
 * The first process of a machine may take seconds to collect an orphan, and libvirtd waits until a
 * guest's process is gone, not until it has ended. So what is measured of "destroy" would be that.
 * Prints the daemon's process id; SIGTERM is passed on to it; ends when it has ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t daemon_pid;

static void pass_on(int number)
{
    if (daemon_pid > 0)
        kill(daemon_pid, number);
}

int main(int argc, char **argv)
{
    int status = 0, last = 1;
    pid_t pid;

    if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return 2;
    signal(SIGTERM, pass_on);
    daemon_pid = fork();
    if (daemon_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    printf("%d\n", (int)daemon_pid);
    fflush(stdout);
    while ((pid = wait(&status)) > 0 || errno == EINTR) {
        if (pid == daemon_pid) {
            last = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            break;
        }
    }
    return last;
}
