/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output to a function of the application, input by vemu_chardev_input().
 *
 * The function may call into the VM, so it runs on the loop thread with no lock held, not where the
 * guest writes: output takes the way through the buffer.
 */
#include "chardev/backend.h"

struct callback {
    struct vemu_chardev chr;
    struct vemu_chardev_callback to;
};

static int callback_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    vemu__chardev_set_open(chr, true);
    vemu__chardev_set_filename(chr, "callback");
    return 0;
}

static ssize_t callback_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    return 0; /* not here: the caller holds locks */
}

static void callback_flush(struct vemu_chardev *chr)
{
    struct callback *callback = (struct callback *)chr;
    uint8_t buf[4096];
    size_t size;

    do {
        pthread_mutex_lock(&chr->lock);
        size = vemu__bytes_take(&chr->out, buf, sizeof(buf));
        pthread_mutex_unlock(&chr->lock);
        if (size)
            callback->to.fn(callback->to.data, buf, size);
        vemu__chardev_out_progress(chr);
    } while (size);
}

static void callback_fini(struct vemu_chardev *chr)
{
    struct callback *callback = (struct callback *)chr;

    if (callback->to.free_fn)
        callback->to.free_fn(callback->to.data);
}

void vemu__chardev_callback_setup(struct vemu_chardev *chr, void *data)
{
    struct vemu_chardev_callback *to = data;

    ((struct callback *)chr)->to = *to;
    to->taken = true;
}

const struct vemu_chardev_class vemu__chardev_callback = {
    .base = {
        .name = "callback",
        .summary = "Hands output to a function of the application",
        .flags = VEMU_BACKEND_INTERNAL,
        .instance_size = sizeof(struct callback),
    },
    .open = callback_open,
    .close = callback_flush,
    .write = callback_write,
    .flush = callback_flush,
    .fini = callback_fini,
};
