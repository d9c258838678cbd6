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

#include "../text/domain.h"
#include "../text/job.h"
#include "../shell.h"

/* By number. */
static const char *const kinds[] = { "lifecycle",
                                     "reboot",
                                     "rtc-change",
                                     "watchdog",
                                     "io-error",
                                     "graphics",
                                     "io-error-reason",
                                     "control-error",
                                     "block-job",
                                     "disk-change",
                                     "tray-change",
                                     "pm-wakeup",
                                     "pm-suspend",
                                     "balloon-change",
                                     "pm-suspend-disk",
                                     "device-removed",
                                     "block-job-2",
                                     "tunable",
                                     "agent-lifecycle",
                                     "device-added",
                                     "migration-iteration",
                                     "job-completed",
                                     "device-removal-failed",
                                     "metadata-change",
                                     "block-threshold",
                                     "memory-failure",
                                     "memory-device-size-change" };
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

static const char *word(const char *const *words, int count, int number)
{
    return number >= 0 && number < count ? words[number] : "unknown";
}
#define WORD(words, number) word(words, (int)(sizeof(words) / sizeof(words[0])), number)

static const char *or_null(const char *text)
{
    return text ? text : "<null>";
}

static void print_details(const struct vmgr_domain_event *e)
{
    static const char *const watchdog[] = { "none",     "pause", "reset",     "poweroff",
                                            "shutdown", "debug", "inject-nmi" };
    static const char *const io_error[] = { "none", "pause", "report" };
    static const char *const disk[] = { "changed", "dropped" };
    static const char *const tray[] = { "opened", "closed" };
    static const char *const agent[] = { "unknown", "connected", "disconnected" };
    static const char *const agent_reason[] = { "unknown", "domain started", "channel event" };
    static const char *const block_job[] = { "Unknown job",  "Block Pull",          "Block Copy",
                                             "Block Commit", "Active Block Commit", "Backup" };
    static const char *const block_status[] = { "completed", "failed", "canceled", "ready" };
    static const char *const metadata[] = { "description", "title", "element" };
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_LIFECYCLE:
        printf(": %s %s", vmgr_domain_event_type_name(e->type),
               vmgr_domain_event_detail_name(e->type, e->detail));
        break;
    case VMGR_DOMAIN_EVENT_RTC_CHANGE: printf(": %lld", (long long)e->value); break;
    case VMGR_DOMAIN_EVENT_WATCHDOG: printf(": %s", WORD(watchdog, e->type)); break;
    case VMGR_DOMAIN_EVENT_IO_ERROR:
    case VMGR_DOMAIN_EVENT_IO_ERROR_REASON:
        printf(": %s (%s) %s", or_null(e->path), or_null(e->device), WORD(io_error, e->type));
        if (e->id == VMGR_DOMAIN_EVENT_IO_ERROR_REASON)
            printf(" due to %s", or_null(e->text));
        break;
    case VMGR_DOMAIN_EVENT_DISK_CHANGE:
        printf(" disk %s: %s -> %s: %s", or_null(e->device), or_null(e->old_path), or_null(e->path),
               WORD(disk, e->type));
        break;
    case VMGR_DOMAIN_EVENT_TRAY_CHANGE:
        printf(" disk %s: %s", or_null(e->device), WORD(tray, e->type));
        break;
    case VMGR_DOMAIN_EVENT_BLOCK_JOB:
    case VMGR_DOMAIN_EVENT_BLOCK_JOB_2:
        printf(": %s for %s %s", WORD(block_job, e->type),
               or_null(e->id == VMGR_DOMAIN_EVENT_BLOCK_JOB ? e->path : e->device),
               WORD(block_status, e->detail));
        break;
    case VMGR_DOMAIN_EVENT_BLOCK_THRESHOLD:
        printf(": dev: %s(%s) %lld %llu", or_null(e->device), or_null(e->path),
               (long long)e->value, (unsigned long long)e->excess);
        break;
    case VMGR_DOMAIN_EVENT_BALLOON_CHANGE: printf(": %lldKiB", (long long)e->value); break;
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVED:
    case VMGR_DOMAIN_EVENT_DEVICE_ADDED:
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED: printf(": %s", or_null(e->device)); break;
    case VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE:
        printf(": state: '%s' reason: '%s'", WORD(agent, e->type), WORD(agent_reason, e->detail));
        break;
    case VMGR_DOMAIN_EVENT_METADATA_CHANGE:
        printf(": type %s, uri %s", WORD(metadata, e->type), or_null(e->text));
        break;
    case VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE:
        printf(":\nalias: %s\nsize: %lld", or_null(e->device), (long long)e->value);
        break;
    default: break;
    }
}

static void print_event(const char *name, const struct vmgr_domain_event *event)
{
    printf("event '%s' for domain '%s'", kinds[event->id], name);
    if (event->id == VMGR_DOMAIN_EVENT_JOB_COMPLETED || event->id == VMGR_DOMAIN_EVENT_TUNABLE) {
        printf(":\n");
        job_print_stats(event->stats, "\t");
        return;
    }
    print_details(event);
    printf("\n");
}

static void on_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                     const struct vmgr_domain_event *event, void *data)
{
    struct event_wait *w = data;
    w->count++;
    if (w->timestamp)
        print_timestamp();
    print_event(vmgr_domain_get_name(domain), event);
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
        int id =
            vmgr_conn_add_domain_event(sh->conn, domain, (int)i, on_event, &w, NULL, shell_err(sh));
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
            printf("%s\n", kinds[i]);
        return true;
    }
    if (name) {
        while (first < KIND_COUNT && strcmp(kinds[first], name))
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
