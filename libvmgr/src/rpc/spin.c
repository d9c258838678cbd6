/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When looking again pays.
 */
#include "spin.h"

#include <glib.h>

#define QUICK_BEFORE 4

void vmgr__spin_init(struct vmgr__spin *s)
{
    s->quick = 0;
    s->usual_us = 0;
    s->alone = g_get_num_processors() < 2;
}

bool vmgr__spin_wanted(const struct vmgr__spin *s, int64_t waited_us)
{
    return s->quick >= QUICK_BEFORE && !s->alone &&
           waited_us < CLAMP(2 * s->usual_us, VMGR__SPIN_MIN_US, VMGR__SPIN_MAX_US);
}

void vmgr__spin_waited(struct vmgr__spin *s, int64_t waited_us)
{
    if (waited_us >= VMGR__SPIN_MAX_US) {
        s->quick = 0;
        s->usual_us = 0;
        return;
    }
    /* The mean of the last few. */
    s->usual_us = s->quick ? (3 * s->usual_us + waited_us) / 4 : waited_us;
    if (s->quick < QUICK_BEFORE)
        s->quick++;
}
