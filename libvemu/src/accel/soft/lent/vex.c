/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VEX encodings (SDM Vol. 2, 2.3) to struct sc_dec, for lent vCPUs only.
 *
 * The opcode maps' fields of sc_dec are filled as if the instruction were a legacy one with the
 * mandatory prefix that VEX.pp stands for; the vex* fields say that it was not.
 */
#include "accel/soft/lent/assist.h"

/* ModRM, SIB, displacement of 64-bit code. False: bytes are missing. */
static bool modrm(struct sc_dec *d, const uint8_t *b, unsigned avail, unsigned *pos)
{
    unsigned p = *pos, rm, bytes = 0;

    if (p >= avail)
        return false;
    d->has_modrm = true;
    d->modrm = b[p++];
    d->mod = d->modrm >> 6;
    d->reg3 = d->modrm >> 3 & 7;
    d->reg = (uint8_t)(d->reg3 | (d->rex & 4) << 1);
    d->rm = (uint8_t)((d->modrm & 7) | (d->rex & 1) << 3);
    d->mem = d->mod != 3;
    rm = d->modrm & 7;
    if (d->mem && rm == 4) {
        if (p >= avail)
            return false;
        uint8_t sib = b[p++];
        unsigned index = (sib >> 3 & 7) | (d->rex & 2) << 2;
        if (index != 4) {
            d->index = (uint8_t)index;
            d->scale = sib >> 6;
        }
        rm = sib & 7;
        if (rm == 5 && d->mod == 0)
            bytes = 4;
        else
            d->base = (uint8_t)(rm | (d->rex & 1) << 3);
    } else if (d->mem && rm == 5 && d->mod == 0) {
        bytes = 4;
        d->rip_rel = true;
        d->base = SC_R_PAGE;
    } else if (d->mem) {
        d->base = (uint8_t)(rm | (d->rex & 1) << 3);
    }
    if (d->base == VEMU_RSP || d->base == VEMU_RBP)
        d->mseg = VEMU_SS;
    if (d->mem && d->mod == 1)
        bytes = 1;
    else if (d->mem && d->mod == 2)
        bytes = 4;
    if (p + bytes > avail)
        return false;
    if (bytes == 1) {
        d->disp = (int8_t)b[p];
    } else if (bytes) {
        int32_t v;
        __builtin_memcpy(&v, b + p, 4);
        d->disp = v;
    }
    *pos = p + bytes;
    return true;
}

int sc_vex_decode(struct sc_dec *d, const uint8_t *b, unsigned avail, uint32_t mode, uint16_t pgoff)
{
    unsigned p = 0, map, end = avail < 15 ? avail : 15;
    uint8_t pp;

    if (!(mode & SC_M_64))
        return -SC_UD;
    *d = (struct sc_dec){ .mode = mode, .pgoff = pgoff, .seg = SC_SEG_NONE, .mseg = VEMU_DS,
                          .base = SC_R_ZERO, .index = SC_R_ZERO, .asz = 8, .vex = true };
    for (; p < end; p++) {
        if (b[p] == 0x64 || b[p] == 0x65)
            d->seg = b[p] - 0x64 + VEMU_FS;
        else if (b[p] == 0x67)
            d->asz = 4;
        else if (b[p] != 0x26 && b[p] != 0x2e && b[p] != 0x36 && b[p] != 0x3e)
            break;
    }
    if (p >= end)
        return avail >= 15 ? -SC_UD : 0;
    if (b[p] == 0xc5) {
        if (p + 2 >= end)
            return avail >= 15 ? -SC_UD : 0;
        d->rex = (uint8_t)(0x40 | (b[p + 1] & 0x80 ? 0 : 4));
        map = 1;
        pp = b[p + 1];
        p += 2;
    } else if (b[p] == 0xc4) {
        if (p + 3 >= end)
            return avail >= 15 ? -SC_UD : 0;
        d->rex = (uint8_t)(0x40 | (~b[p + 1] >> 5 & 7) | (b[p + 2] & 0x80 ? 8 : 0));
        map = b[p + 1] & 31;
        pp = b[p + 2];
        p += 3;
    } else {
        return -SC_UD;
    }
    if (map < 1 || map > 3)
        return -SC_UD;
    d->vvvv = ~pp >> 3 & 15;
    d->vl = pp >> 2 & 1;
    d->p66 = (pp & 3) == 1;
    d->rep = (pp & 3) == 2 ? 0xf3 : (pp & 3) == 3 ? 0xf2 : 0;
    d->osz = d->rex & 8 ? 8 : 4;
    d->opcode = (uint16_t)((map == 1 ? SC_MAP_0F : map == 2 ? SC_MAP_38 : SC_MAP_3A) | b[p++]);
    d->group = SC_G_UD;
    if (d->opcode != (SC_MAP_0F | 0x77) && !modrm(d, b, end, &p))
        return avail >= 15 ? -SC_GP : 0;
    if (d->seg != SC_SEG_NONE)
        d->mseg = d->seg;
    /* Bytes follow in map 3 and where map 1 has them (70..73, C2, C4..C6). */
    unsigned op = d->opcode & 0xff;
    if (map == 3 || (map == 1 && ((op >= 0x70 && op <= 0x73) || op == 0xc2 ||
                                  (op >= 0xc4 && op <= 0xc6)))) {
        if (p >= end)
            return avail >= 15 ? -SC_GP : 0;
        d->imm = (int8_t)b[p++];
        d->imm_bytes = 1;
    }
    d->len = (uint8_t)p;
    if (d->rip_rel)
        d->disp += pgoff + d->len;
    return d->len;
}
