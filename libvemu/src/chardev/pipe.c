/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two FIFOs, PATH.in for input and PATH.out for output, that somebody has made: mkfifo(1). Both
 * ends are open here, so that programs may come and go: what nobody reads fills the FIFO, and then
 * the guest waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/backend.h"

struct pipe {
    struct vemu_chardev chr;
    char *path;
    int in, out; /* -1: none */
};

static int open_end(const char *path, const char *suffix, struct vemu_error **err)
{
    g_autofree char *name = g_strconcat(path, suffix, NULL);
    int fd = open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r;
    struct stat st;

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", name, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
        return fd;
    r = vemu__error_set(err, EINVAL, "'%s' is not a FIFO", name);
    close(fd);
    return r;
}

static int pipe_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct pipe *pipe = (struct pipe *)chr;

    pipe->in = pipe->out = -1;
    if (!pipe->path)
        return vemu__error_set(err, EINVAL, "property 'path' is missing");
    pipe->in = open_end(pipe->path, ".in", err);
    if (pipe->in < 0)
        return pipe->in;
    pipe->out = open_end(pipe->path, ".out", err);
    if (pipe->out < 0)
        return pipe->out;
    vemu__chardev_stream_start(chr, pipe->in, pipe->out);
    vemu__chardev_set_filename(chr, "pipe:%s", pipe->path);
    return 0;
}

static void pipe_close(struct vemu_chardev *chr)
{
    struct pipe *pipe = (struct pipe *)chr;

    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    vemu__chardev_stream_stop(chr);
    if (pipe->out >= 0)
        close(pipe->out);
    if (pipe->in >= 0)
        close(pipe->in);
    pipe->in = pipe->out = -1;
}

static const struct vemu_prop pipe_props[] = {
    VEMU_PROP(struct pipe, path, "path", STRING, NULL,
              "name of two FIFOs without .in (input) and .out (output)"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_pipe = {
    .base = {
        .name = "pipe",
        .summary = "Two FIFOs, one for input and one for output",
        .instance_size = sizeof(struct pipe),
        .props = pipe_props,
    },
    .drain_ms = 200,
    .open = pipe_open,
    .close = pipe_close,
    .write = vemu__chardev_stream_write,
};
