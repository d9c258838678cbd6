/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking again before sleeping, the same for server and client.
 *
 * To be woken costs more than most calls: microseconds on some hosts, fifty where a virtual
 * machine's processor has to be woken by its hypervisor. When the last packets came soon, the next
 * is looked for before its reader goes to sleep, twice as long as they took: a peer that needs long
 * for its own waking is waited for, a quick one costs little when it stops.
 *
 * A look that finds something earns credit, one in vain costs as much as several earn: a peer that
 * is slow now and then, as every one is, does not end the looking, but where others want the
 * processors, who looks only takes them from the one who would answer. Without credit packets have
 * to come soon several times again before it is tried, each time twice as often, until looking has
 * found something as many times: so somebody who waits for slow things never looks in vain more
 * than once. There is an end to that: on some hosts one wait of a few hundred is long, and so many
 * in a row do not come. With one processor the peer could not even answer meanwhile.
 */
#ifndef VMGR_RPC_SPIN_H
#define VMGR_RPC_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define VMGR__SPIN_MIN_US 50  /* how long at most, after waits that took next to nothing */
#define VMGR__SPIN_MAX_US 150 /* and ever; a longer wait is not for what comes soon */

struct vmgr__spin {
    unsigned quick;  /* waits in a row that were shorter, up to the next */
    unsigned needed; /* so many, before it is looked */
    unsigned found;  /* looks that found something, since that last changed */
    unsigned credit;
    int64_t usual_us; /* what short waits took lately */
    bool alone;       /* there is one processor */
};
void vmgr__spin_init(struct vmgr__spin *s);
/* Whether to look rather than to sleep, in a wait that has lasted waited_us. */
bool vmgr__spin_wanted(const struct vmgr__spin *s, int64_t waited_us);
/* A wait that lasted waited_us is over. */
void vmgr__spin_waited(struct vmgr__spin *s, int64_t waited_us);

#endif
