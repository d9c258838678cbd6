/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics of guests: from the definition, /proc, /sys, and the emulator's monitor.
 *
 * The monitor serves several clients at a time, so it is asked without the domain's lock, beside
 * whatever else is under way. Figures that only it has are left out with NOWAIT, and when it does
 * not answer in time.
 */
#include "../../stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../block/blockjob.h"
#include "iothread.h"
#include "../device/memory.h"
#include "../device/parts.h"
#include "../run/process.h"
#include "../run/qmp.h"
#include "../state/cache.h"
#include "../state/paths.h"
#include "stats.h"

#define MONITOR_TIMEOUT_MS 1000

/* What was known of a domain when it was asked, so that nothing is held while the guest answers. */
struct snapshot {
    struct vmgr__domain_def *def;
    bool active;
    int state, reason;
    struct vemu_process process;
    char *name;
};

static int take(struct vmgr_domain *dom, struct snapshot *s, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__domobj *obj;

    *s = (struct snapshot){ .def = NULL };
    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj) {
        s->def = vmgr__domain_def_copy(vmgr__domobj_current(obj), &vmgr__vemu_defaults, err);
        s->active = obj->live != NULL;
        s->state = obj->state;
        s->reason = obj->reason;
        s->process = vmgr__vemu_obj_process(obj);
        s->name = g_strdup(vmgr__domobj_name(obj));
    }
    g_mutex_unlock(&d->lock);
    if (s->def)
        return 0;
    g_free(s->name);
    return -1;
}

#define ULL(list, number, ...) vmgr__stat_add(list, VMGR_STAT_ULLONG, number, __VA_ARGS__)

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

static uint64_t number(struct json_object *o, const char *key)
{
    int64_t n = json_object_get_int64(get(o, key));

    return n > 0 ? (uint64_t)n : 0;
}

static struct json_object *ask(struct vemu_qmp *q, const char *command)
{
    struct json_object *o = NULL;

    if (q && vmgr__qmp_execute(q, command, NULL, &o, NULL) < 0)
        o = NULL;
    return o;
}

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* ---- CPUs ---- */

static void add_cpu(const struct snapshot *s, GArray *ret)
{
    uint64_t user, system;

    if (!s->active || !vmgr__process_times_ns(&s->process, &user, &system))
        return;
    ULL(ret, user + system, "cpu.time");
    ULL(ret, user, "cpu.user");
    ULL(ret, system, "cpu.system");
}

/* Time that a thread ran, ns. */
static bool thread_time(const struct snapshot *s, int64_t tid, uint64_t *ret)
{
    g_autofree char *path =
        g_strdup_printf("/proc/%d/task/%" G_GINT64_FORMAT "/schedstat", s->process.pid, tid);
    g_autofree char *text = NULL;

    if (tid <= 0 || !g_file_get_contents(path, &text, NULL, NULL))
        return false;
    *ret = g_ascii_strtoull(text, NULL, 10);
    return true;
}

static void add_vcpus(const struct snapshot *s, struct vemu_qmp *q, GArray *ret)
{
    struct json_object *list = s->active ? ask(q, "query-cpus-fast") : NULL;

    vmgr__stat_add(ret, VMGR_STAT_UINT, s->def->vcpus, "vcpu.current");
    vmgr__stat_add(ret, VMGR_STAT_UINT, s->def->max_vcpus, "vcpu.maximum");
    for (size_t i = 0; i < length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const uint64_t index = number(o, "cpu-index");
        uint64_t time;

        if (!thread_time(s, (int64_t)number(o, "thread-id"), &time))
            continue;
        vmgr__stat_add(ret, VMGR_STAT_INT, 1, "vcpu.%" G_GUINT64_FORMAT ".state", index);
        ULL(ret, time, "vcpu.%" G_GUINT64_FORMAT ".time", index);
    }
    json_object_put(list);
}

static void add_iothreads(struct vemu_qmp *q, GArray *ret)
{
    struct json_object *list = ask(q, "query-iothreads");

    if (length(list))
        vmgr__stat_add(ret, VMGR_STAT_UINT, length(list), "iothread.count");
    for (size_t i = 0; i < length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *id = json_object_get_string(get(o, "id"));

        if (!id || !g_str_has_prefix(id, VEMU_IOTHREAD_PREFIX))
            continue;
        id += strlen(VEMU_IOTHREAD_PREFIX);
        ULL(ret, number(o, "poll-max-ns"), "iothread.%s.poll-max-ns", id);
        vmgr__stat_add(ret, VMGR_STAT_UINT, number(o, "poll-grow"), "iothread.%s.poll-grow", id);
        vmgr__stat_add(ret, VMGR_STAT_UINT, number(o, "poll-shrink"), "iothread.%s.poll-shrink",
                       id);
    }
    json_object_put(list);
}

/* ---- memory ---- */

static void add_guest_memory(struct vemu_qmp *q, GArray *ret)
{
    static const struct {
        const char *key, *name;
        uint64_t unit;
    } rows[] = {
        { "stat-swap-in", "swap_in", 1024 },           { "stat-swap-out", "swap_out", 1024 },
        { "stat-major-faults", "major_fault", 1 },     { "stat-minor-faults", "minor_fault", 1 },
        { "stat-free-memory", "unused", 1024 },        { "stat-total-memory", "available", 1024 },
        { "stat-available-memory", "usable", 1024 },   { "stat-disk-caches", "disk_caches", 1024 },
        { "stat-htlb-pgalloc", "hugetlb_pgalloc", 1 }, { "stat-htlb-pgfail", "hugetlb_pgfail", 1 },
    };
    struct json_object *args = json_object_new_object(), *o = NULL, *stats;

    vmgr__vemu_set(args, "path", "/machine/peripheral/balloon0");
    vmgr__vemu_set(args, "property", "guest-stats");
    if (vmgr__qmp_execute(q, "qom-get", args, &o, NULL) < 0)
        return;
    stats = get(o, "stats");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct json_object *value = get(stats, rows[i].key);

        /* -1: the guest does not tell */
        if (value && json_object_get_int64(value) >= 0 && number(o, "last-update"))
            ULL(ret, number(stats, rows[i].key) / rows[i].unit, "balloon.%s", rows[i].name);
    }
    ULL(ret, number(o, "last-update"), "balloon.last-update");
    json_object_put(o);
}

static void add_rss(const struct snapshot *s, GArray *ret)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", s->process.pid);
    g_autofree char *text = NULL;
    unsigned long long pages;

    if (g_file_get_contents(path, &text, NULL, NULL) && sscanf(text, "%*u %llu", &pages) == 1)
        ULL(ret, pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024), "balloon.rss");
}

static void add_balloon(const struct snapshot *s, struct vemu_qmp *q, GArray *ret)
{
    struct json_object *o = NULL;
    uint64_t current = s->def->current_memory_kib;

    if (s->active && q && vmgr__vemu_has_balloon(s->def) && (o = ask(q, "query-balloon")))
        current = number(o, "actual") / 1024 + vmgr__memory_plugged(s->def);
    json_object_put(o);
    if (s->active)
        ULL(ret, current, "balloon.current");
    ULL(ret, s->def->memory_kib, "balloon.maximum");
    if (!s->active)
        return;
    if (q && vmgr__vemu_has_balloon(s->def))
        add_guest_memory(q, ret);
    add_rss(s, ret);
}

/* ---- interfaces: counters of the host's end, seen from the guest ---- */

/* direct: the host's end counts as the guest does. */
static void add_counters(const char *host, bool direct, unsigned n, GArray *ret)
{
    static const char *const rows[][2] = {
        { "tx_bytes", "rx.bytes" },  { "tx_packets", "rx.pkts" }, { "tx_errors", "rx.errs" },
        { "tx_dropped", "rx.drop" }, { "rx_bytes", "tx.bytes" },  { "rx_packets", "tx.pkts" },
        { "rx_errors", "tx.errs" },  { "rx_dropped", "tx.drop" },
    };

    if (strchr(host, '/'))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf(
            "/sys/class/net/%s/statistics/%s", host,
            rows[direct ? (i + G_N_ELEMENTS(rows) / 2) % G_N_ELEMENTS(rows) : i][0]);
        g_autofree char *text = NULL;

        if (g_file_get_contents(path, &text, NULL, NULL))
            ULL(ret, g_ascii_strtoull(text, NULL, 10), "net.%u.%s", n, rows[i][1]);
    }
}

static void add_interfaces(const struct snapshot *s, GArray *ret)
{
    guint at = ret->len;
    unsigned n = 0;

    for (guint i = 0; s->active && i < s->def->devices->len; i++) {
        const struct vmgr__device *dev = s->def->devices->pdata[i];
        g_autofree char *host = NULL, *type = NULL;

        if (strcmp(dev->name, "interface") != 0)
            continue;
        host = vmgr__device_get(dev, "target", "dev");
        type = vmgr__device_get(dev, NULL, "type");
        if (host) {
            vmgr__stat_add_text(ret, host, "net.%u.name", n);
            add_counters(host, g_strcmp0(type, "direct") == 0, n, ret);
        }
        n++;
    }
    if (s->active) {
        struct vmgr_stat count = { g_strdup("net.count"), VMGR_STAT_UINT, 0, n, NULL };

        g_array_insert_val(ret, at, count);
    }
}

/* ---- disks ---- */

static void add_requests(struct json_object *stats, unsigned n, GArray *ret)
{
    static const char *const rows[][2] = { { "rd_operations", "rd.reqs" },
                                           { "rd_bytes", "rd.bytes" },
                                           { "wr_operations", "wr.reqs" },
                                           { "wr_bytes", "wr.bytes" },
                                           { "flush_operations", "fl.reqs" } };

    for (size_t i = 0; stats && i < G_N_ELEMENTS(rows); i++)
        ULL(ret, number(stats, rows[i][0]), "block.%u.%s", n, rows[i][1]);
    if (stats)
        ULL(ret, number(stats, "failed_rd_operations") + number(stats, "failed_wr_operations"),
            "block.%u.errs", n);
}

static void add_disk(const struct vmgr__device *dev, unsigned n, struct json_object *stats,
                     struct json_object *blocks, GArray *ret)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    struct json_object *image = get(get(vmgr__vemu_of_alias(blocks, alias), "inserted"), "image");
    uint64_t capacity = number(image, "virtual-size");
    struct stat st;

    vmgr__stat_add_text(ret, dev->target, "block.%u.name", n);
    if (!dev->source || !*dev->source)
        return;
    vmgr__stat_add_text(ret, dev->source, "block.%u.path", n);
    add_requests(get(vmgr__vemu_of_alias(stats, alias), "stats"), n, ret);
    if (stat(dev->source, &st) < 0)
        return;
    ULL(ret, (uint64_t)st.st_blocks * 512, "block.%u.allocation", n);
    if (!capacity) {
        g_autofree char *format = vmgr__device_get(dev, "driver", "type");

        if (S_ISREG(st.st_mode) && (!format || strcmp(format, "raw") == 0))
            capacity = (uint64_t)st.st_size;
    }
    if (capacity)
        ULL(ret, capacity, "block.%u.capacity", n);
    ULL(ret, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : capacity, "block.%u.physical", n);
}

static void add_disks(const struct snapshot *s, struct vemu_qmp *q, GArray *ret)
{
    struct json_object *stats = ask(q, "query-blockstats"), *blocks = ask(q, "query-block");
    guint at = ret->len;
    unsigned n = 0;

    for (guint i = 0; i < s->def->devices->len; i++) {
        const struct vmgr__device *dev = s->def->devices->pdata[i];

        if (strcmp(dev->name, "disk") == 0)
            add_disk(dev, n++, stats, blocks, ret);
    }
    {
        struct vmgr_stat count = { g_strdup("block.count"), VMGR_STAT_UINT, 0, n, NULL };

        g_array_insert_val(ret, at, count);
    }
    json_object_put(stats);
    json_object_put(blocks);
}

#define NEED_MONITOR (VMGR_STATS_BALLOON | VMGR_STATS_VCPU | VMGR_STATS_BLOCK | VMGR_STATS_IOTHREAD)

int vmgr__vemu_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags, GArray *ret,
                         struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *dir = NULL;
    struct vemu_qmp *q = NULL;
    struct snapshot s;

    if (take(dom, &s, err) < 0)
        return -1;
    if (s.active && groups & NEED_MONITOR && !(flags & VMGR_STATS_NOWAIT) && !d->read_only) {
        dir = vmgr__vemu_run_path(d, s.name, NULL);
        q = vmgr__qmp_open(dir, -1, MONITOR_TIMEOUT_MS, NULL);
    }
    if (groups & VMGR_STATS_STATE) {
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)s.state, "state.state");
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)s.reason, "state.reason");
    }
    if (groups & VMGR_STATS_CPU_TOTAL)
        add_cpu(&s, ret);
    if (groups & VMGR_STATS_BALLOON)
        add_balloon(&s, q, ret);
    if (groups & VMGR_STATS_VCPU)
        add_vcpus(&s, q, ret);
    if (groups & VMGR_STATS_INTERFACE)
        add_interfaces(&s, ret);
    if (groups & VMGR_STATS_BLOCK)
        add_disks(&s, q, ret);
    if (s.active && groups & VMGR_STATS_IOTHREAD)
        add_iothreads(q, ret);
    vmgr__qmp_close(q);
    vmgr__domain_def_free(s.def);
    g_free(s.name);
    return 0;
}
