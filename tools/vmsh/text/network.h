/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network commands with files of their own, and what they share.
 */
#ifndef VMSH_NETWORK_TEXT_H
#define VMSH_NETWORK_TEXT_H

#include "../shell.h"

#define NETWORK_OPT(completer_)                                                                    \
    {                                                                                              \
        .name = "network", .type = OPT_DATA, .help = "network name or uuid",                       \
        .completer = completer_                                                                    \
    }

/* The network named by option "network": BY_UUID, BY_NAME. NULL: the error was printed. */
struct vmgr_network *args_network(struct shell *sh, const struct args *args, unsigned by);

/* commands/net-port.c */
extern const struct opt net_port_list_opts[], net_port_create_opts[], net_port_dumpxml_opts[],
    net_port_delete_opts[];
bool cmd_net_port_list(struct shell *sh, const struct args *args);
bool cmd_net_port_create(struct shell *sh, const struct args *args);
bool cmd_net_port_dumpxml(struct shell *sh, const struct args *args);
bool cmd_net_port_delete(struct shell *sh, const struct args *args);

/* commands/net-update.c */
extern const struct opt net_update_opts[];
bool cmd_net_update(struct shell *sh, const struct args *args);
/* Words of net-update; NULL after the last. */
const char *net_update_command_name(size_t n);
const char *net_update_section_name(size_t n);

#endif
