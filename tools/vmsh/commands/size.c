/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that change memory and vCPUs.
 */
#include "../text/device.h"

const struct opt setmem_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "size",
      .type = OPT_INT,
      .required = true,
      .help = "new memory size, as scaled integer (default KiB)" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt setmaxmem_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "size",
      .type = OPT_INT,
      .required = true,
      .help = "new maximum memory size, as scaled integer (default KiB)" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt setvcpus_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "count", .type = OPT_INT, .required = true, .help = "number of virtual CPUs" },
    { .name = "maximum", .type = OPT_BOOL, .help = "set maximum limit on next boot" },
    OPT_AFFECT,
    { .name = "guest", .type = OPT_BOOL, .help = "modify cpu state in the guest" },
    { .name = "hotpluggable", .type = OPT_BOOL, .help = "make added vcpus hot(un)pluggable" },
    OPT_END,
};
const struct opt setvcpu_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "vcpulist", .type = OPT_DATA, .help = "ids of vcpus to manipulate" },
    { .name = "enable", .type = OPT_BOOL, .help = "enable cpus specified by cpumap" },
    { .name = "disable", .type = OPT_BOOL, .help = "disable cpus specified by cpumap" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt inject_nmi_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_END,
};

static bool set_memory(struct shell *sh, const struct args *args, uint32_t more, const char *failed)
{
    unsigned long long bytes = 0;
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = args_size(sh, args, "size", 1024, &bytes) > 0;
    if (ok) {
        ok =
            vmgr_domain_set_memory(domain, (bytes + 1023) / 1024, flags | more, shell_err(sh)) == 0;
        if (!ok && failed)
            shell_error(sh, "%s", failed);
    }
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_setmem(struct shell *sh, const struct args *args)
{
    return set_memory(sh, args, 0, NULL);
}

bool cmd_setmaxmem(struct shell *sh, const struct args *args)
{
    return set_memory(sh, args, VMGR_DOMAIN_MEM_MAXIMUM, "Unable to change MaxMemorySize");
}

bool cmd_setvcpus(struct shell *sh, const struct args *args)
{
    bool maximum = args_bool(args, "maximum");
    struct vmgr_domain *domain;
    int count = 0;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !args_exclusive(sh, args, "guest", "config"))
        return false;
    if (maximum && !args_bool(args, "config")) {
        shell_error(sh, "Option --config is required by option --maximum");
        return false;
    }
    if (!(domain = args_domain(sh, args)))
        return false;
    bool ok = args_int(sh, args, "count", &count) > 0;
    if (ok && count < 0) {
        shell_error(sh, "Numeric value '%s' for <count> option is malformed or out of range",
                    args_string(args, "count"));
        ok = false;
    } else if (ok && !count) {
        shell_error(sh, "Can't set 0 processors for a VM");
        ok = false;
    }
    flags |= (maximum ? VMGR_DOMAIN_VCPU_MAXIMUM : 0) |
             (args_bool(args, "guest") ? VMGR_DOMAIN_VCPU_GUEST : 0) |
             (args_bool(args, "hotpluggable") ? VMGR_DOMAIN_VCPU_HOTPLUGGABLE : 0);
    ok = ok && vmgr_domain_set_vcpus(domain, (uint32_t)count, flags, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_setvcpu(struct shell *sh, const struct args *args)
{
    const bool enable = args_bool(args, "enable");
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_exclusive(sh, args, "enable", "disable") || !args_affect(sh, args, NULL, &flags))
        return false;
    if (!enable && !args_bool(args, "disable")) {
        shell_error(sh, "one of --enable, --disable is required");
        return false;
    }
    if (!(domain = args_domain(sh, args)))
        return false;
    bool ok = vmgr_domain_set_vcpu(domain, args_string(args, "vcpulist"), enable, flags,
                                   shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_inject_nmi(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && vmgr_domain_inject_nmi(domain, 0, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}
