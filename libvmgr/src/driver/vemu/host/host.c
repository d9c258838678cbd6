/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host of the vemu driver says about itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host.h"
#include "../vemu.h"

#define MAX_VCPUS 255 /* xAPIC ids */

int vmgr__vemu_get_hostname(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                            struct vmgr_error **err)
{
    char name[256];

    if (gethostname(name, sizeof(name)) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "failed to determine host name");
    name[sizeof(name) - 1] = '\0';
    *ret = g_strdup(name);
    return 0;
}

/* Library and emulator are built together. */
int vmgr__vemu_get_version(struct vmgr_conn *conn G_GNUC_UNUSED, uint64_t *ret,
                           struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = vmgr_version();
    return 0;
}

int vmgr__vemu_get_max_vcpus(struct vmgr_conn *conn G_GNUC_UNUSED, const char *type,
                             struct vmgr_error **err)
{
    if (type && g_ascii_strcasecmp(type, "kvm") != 0 && g_ascii_strcasecmp(type, "qemu") != 0 &&
        g_ascii_strcasecmp(type, "vemu") != 0)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "unknown type '%s'", type);
    return MAX_VCPUS;
}

int vmgr__vemu_get_security_model(struct vmgr_conn *conn G_GNUC_UNUSED,
                                  struct vmgr_security_model *ret,
                                  struct vmgr_error **err G_GNUC_UNUSED)
{
    g_strlcpy(ret->model, "none", sizeof(ret->model));
    g_strlcpy(ret->doi, "0", sizeof(ret->doi));
    return 0;
}

bool vmgr__vemu_has_kvm(void)
{
    return access("/dev/kvm", R_OK | W_OK) == 0;
}

static bool read_number(const char *path, long *ret)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fscanf(f, "%ld", ret) == 1;

    if (f)
        fclose(f);
    return ok;
}

static unsigned frequency_mhz(void)
{
    char line[256];
    double mhz = 0;
    long khz;
    FILE *f;

    if (read_number("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", &khz) && khz > 0)
        return (unsigned)(khz / 1000);
    f = fopen("/proc/cpuinfo", "re");
    while (f && mhz <= 0 && fgets(line, sizeof(line), f)) {
        if (g_str_has_prefix(line, "cpu MHz") && strchr(line, ':'))
            mhz = g_ascii_strtod(strchr(line, ':') + 1, NULL);
    }
    if (f)
        fclose(f);
    return mhz > 0 && mhz < 1e6 ? (unsigned)mhz : 0;
}

static void add_unique(GArray *set, gint64 value)
{
    for (guint i = 0; i < set->len; i++) {
        if (g_array_index(set, gint64, i) == value)
            return;
    }
    g_array_append_val(set, value);
}

struct vmgr__host_topology vmgr__host_read_topology(void)
{
    g_autoptr(GArray) packages = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GArray) cores = g_array_new(FALSE, FALSE, sizeof(gint64));
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    struct vmgr__host_topology t = { 0 };

    for (long i = 0; i < configured && i < 16384; i++) {
        char path[96];
        long package, core, online;

        g_snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online", i);
        if (read_number(path, &online) && !online)
            continue;
        g_snprintf(path, sizeof(path),
                   "/sys/devices/system/cpu/cpu%ld/topology/physical_package_id", i);
        if (!read_number(path, &package))
            continue;
        g_snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/topology/core_id", i);
        if (!read_number(path, &core))
            continue;
        t.cpus++;
        add_unique(packages, package);
        add_unique(cores, ((gint64)package << 32) | (core & 0xffffffff));
    }
    if (!t.cpus) { /* no sysfs: one package, a core a CPU */
        t.cpus = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
        t.packages = t.threads_per_core = 1;
        t.cores_per_package = t.cpus;
        return t;
    }
    t.packages = packages->len;
    t.cores_per_package = MAX(cores->len / packages->len, 1);
    t.threads_per_core = MAX(t.cpus / cores->len, 1);
    return t;
}

static uint64_t memory_kib(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

int vmgr__vemu_get_node_info(struct vmgr_conn *conn G_GNUC_UNUSED, struct vmgr_node_info *ret,
                             struct vmgr_error **err)
{
    const struct vmgr__host_topology t = vmgr__host_read_topology();
    struct utsname u;

    if (uname(&u) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot identify the host");
    g_strlcpy(ret->model, u.machine, sizeof(ret->model));
    ret->cpus = t.cpus;
    ret->mhz = frequency_mhz();
    ret->nodes = vmgr__host_cells(NULL);
    ret->sockets = MAX(t.packages / ret->nodes, 1);
    ret->cores = t.cores_per_package;
    ret->threads = t.threads_per_core;
    ret->memory_kib = memory_kib();
    return 0;
}
