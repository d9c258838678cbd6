/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which integer file emits an opcode, and the removal of flags nobody reads: see int.h. */
#include "accel/soft/int/op.h"
#include "accel/soft/parts.h"

bool sc_has_cpuid(struct sc_cpu *c, uint32_t leaf, unsigned reg, unsigned bit)
{
    uint32_t out[4];
    sc_cpuid(c, leaf & 0x80000000, 0, out);
    if (out[SC_CPUID_EAX] < leaf)
        return false;
    sc_cpuid(c, leaf, 0, out);
    return (out[reg] >> bit) & 1;
}

/* LOCK is for memory destinations of read-modify-write instructions; elsewhere it is #UD. */
static bool int_lockable(const struct sc_dec *d)
{
    if (!d->mem)
        return false;
    switch (d->opcode) {
    case 0x00 ... 0x3f: /* op r/m, r; not CMP */
        return (d->opcode & 7) < 2 && d->opcode < 0x38;
    case 0x80 ... 0x83:
        return d->reg3 != SC_ALU_CMP;
    case 0x86:
    case 0x87:
    case SC_MAP_0F | 0xab:
    case SC_MAP_0F | 0xb0:
    case SC_MAP_0F | 0xb1:
    case SC_MAP_0F | 0xb3:
    case SC_MAP_0F | 0xbb:
    case SC_MAP_0F | 0xc0:
    case SC_MAP_0F | 0xc1:
        return true;
    case 0xf6:
    case 0xf7:
        return d->reg3 == 2 || d->reg3 == 3;
    case 0xfe:
    case 0xff:
        return d->reg3 < 2;
    case SC_MAP_0F | 0xba:
        return d->reg3 > 4;
    case SC_MAP_0F | 0xc7:
        return d->reg3 == 1;
    }
    return false;
}

bool sc_emit_int(struct sc_tb *tb, const struct sc_dec *d)
{
    const bool in64 = d->mode & SC_M_64;

    if (d->lock && !int_lockable(d))
        return false;

    switch (d->opcode) {
    case 0x27:
    case 0x2f:
    case 0x37:
    case 0x3f:
    case 0xd4:
    case 0xd5:
    case 0xd6:
        return sc_emit_bcd(tb, d);
    case 0x00 ... 0x05:
    case 0x08 ... 0x0d:
    case 0x10 ... 0x15:
    case 0x18 ... 0x1d:
    case 0x20 ... 0x25:
    case 0x28 ... 0x2d:
    case 0x30 ... 0x35:
    case 0x38 ... 0x3d: {
        static const uint8_t form[3] = {SC_FORM_RM_R, SC_FORM_R_RM, SC_FORM_A_I};
        return sc_emit_alu(tb, d, d->opcode >> 3, form[(d->opcode >> 1) & 3]);
    }
    case 0x40 ... 0x4f:
        return !in64 && sc_emit_unary(tb, d);
    case 0x60:
    case 0x61:
        return !in64 && sc_emit_stack(tb, d);
    case 0x50 ... 0x5f:
    case 0x68:
    case 0x6a:
    case 0x8f:
    case 0xc8:
    case 0xc9:
        return sc_emit_stack(tb, d);
    case 0x63: /* ARPL elsewhere */
        return in64 && sc_emit_mov(tb, d);
    case 0x69:
    case 0x6b:
    case SC_MAP_0F | 0xaf:
        return sc_emit_muldiv(tb, d);
    case 0x82:
        return !in64 && sc_emit_alu(tb, d, d->reg3, SC_FORM_RM_I);
    case 0x80:
    case 0x81:
    case 0x83:
        return sc_emit_alu(tb, d, d->reg3, SC_FORM_RM_I);
    case 0x84:
    case 0x85:
        return sc_emit_alu(tb, d, SC_ALU_TEST, SC_FORM_RM_R);
    case 0xa8:
    case 0xa9:
        return sc_emit_alu(tb, d, SC_ALU_TEST, SC_FORM_A_I);
    case 0x86:
    case 0x87:
    case 0x90 ... 0x97:
    case SC_MAP_0F | 0xb0:
    case SC_MAP_0F | 0xb1:
    case SC_MAP_0F | 0xc0:
    case SC_MAP_0F | 0xc1:
    case SC_MAP_0F | 0xc7:
        return sc_emit_xchg(tb, d);
    case 0x88 ... 0x8b:
    case 0x8d:
    case 0x98:
    case 0x99:
    case 0xa0 ... 0xa3:
    case 0xb0 ... 0xbf:
    case 0xc6:
    case 0xc7:
    case 0xd7:
    case SC_MAP_0F | 0xb6:
    case SC_MAP_0F | 0xb7:
    case SC_MAP_0F | 0xbe:
    case SC_MAP_0F | 0xbf:
    case SC_MAP_0F | 0xc3:
    case SC_MAP_0F | 0xc8 ... SC_MAP_0F | 0xcf:
        return sc_emit_mov(tb, d);
    case 0x6c ... 0x6f:
    case 0xa4 ... 0xa7:
    case 0xaa ... 0xaf:
        return sc_emit_string(tb, d);
    case 0xc0:
    case 0xc1:
    case 0xd0 ... 0xd3:
        return sc_emit_shift(tb, d);
    case SC_MAP_0F | 0xa4:
    case SC_MAP_0F | 0xa5:
    case SC_MAP_0F | 0xac:
    case SC_MAP_0F | 0xad:
        return sc_emit_shift_double(tb, d);
    case 0x9e:
    case 0x9f:
    case 0xf5:
    case 0xf8:
    case 0xf9:
    case 0xfc:
    case 0xfd:
    case SC_MAP_0F | 0x40 ... SC_MAP_0F | 0x4f:
    case SC_MAP_0F | 0x90 ... SC_MAP_0F | 0x9f:
        return sc_emit_flag(tb, d);
    case 0xf6:
    case 0xf7: /* TEST, TEST, NOT, NEG, MUL, IMUL, DIV, IDIV */
        return d->reg3 < 2   ? sc_emit_alu(tb, d, SC_ALU_TEST, SC_FORM_RM_I)
               : d->reg3 < 4 ? sc_emit_unary(tb, d)
                             : sc_emit_muldiv(tb, d);
    case 0xfe:
        return d->reg3 < 2 && sc_emit_unary(tb, d);
    case 0xff: /* the others are branches */
        return d->reg3 < 2 ? sc_emit_unary(tb, d) : d->reg3 == 6 && sc_emit_stack(tb, d);
    case SC_MAP_0F | 0xa3:
    case SC_MAP_0F | 0xab:
    case SC_MAP_0F | 0xb3:
    case SC_MAP_0F | 0xb8:
    case SC_MAP_0F | 0xba ... SC_MAP_0F | 0xbd:
        return sc_emit_bit(tb, d);
    case SC_MAP_38 | 0xf0:
    case SC_MAP_38 | 0xf1:
    case SC_MAP_38 | 0xf6:
        return sc_emit_ext(tb, d);
    }
    return false;
}

/* --- dead flags ------------------------------------------------------------------------------- */

sc_fn *sc_int_noflags(const struct sc_insn *i)
{
    if (!(i->flags & SC_I_FNV))
        return NULL;
    switch (i->aux2) {
    case SC_NV_ALU: return sc_alu_noflags(i->aux3);
    case SC_NV_UNARY: return sc_unary_noflags(i->aux3);
    case SC_NV_SHIFT: return sc_shift_noflags(i->aux3);
    }
    return NULL;
}

bool sc_int_flags_step(struct sc_insn *r, bool dead)
{
    sc_fn *nv = dead ? sc_int_noflags(r) : NULL;
    if (nv) {
        r->fn = nv;
        if (r->flags & SC_I_FNVQUIET)
            r->flags |= SC_I_FQUIET;
        r->flags &= (uint8_t)~(SC_I_FNV | SC_I_FSET);
        return (r->flags & SC_I_FQUIET) != 0;
    }
    if (!(r->flags & SC_I_FQUIET))
        return false;
    return dead || (r->flags & SC_I_FSET);
}

void sc_int_drop_flags(struct sc_insn *first, unsigned n)
{
    bool dead = false;
    while (n--)
        dead = sc_int_flags_step(&first[n], dead);
}
