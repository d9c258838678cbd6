/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INVPCID (SDM Vol. 2) and what process-context identifiers mean here.
 *
 * The TLBs keep the translations of one address space, that of CR3. So MOV to CR3 drops the
 * non-global ones whatever bit 63 says, and INVPCID has work to do only for the current PCID: a
 * processor may always forget more than it was told to (SDM 4.10.4.1).
 */
#include "accel/soft/trace/decode.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"

enum { ONE_ADDRESS, ONE_CONTEXT, ALL_WITH_GLOBAL, ALL_BUT_GLOBAL };

static SC_NOINLINE void invpcid(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t type = c->mode & SC_M_64 ? sc_get64(c, i->dst) : sc_get32(c, i->dst);
    uint64_t descriptor[2];

    if (c->cpl || (c->eflags & SC_VM))
        sc_raise(c, i, SC_GP, 0);
    sc_read_block(c, i, sc_ea(c, i), descriptor, sizeof(descriptor));
    if (type > ALL_BUT_GLOBAL)
        sc_raise(c, i, SC_GP, 0);
    if (type <= ONE_CONTEXT &&
        (descriptor[0] >> 12 || (descriptor[0] && !(c->cr4 & SC_CR4_PCIDE))))
        sc_raise(c, i, SC_GP, 0);
    if (type == ONE_ADDRESS && !sc_canonical(descriptor[1]))
        sc_raise(c, i, SC_GP, 0);

    switch (type) {
    case ONE_ADDRESS:
        if (descriptor[0] == (c->cr4 & SC_CR4_PCIDE ? c->cr3 & 0xfff : 0))
            sc_tlb_flush_page(c, descriptor[1]);
        break;
    case ONE_CONTEXT:
        if (descriptor[0] == (c->cr4 & SC_CR4_PCIDE ? c->cr3 & 0xfff : 0))
            sc_tlb_flush_nonglobal(c);
        break;
    case ALL_WITH_GLOBAL: sc_tlb_flush_all(c); break;
    default: sc_tlb_flush_nonglobal(c); break;
    }
}
SC_OP(op_invpcid)
{
    invpcid(c, i);
    SC_LEAVE;
}

bool sc_emit_invpcid(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_insn *r;

    if (!d->mem || d->rep || !d->p66 || !sc_has(tb->c, SC_CPUID_7_EBX, 10))
        return false;
    r = sc_tb_mem(tb, d, op_invpcid, 16, false);
    r->dst = d->reg;
    tb->end = true;
    return true;
}
