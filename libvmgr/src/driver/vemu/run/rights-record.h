/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of what runs' users were given: RUN/domains/NAME.d/rights. The first line is the user's
 * number, each other one a file that the user has an entry for: its path, as g_strescape() writes
 * it; or a directory with all in it, behind one of the words below.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_RECORD_H
#define VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_RECORD_H

#include "../vemu.h"

#define RIGHTS_TREE     "tree "
#define RIGHTS_OWN_TREE "own-tree " /* nobody else is this user, and what is his gets an heir */

/* The lock of all records, for vmgr__vemu_unlock(); -1 and *err. */
int vmgr__rights_lock(const struct vemu *d, struct vmgr_error **err);
/* The lines of a record, for g_strfreev(); NULL: none. */
char **vmgr__rights_read(const struct vemu *d, const char *name);
bool vmgr__rights_user(char *const *lines, uint32_t *ret);

/* With the lock held: */
/* Whether one of the runs has this user. */
bool vmgr__rights_user_is_used(const struct vemu *d, uid_t uid);
/* Lines of other runs that have the same user, for g_hash_table_unref(). */
GHashTable *vmgr__rights_of_others(const struct vemu *d, const char *name, uint32_t user);

#endif
