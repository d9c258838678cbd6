/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The groups of commands.
 */
#include <string.h>

#include "shell.h"

const struct cmd_group cmd_groups[] = {
    { "Domain Management", "domain", cmds_domain },
    { "Domain Monitoring", "monitor", cmds_monitor },
    { "Domain Events", "events", cmds_event },
    { "Host and Hypervisor", "host", cmds_host },
    { "Checkpoint", "checkpoint", cmds_checkpoint },
    { "Interface", "interface", cmds_interface },
    { "Network Filter", "filter", cmds_nwfilter },
    { "Networking", "network", cmds_network },
    { "Node Device", "nodedev", cmds_nodedev },
    { "Secret", "secret", cmds_secret },
    { "Backup", "backup", cmds_backup },
    { "Storage Pool", "pool", cmds_pool },
    { "Storage Volume", "volume", cmds_volume },
    { "Live View", "view", cmds_top },
    { "The shell itself", "virsh", cmds_shell },
    { NULL, NULL, NULL },
};

const struct cmd *cmd_find(const char *name)
{
    for (const struct cmd_group *g = cmd_groups; g->title; g++)
        for (const struct cmd *c = g->cmds; c->name; c++)
            if (!strcmp(c->name, name))
                return c;
    return NULL;
}

const struct cmd_group *cmd_group_find(const char *keyword)
{
    for (const struct cmd_group *g = cmd_groups; g->title; g++)
        if (!strcmp(g->keyword, keyword) || !strcmp(g->title, keyword))
            return g;
    return NULL;
}
