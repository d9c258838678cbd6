/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sleeping: guests by their agents, and the host.
 */
#include <string.h>
#include <vmgr/node.h>

#include "../text/agent.h"
#include "node.h"

#define TARGET_OPT                                                                                 \
    {                                                                                              \
        .name = "target", .type = OPT_DATA,                                                        \
        .help = "mem(Suspend-to-RAM), disk(Suspend-to-Disk), hybrid(Hybrid-Suspend)",              \
        .completer = COMPLETE_SUSPEND_TARGET                                                       \
    }

const struct opt dompmsuspend_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    TARGET_OPT,
    { .name = "duration", .type = OPT_INT, .named = true, .help = "duration in seconds" },
    OPT_END,
};
const struct opt dompmwakeup_opts[] = { DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE), OPT_END };
const struct opt nodesuspend_opts[] = {
    TARGET_OPT,
    { .name = "duration",
      .type = OPT_INT,
      .required = true,
      .help = "Suspend duration in seconds, at least 60" },
    OPT_END,
};

const char *suspend_target_name(size_t n)
{
    static const char *const names[] = { [VMGR_NODE_SUSPEND_MEM] = "mem",
                                         [VMGR_NODE_SUSPEND_DISK] = "disk",
                                         [VMGR_NODE_SUSPEND_HYBRID] = "hybrid" };
    return n < sizeof(names) / sizeof(names[0]) ? names[n] : NULL;
}

/* -1: it is none, which was said. */
static int find_target(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "target");
    for (size_t i = 0; suspend_target_name(i); i++)
        if (strcmp(text, suspend_target_name(i)) == 0)
            return (int)i;
    shell_error(sh, "Invalid target");
    return -1;
}

bool cmd_dompmsuspend(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    int duration = 0, target = -1;
    bool ok = domain && args_int(sh, args, "duration", &duration) >= 0;
    if (ok && duration < 0)
        shell_error(sh, "Numeric value '%s' for <duration> option is malformed or out of range",
                    args_string(args, "duration"));
    else if (ok)
        target = find_target(sh, args);
    ok = target >= 0;
    if (ok && vmgr_domain_pm_suspend_for_duration(domain, (uint32_t)target, (uint64_t)duration, 0,
                                                  shell_err(sh)) < 0) {
        shell_error(sh, "Domain '%s' could not be suspended", vmgr_domain_get_name(domain));
        ok = false;
    }
    if (ok)
        shell_extra(sh, "Domain '%s' successfully suspended", vmgr_domain_get_name(domain));
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_dompmwakeup(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain != NULL;
    if (ok && vmgr_domain_pm_wakeup(domain, 0, shell_err(sh)) < 0) {
        shell_error(sh, "Domain '%s' could not be woken up", vmgr_domain_get_name(domain));
        ok = false;
    }
    if (ok)
        shell_extra(sh, "Domain '%s' successfully woken up", vmgr_domain_get_name(domain));
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_nodesuspend(struct shell *sh, const struct args *args)
{
    int seconds, target;
    if (args_int(sh, args, "duration", &seconds) <= 0)
        return false;
    target = find_target(sh, args);
    if (target < 0)
        return false;
    if (seconds < 0) {
        shell_error(sh, "Invalid duration");
        return false;
    }
    if (vmgr_node_suspend(sh->conn, target, (uint64_t)seconds, 0, shell_err(sh)) >= 0)
        return true;
    shell_error(sh, "The host was not suspended");
    return false;
}
