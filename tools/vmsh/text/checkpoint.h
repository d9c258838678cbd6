/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of checkpoint commands share.
 */
#ifndef VMSH_CHECKPOINT_TEXT_H
#define VMSH_CHECKPOINT_TEXT_H

#include <vmgr/checkpoint.h>

#include "../shell.h"

/* commands/checkpoint.c */
/* The one that --checkpointname names. NULL: an error was printed, or is in sh->error. */
struct vmgr_checkpoint *args_checkpoint(struct shell *sh, struct vmgr_domain *domain,
                                        const struct args *args);
/* Its parent's name, for free(): "" if it has none; NULL: the error is in sh->error. */
char *checkpoint_parent_name(struct shell *sh, struct vmgr_checkpoint *checkpoint);

/* commands/checkpoint-list.c */
extern const struct opt checkpoint_list_opts[];
bool cmd_checkpoint_list(struct shell *sh, const struct args *args);

#endif
