/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about jobs on whole domains, and whether a domain can be spoken to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../text/job.h"
#include "../text/storage.h"

const struct opt domjobinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "completed",
      .type = OPT_BOOL,
      .help = "return statistics of a recently completed job" },
    { .name = "keep-completed",
      .type = OPT_BOOL,
      .help = "don't destroy statistics of a recently completed job when reading" },
    { .name = "anystats",
      .type = OPT_BOOL,
      .help = "print statistics for any kind of job (even failed ones)" },
    { .name = "rawstats", .type = OPT_BOOL, .help = "print the raw data returned by libvirt" },
    OPT_END,
};
const struct opt domjobabort_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "postcopy", .type = OPT_BOOL, .help = "interrupt post-copy migration" },
    OPT_END,
};
const struct opt domcontrol_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_END,
};

void job_print_stats(const struct vmgr_stat *stats, const char *lead)
{
    for (const struct vmgr_stat *s = stats; s && s->name; s++) {
        printf("%s%s: ", lead, s->name);
        switch (s->type) {
        case VMGR_STAT_STRING: printf("%s\n", s->text ? s->text : ""); break;
        case VMGR_STAT_BOOLEAN: printf("%d\n", s->number != 0); break;
        case VMGR_STAT_INT: printf("%d\n", (int)s->number); break;
        case VMGR_STAT_LLONG: printf("%" PRId64 "\n", (int64_t)s->number); break;
        default: printf("%" PRIu64 "\n", s->number); break;
        }
    }
}

static const char *word(const char *const *words, size_t count, int64_t n)
{
    return n >= 0 && (size_t)n < count ? words[n] : "unknown";
}
#define WORD(words, n) word(words, sizeof(words) / sizeof(words[0]), n)

static void print_bytes(const char *label, uint64_t bytes)
{
    const char *unit;
    double value = pretty_size(bytes, &unit);
    printf("%-17s %-.3lf %s\n", label, value, unit);
}

/* One thing in bytes; nothing is known of it: nothing is printed. */
static void print_amount(const char *what, uint64_t total, uint64_t done, uint64_t left)
{
    const char *const words[] = { "processed", "remaining", "total" };
    const uint64_t numbers[] = { done, left, total };
    if (!total && !done && !left)
        return;
    for (int i = 0; i < 3; i++) {
        char label[40];
        snprintf(label, sizeof(label), "%s %s:", what, words[i]);
        print_bytes(label, numbers[i]);
    }
}

static uint64_t number(const struct vmgr_stat *stats, const char *name)
{
    const struct vmgr_stat *s = vmgr_stats_find(stats, name);
    return s ? s->number : 0;
}

/* Further numbers that servers may tell, in the order of virsh. */
static void print_more(const struct vmgr_stat *stats)
{
    static const char *const rows[][2] = {
        { "memory_constant", "Constant pages:" },
        { "memory_normal", "Normal pages:" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (vmgr_stats_find(stats, rows[i][0]))
            printf("%-17s %-12" PRIu64 "\n", rows[i][1], number(stats, rows[i][0]));
    }
    if (vmgr_stats_find(stats, "memory_normal_bytes"))
        print_bytes("Normal data:", number(stats, "memory_normal_bytes"));
    if (vmgr_stats_find(stats, "downtime"))
        printf("%-17s %-12" PRIu64 " ms\n",
               number(stats, "time_remaining") ? "Expected downtime:" : "Total downtime:",
               number(stats, "downtime"));
    if (vmgr_stats_find(stats, "disk_temp_used"))
        print_bytes("Temporary disk space use:", number(stats, "disk_temp_used"));
    if (vmgr_stats_find(stats, "disk_temp_total"))
        print_bytes("Temporary disk space total:", number(stats, "disk_temp_total"));
    if (vmgr_stats_find(stats, "errmsg"))
        printf("%-17s %s\n", "Error message:", vmgr_stats_find(stats, "errmsg")->text);
}

static void print_job(int type, const struct vmgr_domain_job *job, const struct vmgr_stat *stats)
{
    static const char *const operations[] = {
        "Unknown",
        "Start",
        "Save",
        "Restore",
        "Incoming migration",
        "Outgoing migration",
        "Snapshot",
        "Snapshot revert",
        "Dump",
        "Backup",
        "Snapshot delete",
    };
    if (number(stats, "operation"))
        printf("%-17s %-12s\n", "Operation:", WORD(operations, (int)number(stats, "operation")));
    printf("%-17s %-12" PRIu64 " ms\n", "Time elapsed:", job->time_elapsed);
    if (vmgr_stats_find(stats, "time_elapsed_net"))
        printf("%-17s %-12" PRIu64 " ms\n",
               "Time elapsed w/o network:", number(stats, "time_elapsed_net"));
    if (type == VMGR_DOMAIN_JOB_BOUNDED)
        printf("%-17s %-12" PRIu64 " ms\n", "Time remaining:", job->time_remaining);
    print_amount("Data", job->data_total, job->data_processed, job->data_remaining);
    print_amount("Memory", job->mem_total, job->mem_processed, job->mem_remaining);
    print_amount("File", job->file_total, job->file_processed, job->file_remaining);
    print_more(stats);
}

static void fill(const struct vmgr_stat *stats, struct vmgr_domain_job *job)
{
    job->time_elapsed = number(stats, "time_elapsed");
    job->time_remaining = number(stats, "time_remaining");
    job->data_total = number(stats, "data_total");
    job->data_processed = number(stats, "data_processed");
    job->data_remaining = number(stats, "data_remaining");
    job->mem_total = number(stats, "memory_total");
    job->mem_processed = number(stats, "memory_processed");
    job->mem_remaining = number(stats, "memory_remaining");
    job->file_total = number(stats, "disk_total");
    job->file_processed = number(stats, "disk_processed");
    job->file_remaining = number(stats, "disk_remaining");
}

/* Of servers that know no more. */
static int ask_old(struct shell *sh, struct vmgr_domain *domain, const struct args *args, int *type,
                   struct vmgr_domain_job *job)
{
    if (args_bool(args, "completed") || args_bool(args, "keep-completed") ||
        args_bool(args, "rawstats") || args_bool(args, "anystats")) {
        shell_error(sh, "Optional flags or --rawstats are not supported by the daemon");
        return -1;
    }
    shell_err_clear(sh);
    if (vmgr_domain_get_job_info(domain, job, shell_err(sh)) < 0)
        return -1;
    *type = job->type;
    return 0;
}

static bool job_info(struct shell *sh, struct vmgr_domain *domain, const struct args *args)
{
    static const char *const types[] = { "None",      "Bounded", "Unbounded",
                                         "Completed", "Failed",  "Cancelled" };
    const uint32_t flags =
        (args_bool(args, "completed") ? VMGR_DOMAIN_JOB_STATS_COMPLETED : 0) |
        (args_bool(args, "keep-completed") ? VMGR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0);
    struct vmgr_domain_job job = VMGR_DOMAIN_JOB_INIT;
    struct vmgr_stat *stats = NULL;
    int type = 0;
    int r = vmgr_domain_get_job_stats(domain, flags, &type, &stats, shell_err(sh));
    if (r >= 0)
        fill(stats, &job);
    else if (vmgr_error_get_code(sh->error) == VMGR_ERR_NO_SUPPORT)
        r = ask_old(sh, domain, args, &type, &job);
    if (r < 0)
        return false;
    if (args_bool(args, "rawstats")) {
        printf("Job type: %d\n\n", type);
        job_print_stats(stats, "");
        vmgr_stats_free(stats);
        return true;
    }
    printf("%-17s %-12s\n", "Job type:", WORD(types, type));
    if (type == VMGR_DOMAIN_JOB_BOUNDED || type == VMGR_DOMAIN_JOB_UNBOUNDED ||
        (type == VMGR_DOMAIN_JOB_COMPLETED && args_bool(args, "completed")) ||
        (type >= VMGR_DOMAIN_JOB_COMPLETED && args_bool(args, "anystats")))
        print_job(type, &job, stats);
    vmgr_stats_free(stats);
    return true;
}

bool cmd_domjobinfo(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain;
    if (args_bool(args, "keep-completed") && !args_bool(args, "completed")) {
        shell_error(sh, "Option --completed is required by option --keep-completed");
        return false;
    }
    if (!(domain = args_domain(sh, args)))
        return false;
    bool ok = job_info(sh, domain, args);
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_domjobabort(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    uint32_t flags = args_bool(args, "postcopy") ? VMGR_DOMAIN_ABORT_JOB_POSTCOPY : 0;
    bool ok = domain && vmgr_domain_abort_job(domain, flags, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_domcontrol(struct shell *sh, const struct args *args)
{
    static const char *const states[] = { "ok", "background job", "occupied", "error" };
    static const char *const reasons[] = { "", "unknown", "monitor failure",
                                           "internal (locking) error" };
    struct vmgr_domain_control control = VMGR_DOMAIN_CONTROL_INIT;
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && vmgr_domain_get_control_info(domain, 0, &control, shell_err(sh)) == 0;
    if (ok && control.state != VMGR_DOMAIN_CONTROL_OK && control.state != VMGR_DOMAIN_CONTROL_ERROR)
        printf("%s (%0.3fs)\n", WORD(states, control.state), (double)control.state_time / 1000.0);
    else if (ok && control.state == VMGR_DOMAIN_CONTROL_ERROR && control.reason)
        printf("%s: %s\n", WORD(states, control.state), WORD(reasons, control.reason));
    else if (ok)
        printf("%s\n", WORD(states, control.state));
    vmgr_domain_unref(domain);
    return ok;
}
