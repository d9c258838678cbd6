/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu: runs one virtual machine in this process.
 *
 * The library does the work on threads of its own; this program builds the machine from the command
 * line, waits for signals and events, and turns the machine's end into an exit status.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "build.h"
#include "daemon.h"
#include "options.h"
#include "report.h"
#include "sandbox.h"
#include "trace.h"

#define EXIT_PANIC 3

/* How a run ended. */
struct outcome {
    const char *cause;
    uint32_t code;
    int status;
};

struct log {
    FILE *stream;
    int level;
};

void report(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("vemu: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void log_line(void *data, int level, const char *line)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    const struct log *log = data;
    if (level > log->level)
        return;
    if (log->stream == stderr) {
        fprintf(stderr, "vemu: %s: %s\n", names[level & 3], line);
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(log->stream, "%lld.%06ld %s: %s\n", (long long)now.tv_sec, now.tv_nsec / 1000,
            names[level & 3], line);
    fflush(log->stream);
}

/* Signals that end the machine, as a descriptor. Blocked before any thread is made. */
static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Devices may need many (a 9p guest one for each file it knows), and nobody here uses select(2). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void outcome_of_shutdown(const struct vemu_event *e, struct outcome *out)
{
    out->code = 0;
    out->status = 0;
    switch (e->cause) {
    case VEMU_CAUSE_HOST_QUIT: out->cause = "host-quit"; break;
    case VEMU_CAUSE_GUEST_SHUTDOWN: out->cause = "guest-shutdown"; break;
    case VEMU_CAUSE_GUEST_RESET: out->cause = "guest-reset"; break;
    case VEMU_CAUSE_GUEST_TRIPLE_FAULT: out->cause = "guest-triple-fault"; break;
    case VEMU_CAUSE_GUEST_DEBUG_EXIT:
        out->cause = "guest-debug-exit";
        out->code = e->code;
        out->status = (int)((e->code << 1 | 1) & 0xff);
        break;
    case VEMU_CAUSE_GUEST_PANIC:
        out->cause = "guest-panic";
        out->status = EXIT_PANIC;
        break;
    default:
        out->cause = "internal-error";
        out->status = 1;
    }
}

/* True: the event ends the program. */
static bool event_ends(const struct options *o, uint32_t flags, const struct vemu_event *e,
                       struct outcome *out)
{
    switch (e->type) {
    case VEMU_EVENT_SHUTDOWN:
        outcome_of_shutdown(e, out);
        return !(flags & VEMU_VM_NO_SHUTDOWN) || e->cause == VEMU_CAUSE_HOST_QUIT;
    case VEMU_EVENT_PANICKED:
        *out = (struct outcome){ "guest-panic", 0, EXIT_PANIC };
        if (e->message[0])
            report("guest panicked: %s", e->message);
        return !(flags & VEMU_VM_PANIC_PAUSE);
    case VEMU_EVENT_ERROR:
        *out = (struct outcome){ "internal-error", 0, 1 };
        report("%s", e->message);
        /* somebody may want to look at it through QMP */
        return o->qmps.count == 0;
    default:
        return false;
    }
}

static bool events_end(struct vemu_vm *vm, const struct options *o, struct outcome *out)
{
    struct vemu_event e = { .size = sizeof(e) };
    while (vemu_vm_next_event(vm, &e) > 0)
        if (event_ends(o, vemu_vm_get_flags(vm), &e, out))
            return true;
    return false;
}

static void wait_for_end(struct vemu_vm *vm, const struct options *o, int signals,
                         struct outcome *out)
{
    int r;
    while ((r = vemu_vm_serve(vm, signals, -1)) == 1)
        if (events_end(vm, o, out))
            return;
    *out = r == 0 ? (struct outcome){ "host-signal", 0, 0 }
                  : (struct outcome){ "internal-error", 0, 1 };
}

/* --- a run ------------------------------------------------------------------------------------ */

static bool start(struct vemu_vm *vm, const struct options *o)
{
    struct vemu_error *err = NULL;
    if (o->paused || vemu_vm_start(vm, &err) >= 0)
        return true;
    report("%s", vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

static int run(struct options *o)
{
    struct log log = { stderr, o->log_level };
    struct outcome out = { "internal-error", 0, 1 };
    if (o->log_file && !(log.stream = fopen(o->log_file, "ae"))) {
        report("cannot open log file '%s': %s", o->log_file, strerror(errno));
        return 1;
    }
    o->config.log = log_line;
    o->config.log_data = &log;
    if (o->daemonize && !daemon_start())
        return 1;
    raise_descriptor_limit();
    int signals = signals_open();
    if (o->pidfile && !pidfile_write(o->pidfile))
        return 1;
    if (!sandbox_enter(o->sandbox))
        return 1;
    bool traced;
    struct trace *trace = trace_open(o, &traced);

    struct vemu_vm *vm = traced ? build_machine(o, trace) : NULL;
    if (vm && vemu_vm_get_event_fd(vm) >= 0 && start(vm, o)) {
        daemon_ready();
        wait_for_end(vm, o, signals, &out);
    }
    bool built = vm != NULL;
    if (vm)
        vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
    trace_close(trace);
    if (o->exit_file && built)
        exit_file_write(o->exit_file, out.cause, out.code, out.status);
    if (o->pidfile)
        pidfile_remove(o->pidfile);
    if (log.stream != stderr)
        fclose(log.stream);
    close(signals);
    return out.status;
}

int main(int argc, char **argv)
{
    struct options o;
    int status = 0;
    mallopt(M_ARENA_MAX, 1); /* arenas cost memory and time, and no thread allocates much */
    switch (options_parse(&o, argc, argv)) {
    case OPTIONS_RUN: status = run(&o); break;
    case OPTIONS_DONE: break;
    case OPTIONS_ERROR: status = 1; break;
    }
    options_free(&o);
    return status;
}
