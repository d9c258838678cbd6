/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System instructions: port I/O, flags, control and debug registers, MSRs, time, random numbers,
 * caches, fences, hints.
 *
 * Privilege is checked when the instruction runs (c->cpl), since traces are shared by privilege
 * levels; so is everything that hangs on control register bits. CPUID decides when the trace is
 * built.
 */
#include <sched.h>
#include <sys/random.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/trace/decode.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/stack.h"
#include "accel/soft/sys/sys.h"

SC_INLINE void need_cpl0(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->cpl))
        sc_raise(c, i, SC_GP, 0);
}

/* --- port I/O: aux = size, imm = port (immediate forms) --------------------------------------- */

static SC_NOINLINE void do_in(struct sc_cpu *c, struct sc_insn *i, uint16_t port)
{
    uint32_t v;

    sc_check_io(c, i, port, i->aux);
    c->rip = sc_rip(c, i); /* a device may ask where we are */
    v = sc_io_in(c, port, i->aux);
    if (i->aux == 1)
        sc_set8(c, VEMU_RAX * 8, (uint8_t)v);
    else if (i->aux == 2)
        sc_set16(c, VEMU_RAX, (uint16_t)v);
    else
        sc_set32(c, VEMU_RAX, v);
}

static SC_NOINLINE void do_out(struct sc_cpu *c, struct sc_insn *i, uint16_t port)
{
    sc_check_io(c, i, port, i->aux);
    c->rip = sc_rip(c, i);
    sc_io_out(c, port, i->aux, sc_get32(c, VEMU_RAX));
}

SC_OP(op_in_imm)
{
    do_in(c, i, (uint8_t)i->imm);
    SC_LEAVE;
}
SC_OP(op_in_dx)
{
    do_in(c, i, sc_get16(c, VEMU_RDX));
    SC_LEAVE;
}
/* A device may have changed memory slots, reset the machine...: nothing of this trace may follow.
 * */
SC_OP(op_out_imm)
{
    do_out(c, i, (uint8_t)i->imm);
    SC_LEAVE;
}
SC_OP(op_out_dx)
{
    do_out(c, i, sc_get16(c, VEMU_RDX));
    SC_LEAVE;
}

/* --- interrupt flag, HLT, flags on the stack -------------------------------------------------- */

/* CLI and STI by IOPL (SDM Vol. 2, CLI; neither VME nor PVI). */
SC_INLINE void need_iopl(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->cpl > (c->eflags & SC_IOPL) >> 12))
        sc_raise(c, i, SC_GP, 0);
}

SC_OP(op_cli)
{
    need_iopl(c, i);
    c->eflags &= ~SC_IF;
    SC_NEXT;
}

SC_OP(op_sti)
{
    need_iopl(c, i);
    if (!(c->eflags & SC_IF)) {
        c->eflags |= SC_IF;
        c->shadow = 1;
        sc_intr_recheck(c);
    }
    SC_LEAVE; /* also when IF was set: nothing follows in the trace */
}

SC_OP(op_hlt)
{
    need_cpl0(c, i);
    c->halted = 1;
    sc_count(c, SC_CNT_HALT);
    SC_LEAVE;
}

/* V86 with IOPL < 3. */
SC_INLINE void check_v86_iopl(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY((c->mode & SC_M_V86) && (c->eflags & SC_IOPL) != SC_IOPL))
        sc_raise(c, i, SC_GP, 0);
}

SC_OP(op_pushf) /* aux = size */
{
    check_v86_iopl(c, i);
    sc_push(c, i, i->aux, sc_rflags(c) & ~(SC_VM | SC_RF));
    SC_NEXT;
}

SC_OP(op_popf)
{
    uint64_t v, old;
    uint32_t mask;

    check_v86_iopl(c, i);
    v = sc_pop(c, i, i->aux);
    mask = SC_ARITH | SC_TF | SC_DF | SC_NT;
    if (i->aux > 2)
        mask |= SC_AC | SC_ID | SC_RF;
    if (c->cpl == 0)
        mask |= SC_IOPL;
    if (c->cpl <= (c->eflags & SC_IOPL) >> 12)
        mask |= SC_IF;
    old = c->eflags;
    sc_set_rflags(c, v & ~(uint64_t)SC_RF, mask);
    if (SC_LIKELY(!((c->eflags ^ old) & (SC_TF | SC_AC | SC_IF))))
        SC_NEXT;
    SC_LEAVE;
}

/* --- control and debug registers: dst = register, aux = GPR, aux2 = 64-bit -------------------- */

static SC_NOINLINE uint64_t read_cr(struct sc_cpu *c, unsigned n)
{
    switch (n) {
    case 0: return c->cr0;
    case 2: return c->cr2;
    case 3: return c->cr3;
    case 4: return c->cr4;
    default: return c->assist ? c->assist->cr8 : sc_lapic_tpr(c);
    }
}

static SC_NOINLINE int write_cr(struct sc_cpu *c, unsigned n, uint64_t v)
{
    switch (n) {
    case 0: return sc_write_cr0(c, v);
    case 2: c->cr2 = v; return 0;
    case 3: return sc_write_cr3(c, v);
    case 4: return sc_write_cr4(c, v);
    default:
        if (v >> 4 || c->assist)
            return -1;
        sc_lapic_set_tpr(c, (uint8_t)v);
        return 0;
    }
}

SC_OP(op_mov_r_cr)
{
    need_cpl0(c, i);
    if (i->aux2)
        sc_set64(c, i->aux, read_cr(c, i->dst));
    else
        sc_set32(c, i->aux, (uint32_t)read_cr(c, i->dst));
    SC_NEXT;
}

/* CR8 is the owner's, and CR4 may have bits that are not known here but to whose vCPU it is. */
static SC_NOINLINE void leave_unknown(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t v = i->aux2 ? sc_get64(c, i->aux) : sc_get32(c, i->aux);

    if (i->dst == 8 ? !(v >> 4) : (v & ~sc_cr4_allowed(c)) != 0)
        sc_assist_leave(c, i, "control register");
}

SC_OP(op_mov_cr_r)
{
    need_cpl0(c, i);
    /* The TLB and the mode may be others afterwards: RIP first, by the old ones. */
    c->rip = sc_next_rip(c, i);
    if (write_cr(c, i->dst, i->aux2 ? sc_get64(c, i->aux) : sc_get32(c, i->aux))) {
        if (c->assist && (i->dst == 8 || i->dst == 4))
            leave_unknown(c, i);
        sc_raise(c, i, SC_GP, 0);
    }
    SC_EXIT;
}

/* Checks common to both directions; returns the register after DR4/DR5 aliasing. */
static SC_NOINLINE unsigned check_dr(struct sc_cpu *c, const struct sc_insn *i)
{
    unsigned n = i->dst;

    if (n == 4 || n == 5) {
        if (c->cr4 & SC_CR4_DE)
            sc_raise(c, i, SC_UD, -1);
        n += 2;
    }
    if (c->cpl)
        sc_raise(c, i, SC_GP, 0);
    if (c->dr7 & SC_DR7_GD) { /* SDM 3.18.2.4: the handler gets at the registers */
        c->dr7 &= ~(uint64_t)SC_DR7_GD;
        c->dr6 |= SC_DR6_BD;
        sc_raise(c, i, SC_DB, -1);
    }
    return n;
}

static SC_NOINLINE uint64_t read_dr(struct sc_cpu *c, const struct sc_insn *i)
{
    unsigned n = check_dr(c, i);

    return n < 4 ? c->dr[n] : n == 6 ? c->dr6 : c->dr7;
}

static SC_NOINLINE void write_dr(struct sc_cpu *c, const struct sc_insn *i, uint64_t v)
{
    unsigned n = check_dr(c, i);

    if (n >= 6 && v >> 32)
        sc_raise(c, i, SC_GP, 0);
    if (n < 4)
        c->dr[n] = v;
    else if (n == 6)
        c->dr6 = (v & 0xe00f) | SC_DR6_FIXED;
    else
        c->dr7 = (v & 0xffff23ff) | 0x400;
}

SC_OP(op_mov_r_dr)
{
    if (i->aux2)
        sc_set64(c, i->aux, read_dr(c, i));
    else
        sc_set32(c, i->aux, (uint32_t)read_dr(c, i));
    SC_NEXT;
}

SC_OP(op_mov_dr_r)
{
    write_dr(c, i, i->aux2 ? sc_get64(c, i->aux) : sc_get32(c, i->aux));
    c->rip = sc_next_rip(c, i);
    sc_update_mode(c);
    SC_EXIT;
}

SC_INLINE void check_umip(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->cpl && (c->cr4 & SC_CR4_UMIP)))
        sc_raise(c, i, SC_GP, 0);
}

SC_OP(op_smsw_r) /* aux = operand size */
{
    check_umip(c, i);
    if (i->aux == 2)
        sc_set16(c, i->dst, (uint16_t)c->cr0);
    else if (i->aux == 4)
        sc_set32(c, i->dst, (uint32_t)c->cr0);
    else
        sc_set64(c, i->dst, c->cr0);
    SC_NEXT;
}
SC_OP(op_smsw_m)
{
    check_umip(c, i);
    sc_st16(c, i, sc_ea(c, i), (uint16_t)c->cr0);
    SC_NEXT;
}

/* Sets MP, EM, TS and can set, not clear, PE. */
static SC_NOINLINE void do_lmsw(struct sc_cpu *c, const struct sc_insn *i, uint16_t v)
{
    c->rip = sc_next_rip(c, i);
    if (sc_write_cr0(c, (c->cr0 & ~0xeull) | (v & 0xf)))
        sc_raise(c, i, SC_GP, 0);
}
SC_OP(op_lmsw_r)
{
    need_cpl0(c, i);
    do_lmsw(c, i, sc_get16(c, i->src));
    SC_EXIT;
}
SC_OP(op_lmsw_m)
{
    need_cpl0(c, i);
    do_lmsw(c, i, sc_ld16(c, i, sc_ea(c, i)));
    SC_EXIT;
}

SC_OP(op_clts)
{
    need_cpl0(c, i);
    c->rip = sc_next_rip(c, i);
    c->cr0 &= ~(uint64_t)SC_CR0_TS;
    sc_update_mode(c);
    SC_EXIT;
}

SC_OP(op_stac_clac) /* aux: 1 STAC */
{
    if (SC_UNLIKELY(c->cpl))
        sc_raise(c, i, SC_UD, -1);
    /* At CPL 0 AC has no part in the mode: no need to leave the trace. */
    c->eflags = i->aux ? c->eflags | SC_AC : c->eflags & ~SC_AC;
    SC_NEXT;
}

SC_OP(op_invlpg) /* aux = segment */
{
    need_cpl0(c, i);
    sc_tlb_flush_page(c, sc_ea(c, i) + sc_seg_base(c, i->aux));
    SC_LEAVE;
}

SC_OP(op_wbinvd) /* caches are coherent: nothing to write back */
{
    need_cpl0(c, i);
    SC_NEXT;
}

/* --- MSRs, CPUID, time, random numbers -------------------------------------------------------- */

static SC_NOINLINE void do_rdmsr(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint32_t index = sc_get32(c, VEMU_RCX);
    uint64_t v;
    int r = SC_LIKELY(!c->assist) ? sc_rdmsr(c, index, &v) : sc_assist_rdmsr(c, index, &v);

    if (r > 0)
        sc_assist_leave(c, i, "MSR");
    if (r)
        sc_raise(c, i, SC_GP, 0);
    sc_set32(c, VEMU_RAX, (uint32_t)v);
    sc_set32(c, VEMU_RDX, (uint32_t)(v >> 32));
}

SC_OP(op_rdmsr)
{
    need_cpl0(c, i);
    do_rdmsr(c, i);
    SC_NEXT;
}

SC_OP(op_wrmsr)
{
    need_cpl0(c, i);
    c->rip = sc_next_rip(c, i);
    const uint64_t v = (uint64_t)sc_get32(c, VEMU_RDX) << 32 | sc_get32(c, VEMU_RAX);
    const int r = SC_LIKELY(!c->assist) ? sc_wrmsr(c, sc_get32(c, VEMU_RCX), v)
                                        : sc_assist_wrmsr(c, sc_get32(c, VEMU_RCX), v);
    if (SC_UNLIKELY(r > 0))
        sc_assist_leave(c, i, "MSR");
    if (r)
        sc_raise(c, i, SC_GP, 0);
    SC_EXIT;
}

static SC_NOINLINE void do_cpuid(struct sc_cpu *c)
{
    uint32_t out[4];

    sc_cpuid(c, sc_get32(c, VEMU_RAX), sc_get32(c, VEMU_RCX), out);
    sc_set32(c, VEMU_RAX, out[0]);
    sc_set32(c, VEMU_RBX, out[1]);
    sc_set32(c, VEMU_RCX, out[2]);
    sc_set32(c, VEMU_RDX, out[3]);
}

SC_OP(op_cpuid)
{
    if (SC_UNLIKELY(c->assist != NULL) && sc_get32(c, VEMU_RAX) == 0xd)
        sc_assist_need_fpu(c, i); /* sizes depend on XCR0 */
    do_cpuid(c);
    SC_NEXT;
}

static SC_NOINLINE void do_rdtsc(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t tsc;

    if ((c->cr4 & SC_CR4_TSD) && c->cpl)
        sc_raise(c, i, SC_GP, 0);
    tsc = sc_time_tsc(c);
    sc_set32(c, VEMU_RAX, (uint32_t)tsc);
    sc_set32(c, VEMU_RDX, (uint32_t)(tsc >> 32));
}

SC_OP(op_rdtsc)
{
    do_rdtsc(c, i);
    SC_NEXT;
}
SC_OP(op_rdtscp)
{
    do_rdtsc(c, i);
    sc_set32(c, VEMU_RCX, (uint32_t)c->tsc_aux);
    SC_NEXT;
}
SC_OP(op_rdpid) /* always a whole register */
{
    sc_set64(c, i->dst, (uint32_t)c->tsc_aux);
    SC_NEXT;
}
SC_OP(op_rdpmc) /* no counters: every index is out of range */
{
    sc_raise(c, i, SC_GP, 0);
}

static SC_NOINLINE void do_random(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t v;
    bool ok = getrandom(&v, sizeof(v), GRND_NONBLOCK) == (ssize_t)sizeof(v);

    if (!ok)
        v = 0;
    if (i->aux == 2)
        sc_set16(c, i->dst, (uint16_t)v);
    else if (i->aux == 4)
        sc_set32(c, i->dst, (uint32_t)v);
    else
        sc_set64(c, i->dst, v);
    sc_flags_set_arith(c, ok ? SC_CF : 0);
}

SC_OP(op_random) /* RDRAND, RDSEED; aux = operand size */
{
    do_random(c, i);
    SC_NEXT;
}

/* --- caches, fences, hints -------------------------------------------------------------------- */

SC_OP(op_nop)
{
    SC_NEXT;
}

SC_OP(op_mfence)
{
    atomic_thread_fence(memory_order_seq_cst);
    SC_NEXT;
}
SC_OP(op_fence) /* LFENCE, SFENCE: the host keeps loads and stores in order */
{
    atomic_signal_fence(memory_order_seq_cst);
    SC_NEXT;
}

SC_OP(op_clflush) /* a load as far as faults are concerned */
{
    sc_probe_read(c, i, sc_ea(c, i), 1);
    SC_NEXT;
}

/* A spinning vCPU gives its host CPU away now and then: who holds the lock may be waiting for it.
 * */
#define PAUSES_PER_YIELD 64u

static SC_NOINLINE void do_pause(struct sc_cpu *c)
{
    if (++c->pauses < PAUSES_PER_YIELD)
        return;
    c->pauses = 0;
    if (__atomic_load_n(&c->vm->cpu_count, __ATOMIC_RELAXED) > 1)
        sched_yield();
}

SC_OP(op_pause)
{
    do_pause(c);
    SC_NEXT;
}

/* --- emitters ------------------------------------------------------------------------------- */

static bool emit(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn)
{
    sc_tb_add(tb, d, fn);
    return true;
}

static bool emit_last(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn)
{
    sc_tb_add(tb, d, fn);
    tb->end = true;
    return true;
}

static bool emit_io(struct sc_tb *tb, const struct sc_dec *d)
{
    bool out = d->opcode & 2, dx = d->opcode & 8;
    struct sc_insn *r =
        sc_tb_add(tb, d, out ? dx ? op_out_dx : op_out_imm : dx ? op_in_dx : op_in_imm);

    r->aux = d->opcode & 1 ? d->osz == 2 ? 2 : 4 : 1;
    tb->end = true;
    return true;
}

static bool emit_flags(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_insn *r = sc_tb_add(tb, d, d->opcode == 0x9c ? op_pushf : op_popf);

    r->aux = d->osz == 2 ? 2 : d->mode & SC_M_64 ? 8 : 4;
    return true;
}

static bool emit_control(struct sc_tb *tb, const struct sc_dec *d)
{
    bool debug = d->opcode & 1, write = d->opcode & 2;
    unsigned n = d->reg;
    struct sc_insn *r;

    if (debug ? n > 7 : n != 0 && n != 2 && n != 3 && n != 4 && n != 8)
        return false;
    r = sc_tb_add(tb, d, debug ? write ? op_mov_dr_r : op_mov_r_dr
                               : write ? op_mov_cr_r : op_mov_r_cr);
    r->dst = (uint8_t)n;
    r->aux = d->rm;
    r->aux2 = (d->mode & SC_M_64) != 0;
    tb->end |= write;
    return true;
}

/* 0F 01 with the sub-opcodes that the decoder gives to us. */
static bool emit_0f01(struct sc_tb *tb, const struct sc_dec *d)
{
    const struct sc_cpu *c = tb->c;
    struct sc_insn *r;

    if (d->mem) {
        switch (d->reg3) {
        case 4: sc_tb_mem(tb, d, op_smsw_m, 2, true); return true;
        case 6:
            sc_tb_mem(tb, d, op_lmsw_m, 2, false);
            tb->end = true;
            return true;
        case 7:
            r = sc_tb_mem(tb, d, op_invlpg, 0, false);
            r->aux = d->mseg;
            tb->end = true;
            return true;
        default: return false;
        }
    }
    switch (d->modrm) {
    case 0xca: /* CLAC */
    case 0xcb: /* STAC */
        if (!sc_has(c, SC_CPUID_7_EBX, 20) || d->p66 || d->rep)
            return false;
        r = sc_tb_add(tb, d, op_stac_clac);
        r->aux = d->modrm & 1;
        return true;
    case 0xe0 ... 0xe7:
        r = sc_tb_add(tb, d, op_smsw_r);
        r->dst = d->rm;
        r->aux = d->osz;
        return true;
    case 0xf0 ... 0xf7:
        r = sc_tb_add(tb, d, op_lmsw_r);
        r->src = d->rm;
        tb->end = true;
        return true;
    case 0xf9: return sc_has(c, SC_CPUID_81_EDX, 27) && emit(tb, d, op_rdtscp);
    default: return false; /* VMX, MONITOR, XGETBV and others this CPU does not have */
    }
}

static bool emit_0fae(struct sc_tb *tb, const struct sc_dec *d)
{
    const struct sc_cpu *c = tb->c;

    if (!d->mem) {
        if (d->p66 || d->rep)
            return false;
        switch (d->reg3) {
        case 5:
        case 7: return emit(tb, d, op_fence);
        case 6: return emit(tb, d, op_mfence);
        default: return false;
        }
    }
    if (d->rep)
        return false;
    /* 66 /7 CLFLUSHOPT, 66 /6 CLWB, /7 CLFLUSH */
    if (!sc_has(c, d->p66 ? SC_CPUID_7_EBX : SC_CPUID_1_EDX, d->p66 ? d->reg3 == 7 ? 23 : 24 : 19))
        return false;
    sc_tb_mem(tb, d, op_clflush, 1, false);
    return true;
}

static bool emit_0fc7(struct sc_tb *tb, const struct sc_dec *d)
{
    const struct sc_cpu *c = tb->c;
    struct sc_insn *r;

    if (d->mem || d->reg3 < 6 || d->rep == 0xf2)
        return false;
    if (d->rep == 0xf3) {
        if (d->reg3 != 7 || !sc_has(c, SC_CPUID_7_ECX, 22))
            return false;
        r = sc_tb_add(tb, d, op_rdpid);
    } else {
        if (d->reg3 == 6 ? !sc_has(c, SC_CPUID_1_ECX, 30) : !sc_has(c, SC_CPUID_7_EBX, 18))
            return false;
        r = sc_tb_add(tb, d, op_random);
        r->aux = d->osz;
    }
    r->dst = d->rm;
    return true;
}

bool sc_emit_sys(struct sc_tb *tb, const struct sc_dec *d)
{
    switch (d->opcode) {
    case 0x90: return emit(tb, d, d->rep == 0xf3 ? op_pause : op_nop);
    case 0x9c:
    case 0x9d: return emit_flags(tb, d);
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef: return emit_io(tb, d);
    case 0xf4: return emit_last(tb, d, op_hlt);
    case 0xfa: return emit(tb, d, op_cli);
    case 0xfb: return emit_last(tb, d, op_sti);
    case SC_MAP_0F | 0x01: return emit_0f01(tb, d);
    case SC_MAP_0F | 0x06: return emit_last(tb, d, op_clts);
    case SC_MAP_0F | 0x08:
    case SC_MAP_0F | 0x09: return emit(tb, d, op_wbinvd);
    case SC_MAP_0F | 0x0d: /* PREFETCHW */
    case SC_MAP_0F | 0x18 ... SC_MAP_0F | 0x1f: return emit(tb, d, op_nop);
    case SC_MAP_0F | 0x20 ... SC_MAP_0F | 0x23: return emit_control(tb, d);
    case SC_MAP_0F | 0x30: return emit_last(tb, d, op_wrmsr);
    case SC_MAP_0F | 0x31: return emit(tb, d, op_rdtsc);
    case SC_MAP_0F | 0x32: return emit(tb, d, op_rdmsr);
    case SC_MAP_0F | 0x33: return emit_last(tb, d, op_rdpmc);
    case SC_MAP_0F | 0xa2: return emit(tb, d, op_cpuid);
    case SC_MAP_0F | 0xae: return emit_0fae(tb, d);
    case SC_MAP_0F | 0xc7: return emit_0fc7(tb, d);
    case SC_MAP_38 | 0x82: return sc_emit_invpcid(tb, d);
    default:
        /* UD0, UD1, UD2, GETSEC, RSM, VMX: invalid here. */
        return false;
    }
}
