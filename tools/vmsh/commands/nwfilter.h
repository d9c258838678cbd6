/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about bindings of network filters, for the table of commands/nwfilter.c.
 */
#ifndef VMSH_NWFILTER_COMMANDS_H
#define VMSH_NWFILTER_COMMANDS_H

#include "../shell.h"

/* --- commands/nwfilter-binding.c ------------------------------------------------------------ */

extern const struct opt binding_create_opts[], binding_delete_opts[], binding_dumpxml_opts[];
bool cmd_nwfilter_binding_create(struct shell *sh, const struct args *args);
bool cmd_nwfilter_binding_delete(struct shell *sh, const struct args *args);
bool cmd_nwfilter_binding_dumpxml(struct shell *sh, const struct args *args);
bool cmd_nwfilter_binding_list(struct shell *sh, const struct args *args);

#endif
