/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs and memory of the made-up host. */
#include "../node.h"

#include <stdlib.h>

#include "test.h"

enum { CELLS = 2, CPUS = 8 };
static const uint64_t cell_bytes[CELLS] = { 2097152, 4194304 };

static int get_free_memory(struct vmgr_conn *conn G_GNUC_UNUSED, uint64_t *ret,
                           struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = 3145728;
    return 0;
}

static int get_cells_free_memory(struct vmgr_conn *conn G_GNUC_UNUSED, int first, int max,
                                 uint64_t *ret, struct vmgr_error **err)
{
    int n = 0;

    if (first >= CELLS)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "Range exceeds available cells");
    for (int cell = first; cell < CELLS && n < max; cell++)
        ret[n++] = cell_bytes[cell];
    return n;
}

static int get_cpu_map(struct vmgr_conn *conn G_GNUC_UNUSED, uint8_t **ret_map,
                       uint32_t *ret_online, struct vmgr_error **err)
{
    if (ret_online)
        *ret_online = 3;
    if (ret_map) {
        *ret_map = malloc(1);
        if (!*ret_map)
            return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        **ret_map = 0x15;
    }
    return CPUS;
}

static int get_cpu_stats(struct vmgr_conn *conn G_GNUC_UNUSED, int cpu G_GNUC_UNUSED, GArray *ret,
                         struct vmgr_error **err G_GNUC_UNUSED)
{
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, 9797400000, "user");
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, 34678723400000, "kernel");
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, 87264900000, "idle");
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, 763600000, "iowait");
    return 0;
}

static int get_free_pages(struct vmgr_conn *conn G_GNUC_UNUSED, const uint32_t *sizes G_GNUC_UNUSED,
                          uint32_t count, int first, uint32_t cells, uint64_t *ret,
                          struct vmgr_error **err)
{
    uint64_t x = 6;
    int n = 0;

    if (first < 0 || first >= CELLS)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_TEST,
                               "no suitable info found");
    for (uint32_t cell = (uint32_t)first; cell < CELLS && cell - (uint32_t)first < cells; cell++) {
        for (uint32_t i = 0; i < count; i++) {
            x = x * 2 + 7;
            ret[n++] = x;
        }
    }
    return n;
}

static int get_sysinfo(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                       struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = g_strdup("<sysinfo type='smbios'>\n"
                    "  <bios>\n"
                    "    <entry name='vendor'>LENOVO</entry>\n"
                    "    <entry name='version'>G4ETA1WW (2.61 )</entry>\n"
                    "    <entry name='date'>05/07/2014</entry>\n"
                    "    <entry name='release'>2.61</entry>\n"
                    "  </bios>\n"
                    "</sysinfo>\n");
    return 0;
}

const struct vmgr__node_ops vmgr__test_node = {
    .get_free_memory = get_free_memory,
    .get_cells_free_memory = get_cells_free_memory,
    .get_cpu_map = get_cpu_map,
    .get_cpu_stats = get_cpu_stats,
    .get_free_pages = get_free_pages,
    .get_sysinfo = get_sysinfo,
};
