/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exceptions and interrupts: raising, nesting, giving up (SDM 3A.6).
 *
 * sc_raise() notes the exception and jumps back to the run loop, which calls
 * sc_deliver_exception(). A fault during delivery takes the same way: sc_raise_at_rip() sees in
 * c->delivering that it is nested and decides by table 6-5 whether it becomes a double fault,
 * replaces the first, or, during a double fault, shuts down. Delivery changes no register before
 * its last check, so c->rip is still that of the first event.
 */
#include "accel/soft/event/event.h"

#include <stdio.h>
#include <string.h>

#include "accel/soft/mem/mmu.h"
#include "accel/soft/parts.h"
#include "accel/soft/sys/sys.h"

static bool contributory(unsigned vector)
{
    return vector == SC_DE || (vector >= SC_TS && vector <= SC_GP);
}

/* SDM 3A, table 6-5. */
static bool makes_double_fault(unsigned first, unsigned second)
{
    if (first == SC_PFV)
        return second == SC_PFV || contributory(second);
    return contributory(first) && contributory(second);
}

void sc_raise_at_rip(struct sc_cpu *c, unsigned vector, int64_t error)
{
    if (SC_UNLIKELY(c->delivering == SC_DLV_EXCEPTION)) {
        if (c->dlv_vector == SC_DFV) {
            c->exc_triple = true;
        } else if (makes_double_fault(c->dlv_vector, vector)) {
            vector = SC_DFV;
            error = 0;
        }
    }
    c->delivering = SC_DLV_NONE;
    c->exc_vector = (uint8_t)vector;
    c->exc_has_error = error >= 0;
    c->exc_error = error >= 0 ? (uint32_t)error : 0;
    c->exc_soft = 0;
    c->exc_pending = true;
    c->db_hits = 0;
    longjmp(c->fault, 1);
}

void sc_raise(struct sc_cpu *c, const struct sc_insn *i, unsigned vector, int64_t error)
{
    if (i)
        c->rip = sc_rip(c, i);
    sc_raise_at_rip(c, vector, error);
}

static void deliver(struct sc_cpu *c, unsigned how, const struct sc_event *e)
{
    c->delivering = (uint8_t)how;
    c->dlv_vector = e->vector;
    sc_deliver(c, e);
    c->delivering = SC_DLV_NONE;
    c->shadow = 0;
}

void sc_deliver_exception(struct sc_cpu *c)
{
    if (!c->exc_pending)
        return;
    c->exc_pending = false;
    if (c->exc_triple) {
        c->exc_triple = false;
        sc_triple_fault(c);
        return;
    }
    struct sc_event e = {
        .vector = c->exc_vector,
        .soft = c->exc_soft,
        /* SDM 3B.18.3.1.1: not for instruction breakpoints, and traps have RIP behind. */
        .fault = c->exc_vector != SC_DB && !c->exc_soft,
        .has_error = c->exc_has_error,
        .error = c->exc_error,
        .rip = c->rip,
    };
    deliver(c, c->exc_soft ? SC_DLV_SOFTWARE : SC_DLV_EXCEPTION, &e);
    if (e.vector == SC_DB && (c->dr7 & SC_DR7_GD))
        c->dr7 &= ~(uint64_t)SC_DR7_GD;
}

void sc_deliver_interrupt(struct sc_cpu *c, uint8_t vector)
{
    struct sc_event e = { .vector = vector, .rip = c->rip };
    deliver(c, SC_DLV_EXTERNAL, &e);
}

void sc_deliver_nmi(struct sc_cpu *c)
{
    struct sc_event e = { .vector = SC_NMI, .rip = c->rip };
    c->nmi_pending = false;
    c->nmi_masked = 1;
    deliver(c, SC_DLV_EXTERNAL, &e);
}

void sc_software_interrupt(struct sc_cpu *c, uint8_t vector, uint64_t next_rip, bool int3_or_into)
{
    struct sc_event e = { .vector = vector, .soft = true, .rip = next_rip };
    /* Virtual-8086 mode without VME: INT n needs IOPL 3. */
    if ((c->mode & SC_M_V86) && !int3_or_into && (c->eflags & SC_IOPL) != SC_IOPL)
        sc_raise_at_rip(c, SC_GP, 0);
    deliver(c, SC_DLV_SOFTWARE, &e);
}

/* --- giving up ------------------------------------------------------------------------------- */

void sc_triple_fault(struct sc_cpu *c)
{
    sc_log(c->vm, SC_LOG_DEBUG, "vCPU %u: triple fault at %#llx, CR2 %#llx", c->id,
           (unsigned long long)c->rip, (unsigned long long)c->cr2);
    c->delivering = SC_DLV_NONE;
    if (c->exit)
        c->exit->reason = VEMU_EXIT_SHUTDOWN;
    c->want_exit = true;
}

/* The bytes at CS:RIP, as far as they are mapped to RAM. */
static unsigned instruction_bytes(struct sc_cpu *c, uint8_t *bytes, unsigned max)
{
    uint64_t va = c->mode & SC_M_64 ? c->rip : (uint32_t)(c->seg[VEMU_CS].base + c->rip);
    for (unsigned n = 0; n < max; n++) {
        uint64_t pa;
        struct sc_slot *s;
        if (!sc_translate(c, va + n, &pa) || !(s = sc_slot_find(c->vm, pa)))
            return n;
        bytes[n] = *sc_slot_host(s, pa);
    }
    return max;
}

void sc_internal_error(struct sc_cpu *c, const char *why)
{
    sc_log(c->vm, SC_LOG_ERROR, "vCPU %u: %s (at %04x:%#llx)", c->id, why,
           c->seg[VEMU_CS].selector, (unsigned long long)c->rip);
    c->delivering = SC_DLV_NONE;
    c->exc_pending = false;
    if (c->exit) {
        memset(&c->exit->internal, 0, sizeof(c->exit->internal));
        c->exit->reason = VEMU_EXIT_INTERNAL_ERROR;
        c->exit->internal.suberror = 1; /* emulation failure */
        c->exit->internal.insn_size = (uint8_t)instruction_bytes(
            c, c->exit->internal.insn, sizeof(c->exit->internal.insn));
    }
    c->want_exit = true;
    longjmp(c->fault, 1);
}
