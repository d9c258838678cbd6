/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking again before sleeping, the same for server and client.
 *
 * To be woken costs more than most calls. When the last packets came at once, the next is looked
 * for a few times before its reader goes to sleep. Where that was in vain once, it has to come at
 * once several times again before it is tried; so somebody who waits for slow things never looks in
 * vain more than once. With one processor the other end could not even answer meanwhile.
 */
#ifndef VMGR_RPC_SPIN_H
#define VMGR_RPC_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define VMGR__SPIN_US 50 /* how long at most */

struct vmgr__spin {
    unsigned quick; /* waits in a row that were shorter */
    bool alone;     /* there is one processor */
};
void vmgr__spin_init(struct vmgr__spin *s);
/* Whether to look rather than to sleep, for a wait that began at since_us. */
bool vmgr__spin_wanted(const struct vmgr__spin *s, int64_t since_us);
/* A wait that began at since_us is over. */
void vmgr__spin_waited(struct vmgr__spin *s, int64_t since_us);

#endif
