/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about the host's CPUs and memory.
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node.h"

/* --- CPUs ----------------------------------------------------------------------------------- */

const struct opt nodecpumap_opts[] = { FLAG("pretty", "return human readable output"), OPT_END };

static bool bit(const uint8_t *map, int n)
{
    return map[n / 8] >> n % 8 & 1;
}

static void print_list(const uint8_t *map, int count)
{
    const char *comma = "";
    for (int first = 0; first < count; first++) {
        int last = first;
        if (!bit(map, first))
            continue;
        while (last + 1 < count && bit(map, last + 1))
            last++;
        printf(last > first ? "%s%d-%d" : "%s%d", comma, first, last);
        comma = ",";
        first = last;
    }
}

bool cmd_nodecpumap(struct shell *sh, const struct args *args)
{
    uint8_t *map = NULL;
    uint32_t online;
    int count = vmgr_node_get_cpu_map(sh->conn, 0, &map, &online, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Unable to get cpu map");
        return false;
    }
    printf("%-15s %d\n%-15s %u\n%-15s ", "CPUs present:", count, "CPUs online:", online,
           "CPU map:");
    if (args_bool(args, "pretty"))
        print_list(map, count);
    for (int n = 0; !args_bool(args, "pretty") && n < count; n++)
        putchar(bit(map, n) ? 'y' : '-');
    putchar('\n');
    free(map);
    return true;
}

const struct opt nodecpustats_opts[] = {
    { .name = "cpu", .type = OPT_INT, .help = "prints specified cpu statistics only." },
    FLAG("percent", "prints by percentage during 1 second."),
    OPT_END,
};

enum { CPU_USER, CPU_SYSTEM, CPU_IDLE, CPU_IOWAIT, CPU_INTR, CPU_USAGE, CPU_FIGURES };
static const struct {
    const char *name, *title;
} figures[] = {
    { "user", "user:" },     { "kernel", "system:" }, { "idle", "idle:" },
    { "iowait", "iowait:" }, { "intr", "intr:" },     { "utilization", "usage:" },
};
struct cpu_times {
    bool present[CPU_FIGURES];
    unsigned long long ns[CPU_FIGURES];
};

static bool read_times(struct shell *sh, int cpu, struct cpu_times *ret)
{
    struct vmgr_stat *stats = NULL;
    memset(ret, 0, sizeof(*ret));
    if (vmgr_node_get_cpu_stats(sh->conn, cpu, 0, &stats, shell_err(sh)) < 0) {
        shell_error(sh, "Unable to get number of cpu stats");
        return false;
    }
    for (int n = 0; n < CPU_FIGURES; n++) {
        const struct vmgr_stat *stat = vmgr_stats_find(stats, figures[n].name);
        ret->present[n] = stat;
        ret->ns[n] = stat ? stat->number : 0;
    }
    vmgr_stats_free(stats);
    return true;
}

static void print_percent(int figure, double percent)
{
    printf("%-15s %5.1lf%%\n", figures[figure].title, percent);
}

static bool print_shares(struct shell *sh, int cpu, const struct cpu_times *before)
{
    struct cpu_times now;
    double all = 0, delta[CPU_FIGURES];
    if (before->present[CPU_USAGE]) {
        print_percent(CPU_USAGE, (double)before->ns[CPU_USAGE]);
        return true;
    }
    nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
    if (!read_times(sh, cpu, &now))
        return false;
    for (int n = 0; n < CPU_FIGURES; n++) {
        delta[n] = (double)(now.ns[n] - before->ns[n]);
        all += delta[n];
    }
    print_percent(CPU_USAGE, (all - delta[CPU_IDLE]) / all * 100);
    for (int n = 0; n < CPU_USAGE; n++)
        if (now.present[n])
            print_percent(n, delta[n] / all * 100);
    return true;
}

bool cmd_nodecpustats(struct shell *sh, const struct args *args)
{
    struct cpu_times times;
    int cpu = VMGR_NODE_ALL_CPUS;
    if (args_int(sh, args, "cpu", &cpu) < 0 || !read_times(sh, cpu, &times))
        return false;
    if (args_bool(args, "percent"))
        return print_shares(sh, cpu, &times);
    if (times.present[CPU_USAGE]) {
        print_percent(CPU_USAGE, (double)times.ns[CPU_USAGE]);
        return true;
    }
    for (int n = 0; n < CPU_USAGE; n++)
        if (times.present[n])
            printf("%-15s %20llu\n", figures[n].title, times.ns[n]);
    return true;
}

/* --- memory --------------------------------------------------------------------------------- */

const struct opt nodememstats_opts[] = {
    { .name = "cell", .type = OPT_INT, .help = "prints specified cell statistics only." },
    OPT_END,
};

bool cmd_nodememstats(struct shell *sh, const struct args *args)
{
    struct vmgr_stat *stats = NULL;
    int cell = VMGR_NODE_ALL_CELLS;
    if (args_int(sh, args, "cell", &cell) < 0)
        return false;
    if (vmgr_node_get_memory_stats(sh->conn, cell, 0, &stats, shell_err(sh)) < 0) {
        shell_error(sh, "Unable to get number of memory stats");
        return false;
    }
    for (const struct vmgr_stat *s = stats; s->name; s++)
        printf("%-7s: %20llu KiB\n", s->name, (unsigned long long)s->number);
    vmgr_stats_free(stats);
    return true;
}

/* Numbers that an expression finds in the capabilities: cells, sizes of pages. */
struct numbers {
    unsigned long v[256];
    size_t count;
};

static bool find_numbers(struct shell *sh, const char *expression, struct numbers *ret)
{
    char *xml = NULL;
    ret->count = 0;
    if (vmgr_conn_get_capabilities(sh->conn, &xml, shell_err(sh)) < 0) {
        shell_error(sh, "unable to get node capabilities");
        return false;
    }
    xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "capabilities", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObject *found =
        context ? xmlXPathEvalExpression((const xmlChar *)expression, context) : NULL;
    for (int i = 0; found && found->nodesetval && i < found->nodesetval->nodeNr &&
                    ret->count < sizeof(ret->v) / sizeof(ret->v[0]);
         i++) {
        xmlChar *text = xmlNodeGetContent(found->nodesetval->nodeTab[i]);
        ret->v[ret->count++] = strtoul(text ? (const char *)text : "", NULL, 10);
        xmlFree(text);
    }
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    free(xml);
    if (!ret->count)
        shell_error(sh, "could not get information about NUMA topology");
    return ret->count;
}

const struct opt freecell_opts[] = {
    { .name = "cellno", .type = OPT_INT, .help = "NUMA cell number" },
    FLAG("all", "show free memory for all NUMA cells"),
    OPT_END,
};

static bool free_of_cell(struct shell *sh, int cell, unsigned long long *ret)
{
    uint64_t bytes;
    int n = vmgr_node_get_cells_free_memory(sh->conn, cell, 1, &bytes, shell_err(sh));
    *ret = n == 1 ? bytes / 1024 : 0;
    return n == 1;
}

static bool free_of_all(struct shell *sh)
{
    struct numbers cells;
    unsigned long long total = 0, *kib;
    if (!find_numbers(sh, "/capabilities/host/topology/cells/cell/@id", &cells))
        return false;
    kib = must_alloc(cells.count * sizeof(*kib));
    for (size_t i = 0; i < cells.count; i++) {
        if (!free_of_cell(sh, (int)cells.v[i], &kib[i])) {
            shell_error(sh, "failed to get free memory for NUMA node number: %lu", cells.v[i]);
            free(kib);
            return false;
        }
        total += kib[i];
    }
    for (size_t i = 0; i < cells.count; i++)
        printf("%5lu: %10llu KiB\n", cells.v[i], kib[i]);
    shell_extra(sh, "--------------------\n");
    shell_extra(sh, "%5s: %10llu KiB\n", "Total", total);
    free(kib);
    return true;
}

bool cmd_freecell(struct shell *sh, const struct args *args)
{
    unsigned long long kib;
    uint64_t bytes;
    int cell = -1;
    if (!args_exclusive(sh, args, "all", "cellno"))
        return false;
    int given = args_int(sh, args, "cellno", &cell);
    if (given < 0)
        return false;
    if (args_bool(args, "all"))
        return free_of_all(sh);
    if (given) {
        if (!free_of_cell(sh, cell, &kib))
            return false;
        printf("%d: %llu KiB\n", cell, kib);
        return true;
    }
    if (vmgr_node_get_free_memory(sh->conn, &bytes, shell_err(sh)) < 0)
        return false;
    printf("Total: %llu KiB\n", (unsigned long long)bytes / 1024);
    return true;
}

/* --- pages ---------------------------------------------------------------------------------- */

const struct opt freepages_opts[] = {
    { .name = "cellno", .type = OPT_INT, .help = "NUMA cell number" },
    { .name = "pagesize", .type = OPT_INT, .help = "page size (in kibibytes)" },
    FLAG("all", "show free pages for all NUMA cells"),
    OPT_END,
};

/* The size a caller gave, in KiB. 1 given, 0 not, -1: printed. */
static int page_size(struct shell *sh, const struct args *args, uint32_t *ret)
{
    unsigned long long bytes;
    int given = args_size(sh, args, "pagesize", 1024, &bytes);
    if (given <= 0)
        return given;
    if (bytes / 1024 > UINT32_MAX || bytes < 1024) {
        shell_error(sh, "page size has to fit into 32 bits");
        return -1;
    }
    *ret = (uint32_t)(bytes / 1024);
    return 1;
}

static bool print_pages(struct shell *sh, int cell, const uint32_t *sizes, uint32_t count)
{
    uint64_t *counts = must_alloc(count * sizeof(*counts));
    bool ok =
        vmgr_node_get_free_pages(sh->conn, sizes, count, cell, 1, 0, counts, shell_err(sh)) >= 0;
    for (uint32_t i = 0; ok && i < count; i++)
        printf("%uKiB: %llu\n", sizes[i], (unsigned long long)counts[i]);
    free(counts);
    return ok;
}

static bool pages_of_all(struct shell *sh, const uint32_t *size)
{
    struct numbers found, cells;
    uint32_t sizes[sizeof(found.v) / sizeof(found.v[0])], count = 0;
    if (size) {
        sizes[count++] = *size;
    } else {
        if (!find_numbers(sh, "/capabilities/host/cpu/pages/@size", &found))
            return false;
        for (size_t i = 0; i < found.count; i++)
            sizes[count++] = (uint32_t)found.v[i];
    }
    if (!find_numbers(sh, "/capabilities/host/topology/cells/cell/@id", &cells))
        return false;
    for (size_t i = 0; i < cells.count; i++) {
        printf("Node %lu:\n", cells.v[i]);
        if (!print_pages(sh, (int)cells.v[i], sizes, count))
            return false;
        putchar('\n');
    }
    return true;
}

bool cmd_freepages(struct shell *sh, const struct args *args)
{
    uint32_t size;
    int cell;
    if (!args_exclusive(sh, args, "all", "cellno"))
        return false;
    int with_size = page_size(sh, args, &size);
    int with_cell = with_size < 0 ? -1 : args_int(sh, args, "cellno", &cell);
    if (with_cell < 0)
        return false;
    if (args_bool(args, "all"))
        return pages_of_all(sh, with_size ? &size : NULL);
    if (!with_cell || !with_size) {
        shell_error(sh, "missing %s argument", with_cell ? "pagesize" : "cellno");
        return false;
    }
    if (cell < 0) {
        shell_error(sh, "cell number must be non-negative integer or -1");
        return false;
    }
    return print_pages(sh, cell, &size, 1);
}

const struct opt allocpages_opts[] = {
    { .name = "pagesize", .type = OPT_INT, .required = true, .help = "page size (in kibibytes)" },
    { .name = "pagecount", .type = OPT_INT, .required = true, .help = "page count" },
    { .name = "cellno", .type = OPT_INT, .help = "NUMA cell number" },
    FLAG("add", "instead of setting new pool size add pages to it"),
    FLAG("all", "set on all NUMA cells"),
    OPT_END,
};

bool cmd_allocpages(struct shell *sh, const struct args *args)
{
    uint32_t size, cells = 1;
    int cell = VMGR_NODE_ALL_CELLS, count;
    struct numbers found;
    if (!args_exclusive(sh, args, "all", "cellno") || args_int(sh, args, "cellno", &cell) < 0 ||
        page_size(sh, args, &size) <= 0 || args_int(sh, args, "pagecount", &count) <= 0)
        return false;
    if (count < 0 || cell < -1) {
        shell_error(sh, "%s",
                    count < 0 ? "pagecount must not be negative"
                              : "cell number must be non-negative integer or -1");
        return false;
    }
    if (args_bool(args, "all")) {
        if (!find_numbers(sh, "/capabilities/host/topology/cells/cell/@id", &found))
            return false;
        cell = (int)found.v[0];
        cells = (uint32_t)(found.v[found.count - 1] - found.v[0] + 1);
    }
    const uint64_t pages = (uint64_t)count;
    return vmgr_node_alloc_pages(sh->conn, &size, &pages, 1, cell, cells,
                                 args_bool(args, "add") ? VMGR_NODE_ALLOC_PAGES_ADD : 0,
                                 shell_err(sh)) >= 0;
}

/* --- shared memory ---------------------------------------------------------------------------- */

const struct opt node_memory_tune_opts[] = {
    { .name = "shm-pages-to-scan",
      .type = OPT_INT,
      .help = "number of pages to scan before the shared memory service goes to sleep" },
    { .name = "shm-sleep-millisecs",
      .type = OPT_INT,
      .help = "number of millisecs the shared memory service should sleep before next scan" },
    { .name = "shm-merge-across-nodes",
      .type = OPT_INT,
      .help = "Specifies if pages from different numa nodes can be merged" },
    OPT_END,
};

static bool print_parameters(struct shell *sh)
{
    struct vmgr_stat *params = NULL;
    if (vmgr_node_get_memory_parameters(sh->conn, 0, &params, shell_err(sh)) < 0) {
        shell_error(sh, "Unable to get number of memory parameters");
        return false;
    }
    printf("Shared memory:\n");
    for (const struct vmgr_stat *p = params; p->name; p++)
        printf("\t%-15s %llu\n", p->name, (unsigned long long)p->number);
    vmgr_stats_free(params);
    return true;
}

bool cmd_node_memory_tune(struct shell *sh, const struct args *args)
{
    static const char *const names[][2] = {
        { "shm-pages-to-scan", "shm_pages_to_scan" },
        { "shm-sleep-millisecs", "shm_sleep_millisecs" },
        { "shm-merge-across-nodes", "shm_merge_across_nodes" },
    };
    struct vmgr_stat params[4] = { { .name = NULL } };
    int count = 0;
    for (size_t i = 0; i < 3; i++) {
        int value, given = args_int(sh, args, names[i][0], &value);
        if (given < 0)
            return false;
        if (given && value < 0) {
            shell_error(sh, "invalid %s number", names[i][0]);
            return false;
        }
        if (given)
            params[count++] = (struct vmgr_stat){ .name = names[i][1],
                                                  .type = VMGR_STAT_UINT,
                                                  .number = (uint64_t)value };
    }
    if (!count)
        return print_parameters(sh);
    if (vmgr_node_set_memory_parameters(sh->conn, params, 0, shell_err(sh)) >= 0)
        return true;
    shell_error(sh, "Unable to change memory parameters");
    return false;
}

/* --- the host as a whole ---------------------------------------------------------------------- */

bool cmd_sysinfo(struct shell *sh, const struct args *args)
{
    char *xml = NULL;
    if (vmgr_conn_get_sysinfo(sh->conn, 0, &xml, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get sysinfo");
        return false;
    }
    printf("%s", xml);
    free(xml);
    return true;
}
