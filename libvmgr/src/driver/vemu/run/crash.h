/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when a guest stands still by itself.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_CRASH_H
#define VMGR_SRC_DRIVER_VEMU_RUN_CRASH_H

#include "../change.h"

/* Does what the definition says about a guest whose status says that it has crashed, or that its
 * watchdog stopped it. False: somebody else is at it, so nothing was done. */
bool vmgr__vemu_act(struct vemu *d, const char *name);
/* Whether a guest that is said to run may have stopped without ending, which only its monitor
 * knows. */
bool vmgr__vemu_stops_unseen(const struct vmgr__domobj *obj);
/* <watchdog action='dump'/> */
bool vmgr__vemu_watchdog_dumps(const struct vmgr__domain_def *def);

#endif
