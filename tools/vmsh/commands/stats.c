/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that show statistics, and lists of disks and interfaces.
 */
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/device.h"

const struct opt domstats_opts[] = {
    { .name = "state", .type = OPT_BOOL, .help = "report domain state" },
    { .name = "cpu-total", .type = OPT_BOOL, .help = "report domain physical cpu usage" },
    { .name = "balloon", .type = OPT_BOOL, .help = "report domain balloon statistics" },
    { .name = "vcpu", .type = OPT_BOOL, .help = "report domain virtual cpu information" },
    { .name = "interface",
      .type = OPT_BOOL,
      .help = "report domain network interface information" },
    { .name = "block", .type = OPT_BOOL, .help = "report domain block device statistics" },
    { .name = "perf", .type = OPT_BOOL, .help = "report domain perf event statistics" },
    { .name = "iothread", .type = OPT_BOOL, .help = "report domain IOThread information" },
    { .name = "memory", .type = OPT_BOOL, .help = "report domain memory usage" },
    { .name = "dirtyrate", .type = OPT_BOOL, .help = "report domain dirty rate information" },
    { .name = "vm", .type = OPT_BOOL, .help = "report hypervisor-specific statistics" },
    { .name = "list-active", .type = OPT_BOOL, .help = "list only active domains" },
    { .name = "list-inactive", .type = OPT_BOOL, .help = "list only inactive domains" },
    { .name = "list-persistent", .type = OPT_BOOL, .help = "list only persistent domains" },
    { .name = "list-transient", .type = OPT_BOOL, .help = "list only transient domains" },
    { .name = "list-running", .type = OPT_BOOL, .help = "list only running domains" },
    { .name = "list-paused", .type = OPT_BOOL, .help = "list only paused domains" },
    { .name = "list-shutoff", .type = OPT_BOOL, .help = "list only shutoff domains" },
    { .name = "list-other", .type = OPT_BOOL, .help = "list only domains in other states" },
    { .name = "raw", .type = OPT_BOOL, .help = "do not pretty-print the fields" },
    { .name = "enforce", .type = OPT_BOOL, .help = "enforce requested stats parameters" },
    { .name = "backing", .type = OPT_BOOL, .help = "add backing chain information to block stats" },
    { .name = "nowait",
      .type = OPT_BOOL,
      .help = "report only stats that are accessible instantly" },
    { .name = "domain",
      .type = OPT_ARGV,
      .named = true,
      .help = "list of domains to get stats for",
      .completer = COMPLETE_DOMAIN },
    OPT_END,
};
const struct opt domblkstat_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "device", .type = OPT_STRING, .help = "block device" },
    { .name = "human", .type = OPT_BOOL, .help = "print a more human readable output" },
    OPT_END,
};
const struct opt domblkinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "device", .type = OPT_STRING, .help = "block device" },
    { .name = "human", .type = OPT_BOOL, .help = "Human readable output" },
    { .name = "all", .type = OPT_BOOL, .help = "display all block devices info" },
    OPT_END,
};
const struct opt domblklist_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "inactive",
      .type = OPT_BOOL,
      .help = "get inactive rather than running configuration" },
    { .name = "details",
      .type = OPT_BOOL,
      .help = "additionally display the type and device value" },
    OPT_END,
};
const struct opt domiflist_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "inactive",
      .type = OPT_BOOL,
      .help = "get inactive rather than running configuration" },
    OPT_END,
};
const struct opt domifstat_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "interface",
      .type = OPT_DATA,
      .help = "interface device specified by name or MAC Address" },
    OPT_END,
};
const struct opt dommemstat_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "period", .type = OPT_INT, .help = "period in seconds to set collection" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt domif_getlink_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "interface", .type = OPT_DATA, .help = "interface device (MAC Address)" },
    { .name = "config", .type = OPT_BOOL, .help = "Get persistent interface state" },
    OPT_END,
};

/* --- statistics ----------------------------------------------------------------------------- */

static void print_stat(const struct vmgr_stat *s)
{
    switch (s->type) {
    case VMGR_STAT_STRING: printf("  %s=%s\n", s->name, s->text); break;
    case VMGR_STAT_INT: printf("  %s=%d\n", s->name, (int)s->number); break;
    default: printf("  %s=%llu\n", s->name, (unsigned long long)s->number); break;
    }
}

static bool print_domain(struct shell *sh, struct vmgr_domain *domain, uint32_t groups,
                         uint32_t flags, bool first)
{
    struct vmgr_stat *stats;
    if (vmgr_domain_get_stats(domain, groups, flags, &stats, shell_err(sh)) < 0)
        return false;
    printf("%sDomain: '%s'\n", first ? "" : "\n", vmgr_domain_get_name(domain));
    for (const struct vmgr_stat *s = stats; s->name; s++)
        print_stat(s);
    vmgr_stats_free(stats);
    return true;
}

struct bit {
    const char *option;
    uint32_t bit;
};

static uint32_t bits_of(const struct args *args, const struct bit *bits)
{
    uint32_t found = 0;
    for (; bits->option; bits++)
        found |= args_bool(args, bits->option) ? bits->bit : 0;
    return found;
}

static bool domstats_named(struct shell *sh, const struct args *args, uint32_t groups,
                           uint32_t flags, int *count)
{
    for (size_t i = 0; i < args->count; i++) {
        if (args->items[i].opt->type != OPT_ARGV)
            continue;
        struct vmgr_domain *domain =
            domain_by_text(sh, args->items[i].value, BY_ID | BY_UUID | BY_NAME);
        bool ok = domain && print_domain(sh, domain, groups, flags, !*count);
        vmgr_domain_unref(domain);
        if (!ok)
            return false;
        (*count)++;
    }
    return true;
}

bool cmd_domstats(struct shell *sh, const struct args *args)
{
    static const struct bit group_bits[] = {
        { "state", 1u << 0 },     { "cpu-total", 1u << 1 }, { "balloon", 1u << 2 },
        { "vcpu", 1u << 3 },      { "interface", 1u << 4 }, { "block", 1u << 5 },
        { "perf", 1u << 6 },      { "iothread", 1u << 7 },  { "memory", 1u << 8 },
        { "dirtyrate", 1u << 9 }, { "vm", 1u << 10 },       { NULL, 0 },
    };
    static const struct bit list_bits[] = {
        { "list-active", VMGR_DOMAIN_LIST_ACTIVE },
        { "list-inactive", VMGR_DOMAIN_LIST_INACTIVE },
        { "list-persistent", VMGR_DOMAIN_LIST_PERSISTENT },
        { "list-transient", VMGR_DOMAIN_LIST_TRANSIENT },
        { "list-running", VMGR_DOMAIN_LIST_RUNNING },
        { "list-paused", VMGR_DOMAIN_LIST_PAUSED },
        { "list-shutoff", VMGR_DOMAIN_LIST_SHUTOFF },
        { "list-other", VMGR_DOMAIN_LIST_OTHER },
        { NULL, 0 },
    };
    uint32_t groups = bits_of(args, group_bits);
    uint32_t flags = (args_bool(args, "nowait") ? VMGR_STATS_NOWAIT : 0) |
                     (args_bool(args, "enforce") ? VMGR_STATS_ENFORCE : 0);
    struct vmgr_domain **domains = NULL;
    int shown = 0;
    if (args_bool(args, "backing")) {
        shell_error(sh, "statistics of backing images are not supported");
        return false;
    }
    if (!domstats_named(sh, args, groups, flags, &shown))
        return false;
    if (shown)
        return true;
    int n = vmgr_domain_list(sh->conn, bits_of(args, list_bits), &domains, shell_err(sh));
    bool ok = n >= 0;
    for (int i = 0; ok && i < n; i++)
        ok = print_domain(sh, domains[i], groups, flags, i == 0);
    vmgr_domain_list_free(domains);
    return ok;
}

/* --- disks ---------------------------------------------------------------------------------- */

/* "block.N." of the disk that goes by this target or path; false: none. */
static bool find_unit(const struct vmgr_stat *stats, const char *group, const char *name,
                      char *prefix, size_t size)
{
    for (const struct vmgr_stat *s = stats; s && s->name; s++)
        if (s->text && !strncmp(s->name, group, strlen(group)) && !strcmp(s->text, name)) {
            snprintf(prefix, size, "%.*s", (int)(strrchr(s->name, '.') - s->name), s->name);
            return true;
        }
    return false;
}

static const struct vmgr_stat *unit_stat(const struct vmgr_stat *stats, const char *prefix,
                                         const char *what)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%s", prefix, what);
    return vmgr_stats_find(stats, name);
}

/* failed: what could not be done, said before why; or NULL. */
static bool need_running(struct shell *sh, struct vmgr_domain *domain, const char *failed)
{
    int active = vmgr_domain_is_active(domain, shell_err(sh));
    if (active > 0)
        return true;
    if (failed)
        shell_error(sh, "%s", failed);
    if (active == 0)
        shell_error(sh, "Requested operation is not valid: domain is not running");
    return false;
}

bool cmd_domblkstat(struct shell *sh, const struct args *args)
{
    static const char *const rows[][3] = {
        { "rd.reqs", "rd_req", "number of read operations:" },
        { "rd.bytes", "rd_bytes", "number of bytes read:" },
        { "wr.reqs", "wr_req", "number of write operations:" },
        { "wr.bytes", "wr_bytes", "number of bytes written:" },
        { "fl.reqs", "flush_operations", "number of flush operations:" },
    };
    const char *device = args_string(args, "device") ? args_string(args, "device") : "";
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_stat *stats = NULL;
    char prefix[32];
    if (!domain)
        return false;
    bool ok = vmgr_domain_get_stats(domain, VMGR_STATS_BLOCK, 0, &stats, shell_err(sh)) >= 0;
    if (ok && !*device) {
        shell_error(sh, "Operation not supported: summary statistics are not supported yet");
        ok = false;
    }
    ok = ok && need_running(sh, domain, NULL);
    if (ok && !find_unit(stats, "block.", device, prefix, sizeof(prefix))) {
        shell_error(sh, "invalid argument: invalid path: %s", device);
        ok = false;
    }
    bool human = args_bool(args, "human");
    if (ok && human)
        printf("Device: %s\n", device);
    for (size_t i = 0; ok && i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vmgr_stat *s = unit_stat(stats, prefix, rows[i][0]);
        if (s && human)
            printf(" %-31s %llu\n", rows[i][2], (unsigned long long)s->number);
        else if (s)
            printf("%s %s %llu\n", device, rows[i][1], (unsigned long long)s->number);
    }
    vmgr_stats_free(stats);
    vmgr_domain_unref(domain);
    return ok;
}

/* "1.000 TiB", or the bytes. */
static void size_text(char *text, size_t size, const struct vmgr_stat *s, bool human)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned long long bytes = s ? s->number : 0;
    double value = (double)bytes;
    int unit = 0;
    if (!human) {
        snprintf(text, size, "%llu", bytes);
        return;
    }
    for (; value >= 1024 && unit < 6; unit++)
        value /= 1024;
    snprintf(text, size, "%.3lf %s", value, units[unit]);
}

static bool blkinfo_all(struct vmgr_domain *domain, const struct vmgr_stat *stats, bool human,
                        bool quiet)
{
    struct table *table = table_new("Target", "Capacity", "Allocation", "Physical", NULL);
    const char *const what[] = { "capacity", "allocation", "physical" };
    (void)domain;
    for (unsigned i = 0;; i++) {
        char prefix[32], text[3][40];
        snprintf(prefix, sizeof(prefix), "block.%u", i);
        const struct vmgr_stat *name = unit_stat(stats, prefix, "name");
        bool empty = !unit_stat(stats, prefix, "path");
        if (!name)
            break;
        for (int k = 0; k < 3; k++)
            if (empty)
                snprintf(text[k], sizeof(text[k]), "-");
            else
                size_text(text[k], sizeof(text[k]), unit_stat(stats, prefix, what[k]), human);
        table_row(table, name->text, text[0], text[1], text[2], NULL);
    }
    table_print(table, quiet);
    return true;
}

static bool blkinfo_one(struct shell *sh, const struct vmgr_stat *stats, const char *device,
                        bool human)
{
    static const char *const rows[][2] = { { "Capacity:", "capacity" },
                                           { "Allocation:", "allocation" },
                                           { "Physical:", "physical" } };
    char prefix[32], text[40];
    if (!find_unit(stats, "block.", device, prefix, sizeof(prefix))) {
        shell_error(sh, "invalid argument: invalid path %s not assigned to domain", device);
        return false;
    }
    for (int i = 0; i < 3; i++) {
        size_text(text, sizeof(text), unit_stat(stats, prefix, rows[i][1]), human);
        printf("%-15s %s\n", rows[i][0], text);
    }
    return true;
}

bool cmd_domblkinfo(struct shell *sh, const struct args *args)
{
    bool all = args_bool(args, "all"), human = args_bool(args, "human");
    const char *device = args_string(args, "device");
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_stat *stats = NULL;
    if (!domain)
        return false;
    bool ok = all || device;
    if (!ok)
        shell_error(sh, "command 'domblkinfo' requires <device> option");
    ok = ok && vmgr_domain_get_stats(domain, VMGR_STATS_BLOCK, 0, &stats, shell_err(sh)) >= 0;
    if (ok)
        ok = all ? blkinfo_all(domain, stats, human, sh->quiet)
                 : blkinfo_one(sh, stats, device, human);
    vmgr_stats_free(stats);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- memory, interfaces ----------------------------------------------------------------------- */

static bool set_period(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                       uint32_t flags)
{
    int period = 0;
    if (args_int(sh, args, "period", &period) < 0)
        return false;
    if (period < 0) {
        shell_error(sh, "Invalid collection period value '%d'", period);
        return false;
    }
    if (vmgr_domain_set_memory_stats_period(domain, period, flags, shell_err(sh)) == 0)
        return true;
    shell_error(sh, "Unable to change balloon collection period.");
    return false;
}

bool cmd_dommemstat(struct shell *sh, const struct args *args)
{
    static const char *const names[][2] = {
        { "balloon.current", "actual" },
        { "balloon.swap_in", "swap_in" },
        { "balloon.swap_out", "swap_out" },
        { "balloon.major_fault", "major_fault" },
        { "balloon.minor_fault", "minor_fault" },
        { "balloon.unused", "unused" },
        { "balloon.available", "available" },
        { "balloon.usable", "usable" },
        { "balloon.last-update", "last_update" },
        { "balloon.disk_caches", "disk_caches" },
        { "balloon.hugetlb_pgalloc", "hugetlb_pgalloc" },
        { "balloon.hugetlb_pgfail", "hugetlb_pgfail" },
        { "balloon.rss", "rss" },
    };
    struct vmgr_domain *domain;
    struct vmgr_stat *stats = NULL;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    if (args_string(args, "period")) {
        bool set = set_period(sh, args, domain, flags);
        vmgr_domain_unref(domain);
        return set;
    }
    char *failed =
        must_printf("Failed to get memory statistics for domain %s", vmgr_domain_get_name(domain));
    bool ok = need_running(sh, domain, failed) &&
              vmgr_domain_get_stats(domain, VMGR_STATS_BALLOON, 0, &stats, shell_err(sh)) >= 0;
    for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
        const struct vmgr_stat *s = vmgr_stats_find(stats, names[i][0]);
        if (s)
            printf("%s %llu\n", names[i][1], (unsigned long long)s->number);
    }
    free(failed);
    vmgr_stats_free(stats);
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_domifstat(struct shell *sh, const struct args *args)
{
    static const char *const rows[][2] = {
        { "rx.bytes", "rx_bytes" }, { "rx.pkts", "rx_packets" }, { "rx.errs", "rx_errs" },
        { "rx.drop", "rx_drop" },   { "tx.bytes", "tx_bytes" },  { "tx.pkts", "tx_packets" },
        { "tx.errs", "tx_errs" },   { "tx.drop", "tx_drop" },
    };
    const char *device = args_string(args, "interface");
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_stat *stats = NULL;
    char prefix[32];
    if (!domain)
        return false;
    char *failed =
        must_printf("Failed to get interface stats %s %s", vmgr_domain_get_name(domain), device);
    bool ok = need_running(sh, domain, failed) &&
              vmgr_domain_get_stats(domain, VMGR_STATS_INTERFACE, 0, &stats, shell_err(sh)) >= 0;
    if (ok && !find_unit(stats, "net.", device, prefix, sizeof(prefix))) {
        shell_error(sh, "%s", failed);
        shell_error(sh, "invalid argument: invalid path, '%s' is not a known interface", device);
        ok = false;
    }
    for (size_t i = 0; ok && i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vmgr_stat *s = unit_stat(stats, prefix, rows[i][0]);
        if (s)
            printf("%s %s %llu\n", device, rows[i][1], (unsigned long long)s->number);
    }
    free(failed);
    vmgr_stats_free(stats);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- lists ---------------------------------------------------------------------------------- */

static xmlDoc *definition(struct shell *sh, const struct args *args, bool inactive)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    xmlDoc *doc =
        domain ? device_definition(sh, domain, inactive ? VMGR_DOMAIN_AFFECT_CONFIG : 0) : NULL;
    vmgr_domain_unref(domain);
    return doc;
}

bool cmd_domblklist(struct shell *sh, const struct args *args)
{
    static const char *const attrs[] = { "file", "dev", "dir", "name", "volume" };
    bool details = args_bool(args, "details");
    xmlDoc *doc = definition(sh, args, args_bool(args, "inactive"));
    if (!doc)
        return false;
    struct table *t = details ? table_new("Type", "Device", "Target", "Source", NULL)
                              : table_new("Target", "Source", NULL);
    for (xmlNode *n = device_next(doc, NULL, "disk"); n; n = device_next(doc, n, "disk")) {
        char *target = device_attr(n, "target", "dev"), *source = NULL;
        char *type = (char *)xmlGetProp(n, BAD_CAST "type");
        char *device = (char *)xmlGetProp(n, BAD_CAST "device");
        for (size_t i = 0; !source && i < sizeof(attrs) / sizeof(attrs[0]); i++)
            source = device_attr(n, "source", attrs[i]);
        if (details)
            table_row(t, type ? type : "-", device ? device : "-", target ? target : "-",
                      source ? source : "-", NULL);
        else
            table_row(t, target ? target : "-", source ? source : "-", NULL);
        xmlFree(device);
        xmlFree(type);
        xmlFree(source);
        xmlFree(target);
    }
    table_print(t, sh->quiet);
    xmlFreeDoc(doc);
    return true;
}

bool cmd_domiflist(struct shell *sh, const struct args *args)
{
    static const char *const attrs[] = { "network", "bridge", "dev", "name" };
    xmlDoc *doc = definition(sh, args, args_bool(args, "inactive"));
    if (!doc)
        return false;
    struct table *t = table_new("Interface", "Type", "Source", "Model", "MAC", NULL);
    for (xmlNode *n = device_next(doc, NULL, "interface"); n;
         n = device_next(doc, n, "interface")) {
        char *texts[5] = { device_attr(n, "target", "dev"), (char *)xmlGetProp(n, BAD_CAST "type"),
                           NULL, device_attr(n, "model", "type"),
                           device_attr(n, "mac", "address") };
        for (size_t i = 0; !texts[2] && i < sizeof(attrs) / sizeof(attrs[0]); i++)
            texts[2] = device_attr(n, "source", attrs[i]);
        table_row(t, texts[0] ? texts[0] : "-", texts[1] ? texts[1] : "-",
                  texts[2] ? texts[2] : "-", texts[3] ? texts[3] : "-", texts[4] ? texts[4] : "-",
                  NULL);
        for (size_t i = 0; i < 5; i++)
            xmlFree(texts[i]);
    }
    table_print(t, sh->quiet);
    xmlFreeDoc(doc);
    return true;
}

bool cmd_domif_getlink(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "interface");
    xmlDoc *doc = definition(sh, args, args_bool(args, "config"));
    xmlNode *found = NULL;
    if (!doc)
        return false;
    for (xmlNode *n = device_next(doc, NULL, "interface"); n && !found;
         n = device_next(doc, n, "interface")) {
        char *mac = device_attr(n, "mac", "address"), *dev = device_attr(n, "target", "dev");
        if ((mac && !strcasecmp(mac, name)) || (dev && !strcmp(dev, name)))
            found = n;
        xmlFree(mac);
        xmlFree(dev);
    }
    if (found) {
        char *state = device_attr(found, "link", "state");
        printf("%s %s", name, state ? state : "up");
        xmlFree(state);
    } else {
        bool mac = strchr(name, ':') != NULL;
        shell_error(sh, "Interface (%s: %s) not found.", mac ? "mac" : "dev", name);
    }
    xmlFreeDoc(doc);
    return found != NULL;
}
