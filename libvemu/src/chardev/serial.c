/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A terminal device of the host: a serial port, or the other end of somebody's pseudo-terminal. It
 * is in raw mode while it is ours, at the speed that it has (stty(1)), and gets its mode back.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backend.h"

struct serial {
    struct vemu_chardev chr;
    char *path;
    int fd;              /* -1: none */
    struct termios mode; /* as it was */
};

static int set_raw(struct serial *serial, struct vemu_error **err)
{
    struct termios raw;

    if (tcgetattr(serial->fd, &serial->mode) < 0)
        return vemu__error_set(err, errno, "'%s' is not a terminal: %s", serial->path,
                               strerror(errno));
    raw = serial->mode;
    cfmakeraw(&raw);
    raw.c_cflag |= CLOCAL | CREAD; /* no modem is waited for */
    if (tcsetattr(serial->fd, TCSANOW, &raw) < 0)
        return vemu__error_set(err, errno, "cannot set the mode of '%s': %s", serial->path,
                               strerror(errno));
    return 0;
}

static int serial_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct serial *serial = (struct serial *)chr;
    int r;

    serial->fd = -1;
    if (!serial->path)
        return vemu__error_set(err, EINVAL, "property 'path' is missing");
    serial->fd = open(serial->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (serial->fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", serial->path, strerror(errno));
    r = set_raw(serial, err);
    if (r < 0) {
        close(serial->fd);
        serial->fd = -1;
        return r;
    }
    vemu__chardev_stream_start(chr, serial->fd, serial->fd);
    vemu__chardev_set_filename(chr, "serial:%s", serial->path);
    return 0;
}

static void serial_close(struct vemu_chardev *chr)
{
    struct serial *serial = (struct serial *)chr;

    if (serial->fd < 0)
        return;
    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    vemu__chardev_stream_stop(chr);
    tcsetattr(serial->fd, TCSANOW, &serial->mode); /* not there any more: nothing to restore */
    close(serial->fd);
    serial->fd = -1;
}

/* It went away, as one on USB may: nobody is there from now on. */
static void serial_lost(struct vemu_chardev *chr)
{
    vemu__chardev_stream_stop(chr);
}

static const struct vemu_prop serial_props[] = {
    VEMU_PROP(struct serial, path, "path", STRING, NULL, "the terminal: /dev/ttyS0"),
    VEMU_CHARDEV_PROPS,
};

#define SERIAL(class_name)                                                                         \
    {                                                                                              \
        .base = {                                                                                  \
            .name = class_name,                                                                    \
            .summary = "A terminal device of the host, in raw mode",                               \
            .instance_size = sizeof(struct serial),                                                \
            .props = serial_props,                                                                 \
        },                                                                                         \
        .drain_ms = 200,                                                                           \
        .open = serial_open,                                                                       \
        .close = serial_close,                                                                     \
        .write = vemu__chardev_stream_write,                                                       \
        .lost = serial_lost,                                                                       \
    }

const struct vemu_chardev_class vemu__chardev_serial = SERIAL("serial");
const struct vemu_chardev_class vemu__chardev_tty = SERIAL("tty"); /* its older name */
