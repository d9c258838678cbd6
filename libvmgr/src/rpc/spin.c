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
    s->alone = g_get_num_processors() < 2;
}

bool vmgr__spin_wanted(const struct vmgr__spin *s, int64_t since_us)
{
    return s->quick >= QUICK_BEFORE && !s->alone &&
           g_get_monotonic_time() - since_us < VMGR__SPIN_US;
}

void vmgr__spin_waited(struct vmgr__spin *s, int64_t since_us)
{
    if (g_get_monotonic_time() - since_us >= VMGR__SPIN_US)
        s->quick = 0;
    else if (s->quick < QUICK_BEFORE)
        s->quick++;
}
