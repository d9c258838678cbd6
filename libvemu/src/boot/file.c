/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading image files.
 */
#include "boot/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

int vemu__boot_file_open(const char *path, const char *what, struct vemu_boot_file *ret,
                         struct vemu_error **err)
{
    struct stat st;
    int fd, code;

    *ret = (struct vemu_boot_file){ .fd = -1 };
    /* O_NONBLOCK: a FIFO must not make this wait; it has no effect on regular files. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        code = errno;
        if (fd >= 0) {
            close(fd);
        }
        return vemu__error_set(err, code, "cannot open %s '%s': %s", what, path, g_strerror(code));
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        code = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return vemu__error_set(err, code, "%s '%s' is %s, not a file", what, path,
                               S_ISDIR(st.st_mode) ? "a directory" : "a special file");
    }
    ret->fd = fd;
    ret->size = (uint64_t)st.st_size;
    ret->path = g_strdup(path);
    return 0;
}

void vemu__boot_file_close(struct vemu_boot_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    g_free(file->path);
    *file = (struct vemu_boot_file){ .fd = -1 };
}

int vemu__boot_file_read(const struct vemu_boot_file *file, uint64_t offset, void *buf, size_t size)
{
    uint8_t *at = buf;

    if (offset > file->size || size > file->size - offset) {
        return -ENODATA;
    }
    while (size) {
        ssize_t n = pread(file->fd, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            return -ENODATA;
        }
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}
