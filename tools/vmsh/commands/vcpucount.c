/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpucount: numbers of vCPUs, now and in the configuration.
 */
#include <stdio.h>

#include "../text/domain.h"
#include "../shell.h"

const struct opt vcpucount_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "maximum", .type = OPT_BOOL, .help = "get maximum count of vcpus" },
    { .name = "active", .type = OPT_BOOL, .help = "get number of currently active vcpus" },
    { .name = "live", .type = OPT_BOOL, .help = "get value from running domain" },
    { .name = "config", .type = OPT_BOOL, .help = "get value to be used on next boot" },
    { .name = "current", .type = OPT_BOOL, .help = "get value according to current domain state" },
    { .name = "guest",
      .type = OPT_BOOL,
      .help = "retrieve vcpu count from the guest instead of the hypervisor" },
    OPT_END,
};

/* One line of the table; a value that does not exist (live of an inactive domain) is left out. */
static void count_line(struct vmgr_domain *domain, const char *what, const char *where,
                       uint32_t flags)
{
    int n = vmgr_domain_get_vcpus(domain, flags, NULL);
    if (n >= 0)
        printf("%-12s %-12s %3d\n", what, where, n);
}

static bool count_all(struct vmgr_domain *domain)
{
    if (vmgr_domain_is_persistent(domain, NULL) == 1)
        count_line(domain, "maximum", "config",
                   VMGR_DOMAIN_VCPU_MAXIMUM | VMGR_DOMAIN_AFFECT_CONFIG);
    if (vmgr_domain_is_active(domain, NULL) == 1)
        count_line(domain, "maximum", "live", VMGR_DOMAIN_VCPU_MAXIMUM | VMGR_DOMAIN_AFFECT_LIVE);
    if (vmgr_domain_is_persistent(domain, NULL) == 1)
        count_line(domain, "current", "config", VMGR_DOMAIN_AFFECT_CONFIG);
    if (vmgr_domain_is_active(domain, NULL) == 1)
        count_line(domain, "current", "live", VMGR_DOMAIN_AFFECT_LIVE);
    return true;
}

/* The other side cannot ask agents at all. */
static bool is_unknown(const struct shell *sh)
{
    int code = vmgr_error_get_code(sh->error);
    return code == VMGR_ERR_NO_SUPPORT || code == VMGR_ERR_INVALID_ARG;
}

bool cmd_vcpucount(struct shell *sh, const struct args *args)
{
    bool kind = args_bool(args, "maximum") || args_bool(args, "active");
    bool live = args_bool(args, "live"), config = args_bool(args, "config");
    bool all =
        !kind && !live && !config && !args_bool(args, "current") && !args_bool(args, "guest");
    /* --current alone once meant the opposite of --maximum, so without those it excludes nothing */
    if (kind && (!args_exclusive(sh, args, "current", "live") ||
                 !args_exclusive(sh, args, "current", "config")))
        return false;
    if (!args_exclusive(sh, args, "live", "config") ||
        !args_exclusive(sh, args, "active", "maximum") ||
        !args_exclusive(sh, args, "guest", "config"))
        return false;
    uint32_t flags =
        (live ? VMGR_DOMAIN_AFFECT_LIVE : 0) | (config ? VMGR_DOMAIN_AFFECT_CONFIG : 0);
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok;
    if (all) {
        ok = count_all(domain);
    } else {
        flags |= (args_bool(args, "maximum") ? VMGR_DOMAIN_VCPU_MAXIMUM : 0) |
                 (args_bool(args, "guest") ? VMGR_DOMAIN_VCPU_GUEST : 0);
        int n = vmgr_domain_get_vcpus(domain, flags, shell_err(sh));
        ok = n >= 0;
        if (ok)
            printf("%d\n", n);
        else if (args_bool(args, "guest") && is_unknown(sh))
            shell_error(sh, "Failed to retrieve vCPU count from the guest");
    }
    vmgr_domain_unref(domain);
    return ok;
}
