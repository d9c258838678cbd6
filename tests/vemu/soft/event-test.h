/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exceptions and interrupts on a bare software CPU, as the run loop delivers them.
 */
#ifndef EVENT_TEST_H
#define EVENT_TEST_H

#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"
#include "bare-test.h"

/* What the run loop does with a fault. */
static inline void settle(void)
{
    while (c->exc_pending && !c->want_exit)
        if (setjmp(c->fault) == 0)
            sc_deliver_exception(c);
}

static inline void raise_(unsigned vector, int64_t error)
{
    if (setjmp(c->fault) == 0)
        sc_raise_at_rip(c, vector, error);
    settle();
}

static inline void interrupt(unsigned vector)
{
    if (setjmp(c->fault) == 0)
        sc_deliver_interrupt(c, (uint8_t)vector);
    settle();
}

static inline void software(unsigned vector, bool int3)
{
    if (setjmp(c->fault) == 0)
        sc_software_interrupt(c, (uint8_t)vector, c->rip + 2, int3);
    settle();
}

static inline uint64_t q(uint64_t va)
{
    return bare_get(b, va, 8);
}

static inline uint32_t d(uint64_t va)
{
    return (uint32_t)bare_get(b, va, 4);
}

#endif
