/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about the host and the connection.
 */
#include <stdio.h>
#include <stdlib.h>

#include "node.h"

/* Prints a text the library returns; `end` after it. */
static bool print_text(struct shell *sh,
                       int (*get)(struct vmgr_conn *, char **, struct vmgr_error **),
                       const char *failure, const char *end)
{
    char *text = NULL;
    if (get(sh->conn, &text, shell_err(sh)) < 0) {
        shell_error(sh, "%s", failure);
        return false;
    }
    printf("%s%s", text, end);
    free(text);
    return true;
}

static bool cmd_capabilities(struct shell *sh, const struct args *args)
{
    return print_text(sh, vmgr_conn_get_capabilities, "failed to get capabilities", "\n");
}

static bool cmd_hostname(struct shell *sh, const struct args *args)
{
    return print_text(sh, vmgr_conn_get_hostname, "failed to get hostname", "\n");
}

static bool cmd_uri(struct shell *sh, const struct args *args)
{
    return print_text(sh, vmgr_conn_get_uri, "failed to get URI", "\n");
}

static const struct opt maxvcpus_opts[] = {
    { .name = "type", .type = OPT_STRING, .help = "domain type" },
    OPT_END,
};

static bool cmd_maxvcpus(struct shell *sh, const struct args *args)
{
    int n = vmgr_conn_get_max_vcpus(sh->conn, args_string(args, "type"), shell_err(sh));
    if (n >= 0)
        printf("%d\n", n);
    return n >= 0;
}

static bool cmd_nodeinfo(struct shell *sh, const struct args *args)
{
    struct vmgr_node_info info = VMGR_NODE_INFO_INIT;
    if (vmgr_conn_get_node_info(sh->conn, &info, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get node information");
        return false;
    }
    printf("%-20s %s\n", "CPU model:", info.model);
    printf("%-20s %u\n", "CPU(s):", info.cpus);
    if (info.mhz)
        printf("%-20s %u MHz\n", "CPU frequency:", info.mhz);
    printf("%-20s %u\n", "CPU socket(s):", info.sockets);
    printf("%-20s %u\n", "Core(s) per socket:", info.cores);
    printf("%-20s %u\n", "Thread(s) per core:", info.threads);
    printf("%-20s %u\n", "NUMA cell(s):", info.nodes);
    printf("%-20s %llu KiB\n", "Memory size:", (unsigned long long)info.memory_kib);
    return true;
}

static void print_version(const char *label, const char *name, uint64_t v)
{
    printf("%s%s %llu.%llu.%llu\n", label, name, (unsigned long long)(v / 1000000),
           (unsigned long long)(v / 1000 % 1000), (unsigned long long)(v % 1000));
}

static const struct opt version_opts[] = {
    { .name = "daemon", .type = OPT_BOOL, .help = "report daemon version too" },
    OPT_END,
};

static bool cmd_version(struct shell *sh, const struct args *args)
{
    const char *type;
    uint64_t library, hypervisor;
    if (vmgr_conn_get_type(sh->conn, &type, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get hypervisor type");
        return false;
    }
    if (vmgr_conn_get_lib_version(sh->conn, &library, shell_err(sh)) < 0 ||
        vmgr_conn_get_version(sh->conn, &hypervisor, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get the hypervisor version");
        return false;
    }
    print_version("Compiled against library: ", "libvmgr", VMSH_LIBRARY_VERSION);
    print_version("Using library: ", "libvmgr", vmgr_version());
    print_version("Using API: ", type, library);
    print_version("Running hypervisor: ", type, hypervisor);
    if (args_bool(args, "daemon"))
        print_version("Running against daemon:", "", library);
    return true;
}

const struct cmd cmds_host[] = {
    { "allocpages", cmd_allocpages, allocpages_opts, "Manipulate pages pool size",
      "Allocate or free some pages in the pool for NUMA cell.", false },
    { "capabilities", cmd_capabilities, NULL, "capabilities",
      "Returns capabilities of hypervisor/driver.", false },
    { "cpu-baseline", cmd_cpu_baseline, cpu_baseline_opts, "compute baseline CPU",
      "Compute baseline CPU for a set of given CPUs.", false },
    { "cpu-compare", cmd_cpu_compare, cpu_compare_opts,
      "compare host CPU with a CPU described by an XML file", "compare CPU with host CPU", false },
    { "cpu-models", cmd_cpu_models, cpu_models_opts, "CPU models",
      "Get the CPU models for an arch.", false },
    { "domcapabilities", cmd_domcapabilities, domcapabilities_opts, "domain capabilities",
      "Returns capabilities of emulator with respect to host and libvirt.", false },
    { "freecell", cmd_freecell, freecell_opts, "NUMA free memory",
      "display available free memory for the NUMA cell.", false },
    { "freepages", cmd_freepages, freepages_opts, "NUMA free pages",
      "display available free pages for the NUMA cell.", false },
    { "hostname", cmd_hostname, NULL, "print the hypervisor hostname", "", false },
    { "hypervisor-cpu-baseline", cmd_hypervisor_cpu_baseline, hypervisor_cpu_baseline_opts,
      "compute baseline CPU usable by a specific hypervisor",
      "Compute baseline CPU for a set of given CPUs. The result will be tailored to the specified "
      "hypervisor.",
      false },
    { "hypervisor-cpu-compare", cmd_hypervisor_cpu_compare, hypervisor_cpu_compare_opts,
      "compare a CPU with the CPU created by a hypervisor on the host",
      "compare CPU with hypervisor CPU", false },
    { "maxvcpus", cmd_maxvcpus, maxvcpus_opts, "connection vcpu maximum",
      "Show maximum number of virtual CPUs for guests on this connection.", false },
    { "node-memory-tune", cmd_node_memory_tune, node_memory_tune_opts,
      "Get or set node memory parameters",
      "Get or set node memory parameters\n    To get the memory parameters, use following command: "
      "\n\n    vmsh # node-memory-tune",
      false },
    { "nodecpumap", cmd_nodecpumap, nodecpumap_opts, "node cpu map",
      "Displays the node's total number of CPUs, the number of online CPUs and the list of online "
      "CPUs.",
      false },
    { "nodecpustats", cmd_nodecpustats, nodecpustats_opts, "Prints cpu stats of the node.",
      "Returns cpu stats of the node, in nanoseconds.", false },
    { "nodeinfo", cmd_nodeinfo, NULL, "node information",
      "Returns basic information about the node.", false },
    { "nodememstats", cmd_nodememstats, nodememstats_opts, "Prints memory stats of the node.",
      "Returns memory stats of the node, in kilobytes.", false },
    { "nodesuspend", cmd_nodesuspend, nodesuspend_opts,
      "suspend the host node for a given time duration",
      "Suspend the host node for a given time duration and attempt to resume thereafter.", false },
    { "sysinfo", cmd_sysinfo, NULL, "print the hypervisor sysinfo",
      "output an XML string for the hypervisor sysinfo, if available", false },
    { "uri", cmd_uri, NULL, "print the hypervisor canonical URI", "", false },
    { "version", cmd_version, version_opts, "show version",
      "Display the system version information.", false },
    CMD_END,
};
