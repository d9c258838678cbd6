/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rights of a run's user on a directory that is shared with its guest, with all that is in it.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_TREE_H
#define VMGR_SRC_DRIVER_VEMU_RUN_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Gives the user entries for the directory `fd` (which may be O_PATH), for what is in it, and for
 * what will be made in it. 0, or -errno of the first that fails. */
int vmgr__tree_give(int fd, uid_t user, bool writable);
/* Takes them all away; heir: what the user owns becomes the directory's owner's and group's, and
 * the user was nobody else. */
void vmgr__tree_take(int fd, uid_t user, bool heir);

#endif
