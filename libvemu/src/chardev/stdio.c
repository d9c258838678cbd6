/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's own standard input and output.
 *
 * A terminal on standard input is put into raw mode, and back when the chardev closes. The
 * descriptors are shared with other processes (the shell), so O_NONBLOCK is not set on them: input
 * is read only when poll(2) promised some, and output to a terminal or a pipe goes through a second
 * open of the same file, which has flags of its own. Regular files never block.
 *
 * With mux=on, Ctrl-A is an escape: x quits, h helps, b sends a break, Ctrl-A sends itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backend.h"

#define ESCAPE 0x01

struct stdio {
    struct vemu_chardev chr;
    bool mux, signal;
    bool owner; /* holds stdio_taken */
    bool raw;   /* saved is to be restored */
    struct termios saved;
    int out; /* may be STDOUT_FILENO itself */
    bool out_socket;
    bool escaped;    /* the last input byte was the escape */
    int saved_flags; /* of STDOUT_FILENO, -1: not changed */
};

/* The one piece of state outside of any handle, because a process has one standard input. */
static atomic_flag stdio_taken = ATOMIC_FLAG_INIT;

static const char help[] = "\r\n"
                           "Ctrl-A h       print this help\r\n"
                           "Ctrl-A x       exit\r\n"
                           "Ctrl-A b       send break\r\n"
                           "Ctrl-A Ctrl-A  send Ctrl-A\r\n";

static int make_raw(struct stdio *stdio, struct vemu_error **err)
{
    struct termios raw;

    if (!isatty(STDIN_FILENO))
        return 0;
    if (tcgetattr(STDIN_FILENO, &stdio->saved) < 0)
        return vemu__error_set(err, errno, "cannot read the terminal's mode: %s", strerror(errno));
    raw = stdio->saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!stdio->signal)
        raw.c_lflag &= ~(tcflag_t)ISIG;
    raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return vemu__error_set(err, errno, "cannot set the terminal's mode: %s", strerror(errno));
    stdio->raw = true;
    return 0;
}

static void open_output(struct stdio *stdio)
{
    struct stat st;
    int fd;

    stdio->out = STDOUT_FILENO;
    if (fstat(STDOUT_FILENO, &st) < 0 || S_ISREG(st.st_mode))
        return;
    if (S_ISSOCK(st.st_mode)) {
        stdio->out_socket = true;
        return;
    }
    fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        stdio->out = fd;
        return;
    }
    /* No /proc, or a file that may not be opened again: change the shared flags for a while. */
    stdio->saved_flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (stdio->saved_flags >= 0)
        fcntl(STDOUT_FILENO, F_SETFL, stdio->saved_flags | O_NONBLOCK);
}

static int stdio_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct stdio *stdio = (struct stdio *)chr;
    int r;

    stdio->out = -1;
    stdio->saved_flags = -1;
    if (atomic_flag_test_and_set(&stdio_taken))
        return vemu__error_set(err, EBUSY, "another chardev uses standard input and output");
    stdio->owner = true;
    if (fcntl(STDIN_FILENO, F_GETFD) < 0 || fcntl(STDOUT_FILENO, F_GETFD) < 0)
        return vemu__error_set(err, EBADF, "standard input or output is closed");
    r = make_raw(stdio, err);
    if (r < 0)
        return r;
    open_output(stdio);
    vemu__chardev_stream_start(chr, STDIN_FILENO, stdio->out);
    vemu__chardev_set_filename(chr, "stdio");
    return 0;
}

static void stdio_close(struct vemu_chardev *chr)
{
    struct stdio *stdio = (struct stdio *)chr;

    if (!stdio->owner)
        return;
    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    vemu__chardev_stream_stop(chr);
    if (stdio->raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio->saved);
    if (stdio->saved_flags >= 0)
        fcntl(STDOUT_FILENO, F_SETFL, stdio->saved_flags);
    if (stdio->out > STDERR_FILENO)
        close(stdio->out);
    stdio->raw = false;
    stdio->owner = false;
    atomic_flag_clear(&stdio_taken);
}

static ssize_t stdio_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    ssize_t n;

    if (!((struct stdio *)chr)->out_socket)
        return vemu__chardev_stream_write(chr, buf, size);
    n = send(STDOUT_FILENO, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n;
}

static size_t stdio_filter(struct vemu_chardev *chr, uint8_t *buf, size_t size)
{
    struct stdio *stdio = (struct stdio *)chr;
    size_t in, out = 0;

    if (!stdio->mux)
        return size;
    for (in = 0; in < size; in++) {
        uint8_t c = buf[in];

        if (!stdio->escaped) {
            stdio->escaped = c == ESCAPE;
            if (!stdio->escaped)
                buf[out++] = c;
            continue;
        }
        stdio->escaped = false;
        switch (c) {
        case ESCAPE: buf[out++] = c; break;
        case 'x': vemu_vm_request_shutdown(chr->vm, VEMU_CAUSE_HOST_QUIT, 0); break;
        case 'b': vemu__chardev_break_locked(chr); break;
        case 'h':
        case '?': vemu_chardev_write(chr, help, sizeof(help) - 1); break;
        default: break; /* not a command; swallowed, as in QEMU */
        }
    }
    return out;
}

static const struct vemu_prop stdio_props[] = {
    VEMU_PROP(struct stdio, mux, "mux", BOOL, "off", "Ctrl-A is an escape (x: quit, h: help)"),
    VEMU_PROP(struct stdio, signal, "signal", BOOL, "on",
              "Ctrl-C and the like signal the process instead of going to the guest"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_stdio = {
    .base = {
        .name = "stdio",
        .summary = "Standard input and output of the process",
        .instance_size = sizeof(struct stdio),
        .props = stdio_props,
    },
    .drain_ms = 1000,
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .filter = stdio_filter,
};
