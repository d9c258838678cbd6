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
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../vemu.h"
#include "lock.h"

static void note_holder(int fd)
{
    char text[32];
    int n = g_snprintf(text, sizeof(text), "%d\n", (int)getpid());

    /* For people and error messages; nothing depends on it. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        return;
}

static int holder(int fd)
{
    char text[32] = { 0 };

    if (pread(fd, text, sizeof(text) - 1, 0) < 0)
        return 0;
    return (int)g_ascii_strtoll(text, NULL, 10);
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
                vemu_error(err, VMGR_ERR_OPERATION_TIMEOUT,
                           "cannot acquire state change lock (held by process %d)", holder(fd));
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
        pause.tv_nsec = MIN(pause.tv_nsec * 2, 20000000);
    }
    note_holder(fd);
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
