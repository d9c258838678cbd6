/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logs: what a front end writes goes to a file as well, whether or not there is a peer.
 *
 * A log is no part of the machine: where it cannot be written (a full disk) its bytes are lost, the
 * guest goes on, and so does the log once there is room.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chardev/backend.h"

int vemu__chardev_log_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    if (!chr->log_path)
        return chr->log_append
                   ? vemu__error_set(err, EINVAL, "property 'logappend' needs 'logfile'")
                   : 0;
    /* Non-blocking, should it be a FIFO. */
    chr->log_fd = open(chr->log_path,
                       O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
                           (chr->log_append ? O_APPEND : O_TRUNC),
                       0666);
    return chr->log_fd < 0 ? vemu__error_set(err, errno, "cannot open log '%s': %s", chr->log_path,
                                             strerror(errno))
                           : 0;
}

void vemu__chardev_log_locked(struct vemu_chardev *chr, const void *buf, size_t size)
{
    const uint8_t *bytes = buf;
    ssize_t n;

    while (chr->log_fd >= 0 && size > 0) {
        n = write(chr->log_fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        bytes += n;
        size -= (size_t)n;
    }
}

void vemu__chardev_log_close_locked(struct vemu_chardev *chr)
{
    if (chr->log_fd >= 0)
        close(chr->log_fd);
    chr->log_fd = -1;
}
