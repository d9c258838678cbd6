/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File descriptors: what read(2) and write(2) leave to do.
 */
#include "core/fd.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

int vemu__fd_write_all(int fd, const void *buf, size_t size)
{
    const uint8_t *at = buf;

    while (size) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}
