/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs and memory of this host, from /proc and /sys (Linux: Documentation/filesystems/proc.rst,
 * Documentation/ABI: sysfs-devices-node, sysfs-devices-system-cpu, sysfs-kernel-mm-ksm,
 * sysfs-kernel-mm-hugepages).
 *
 * VMGR_SYSFS and VMGR_PROCFS in the environment stand for /sys and /proc: tests have a host of
 * their own making.
 */
#include "../../node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "../vemu.h"

#define CPUS_MAX 16384

#define internal_error(err, ...) vemu_error(err, VMGR_ERR_INTERNAL_ERROR, __VA_ARGS__)

/* ---- memory ---- */

/* The number behind "KEY:" of a text in the style of /proc/meminfo, in KiB. */
static bool find_kib(const char *text, const char *key, uint64_t *ret)
{
    const size_t length = strlen(key);

    for (const char *p = strstr(text, key); p; p = strstr(p + 1, key)) {
        if ((p == text || g_ascii_isspace(p[-1])) && p[length] == ':') {
            *ret = g_ascii_strtoull(p + length + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static char *read_meminfo(int cell)
{
    return cell < 0 ? vmgr__proc_read("meminfo")
                    : vmgr__sys_read("devices/system/node/node%d/meminfo", cell);
}

static bool cell_exists(int cell)
{
    g_autofree char *path = vmgr__sys_path("devices/system/node/node%d", cell);

    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* Hosts without NUMA have one cell, with all. */
static bool is_whole(int cell)
{
    return cell == 0 && !cell_exists(0);
}

static int no_cell(struct vmgr_error **err, int cell)
{
    return vemu_error(err, VMGR_ERR_INVALID_ARG,
                      "cellNum %d is out of range: the host has %u NUMA nodes, from 0 on", cell,
                      vmgr__host_cells(NULL));
}

static int get_memory_stats(struct vmgr_conn *conn G_GNUC_UNUSED, int cell, GArray *ret,
                            struct vmgr_error **err)
{
    static const struct {
        const char *key, *name;
    } rows[] = {
        { "MemTotal", "total" },
        { "MemFree", "free" },
        { "Buffers", "buffers" },
        { "Cached", "cached" },
    };
    g_autofree char *text = NULL;

    if (cell >= 0 && !is_whole(cell) && !cell_exists(cell))
        return no_cell(err, cell);
    text = read_meminfo(is_whole(cell) ? -1 : cell);
    for (size_t i = 0; text && i < G_N_ELEMENTS(rows); i++) {
        uint64_t kib;

        if (find_kib(text, rows[i].key, &kib) && (cell < 0 || i < 2))
            vmgr__stat_add(ret, VMGR_STAT_ULLONG, kib, "%s", rows[i].name);
    }
    return ret->len ? 0 : internal_error(err, "the system does not tell about its memory");
}

static int free_bytes(int cell, uint64_t *ret, struct vmgr_error **err)
{
    g_autofree char *text = read_meminfo(is_whole(cell) ? -1 : cell);
    uint64_t kib;

    if (!text || !find_kib(text, "MemFree", &kib))
        return internal_error(err, "the system does not tell about its free memory");
    *ret = kib * 1024;
    return 0;
}

static int get_free_memory(struct vmgr_conn *conn G_GNUC_UNUSED, uint64_t *ret,
                           struct vmgr_error **err)
{
    return free_bytes(-1, ret, err);
}

static int get_cells_free_memory(struct vmgr_conn *conn G_GNUC_UNUSED, int first, int max,
                                 uint64_t *ret, struct vmgr_error **err)
{
    int last;
    int n = 0;

    vmgr__host_cells(&last);
    if (first > last)
        return internal_error(err, "start cell %d out of range (0-%d)", first, last);
    for (int cell = first; cell <= last && n < max; cell++) {
        /* Numbers may have holes: nothing is free where nothing is. */
        if (!cell_exists(cell) && !is_whole(cell))
            ret[n] = 0;
        else if (free_bytes(cell, &ret[n], err) < 0)
            return -1;
        n++;
    }
    return n;
}

/* ---- CPUs ---- */

static int get_cpu_map(struct vmgr_conn *conn G_GNUC_UNUSED, uint8_t **ret_map,
                       uint32_t *ret_online, struct vmgr_error **err)
{
    g_autofree char *present = vmgr__sys_read("devices/system/cpu/present");
    g_autofree char *online = vmgr__sys_read("devices/system/cpu/online");
    g_autofree uint8_t *map = g_new0(uint8_t, CPUS_MAX / 8);
    uint32_t count = 0, n = 0;

    if (!present || !vmgr__host_list(present, map, CPUS_MAX))
        return internal_error(err, "the system does not tell which CPUs it has");
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        if (map[i / 8] >> i % 8 & 1)
            count = i + 1;
    }
    if (online) {
        memset(map, 0, CPUS_MAX / 8);
        if (!vmgr__host_list(online, map, CPUS_MAX))
            return internal_error(err, "the system does not tell which CPUs are online");
    }
    for (uint32_t i = 0; i < count; i++)
        n += map[i / 8] >> i % 8 & 1;
    if (ret_online)
        *ret_online = n;
    if (ret_map) {
        *ret_map = calloc(1, (count + 7) / 8 + 1);
        if (!*ret_map)
            return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        memcpy(*ret_map, map, (count + 7) / 8);
    }
    return (int)count;
}

static int get_cpu_stats(struct vmgr_conn *conn G_GNUC_UNUSED, int cpu, GArray *ret,
                         struct vmgr_error **err)
{
    g_autofree char *text = vmgr__proc_read("stat");
    g_autofree char *prefix = cpu < 0 ? g_strdup("cpu ") : g_strdup_printf("cpu%d ", cpu);
    const uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    const char *line = text;

    while (line && !g_str_has_prefix(line, prefix)) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (!line)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "Invalid cpuNum in %s", "virNodeGetCPUStats");
    {
        /* user nice system idle iowait irq softirq */
        uint64_t v[7] = { 0 };
        char *p = (char *)line + strlen(prefix);

        for (size_t i = 0; i < G_N_ELEMENTS(v); i++)
            v[i] = g_ascii_strtoull(p, &p, 10) * tick_ns;
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, v[2] + v[5] + v[6], "kernel");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, v[0] + v[1], "user");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, v[3], "idle");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, v[4], "iowait");
    }
    return 0;
}

/* ---- pages ---- */

/* A file of a pool of huge pages; cell below 0: of the whole system. */
static char *pool_path(int cell, uint32_t kib, const char *file)
{
    return cell < 0 || is_whole(cell)
               ? vmgr__sys_path("kernel/mm/hugepages/hugepages-%ukB/%s", kib, file)
               : vmgr__sys_path("devices/system/node/node%d/hugepages/hugepages-%ukB/%s", cell, kib,
                                file);
}

static int no_pool(struct vmgr_error **err, uint32_t kib, int cell)
{
    return vemu_error(err, VMGR_ERR_OPERATION_FAILED, "page size %u is not available on node %d",
                      kib, cell);
}

static int count_free(int cell, uint32_t kib, uint64_t *ret, struct vmgr_error **err)
{
    const uint32_t small = (uint32_t)(sysconf(_SC_PAGESIZE) / 1024);
    g_autofree char *path = pool_path(cell, kib, "free_hugepages");

    if (kib == small) {
        if (free_bytes(cell, ret, err) < 0)
            return -1;
        *ret /= (uint64_t)small * 1024;
        return 0;
    }
    return vmgr__file_number(path, ret) ? 0 : no_pool(err, kib, cell);
}

static int check_cells(int first, uint32_t cells, int *ret_last, struct vmgr_error **err)
{
    int last;

    vmgr__host_cells(&last);
    if (first < 0 || first > last)
        return internal_error(err, "start cell %d out of range (0-%d)", first, last);
    *ret_last = (int)MIN((uint64_t)last, (uint64_t)first + cells - 1);
    return 0;
}

static int get_free_pages(struct vmgr_conn *conn G_GNUC_UNUSED, const uint32_t *sizes,
                          uint32_t count, int first, uint32_t cells, uint64_t *ret,
                          struct vmgr_error **err)
{
    int last, n = 0;

    if (check_cells(first, cells, &last, err) < 0)
        return -1;
    for (int cell = first; cell <= last; cell++) {
        for (uint32_t i = 0; i < count; i++) {
            if (count_free(cell, sizes[i], &ret[n++], err) < 0)
                return -1;
        }
    }
    return n;
}

static int set_pool(int cell, uint32_t kib, uint64_t count, bool add, struct vmgr_error **err)
{
    g_autofree char *path = pool_path(cell, kib, "nr_hugepages");
    uint64_t was, now;

    if (kib == (uint32_t)(sysconf(_SC_PAGESIZE) / 1024))
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "system pages pool can't be modified");
    if (!vmgr__file_number(path, &was))
        return no_pool(err, kib, cell);
    if (add && __builtin_add_overflow(count, was, &count))
        return vemu_error(err, VMGR_ERR_OVERFLOW, "too many pages");
    if (vmgr__file_put_number(path, count, err) < 0)
        return -1;
    if (!vmgr__file_number(path, &now) || now != count)
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "Unable to allocate %" G_GUINT64_FORMAT " pages. Allocated only "
                          "%" G_GUINT64_FORMAT,
                          count, now);
    return 0;
}

static int alloc_pages(struct vmgr_conn *conn G_GNUC_UNUSED, const uint32_t *sizes,
                       const uint64_t *counts, uint32_t count, int first, uint32_t cells, bool add,
                       struct vmgr_error **err)
{
    int last = -1, n = 0;

    if (first >= 0 && check_cells(first, MAX(cells, 1), &last, err) < 0)
        return -1;
    for (int cell = MAX(first, -1); cell <= last; cell++) {
        for (uint32_t i = 0; i < count; i++, n++) {
            if (set_pool(cell, sizes[i], counts[i], add, err) < 0)
                return -1;
        }
    }
    return n;
}

/* ---- KSM ---- */

static const struct {
    const char *name, *file;
    bool settable;
    int type;
} ksm[] = {
    { "shm_pages_to_scan", "pages_to_scan", true, VMGR_STAT_UINT },
    { "shm_sleep_millisecs", "sleep_millisecs", true, VMGR_STAT_UINT },
    { "shm_pages_shared", "pages_shared", false, VMGR_STAT_ULLONG },
    { "shm_pages_sharing", "pages_sharing", false, VMGR_STAT_ULLONG },
    { "shm_pages_unshared", "pages_unshared", false, VMGR_STAT_ULLONG },
    { "shm_pages_volatile", "pages_volatile", false, VMGR_STAT_ULLONG },
    { "shm_full_scans", "full_scans", false, VMGR_STAT_ULLONG },
    { "shm_merge_across_nodes", "merge_across_nodes", true, VMGR_STAT_UINT },
};

static int get_memory_parameters(struct vmgr_conn *conn G_GNUC_UNUSED, GArray *ret,
                                 struct vmgr_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ksm); i++) {
        g_autofree char *path = vmgr__sys_path("kernel/mm/ksm/%s", ksm[i].file);
        uint64_t v;

        if (vmgr__file_number(path, &v))
            vmgr__stat_add(ret, ksm[i].type, v, "%s", ksm[i].name);
    }
    return ret->len ? 0
                    : vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                                 "this host's kernel does not share memory among processes (KSM)");
}

/* Which row it sets; -1 and *err. */
static int find_parameter(const struct vmgr_stat *p, struct vmgr_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ksm); i++) {
        if (!ksm[i].settable || strcmp(ksm[i].name, p->name) != 0)
            continue;
        if (p->type != VMGR_STAT_UINT)
            return vemu_error(err, VMGR_ERR_INVALID_ARG,
                              "invalid type for parameter '%s', expected uint", p->name);
        return (int)i;
    }
    return vemu_error(err, VMGR_ERR_INVALID_ARG, "parameter '%s' not supported", p->name);
}

static int set_memory_parameters(struct vmgr_conn *conn G_GNUC_UNUSED,
                                 const struct vmgr_stat *params, struct vmgr_error **err)
{
    for (const struct vmgr_stat *p = params; p->name; p++) {
        const int i = find_parameter(p, err);
        g_autofree char *path = i < 0 ? NULL : vmgr__sys_path("kernel/mm/ksm/%s", ksm[i].file);

        if (i < 0)
            return -1;
        if (access(path, F_OK) < 0)
            return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                              "Parameter '%s' is not supported by this kernel", p->name);
    }
    for (const struct vmgr_stat *p = params; p->name; p++) {
        g_autofree char *path =
            vmgr__sys_path("kernel/mm/ksm/%s", ksm[find_parameter(p, NULL)].file);

        if (vmgr__file_put_number(path, p->number, err) < 0)
            return -1;
    }
    return 0;
}

/* Putting the host to sleep is the host's business: suspend stays unsupported. */
const struct vmgr__node_ops vmgr__vemu_node = {
    .get_free_memory = get_free_memory,
    .get_cells_free_memory = get_cells_free_memory,
    .get_cpu_map = get_cpu_map,
    .get_cpu_stats = get_cpu_stats,
    .get_memory_stats = get_memory_stats,
    .get_free_pages = get_free_pages,
    .alloc_pages = alloc_pages,
    .get_memory_parameters = get_memory_parameters,
    .set_memory_parameters = set_memory_parameters,
    .get_sysinfo = vmgr__vemu_get_sysinfo,
};
