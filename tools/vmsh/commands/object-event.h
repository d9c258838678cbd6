/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands that wait for events of objects other than domains.
 */
#ifndef VMSH_OBJECT_EVENT_H
#define VMSH_OBJECT_EVENT_H

#include "../shell.h"

extern const struct opt net_event_opts[], nodedev_event_opts[], pool_event_opts[],
    secret_event_opts[];
bool cmd_net_event(struct shell *sh, const struct args *args);
bool cmd_nodedev_event(struct shell *sh, const struct args *args);
bool cmd_pool_event(struct shell *sh, const struct args *args);
bool cmd_secret_event(struct shell *sh, const struct args *args);

/* commands/secret.c: the secret named by option "secret", by UUID. NULL: the error was printed. */
struct vmgr_secret *args_secret(struct shell *sh, const struct args *args);

#endif
