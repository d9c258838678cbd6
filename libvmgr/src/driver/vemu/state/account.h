/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups of the host, by name or number.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_ACCOUNT_H
#define VMGR_SRC_DRIVER_VEMU_STATE_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

/* A name, or a number that need not be anybody's; behind a "+" it is a number even if somebody has
 * it as a name. *ret_group (may be NULL): the user's own group; of a number that is nobody's, the
 * same number. False: there is no such user. */
bool vmgr__account_user(const char *text, uid_t *ret, gid_t *ret_group);
bool vmgr__account_group(const char *text, gid_t *ret);

#endif
