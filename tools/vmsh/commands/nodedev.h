/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about node devices in several files, for the table of commands/nodedev.c.
 */
#ifndef VMSH_NODEDEV_COMMANDS_H
#define VMSH_NODEDEV_COMMANDS_H

#include "../shell.h"

#define DEVICE_OPT(help_)                                                                          \
    {                                                                                              \
        .name = "device", .type = OPT_DATA, .help = help_, .completer = COMPLETE_NODEDEV           \
    }
#define NAME_OR_WWN "device name or wwn pair in 'wwnn,wwpn' format"

/* --- commands/nodedev.c --------------------------------------------------------------------- */

/* The device named by option "device"; NULL: the error was printed. */
struct vmgr_nodedev *args_nodedev(struct shell *sh, const struct args *args);
/* The same, or a Fibre Channel host by "wwnn,wwpn". */
struct vmgr_nodedev *args_nodedev_or_wwn(struct shell *sh, const struct args *args);

/* --- commands/nodedev-make.c ---------------------------------------------------------------- */

extern const struct opt nodedev_create_opts[], nodedev_any_opts[], nodedev_start_opts[];
extern const struct opt nodedev_autostart_opts[];
bool cmd_nodedev_autostart(struct shell *sh, const struct args *args);
bool cmd_nodedev_create(struct shell *sh, const struct args *args);
bool cmd_nodedev_define(struct shell *sh, const struct args *args);
bool cmd_nodedev_destroy(struct shell *sh, const struct args *args);
bool cmd_nodedev_start(struct shell *sh, const struct args *args);
bool cmd_nodedev_undefine(struct shell *sh, const struct args *args);

#endif
