/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about interfaces of the host in several files, for the table of commands/interface.c.
 */
#ifndef VMSH_INTERFACE_COMMANDS_H
#define VMSH_INTERFACE_COMMANDS_H

#include "../shell.h"

#define INTERFACE_OPT(help_)                                                                       \
    {                                                                                              \
        .name = "interface", .type = OPT_DATA, .help = help_, .completer = COMPLETE_INTERFACE      \
    }
#define BY_MAC BY_UUID

/* --- commands/interface.c ------------------------------------------------------------------- */

/* The interface that an option names, by BY_NAME, BY_MAC or both; what looks like a MAC address is
 * no name. NULL: the error was printed. */
struct vmgr_interface *args_interface(struct shell *sh, const struct args *args, const char *option,
                                      unsigned by);

/* --- commands/interface-change.c ------------------------------------------------------------ */

extern const struct opt iface_define_opts[], iface_any_opts[];
bool cmd_iface_begin(struct shell *sh, const struct args *args);
bool cmd_iface_commit(struct shell *sh, const struct args *args);
bool cmd_iface_define(struct shell *sh, const struct args *args);
bool cmd_iface_destroy(struct shell *sh, const struct args *args);
bool cmd_iface_edit(struct shell *sh, const struct args *args);
bool cmd_iface_rollback(struct shell *sh, const struct args *args);
bool cmd_iface_start(struct shell *sh, const struct args *args);
bool cmd_iface_undefine(struct shell *sh, const struct args *args);

/* --- commands/interface-bridge.c ------------------------------------------------------------ */

extern const struct opt iface_bridge_opts[], iface_unbridge_opts[];
bool cmd_iface_bridge(struct shell *sh, const struct args *args);
bool cmd_iface_unbridge(struct shell *sh, const struct args *args);

#endif
