/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output to a file, input from another one if given.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chardev/backend.h"

struct file {
    struct vemu_chardev chr;
    char *path, *input_path;
    bool append;
    int in, out;
};

static int open_one(const char *path, int flags, struct vemu_error **err)
{
    /* Non-blocking, should it be a FIFO or a device. */
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
    return fd;
}

static int file_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct file *file = (struct file *)chr;

    file->in = file->out = -1;
    if (!file->path)
        return vemu__error_set(err, EINVAL, "property 'path' is missing");
    file->out = open_one(file->path, O_WRONLY | O_CREAT | (file->append ? O_APPEND : O_TRUNC), err);
    if (file->out < 0)
        return file->out;
    if (file->input_path) {
        file->in = open_one(file->input_path, O_RDONLY, err);
        if (file->in < 0)
            return file->in;
    }
    vemu__chardev_stream_start(chr, file->in, file->out);
    vemu__chardev_set_filename(chr, "file");
    return 0;
}

static void file_close(struct vemu_chardev *chr)
{
    struct file *file = (struct file *)chr;

    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    vemu__chardev_stream_stop(chr);
    if (file->out >= 0)
        close(file->out);
    if (file->in >= 0)
        close(file->in);
    file->in = file->out = -1;
}

static const struct vemu_prop file_props[] = {
    VEMU_PROP(struct file, path, "path", STRING, NULL, "where output goes; created if need be"),
    VEMU_PROP(struct file, append, "append", BOOL, "off", "keep what the file holds already"),
    VEMU_PROP(struct file, input_path, "input-path", STRING, NULL, "where input comes from"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_file = {
    .base = {
        .name = "file",
        .summary = "Writes output to a file",
        .instance_size = sizeof(struct file),
        .props = file_props,
    },
    .drain_ms = 500,
    .open = file_open,
    .close = file_close,
    .write = vemu__chardev_stream_write,
};
