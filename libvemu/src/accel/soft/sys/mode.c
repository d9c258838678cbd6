/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows from the control state: mode bits, the TLB in use, the jump cache's generation. */
#include "accel/soft/mem/mem.h"
#include "accel/soft/parts.h"

/* An enabled data breakpoint: DR7.R/W is 1 or 3. */
static bool data_watch(const struct sc_cpu *c)
{
    for (unsigned n = 0; n < 4; n++)
        if (((c->dr7 >> n * 2) & 3) && ((c->dr7 >> (16 + n * 4)) & 1))
            return true;
    return false;
}

void sc_update_mode(struct sc_cpu *c)
{
    uint32_t mode = 0;
    const struct vemu_segment *cs = &c->seg[VEMU_CS];

    if ((c->efer & SC_EFER_LMA) && cs->l)
        mode |= SC_M_64;
    else
        mode |= (cs->db ? SC_M_32 : 0) | (c->seg[VEMU_SS].db ? SC_M_SS32 : 0);
    if (!(c->cr0 & SC_CR0_PE))
        mode |= SC_M_REAL;
    else if (c->eflags & SC_VM)
        mode |= SC_M_REAL | SC_M_V86;

    unsigned user = c->cpl == 3;
    c->tlb = c->tlbs[user];
    if (SC_UNLIKELY((c->eflags & SC_TF) | (c->dr7 & SC_DR7_ENABLE))) {
        mode |= SC_M_STEP;
        if (data_watch(c))
            c->tlb = c->tlbs[2];
    }
    if (SC_UNLIKELY(c->debug != NULL) && (c->debug->step || c->debug->watch)) {
        mode |= SC_M_STEP;
        if (c->debug->watch)
            c->tlb = c->tlbs[2];
    }
    if (user && (c->eflags & SC_AC) && (c->cr0 & SC_CR0_AM))
        c->tlb = c->tlbs[2];
    sc_fpu_mode(c, &mode);
    c->mode = mode;
    /* Bits 48..57 of the generation are ours. */
    c->jc_gen = (c->jc_gen & ~(0x3ffull << 48)) | (uint64_t)(mode << 1 | user) << 48;
}

void sc_set_cpl(struct sc_cpu *c, unsigned cpl)
{
    c->cpl = (uint8_t)cpl;
    sc_update_mode(c);
}
