/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hosts say of themselves: CPU models compared and combined, a made-up host's figures through
 * the test driver, and a host of files through the vemu driver.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static struct vmgr_conn *conn;
static char dir[] = "/tmp/test-host-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void get(const char *name, char *ret, size_t size)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ret[fread(ret, 1, size - 1, f)] = '\0';
    fclose(f);
}

/* Two nodes, of which one is far; four CPUs, the last one offline. */
static void make_host(void)
{
    static const char *const files[][2] = {
        { "proc/meminfo", "MemTotal: 3000 kB\nMemFree: 700 kB\nBuffers: 5 kB\nSwapCached: 9 kB\n"
                          "Cached: 60 kB\n" },
        { "proc/stat",
          "cpu  10 1 20 300 4 5 6 0 0 0\ncpu0 1 0 2 30 0 0 0\ncpu1 9 1 18 270 4 5 6\n" },
        { "sys/devices/system/cpu/present", "0-3\n" },
        { "sys/devices/system/cpu/online", "0-2\n" },
        { "sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 2000 kB\n"
                                                   "Node 0 MemFree: 400 kB\n" },
        { "sys/devices/system/node/node0/cpulist", "0-1\n" },
        { "sys/devices/system/node/node0/distance", "10 21\n" },
        { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 1000 kB\n"
                                                   "Node 1 MemFree: 300 kB\n" },
        { "sys/devices/system/node/node1/cpulist", "2-3\n" },
        { "sys/devices/system/node/node1/distance", "21 10\n" },
        { "sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "7\n" },
        { "sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "3\n" },
        { "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "9\n" },
        { "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "9\n" },
        { "sys/kernel/mm/ksm/pages_to_scan", "100\n" },
        { "sys/kernel/mm/ksm/sleep_millisecs", "20\n" },
        { "sys/kernel/mm/ksm/pages_shared", "5\n" },
        { "sys/class/dmi/id/bios_vendor", "A & B\n" },
        { "sys/class/dmi/id/product_name", "Box\n" },
    };
    char path[300];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        put(files[i][0], files[i][1]);
    snprintf(path, sizeof(path), "%s/sys", dir);
    setenv("VMGR_SYSFS", path, 1);
    snprintf(path, sizeof(path), "%s/proc", dir);
    setenv("VMGR_PROCFS", path, 1);
}

static void open_files(void)
{
    char uri[300];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    make_host();
    snprintf(uri, sizeof(uri), "vemu:///system?root=%s/root", dir);
    OK(vmgr_conn_open(uri, 0, &conn, &err));
}

static void close_files(void)
{
    char command[100];

    conn = vmgr_conn_unref(conn);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static uint64_t number(const struct vmgr_stat *stats, const char *name)
{
    const struct vmgr_stat *s = vmgr_stats_find(stats, name);

    ck_assert_msg(s, "no %s", name);
    return s->number;
}

START_TEST(test_cpus)
{
    const uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    struct vmgr_stat *stats;
    uint8_t *map;
    uint32_t online;

    ck_assert_int_eq(vmgr_node_get_cpu_map(conn, 0, &map, &online, NULL), 4);
    ck_assert_uint_eq(online, 3);
    ck_assert_uint_eq(map[0], 7);
    free(map);
    ck_assert_int_eq(vmgr_node_get_cpu_map(conn, 0, NULL, NULL, NULL), 4);
    ck_assert_int_eq(vmgr_node_get_cpu_stats(conn, -1, 0, &stats, NULL), 4);
    ck_assert_uint_eq(number(stats, "user"), 11 * tick);
    ck_assert_uint_eq(number(stats, "kernel"), 31 * tick);
    ck_assert_uint_eq(number(stats, "iowait"), 4 * tick);
    vmgr_stats_free(stats);
    OK(vmgr_node_get_cpu_stats(conn, 0, 0, &stats, &err));
    ck_assert_uint_eq(number(stats, "idle"), 30 * tick);
    vmgr_stats_free(stats);
    FAILS(vmgr_node_get_cpu_stats(conn, 7, 0, &stats, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: Invalid cpuNum in virNodeGetCPUStats");
    FAILS(vmgr_node_get_cpu_map(conn, 4, NULL, NULL, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x4) in function virNodeGetCPUMap");
}
END_TEST

START_TEST(test_memory)
{
    static const uint32_t sizes[] = { 4, 2048 };
    struct vmgr_stat *stats;
    uint64_t v[8];

    OK(vmgr_node_get_free_memory(conn, v, &err));
    ck_assert_uint_eq(v[0], 700 * 1024);
    ck_assert_int_eq(vmgr_node_get_cells_free_memory(conn, 0, 8, v, NULL), 2);
    ck_assert_uint_eq(v[0], 400 * 1024);
    ck_assert_uint_eq(v[1], 300 * 1024);
    ck_assert_int_eq(vmgr_node_get_cells_free_memory(conn, 1, 1, v, NULL), 1);
    FAILS(vmgr_node_get_cells_free_memory(conn, 2, 1, v, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: start cell 2 out of range (0-1)");
    ck_assert_int_eq(vmgr_node_get_memory_stats(conn, -1, 0, &stats, NULL), 4);
    ck_assert_uint_eq(number(stats, "cached"), 60);
    vmgr_stats_free(stats);
    ck_assert_int_eq(vmgr_node_get_memory_stats(conn, 1, 0, &stats, NULL), 2);
    ck_assert_uint_eq(number(stats, "total"), 1000);
    vmgr_stats_free(stats);
    FAILS(vmgr_node_get_memory_stats(conn, 2, 0, &stats, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cellNum 2 is out of range: the host has 2 NUMA nodes, from 0 on");

    ck_assert_int_eq(vmgr_node_get_free_pages(conn, sizes, 2, 0, 2, 0, v, NULL), 4);
    ck_assert_uint_eq(v[0], 100);
    ck_assert_uint_eq(v[1], 3);
    ck_assert_uint_eq(v[3], 7);
    FAILS(vmgr_node_get_free_pages(conn, (const uint32_t[]){ 8 }, 1, 0, 1, 0, v, &err),
          VMGR_ERR_OPERATION_FAILED, "operation failed: page size 8 is not available on node 0");
}
END_TEST

START_TEST(test_pools)
{
    const uint32_t size = 2048, small = 4;
    const uint64_t count = 2;
    char text[32];

    ck_assert_int_eq(
        vmgr_node_alloc_pages(conn, &size, &count, 1, 1, 1, VMGR_NODE_ALLOC_PAGES_ADD, NULL), 1);
    get("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", text,
        sizeof(text));
    ck_assert_str_eq(text, "11");
    ck_assert_int_eq(vmgr_node_alloc_pages(conn, &size, &count, 1, -1, 0, 0, NULL), 1);
    get("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", text, sizeof(text));
    ck_assert_str_eq(text, "2");
    FAILS(vmgr_node_alloc_pages(conn, &small, &count, 1, 0, 1, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: system pages pool can't be modified");
}
END_TEST

START_TEST(test_ksm)
{
    struct vmgr_stat set[3] = {
        { .name = "shm_pages_to_scan", .type = VMGR_STAT_UINT, .number = 77 },
        { .name = "shm_merge_across_nodes", .type = VMGR_STAT_UINT }
    };
    struct vmgr_stat *stats;
    char text[32];

    ck_assert_int_eq(vmgr_node_get_memory_parameters(conn, 0, &stats, NULL), 3);
    ck_assert_uint_eq(number(stats, "shm_sleep_millisecs"), 20);
    vmgr_stats_free(stats);
    /* nothing is set when one of them cannot be */
    FAILS(vmgr_node_set_memory_parameters(conn, set, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: Parameter 'shm_merge_across_nodes' is not supported "
          "by this kernel");
    get("sys/kernel/mm/ksm/pages_to_scan", text, sizeof(text));
    ck_assert_str_eq(text, "100\n");
    set[1].name = NULL;
    OK(vmgr_node_set_memory_parameters(conn, set, 0, &err));
    get("sys/kernel/mm/ksm/pages_to_scan", text, sizeof(text));
    ck_assert_str_eq(text, "77");
    set[0].name = "shm_pages_shared";
    FAILS(vmgr_node_set_memory_parameters(conn, set, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: parameter 'shm_pages_shared' not supported");
}
END_TEST

START_TEST(test_documents)
{
    char *xml;

    OK(vmgr_conn_get_sysinfo(conn, 0, &xml, &err));
    ck_assert_str_eq(xml, "<sysinfo type='smbios'>\n"
                          "  <bios>\n"
                          "    <entry name='vendor'>A &amp; B</entry>\n"
                          "  </bios>\n"
                          "  <system>\n"
                          "    <entry name='product'>Box</entry>\n"
                          "  </system>\n"
                          "</sysinfo>\n");
    free(xml);
    OK(vmgr_conn_get_capabilities(conn, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<cells num='2'>"));
    ck_assert_ptr_nonnull(strstr(xml, "<memory unit='KiB'>1000</memory>"));
    ck_assert_ptr_nonnull(strstr(xml, "<sibling id='1' value='21'/>"));
    ck_assert_ptr_nonnull(strstr(xml, "<cpus num='1'>")); /* CPU 3 is offline */
    free(xml);
    FAILS(vmgr_node_suspend(conn, VMGR_NODE_SUSPEND_MEM, 60, 0, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virNodeSuspendForDuration");
}
END_TEST

static void open_test(void)
{
    OK(vmgr_conn_open("test:///default", 0, &conn, &err));
}

static void close_test(void)
{
    conn = vmgr_conn_unref(conn);
}

#define CPU(model, more) "<cpu><arch>x86_64</arch><model>" model "</model>" more "</cpu>"

START_TEST(test_baseline)
{
    static const char *const two[] = { CPU("Penryn", "<feature name='vmx'/>"),
                                       CPU("SandyBridge", "<feature name='vmx'/>") };
    static const char *const bad[] = { CPU("EPYC", "<vendor>Intel</vendor>"), CPU("Bogus", ""),
                                       "<cpu><model>Penryn</model></cpu>",
                                       CPU("Penryn", "<feature name='bogus'/>"), "<cpus/>" };
    static const char *const why[] = {
        "operation failed: CPU vendor AMD of model EPYC differs from vendor Intel",
        "internal error: Unknown CPU model Bogus",
        "XML error: Missing CPU architecture",
        "internal error: Unknown CPU feature bogus",
    };
    static const char *const mixed[] = { CPU("Penryn", ""), CPU("EPYC", "") };
    char *xml = NULL, **names = NULL;
    int n;

    OK(vmgr_conn_baseline_cpu(conn, two, 2, 0, &xml, &err));
    ck_assert_str_eq(xml, "<cpu mode='custom' match='exact'>\n"
                          "  <model fallback='allow'>Penryn</model>\n"
                          "  <vendor>Intel</vendor>\n"
                          "  <feature policy='require' name='vmx'/>\n"
                          "</cpu>\n");
    free(xml);
    OK(vmgr_conn_baseline_cpu(conn, two, 1, VMGR_CPU_BASELINE_EXPAND_FEATURES, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<feature policy='require' name='lahf_lm'/>"));
    free(xml);
    for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
        struct vmgr_error *err = NULL;

        ck_assert_int_eq(vmgr_conn_baseline_cpu(conn, &bad[i], 1, 0, &xml, &err), -1);
        ck_assert_str_eq(vmgr_error_get_message(err), why[i]);
        vmgr_error_free(err);
    }
    ck_assert_int_eq(vmgr_conn_baseline_cpu(conn, &bad[4], 1, 0, &xml, NULL), -1);
    FAILS(vmgr_conn_baseline_cpu(conn, mixed, 2, 0, &xml, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: CPU vendors do not match");
    FAILS(vmgr_conn_baseline_cpu(conn, mixed, 0, 0, &xml, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: ncpus in virConnectBaselineCPU must be between 1 and 256");

    n = vmgr_conn_get_cpu_model_names(conn, "x86_64", 0, &names, NULL);
    ck_assert_int_gt(n, 40);
    ck_assert_ptr_null(names[n]);
    vmgr_strings_free(names);
    FAILS(vmgr_conn_get_cpu_model_names(conn, "bogus", 0, NULL, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: cannot find architecture bogus");
}
END_TEST

START_TEST(test_unsupported)
{
    char *xml;

    FAILS(vmgr_conn_compare_cpu(conn, "<cpu/>", 0, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virConnectCompareCPU");
    FAILS(vmgr_conn_get_domain_capabilities(conn, NULL, 0, &xml, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: "
          "virConnectGetDomainCapabilities");
}
END_TEST

#if defined(__x86_64__)
START_TEST(test_compare)
{
    struct vmgr_hypervisor hv = VMGR_HYPERVISOR_INIT;
    static const char *const level = CPU("x86-64-v1", "");
    char *xml = NULL;

    ck_assert_int_eq(vmgr_conn_compare_cpu(conn, CPU("x86-64-v1", ""), 0, NULL),
                     VMGR_CPU_COMPARE_SUPERSET);
    ck_assert_int_eq(
        vmgr_conn_compare_cpu(
            conn, CPU("x86-64-v1", "<feature name='xop'/><feature name='amx-tile'/>"), 0, NULL),
        VMGR_CPU_COMPARE_INCOMPATIBLE); /* of AMD's, of Intel's */
    ck_assert_int_eq(vmgr_conn_compare_cpu(conn, "<cpu mode='host-passthrough'/>", 0, NULL),
                     VMGR_CPU_COMPARE_IDENTICAL);
    FAILS(vmgr_conn_compare_cpu(conn,
                                "<cpu match='exact'><model>x86-64-v1</model>"
                                "<feature policy='forbid' name='fpu'/></cpu>",
                                VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE, &err),
          VMGR_ERR_CPU_INCOMPATIBLE,
          "the CPU is incompatible with host CPU: Host CPU provides forbidden features: fpu");
    hv.virt_type = "qemu";
    hv.emulator = "/bin/sh"; /* any program */
    ck_assert_int_eq(vmgr_conn_compare_hypervisor_cpu(conn, &hv, level, 0, NULL),
                     VMGR_CPU_COMPARE_SUPERSET);
    OK(vmgr_conn_baseline_hypervisor_cpu(conn, &hv, &level, 1, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<model fallback='forbid'>x86-64-v1</model>"));
    free(xml);
    OK(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<domain>qemu</domain>"));
    ck_assert_ptr_nonnull(strstr(xml, "<model usable='yes' vendor='unknown'>x86-64-v1</model>"));
    ck_assert_ptr_nonnull(strstr(xml, "<model usable='no' vendor='AMD'>EPYC</model>"));
    ck_assert_ptr_nonnull(strstr(xml, "<hyperv supported='no'/>")); /* the software CPU has none */
    free(xml);
    hv.machine = "pc-i440fx-1.0";
    FAILS(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: the machine 'pc-i440fx-1.0' is not supported by emulator 'vemu'");
    hv.size = 4;
    FAILS(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: size of struct vmgr_hypervisor is not set");
}
END_TEST
#endif

int main(void)
{
    Suite *s = suite_create("host");
    TCase *files = tcase_create("files"), *made_up = tcase_create("made-up");

    tcase_add_checked_fixture(files, open_files, close_files);
    tcase_add_test(files, test_cpus);
    tcase_add_test(files, test_memory);
    tcase_add_test(files, test_pools);
    tcase_add_test(files, test_ksm);
    tcase_add_test(files, test_documents);
#if defined(__x86_64__)
    tcase_add_test(files, test_compare);
#endif
    suite_add_tcase(s, files);
    tcase_add_checked_fixture(made_up, open_test, close_test);
    tcase_add_test(made_up, test_baseline);
    tcase_add_test(made_up, test_unsupported);
    suite_add_tcase(s, made_up);
    return run_suite(s);
}
