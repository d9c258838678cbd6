/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A terminal session on a domain's console.
 *
 * The terminal is put into raw mode and restored whatever ends the session: the escape character,
 * the end of the stream, or a signal (which then takes its usual course).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "shell.h"

#define BUFFER 4096
/* What a guest does not take yet is kept up to here: the escape character may be behind it. */
#define INPUT_MAX (1u << 20)

struct session {
    struct vmgr_stream *stream;
    char escape;
    char *input; /* typed, not yet sent */
    size_t input_length, input_room;
    bool input_closed, done;
};

static volatile sig_atomic_t ended_by_signal;

static void on_signal(int number)
{
    ended_by_signal = number;
}

static bool write_all(const char *buf, size_t size)
{
    while (size) {
        ssize_t n = write(STDOUT_FILENO, buf, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        size -= (size_t)n;
    }
    return true;
}

/* Guest to terminal. */
static bool session_output(struct shell *sh, struct session *s)
{
    char buf[BUFFER];
    ssize_t n = vmgr_stream_recv(s->stream, buf, sizeof(buf), shell_err(sh));
    if (n == VMGR_STREAM_AGAIN)
        return true;
    if (n <= 0) {
        s->done = true;
        return n == 0;
    }
    if (!write_all(buf, (size_t)n))
        s->done = true;
    return true;
}

/* Terminal to buffer; the escape character ends the session. */
static void session_type(struct session *s)
{
    if (s->input_room - s->input_length < BUFFER) {
        s->input_room += BUFFER + s->input_room;
        s->input = must_realloc(s->input, s->input_room);
    }
    ssize_t n = read(STDIN_FILENO, s->input + s->input_length, BUFFER);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        s->done = true;
        return;
    }
    char *escape = memchr(s->input + s->input_length, s->escape, (size_t)n);
    if (escape)
        s->done = true;
    s->input_length = escape ? (size_t)(escape - s->input) : s->input_length + (size_t)n;
}

/* Buffer to guest. */
static bool session_send(struct shell *sh, struct session *s)
{
    ssize_t n = vmgr_stream_send(s->stream, s->input, s->input_length, shell_err(sh));
    if (n == VMGR_STREAM_AGAIN)
        return true;
    if (n < 0) {
        s->done = true;
        return false;
    }
    s->input_length -= (size_t)n;
    memmove(s->input, s->input + n, s->input_length);
    return true;
}

static bool session_loop(struct shell *sh, struct session *s)
{
    bool ok = true;
    while (ok && !s->done && !ended_by_signal) {
        struct pollfd fds[3] = {
            { .fd = vmgr_stream_get_fd(s->stream), .events = POLLIN },
            { .fd = s->input_length < INPUT_MAX ? STDIN_FILENO : -1, .events = POLLIN },
            { .fd = s->input_length ? vmgr_stream_get_send_fd(s->stream) : -1, .events = POLLOUT },
        };
        if (poll(fds, 3, -1) < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        if (fds[0].revents)
            ok = session_output(sh, s);
        if (ok && fds[1].revents)
            session_type(s);
        if (ok && s->input_length)
            ok = session_send(sh, s);
    }
    return ok;
}

static bool session_run(struct shell *sh, struct session *s)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action = { .sa_handler = on_signal }, old[4];
    struct termios saved, raw;
    if (tcgetattr(STDIN_FILENO, &saved) < 0) {
        shell_error(sh, "unable to get tty attributes: %s", strerror(errno));
        return false;
    }
    raw = saved;
    cfmakeraw(&raw);
    ended_by_signal = 0;
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &action, &old[i]);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw); /* what was typed meanwhile counts */
    bool ok = session_loop(sh, s);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &old[i], NULL);
    if (ended_by_signal)
        raise(ended_by_signal);
    return ok;
}

bool console_run(struct shell *sh, struct vmgr_domain *domain, const char *device, uint32_t flags)
{
    struct session s = { .escape = sh->escape };
    if (vmgr_domain_is_active(domain, NULL) == 0) {
        shell_error(sh, "The domain is not running");
        return false;
    }
    if (!isatty(STDIN_FILENO)) {
        shell_error(sh, "Cannot run interactive console without a controlling TTY");
        return false;
    }
    if (vmgr_domain_open_console(domain, device, flags, &s.stream, shell_err(sh)) < 0)
        return false;
    shell_extra(sh, "Connected to domain '%s'\n", vmgr_domain_get_name(domain));
    if (sh->escape >= 0x20)
        shell_extra(sh, "Escape character is %c\n", sh->escape);
    else
        shell_extra(sh, "Escape character is ^%c (Ctrl + %c)\n", sh->escape ^ 0x40,
                    sh->escape ^ 0x40);
    fflush(stdout);
    bool ok = session_run(sh, &s);
    if (ok)
        vmgr_stream_finish(s.stream, NULL);
    vmgr_stream_unref(s.stream);
    free(s.input);
    printf("\n");
    return ok;
}
