/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks between callers: flock() on files that are never removed while someone may wait for them.
 *
 * flock() locks belong to an open file, so two threads of one process exclude each other too, and
 * the kernel ends a lock with its holder. A waiter has a deadline; flock() has none, so it asks
 * again, at first after 1 ms and never later than every 20 ms: only contended calls pay that.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "../vemu.h"
#include "lock.h"

/*
 * Who has the lock of a file, as the kernel tells (proc_locks(5)); 0: it does not. Nothing is noted
 * in the file itself: where locks are on a disk that would cost more than all else in a change.
 */
static int holder(int fd)
{
    FILE *locks = fopen("/proc/locks", "re");
    struct stat st;
    char line[256];
    int found = 0;

    if (!locks)
        return 0;
    if (fstat(fd, &st) < 0)
        st.st_ino = 0;
    while (!found && fgets(line, sizeof(line), locks)) {
        unsigned major, minor;
        uint64_t inode;
        int pid;

        /* "7: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; those who wait have "->" in it */
        if (sscanf(line, "%*u: FLOCK ADVISORY WRITE %d %x:%x:%" SCNu64, &pid, &major, &minor,
                   &inode) == 4 &&
            makedev(major, minor) == st.st_dev && inode == st.st_ino)
            found = pid;
    }
    fclose(locks);
    return found;
}

static int timed_out(int fd, struct vmgr_error **err)
{
    const int pid = holder(fd);

    if (pid > 0)
        return vemu_error(err, VMGR_ERR_OPERATION_TIMEOUT,
                          "cannot acquire state change lock (held by process %d)", pid);
    return vemu_error(err, VMGR_ERR_OPERATION_TIMEOUT,
                      "cannot acquire state change lock (held by another process)");
}

int vmgr__file_lock(const char *path, int timeout_ms, struct vmgr_error **err)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    struct timespec pause = { 0, 1000000 };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open lock file '%s'",
                                     path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot lock file '%s'", path);
            close(fd);
            return -1;
        }
        if (g_get_monotonic_time() >= deadline) {
            if (timeout_ms)
                timed_out(fd, err);
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
        pause.tv_nsec = MIN(pause.tv_nsec * 2, 20000000);
    }
    return fd;
}

int vmgr__vemu_lock(const struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *path = g_strdup_printf("%s/%s.lock", d->lock_dir, name);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

int vmgr__vemu_try_lock(const struct vemu *d, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s.lock", d->lock_dir, name);

    return vmgr__file_lock(path, 0, NULL);
}

int vmgr__vemu_lock_global(const struct vemu *d, struct vmgr_error **err)
{
    /* Beside the directory of the locks: no domain can have this name. */
    g_autofree char *path = g_strconcat(d->lock_dir, ".global", NULL);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

int vmgr__vemu_lock_networks(const struct vemu *d, bool wait, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".networks", NULL);

    return vmgr__file_lock(path, wait ? VEMU_LOCK_TIMEOUT_MS : 0, wait ? err : NULL);
}

void vmgr__vemu_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
