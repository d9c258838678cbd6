/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump: a guest's memory into a file. The call is made by a thread of its own, so that its progress
 * can be told, and Ctrl-C ends the job.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "blockjob.h"
#include "../text/job.h"

const struct opt dump_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "file",
      .type = OPT_DATA,
      .help = "where to dump the core",
      .completer = COMPLETE_FILE },
    { .name = "live", .type = OPT_BOOL, .help = "perform a live core dump if supported" },
    { .name = "crash", .type = OPT_BOOL, .help = "crash the domain after core dump" },
    { .name = "bypass-cache", .type = OPT_BOOL, .help = "avoid file system cache when dumping" },
    { .name = "reset", .type = OPT_BOOL, .help = "reset the domain after core dump" },
    { .name = "verbose", .type = OPT_BOOL, .help = "display the progress of dump" },
    { .name = "memory-only", .type = OPT_BOOL, .help = "dump domain's memory only" },
    { .name = "format",
      .type = OPT_STRING,
      .named = true,
      .help = "specify the format of memory-only dump" },
    OPT_END,
};

#define LOOK_MS 500

struct dump {
    struct vmgr_domain *domain;
    const char *path;
    uint32_t format, flags;
    struct vmgr_error *error;
    int result;
    int done[2]; /* a pipe that ends when the call does */
};

static void *dump_thread(void *data)
{
    struct dump *d = data;
    d->result = vmgr_domain_core_dump(d->domain, d->path, d->format, d->flags, &d->error);
    close(d->done[1]);
    return NULL;
}

/* One look. A server that is asked while the job ends may know of none. */
static void show(struct dump *d)
{
    struct vmgr_domain_job job = VMGR_DOMAIN_JOB_INIT;
    if (vmgr_domain_get_job_info(d->domain, &job, NULL) == 0 && job.data_total)
        blockjob_progress("Dump", job.data_remaining, job.data_total);
}

static void wait_for(struct dump *d, bool verbose, int signals)
{
    struct pollfd fds[2] = { { .fd = d->done[0], .events = POLLIN },
                             { .fd = signals, .events = POLLIN } };
    for (;;) {
        int n = poll(fds, 2, verbose ? LOOK_MS : -1);
        if (n > 0 && fds[0].revents)
            return;
        if (n > 0 && fds[1].revents) {
            struct signalfd_siginfo taken;
            if (read(signals, &taken, sizeof(taken)) > 0)
                vmgr_domain_abort_job(d->domain, 0, NULL);
        }
        if (verbose)
            show(d);
    }
}

/* False: there is no thread to be had. */
static bool run(struct dump *d, bool verbose)
{
    sigset_t set, old;
    pthread_t thread;
    if (pipe(d->done) < 0)
        return false;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    bool ok = pthread_create(&thread, NULL, dump_thread, d) == 0;
    if (ok) {
        wait_for(d, verbose, signals);
        pthread_join(thread, NULL);
    } else {
        close(d->done[1]);
    }
    close(d->done[0]);
    if (signals >= 0)
        close(signals);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

static bool parse_format(struct shell *sh, const struct args *args, uint32_t *ret)
{
    static const char *const formats[] = { "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy",
                                           "win-dmp" };
    const char *text = args_string(args, "format");
    *ret = VMGR_DOMAIN_DUMP_FORMAT_RAW;
    if (!text)
        return true;
    if (!args_bool(args, "memory-only")) {
        shell_error(sh, "--format only works with --memory-only");
        return false;
    }
    for (uint32_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(text, formats[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    shell_error(sh,
                "format '%s' is not supported, expecting 'kdump-zlib', 'kdump-lzo', "
                "'kdump-snappy', 'win-dmp' or 'elf'",
                text);
    return false;
}

bool cmd_dump(struct shell *sh, const struct args *args)
{
    static const struct flag table[] = {
        { "live", VMGR_DOMAIN_DUMP_LIVE },
        { "crash", VMGR_DOMAIN_DUMP_CRASH },
        { "bypass-cache", VMGR_DOMAIN_DUMP_BYPASS_CACHE },
        { "reset", VMGR_DOMAIN_DUMP_RESET },
        { "memory-only", VMGR_DOMAIN_DUMP_MEMORY_ONLY },
        { NULL, 0 },
    };
    const bool verbose = args_bool(args, "verbose");
    struct dump d = { .path = args_string(args, "file"), .result = -1 };
    if (!(d.domain = args_domain(sh, args)))
        return false;
    d.flags = args_flags(args, table);
    bool ok = parse_format(sh, args, &d.format);
    if (ok) {
        ok = run(&d, verbose) && d.result == 0;
        *shell_err(sh) = d.error;
        if (!ok)
            shell_error(sh, "Failed to core dump domain '%s' to %s", vmgr_domain_get_name(d.domain),
                        d.path);
        if (ok && verbose)
            blockjob_progress("Dump", 0, 1);
        if (ok)
            shell_extra(sh, "\nDomain '%s' dumped to %s\n", vmgr_domain_get_name(d.domain), d.path);
    }
    vmgr_domain_unref(d.domain);
    return ok;
}
