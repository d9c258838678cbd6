/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event: waiting for what happens to domains.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "domain-text.h"
#include "shell.h"

static const struct {
    const char *name;
    int id;
} kinds[] = {
    { "lifecycle", VMGR_DOMAIN_EVENT_LIFECYCLE },
    { "reboot", VMGR_DOMAIN_EVENT_REBOOT },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static const struct opt event_opts[] = {
    { .name = "domain",
      .type = OPT_STRING,
      .help = "filter by domain name, id or uuid",
      .completer = COMPLETE_DOMAIN },
    { .name = "event",
      .type = OPT_STRING,
      .help = "which event type to wait for",
      .completer = COMPLETE_EVENT },
    { .name = "all", .type = OPT_BOOL, .help = "wait for all events instead of just one type" },
    { .name = "loop",
      .type = OPT_BOOL,
      .help = "loop until timeout or interrupt, rather than one-shot" },
    { .name = "timeout", .type = OPT_INT, .help = "timeout seconds" },
    { .name = "list", .type = OPT_BOOL, .help = "list valid event types" },
    { .name = "timestamp", .type = OPT_BOOL, .help = "show timestamp for each printed event" },
    OPT_END,
};

void print_timestamp(void)
{
    struct timespec now;
    struct tm tm;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s.%03ld+0000: ", text, now.tv_nsec / 1000000);
}

static void on_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                     const struct vmgr_domain_event *event, void *data)
{
    struct event_wait *w = data;
    w->count++;
    if (w->timestamp)
        print_timestamp();
    if (event->id == VMGR_DOMAIN_EVENT_LIFECYCLE)
        printf("event 'lifecycle' for domain '%s': %s %s\n", vmgr_domain_get_name(domain),
               vmgr_domain_event_type_name(event->type),
               vmgr_domain_event_detail_name(event->type, event->detail));
    else
        printf("event 'reboot' for domain '%s'\n", vmgr_domain_get_name(domain));
    fflush(stdout);
}

static long long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* Until an event (or, with loop, for ever), the deadline (< 0: none), or Ctrl-C. */
static bool event_loop(struct shell *sh, struct event_wait *w, bool loop, long long deadline)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &old);
    struct pollfd fds[2] = {
        { .fd = vmgr_conn_get_event_fd(sh->conn, shell_err(sh)), .events = POLLIN },
        { .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN },
    };
    bool ok = fds[0].fd >= 0 && fds[1].fd >= 0;
    while (ok && (loop || !w->count)) {
        long long left = deadline < 0 ? -1 : deadline - now_ms();
        int n = deadline >= 0 && left <= 0 ? 0 : poll(fds, 2, (int)left);
        if (n == 0) {
            printf("event loop timed out\n");
            break;
        }
        if (n > 0 && fds[1].revents) {
            struct signalfd_siginfo taken; /* else it would come when it is let in again */
            if (read(fds[1].fd, &taken, sizeof(taken)) < 0)
                continue;
            printf("event loop interrupted\n");
            break;
        }
        if (n > 0 && vmgr_conn_dispatch(sh->conn, shell_err(sh)) < 0)
            ok = false;
    }
    if (fds[1].fd >= 0)
        close(fds[1].fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return ok;
}

bool event_timeout_valid(struct shell *sh, const struct args *args)
{
    int timeout = 0;
    int have = args_int(sh, args, "timeout", &timeout);
    if (have > 0 && timeout < 1)
        shell_error(sh, "Numeric value '%s' for <timeout> option is malformed or out of range",
                    args_string(args, "timeout"));
    return have == 0 || (have > 0 && timeout >= 1);
}

bool event_wait_for(struct shell *sh, const struct args *args, struct event_wait *w)
{
    int timeout = 0;
    int have = args_int(sh, args, "timeout", &timeout);
    if (!event_loop(sh, w, args_bool(args, "loop"), have > 0 ? now_ms() + timeout * 1000ll : -1))
        return false;
    printf("events received: %d\n", w->count);
    return w->count > 0;
}

static bool wait_kinds(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                       size_t first, size_t last)
{
    struct event_wait w = { 0, args_bool(args, "timestamp") };
    int callbacks[KIND_COUNT], registered = 0;
    if (!event_timeout_valid(sh, args))
        return false;
    bool ok = true;
    for (size_t i = first; ok && i <= last; i++) {
        int id = vmgr_conn_add_domain_event(sh->conn, domain, kinds[i].id, on_event, &w, NULL,
                                            shell_err(sh));
        ok = id >= 0;
        if (ok)
            callbacks[registered++] = id;
    }
    ok = ok && event_wait_for(sh, args, &w);
    for (int i = 0; i < registered; i++)
        vmgr_conn_remove_domain_event(sh->conn, callbacks[i], NULL);
    return ok;
}

static bool cmd_event(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "event");
    size_t first = 0, last = KIND_COUNT - 1;
    struct vmgr_domain *domain = NULL;
    if (!args_exclusive(sh, args, "all", "event") || !args_exclusive(sh, args, "list", "all") ||
        !args_exclusive(sh, args, "list", "event"))
        return false;
    if (args_bool(args, "list")) {
        for (size_t i = 0; i < KIND_COUNT; i++)
            printf("%s\n", kinds[i].name);
        return true;
    }
    if (name) {
        while (first < KIND_COUNT && strcmp(kinds[first].name, name))
            first++;
        if (first == KIND_COUNT) {
            shell_error(sh, "unknown event type %s", name);
            return false;
        }
        last = first;
    } else if (!args_bool(args, "all")) {
        shell_error(sh, "one of --list, --all, or --event <type> is required");
        return false;
    }
    if (args_string(args, "domain") && !(domain = args_domain(sh, args)))
        return false;
    bool ok = wait_kinds(sh, args, domain, first, last);
    vmgr_domain_unref(domain);
    return ok;
}

const struct cmd cmds_event[] = {
    { "event", cmd_event, event_opts, "Domain Events",
      "List event types, or wait for domain events to occur", false },
    CMD_END,
};
