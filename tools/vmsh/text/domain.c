/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words for flags that several commands take, and the library's remarks.
 */
#include "domain.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t flag;
} modes[] = {
    { "acpi", VMGR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN }, { "agent", VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT },
    { "initctl", VMGR_DOMAIN_SHUTDOWN_INITCTL },     { "signal", VMGR_DOMAIN_SHUTDOWN_SIGNAL },
    { "paravirt", VMGR_DOMAIN_SHUTDOWN_PARAVIRT },
};
#define MODE_COUNT (sizeof(modes) / sizeof(modes[0]))

uint32_t shutdown_mode_flag(const char *name)
{
    for (size_t i = 0; i < MODE_COUNT; i++)
        if (!strcmp(modes[i].name, name))
            return modes[i].flag;
    return 0;
}

const char *shutdown_mode_name(size_t n)
{
    return n < MODE_COUNT ? modes[n].name : NULL;
}

bool affect_flags(struct shell *sh, const struct args *args, uint32_t *flags)
{
    bool live = args_bool(args, "live"), config = args_bool(args, "config");
    if (args_bool(args, "current") && (live || config)) {
        shell_error(sh, "Options --current and --%s are mutually exclusive",
                    live ? "live" : "config");
        return false;
    }
    *flags = (live ? VMGR_DOMAIN_AFFECT_LIVE : 0) | (config ? VMGR_DOMAIN_AFFECT_CONFIG : 0);
    return true;
}

void print_messages(struct vmgr_domain *domain)
{
    char **messages = NULL;
    if (vmgr_domain_get_messages(domain, VMGR_DOMAIN_MESSAGE_UNKNOWN, &messages, NULL) < 0)
        return;
    fflush(stdout);
    for (size_t i = 0; messages[i]; i++)
        fprintf(stderr, "warning: %s\n", messages[i]);
    vmgr_strings_free(messages);
}
