/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pseudo-terminal that people open with screen, minicom or vmsh console.
 *
 * While nobody has the slave open, poll(2) on the master reports POLLHUP without end, and there is
 * no event for "somebody opened it". inotify has one: it tells of opens of the slave's device node.
 * So the master is a stream while the slave is open and rests otherwise; output is dropped then.
 * Only where inotify is not to be had (too many instances) the master is looked at every half
 * second.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backend.h"
#include "core/vm.h"

#define LOOK_AGAIN_MS 500

struct pty {
    struct vemu_chardev chr;
    char *path; /* a symbolic link to the slave, NULL: none */
    int master;
    int inotify; /* -1: looking again and again */
    bool linked; /* path is ours */
    struct vemu_watch *opened;
    struct vemu_delay *look_again;
    char name[64];
};

static bool slave_is_open(struct pty *pty)
{
    struct pollfd poll_fd = { .fd = pty->master, .events = POLLIN };

    return poll(&poll_fd, 1, 0) >= 0 && !(poll_fd.revents & POLLHUP);
}

static void pty_look(void *data);

static void pty_rest(struct pty *pty)
{
    vemu__delay_free(pty->look_again);
    pty->look_again = NULL;
    if (pty->inotify < 0)
        pty->look_again = vemu__delay_new(pty->chr.vm->loop, LOOK_AGAIN_MS, pty_look, pty);
}

static void pty_look(void *data)
{
    struct pty *pty = data;

    if (vemu_chardev_is_open(&pty->chr))
        return;
    if (slave_is_open(pty)) {
        vemu__delay_free(pty->look_again);
        pty->look_again = NULL;
        vemu__chardev_stream_start(&pty->chr, pty->master, pty->master);
    } else {
        pty_rest(pty);
    }
}

static void on_inotify(void *data, uint32_t revents)
{
    struct pty *pty = data;
    char events[512] __attribute__((aligned(__alignof__(struct inotify_event))));

    /* Which of them does not matter: the state is looked at. */
    while (read(pty->inotify, events, sizeof(events)) > 0)
        ;
    pty_look(pty);
}

/* The last one closed the slave: read(2) said EIO. */
static void pty_lost(struct vemu_chardev *chr)
{
    struct pty *pty = (struct pty *)chr;

    vemu__chardev_stream_stop(chr);
    /* It may have been opened again meanwhile, and the event been taken for the earlier open. */
    pty_look(pty);
}

/* What a console wants: no echo, no line editing, bytes as they are. The settings outlive the
 * slave. */
static int slave_prepare(const char *name, struct vemu_error **err)
{
    struct termios mode;
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    int r = 0;

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open '%s': %s", name, strerror(errno));
    if (tcgetattr(fd, &mode) < 0) {
        r = vemu__error_set(err, errno, "cannot read the mode of '%s': %s", name, strerror(errno));
    } else {
        cfmakeraw(&mode);
        if (tcsetattr(fd, TCSANOW, &mode) < 0)
            r = vemu__error_set(err, errno, "cannot set the mode of '%s': %s", name,
                                strerror(errno));
    }
    close(fd);
    return r;
}

static void watch_opens(struct pty *pty)
{
    pty->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (pty->inotify < 0)
        return;
    if (inotify_add_watch(pty->inotify, pty->name, IN_OPEN) < 0) {
        close(pty->inotify);
        pty->inotify = -1;
        return;
    }
    pty->opened = vemu__watch_new(pty->chr.vm->loop, pty->inotify, POLLIN, on_inotify, pty);
}

static int pty_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct pty *pty = (struct pty *)chr;
    int r;

    pty->inotify = -1;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0)
        return vemu__error_set(err, errno, "cannot open a pseudo-terminal: %s", strerror(errno));
    if (grantpt(pty->master) < 0 || unlockpt(pty->master) < 0)
        return vemu__error_set(err, errno, "cannot unlock the pseudo-terminal: %s",
                               strerror(errno));
    r = ptsname_r(pty->master, pty->name, sizeof(pty->name));
    if (r)
        return vemu__error_set(err, r, "the pseudo-terminal has no name: %s", strerror(r));
    r = slave_prepare(pty->name, err);
    if (r < 0)
        return r;
    if (pty->path) {
        if (symlink(pty->name, pty->path) < 0)
            return vemu__error_set(err, errno, "cannot make the link '%s': %s", pty->path,
                                   strerror(errno));
        pty->linked = true;
    }
    vemu__chardev_set_filename(chr, "pty:%s", pty->name);
    watch_opens(pty);
    pty_look(pty);
    return 0;
}

static void pty_close(struct vemu_chardev *chr)
{
    struct pty *pty = (struct pty *)chr;

    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    vemu__chardev_stream_stop(chr);
    vemu__watch_free(pty->opened);
    vemu__delay_free(pty->look_again);
    pty->opened = NULL;
    pty->look_again = NULL;
    if (pty->linked)
        unlink(pty->path);
    if (pty->inotify >= 0)
        close(pty->inotify);
    if (pty->master >= 0)
        close(pty->master);
    pty->linked = false;
    pty->inotify = pty->master = -1;
}

static const struct vemu_prop pty_props[] = {
    VEMU_PROP(struct pty, path, "path", STRING, NULL, "a symbolic link to make to the terminal"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_pty = {
    .base = {
        .name = "pty",
        .summary = "A pseudo-terminal",
        .instance_size = sizeof(struct pty),
        .props = pty_props,
    },
    .drain_ms = 100,
    .open = pty_open,
    .close = pty_close,
    .write = vemu__chardev_stream_write,
    .lost = pty_lost,
};
