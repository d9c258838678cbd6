/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set-lifecycle-action: what happens when a guest powers off, reboots, crashes.
 */
#include <string.h>

#include "../text/job.h"

const struct opt set_lifecycle_action_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "type", .type = OPT_DATA, .help = "lifecycle type to modify" },
    { .name = "action", .type = OPT_DATA, .help = "lifecycle action to set" },
    OPT_AFFECT,
    OPT_END,
};

static int find(const char *const *words, int count, const char *word)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

bool cmd_set_lifecycle_action(struct shell *sh, const struct args *args)
{
    static const char *const types[] = { "poweroff", "reboot", "crash" };
    static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart" };
    const char *type = args_string(args, "type"), *action = args_string(args, "action");
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags))
        return false;
    const int t = find(types, 3, type), a = find(actions, 6, action);
    if (t < 0) {
        shell_error(sh, "Invalid lifecycle type '%s'.", type);
        return false;
    }
    if (a < 0) {
        shell_error(sh, "Invalid lifecycle action '%s'.", action);
        return false;
    }
    if (!(domain = args_domain(sh, args)))
        return false;
    bool ok = vmgr_domain_set_lifecycle_action(domain, (uint32_t)t, (uint32_t)a, flags,
                                               shell_err(sh)) == 0;
    if (!ok)
        shell_error(sh, "Unable to change lifecycle action.");
    vmgr_domain_unref(domain);
    return ok;
}
