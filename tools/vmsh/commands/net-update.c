/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * net-update: one entry of a network's definition, live or for the next start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/network.h"

static const struct {
    const char *name;
    int command;
} commands[] = {
    { "modify", VMGR_NETWORK_UPDATE_MODIFY },     { "delete", VMGR_NETWORK_UPDATE_DELETE },
    { "add-last", VMGR_NETWORK_UPDATE_ADD_LAST }, { "add-first", VMGR_NETWORK_UPDATE_ADD_FIRST },
    { "add", VMGR_NETWORK_UPDATE_ADD_LAST },
};
/* Number of the section less one. */
static const char *const sections[] = { "bridge",
                                        "domain",
                                        "ip",
                                        "ip-dhcp-host",
                                        "ip-dhcp-range",
                                        "forward",
                                        "forward-interface",
                                        "forward-pf",
                                        "portgroup",
                                        "dns-host",
                                        "dns-txt",
                                        "dns-srv" };

const struct opt net_update_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK),
    { .name = "command",
      .type = OPT_DATA,
      .help = "type of update (add-first, add-last (add), delete, or modify)",
      .completer = COMPLETE_NETWORK_UPDATE_COMMAND },
    { .name = "section",
      .type = OPT_DATA,
      .help = "which section of network configuration to update",
      .completer = COMPLETE_NETWORK_UPDATE_SECTION },
    { .name = "xml",
      .type = OPT_DATA,
      .help = "name of file containing xml (or, if it starts with '<', the complete xml element "
              "itself) to add/modify, or to be matched for search",
      .completer = COMPLETE_FILE },
    { .name = "parent-index",
      .type = OPT_INT,
      .named = true,
      .help = "which parent object to search through" },
    { .name = "config", .type = OPT_BOOL, .help = "affect next network startup" },
    { .name = "live", .type = OPT_BOOL, .help = "affect running network" },
    { .name = "current", .type = OPT_BOOL, .help = "affect current state of network" },
    OPT_END,
};

const char *net_update_command_name(size_t n)
{
    return n < sizeof(commands) / sizeof(commands[0]) ? commands[n].name : NULL;
}

const char *net_update_section_name(size_t n)
{
    return n < sizeof(sections) / sizeof(sections[0]) ? sections[n] : NULL;
}

static bool parse_words(struct shell *sh, const struct args *args, int *command, int *section)
{
    const char *word = args_string(args, "command"), *where = args_string(args, "section");
    size_t c = 0, s = 0;
    while (net_update_command_name(c) && strcmp(net_update_command_name(c), word))
        c++;
    if (!net_update_command_name(c)) {
        shell_error(sh, "unrecognized command name '%s'", word);
        return false;
    }
    while (net_update_section_name(s) && strcmp(net_update_section_name(s), where))
        s++;
    if (!net_update_section_name(s)) {
        shell_error(sh, "unrecognized section name '%s'", where);
        return false;
    }
    *command = commands[c].command;
    *section = (int)s + 1;
    return true;
}

static bool update(struct shell *sh, const struct args *args, struct vmgr_network *network,
                   uint32_t flags)
{
    const char *given = args_string(args, "xml");
    int command, section, parent_index = -1;
    if (!parse_words(sh, args, &command, &section) ||
        args_int(sh, args, "parent-index", &parent_index) < 0)
        return false;
    char *xml = *given == '<' ? must_strdup(given) : file_read(sh, given);
    if (!xml)
        return false;
    bool ok = vmgr_network_update(network, command, section, parent_index, xml, flags,
                                  shell_err(sh)) >= 0;
    free(xml);
    if (!ok) {
        shell_error(sh, "Failed to update network %s", vmgr_network_get_name(network));
        return false;
    }
    if (!flags && vmgr_network_is_active(network, NULL) <= 0)
        flags = VMGR_NETWORK_UPDATE_AFFECT_CONFIG;
    const char *what = !(flags & VMGR_NETWORK_UPDATE_AFFECT_CONFIG) ? "live state"
                       : flags & VMGR_NETWORK_UPDATE_AFFECT_LIVE
                           ? "persistent config and live state"
                           : "persistent config";
    printf("Updated network %s %s", vmgr_network_get_name(network), what);
    return true;
}

bool cmd_net_update(struct shell *sh, const struct args *args)
{
    uint32_t flags = 0;
    if (!args_exclusive(sh, args, "current", "live") ||
        !args_exclusive(sh, args, "current", "config"))
        return false;
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    if (!network)
        return false;
    if (args_bool(args, "config"))
        flags |= VMGR_NETWORK_UPDATE_AFFECT_CONFIG;
    if (args_bool(args, "live"))
        flags |= VMGR_NETWORK_UPDATE_AFFECT_LIVE;
    bool ok = update(sh, args, network, flags);
    vmgr_network_unref(network);
    return ok;
}
