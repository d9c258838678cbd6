/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about jobs on disks that go on, and the size of disks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "blockjob.h"

const struct opt blockjob_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "fully-qualified path of disk" },
    { .name = "abort", .type = OPT_BOOL, .help = "abort the active job on the specified disk" },
    { .name = "async",
      .type = OPT_BOOL,
      .help = "implies --abort; request but don't wait for job end" },
    { .name = "pivot",
      .type = OPT_BOOL,
      .help = "implies --abort; conclude and pivot a copy or commit job" },
    { .name = "info",
      .type = OPT_BOOL,
      .help = "get active job information for the specified disk" },
    { .name = "bytes", .type = OPT_BOOL, .help = "get/set bandwidth in bytes rather than MiB/s" },
    { .name = "raw",
      .type = OPT_BOOL,
      .help = "implies --info; output details rather than human summary" },
    { .name = "bandwidth", .type = OPT_INT, .help = "set the bandwidth limit in MiB/s" },
    OPT_END,
};
const struct opt blockresize_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "Fully-qualified path of block device" },
    { .name = "size",
      .type = OPT_INT,
      .required = true,
      .help = "New size of the block device, as scaled integer (default KiB)" },
    OPT_END,
};

void blockjob_progress(const char *label, uint64_t left, uint64_t total)
{
    int percent = 100;
    if (!total)
        return;
    if (left) /* 100 is for what is done */
        percent = (int)(100.0 - (double)left * 100.0 / (double)total);
    fflush(stdout);
    fprintf(stderr, "\r%s: [%3d %%]", label, left && percent >= 100 ? 99 : percent);
    fflush(stderr);
}

bool blockjob_bandwidth(struct shell *sh, const struct args *args, unsigned long long *ret)
{
    const char *text = args_string(args, "bandwidth");
    char *end;
    *ret = 0;
    if (!text)
        return true;
    if (args_bool(args, "bytes"))
        return args_size(sh, args, "bandwidth", 1, ret) >= 0;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (end != text && !*end && !errno) /* -1 is the greatest there is, as virsh has it */
        return true;
    shell_error(sh,
                "Scaled numeric value '%s' for <--bandwidth> option is malformed or out of range",
                text);
    return false;
}

static const char *type_name(int type)
{
    static const char *const names[] = { "Unknown job",  "Block Pull",          "Block Copy",
                                         "Block Commit", "Active Block Commit", "Backup" };
    return type >= 0 && type < 6 ? names[type] : "Unknown job";
}

static bool job_info(struct shell *sh, struct vmgr_domain *domain, const struct args *args)
{
    const char *path = args_string(args, "path");
    bool bytes = args_bool(args, "bytes"), raw = args_bool(args, "raw");
    struct vmgr_block_job job = VMGR_BLOCK_JOB_INIT;
    int found = vmgr_domain_get_block_job(
        domain, path, bytes || !raw ? VMGR_BLOCK_JOB_INFO_BANDWIDTH_BYTES : 0, &job, shell_err(sh));
    if (found < 0)
        return false;
    if (!found) {
        if (!raw)
            shell_extra(sh, "No current block job for %s", path);
        return true;
    }
    if (raw) {
        printf(" type=%s\n bandwidth=%" PRIu64 "\n cur=%" PRIu64 "\n end=%" PRIu64 "\n",
               type_name(job.type), job.bandwidth, job.current, job.end);
        return true;
    }
    blockjob_progress(type_name(job.type), job.end - job.current, job.end);
    if (job.bandwidth) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double)job.bandwidth;
        unsigned unit = 0;
        for (; value >= 1024.0 && unit < 6; unit++)
            value /= 1024.0;
        printf("    Bandwidth limit: %" PRIu64 " bytes/s (%-.3lf %s/s)", job.bandwidth, value,
               units[unit]);
    }
    printf("\n");
    return true;
}

static bool job_change(struct shell *sh, struct vmgr_domain *domain, const struct args *args)
{
    const char *path = args_string(args, "path");
    bool pivot = args_bool(args, "pivot"), async = args_bool(args, "async");
    unsigned long long bandwidth;
    if (args_string(args, "bandwidth"))
        return blockjob_bandwidth(sh, args, &bandwidth) &&
               vmgr_domain_set_block_job_speed(
                   domain, path, bandwidth,
                   args_bool(args, "bytes") ? VMGR_BLOCK_JOB_SPEED_BANDWIDTH_BYTES : 0,
                   shell_err(sh)) == 0;
    if (pivot || async || args_bool(args, "abort"))
        return vmgr_domain_abort_block_job(domain, path,
                                           (async ? VMGR_BLOCK_JOB_ABORT_ASYNC : 0) |
                                               (pivot ? VMGR_BLOCK_JOB_ABORT_PIVOT : 0),
                                           shell_err(sh)) == 0;
    return job_info(sh, domain, args);
}

bool cmd_blockjob(struct shell *sh, const struct args *args)
{
    static const char *const pairs[][2] = {
        { "raw", "abort" },   { "raw", "async" },   { "raw", "pivot" },   { "raw", "bandwidth" },
        { "info", "abort" },  { "info", "async" },  { "info", "pivot" },  { "info", "bandwidth" },
        { "bytes", "abort" }, { "bytes", "async" }, { "bytes", "pivot" },
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (!args_exclusive(sh, args, pairs[i][0], pairs[i][1]))
            return false;
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && job_change(sh, domain, args);
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_blockresize(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "path");
    unsigned long long size = 0;
    if (args_size(sh, args, "size", 1024, &size) < 0)
        return false;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool whole = size % 1024 == 0;
    bool ok = vmgr_domain_block_resize(domain, path, whole ? size / 1024 : size,
                                       whole ? 0 : VMGR_BLOCK_RESIZE_BYTES, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Block device '%s' is resized\n", path);
    else
        shell_error(sh, "Failed to resize block device '%s'", path);
    vmgr_domain_unref(domain);
    return ok;
}
