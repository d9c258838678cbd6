/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local APIC timer: one-shot, periodic, TSC deadline (SDM 3.11.5.4).
 *
 * The count registers are not counted down: the guest time of the expiry is kept and the current
 * count computed when read. The timer thread (time.c) only sets `timer_due`; the vCPU's own thread
 * notices the expiry when it looks at the LAPIC next, checks that the deadline still stands (it may
 * have been moved in the meantime), sets the IRR bit and starts the next period. So the timer state
 * has one owner.
 */
#include "accel/soft/lent/assist.h"
#include "accel/soft/apic/lapic.h"

/* A guest must not keep host threads busy with periods shorter than this; lost ticks coalesce. */
#define MIN_PERIOD_NS 50000u

static unsigned mode_of(const struct sc_lapic *l)
{
    return TIMER_MODE(atomic_load_explicit(&l->lvt[LVT_TIMER], memory_order_relaxed));
}

/* Nanoseconds per count: the divide configuration is encoded in bits 0, 1 and 3; 111b divides by 1.
 * */
static uint64_t unit_ns(const struct sc_lapic *l)
{
    unsigned code = (l->divide & 3) | ((l->divide >> 1) & 4);

    return SC_NS_PER_TICK << ((code + 1) & 7);
}

/* Called when due, from the timer thread. */
void sc_lapic_timer(struct sc_cpu *c)
{
    if (!c->lapic)
        return;
    if (c->assist) {
        sc_assist_notify(c, c->vm->config.vcpus > 1); /* another's NMI comes unannounced */
        return;
    }
    atomic_store_explicit(&c->lapic->timer_due, true, memory_order_release);
    sc_async_set(c, SC_A_INTR);
}

static void expire(struct sc_cpu *c)
{
    uint32_t lvt = atomic_load_explicit(&c->lapic->lvt[LVT_TIMER], memory_order_relaxed);

    if (!(lvt & LVT_MASKED))
        sc_lapic_accept(c, (uint8_t)lvt, false);
}

void sc_lapic_timer_sync(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    uint64_t now, period;

    if (SC_LIKELY(!atomic_load_explicit(&l->timer_due, memory_order_acquire)))
        return;
    atomic_store_explicit(&l->timer_due, false, memory_order_relaxed);
    if (mode_of(l) == TIMER_DEADLINE) {
        if (l->tsc_deadline && sc_time_tsc(c) >= l->tsc_deadline) {
            l->tsc_deadline = 0;
            expire(c);
        }
        return;
    }
    now = sc_time_now(c->vm);
    if (l->expiry == SC_NEVER || now < l->expiry)
        return;
    expire(c);
    if (mode_of(l) != TIMER_PERIODIC || !l->initial) {
        l->expiry = SC_NEVER;
        return;
    }
    period = (uint64_t)l->initial * unit_ns(l);
    l->expiry += period;
    if (l->expiry < now + MIN_PERIOD_NS) /* late, or a very short period: keep the phase */
        l->expiry += (now + MIN_PERIOD_NS - l->expiry + period - 1) / period * period;
    sc_time_arm_at(c, l->expiry);
}

uint32_t sc_lapic_timer_current(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    uint64_t now, unit = unit_ns(l);

    sc_lapic_timer_sync(c);
    if (mode_of(l) == TIMER_DEADLINE || l->expiry == SC_NEVER)
        return 0;
    now = sc_time_now(c->vm);
    if (now >= l->expiry) {
        if (mode_of(l) != TIMER_PERIODIC || !l->initial)
            return 0;
        return (uint32_t)(l->initial - (now - l->expiry) / unit % l->initial);
    }
    now = (l->expiry - now + unit - 1) / unit;
    return (uint32_t)(mode_of(l) == TIMER_PERIODIC && l->initial ? (now - 1) % l->initial + 1
                                                                 : now);
}

void sc_lapic_timer_stop(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;

    l->expiry = SC_NEVER;
    l->tsc_deadline = 0;
    atomic_store_explicit(&l->timer_due, false, memory_order_relaxed);
    sc_time_arm_at(c, SC_NEVER);
}

void sc_lapic_timer_start(struct sc_cpu *c, uint32_t initial, uint32_t remaining)
{
    struct sc_lapic *l = c->lapic;

    if (mode_of(l) == TIMER_DEADLINE)
        return; /* the count registers are dead in this mode */
    sc_lapic_timer_stop(c);
    l->initial = initial;
    if (!initial || !remaining)
        return;
    l->expiry = sc_time_now(c->vm) + (uint64_t)remaining * unit_ns(l);
    sc_time_arm_at(c, l->expiry);
}

void sc_lapic_timer_divide(struct sc_cpu *c, uint32_t v)
{
    struct sc_lapic *l = c->lapic;
    uint32_t remaining = sc_lapic_timer_current(c);

    l->divide = v & 0xb;
    if (remaining)
        sc_lapic_timer_start(c, l->initial, remaining);
}

void sc_lapic_timer_lvt(struct sc_cpu *c, uint32_t old, uint32_t v)
{
    if ((TIMER_MODE(old) == TIMER_DEADLINE) != (TIMER_MODE(v) == TIMER_DEADLINE)) {
        sc_lapic_timer_stop(c);
        c->lapic->initial = 0;
    }
}

uint64_t sc_lapic_deadline(struct sc_cpu *c)
{
    sc_lapic_timer_sync(c);
    return c->lapic->tsc_deadline;
}

void sc_lapic_set_deadline(struct sc_cpu *c, uint64_t v)
{
    struct sc_lapic *l = c->lapic;

    if (mode_of(l) != TIMER_DEADLINE)
        return; /* ignored, SDM 3.11.5.4.1 */
    atomic_store_explicit(&l->timer_due, false, memory_order_relaxed);
    l->tsc_deadline = v;
    if (v && sc_time_tsc(c) >= v) {
        /* Already past: no need to trouble the timer thread. */
        l->tsc_deadline = 0;
        sc_time_arm_at(c, SC_NEVER);
        expire(c);
        sc_intr_recheck(c);
        return;
    }
    sc_time_arm(c, v);
}

void sc_lapic_restore_deadline(struct sc_cpu *c, uint64_t v)
{
    if (!c->lapic || mode_of(c->lapic) != TIMER_DEADLINE)
        return;
    c->lapic->tsc_deadline = v;
    sc_time_arm(c, v);
}

void sc_lapic_tsc_moved(struct sc_cpu *c)
{
    if (c->lapic && mode_of(c->lapic) == TIMER_DEADLINE && c->lapic->tsc_deadline)
        sc_time_arm(c, c->lapic->tsc_deadline);
}
