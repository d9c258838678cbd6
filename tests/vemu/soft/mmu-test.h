/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses through the MMU of a bare software CPU, and how they fault.
 */
#ifndef MMU_TEST_H
#define MMU_TEST_H

#include "accel/soft/mem/mmu.h"
#include "bare-test.h"

#define E_P 1
#define E_W 2
#define E_U 4
#define E_R 8
#define E_I 16

static const struct sc_insn rec; /* a record whose faults are #GP */

#define LD(va) CATCH(b, sc_ld32(c, &rec, va))
#define ST(va) CATCH(b, sc_st32(c, &rec, va, 0x11223344))
#define FETCH(va) CATCH(b, sc_fetch_page(c, va))

#define ck_pf(expr, va, code)                                                                      \
    do {                                                                                           \
        c->cr2 = 0x5555;                                                                           \
        ck_assert_int_eq(expr, SC_PFV);                                                            \
        ck_assert_uint_eq(c->exc_error, code);                                                     \
        ck_assert_uint_eq(c->cr2, va);                                                             \
    } while (0)

static inline void flush(void)
{
    sc_tlb_flush_all(c);
}

#endif
