/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about the host and the connection.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shell.h"

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
    { "capabilities", cmd_capabilities, NULL, "capabilities",
      "Returns capabilities of hypervisor/driver.", false },
    { "hostname", cmd_hostname, NULL, "print the hypervisor hostname", "", false },
    { "maxvcpus", cmd_maxvcpus, maxvcpus_opts, "connection vcpu maximum",
      "Show maximum number of virtual CPUs for guests on this connection.", false },
    { "nodeinfo", cmd_nodeinfo, NULL, "node information",
      "Returns basic information about the node.", false },
    { "uri", cmd_uri, NULL, "print the hypervisor canonical URI", "", false },
    { "version", cmd_version, version_opts, "show version",
      "Display the system version information.", false },
    CMD_END,
};
