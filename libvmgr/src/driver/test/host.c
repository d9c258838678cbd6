/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The made-up host: its figures and capabilities. */
#include "test.h"

int vmgr__test_get_hostname(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                            struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = g_strdup(g_get_host_name());
    return 0;
}

int vmgr__test_get_version(struct vmgr_conn *conn G_GNUC_UNUSED, uint64_t *ret,
                           struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = 2;
    return 0;
}

int vmgr__test_get_max_vcpus(struct vmgr_conn *conn G_GNUC_UNUSED, const char *type G_GNUC_UNUSED,
                             struct vmgr_error **err G_GNUC_UNUSED)
{
    return 32;
}

int vmgr__test_get_node_info(struct vmgr_conn *conn G_GNUC_UNUSED, struct vmgr_node_info *ret,
                             struct vmgr_error **err G_GNUC_UNUSED)
{
    ret->cpus = 16;
    ret->mhz = 1400;
    ret->nodes = 2;
    ret->sockets = 2;
    ret->cores = 2;
    ret->threads = 2;
    ret->memory_kib = 3145728;
    g_strlcpy(ret->model, "i686", sizeof(ret->model));
    return 0;
}

int vmgr__test_get_security_model(struct vmgr_conn *conn G_GNUC_UNUSED,
                                  struct vmgr_security_model *ret,
                                  struct vmgr_error **err G_GNUC_UNUSED)
{
    g_strlcpy(ret->model, "testSecurity", sizeof(ret->model));
    ret->doi[0] = '\0';
    return 0;
}

static void write_cell(struct vmgr__xml_writer *w, int id, uint64_t memory_kib)
{
    vmgr__xw_begin(w, "cell");
    vmgr__xw_attrf(w, "id", "%d", id);
    vmgr__xw_begin(w, "memory");
    vmgr__xw_attr(w, "unit", "KiB");
    g_autofree char *memory = g_strdup_printf("%" G_GUINT64_FORMAT, memory_kib);
    vmgr__xw_end_text(w, "memory", memory);
    static const char *const sizes[] = { NULL, "2048", "1048576" };
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        vmgr__xw_begin(w, "pages");
        vmgr__xw_attr(w, "unit", "KiB");
        vmgr__xw_attr(w, "size", i ? sizes[i] : id ? "8" : "4");
        vmgr__xw_end_text(w, "pages", i ? "0" : "524288");
    }
    vmgr__xw_begin(w, "cpus");
    vmgr__xw_attr(w, "num", "8");
    for (int i = 0; i < 8; i++) {
        vmgr__xw_begin(w, "cpu");
        vmgr__xw_attrf(w, "id", "%d", id * 8 + i);
        vmgr__xw_attrf(w, "socket_id", "%d", id);
        vmgr__xw_attr(w, "die_id", "0");
        vmgr__xw_attrf(w, "core_id", "%d", i);
        vmgr__xw_attrf(w, "siblings", "%d", id * 8 + i);
        vmgr__xw_end(w, "cpu");
    }
    vmgr__xw_end(w, "cpus");
    vmgr__xw_end(w, "cell");
}

static void write_guest(struct vmgr__xml_writer *w, const char *os_type)
{
    vmgr__xw_begin(w, "guest");
    vmgr__xw_text(w, "os_type", os_type);
    vmgr__xw_begin(w, "arch");
    vmgr__xw_attr(w, "name", "i686");
    vmgr__xw_text(w, "wordsize", "32");
    vmgr__xw_text(w, "emulator", "/usr/bin/test-hv");
    vmgr__xw_begin(w, "domain");
    vmgr__xw_attr(w, "type", "test");
    vmgr__xw_end(w, "domain");
    vmgr__xw_end(w, "arch");
    vmgr__xw_raw(w, "    <features>\n      <pae/>\n      <nonpae/>\n    </features>\n");
    vmgr__xw_end(w, "guest");
    vmgr__xw_raw(w, "\n");
}

int vmgr__test_get_capabilities(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                                struct vmgr_error **err G_GNUC_UNUSED)
{
    static const char cpu[] = "    <cpu>\n"
                              "      <arch>i686</arch>\n"
                              "      <features>\n"
                              "        <pae/>\n"
                              "        <nonpae/>\n"
                              "      </features>\n"
                              "      <pages unit='KiB' size='4'/>\n"
                              "      <pages unit='KiB' size='8'/>\n"
                              "      <pages unit='KiB' size='2048'/>\n"
                              "      <pages unit='KiB' size='1048576'/>\n"
                              "    </cpu>\n"
                              "    <power_management/>\n"
                              "    <iommu support='no'/>\n";
    static const char secmodel[] = "    <secmodel>\n"
                                   "      <model>testSecurity</model>\n"
                                   "      <doi></doi>\n"
                                   "    </secmodel>\n";
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "capabilities");
    vmgr__xw_raw(&w, "\n");
    vmgr__xw_begin(&w, "host");
    vmgr__xw_raw(&w, cpu);
    vmgr__xw_begin(&w, "topology");
    vmgr__xw_begin(&w, "cells");
    vmgr__xw_attr(&w, "num", "2");
    write_cell(&w, 0, 2097152);
    write_cell(&w, 1, 4194304);
    vmgr__xw_end(&w, "cells");
    vmgr__xw_end(&w, "topology");
    vmgr__xw_raw(&w, secmodel);
    vmgr__xw_end(&w, "host");
    vmgr__xw_raw(&w, "\n");
    write_guest(&w, "hvm");
    write_guest(&w, "xen");
    vmgr__xw_end(&w, "capabilities");
    *ret = vmgr__xw_finish(&w);
    return 0;
}
