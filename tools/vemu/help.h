/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "-device help" and its relatives: what the library has, as it describes itself.
 */
#ifndef VEMU_TOOL_HELP_H
#define VEMU_TOOL_HELP_H

#include <stdbool.h>

/* Each: true when `value` asks for help ("help", "?", or "CLASS,help") and it was printed. */
bool help_devices(const char *value);
bool help_chardevs(const char *value);
bool help_blockdevs(const char *value);
bool help_netdevs(const char *value);
bool help_fsdevs(const char *value);
bool help_objects(const char *value);
bool help_machines(const char *value);
bool help_accels(const char *value);
bool help_cpus(const char *value);

#endif
