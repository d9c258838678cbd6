/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of a guest, LOG/NAME.log: lines are only ever added to it.
 */
#include "../state/paths.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int vmgr__vemu_log_open(const struct vemu *d, const char *name, const char *text,
                        struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_log_path(d, name);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%d %H:%M:%S+0000");
    g_autofree char *line = g_strdup_printf("%s: %s\n", when, text);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open log file '%s'", path);
    if (write(fd, line, strlen(line)) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot write log file '%s'", path);
        close(fd);
        return -1;
    }
    return fd;
}

void vmgr__vemu_log_failure(const struct vemu *d, const char *name, const char *what,
                            struct vmgr_error *why)
{
    g_autofree char *text = g_strdup_printf("%s: %s", what, vmgr_error_get_message(why));
    int fd = vmgr__vemu_log_open(d, name, text, NULL);

    if (fd >= 0)
        close(fd);
    vmgr_error_free(why);
}

int vmgr__vemu_log_remove(const struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_log_path(d, name);

    if (unlink(path) < 0 && errno != ENOENT)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot remove log file '%s'",
                                     path);
    return 0;
}
