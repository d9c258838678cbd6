/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: back-ends whose other side is one or two file descriptors.
 *
 * The loop polls for input only while a front end is attached and has room, and for output only
 * while the buffer holds some. While neither is the case nothing is polled, because poll(2) would
 * report a hang-up over and over; for sockets POLLRDHUP is kept on, so that a client that leaves
 * while the guest does not read is noticed.
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chardev/backend.h"
#include "core/vm.h"

#define READ_SIZE 4096u

void vemu__chardev_stream_update_locked(struct vemu_chardev *chr)
{
    uint32_t in = 0, out = 0;

    if (chr->handlers && !chr->in_held)
        in |= POLLIN;
    if (chr->class_->hung_up && !chr->hup)
        in |= POLLRDHUP;
    if (chr->out.used)
        out |= POLLOUT;
    if (chr->in_watch && chr->in_watch == chr->out_watch) {
        vemu__watch_set(chr->in_watch, in | out);
        return;
    }
    if (chr->in_watch)
        vemu__watch_set(chr->in_watch, in);
    if (chr->out_watch)
        vemu__watch_set(chr->out_watch, out);
}

ssize_t vemu__chardev_stream_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    ssize_t n;

    if (chr->out_fd < 0)
        return (ssize_t)size;
    do
        n = write(chr->out_fd, buf, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    return n;
}

void vemu__chardev_stream_flush(struct vemu_chardev *chr)
{
    const uint8_t *data;
    ssize_t n;
    size_t size;

    pthread_mutex_lock(&chr->lock);
    while ((size = vemu__bytes_peek(&chr->out, &data)) > 0) {
        n = chr->class_->write(chr, data, size);
        if (n < 0) {
            chr->broken = true;
            vemu__bytes_clear(&chr->out);
            break;
        }
        if (n == 0)
            break;
        vemu__bytes_drop(&chr->out, (size_t)n);
    }
    vemu__chardev_stream_update_locked(chr);
    pthread_mutex_unlock(&chr->lock);
    vemu__chardev_out_progress(chr);
}

/* The peer's input has ended: the back-end decides, else it is just not read any more. */
static void input_ended(struct vemu_chardev *chr)
{
    struct vemu_watch *unused = NULL;

    if (chr->class_->lost) {
        chr->class_->lost(chr);
        return;
    }
    pthread_mutex_lock(&chr->lock);
    if (chr->in_watch != chr->out_watch)
        unused = chr->in_watch;
    chr->in_watch = NULL;
    chr->in_fd = -1;
    vemu__chardev_stream_update_locked(chr);
    pthread_mutex_unlock(&chr->lock);
    vemu__watch_free(unused);
}

/* The peer is gone, but what it sent last has to wait for the front end. */
static void hang_up(struct vemu_chardev *chr)
{
    if (chr->in_watch != chr->out_watch)
        return; /* the output goes somewhere else */
    pthread_mutex_lock(&chr->lock);
    chr->hup = true;
    chr->broken = true;
    vemu__bytes_clear(&chr->out);
    vemu__chardev_stream_update_locked(chr);
    pthread_mutex_unlock(&chr->lock);
    vemu__chardev_out_progress(chr);
    if (chr->class_->hung_up)
        chr->class_->hung_up(chr);
}

/* False when the front end has no room for any. */
static bool read_input(struct vemu_chardev *chr)
{
    const struct vemu_chardev_handlers *fe = vemu__chardev_fe_enter(chr);
    uint8_t buf[READ_SIZE];
    size_t room, size;
    int received = -1;
    ssize_t n;

    if (!fe)
        return false;
    room = fe->input_room ? fe->input_room(chr->fe_data) : 0;
    if (room == 0) {
        pthread_mutex_lock(&chr->lock);
        chr->in_held = true;
        vemu__chardev_stream_update_locked(chr);
        pthread_mutex_unlock(&chr->lock);
        vemu__chardev_fe_leave(chr);
        return false;
    }
    do
        n = chr->class_->read
                ? chr->class_->read(chr, buf, MIN(room, sizeof(buf)),
                                    fe->descriptor ? &received : NULL)
                : read(chr->in_fd, buf, MIN(room, sizeof(buf)));
    while (n < 0 && errno == EINTR);
    if (received >= 0)
        fe->descriptor(chr->fe_data, received);
    if (n > 0) {
        size = (size_t)n;
        if (chr->class_->filter)
            size = chr->class_->filter(chr, buf, size);
        if (size)
            fe->input(chr->fe_data, buf, size);
    }
    vemu__chardev_fe_leave(chr);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        input_ended(chr);
    return true;
}

static void on_in(void *data, uint32_t revents)
{
    struct vemu_chardev *chr = data;

    if (!read_input(chr) && revents & (POLLHUP | POLLRDHUP | POLLERR))
        hang_up(chr);
}

static void on_out(void *data, uint32_t revents)
{
    vemu__chardev_stream_flush(data);
}

static void on_both(void *data, uint32_t revents)
{
    if (revents & POLLOUT)
        on_out(data, revents);
    if (revents & ~(uint32_t)POLLOUT)
        on_in(data, revents);
}

void vemu__chardev_stream_start(struct vemu_chardev *chr, int in_fd, int out_fd)
{
    struct vemu_loop *loop = chr->vm->loop;

    pthread_mutex_lock(&chr->lock);
    chr->in_fd = in_fd;
    chr->out_fd = out_fd;
    chr->hup = false;
    chr->in_held = false;
    if (in_fd >= 0)
        chr->in_watch = vemu__watch_new(loop, in_fd, 0, in_fd == out_fd ? on_both : on_in, chr);
    if (in_fd == out_fd)
        chr->out_watch = chr->in_watch;
    else if (out_fd >= 0)
        chr->out_watch = vemu__watch_new(loop, out_fd, 0, on_out, chr);
    vemu__chardev_stream_update_locked(chr);
    pthread_mutex_unlock(&chr->lock);
    vemu__chardev_set_open(chr, true);
}

void vemu__chardev_stream_stop(struct vemu_chardev *chr)
{
    struct vemu_watch *in, *out;

    pthread_mutex_lock(&chr->lock);
    in = chr->in_watch;
    out = chr->out_watch;
    chr->in_watch = chr->out_watch = NULL;
    chr->in_fd = chr->out_fd = -1;
    pthread_mutex_unlock(&chr->lock);
    if (in != out)
        vemu__watch_free(in);
    vemu__watch_free(out);
    vemu__chardev_set_open(chr, false);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

void vemu__chardev_stream_drain(struct vemu_chardev *chr, unsigned timeout_ms)
{
    int64_t end = now_ms() + timeout_ms, left;
    struct pollfd poll_fd = { .fd = chr->out_fd, .events = POLLOUT };

    if (chr->out_fd < 0)
        return;
    vemu__chardev_stream_flush(chr);
    while (chr->out.used && (left = end - now_ms()) > 0) {
        if (poll(&poll_fd, 1, (int)left) > 0 && poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL))
            return;
        vemu__chardev_stream_flush(chr);
    }
}
