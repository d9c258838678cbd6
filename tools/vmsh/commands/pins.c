/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about vCPUs, IOThreads and host CPUs: where they run, and for how long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/resource.h"

const struct opt vcpuinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "pretty", .type = OPT_BOOL, .help = "return human readable output" },
    OPT_END,
};
const struct opt vcpupin_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "vcpu", .type = OPT_INT, .help = "vcpu number" },
    { .name = "cpulist",
      .type = OPT_STRING,
      .help = "host cpu number(s) to set, or omit option to query" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt emulatorpin_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "cpulist",
      .type = OPT_STRING,
      .help = "host cpu number(s) to set, or omit option to query" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt iothreadinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_AFFECT,
    OPT_END,
};
const struct opt iothreadpin_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "iothread", .type = OPT_INT, .help = "IOThread ID number", .required = true },
    { .name = "cpulist", .type = OPT_DATA, .help = "host cpu number(s) to set" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt iothreadadd_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "id", .type = OPT_INT, .help = "iothread for the new IOThread", .required = true },
    OPT_AFFECT,
    OPT_END,
};
const struct opt iothreaddel_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "id",
      .type = OPT_INT,
      .help = "iothread_id for the IOThread to delete",
      .required = true },
    OPT_AFFECT,
    OPT_END,
};
const struct opt cpu_stats_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "total", .type = OPT_BOOL, .help = "Show total statistics only" },
    { .name = "start", .type = OPT_INT, .help = "Show statistics from this CPU" },
    { .name = "count", .type = OPT_INT, .help = "Number of shown CPUs at most" },
    OPT_END,
};

#define CPUS_MAX 16384

/* How many CPUs the host has. */
static bool count_cpus(struct shell *sh, unsigned *ret)
{
    uint8_t *map = NULL;
    int count = vmgr_node_get_cpu_map(sh->conn, 0, &map, NULL, shell_err(sh));
    free(map);
    *ret = count > 0 ? (unsigned)count : 0;
    return count >= 0;
}

static bool has_cpu(const struct vmgr_pin *pin, unsigned cpu)
{
    return cpu / 8 < pin->size && pin->cpus[cpu / 8] >> cpu % 8 & 1;
}

/* "0-1,3". */
static void cpus_text(const struct vmgr_pin *pin, unsigned cpus, char *text, size_t size)
{
    size_t at = 0;
    *text = '\0';
    for (unsigned i = 0; i < cpus && at < size; i++) {
        unsigned end = i;
        if (!has_cpu(pin, i))
            continue;
        while (end + 1 < cpus && has_cpu(pin, end + 1))
            end++;
        at += (size_t)snprintf(text + at, size - at, end > i ? "%s%u-%u" : "%s%u", at ? "," : "", i,
                               end);
        i = end;
    }
}

/* "0-3,^1", "r" for all. Into a map; false: it is none of these, the error was printed. */
static bool parse_cpus(struct shell *sh, const char *text, unsigned cpus, uint8_t *map, size_t size)
{
    const char *at = text;
    memset(map, 0, size);
    if (!strcmp(text, "r"))
        at = "0-";
    while (*at) {
        bool clear = *at == '^';
        char *end;
        unsigned long first = strtoul(at + clear, &end, 10), last = first;
        if (end == at + clear)
            break;
        if (*end == '-' && !clear) {
            at = end + 1;
            last = *at ? strtoul(at, &end, 10) : cpus - 1;
            end = *at ? end : (char *)at;
        }
        if (last < first || last >= CPUS_MAX || last / 8 >= size)
            break;
        for (unsigned long i = first; i <= last; i++)
            map[i / 8] = (uint8_t)(clear ? map[i / 8] & ~(1u << i % 8) : map[i / 8] | 1u << i % 8);
        at = end;
        if (*at == ',' && at[1])
            at++;
        else
            break;
    }
    if (*at == '\0')
        return true;
    shell_error(sh, "Invalid cpulist '%s'", text);
    shell_error(sh, "invalid argument: Failed to parse bitmap '%s'", text);
    return false;
}

/* A change without a word about which definition is one of the guest that runs. */
static uint32_t pin_flags(const struct args *args, uint32_t flags)
{
    return flags || args_bool(args, "current") ? flags : VMGR_DOMAIN_AFFECT_LIVE;
}

/* One line per pin, or for one only. */
static void print_pins(const struct vmgr_pin *pins, int n, int only, unsigned cpus,
                       struct table *table)
{
    for (int i = 0; i < n; i++) {
        char text[4096], id[16];
        if (only >= 0 && pins[i].id != (unsigned)only)
            continue;
        cpus_text(&pins[i], cpus, text, sizeof(text));
        snprintf(id, sizeof(id), "%u", pins[i].id);
        table_row(table, id, text, NULL);
    }
}

static bool set_pin(struct shell *sh, struct vmgr_domain *domain, int kind, unsigned id,
                    const char *list, uint32_t flags, unsigned cpus)
{
    uint8_t map[CPUS_MAX / 8];
    if (!parse_cpus(sh, list, cpus, map, sizeof(map)))
        return false;
    for (unsigned i = cpus; i < CPUS_MAX; i++) {
        if (map[i / 8] >> i % 8 & 1) {
            shell_error(sh, "CPU %u in cpulist '%s' exceed the maxcpu %u", i, list, cpus);
            return false;
        }
    }
    return vmgr_domain_set_pin(domain, kind, id, map, (cpus + 7) / 8, flags, shell_err(sh)) == 0;
}

bool cmd_vcpupin(struct shell *sh, const struct args *args)
{
    const char *list = args_string(args, "cpulist");
    struct vmgr_domain *domain;
    struct vmgr_pin *pins = NULL;
    unsigned cpus = 0;
    int vcpu = -1, n = -1;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = count_cpus(sh, &cpus);
    int given = ok ? args_int(sh, args, "vcpu", &vcpu) : -1;
    ok = given >= 0;
    if (ok && given && vcpu < 0) {
        shell_error(sh, "Numeric value '%s' for <vcpu> option is malformed or out of range",
                    args_string(args, "vcpu"));
        ok = false;
    } else if (ok && list && !given) {
        shell_error(sh, "vcpupin: Missing vCPU number in pin mode.");
        ok = false;
    } else if (ok && list) {
        ok = set_pin(sh, domain, VMGR_PIN_VCPU, (unsigned)vcpu, list, pin_flags(args, flags), cpus);
    } else if (ok) {
        n = vmgr_domain_get_pins(domain, VMGR_PIN_VCPU, flags, &pins, shell_err(sh));
        ok = n >= 0;
        if (ok) {
            struct table *table = table_new("VCPU", "CPU Affinity", NULL);
            print_pins(pins, n, given ? vcpu : -1, cpus, table);
            table_print(table, false);
        }
        vmgr_pins_free(pins, n > 0 ? (size_t)n : 0);
    }
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_emulatorpin(struct shell *sh, const struct args *args)
{
    const char *list = args_string(args, "cpulist");
    struct vmgr_domain *domain;
    struct vmgr_pin *pins = NULL;
    unsigned cpus = 0;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = count_cpus(sh, &cpus);
    if (ok && list) {
        ok = set_pin(sh, domain, VMGR_PIN_EMULATOR, 0, list, pin_flags(args, flags), cpus);
    } else if (ok) {
        char text[4096] = "";
        int n = vmgr_domain_get_pins(domain, VMGR_PIN_EMULATOR, flags, &pins, shell_err(sh));
        ok = n >= 0;
        if (n > 0)
            cpus_text(pins, cpus, text, sizeof(text));
        if (ok) {
            shell_extra(sh, "%s: %s\n", "emulator", "CPU Affinity");
            shell_extra(sh, "----------------------------------\n");
            printf("       *: %s\n", text);
        }
        vmgr_pins_free(pins, n > 0 ? (size_t)n : 0);
    }
    vmgr_domain_unref(domain);
    return ok;
}

/* --- IOThreads ------------------------------------------------------------------------------ */

bool cmd_iothreadinfo(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain;
    struct vmgr_pin *pins = NULL;
    unsigned cpus = 0;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = count_cpus(sh, &cpus);
    int n = ok ? vmgr_domain_get_pins(domain, VMGR_PIN_IOTHREAD, flags, &pins, shell_err(sh)) : -1;
    if (n > 0) {
        struct table *table = table_new("IOThread ID", "CPU Affinity", NULL);
        print_pins(pins, n, -1, cpus, table);
        table_print(table, false);
    } else if (n == 0) {
        shell_extra(sh, "No IOThreads found for the domain");
    } else if (ok) {
        shell_error(sh, "Unable to get domain IOThreads information");
    }
    vmgr_pins_free(pins, n > 0 ? (size_t)n : 0);
    vmgr_domain_unref(domain);
    return n >= 0;
}

/* The number of an IOThread; -1: the error was printed. */
static int iothread_id(struct shell *sh, const struct args *args, const char *option)
{
    int id = 0;
    if (args_int(sh, args, option, &id) < 0)
        return -1;
    if (id <= 0)
        shell_error(sh, "Invalid IOThread id value: '%d'", id);
    return id > 0 ? id : -1;
}

bool cmd_iothreadpin(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain;
    unsigned cpus = 0;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    int id = iothread_id(sh, args, "iothread");
    bool ok = id > 0 && count_cpus(sh, &cpus) &&
              set_pin(sh, domain, VMGR_PIN_IOTHREAD, (unsigned)id, args_string(args, "cpulist"),
                      flags, cpus);
    vmgr_domain_unref(domain);
    return ok;
}

static bool change_iothread(struct shell *sh, const struct args *args, int there)
{
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    int id = iothread_id(sh, args, "id");
    bool ok =
        id > 0 && vmgr_domain_set_iothread(domain, (uint32_t)id, there, flags, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_iothreadadd(struct shell *sh, const struct args *args)
{
    return change_iothread(sh, args, 1);
}

bool cmd_iothreaddel(struct shell *sh, const struct args *args)
{
    return change_iothread(sh, args, 0);
}

/* --- figures -------------------------------------------------------------------------------- */

static const struct vmgr_pin *pin_of(const struct vmgr_pin *pins, int n, unsigned id)
{
    for (int i = 0; i < n; i++)
        if (pins[i].id == id)
            return &pins[i];
    return NULL;
}

static void print_affinity(const struct vmgr_pin *pin, unsigned cpus, bool pretty)
{
    char text[4096];
    printf("%-15s ", "CPU Affinity:");
    if (pretty && pin) {
        cpus_text(pin, cpus, text, sizeof(text));
        printf("%s (out of %u)", text, cpus);
    }
    for (unsigned i = 0; !pretty && i < cpus; i++)
        putchar(pin && has_cpu(pin, i) ? 'y' : '-');
    putchar('\n');
}

static void print_vcpu(const struct vmgr_vcpu_info *v)
{
    static const char *const states[] = { "offline", "running", "blocked" };
    printf("%-15s %u\n", "VCPU:", v->number);
    if (v->cpu >= 0)
        printf("%-15s %d\n", "CPU:", v->cpu);
    else
        printf("%-15s %s\n", "CPU:", "N/A");
    printf("%-15s %s\n", "State:", v->state >= 0 && v->state < 3 ? states[v->state] : "N/A");
    if (v->cpu_time_ns)
        printf("%-15s %.1lfs\n", "CPU time:", (double)v->cpu_time_ns / 1e9);
}

/* What a definition says of vCPUs that do not run. */
static bool vcpus_at_rest(struct shell *sh, const struct vmgr_pin *pins, int n, unsigned cpus,
                          bool pretty)
{
    shell_err_clear(sh);
    for (int i = 0; i < n; i++) {
        printf("%-15s %u\n%-15s %s\n%-15s %s\n", "VCPU:", pins[i].id, "CPU:", "N/A",
               "State:", "N/A");
        printf("%-15s %s\n", "CPU time", "N/A");
        print_affinity(&pins[i], cpus, pretty);
        if (i + 1 < n)
            putchar('\n');
    }
    return true;
}

bool cmd_vcpuinfo(struct shell *sh, const struct args *args)
{
    bool pretty = args_bool(args, "pretty");
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_vcpu_info *info = NULL;
    struct vmgr_pin *pins = NULL;
    unsigned cpus = 0;
    if (!domain)
        return false;
    int active = vmgr_domain_is_active(domain, shell_err(sh));
    bool ok = active >= 0 && count_cpus(sh, &cpus);
    int n = ok ? vmgr_domain_get_pins(domain, VMGR_PIN_VCPU, 0, &pins, shell_err(sh)) : -1;
    int count = n >= 0 && active ? vmgr_domain_get_vcpu_info(domain, &info, shell_err(sh)) : -1;
    ok = n >= 0 && (count >= 0 || !active);
    if (ok && !active) {
        int current = vmgr_domain_get_vcpus(domain, VMGR_DOMAIN_AFFECT_CONFIG, shell_err(sh));
        ok = current >= 0 && vcpus_at_rest(sh, pins, current < n ? current : n, cpus, pretty);
    }
    for (int i = 0; i < count; i++) {
        print_vcpu(&info[i]);
        print_affinity(pin_of(pins, n, info[i].number), cpus, pretty);
        if (i + 1 < count)
            putchar('\n');
    }
    free(info);
    vmgr_pins_free(pins, n > 0 ? (size_t)n : 0);
    vmgr_domain_unref(domain);
    return ok;
}

static void print_times(const struct vmgr_stat *stats)
{
    for (const struct vmgr_stat *s = stats; s->name; s++)
        printf("\t%-12s %9llu.%09llu seconds\n", s->name,
               (unsigned long long)s->number / 1000000000,
               (unsigned long long)s->number % 1000000000);
}

static bool print_cpu(struct shell *sh, struct vmgr_domain *domain, int cpu)
{
    struct vmgr_stat *stats;
    if (vmgr_domain_get_cpu_stats(domain, cpu, &stats, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to retrieve CPU statistics for domain '%s'",
                    vmgr_domain_get_name(domain));
        return false;
    }
    if (cpu >= 0)
        printf("CPU%d:\n", cpu);
    else
        printf("Total:\n");
    print_times(stats);
    vmgr_stats_free(stats);
    return true;
}

bool cmd_cpu_stats(struct shell *sh, const struct args *args)
{
    bool total = args_bool(args, "total");
    struct vmgr_domain *domain = args_domain(sh, args);
    unsigned cpus = 0;
    int start = 0, count = -1, given_start, given_count;
    if (!domain)
        return false;
    given_start = args_int(sh, args, "start", &start);
    given_count = args_int(sh, args, "count", &count);
    bool ok = given_start >= 0 && given_count >= 0 && count_cpus(sh, &cpus);
    if (ok && (start < 0 || (given_count && count < 0))) {
        shell_error(sh, "Invalid value for %s CPU", start < 0 ? "start" : "number of");
        ok = false;
    }
    /* All of it unless a part is asked for. */
    bool parts = given_start > 0 || given_count > 0 || !total;
    int last = count >= 0 ? start + count : (int)cpus;
    for (int i = start; ok && parts && i < last && i < (int)cpus; i++)
        ok = print_cpu(sh, domain, i);
    if (ok && (total || (given_start == 0 && given_count == 0)))
        ok = print_cpu(sh, domain, -1);
    vmgr_domain_unref(domain);
    return ok;
}
