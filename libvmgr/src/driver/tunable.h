/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of limits and pins of domains that run, as events.
 */
#ifndef VMGR_SRC_DRIVER_TUNABLE_H
#define VMGR_SRC_DRIVER_TUNABLE_H

#include "../conf/def.h"
#include "driver.h"

/* Tells in what `now` limits its guest otherwise than `old`: an event for each pin, one for the
 * scheduler and one for each disk that both have. Any thread, any lock. */
void vmgr__emit_tunables(struct vmgr_conn *conn, const struct vmgr__domain_def *old,
                         const struct vmgr__domain_def *now);

#endif
