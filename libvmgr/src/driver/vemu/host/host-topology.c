/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA cells, CPUs, caches and sizes of pages of this host, as capabilities tell of them (Linux:
 * Documentation/admin-guide/cputopology.rst, Documentation/ABI/stable/sysfs-devices-node,
 * Documentation/ABI/testing/sysfs-devices-system-cpu).
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define CPUS_MAX  16384
#define SIZES_MAX 16

/* ---- pages ---- */

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sizes in KiB, smallest first. */
static size_t page_sizes(uint64_t *ret)
{
    g_autofree char *path = vmgr__sys_path("kernel/mm/hugepages");
    DIR *dir = opendir(path);
    const struct dirent *e;
    size_t n = 0;

    ret[n++] = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
    while (dir && n < SIZES_MAX && (e = readdir(dir))) {
        if (g_str_has_prefix(e->d_name, "hugepages-"))
            ret[n++] = g_ascii_strtoull(e->d_name + strlen("hugepages-"), NULL, 10);
    }
    if (dir)
        closedir(dir);
    qsort(ret, n, sizeof(*ret), by_size);
    return n;
}

void vmgr__host_write_pages(struct vmgr__xml_writer *w)
{
    uint64_t sizes[SIZES_MAX];
    const size_t n = page_sizes(sizes);

    for (size_t i = 0; i < n; i++) {
        vmgr__xw_begin(w, "pages");
        vmgr__xw_attr(w, "unit", "KiB");
        vmgr__xw_attrf(w, "size", "%" G_GUINT64_FORMAT, sizes[i]);
        vmgr__xw_end(w, "pages");
    }
}

/* ---- cells ---- */

static void write_number(struct vmgr__xml_writer *w, const char *name, uint64_t number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

    vmgr__xw_end_text(w, name, text);
}

/* cell < 0: the host, which has no cells. */
static uint64_t memory_kib(int cell)
{
    g_autofree char *text = cell < 0 ? vmgr__proc_read("meminfo")
                                     : vmgr__sys_read("devices/system/node/node%d/meminfo", cell);
    const char *p = text ? strstr(text, "MemTotal:") : NULL;

    return p ? g_ascii_strtoull(p + strlen("MemTotal:"), NULL, 10) : 0;
}

static uint64_t pool_pages(int cell, uint64_t kib)
{
    g_autofree char *path =
        cell < 0 ? vmgr__sys_path(
                       "kernel/mm/hugepages/hugepages-%" G_GUINT64_FORMAT "kB/nr_hugepages", kib)
                 : vmgr__sys_path("devices/system/node/node%d/hugepages/hugepages-"
                                  "%" G_GUINT64_FORMAT "kB/nr_hugepages",
                                  cell, kib);
    uint64_t n = 0;

    vmgr__file_number(path, &n);
    return n;
}

static void write_memory(struct vmgr__xml_writer *w, int cell)
{
    const uint64_t all = memory_kib(cell);
    uint64_t sizes[SIZES_MAX], small = all;
    const size_t n = page_sizes(sizes);

    vmgr__xw_begin(w, "memory");
    vmgr__xw_attr(w, "unit", "KiB");
    write_number(w, "memory", all);
    for (size_t i = 1; i < n; i++) /* what pools have is not for small pages */
        small -= MIN(small, pool_pages(cell, sizes[i]) * sizes[i]);
    for (size_t i = 0; i < n; i++) {
        vmgr__xw_begin(w, "pages");
        vmgr__xw_attr(w, "unit", "KiB");
        vmgr__xw_attrf(w, "size", "%" G_GUINT64_FORMAT, sizes[i]);
        write_number(w, "pages", i ? pool_pages(cell, sizes[i]) : small / sizes[0]);
    }
}

static void write_distances(struct vmgr__xml_writer *w, int cell, int last)
{
    g_autofree char *text = vmgr__sys_read("devices/system/node/node%d/distance", cell);
    char *p = text;
    bool any = false;

    /* One for each node that is online, in order. */
    for (int to = 0; p && to <= last; to++) {
        g_autofree char *path = vmgr__sys_path("devices/system/node/node%d", to);
        char *end;
        const guint64 value = g_ascii_strtoull(p, &end, 10);

        if (!g_file_test(path, G_FILE_TEST_IS_DIR))
            continue;
        if (end == p)
            break;
        p = end;
        if (!any)
            vmgr__xw_begin(w, "distances");
        any = true;
        vmgr__xw_begin(w, "sibling");
        vmgr__xw_attrf(w, "id", "%d", to);
        vmgr__xw_attrf(w, "value", "%" G_GUINT64_FORMAT, value);
        vmgr__xw_end(w, "sibling");
    }
    if (any)
        vmgr__xw_end(w, "distances");
}

static void write_cpu(struct vmgr__xml_writer *w, uint32_t cpu)
{
    static const struct {
        const char *attr, *file;
    } rows[] = {
        { "socket_id", "physical_package_id" },
        { "die_id", "die_id" },
        { "core_id", "core_id" },
    };
    g_autofree char *siblings =
        vmgr__sys_read("devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
    bool all = siblings != NULL;
    uint64_t ids[G_N_ELEMENTS(rows)] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path =
            vmgr__sys_path("devices/system/cpu/cpu%u/topology/%s", cpu, rows[i].file);

        /* Kernels before 5.2 have no dies, others a number below zero for what they do not know. */
        if (!vmgr__file_number(path, &ids[i]) && i != 1)
            all = false;
    }
    vmgr__xw_begin(w, "cpu");
    vmgr__xw_attrf(w, "id", "%u", cpu);
    for (size_t i = 0; all && i < G_N_ELEMENTS(rows); i++)
        vmgr__xw_attrf(w, rows[i].attr, "%" G_GUINT64_FORMAT, ids[i]);
    if (all)
        vmgr__xw_attr(w, "siblings", g_strchomp(siblings));
    vmgr__xw_end(w, "cpu");
}

/* cell < 0: all CPUs. Those that are offline sit nowhere. */
static void write_cpus(struct vmgr__xml_writer *w, int cell)
{
    g_autofree char *online = vmgr__sys_read("devices/system/cpu/online");
    g_autofree char *here =
        cell < 0 ? NULL : vmgr__sys_read("devices/system/node/node%d/cpulist", cell);
    g_autofree uint8_t *up = g_new0(uint8_t, CPUS_MAX / 8);
    g_autofree uint8_t *mine = g_new0(uint8_t, CPUS_MAX / 8);
    unsigned count = 0;

    if (online)
        vmgr__host_list(online, up, CPUS_MAX);
    if (here)
        vmgr__host_list(here, mine, CPUS_MAX);
    else
        memcpy(mine, up, CPUS_MAX / 8);
    for (uint32_t i = 0; i < CPUS_MAX; i++)
        count += (up[i / 8] & mine[i / 8]) >> i % 8 & 1;
    vmgr__xw_begin(w, "cpus");
    vmgr__xw_attrf(w, "num", "%u", count);
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        if ((up[i / 8] & mine[i / 8]) >> i % 8 & 1)
            write_cpu(w, i);
    }
    vmgr__xw_end(w, "cpus");
}

static void write_cell(struct vmgr__xml_writer *w, int id, bool real, int last)
{
    vmgr__xw_begin(w, "cell");
    vmgr__xw_attrf(w, "id", "%d", id);
    write_memory(w, real ? id : -1);
    if (real)
        write_distances(w, id, last);
    write_cpus(w, real ? id : -1);
    vmgr__xw_end(w, "cell");
}

void vmgr__host_write_topology(struct vmgr__xml_writer *w)
{
    int last;
    const unsigned n = vmgr__host_cells(&last);
    bool any = false;

    vmgr__xw_begin(w, "topology");
    vmgr__xw_begin(w, "cells");
    vmgr__xw_attrf(w, "num", "%u", n);
    for (int cell = 0; cell <= last; cell++) {
        g_autofree char *path = vmgr__sys_path("devices/system/node/node%d", cell);

        if (!g_file_test(path, G_FILE_TEST_IS_DIR))
            continue;
        any = true;
        write_cell(w, cell, true, last);
    }
    if (!any)
        write_cell(w, 0, false, 0);
    vmgr__xw_end(w, "cells");
    vmgr__xw_end(w, "topology");
}

/* ---- caches ---- */

/* Caches that CPUs share, those of the last level: as people divide them among guests. */
static bool write_bank(struct vmgr__xml_writer *w, uint32_t cpu, unsigned index, GHashTable *seen,
                       bool first)
{
    g_autofree char *base = g_strdup_printf("devices/system/cpu/cpu%u/cache/index%u", cpu, index);
    g_autofree char *level = vmgr__sys_read("%s/level", base);
    g_autofree char *type = vmgr__sys_read("%s/type", base);
    g_autofree char *size = vmgr__sys_read("%s/size", base);
    g_autofree char *id = vmgr__sys_read("%s/id", base);
    g_autofree char *cpus = vmgr__sys_read("%s/shared_cpu_list", base);
    char *end;
    guint64 kib;

    if (!level || !type || !size || !id || !cpus || atoi(level) < 3 ||
        !g_hash_table_add(seen, g_strdup_printf("%s.%s", g_strchomp(level), g_strchomp(id))))
        return false;
    kib = g_ascii_strtoull(size, &end, 10);
    if (*end == 'M')
        kib *= 1024;
    if (first)
        vmgr__xw_begin(w, "cache");
    vmgr__xw_begin(w, "bank");
    vmgr__xw_attr(w, "id", id);
    vmgr__xw_attr(w, "level", level);
    vmgr__xw_attr(w, "type", type[0] == 'U' ? "both" : type[0] == 'I' ? "code" : "data");
    vmgr__xw_attrf(w, "size", "%" G_GUINT64_FORMAT, kib % 1024 ? kib : kib / 1024);
    vmgr__xw_attr(w, "unit", kib % 1024 ? "KiB" : "MiB");
    vmgr__xw_attr(w, "cpus", g_strchomp(cpus));
    vmgr__xw_end(w, "bank");
    return true;
}

void vmgr__host_write_caches(struct vmgr__xml_writer *w)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *online = vmgr__sys_read("devices/system/cpu/online");
    g_autofree uint8_t *up = g_new0(uint8_t, CPUS_MAX / 8);
    bool any = false;

    if (online)
        vmgr__host_list(online, up, CPUS_MAX);
    for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++) {
        for (unsigned index = 0; up[cpu / 8] >> cpu % 8 & 1 && index < 8; index++)
            any |= write_bank(w, cpu, index, seen, !any);
    }
    if (any)
        vmgr__xw_end(w, "cache");
}
