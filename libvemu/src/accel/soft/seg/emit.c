/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Emitter and handlers of the instructions that deal with segments and privilege.
 *
 * Whatever loads CS or SS, or may change the mode, ends its trace and leaves to the run loop. The
 * bodies are in far.c, iret.c, syscall.c, seg/load.c and seg/query.c; they report faults at c->rip,
 * so each handler sets it first.
 */
#include <string.h>

#include "accel/soft/trace/decode.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/seg/seg.h"
#include "accel/soft/seg/query.h"
#include "accel/soft/mem/stack.h"

static inline void here(struct sc_cpu *c, const struct sc_insn *i)
{
    c->rip = sc_rip(c, i);
}

static inline void require_cpl0(struct sc_cpu *c)
{
    if (SC_UNLIKELY(c->cpl != 0))
        sc_raise_at_rip(c, SC_GP, 0);
}

/* SGDT, SIDT, SLDT, STR under CR4.UMIP. */
static inline void require_umip(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->cpl != 0 && (c->cr4 & SC_CR4_UMIP)))
        sc_raise(c, i, SC_GP, 0);
}

static inline void set_reg(struct sc_cpu *c, unsigned reg, unsigned osz, uint64_t v)
{
    if (osz == 2)
        sc_set16(c, reg, (uint16_t)v);
    else if (osz == 4)
        sc_set32(c, reg, (uint32_t)v);
    else
        sc_set64(c, reg, v);
}

static inline uint64_t ld_sized(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,
                                unsigned size)
{
    return size == 2 ? sc_ld16(c, i, va) : size == 4 ? sc_ld32(c, i, va) : sc_ld64(c, i, va);
}

/* The 16-bit source operand: a register, or memory when aux3 is set. */
static inline uint16_t source16(struct sc_cpu *c, const struct sc_insn *i)
{
    return i->aux3 ? sc_ld16(c, i, sc_ea(c, i)) : sc_get16(c, i->src);
}

/* --- segment registers ------------------------------------------------------------------------ */
/* aux: segment register, aux2: operand size. */

static void enter_shadow(struct sc_cpu *c, const struct sc_insn *i)
{
    c->rip = sc_next_rip(c, i);
    c->shadow = 2;
}

SC_OP(mov_to_seg)
{
    here(c, i);
    sc_load_seg(c, i->aux, source16(c, i));
    SC_NEXT;
}

SC_OP(mov_to_ss)
{
    here(c, i);
    sc_load_seg(c, VEMU_SS, source16(c, i));
    enter_shadow(c, i);
    SC_EXIT;
}

SC_OP(mov_from_seg_reg)
{
    set_reg(c, i->dst, i->aux2, c->seg[i->aux].selector);
    SC_NEXT;
}

SC_OP(mov_from_seg_mem)
{
    sc_st16(c, i, sc_ea(c, i), c->seg[i->aux].selector);
    SC_NEXT;
}

/* With a 32-bit operand size only the low half of the stack slot is written (SDM Vol. 2, PUSH). */
static SC_NOINLINE void push_seg_body(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t sp = c->gpr[VEMU_RSP] - i->aux2;

    sc_stack_st(c, i, sp, i->aux2 == 4 ? 2 : i->aux2, c->seg[i->aux].selector);
    sc_sp_set(c, sp);
}
SC_OP(push_seg)
{
    push_seg_body(c, i);
    SC_NEXT;
}

/* RSP moves by the width the stack had before SS was loaded. */
static SC_NOINLINE void pop_seg_body(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t old = c->gpr[VEMU_RSP], mask = sc_sp_mask(c);
    uint16_t sel = (uint16_t)sc_stack_ld(c, i, old & mask, i->aux2);
    here(c, i);
    sc_load_seg(c, i->aux, sel);
    uint64_t sp = (old + i->aux2) & mask;
    c->gpr[VEMU_RSP] = mask == 0xffff ? (old & ~mask) | sp : sp;
}

SC_OP(pop_seg)
{
    pop_seg_body(c, i);
    SC_NEXT;
}

SC_OP(pop_ss)
{
    pop_seg_body(c, i);
    enter_shadow(c, i);
    SC_EXIT;
}

static SC_NOINLINE void load_far_pointer(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);
    uint64_t off = ld_sized(c, i, va, i->aux2);
    uint16_t sel = sc_ld16(c, i, va + i->aux2);
    here(c, i);
    sc_load_seg(c, i->aux, sel);
    set_reg(c, i->dst, i->aux2, off);
}

SC_OP(lxs)
{
    load_far_pointer(c, i);
    SC_NEXT;
}

SC_OP(lss)
{
    load_far_pointer(c, i);
    SC_LEAVE;
}

/* --- far transfers ---------------------------------------------------------------------------- */
/* Direct: imm offset, disp selector. aux2: operand size. */

SC_OP(far_jmp)
{
    here(c, i);
    sc_far_jump(c, (uint16_t)i->disp, i->imm, i->aux2);
    SC_EXIT;
}

SC_OP(far_call)
{
    here(c, i);
    sc_far_call(c, (uint16_t)i->disp, i->imm, i->aux2, sc_next_rip(c, i));
    SC_EXIT;
}

SC_OP(far_jmp_mem)
{
    uint64_t va = sc_ea(c, i), off = ld_sized(c, i, va, i->aux2);
    uint16_t sel = sc_ld16(c, i, va + i->aux2);
    here(c, i);
    sc_far_jump(c, sel, off, i->aux2);
    SC_EXIT;
}

SC_OP(far_call_mem)
{
    uint64_t va = sc_ea(c, i), off = ld_sized(c, i, va, i->aux2);
    uint16_t sel = sc_ld16(c, i, va + i->aux2);
    here(c, i);
    sc_far_call(c, sel, off, i->aux2, sc_next_rip(c, i));
    SC_EXIT;
}

SC_OP(far_ret)
{
    here(c, i);
    sc_far_return(c, i->aux2, (uint16_t)i->imm);
    SC_EXIT;
}

SC_OP(iret)
{
    here(c, i);
    sc_iret(c, i->aux2);
    SC_EXIT;
}

SC_OP(int_n)
{
    here(c, i);
    sc_software_interrupt(c, (uint8_t)i->imm, sc_next_rip(c, i), false);
    SC_EXIT;
}

SC_OP(int3)
{
    here(c, i);
    sc_software_interrupt(c, SC_BP, sc_next_rip(c, i), true);
    SC_EXIT;
}

SC_OP(into)
{
    here(c, i);
    if (sc_flag_of(c))
        sc_software_interrupt(c, SC_OVF, sc_next_rip(c, i), true);
    else
        c->rip = sc_next_rip(c, i);
    SC_EXIT;
}

/* INT1 is a #DB trap that no privilege check stops. */
SC_OP(int1)
{
    c->rip = sc_next_rip(c, i);
    sc_raise_at_rip(c, SC_DB, -1);
}

/* The upper bound is not looked at when the index is below the lower one. */
static SC_NOINLINE bool within_bounds(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);

    if (i->aux2 == 2) {
        int16_t index = (int16_t)sc_get16(c, i->src);
        return index >= (int16_t)sc_ld16(c, i, va) && index <= (int16_t)sc_ld16(c, i, va + 2);
    }
    int32_t index = (int32_t)sc_get32(c, i->src);
    return index >= (int32_t)sc_ld32(c, i, va) && index <= (int32_t)sc_ld32(c, i, va + 4);
}
SC_OP(bound)
{
    if (!within_bounds(c, i))
        sc_raise(c, i, SC_BR, -1);
    SC_NEXT;
}

/* --- system calls ----------------------------------------------------------------------------- */

SC_OP(syscall_)
{
    here(c, i);
    sc_syscall(c, sc_next_rip(c, i));
    SC_EXIT;
}

SC_OP(sysret)
{
    here(c, i);
    sc_sysret(c, i->aux2);
    SC_EXIT;
}

SC_OP(sysenter)
{
    here(c, i);
    sc_sysenter(c);
    SC_EXIT;
}

SC_OP(sysexit)
{
    here(c, i);
    sc_sysexit(c, i->aux2);
    SC_EXIT;
}

SC_OP(swapgs)
{
    if (SC_UNLIKELY(c->cpl != 0))
        sc_raise(c, i, SC_GP, 0);
    uint64_t base = c->seg[VEMU_GS].base;
    c->seg[VEMU_GS].base = c->kernel_gs_base;
    c->kernel_gs_base = base;
    SC_NEXT;
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE. aux: segment register, aux2: operand size. */
static inline void require_fsgsbase(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(!(c->cr4 & SC_CR4_FSGSBASE)))
        sc_raise(c, i, SC_UD, -1);
}

SC_OP(rd_base)
{
    require_fsgsbase(c, i);
    set_reg(c, i->dst, i->aux2, c->seg[i->aux].base);
    SC_NEXT;
}

SC_OP(wr_base)
{
    require_fsgsbase(c, i);
    uint64_t v = i->aux2 == 8 ? sc_get64(c, i->dst) : sc_get32(c, i->dst);
    if (!sc_canonical(v))
        sc_raise(c, i, SC_GP, 0);
    c->seg[i->aux].base = v;
    SC_NEXT;
}

/* --- descriptor-table registers --------------------------------------------------------------- */
/* aux: 0 GDTR, 1 IDTR; aux2: operand size. */

static SC_NOINLINE void store_table(struct sc_cpu *c, struct sc_insn *i)
{
    const struct vemu_dtable *t = i->aux ? &c->idt : &c->gdt;
    uint8_t bytes[10];
    require_umip(c, i);
    memcpy(bytes, &t->limit, 2);
    memcpy(bytes + 2, &t->base, 8);
    sc_write_block(c, i, sc_ea(c, i), bytes, c->mode & SC_M_64 ? 10 : 6);
}

SC_OP(sgdt)
{
    store_table(c, i);
    SC_NEXT;
}

static SC_NOINLINE void load_table(struct sc_cpu *c, struct sc_insn *i)
{
    uint8_t bytes[10] = { 0 };
    struct vemu_dtable t;
    here(c, i);
    require_cpl0(c);
    sc_read_block(c, i, sc_ea(c, i), bytes, c->mode & SC_M_64 ? 10 : 6);
    memcpy(&t.limit, bytes, 2);
    memcpy(&t.base, bytes + 2, 8);
    if (!(c->mode & SC_M_64) && i->aux2 == 2)
        t.base &= 0xffffff;
    if (!sc_canonical(t.base))
        sc_raise_at_rip(c, SC_GP, 0);
    *(i->aux ? &c->idt : &c->gdt) = t;
}

SC_OP(lgdt)
{
    load_table(c, i);
    SC_NEXT;
}

/* SLDT and STR. aux: 0 LDTR, 1 TR. */
SC_OP(sldt_reg)
{
    require_umip(c, i);
    set_reg(c, i->dst, i->aux2, i->aux ? c->tr.selector : c->ldt.selector);
    SC_NEXT;
}

SC_OP(sldt_mem)
{
    require_umip(c, i);
    sc_st16(c, i, sc_ea(c, i), i->aux ? c->tr.selector : c->ldt.selector);
    SC_NEXT;
}

SC_OP(lldt)
{
    here(c, i);
    require_cpl0(c);
    uint16_t sel = source16(c, i);
    if (i->aux)
        sc_ltr(c, sel);
    else
        sc_lldt(c, sel);
    SC_NEXT;
}

/* --- questions about descriptors -------------------------------------------------------------- */

/* VERR and VERW. aux: write. */
SC_OP(verify)
{
    here(c, i);
    sc_set_zf(c, sc_verify(c, source16(c, i), i->aux));
    SC_NEXT;
}

/* LAR and LSL. aux: LSL. */
static SC_NOINLINE void lar_body(struct sc_cpu *c, struct sc_insn *i)
{
    uint32_t v;
    uint16_t sel = source16(c, i);
    here(c, i);
    bool ok = i->aux ? sc_lsl(c, sel, &v) : sc_lar(c, sel, &v);
    if (ok)
        set_reg(c, i->dst, i->aux2, v);
    sc_set_zf(c, ok);
}

SC_OP(lar)
{
    lar_body(c, i);
    SC_NEXT;
}

static SC_NOINLINE void arpl_body(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t va = i->aux3 ? sc_ea(c, i) : 0;
    uint16_t dst, rpl = sc_get16(c, i->src) & 3;
    dst = i->aux3 ? sc_ld16(c, i, va) : sc_get16(c, i->dst); /* written only when it changes */
    bool lower = (dst & 3) < rpl;
    if (lower) {
        dst = (uint16_t)((dst & ~3) | rpl);
        if (i->aux3) {
            const struct vemu_segment *s = &c->seg[i->aux];
            if (!(c->mode & SC_M_REAL) && ((s->type & 8) || !(s->type & 2)))
                sc_raise(c, i, i->flags & SC_I_SS ? SC_SS : SC_GP, 0);
            sc_st16(c, i, va, dst);
        } else
            sc_set16(c, i->dst, dst);
    }
    sc_set_zf(c, lower);
}

SC_OP(arpl)
{
    arpl_body(c, i);
    SC_NEXT;
}

/* --- emitter -------------------------------------------------------------------------------- */

/* Record with a memory operand of `size` bytes or none; aux3 tells which. */
static struct sc_insn *add_rm(struct sc_tb *tb, const struct sc_dec *d, sc_fn *reg, sc_fn *mem,
                              unsigned size, bool write)
{
    struct sc_insn *r = d->mem ? sc_tb_mem(tb, d, mem, size, write) : sc_tb_add(tb, d, reg);
    r->aux3 = d->mem;
    r->aux2 = d->osz;
    return r;
}

static bool emit_mov_to_seg(struct sc_tb *tb, const struct sc_dec *d)
{
    if (d->reg3 == VEMU_CS || d->reg3 > VEMU_GS)
        return false;
    sc_fn *fn = d->reg3 == VEMU_SS ? mov_to_ss : mov_to_seg;
    struct sc_insn *r = add_rm(tb, d, fn, fn, 2, false);
    r->src = d->rm;
    r->aux = d->reg3;
    if (d->reg3 == VEMU_SS)
        tb->end = true;
    return true;
}

static bool emit_mov_from_seg(struct sc_tb *tb, const struct sc_dec *d)
{
    if (d->reg3 > VEMU_GS)
        return false;
    struct sc_insn *r = add_rm(tb, d, mov_from_seg_reg, mov_from_seg_mem, 2, true);
    r->dst = d->rm;
    r->aux = d->reg3;
    return true;
}

static bool emit_stack(struct sc_tb *tb, const struct sc_dec *d, unsigned seg, bool pop)
{
    bool in64 = tb->mode & SC_M_64;
    if (in64 && seg < VEMU_FS)
        return false;
    sc_fn *fn = !pop ? push_seg : seg == VEMU_SS ? pop_ss : pop_seg;
    struct sc_insn *r = sc_tb_add(tb, d, fn);
    r->aux = (uint8_t)seg;
    r->aux2 = in64 ? (d->p66 ? 2 : 8) : d->osz;
    if (pop && seg == VEMU_SS)
        tb->end = true;
    return true;
}

static bool emit_lxs(struct sc_tb *tb, const struct sc_dec *d, unsigned seg)
{
    if (!d->mem || ((tb->mode & SC_M_64) && seg < VEMU_FS && seg != VEMU_SS))
        return false;
    struct sc_insn *r = sc_tb_mem(tb, d, seg == VEMU_SS ? lss : lxs, d->osz + 2u, false);
    r->dst = d->reg;
    r->aux = (uint8_t)seg;
    r->aux2 = d->osz;
    if (seg == VEMU_SS)
        tb->end = true;
    return true;
}

/* Transfers without operand in a register or memory. */
static bool emit_transfer(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn)
{
    struct sc_insn *r = sc_tb_add(tb, d, fn);
    r->aux2 = d->osz;
    r->disp = (int32_t)d->imm2;
    tb->end = true;
    return true;
}

static bool emit_group5(struct sc_tb *tb, const struct sc_dec *d)
{
    if (!d->mem || (d->reg3 != 3 && d->reg3 != 5))
        return false;
    struct sc_insn *r =
        sc_tb_mem(tb, d, d->reg3 == 3 ? far_call_mem : far_jmp_mem, d->osz + 2u, false);
    r->aux2 = d->osz;
    tb->end = true;
    return true;
}

static bool emit_group6(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_insn *r;
    if (tb->mode & SC_M_REAL)
        return false;
    switch (d->reg3) {
    case 0:
    case 1:
        r = add_rm(tb, d, sldt_reg, sldt_mem, 2, true);
        r->dst = d->rm;
        break;
    case 2:
    case 3:
        r = add_rm(tb, d, lldt, lldt, 2, false);
        r->src = d->rm;
        break;
    case 4:
    case 5:
        r = add_rm(tb, d, verify, verify, 2, false);
        r->src = d->rm;
        break;
    default: return false;
    }
    r->aux = d->reg3 & 1;
    return true;
}

static bool emit_group7(struct sc_tb *tb, const struct sc_dec *d)
{
    bool in64 = tb->mode & SC_M_64;
    if (!d->mem) {
        if (d->modrm != 0xf8 || !in64)
            return false;
        sc_tb_add(tb, d, swapgs);
        return true;
    }
    if (d->reg3 > 3)
        return false;
    bool store = d->reg3 < 2;
    struct sc_insn *r = sc_tb_mem(tb, d, store ? sgdt : lgdt, in64 ? 10 : 6, store);
    r->aux = d->reg3 & 1;
    r->aux2 = d->osz;
    return true;
}

static bool emit_lar(struct sc_tb *tb, const struct sc_dec *d, bool lsl)
{
    if (tb->mode & SC_M_REAL)
        return false;
    struct sc_insn *r = add_rm(tb, d, lar, lar, 2, false);
    r->dst = d->reg;
    r->src = d->rm;
    r->aux = lsl;
    return true;
}

static bool emit_arpl(struct sc_tb *tb, const struct sc_dec *d)
{
    if (tb->mode & (SC_M_REAL | SC_M_64))
        return false;
    struct sc_insn *r = add_rm(tb, d, arpl, arpl, 2, false);
    r->aux = d->mseg;
    r->dst = d->rm;
    r->src = d->reg;
    return true;
}

static bool emit_bound(struct sc_tb *tb, const struct sc_dec *d)
{
    if (!d->mem || (tb->mode & SC_M_64))
        return false;
    struct sc_insn *r = sc_tb_mem(tb, d, bound, d->osz * 2u, false);
    r->src = d->reg;
    r->aux2 = d->osz;
    return true;
}

static bool emit_fsgsbase(struct sc_tb *tb, const struct sc_dec *d)
{
    if (d->mem || d->reg3 > 3 || d->rep != 0xf3 || !(tb->mode & SC_M_64))
        return false;
    struct sc_insn *r = sc_tb_add(tb, d, d->reg3 < 2 ? rd_base : wr_base);
    r->dst = d->rm;
    r->aux = d->reg3 & 1 ? VEMU_GS : VEMU_FS;
    r->aux2 = d->osz == 8 ? 8 : 4;
    return true;
}

bool sc_emit_seg(struct sc_tb *tb, const struct sc_dec *d)
{
    bool in64 = tb->mode & SC_M_64;
    switch (d->opcode) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e: return emit_stack(tb, d, d->opcode >> 3 & 3, false);
    case 0x07:
    case 0x17:
    case 0x1f: return emit_stack(tb, d, d->opcode >> 3 & 3, true);
    case SC_MAP_0F | 0xa0: return emit_stack(tb, d, VEMU_FS, false);
    case SC_MAP_0F | 0xa1: return emit_stack(tb, d, VEMU_FS, true);
    case SC_MAP_0F | 0xa8: return emit_stack(tb, d, VEMU_GS, false);
    case SC_MAP_0F | 0xa9: return emit_stack(tb, d, VEMU_GS, true);
    case 0x62: return emit_bound(tb, d);
    case 0x63: return emit_arpl(tb, d);
    case 0x8c: return emit_mov_from_seg(tb, d);
    case 0x8e: return emit_mov_to_seg(tb, d);
    case 0x9a: return !in64 && emit_transfer(tb, d, far_call);
    case 0xea: return !in64 && emit_transfer(tb, d, far_jmp);
    case 0xff: return emit_group5(tb, d);
    case 0xc4: return emit_lxs(tb, d, VEMU_ES);
    case 0xc5: return emit_lxs(tb, d, VEMU_DS);
    case SC_MAP_0F | 0xb2: return emit_lxs(tb, d, VEMU_SS);
    case SC_MAP_0F | 0xb4: return emit_lxs(tb, d, VEMU_FS);
    case SC_MAP_0F | 0xb5: return emit_lxs(tb, d, VEMU_GS);
    case 0xca: return emit_transfer(tb, d, far_ret);
    case 0xcb: {
        struct sc_dec plain = *d;
        plain.imm = 0;
        return emit_transfer(tb, &plain, far_ret);
    }
    case 0xcc: return emit_transfer(tb, d, int3);
    case 0xcd: return emit_transfer(tb, d, int_n);
    case 0xce: return !in64 && emit_transfer(tb, d, into);
    case 0xcf: return emit_transfer(tb, d, iret);
    case 0xf1: return emit_transfer(tb, d, int1);
    case SC_MAP_0F | 0x00: return emit_group6(tb, d);
    case SC_MAP_0F | 0x01: return emit_group7(tb, d);
    case SC_MAP_0F | 0x02: return emit_lar(tb, d, false);
    case SC_MAP_0F | 0x03: return emit_lar(tb, d, true);
    case SC_MAP_0F | 0x05: return emit_transfer(tb, d, syscall_);
    case SC_MAP_0F | 0x07: return emit_transfer(tb, d, sysret);
    case SC_MAP_0F | 0x34: return emit_transfer(tb, d, sysenter);
    case SC_MAP_0F | 0x35: return emit_transfer(tb, d, sysexit);
    case SC_MAP_0F | 0xae: return emit_fsgsbase(tb, d);
    default: return false;
    }
}
