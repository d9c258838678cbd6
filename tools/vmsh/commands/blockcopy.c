/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that begin jobs on disks and wait for them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blockjob.h"
#include "../text/storage.h"

#define POLL_MS   500 /* between looks at a job's progress */
#define MAX_LOOKS 10  /* for the event of a job that is gone */

const struct opt blockpull_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "fully-qualified path of disk" },
    { .name = "bandwidth", .type = OPT_INT, .help = "bandwidth limit in MiB/s" },
    { .name = "base",
      .type = OPT_STRING,
      .help = "path of backing file in chain for a partial pull" },
    { .name = "wait", .type = OPT_BOOL, .help = "wait for job to finish" },
    { .name = "verbose", .type = OPT_BOOL, .help = "with --wait, display the progress" },
    { .name = "timeout",
      .type = OPT_INT,
      .help = "with --wait, abort if pull exceeds timeout (in seconds)" },
    { .name = "async", .type = OPT_BOOL, .help = "with --wait, don't wait for cancel to finish" },
    { .name = "keep-relative",
      .type = OPT_BOOL,
      .help = "keep the backing chain relatively referenced" },
    { .name = "bytes",
      .type = OPT_BOOL,
      .help = "the bandwidth limit is in bytes/s rather than MiB/s" },
    OPT_END,
};
const struct opt blockcommit_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "fully-qualified path of disk" },
    { .name = "bandwidth", .type = OPT_INT, .help = "bandwidth limit in MiB/s" },
    { .name = "base",
      .type = OPT_STRING,
      .help = "path of base file to commit into (default bottom of chain)" },
    { .name = "shallow", .type = OPT_BOOL, .help = "use backing file of top as base" },
    { .name = "top",
      .type = OPT_STRING,
      .help = "path of top file to commit from (default top of chain)" },
    { .name = "active", .type = OPT_BOOL, .help = "trigger two-stage active commit of top file" },
    { .name = "delete", .type = OPT_BOOL, .help = "delete files that were successfully committed" },
    { .name = "wait",
      .type = OPT_BOOL,
      .help = "wait for job to complete (with --active, wait for job to sync)" },
    { .name = "verbose", .type = OPT_BOOL, .help = "with --wait, display the progress" },
    { .name = "timeout",
      .type = OPT_INT,
      .help = "implies --wait, abort if copy exceeds timeout (in seconds)" },
    { .name = "pivot",
      .type = OPT_BOOL,
      .help = "implies --active --wait, pivot when commit is synced" },
    { .name = "keep-overlay",
      .type = OPT_BOOL,
      .help = "implies --active --wait, quit when commit is synced" },
    { .name = "async", .type = OPT_BOOL, .help = "with --wait, don't wait for cancel to finish" },
    { .name = "keep-relative",
      .type = OPT_BOOL,
      .help = "keep the backing chain relatively referenced" },
    { .name = "bytes",
      .type = OPT_BOOL,
      .help = "the bandwidth limit is in bytes/s rather than MiB/s" },
    OPT_END,
};
const struct opt blockcopy_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "fully-qualified path of source disk" },
    { .name = "dest",
      .type = OPT_STRING,
      .help = "path of the copy to create",
      .completer = COMPLETE_FILE },
    { .name = "bandwidth", .type = OPT_INT, .help = "bandwidth limit in MiB/s" },
    { .name = "shallow", .type = OPT_BOOL, .help = "make the copy share a backing chain" },
    { .name = "reuse-external", .type = OPT_BOOL, .help = "reuse existing destination" },
    { .name = "blockdev",
      .type = OPT_BOOL,
      .help = "copy destination is block device instead of regular file" },
    { .name = "wait", .type = OPT_BOOL, .help = "wait for job to reach mirroring phase" },
    { .name = "verbose", .type = OPT_BOOL, .help = "with --wait, display the progress" },
    { .name = "timeout",
      .type = OPT_INT,
      .help = "implies --wait, abort if copy exceeds timeout (in seconds)" },
    { .name = "pivot", .type = OPT_BOOL, .help = "implies --wait, pivot when mirroring starts" },
    { .name = "finish", .type = OPT_BOOL, .help = "implies --wait, quit when mirroring starts" },
    { .name = "async", .type = OPT_BOOL, .help = "with --wait, don't wait for cancel to finish" },
    { .name = "xml",
      .type = OPT_STRING,
      .help = "filename containing XML description of the copy destination",
      .completer = COMPLETE_FILE },
    { .name = "format", .type = OPT_STRING, .help = "format of the destination file" },
    { .name = "granularity",
      .type = OPT_INT,
      .help = "power-of-two granularity to use during the copy" },
    { .name = "buf-size",
      .type = OPT_INT,
      .help = "maximum amount of in-flight data during the copy" },
    { .name = "bytes",
      .type = OPT_BOOL,
      .help = "the bandwidth limit is in bytes/s rather than MiB/s" },
    { .name = "transient-job",
      .type = OPT_BOOL,
      .help = "the copy job is not persisted if VM is turned off" },
    { .name = "synchronous-writes",
      .type = OPT_BOOL,
      .help = "the copy job forces guest writes to be synchronously written to the destination" },
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print the XML used to start the copy job instead of starting the job" },
    OPT_END,
};
/* ---- waiting ---- */

/* What became of a job that was waited for. */
enum outcome { OUT_ERROR, OUT_COMPLETED, OUT_FAILED, OUT_CANCELED, OUT_READY };

struct wait {
    struct shell *sh;
    struct vmgr_domain *domain;
    const char *path, *label;
    bool verbose, async;
    int timeout;       /* seconds; 0: for ever */
    enum outcome told; /* by an event; OUT_ERROR: nothing yet */
    int looks;         /* since it was gone, and no event had told how it ended */
    int callback;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

static void on_job(struct vmgr_conn *conn, struct vmgr_domain *domain,
                   const struct vmgr_domain_event *event, void *data)
{
    static const enum outcome outcomes[] = { OUT_COMPLETED, OUT_FAILED, OUT_CANCELED, OUT_READY };
    struct wait *w = data;
    if (event->device && strcmp(event->device, w->path) == 0 && event->detail >= 0 &&
        event->detail < 4)
        w->told = outcomes[event->detail];
}

/* Before the job begins, so that its end is not missed. */
static void wait_prepare(struct wait *w)
{
    w->callback = vmgr_conn_add_domain_event(w->sh->conn, w->domain, VMGR_DOMAIN_EVENT_BLOCK_JOB_2,
                                             on_job, w, NULL, NULL);
}

static void wait_end(struct wait *w)
{
    if (w->callback >= 0)
        vmgr_conn_remove_domain_event(w->sh->conn, w->callback, NULL);
}

/* Whether the outcome is known; a server without events, or a path instead of a target: by the
 * figures alone. */
static bool wait_look(struct wait *w, enum outcome *ret)
{
    struct vmgr_block_job job = VMGR_BLOCK_JOB_INIT;
    int found = vmgr_domain_get_block_job(w->domain, w->path, 0, &job, shell_err(w->sh));
    while (w->callback >= 0 && vmgr_conn_dispatch(w->sh->conn, NULL) > 0)
        ;
    if (found < 0) {
        shell_error(w->sh, "failed to query job for disk %s", w->path);
        *ret = OUT_ERROR;
        return true;
    }
    if (w->verbose && found)
        blockjob_progress(w->label, job.end - job.current, job.end);
    if (w->told != OUT_ERROR)
        *ret = w->told;
    else if (!found && w->callback >= 0 && *w->path != '/' && w->looks++ < MAX_LOOKS)
        return false; /* it comes after the answer */
    else if (!found)
        *ret = OUT_COMPLETED;
    else if (job.current == job.end)
        *ret = OUT_READY;
    else
        return false;
    if (w->verbose && (*ret == OUT_COMPLETED || *ret == OUT_READY))
        blockjob_progress(w->label, 0, 1);
    return true;
}

/* A clock that nobody sets. */
static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static enum outcome wait_for(struct wait *w)
{
    const struct timespec pause = { POLL_MS / 1000, POLL_MS % 1000 * 1000000 };
    struct sigaction action = { .sa_handler = on_interrupt }, old;
    const time_t began = now_s();
    enum outcome outcome = OUT_ERROR;
    bool asked = false;
    interrupted = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old);
    for (;;) {
        if (wait_look(w, &outcome))
            break;
        if (!asked && (interrupted || (w->timeout && now_s() - began >= w->timeout))) {
            asked = true;
            if (vmgr_domain_abort_block_job(w->domain, w->path,
                                            w->async ? VMGR_BLOCK_JOB_ABORT_ASYNC : 0,
                                            shell_err(w->sh)) < 0) {
                shell_error(w->sh, "failed to abort job for disk '%s'", w->path);
                break;
            }
            if (w->async) {
                outcome = OUT_CANCELED;
                break;
            }
            w->told = w->told == OUT_ERROR ? OUT_CANCELED : w->told;
            continue;
        }
        nanosleep(&pause, NULL);
    }
    sigaction(SIGINT, &old, NULL);
    return outcome;
}

/* --async and --verbose. False: the error was printed. last: what else makes vmsh wait. */
static bool wait_options(struct shell *sh, const struct args *args, struct wait *w, bool blocking,
                         const char *last)
{
    const char *odd = args_bool(args, "verbose") ? "verbose"
                      : args_bool(args, "async") ? "async"
                                                 : NULL;
    w->verbose = args_bool(args, "verbose");
    w->async = args_bool(args, "async");
    if (blocking || !odd)
        return true;
    if (last)
        shell_error(sh, "--%s requires at least one of --timeout, --wait, --pivot, or --%s", odd,
                    last);
    else
        shell_error(sh, "Option --wait is required by option --%s", odd);
    return false;
}

/* 0: not given. */
static bool get_timeout(struct shell *sh, const struct args *args, int *ret)
{
    int have = args_int(sh, args, "timeout", ret);
    if (have < 0)
        return false;
    if (have && *ret < 1) {
        shell_error(sh, "Numeric value '%s' for <timeout> option is malformed or out of range",
                    args_string(args, "timeout"));
        return false;
    }
    return true;
}

/* ---- pull ---- */

static bool pull_end(struct wait *w)
{
    switch (wait_for(w)) {
    case OUT_CANCELED: shell_extra(w->sh, "\nPull aborted"); return false;
    case OUT_FAILED: shell_error(w->sh, "\nPull failed"); return false;
    case OUT_ERROR: return false;
    default: shell_extra(w->sh, "\nPull complete"); return true;
    }
}

static bool pull(struct wait *w, const struct args *args, bool blocking)
{
    const char *base = args_string(args, "base");
    unsigned long long bandwidth;
    uint32_t flags = args_bool(args, "bytes") ? VMGR_BLOCK_PULL_BANDWIDTH_BYTES : 0;
    int r;
    if (!blockjob_bandwidth(w->sh, args, &bandwidth))
        return false;
    if (args_bool(args, "keep-relative"))
        flags |= VMGR_BLOCK_REBASE_RELATIVE;
    if (blocking)
        wait_prepare(w);
    if (base || (flags & VMGR_BLOCK_REBASE_RELATIVE))
        r = vmgr_domain_block_rebase(w->domain, w->path, base, bandwidth, flags, shell_err(w->sh));
    else
        r = vmgr_domain_block_pull(w->domain, w->path, bandwidth, flags, shell_err(w->sh));
    if (r < 0)
        return false;
    if (!blocking) {
        shell_extra(w->sh, "Block Pull started");
        return true;
    }
    return pull_end(w);
}

bool cmd_blockpull(struct shell *sh, const struct args *args)
{
    struct wait w = {
        .sh = sh, .path = args_string(args, "path"), .label = "Block Pull", .callback = -1
    };
    bool blocking = args_bool(args, "wait");
    if (!get_timeout(sh, args, &w.timeout) || !wait_options(sh, args, &w, blocking, NULL) ||
        !(w.domain = args_domain(sh, args)))
        return false;
    bool ok = pull(&w, args, blocking);
    wait_end(&w);
    vmgr_domain_unref(w.domain);
    return ok;
}

/* ---- what follows a disk until it is ended ---- */

static bool ready(struct wait *w, bool pivot, bool finish, const char *finished, const char *phase)
{
    uint32_t flags =
        (w->async ? VMGR_BLOCK_JOB_ABORT_ASYNC : 0) | (pivot ? VMGR_BLOCK_JOB_ABORT_PIVOT : 0);
    if (!pivot && !finish) {
        shell_extra(w->sh, "\n%s", phase);
        return true;
    }
    if (vmgr_domain_abort_block_job(w->domain, w->path, flags, shell_err(w->sh)) < 0) {
        shell_error(w->sh, "failed to %s job for disk %s", pivot ? "pivot" : "finish", w->path);
        return false;
    }
    shell_extra(w->sh, "\n%s", pivot ? "Successfully pivoted" : finished);
    return true;
}

/* ---- commit ---- */

static bool commit(struct wait *w, const struct args *args, bool blocking)
{
    bool pivot = args_bool(args, "pivot"), keep = args_bool(args, "keep-overlay");
    bool active = args_bool(args, "active") || pivot || keep;
    unsigned long long bandwidth;
    uint32_t flags = (args_bool(args, "shallow") ? VMGR_BLOCK_COMMIT_SHALLOW : 0) |
                     (args_bool(args, "delete") ? VMGR_BLOCK_COMMIT_DELETE : 0) |
                     (active ? VMGR_BLOCK_COMMIT_ACTIVE : 0) |
                     (args_bool(args, "keep-relative") ? VMGR_BLOCK_COMMIT_RELATIVE : 0) |
                     (args_bool(args, "bytes") ? VMGR_BLOCK_COMMIT_BANDWIDTH_BYTES : 0);
    if (!blockjob_bandwidth(w->sh, args, &bandwidth))
        return false;
    if (blocking)
        wait_prepare(w);
    if (vmgr_domain_block_commit(w->domain, w->path, args_string(args, "base"),
                                 args_string(args, "top"), bandwidth, flags, shell_err(w->sh)) < 0)
        return false;
    if (!blocking) {
        shell_extra(w->sh, "%s", active ? "Active Block Commit started" : "Block Commit started");
        return true;
    }
    switch (wait_for(w)) {
    case OUT_CANCELED: shell_extra(w->sh, "\nCommit aborted"); return false;
    case OUT_FAILED: shell_error(w->sh, "\nCommit failed"); return false;
    case OUT_READY:
        return ready(w, pivot, keep, "Commit complete, overlay image kept",
                     "Now in synchronized phase");
    case OUT_COMPLETED: shell_extra(w->sh, "\nCommit complete"); return true;
    default: return false;
    }
}

bool cmd_blockcommit(struct shell *sh, const struct args *args)
{
    struct wait w = {
        .sh = sh, .path = args_string(args, "path"), .label = "Block commit", .callback = -1
    };
    if (!args_exclusive(sh, args, "pivot", "keep-overlay") || !get_timeout(sh, args, &w.timeout))
        return false;
    bool blocking = args_bool(args, "wait") || args_bool(args, "pivot") ||
                    args_bool(args, "keep-overlay") || w.timeout;
    if (!wait_options(sh, args, &w, blocking, "keep-overlay") ||
        !(w.domain = args_domain(sh, args)))
        return false;
    bool ok = commit(&w, args, blocking);
    wait_end(&w);
    vmgr_domain_unref(w.domain);
    return ok;
}

/* ---- copy ---- */

/* Where to, as a document for free(). NULL: the error was printed. */
static char *copy_target(struct shell *sh, const struct args *args)
{
    const char *dest = args_string(args, "dest"), *file = args_string(args, "xml");
    const char *format = args_string(args, "format");
    bool block = args_bool(args, "blockdev");
    if (file)
        return file_read(sh, file);
    char *path = xml_escape(dest), *type = format ? xml_escape(format) : NULL;
    char *driver = type ? must_printf("  <driver type='%s'/>\n", type) : NULL;
    char *text =
        must_printf("<disk type='%s'>\n  <source %s='%s'/>\n%s</disk>\n", block ? "block" : "file",
                    block ? "dev" : "file", path, driver ? driver : "");
    free(driver);
    free(type);
    free(path);
    return text;
}

static bool copy_params(struct shell *sh, const struct args *args,
                        struct vmgr_block_copy_params *params)
{
    unsigned long long bandwidth, buffer = 0;
    int granularity = 0;
    if (!blockjob_bandwidth(sh, args, &bandwidth) ||
        args_int(sh, args, "granularity", &granularity) < 0 ||
        args_size(sh, args, "buf-size", 1, &buffer) < 0)
        return false;
    if (!args_bool(args, "bytes") && bandwidth > (UINT64_MAX >> 20)) {
        shell_error(sh, "bandwidth must be less than %llu", (unsigned long long)UINT64_MAX >> 20);
        return false;
    }
    if (granularity < 0) {
        shell_error(sh, "Numeric value '%s' for <granularity> option is malformed or out of range",
                    args_string(args, "granularity"));
        return false;
    }
    params->bandwidth = args_bool(args, "bytes") ? bandwidth : bandwidth << 20;
    params->granularity = (uint32_t)granularity;
    params->buf_size = buffer;
    return true;
}

/* Servers of any age can do what needs no parameters. */
static bool needs_parameters(const struct args *args)
{
    static const char *const newer[] = { "granularity", "buf-size", "xml" };
    const char *format = args_string(args, "format");
    for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
        if (args_string(args, newer[i]))
            return true;
    return (format && strcmp(format, "raw") != 0) || args_bool(args, "transient-job") ||
           args_bool(args, "synchronous-writes");
}

static int copy_plainly(struct wait *w, const struct args *args)
{
    unsigned long long bandwidth;
    uint32_t flags = VMGR_BLOCK_REBASE_COPY |
                     (args_bool(args, "shallow") ? VMGR_BLOCK_REBASE_SHALLOW : 0) |
                     (args_bool(args, "reuse-external") ? VMGR_BLOCK_REBASE_REUSE_EXT : 0) |
                     (args_bool(args, "blockdev") ? VMGR_BLOCK_REBASE_COPY_DEV : 0) |
                     (args_string(args, "format") ? VMGR_BLOCK_REBASE_COPY_RAW : 0) |
                     (args_bool(args, "bytes") ? VMGR_BLOCK_REBASE_BANDWIDTH_BYTES : 0);
    if (!blockjob_bandwidth(w->sh, args, &bandwidth))
        return -1;
    return vmgr_domain_block_rebase(w->domain, w->path, args_string(args, "dest"), bandwidth, flags,
                                    shell_err(w->sh));
}

static bool copy(struct wait *w, const struct args *args, const char *xml, bool blocking)
{
    struct vmgr_block_copy_params params = VMGR_BLOCK_COPY_PARAMS_INIT;
    uint32_t flags =
        (args_bool(args, "shallow") ? VMGR_BLOCK_COPY_SHALLOW : 0) |
        (args_bool(args, "reuse-external") ? VMGR_BLOCK_COPY_REUSE_EXT : 0) |
        (args_bool(args, "transient-job") ? VMGR_BLOCK_COPY_TRANSIENT_JOB : 0) |
        (args_bool(args, "synchronous-writes") ? VMGR_BLOCK_COPY_SYNCHRONOUS_WRITES : 0);
    if (!copy_params(w->sh, args, &params))
        return false;
    if (blocking)
        wait_prepare(w);
    int r = needs_parameters(args)
                ? vmgr_domain_block_copy(w->domain, w->path, xml, &params, flags, shell_err(w->sh))
                : copy_plainly(w, args);
    if (r < 0)
        return false;
    if (!blocking) {
        shell_extra(w->sh, "Block Copy started");
        return true;
    }
    switch (wait_for(w)) {
    case OUT_CANCELED: shell_extra(w->sh, "\nCopy aborted"); return false;
    case OUT_FAILED: shell_error(w->sh, "\nCopy failed"); return false;
    case OUT_READY:
    case OUT_COMPLETED:
        return ready(w, args_bool(args, "pivot"), args_bool(args, "finish"), "Successfully copied",
                     "Now in mirroring phase");
    default: return false;
    }
}

bool cmd_blockcopy(struct shell *sh, const struct args *args)
{
    struct wait w = {
        .sh = sh, .path = args_string(args, "path"), .label = "Block Copy", .callback = -1
    };
    if (!args_exclusive(sh, args, "dest", "xml") || !args_exclusive(sh, args, "format", "xml") ||
        !args_exclusive(sh, args, "blockdev", "xml") ||
        !args_exclusive(sh, args, "pivot", "finish") || !get_timeout(sh, args, &w.timeout))
        return false;
    bool blocking = args_bool(args, "wait") || args_bool(args, "pivot") ||
                    args_bool(args, "finish") || w.timeout;
    if (!wait_options(sh, args, &w, blocking, "finish"))
        return false;
    if (!args_string(args, "dest") && !args_string(args, "xml")) {
        shell_error(sh, "need either --dest or --xml");
        return false;
    }
    char *xml = copy_target(sh, args);
    bool ok = xml != NULL;
    if (ok && args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else if (ok) {
        w.domain = args_domain(sh, args);
        ok = w.domain && copy(&w, args, xml, blocking);
        wait_end(&w);
        vmgr_domain_unref(w.domain);
    }
    free(xml);
    return ok;
}
