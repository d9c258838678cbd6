/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that an emulator was asked to make in its run's directory.
 */
#include "made.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../state/paths.h"

int vmgr__vemu_made_open(const struct vemu_change *c, const char *file, uint64_t max,
                         uint64_t *ret_size, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_run_path(c->d, c->name, file);
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "unable to open what is made as '%s'",
                              path);
    } else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (uint64_t)st.st_size > max ||
               (c->status.uid && st.st_uid != c->status.uid)) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' is not what the emulator was asked for",
                   path);
    } else {
        *ret_size = (uint64_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}
