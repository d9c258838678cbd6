/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes by identity: a number may be used again, a number with its start time may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../vemu.h"
#include "process.h"

struct stat_fields {
    char state;
    uint64_t utime, stime, start_time;
};

/* /proc/PID/stat, proc(5). The command in parentheses may hold anything, so fields count from the
 * last parenthesis. */
static bool read_stat(int pid, struct stat_fields *ret)
{
    char path[40], buf[1024];
    const char *p;
    ssize_t n;
    int fd;

    g_snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    if (n <= 0)
        return false;
    buf[n] = '\0';
    p = strrchr(buf, ')');
    return p && sscanf(p + 1,
                       " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" G_GINT64_MODIFIER
                       "u %" G_GINT64_MODIFIER "u %*d %*d %*d %*d %*d %*d %" G_GINT64_MODIFIER "u",
                       &ret->state, &ret->utime, &ret->stime, &ret->start_time) == 4;
}

bool vmgr__process_identify(int pid, struct vemu_process *ret)
{
    struct stat_fields f;

    if (!read_stat(pid, &f))
        return false;
    ret->pid = pid;
    ret->start_time = f.start_time;
    return true;
}

bool vmgr__process_is_alive(const struct vemu_process *p)
{
    struct stat_fields f;

    return p->pid > 0 && read_stat(p->pid, &f) && f.start_time == p->start_time && f.state != 'Z' &&
           f.state != 'X';
}

bool vmgr__process_is_in(const char *dir)
{
    g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
    struct stat there, its;
    const char *name;

    if (stat(dir, &there) < 0)
        return false;
    while (processes && (name = g_dir_read_name(processes))) {
        char path[40];

        g_snprintf(path, sizeof(path), "/proc/%.16s/cwd", name);
        if (g_ascii_isdigit(name[0]) && stat(path, &its) == 0 && its.st_dev == there.st_dev &&
            its.st_ino == there.st_ino)
            return true;
    }
    return false;
}

int vmgr__process_open(const struct vemu_process *p)
{
    int fd;

    if (p->pid <= 0)
        return -1;
    fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    /* Looked at after opening: from here on the descriptor cannot come to mean another process. */
    if (fd >= 0 && !vmgr__process_is_alive(p)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool vmgr__process_wait(int pidfd, int timeout_ms)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    struct pollfd p = { .fd = pidfd, .events = POLLIN };

    for (;;) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        int n = poll(&p, 1, left > 0 ? (int)left : 0);

        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

uint64_t vmgr__process_cpu_time_ns(const struct vemu_process *p)
{
    uint64_t user, system;

    return vmgr__process_times_ns(p, &user, &system) ? user + system : 0;
}

bool vmgr__process_times_ns(const struct vemu_process *p, uint64_t *ret_user, uint64_t *ret_system)
{
    struct stat_fields f;
    uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);

    if (p->pid <= 0 || !read_stat(p->pid, &f) || f.start_time != p->start_time)
        return false;
    *ret_user = f.utime * tick_ns;
    *ret_system = f.stime * tick_ns;
    return true;
}

const char *vmgr__boot_id(void)
{
    static gsize ready;
    static char id[40];

    if (g_once_init_enter(&ready)) {
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
            if (read(fd, id, sizeof(id) - 1) < 0)
                id[0] = '\0';
            close(fd);
        }
        id[strcspn(id, "\n")] = '\0';
        g_once_init_leave(&ready, 1);
    }
    return id;
}
