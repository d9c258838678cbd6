/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When looking again pays.
 */
#include "spin.h"

#include <glib.h>

#define NEEDED_MIN 4
#define NEEDED_MAX 64
#define IN_VAIN    8 /* what a look in vain costs, and one that finds something earns 1 */
#define CREDIT_MAX 64

void vmgr__spin_init(struct vmgr__spin *s)
{
    *s = (struct vmgr__spin){ .needed = NEEDED_MIN, .alone = g_get_num_processors() < 2 };
}

static bool is_looking(const struct vmgr__spin *s)
{
    return s->quick >= s->needed && !s->alone;
}

static int64_t limit_us(const struct vmgr__spin *s)
{
    return CLAMP(2 * s->usual_us, VMGR__SPIN_MIN_US, VMGR__SPIN_MAX_US);
}

bool vmgr__spin_wanted(const struct vmgr__spin *s, int64_t waited_us)
{
    return is_looking(s) && waited_us < limit_us(s);
}

static void in_vain(struct vmgr__spin *s)
{
    s->found = 0;
    if (s->credit >= IN_VAIN) {
        s->credit -= IN_VAIN;
        return;
    }
    s->needed = MIN(2 * s->needed, NEEDED_MAX);
    s->quick = s->credit = 0;
}

static void found(struct vmgr__spin *s)
{
    s->credit = MIN(s->credit + 1, CREDIT_MAX);
    if (++s->found < s->needed)
        return;
    s->needed = MAX(s->needed / 2, NEEDED_MIN);
    s->found = 0;
}

void vmgr__spin_waited(struct vmgr__spin *s, int64_t waited_us)
{
    const bool looked = is_looking(s), vain = looked && waited_us >= limit_us(s);

    if (vain)
        in_vain(s);
    else if (looked)
        found(s);
    if (waited_us >= VMGR__SPIN_MAX_US) {
        if (!is_looking(s)) {
            s->quick = 0;
            s->usual_us = 0;
        }
        return;
    }
    /* The mean of the last few. */
    s->usual_us = s->usual_us ? (3 * s->usual_us + waited_us) / 4 : waited_us;
    if (!vain && s->quick < s->needed)
        s->quick++;
}
