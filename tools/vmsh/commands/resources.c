/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that show and set parameters of scheduling, memory, block I/O and NUMA nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/resource.h"

const struct opt schedinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "weight", .type = OPT_INT, .named = true, .help = "weight for XEN_CREDIT" },
    { .name = "cap", .type = OPT_INT, .named = true, .help = "cap for XEN_CREDIT" },
    { .name = "current", .type = OPT_BOOL, .help = "get/set current scheduler info" },
    { .name = "config", .type = OPT_BOOL, .help = "get/set value to be used on next boot" },
    { .name = "live", .type = OPT_BOOL, .help = "get/set value from running domain" },
    { .name = "set", .type = OPT_ARGV, .help = "parameter=value" },
    OPT_END,
};
const struct opt memtune_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "hard-limit",
      .type = OPT_INT,
      .help = "Max memory, as scaled integer (default KiB)" },
    { .name = "soft-limit",
      .type = OPT_INT,
      .help = "Memory during contention, as scaled integer (default KiB)" },
    { .name = "swap-hard-limit",
      .type = OPT_INT,
      .help = "Max memory plus swap, as scaled integer (default KiB)" },
    { .name = "min-guarantee",
      .type = OPT_INT,
      .help = "Min guaranteed memory, as scaled integer (default KiB)" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt blkiotune_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "weight", .type = OPT_INT, .help = "IO Weight" },
    { .name = "device-weights",
      .type = OPT_STRING,
      .help = "per-device IO Weights, in the form of /path/to/device,weight,..." },
    { .name = "device-read-iops-sec",
      .type = OPT_STRING,
      .help = "per-device read I/O limit per second, in the form of "
              "/path/to/device,read_iops_sec,..." },
    { .name = "device-write-iops-sec",
      .type = OPT_STRING,
      .help = "per-device write I/O limit per second, in the form of "
              "/path/to/device,write_iops_sec,..." },
    { .name = "device-read-bytes-sec",
      .type = OPT_STRING,
      .help =
          "per-device bytes read per second, in the form of /path/to/device,read_bytes_sec,..." },
    { .name = "device-write-bytes-sec",
      .type = OPT_STRING,
      .help =
          "per-device bytes wrote per second, in the form of /path/to/device,write_bytes_sec,..." },
    OPT_AFFECT,
    OPT_END,
};
const struct opt numatune_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "mode",
      .type = OPT_STRING,
      .help = "NUMA mode, one of strict, preferred and interleave \nor a number from the "
              "virDomainNumatuneMemMode enum" },
    { .name = "nodeset", .type = OPT_STRING, .help = "NUMA node selections to set" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt blkdeviotune_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "device", .type = OPT_DATA, .help = "block device" },
    { .name = "total-bytes-sec",
      .type = OPT_INT,
      .help = "total throughput limit, as scaled integer (default bytes)" },
    { .name = "read-bytes-sec",
      .type = OPT_INT,
      .help = "read throughput limit, as scaled integer (default bytes)" },
    { .name = "write-bytes-sec",
      .type = OPT_INT,
      .help = "write throughput limit, as scaled integer (default bytes)" },
    { .name = "total-iops-sec", .type = OPT_INT, .help = "total I/O operations limit per second" },
    { .name = "read-iops-sec", .type = OPT_INT, .help = "read I/O operations limit per second" },
    { .name = "write-iops-sec", .type = OPT_INT, .help = "write I/O operations limit per second" },
    { .name = "total-bytes-sec-max",
      .type = OPT_INT,
      .help = "total max, as scaled integer (default bytes)" },
    { .name = "read-bytes-sec-max",
      .type = OPT_INT,
      .help = "read max, as scaled integer (default bytes)" },
    { .name = "write-bytes-sec-max",
      .type = OPT_INT,
      .help = "write max, as scaled integer (default bytes)" },
    { .name = "total-iops-sec-max", .type = OPT_INT, .help = "total I/O operations max" },
    { .name = "read-iops-sec-max", .type = OPT_INT, .help = "read I/O operations max" },
    { .name = "write-iops-sec-max", .type = OPT_INT, .help = "write I/O operations max" },
    { .name = "size-iops-sec", .type = OPT_INT, .help = "I/O size in bytes" },
    { .name = "group-name",
      .type = OPT_STRING,
      .help = "group name to share I/O quota between multiple drives" },
    { .name = "total-bytes-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow total max bytes" },
    { .name = "read-bytes-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow read max bytes" },
    { .name = "write-bytes-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow write max bytes" },
    { .name = "total-iops-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow total I/O operations max" },
    { .name = "read-iops-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow read I/O operations max" },
    { .name = "write-iops-sec-max-length",
      .type = OPT_INT,
      .help = "duration in seconds to allow write I/O operations max" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt iothreadset_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "id", .type = OPT_INT, .help = "iothread id of existing IOThread", .required = true },
    { .name = "poll-max-ns",
      .type = OPT_INT,
      .help = "set the maximum IOThread polling time in ns" },
    { .name = "poll-grow",
      .type = OPT_INT,
      .help = "set the value to increase the IOThread polling time" },
    { .name = "poll-shrink",
      .type = OPT_INT,
      .help = "set the value for reduction of the IOThread polling time" },
    { .name = "thread-pool-min", .type = OPT_INT, .help = "lower boundary for worker thread pool" },
    { .name = "thread-pool-max", .type = OPT_INT, .help = "upper boundary for worker thread pool" },
    OPT_AFFECT,
    OPT_END,
};

#define PARAMS_MAX 32

static const char *const numa_modes[] = { "strict", "preferred", "interleave", "restrictive" };

/* Parameters to be set. */
struct params {
    struct vmgr_stat list[PARAMS_MAX + 1];
    size_t count;
};

static void add_number(struct params *p, const char *name, int type, unsigned long long number)
{
    if (p->count < PARAMS_MAX)
        p->list[p->count++] = (struct vmgr_stat){ .name = name, .type = type, .number = number };
}

static void add_text(struct params *p, const char *name, const char *text)
{
    if (text && p->count < PARAMS_MAX)
        p->list[p->count++] =
            (struct vmgr_stat){ .name = name, .type = VMGR_STAT_STRING, .text = text };
}

/* A signed or unsigned number, all of it. */
static bool parse_number(const char *text, unsigned long long *ret)
{
    char *end;
    *ret = *text == '-' ? (unsigned long long)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    return *text && !*end;
}

/* An option's number. False: it is none, the error was printed. */
static bool option_number(struct shell *sh, const struct args *args, const char *option,
                          const char *name, int type, struct params *p)
{
    const char *text = args_string(args, option);
    unsigned long long number;
    if (!text)
        return true;
    if (!parse_number(text, &number) || (type == VMGR_STAT_UINT && number > UINT32_MAX)) {
        shell_error(sh, "Numeric value '%s' for <%s> option is malformed or out of range", text,
                    option);
        return false;
    }
    add_number(p, name, type, number);
    return true;
}

static void print_params(const struct vmgr_stat *stats, int resource)
{
    for (const struct vmgr_stat *s = stats; s->name; s++) {
        if (resource == VMGR_RESOURCE_MEMORY && s->number >= VMGR_MEMORY_UNLIMITED)
            printf("%-15s: unlimited\n", s->name);
        else if (!strcmp(s->name, "numa_mode") && s->number < 4)
            printf("%-15s: %s\n", s->name, numa_modes[s->number]);
        else if (s->type == VMGR_STAT_STRING)
            printf("%-15s: %s\n", s->name, s->text);
        else if (s->type == VMGR_STAT_LLONG)
            printf("%-15s: %lld\n", s->name, (long long)s->number);
        else
            printf("%-15s: %llu\n", s->name, (unsigned long long)s->number);
    }
}

/* Sets what there is to be set, else prints what is. */
static bool set_or_show(struct shell *sh, struct vmgr_domain *domain, int resource,
                        const char *target, const struct params *p, uint32_t flags,
                        const char *cannot_get, const char *cannot_set)
{
    struct vmgr_stat *stats;
    if (p->count) {
        if (vmgr_domain_set_resources(domain, resource, target, p->list, flags, shell_err(sh)) == 0)
            return true;
        shell_error(sh, "%s", cannot_set);
        return false;
    }
    if (vmgr_domain_get_resources(domain, resource, target, flags, &stats, shell_err(sh)) < 0) {
        shell_error(sh, "%s", cannot_get);
        return false;
    }
    print_params(stats, resource);
    vmgr_stats_free(stats);
    return true;
}

/* --- schedinfo ------------------------------------------------------------------------------ */

/* "name=value" among the parameters that there are. */
static bool parse_setting(struct shell *sh, const struct vmgr_stat *known, const char *text,
                          struct params *p)
{
    size_t length = strcspn(text, "=");
    unsigned long long number;
    if (!text[length]) {
        shell_error(sh, "invalid syntax of '%s'", text);
        return false;
    }
    for (const struct vmgr_stat *s = known; s->name; s++) {
        if (strlen(s->name) != length || strncmp(s->name, text, length))
            continue;
        if (!parse_number(text + length + 1, &number)) {
            shell_error(sh, "Invalid value for field '%s': expected %s", s->name,
                        s->type == VMGR_STAT_LLONG ? "long long" : "unsigned long long");
            return false;
        }
        add_number(p, s->name, s->type, number);
        return true;
    }
    shell_error(sh, "invalid scheduler option: %.*s", (int)length, text);
    return false;
}

bool cmd_schedinfo(struct shell *sh, const struct args *args)
{
    struct params p = { .count = 0 };
    struct vmgr_stat *known = NULL, *fresh = NULL;
    struct vmgr_domain *domain;
    uint32_t flags;
    if (args_string(args, "weight") || args_string(args, "cap")) {
        shell_error(sh, "option --%s is of another hypervisor's scheduler",
                    args_string(args, "weight") ? "weight" : "cap");
        return false;
    }
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = vmgr_domain_get_resources(domain, VMGR_RESOURCE_SCHEDULER, NULL, flags, &known,
                                        shell_err(sh)) >= 0;
    if (ok)
        printf("%-15s: %s\n", "Scheduler", "posix");
    for (size_t i = 0; ok && i < args->count; i++)
        if (!strcmp(args->items[i].opt->name, "set"))
            ok = parse_setting(sh, known, args->items[i].value, &p);
    if (ok && p.count) {
        ok = vmgr_domain_set_resources(domain, VMGR_RESOURCE_SCHEDULER, NULL, p.list, flags,
                                       shell_err(sh)) == 0 &&
             vmgr_domain_get_resources(domain, VMGR_RESOURCE_SCHEDULER, NULL, flags, &fresh,
                                       shell_err(sh)) >= 0;
    }
    if (ok)
        print_params(fresh ? fresh : known, VMGR_RESOURCE_SCHEDULER);
    vmgr_stats_free(fresh);
    vmgr_stats_free(known);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- memory, block I/O, NUMA ------------------------------------------------------------------ */

/* KiB; -1: no limit. */
static bool memory_limit(struct shell *sh, const struct args *args, const char *option,
                         const char *name, struct params *p)
{
    const char *text = args_string(args, option);
    unsigned long long bytes;
    if (!text)
        return true;
    if (!strcmp(text, "-1")) {
        add_number(p, name, VMGR_STAT_ULLONG, VMGR_MEMORY_UNLIMITED);
        return true;
    }
    if (args_size(sh, args, option, 1024, &bytes) < 0)
        return false;
    add_number(p, name, VMGR_STAT_ULLONG, bytes / 1024);
    return true;
}

bool cmd_memtune(struct shell *sh, const struct args *args)
{
    struct params p = { .count = 0 };
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = memory_limit(sh, args, "hard-limit", "hard_limit", &p) &&
              memory_limit(sh, args, "soft-limit", "soft_limit", &p) &&
              memory_limit(sh, args, "swap-hard-limit", "swap_hard_limit", &p) &&
              memory_limit(sh, args, "min-guarantee", "min_guarantee", &p) &&
              set_or_show(sh, domain, VMGR_RESOURCE_MEMORY, NULL, &p, flags,
                          "Unable to get memory parameters", "Unable to change memory parameters");
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_blkiotune(struct shell *sh, const struct args *args)
{
    static const char *const texts[][2] = { { "device-weights", "device_weight" },
                                            { "device-read-iops-sec", "device_read_iops_sec" },
                                            { "device-write-iops-sec", "device_write_iops_sec" },
                                            { "device-read-bytes-sec", "device_read_bytes_sec" },
                                            { "device-write-bytes-sec",
                                              "device_write_bytes_sec" } };
    struct params p = { .count = 0 };
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = option_number(sh, args, "weight", "weight", VMGR_STAT_UINT, &p);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        add_text(&p, texts[i][1], args_string(args, texts[i][0]));
    ok = ok && set_or_show(sh, domain, VMGR_RESOURCE_BLKIO, NULL, &p, flags,
                           "Unable to get blkio parameters", "Unable to change blkio parameters");
    vmgr_domain_unref(domain);
    return ok;
}

/* By name or number. */
static bool numa_mode(struct shell *sh, const char *text, struct params *p)
{
    unsigned long long number;
    for (unsigned i = 0; text && i < 4; i++) {
        if (!strcasecmp(text, numa_modes[i])) {
            add_number(p, "numa_mode", VMGR_STAT_INT, i);
            return true;
        }
    }
    if (!text)
        return true;
    if (!parse_number(text, &number) || number > INT32_MAX) {
        shell_error(sh, "Invalid mode: %s", text);
        return false;
    }
    add_number(p, "numa_mode", VMGR_STAT_INT, number);
    return true;
}

bool cmd_numatune(struct shell *sh, const struct args *args)
{
    struct params p = { .count = 0 };
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    add_text(&p, "numa_nodeset", args_string(args, "nodeset"));
    bool ok = numa_mode(sh, args_string(args, "mode"), &p) &&
              set_or_show(sh, domain, VMGR_RESOURCE_NUMA, NULL, &p, flags,
                          "Unable to get numa parameters", "Unable to change numa parameters");
    vmgr_domain_unref(domain);
    return ok;
}

/* --- one disk, one IOThread ------------------------------------------------------------------- */

/* Options are the parameters' names with other dashes. */
static bool add_options(struct shell *sh, const struct args *args, const struct opt *opts, int type,
                        char names[][48], struct params *p)
{
    size_t n = 0;
    bool ok = true;
    for (const struct opt *o = opts; ok && o->name; o++) {
        unsigned long long bytes;
        const char *text = args_string(args, o->name);
        if (o->type == OPT_BOOL || o->required || o->type == OPT_DATA || !text)
            continue;
        snprintf(names[n], sizeof(names[n]), "%s", o->name);
        for (char *c = names[n]; *c; c++)
            *c = *c == '-' ? '_' : *c;
        if (o->type == OPT_STRING) {
            add_text(p, names[n], text);
        } else if (strstr(o->name, "bytes") && !strstr(o->name, "length")) {
            ok = args_size(sh, args, o->name, 1, &bytes) >= 0;
            if (ok)
                add_number(p, names[n], type, bytes);
        } else {
            ok = option_number(sh, args, o->name, names[n], type, p);
        }
        n++;
    }
    return ok;
}

bool cmd_blkdeviotune(struct shell *sh, const struct args *args)
{
    char names[PARAMS_MAX][48];
    struct params p = { .count = 0 };
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = add_options(sh, args, blkdeviotune_opts, VMGR_STAT_ULLONG, names, &p) &&
              set_or_show(sh, domain, VMGR_RESOURCE_DISK, args_string(args, "device"), &p, flags,
                          "Unable to get block I/O throttle parameters",
                          "Unable to change block I/O throttle");
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_iothreadset(struct shell *sh, const struct args *args)
{
    char names[PARAMS_MAX][48];
    struct params p = { .count = 0 };
    struct vmgr_domain *domain;
    int id;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = args_int(sh, args, "id", &id) > 0 &&
              add_options(sh, args, iothreadset_opts, VMGR_STAT_UINT, names, &p);
    if (ok && !p.count) {
        shell_error(sh, "Not enough arguments passed, nothing to set");
        ok = false;
    }
    ok = ok && vmgr_domain_set_resources(domain, VMGR_RESOURCE_IOTHREAD, args_string(args, "id"),
                                         p.list, flags, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}
