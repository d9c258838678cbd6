/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage that goes with a domain.
 */
#ifndef VMSH_UNDEFINE_STORAGE_H
#define VMSH_UNDEFINE_STORAGE_H

#include "shell.h"

struct doomed;

/* The volumes that --storage or --remove-all-storage name, for undefine_storage_free(). False: it
 * cannot be, the error was printed. */
bool undefine_storage_find(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                           struct doomed **ret);
/* Removes them, as --wipe-storage and --delete-storage-volume-snapshots say; each failure is
 * printed. */
bool undefine_storage_remove(struct shell *sh, const struct args *args,
                             const struct doomed *doomed);
void undefine_storage_free(struct doomed *doomed);

#endif
