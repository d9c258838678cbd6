/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Breakpoint registers (SDM 3B.18). Instruction breakpoints are looked at by the run loop, which
 * makes one-instruction traces while any is enabled; data breakpoints by access.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "accel/soft/cpu.h"

uint32_t sc_debug_code(const struct sc_cpu *c, uint64_t va)
{
    uint32_t hits = 0;
    if (c->eflags & SC_RF)
        return 0;
    for (unsigned n = 0; n < 4; n++)
        if (((c->dr7 >> n * 2) & 3) && !((c->dr7 >> (16 + n * 4)) & 15) && c->dr[n] == va)
            hits |= 1u << n;
    return hits;
}

void sc_debug_trap(struct sc_cpu *c, uint32_t dr6)
{
    c->dr6 = (c->dr6 & ~0xfull) | SC_DR6_FIXED | dr6;
    sc_raise_at_rip(c, SC_DB, -1);
}

/* --- a debugger outside ----------------------------------------------------------------------- */

/*
 * Breakpoints are records in front of the instruction (trace.c) that look whether the linear
 * address is really one: traces are keyed by physical address. So nothing is written into guest
 * memory, and code without breakpoints runs at its speed. Single steps and data points work like
 * the guest's own, with one-instruction traces (SC_M_STEP) and, for data, the TLB that is always
 * empty. Context of set and clear: vcpu, outside of sc_run().
 */

void sc_debug_clear(struct sc_cpu *c)
{
    free(c->debug);
    c->debug = NULL;
}

static bool is_code(const struct vemu_debug_point *p)
{
    return p->kind == VEMU_DEBUG_SOFTWARE || p->kind == VEMU_DEBUG_EXECUTE;
}

/* The same breakpoints in the same order? Then the traces have the right records. */
static bool same_code(const struct sc_debug *a, const struct vemu_debug *b)
{
    uint32_t n = 0, k = 0, old = a ? a->count : 0;

    for (;;) {
        while (n < old && !is_code(&a->points[n]))
            n++;
        while (k < b->count && !is_code(&b->points[k]))
            k++;
        if (n == old || k == b->count)
            return n == old && k == b->count;
        if (a->points[n++].address != b->points[k++].address)
            return false;
    }
}

int sc_debug_set(struct sc_cpu *c, const struct vemu_debug *debug)
{
    struct sc_debug *d = NULL;
    const bool same = same_code(c->debug, debug);

    for (uint32_t n = 0; n < debug->count; n++)
        if (debug->points[n].kind > VEMU_DEBUG_ACCESS ||
            (!is_code(&debug->points[n]) && !debug->points[n].size))
            return -EINVAL;
    if (debug->step || debug->count) {
        d = malloc(sizeof(*d) + debug->count * sizeof(d->points[0]));
        if (!d)
            return -ENOMEM;
        *d = (struct sc_debug){ .step = debug->step, .count = debug->count };
        for (uint32_t n = 0; n < debug->count; n++) {
            d->points[n] = debug->points[n];
            d->watch |= !is_code(&d->points[n]);
        }
    }
    sc_debug_clear(c);
    c->debug = d;
    sc_update_mode(c);
    if (!same)
        sc_async_set(c, SC_A_FLUSH);
    return 0;
}

bool sc_debug_wants(const struct sc_debug *d, unsigned pgoff)
{
    for (uint32_t n = 0; n < d->count; n++)
        if (is_code(&d->points[n]) && (d->points[n].address & ~SC_PAGE_MASK) == pgoff)
            return true;
    return false;
}

void sc_debug_data(struct sc_cpu *c, uint64_t va, unsigned size, bool write)
{
    struct sc_debug *d = c->debug;

    for (uint32_t n = 0; n < d->count && !d->hit; n++) {
        const struct vemu_debug_point *p = &d->points[n];

        if (is_code(p) || p->kind == (write ? VEMU_DEBUG_READ : VEMU_DEBUG_WRITE))
            continue;
        if (va - p->address < p->size || p->address - va < size) {
            d->hit = true;
            d->point = n;
        }
    }
}

static void report(struct sc_cpu *c, enum vemu_debug_kind kind, uint64_t address)
{
    c->exit->reason = VEMU_EXIT_DEBUG;
    c->exit->debug.kind = kind;
    c->exit->debug.address = address;
    c->want_exit = true;
}

bool sc_debug_break(struct sc_cpu *c, const struct sc_insn *i)
{
    const struct sc_debug *d = c->debug;
    const uint64_t lin = c->gpr[SC_R_PAGE] + i->pgoff;

    if (!d || d->step)
        return false;
    for (uint32_t n = 0; n < d->count; n++) {
        if (!is_code(&d->points[n]) || d->points[n].address != lin)
            continue;
        c->rip = sc_rip(c, i);
        report(c, d->points[n].kind, lin);
        return true;
    }
    return false;
}

bool sc_debug_done(struct sc_cpu *c)
{
    struct sc_debug *d = c->debug;

    if (c->want_exit && c->exit->reason != VEMU_EXIT_INTR)
        return c->exit->reason == VEMU_EXIT_DEBUG;
    d->armed = false;
    if (d->hit)
        report(c, d->points[d->point].kind, d->points[d->point].address);
    else if (d->step)
        report(c, VEMU_DEBUG_STEP, 0);
    d->hit = false;
    return false;
}

void sc_debug_faulted(struct sc_cpu *c)
{
    struct sc_debug *d = c->debug;

    d->hit = false;
    if (!d->armed || c->want_exit || !c->exc_pending)
        return;
    sc_deliver_exception(c); /* comes back here if that faults */
    d->armed = false;
    if (!c->want_exit)
        report(c, VEMU_DEBUG_STEP, 0);
}
