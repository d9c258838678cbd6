/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From decoded SSE3 to SSE4.2 instructions to handlers.
 */
#include "accel/soft/fp/sse4.h"

#include "accel/soft/sys/sys.h"

#define NOT_THERE 32u /* no bit of CPUID.1:ECX */

/*
 * A switch for each map and not a table of pointers: those would have to be relocated whenever the
 * program starts. Each returns the CPUID bit that says whether there is such an instruction.
 */
#define KEY(prefix, opcode) ((unsigned)(prefix) << 8 | (opcode))
#define ENTRY(key, reg_, mem_, bytes, flags_, bit)                                                 \
    case key:                                                                                      \
        *op = (struct sc_sse_op){.reg = reg_, .mem = mem_, .size = bytes, .flags = flags_};        \
        return bit;
#define ENTRY_XMM(prefix, opcode, name, bytes, flags, bit)                                         \
    ENTRY(KEY(prefix, opcode), sc_op_##name##_xx, sc_op_##name##_xm, bytes,                        \
          SC_SSE_XMM | (flags), bit)
#define ENTRY_MMX(opcode, name, bit)                                                               \
    ENTRY(KEY(SC_PNP, opcode), sc_op_##name##_pp, sc_op_##name##_pm, 8, SC_SSE_MMX, bit)

#define ENTRY_SSE3_FP(name, prefix, opcode, ue)                                                    \
    ENTRY_XMM(prefix, opcode, name, 16, SC_SSE_FP | SC_SSE_UE(ue), SC_BIT_SSE3)
#define ENTRY_SSSE3(name, opcode, ...)                                                             \
    ENTRY_XMM(SC_P66, opcode, name, 16, 0, SC_BIT_SSSE3) ENTRY_MMX(opcode, name, SC_BIT_SSSE3)
#define ENTRY_SSE4(name, opcode, bytes, bit) ENTRY_XMM(SC_P66, opcode, name, bytes, 0, bit)
#define ENTRY_IMM(name, opcode, bytes, flags)                                                      \
    ENTRY_XMM(SC_P66, opcode, name, bytes, flags, SC_BIT_SSE41)

static unsigned find_0f(unsigned key, struct sc_sse_op *op)
{
    switch (key) {
        ENTRY_XMM(SC_PF2, 0x12, movddup, 8, 0, SC_BIT_SSE3)
        ENTRY_XMM(SC_PF3, 0x12, movsldup, 16, 0, SC_BIT_SSE3)
        ENTRY_XMM(SC_PF3, 0x16, movshdup, 16, 0, SC_BIT_SSE3)
        ENTRY(KEY(SC_PF2, 0xf0), NULL, sc_op_movu_xm, 16, SC_SSE_XMM, SC_BIT_SSE3) /* LDDQU */
        SC_SSE3_FP(ENTRY_SSE3_FP)
    default: return NOT_THERE;
    }
}

static unsigned find_38(unsigned key, struct sc_sse_op *op)
{
    switch (key) {
        SC_SSSE3_BOTH(ENTRY_SSSE3)
        SC_SSE4_INT(ENTRY_SSE4)
        ENTRY_XMM(SC_P66, 0x10, pblendvb, 16, 0, SC_BIT_SSE41)
        ENTRY_XMM(SC_P66, 0x14, blendvps, 16, 0, SC_BIT_SSE41)
        ENTRY_XMM(SC_P66, 0x15, blendvpd, 16, 0, SC_BIT_SSE41)
        ENTRY_XMM(SC_P66, 0x17, ptest, 16, 0, SC_BIT_SSE41)
        ENTRY(KEY(SC_P66, 0x2a), NULL, sc_op_mova_xm, 16, SC_SSE_XMM, SC_BIT_SSE41) /* MOVNTDQA */
    default: return NOT_THERE;
    }
}

/* Single elements, all with 66; `wide`: REX.W. */
#define ENTRY_ELEMENT(opcode, reg, mem, bytes, flags)                                              \
    ENTRY(opcode, reg, mem, bytes, SC_SSE_XMM | (flags), SC_BIT_SSE41)

static unsigned find_element(unsigned opcode, bool wide, struct sc_sse_op *op)
{
    if (wide && opcode == 0x16)
        opcode = 0x116;
    if (wide && opcode == 0x22)
        opcode = 0x122;
    switch (opcode) {
        ENTRY_ELEMENT(0x14, sc_op_pextrb_rx, sc_op_pextrb_mx, 1, SC_SSE_STORE)
        ENTRY_ELEMENT(0x15, sc_op_pextrw_r32x, sc_op_pextrw_mx, 2, SC_SSE_STORE)
        ENTRY_ELEMENT(0x16, sc_op_pextrd_rx, sc_op_pextrd_mx, 4, SC_SSE_STORE)
        ENTRY_ELEMENT(0x116, sc_op_pextrq_rx, sc_op_pextrq_mx, 8, SC_SSE_STORE)
        ENTRY_ELEMENT(0x17, sc_op_pextrd_rx, sc_op_pextrd_mx, 4, SC_SSE_STORE) /* EXTRACTPS */
        ENTRY_ELEMENT(0x20, sc_op_pinsrb_xr, sc_op_pinsrb_xm, 1, 0)
        ENTRY_ELEMENT(0x22, sc_op_pinsrd_xr, sc_op_pinsrd_xm, 4, 0)
        ENTRY_ELEMENT(0x122, sc_op_pinsrq_xr, sc_op_pinsrq_xm, 8, 0)
    default: return NOT_THERE;
    }
}

#define ENTRY_STRING(opcode) ENTRY_XMM(SC_P66, opcode, pcmpstr, 16, 0, SC_BIT_SSE42)

static unsigned find_3a(unsigned key, struct sc_sse_op *op)
{
    switch (key) {
        SC_SSE41_IMM(ENTRY_IMM)
        ENTRY_XMM(SC_P66, 0x0f, palignr, 16, 0, SC_BIT_SSSE3)
        ENTRY_MMX(0x0f, palignr, SC_BIT_SSSE3)
        ENTRY_STRING(0x60)
        ENTRY_STRING(0x61)
        ENTRY_STRING(0x62)
        ENTRY_STRING(0x63)
    default: return NOT_THERE;
    }
}

bool sc_sse4_find(const struct sc_cpu *c, const struct sc_dec *d, unsigned prefix,
                  struct sc_sse_op *ret)
{
    const unsigned opcode = d->opcode & 0xff, key = KEY(prefix, opcode);
    unsigned bit = NOT_THERE;

    switch (d->opcode & 0xff00) {
    case SC_MAP_0F: bit = find_0f(key, ret); break;
    case SC_MAP_38: bit = find_38(key, ret); break;
    case SC_MAP_3A:
        if (prefix == SC_P66)
            bit = find_element(opcode, d->rex & 8, ret);
        if (bit == NOT_THERE)
            bit = find_3a(key, ret);
        break;
    default: break;
    }
    if (bit == SC_BIT_SSE41 && d->opcode >> 8 == SC_MAP_3A >> 8 && (opcode & 0xfe) == 0x40 &&
        (d->mode & SC_M_XM))
        *ret = (struct sc_sse_op){.reg = sc_op_xm_dot_xx, .mem = sc_op_xm_dot_xm, .size = 16,
                                  .aux = opcode & 1, .flags = SC_SSE_XMM};
    if (bit == SC_BIT_SSE42 && (opcode & 0xfc) == 0x60)
        ret->aux = (uint8_t)((opcode & 3) | (d->rex & 8 ? SC_STRING_WIDE : 0));
    return bit != NOT_THERE && sc_has(c, SC_CPUID_1_ECX, bit) && (sc_host_sse() >> bit & 1);
}
