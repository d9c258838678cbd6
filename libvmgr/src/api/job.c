/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on whole domains: the public calls, which check and pass on to the driver.
 */
#include <string.h>
#include <vmgr/job.h>

#include "../driver/job.h"
#include "operation.h"

static uint64_t number(const struct vmgr_stat *stats, const char *name)
{
    const struct vmgr_stat *s = vmgr_stats_find(stats, name);

    return s ? s->number : 0;
}

/* The older call's figures out of the parameters. */
static void info_of(const struct vmgr_stat *stats, struct vmgr_domain_job *ret)
{
    ret->time_elapsed = number(stats, "time_elapsed");
    ret->mem_total = number(stats, "memory_total");
    ret->mem_processed = number(stats, "memory_processed");
    ret->mem_remaining = number(stats, "memory_remaining");
    ret->file_total = number(stats, "disk_total");
    ret->file_processed = number(stats, "disk_processed");
    ret->file_remaining = number(stats, "disk_remaining");
    ret->data_total = ret->mem_total + ret->file_total;
    ret->data_processed = ret->mem_processed + ret->file_processed;
    ret->data_remaining = ret->mem_remaining + ret->file_remaining;
}

static GArray *new_list(void)
{
    return g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
}

static struct vmgr_stat *list_end(GArray *list)
{
    return (struct vmgr_stat *)(void *)g_array_free(list, FALSE);
}

int vmgr_domain_get_job_info(struct vmgr_domain *domain, struct vmgr_domain_job *ret,
                             struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    struct vmgr_domain_job job = VMGR_DOMAIN_JOB_INIT;
    uint32_t size;
    int r;

    NEED_IN(conn, job, get_stats, "virDomainGetJobInfo");
    if (conn->driver->job->get_info) {
        r = conn->driver->job->get_info(domain, &job, err);
    } else {
        GArray *list = new_list();
        struct vmgr_stat *stats;
        int type = VMGR_DOMAIN_JOB_NONE;

        r = conn->driver->job->get_stats(domain, 0, &type, list, err);
        stats = list_end(list);
        job.type = type;
        info_of(stats, &job);
        vmgr_stats_free(stats);
    }
    if (r < 0)
        return -1;
    size = MIN(ret->size, job.size);
    memcpy(ret, &job, size);
    ret->size = size;
    return 0;
}

int vmgr_domain_get_job_stats(struct vmgr_domain *domain, uint32_t flags, int *ret_type,
                              struct vmgr_stat **ret_stats, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    GArray *list;
    int n;

    NEED_IN(conn, job, get_stats, "virDomainGetJobStats");
    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_JOB_STATS_COMPLETED | VMGR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
                          "virDomainGetJobStats", err) < 0)
        return -1;
    if (flags == VMGR_DOMAIN_JOB_STATS_KEEP_COMPLETED)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "Flag 'VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED' is required by flag "
                               "'VIR_DOMAIN_JOB_STATS_COMPLETED'");
    list = new_list();
    *ret_type = VMGR_DOMAIN_JOB_NONE;
    n = conn->driver->job->get_stats(domain, flags, ret_type, list, err);
    if (n == 0)
        n = (int)list->len;
    *ret_stats = list_end(list);
    if (n < 0)
        *ret_stats = vmgr_stats_free(*ret_stats);
    return n;
}

int vmgr_domain_abort_job(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    const char *function = flags ? "virDomainAbortJobFlags" : "virDomainAbortJob";

    NEED_IN(conn, job, abort, function);
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_ABORT_JOB_POSTCOPY, function, err) < 0)
        return -1;
    return conn->driver->job->abort(domain, flags, err);
}

int vmgr_domain_get_control_info(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_domain_control *ret, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    struct vmgr_domain_control control = VMGR_DOMAIN_CONTROL_INIT;
    uint32_t size;

    NEED_IN(conn, job, get_control, "virDomainGetControlInfo");
    if (vmgr__check_flags(flags, 0, "virDomainGetControlInfo", err) < 0 ||
        conn->driver->job->get_control(domain, &control, err) < 0)
        return -1;
    size = MIN(ret->size, control.size);
    memcpy(ret, &control, size);
    ret->size = size;
    return 0;
}

/* Flags of a dump that exclude each other. */
static int check_dump(uint32_t flags, struct vmgr_error **err)
{
    static const struct {
        uint32_t bits;
        const char *words;
    } pairs[] = {
        { VMGR_DOMAIN_DUMP_CRASH | VMGR_DOMAIN_DUMP_LIVE, "crash and live" },
        { VMGR_DOMAIN_DUMP_CRASH | VMGR_DOMAIN_DUMP_RESET, "crash and reset" },
        { VMGR_DOMAIN_DUMP_LIVE | VMGR_DOMAIN_DUMP_RESET, "live and reset" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if ((flags & pairs[i].bits) == pairs[i].bits)
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                   "%s flags are mutually exclusive", pairs[i].words);
    }
    return 0;
}

int vmgr_domain_core_dump(struct vmgr_domain *domain, const char *path, uint32_t format,
                          uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    const char *function = format ? "virDomainCoreDumpWithFormat" : "virDomainCoreDump";
    const uint32_t known = VMGR_DOMAIN_DUMP_CRASH | VMGR_DOMAIN_DUMP_LIVE |
                           VMGR_DOMAIN_DUMP_BYPASS_CACHE | VMGR_DOMAIN_DUMP_RESET |
                           VMGR_DOMAIN_DUMP_MEMORY_ONLY;
    g_autofree char *whole = NULL;

    NEED_IN(conn, job, core_dump, function);
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, known, function, err) < 0 || check_dump(flags, err) < 0)
        return -1;
    if (!path || !*path)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no path given in %s",
                               function);
    if (format > VMGR_DOMAIN_DUMP_FORMAT_WIN_DMP)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "dumpformat '%u' is not supported", format);
    if (format && !(flags & VMGR_DOMAIN_DUMP_MEMORY_ONLY))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "a format of a dump needs the flag memory-only");
    whole = g_canonicalize_filename(path, NULL);
    return conn->driver->job->core_dump(domain, whole, format, flags, err);
}
