/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * top: a live view of running domains, on a terminal or as text.
 *
 * The picture is put together in memory and written at once, line over line with what is left of
 * each erased, so that a slow connection does not flicker. The terminal is the program's as long as
 * it runs: its other screen, no echo, no lines; whatever ends it (a key, a signal, a lost
 * connection) gives it back.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

#define ENTER "\033[?1049h\033[?25l\033[?7l" /* other screen, no cursor, no wrapping */
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static const struct opt top_opts[] = {
    { .name = "interval",
      .type = OPT_STRING,
      .help = "seconds between two looks, 0.1 to 3600 (2)" },
    { .name = "sort",
      .type = OPT_STRING,
      .help = "what domains are sorted by: cpu, memory, time, disk, network, id, name",
      .completer = COMPLETE_TOP_KEY },
    { .name = "batch", .type = OPT_BOOL, .help = "print text, one look after the other" },
    { .name = "count", .type = OPT_INT, .help = "end after that many looks", .named = true },
    OPT_END,
};

struct top {
    struct shell *sh;
    struct top_view view;
    struct top_sample *sample;
    long long interval_ms, next_ms;
    int count; /* looks left; -1: no end */
    int signals;
    bool batch, over;
    int by_signal; /* what ended it; 0: nothing did */
};

static long long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

static bool write_out(const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(STDOUT_FILENO, text, size);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void measure(struct top_view *view)
{
    struct winsize size = { 0 };
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    view->columns = size.ws_col ? size.ws_col : 80;
    view->lines = size.ws_row ? size.ws_row : 24;
}

static void draw(struct top *t)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out || !t->sample) {
        if (out)
            fclose(out);
        free(text);
        return;
    }
    if (!t->batch) {
        measure(&t->view);
        fputs("\033[H", out);
    }
    top_draw(out, &t->view, t->sample);
    fputs(t->batch ? "\n\n" : "\033[J", out);
    if (fclose(out) == 0)
        t->over = !write_out(text, size) || t->over;
    free(text);
}

static bool look(struct top *t)
{
    struct top_sample *sample = top_sample_take(t->sh, t->sample);
    if (!sample)
        return false;
    bool first = !t->sample;
    top_sample_free(t->sample);
    t->sample = sample;
    top_sample_sort(sample, t->view.key);
    t->next_ms = now_ms() + t->interval_ms;
    if (t->batch && first) /* text is not corrected later: only what has rates is printed */
        return true;
    draw(t);
    if (t->count > 0 && !--t->count)
        t->over = true;
    return true;
}

/* --- keys ----------------------------------------------------------------------------------- */

static void scroll(struct top_view *view, long lines)
{
    if (lines < 0 && view->first < (size_t)-lines)
        view->first = 0;
    else
        view->first += (size_t)lines; /* made to fit by top_draw() */
}

/* What follows an escape character. */
static void escape(struct top *t, const char *keys)
{
    long page = (long)t->view.lines - 5;
    page = page > 1 ? page : 1;
    static const struct {
        const char *keys;
        int pages, lines;
    } moves[] = {
        { "[A", 0, -1 }, { "OA", 0, -1 },  { "[B", 0, 1 },
        { "OB", 0, 1 },  { "[5~", -1, 0 }, { "[6~", 1, 0 },
    };
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
        if (!strncmp(keys, moves[i].keys, strlen(moves[i].keys)))
            scroll(&t->view, moves[i].pages * page + moves[i].lines);
}

static void typed(struct top *t)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys) - 1);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        t->over = true; /* the terminal has gone */
        return;
    }
    keys[n] = '\0';
    for (ssize_t i = 0; i < n && !t->over; i++) {
        if (keys[i] == '\033') {
            escape(t, keys + i + 1);
            while (i + 1 < n && !strchr("ABCDFHPQRS~", keys[i + 1]))
                i++;
            i++;
        } else if (keys[i] == 'q' || keys[i] == '\004') {
            t->over = true;
        } else if (keys[i] == ' ') {
            t->next_ms = now_ms();
        } else if (keys[i] == 'h' || keys[i] == '?') {
            t->view.help = !t->view.help;
        } else if (top_key_letter(keys[i]) >= 0) {
            t->view.key = top_key_letter(keys[i]);
            top_sample_sort(t->sample, t->view.key);
        }
    }
    if (!t->over)
        draw(t);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void take_signal(struct top *t)
{
    struct signalfd_siginfo taken;
    if (read(t->signals, &taken, sizeof(taken)) != sizeof(taken))
        return;
    if (taken.ssi_signo == SIGWINCH) {
        draw(t);
        return;
    }
    t->over = true;
    t->by_signal = (int)taken.ssi_signo;
}

static bool top_loop(struct top *t)
{
    bool ok = look(t);
    while (ok && !t->over) {
        struct pollfd fds[2] = { { .fd = t->signals, .events = POLLIN },
                                 { .fd = t->batch ? -1 : STDIN_FILENO, .events = POLLIN } };
        long long left = t->next_ms - now_ms();
        int n = left > 0 ? poll(fds, 2, (int)left) : poll(fds, 2, 0);
        if (n > 0 && fds[0].revents)
            take_signal(t);
        if (n > 0 && !t->over && fds[1].revents)
            typed(t);
        if (!t->over && now_ms() >= t->next_ms)
            ok = look(t);
    }
    return ok;
}

/* Its signals come through a descriptor meanwhile. */
static bool with_signals(struct top *t)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, &old);
    t->signals = signalfd(-1, &set, SFD_CLOEXEC);
    bool ok = t->signals >= 0 && top_loop(t);
    if (t->signals >= 0)
        close(t->signals);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return ok;
}

static bool on_terminal(struct top *t)
{
    struct termios saved, raw;
    if (tcgetattr(STDIN_FILENO, &saved) < 0) {
        shell_error(t->sh, "unable to get tty attributes: %s", strerror(errno));
        return false;
    }
    raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C stays a signal */
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    bool ok = write_out(ENTER, strlen(ENTER)) && with_signals(t);
    write_out(LEAVE, strlen(LEAVE));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    return ok;
}

static bool parse_interval(struct shell *sh, const struct args *args, long long *ret_ms)
{
    const char *text = args_string(args, "interval");
    char *end;
    double seconds = text ? strtod(text, &end) : 2;
    if (text && (end == text || *end || !(seconds >= 0.1 && seconds <= 3600))) {
        shell_error(sh, "Numeric value '%s' for <interval> option is malformed or out of range",
                    text);
        return false;
    }
    *ret_ms = (long long)(seconds * 1000);
    return true;
}

static bool parse(struct shell *sh, const struct args *args, struct top *t)
{
    const char *sort = args_string(args, "sort");
    t->batch = args_bool(args, "batch");
    t->count = -1;
    int have = args_int(sh, args, "count", &t->count);
    if (have > 0 && t->count < 1)
        shell_error(sh, "Numeric value '%s' for <count> option is malformed or out of range",
                    args_string(args, "count"));
    if (have < 0 || (have > 0 && t->count < 1) || !parse_interval(sh, args, &t->interval_ms))
        return false;
    t->view.key = top_key_find(sort ? sort : "cpu");
    if (t->view.key < 0) {
        shell_error(sh, "unknown sort key '%s'", sort);
        return false;
    }
    const char *kind = getenv("TERM");
    if (!t->batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
        shell_error(sh, "a live view needs a terminal; --batch prints text");
        return false;
    }
    if (!t->batch && (!kind || !*kind || !strcmp(kind, "dumb"))) {
        shell_error(sh, "terminal '%s' cannot show a live view; --batch prints text",
                    kind ? kind : "");
        return false;
    }
    return true;
}

static bool cmd_top(struct shell *sh, const struct args *args)
{
    struct vmgr_node_info node = VMGR_NODE_INFO_INIT;
    struct top t = { .sh = sh };
    char *uri = NULL;
    if (!parse(sh, args, &t) || vmgr_conn_get_node_info(sh->conn, &node, shell_err(sh)) < 0 ||
        vmgr_conn_get_uri(sh->conn, &uri, shell_err(sh)) < 0)
        return false;
    char *shown = text_printable(uri);
    free(uri);
    t.view.uri = shown;
    t.view.host_cpus = node.cpus;
    t.view.host_kib = node.memory_kib;
    t.view.highlight = t.batch ? "" : "\033[7m";
    t.view.plain = t.batch ? "" : "\033[0m";
    t.view.erase = t.batch ? "" : "\033[K";
    bool ok = t.batch ? with_signals(&t) : on_terminal(&t);
    top_sample_free(t.sample);
    free(shown);
    if (t.by_signal && t.by_signal != SIGINT)
        raise(t.by_signal);
    return ok;
}

const struct cmd cmds_top[] = {
    { "top", cmd_top, top_opts, "live view of running domains",
      "Shows what running domains take of the host, again and again. Keys: c m t d n i a sort, "
      "space looks at once, up and down scroll, h explains, q ends.",
      false },
    CMD_END,
};
