/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The run loop of a vCPU: events, then a trace, and again.
 *
 * Guest code leaves its traces for three reasons: c->async became nonzero (looked at on every
 * edge), a handler ended with SC_EXIT, or a fault came by longjmp. Each time the loop looks for
 * events in the order of SDM Vol. 3, table 6-2, and enters the trace at c->rip.
 *
 * One instruction at a time is executed while the interrupt shadow is on and while TF, a
 * breakpoint or a debugger's step or watchpoint is armed: the trace is one of SC_M_STEP's, and
 * SC_A_STEP makes its edge come back here.
 */
#include <time.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"

#ifdef SC_PORTABLE
static void execute(struct sc_cpu *c, struct sc_insn *i)
{
    while (i)
        i = i->fn(c, i);
}
#else
static void execute(struct sc_cpu *c, struct sc_insn *i)
{
    i->fn(c, i);
}
#endif

/* --- idle ----------------------------------------------------------------------------------- */

#define IDLE_WINDOW_NS 3000000000ull
#define IDLE_RECORDS 16384u /* not worth the trouble below */

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Going to sleep and being woken costs both sides some microseconds, and where the host's CPU goes
 * to sleep as well, tens of them. A vCPU whose last sleeps were short looks for async bits for a
 * while before it sleeps. How long grows with each short sleep and falls faster with each other
 * one, so that guests that are idle, or wait for their timers, do not poll at all.
 */
#define POLL_MAX_NS  50000u
#define POLL_STEP_NS 5000u
#define POLL_LOOKS   16u /* between two looks at the clock */

static bool poll_async(struct sc_cpu *c, uint64_t until)
{
    bool found = false;

    sc_sync_leave(c);
    do {
        for (unsigned n = 0; n < POLL_LOOKS && !found; n++) {
            found = atomic_load_explicit(&c->async, memory_order_relaxed) != 0;
            __builtin_ia32_pause();
        }
    } while (!found && now_ns() < until);
    sc_sync_enter(c);
    return found;
}

static uint32_t next_poll(const struct sc_cpu *c, uint32_t ns, uint64_t slept_ns)
{
    if (c->vm->sync->crowded)
        return 0;
    if (slept_ns > POLL_MAX_NS)
        return ns / 4 < POLL_STEP_NS ? 0 : ns / 4;
    return ns < POLL_STEP_NS ? POLL_STEP_NS : ns < POLL_MAX_NS / 2 ? 2 * ns : POLL_MAX_NS;
}

/* Waits for async bits. A guest that does next to nothing for a while gives back the memory of the
 * traces it needed to get there. */
static void idle(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;
    const bool big = t->used > IDLE_RECORDS;
    const uint32_t poll_ns = atomic_load_explicit(&t->poll_ns, memory_order_relaxed);
    uint64_t start = now_ns();

    if (t->woken_ns)
        t->ran_ns += start - t->woken_ns;
    if (!poll_ns || !poll_async(c, start + poll_ns))
        sc_sync_sleep(c, big ? IDLE_WINDOW_NS : 0);
    t->woken_ns = now_ns();
    atomic_store_explicit(&t->poll_ns, next_poll(c, poll_ns, t->woken_ns - start),
                          memory_order_relaxed);
    t->slept_ns += t->woken_ns - start;
    if (t->ran_ns + t->slept_ns < IDLE_WINDOW_NS)
        return;
    if (big && t->ran_ns * 32 < t->slept_ns)
        sc_traces_trim(c);
    t->ran_ns = t->slept_ns = 0;
}

/* --- events --------------------------------------------------------------------------------- */

/* Takes the async bits. False: leave sc_run(). */
static bool take_async(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;
    uint32_t bits = atomic_exchange(&c->async, 0);

    if (bits & SC_A_EXCLUSIVE) {
        sc_sync_leave(c);
        sc_sync_enter(c);
    }
    if (bits & SC_A_SMC)
        sc_smc_process(c);
    if (bits & SC_A_FLUSH) {
        sc_tlb_flush_all(c);
        sc_traces_flush(c);
    }
    if (bits & SC_A_INIT)
        sc_accept_init(c);
    if (bits & SC_A_SIPI)
        sc_accept_sipi(c);
    if (bits & SC_A_NMI)
        c->nmi_pending = true;
    if (bits & SC_A_INTR)
        t->irq_check = true;
    if (bits & SC_A_EXIT) {
        c->exit->reason = VEMU_EXIT_INTR;
        return false;
    }
    return true;
}

/* Delivers one interrupt, if there is one that may come now. */
static bool take_interrupt(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;

    /* A debugger's step is one of the code it looks at, not of an interrupt's. */
    if (SC_UNLIKELY(c->debug != NULL) && c->debug->step && !c->halted)
        return false;
    if (c->nmi_pending && !c->nmi_masked && !c->shadow) {
        c->nmi_pending = false;
        c->halted = 0;
        sc_deliver_nmi(c);
        return true;
    }
    if (SC_UNLIKELY(c->assist != NULL) && atomic_load(&c->assist->nmi_due) && !c->nmi_masked &&
        !c->shadow) {
        sc_assist_stop(c, SC_LEAVE_IRQ);
        return true;
    }
    if (t->irq_check && (c->eflags & SC_IF) && !c->shadow) {
        if (SC_UNLIKELY(c->assist != NULL) && sc_lapic_pending(c) == -1 &&
            atomic_load(&c->assist->irq_due)) {
            sc_assist_stop(c, SC_LEAVE_IRQ);
            return true;
        }
        if (sc_lapic_pending(c) == -1) {
            t->irq_check = false;
            return false;
        }
        int vector = sc_lapic_ack(c);
        if (vector >= 0) {
            c->halted = 0;
            sc_deliver_interrupt(c, (uint8_t)vector);
        }
        return true;
    }
    return false;
}

/* Handles what is due before the next instruction. False: leave sc_run(). */
static bool settle(struct sc_cpu *c)
{
    for (;;) {
        if (c->want_exit)
            return false;
        if (atomic_load_explicit(&c->async, memory_order_acquire)) {
            if (!take_async(c))
                return false;
        } else if (SC_UNLIKELY(c->mp_state == VEMU_MP_UNINITIALIZED ||
                               c->mp_state == VEMU_MP_INIT_RECEIVED)) {
            idle(c);
        } else if (SC_UNLIKELY(c->exc_pending)) {
            sc_deliver_exception(c);
        } else if ((c->traces->irq_check || c->nmi_pending) && take_interrupt(c)) {
            continue;
        } else if (SC_UNLIKELY(c->halted)) {
            if (c->assist)
                sc_assist_stop(c, SC_LEAVE_HALT);
            else
                idle(c);
        } else {
            return true;
        }
    }
}

/* --- execution ------------------------------------------------------------------------------ */

/* One instruction, with its debug exceptions. */
static SC_NOINLINE void step(struct sc_cpu *c)
{
    const uint32_t trap = c->eflags & SC_TF, resume = c->eflags & SC_RF;
    const uint8_t shadow = c->shadow;
    struct sc_insn *i;

    if (c->mode & SC_M_STEP) {
        uint64_t lin = c->mode & SC_M_64 ? c->rip : (uint32_t)(c->rip + c->seg[VEMU_CS].base);
        uint32_t hits = sc_debug_code(c, lin);
        if (hits)
            sc_debug_trap(c, hits);
    }
    c->eflags &= ~SC_RF;
    c->db_hits = 0;
    if (SC_UNLIKELY(c->debug != NULL))
        c->debug->armed = c->debug->step;
    i = sc_trace_find(c);
    c->shadow = 0;
    atomic_fetch_or_explicit(&c->async, SC_A_STEP, memory_order_relaxed);
    const bool no_trap = ((struct sc_trace *)(i - 1))->no_trap;
    execute(c, i);
    atomic_fetch_and_explicit(&c->async, ~SC_A_STEP, memory_order_relaxed);
    if (SC_UNLIKELY(c->debug != NULL) && sc_debug_done(c)) { /* it was not executed */
        c->shadow = shadow;
        c->eflags |= resume;
        return;
    }
    if (c->shadow == 2) /* MOV SS holds back debug traps, too (17.3.1.1) */
        return;
    if ((trap && !no_trap) || c->db_hits)
        sc_debug_trap(c, (trap && !no_trap ? SC_DR6_BS : 0) | c->db_hits);
}

/* Just one instruction of a lent vCPU; a fault it raises is the owner's to deliver. */
static SC_NOINLINE void one(struct sc_cpu *c)
{
    sc_assist_stop(c, SC_LEAVE_ONE);
    step(c);
}

int sc_run(struct sc_cpu *c, struct vemu_exit *exit)
{
    c->exit = exit;
    c->want_exit = false;
    c->gpr[SC_R_ZERO] = 0;
    c->gpr[SC_R_4K] = SC_PAGE_SIZE;
    c->link_from = NULL;
    c->traces->woken_ns = 0;
    if (c->mp_state == VEMU_MP_HALTED) {
        c->halted = 1;
        c->mp_state = VEMU_MP_RUNNABLE;
    }
    c->traces->irq_check = true; /* the state may have been set from outside */
    sc_sync_enter(c);
    sc_fpu_enter(c);

    if (setjmp(c->fault)) {
        atomic_fetch_and_explicit(&c->async, ~SC_A_STEP, memory_order_relaxed);
        if (SC_UNLIKELY(c->debug != NULL))
            sc_debug_faulted(c);
    } else if (SC_UNLIKELY(c->debug != NULL)) {
        c->debug->armed = c->debug->hit = false;
    }
    while (settle(c)) {
        if (SC_UNLIKELY(c->assist != NULL) && c->assist->single) {
            one(c);
            continue;
        }
        if (SC_UNLIKELY((c->mode & SC_M_STEP) || c->shadow)) {
            step(c);
            continue;
        }
        c->eflags &= ~SC_RF;
        struct sc_insn *i = sc_trace_find(c);
        if (SC_UNLIKELY(!(c->traces->options & SC_OPT_LINK)))
            atomic_fetch_or_explicit(&c->async, SC_A_STEP, memory_order_relaxed);
        execute(c, i);
    }

    sc_fpu_leave(c);
    sc_sync_leave(c);
    return 0;
}
