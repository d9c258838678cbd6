/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's clock and the timers that follow it.
 */
#ifndef VEMU_CORE_TIMER_H
#define VEMU_CORE_TIMER_H

#include "core/device.h"

struct vemu_loop;
struct vemu_timers;

/* Made stopped, at time 0. -errno on failure. */
int vemu__timers_new(struct vemu_loop *loop, struct vemu_timers **ret);
/* Context: loop, or after it ended. NULL is fine. */
void vemu__timers_free(struct vemu_timers *timers);

/* The clock goes or stands; timers do not fire while it stands. Context: loop. */
void vemu__timers_run(struct vemu_timers *timers, bool run);
int64_t vemu__timers_now(struct vemu_timers *timers);

struct vemu_timer *vemu__timer_new(struct vemu_timers *timers, struct vemu_device *dev,
                                   vemu_timer_fn fn);
/* The callback does not run any more. Context: loop. */
void vemu__timer_free(struct vemu_timer *timer);

#endif
