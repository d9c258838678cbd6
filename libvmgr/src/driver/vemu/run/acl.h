/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rights of a single user in a file's access control list, acl(5).
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_ACL_H
#define VMGR_SRC_DRIVER_VEMU_RUN_ACL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VEMU_ACL_READ   4u
#define VEMU_ACL_WRITE  2u
#define VEMU_ACL_SEARCH 1u

/* Whether a user, who is in none of the file's groups, has all of these rights: by an entry of its
 * own, or as anybody has. `fd` may be O_PATH. */
bool vmgr__acl_allows(int fd, uid_t user, unsigned rights);
/* Gives the user exactly these rights; 0 takes the entry away. Entries of users from
 * `stale_first` on, `stale_count` of them, go too. 0, or -errno: -EOPNOTSUPP, the file system has
 * no such lists. */
int vmgr__acl_set(int fd, uid_t user, unsigned rights, uid_t stale_first, uint32_t stale_count);
/* The same for what will be made in a directory. Once nobody has an entry there, the directory has
 * no such list. */
int vmgr__acl_set_default(int fd, uid_t user, unsigned rights);

#endif
