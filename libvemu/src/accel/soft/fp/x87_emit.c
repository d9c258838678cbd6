/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From decoded x87 instructions to records.
 */
#include "accel/soft/trace/decode.h"
#include "accel/soft/sys/host.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/fp/x87.h"

#define OPCODE_WAIT 0x9b

enum memory_kind {
    M_UD,
    M_LOAD,  /* the host's instruction on a copy of the operand */
    M_STORE, /* the host's instruction on the destination */
    M_FISTTP, /* the same, if there is SSE3 */
    M_FLDENV,
    M_FNSTENV,
    M_FRSTOR,
    M_FNSAVE,
    M_FLDCW,
    M_FNSTCW,
    M_FNSTSW,
};

#define LOADS(size)                                                                                \
    {{M_LOAD, size}, {M_LOAD, size}, {M_LOAD, size}, {M_LOAD, size},                               \
     {M_LOAD, size}, {M_LOAD, size}, {M_LOAD, size}, {M_LOAD, size}}
/* Memory forms by opcode (D8..DF) and ModRM.reg. */
static const struct {
    uint8_t kind, size;
} memory_forms[8][8] = {
    /* D8 */ LOADS(4),
    /* D9 */ {{M_LOAD, 4}, {M_UD, 0}, {M_STORE, 4}, {M_STORE, 4},
              {M_FLDENV, 28}, {M_FLDCW, 2}, {M_FNSTENV, 28}, {M_FNSTCW, 2}},
    /* DA */ LOADS(4),
    /* DB */ {{M_LOAD, 4}, {M_FISTTP, 4}, {M_STORE, 4}, {M_STORE, 4},
              {M_UD, 0}, {M_LOAD, 10}, {M_UD, 0}, {M_STORE, 10}},
    /* DC */ LOADS(8),
    /* DD */ {{M_LOAD, 8}, {M_FISTTP, 8}, {M_STORE, 8}, {M_STORE, 8},
              {M_FRSTOR, 108}, {M_UD, 0}, {M_FNSAVE, 108}, {M_FNSTSW, 2}},
    /* DE */ LOADS(2),
    /* DF */ {{M_LOAD, 2}, {M_FISTTP, 2}, {M_STORE, 2}, {M_STORE, 2},
              {M_LOAD, 10}, {M_LOAD, 8}, {M_STORE, 10}, {M_STORE, 8}},
};

/* Register forms that exist, by opcode: one bit for each of the eight rows of ModRM C0..FF, but D9,
 * DA, DB, DE and DF have rows with single encodings. The undocumented aliases (FSTP1, FCOM2, FXCH4,
 * FFREEP, ...) are there on every CPU. */
static bool register_form(unsigned opcode, unsigned modrm)
{
    static const uint8_t rows[8] = {0xff, 0x0b, 0x0f, 0x7f, 0xff, 0x3f, 0xf7, 0x7f};
    unsigned row = modrm >> 3 & 7;

    if (rows[opcode & 7] >> row & 1)
        return true;
    switch (opcode << 8 | modrm) {
    case 0xd9d0: /* FNOP */
    case 0xd9e0: /* FCHS */
    case 0xd9e1: /* FABS */
    case 0xd9e4: /* FTST */
    case 0xd9e5: /* FXAM */
    case 0xdae9: /* FUCOMPP */
    case 0xded9: /* FCOMPP */ return true;
    default: break;
    }
    if (opcode == 0xd9)
        return (modrm >= 0xe8 && modrm <= 0xee) || modrm >= 0xf0; /* FLD1..FLDZ; F2XM1..FCOS */
    return false;
}

static struct sc_insn *describe(struct sc_insn *r, const struct sc_dec *d)
{
    unsigned fop = (d->opcode & 7u) << 8 | d->modrm;

    r->aux2 = (uint8_t)fop;
    r->aux3 = (uint8_t)(fop >> 8);
    r->src = d->mseg;
    return r;
}

static bool emit_memory(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned kind = memory_forms[d->opcode & 7][d->reg3].kind;
    unsigned size = memory_forms[d->opcode & 7][d->reg3].size;
    bool small = d->osz == 2;
    sc_x87_stub *stub = sc_x87_memory_stub(d->opcode, d->reg3);
    struct sc_insn *r = NULL;

    if (kind == M_UD || (kind == M_FISTTP && !(sc_has(tb->c, SC_CPUID_1_ECX, SC_BIT_SSE3) &&
                                               (sc_host_sse() >> SC_BIT_SSE3 & 1))))
        return false;
    if (d->mode & SC_M_NOX87) {
        sc_tb_add(tb, d, sc_op_no_x87);
        tb->end = true;
        return true;
    }
    switch (kind) {
    case M_LOAD:
        r = sc_tb_mem(tb, d,
                      size == 2   ? sc_op_x87_ld16
                      : size == 4 ? sc_op_x87_ld32
                      : size == 8 ? sc_op_x87_ld64
                                  : sc_op_x87_ld80,
                      size, false);
        r->imm = (uintptr_t)stub;
        break;
    case M_STORE:
    case M_FISTTP:
        r = sc_tb_mem(tb, d, sc_op_x87_st, size, true);
        r->imm = (uintptr_t)stub;
        r->aux = (uint8_t)size;
        break;
    case M_FLDENV:
    case M_FRSTOR:
        r = sc_tb_mem(tb, d, sc_op_fldenv, small ? size - 14 : size, false);
        r->aux = small;
        r->dst = kind == M_FRSTOR;
        break;
    case M_FNSTENV:
    case M_FNSAVE:
        r = sc_tb_mem(tb, d, sc_op_fnstenv, small ? size - 14 : size, true);
        r->aux = small;
        r->dst = kind == M_FNSAVE;
        break;
    case M_FLDCW: r = sc_tb_mem(tb, d, sc_op_fldcw, size, false); break;
    case M_FNSTCW: r = sc_tb_mem(tb, d, sc_op_fnstcw, size, true); break;
    default: /* M_FNSTSW */ r = sc_tb_mem(tb, d, sc_op_fnstsw, size, true); break;
    }
    describe(r, d);
    return true;
}

static bool emit_register(struct sc_tb *tb, const struct sc_dec *d)
{
    /* FCMOVcc by opcode DA/DB and row: b, e, be, u and their opposites, as condition codes of Jcc
     */
    static const uint8_t conditions[2][4] = {{2, 4, 6, 10}, {3, 5, 7, 11}};
    unsigned opcode = d->opcode & 0xff, row = d->modrm >> 3 & 7;
    struct sc_insn *r;
    sc_fn *fn = sc_op_x87_reg;

    if (!register_form(opcode, d->modrm))
        return false;
    if (d->mode & SC_M_NOX87) {
        sc_tb_add(tb, d, sc_op_no_x87);
        tb->end = true;
        return true;
    }
    if (opcode == 0xdb && row == 4) {
        switch (d->modrm & 7) {
        case 0: /* FNENI, FNDISI, FNSETPM: nothing since the 80387 */
        case 1:
        case 4: fn = sc_op_x87_nop; break;
        case 2: fn = sc_op_fnclex; break;
        case 3: fn = sc_op_fninit; break;
        default: return false;
        }
        sc_tb_add(tb, d, fn);
        return true;
    }
    if (opcode == 0xdf && row == 4) {
        if (d->modrm != 0xe0)
            return false;
        sc_tb_add(tb, d, sc_op_fnstsw_ax);
        return true;
    }
    if ((opcode == 0xda || opcode == 0xdb) && row < 4) {
        r = describe(sc_tb_add(tb, d, sc_op_x87_cmov), d);
        r->imm = (uintptr_t)sc_x87_move_stub(d->modrm & 7);
        r->aux = conditions[opcode & 1][row];
        return true;
    }
    if ((opcode == 0xdb || opcode == 0xdf) && (row == 5 || row == 6)) {
        r = describe(sc_tb_add(tb, d, sc_op_x87_comi), d);
        r->imm = (uintptr_t)sc_x87_compare_stub(opcode, d->modrm);
        return true;
    }
    r = describe(sc_tb_add(tb, d, fn), d);
    r->imm = (uintptr_t)sc_x87_register_stub(opcode, d->modrm);
    return true;
}

bool sc_emit_x87(struct sc_tb *tb, const struct sc_dec *d)
{
    if (d->lock)
        return false;
    if (d->opcode == OPCODE_WAIT) {
        struct sc_insn *r = sc_tb_add(tb, d, sc_op_wait);
        r->aux = (d->mode & SC_M_NOX87) != 0;
        return true;
    }
    return d->mem ? emit_memory(tb, d) : emit_register(tb, d);
}
