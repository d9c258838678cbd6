/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Help texts, laid out as virsh lays them out.
 */
#include <stdio.h>

#include "shell.h"

void help_group_lines(const struct cmd_group *group, const char *colon)
{
    printf(" %s (help keyword '%s')%s\n", group->title, group->keyword, colon);
    for (const struct cmd *c = group->cmds; c->name; c++)
        printf("    %-30s %s\n", c->name, c->help);
}

void help_group(const struct cmd_group *group)
{
    help_group_lines(group, ":");
}

void help_all(void)
{
    printf("Grouped commands:\n\n");
    for (const struct cmd_group *g = cmd_groups; g->title; g++) {
        help_group(g);
        printf("\n");
    }
}

static void synopsis(const struct opt *o)
{
    switch (o->type) {
    case OPT_BOOL: printf(" [--%s]", o->name); break;
    case OPT_STRING: printf(" [--%s <string>]", o->name); break;
    case OPT_INT: printf(o->required ? " <%s>" : " [--%s <number>]", o->name); break;
    case OPT_DATA: printf(" <%s>", o->name); break;
    case OPT_ARGV:
        printf(o->named      ? " [<%s>]..."
               : o->required ? " {[--%s] <string>}..."
                             : " [[--%s] <string>]...",
               o->name);
        break;
    }
}

static void option_line(const struct opt *o)
{
    char left[128];
    switch (o->type) {
    case OPT_BOOL: snprintf(left, sizeof(left), "--%s", o->name); break;
    case OPT_INT:
        snprintf(left, sizeof(left), o->required ? "[--%s] <number>" : "--%s <number>", o->name);
        break;
    case OPT_STRING: snprintf(left, sizeof(left), "--%s <string>", o->name); break;
    case OPT_DATA: snprintf(left, sizeof(left), "[--%s] <string>", o->name); break;
    case OPT_ARGV:
        snprintf(left, sizeof(left), o->named ? "<%s>" : "[--%s] <string>", o->name);
        break;
    }
    printf("    %-15s  %s\n", left, o->help);
}

void help_command(const struct cmd *cmd)
{
    printf("  NAME\n    %s - %s\n\n  SYNOPSIS\n    %s", cmd->name, cmd->help, cmd->name);
    for (const struct opt *o = cmd->opts; o && o->name; o++)
        synopsis(o);
    printf("\n");
    if (cmd->description[0])
        printf("\n  DESCRIPTION\n    %s\n", cmd->description);
    if (cmd->opts && cmd->opts[0].name) {
        printf("\n  OPTIONS\n");
        for (const struct opt *o = cmd->opts; o->name; o++)
            option_line(o);
    }
    printf("\n");
}
