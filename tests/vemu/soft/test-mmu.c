/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's MMU: translations, rights, error codes, A/D bits, hostile tables. */
#include "mmu-test.h"

/* --- rights --------------------------------------------------------------------------------- */

static const enum bare_paging paged[] = { BARE_32, BARE_PAE, BARE_LONG };

START_TEST(rights)
{
    enum bare_paging kind = paged[_i];
    bool nx = kind != BARE_32;
    bare_paging(b, kind, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W | P_U);
    bare_map(b, 0x401000, 0x201000, 12, P_P | P_U);
    bare_map(b, 0x402000, 0x202000, 12, P_P | P_W);
    bare_map(b, 0x403000, 0x203000, 12, P_P);
    bare_map(b, 0x404000, 0x204000, 12, 0);
    if (nx)
        bare_map(b, 0x405000, 0x205000, 12, P_P | P_W | P_U | P_NX);
    bare_set(b, 0x200010, 4, 0xabcdef01);

    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400010), 0xabcdef01);
    sc_st32(c, &rec, 0x400014, 77);
    ck_assert_uint_eq(bare_get(b, 0x200014, 4), 77);
    /* Supervisor. */
    ck_assert_int_eq(LD(0x401000), -1);
    ck_pf(ST(0x401004), 0x401004, E_P | E_W);
    ck_assert_int_eq(ST(0x402000), -1);
    ck_assert_int_eq(LD(0x403000), -1);
    ck_pf(ST(0x403000), 0x403000, E_P | E_W);
    ck_pf(LD(0x404ffc), 0x404ffc, 0);
    ck_pf(ST(0x404ffc), 0x404ffc, E_W);
    ck_assert_int_eq(FETCH(0x402000), -1);
    ck_pf(FETCH(0x404123), 0x404123, nx ? E_I : 0);
    if (nx)
        ck_pf(FETCH(0x405123), 0x405123, E_P | E_I);
    ck_pf(LD(0x1fff0000), 0x1fff0000, 0);

    bare_cpl(b, 3);
    ck_assert_int_eq(ST(0x400000), -1);
    ck_assert_int_eq(LD(0x401000), -1);
    ck_pf(ST(0x401000), 0x401000, E_P | E_W | E_U);
    ck_pf(LD(0x402000), 0x402000, E_P | E_U);
    ck_pf(ST(0x402000), 0x402000, E_P | E_W | E_U);
    ck_pf(LD(0x404000), 0x404000, E_U);
    ck_pf(FETCH(0x402000), 0x402000, E_P | E_U | (nx ? E_I : 0));
    ck_pf(FETCH(0x404000), 0x404000, E_U | (nx ? E_I : 0));
    if (nx)
        ck_pf(FETCH(0x405000), 0x405000, E_P | E_U | E_I);
    /* The CPU's own accesses are a supervisor's at any CPL. */
    ck_assert_int_eq(CATCH(b, sc_sys_ld(c, 0x402000, 8)), -1);
    ck_pf(CATCH(b, sc_sys_st(c, 0x403000, 8, 0)), 0x403000, E_P | E_W);
}
END_TEST

/* A right taken away at an upper level counts. */
START_TEST(upper_levels)
{
    bare_paging(b, BARE_LONG, 3);
    bare_map(b, 0x7000400000, 0x200000, 12, P_P | P_W | P_U);
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t at = bare_entry(b, 0x7000400000, level), e = bare_get(b, at, 8);
        flush();
        ck_assert_int_eq(ST(0x7000400000), -1);
        bare_set(b, at, 8, e & ~P_U);
        flush();
        ck_pf(LD(0x7000400000), 0x7000400000, E_P | E_U);
        bare_set(b, at, 8, e & ~P_W);
        flush();
        ck_assert_int_eq(LD(0x7000400000), -1);
        ck_pf(ST(0x7000400000), 0x7000400000, E_P | E_W | E_U);
        bare_set(b, at, 8, e | P_NX);
        flush();
        ck_pf(FETCH(0x7000400000), 0x7000400000, E_P | E_U | E_I);
        bare_set(b, at, 8, e & ~P_P);
        flush();
        ck_pf(LD(0x7000400000), 0x7000400000, E_U);
        bare_set(b, at, 8, e);
    }
}
END_TEST

START_TEST(wp_smep_smap)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_U);
    bare_map(b, 0x401000, 0x201000, 12, P_P | P_U | P_W);
    ck_pf(ST(0x400000), 0x400000, E_P | E_W);
    c->cr0 &= ~SC_CR0_WP;
    flush();
    ck_assert_int_eq(ST(0x400000), -1);
    c->cr0 |= SC_CR0_WP;
    flush();
    c->cr4 |= SC_CR4_SMEP;
    ck_pf(FETCH(0x400000), 0x400000, E_P | E_I);
    c->cr4 |= SC_CR4_SMAP;
    ck_pf(LD(0x401000), 0x401000, E_P);
    ck_pf(ST(0x401000), 0x401000, E_P | E_W);
    c->eflags |= SC_AC;
    ck_assert_int_eq(LD(0x401000), -1);
    ck_assert_int_eq(ST(0x401000), -1);
    ck_pf(CATCH(b, sc_sys_ld(c, 0x401000, 8)), 0x401000, E_P);
    c->eflags &= ~SC_AC;
    ck_pf(LD(0x401000), 0x401000, E_P);
    /* SMEP is reported by the I/D bit without NX, too. */
    c->cr4 &= ~SC_CR4_SMAP;
    c->efer &= ~(uint64_t)SC_EFER_NXE;
    ck_pf(FETCH(0x900000), 0x900000, E_I);
    c->cr4 &= ~SC_CR4_SMEP;
    ck_pf(FETCH(0x900000), 0x900000, 0);
}
END_TEST

/* --- sizes and reserved bits ------------------------------------------------------------------ */

START_TEST(large_pages)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x40000000, 0, 30, P_P | P_W);
    bare_map(b, 0x80200000, 0x200000, 21, P_P | P_W);
    bare_set(b, 0x345678, 4, 0x12345678);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x40345678), 0x12345678);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x80345678), 0x12345678);
    /* Address bits below the page size are reserved. */
    bare_set(b, bare_entry(b, 0x80200000, 2), 8, 0x202000 | P_P | P_W | P_PS);
    bare_set(b, bare_entry(b, 0x40000000, 3), 8, 0x200000 | P_P | P_W | P_PS);
    flush();
    ck_pf(LD(0x80200000), 0x80200000, E_P | E_R);
    ck_pf(ST(0x40000000), 0x40000000, E_P | E_R | E_W);
    /* PAT (bit 12) is not. */
    bare_set(b, bare_entry(b, 0x80200000, 2), 8, 0x201000 | P_P | P_W | P_PS);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x80345678), 0x12345678);
    /* PS in the top level. */
    bare_set(b, bare_entry(b, 0x80200000, 4), 8,
             P_PS | bare_get(b, bare_entry(b, 0x80200000, 4), 8));
    flush();
    ck_pf(LD(0x80345678), 0x80345678, E_P | E_R);
}
END_TEST

START_TEST(large_pages_32)
{
    bare_paging(b, BARE_32, 0);
    bare_map(b, 0x800000, 0x400000, 22, P_P | P_W);
    bare_set(b, 0x412344, 4, 99);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x812344), 99);
    bare_set(b, bare_entry(b, 0x800000, 2), 4, 0x400000 | P_P | P_PS | 1u << 21);
    flush();
    ck_pf(LD(0x812344), 0x812344, E_P | E_R);
    /* PSE-36: bits 20:13 are address bits 39:32, here beyond RAM: all ones are read. */
    bare_set(b, bare_entry(b, 0x800000, 2), 4, 0x400000 | P_P | P_PS | 1u << 13);
    b->mmio_value = 0xcafe0001;
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x812344), 0xcafe0001);
    ck_assert_uint_eq(b->log[0].gpa, 0x100412344ull);
    /* Without PSE the bit means nothing. */
    c->cr4 &= ~SC_CR4_PSE;
    uint64_t table = 0x900000;
    bare_set(b, bare_entry(b, 0x800000, 2), 4, table | P_P | P_PS);
    bare_set(b, table + 0x12 * 4, 4, 0x412000 | P_P);
    flush();
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x812344), 99);
}
END_TEST

START_TEST(reserved)
{
    bare_paging(b, _i ? BARE_PAE : BARE_LONG, 3);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_U);
    uint64_t at = bare_entry(b, 0x400000, 1);
    ck_assert_int_eq(LD(0x400000), -1);
    bare_set(b, at, 8, 0x200000 | P_P | P_U | 1ull << 41);
    flush();
    ck_pf(LD(0x400000), 0x400000, E_P | E_U | E_R);
    bare_set(b, at, 8, 0x200000 | P_P | P_U | 1ull << 55);
    if (_i)
        ck_pf(LD(0x400000), 0x400000, E_P | E_U | E_R);
    else
        ck_assert_int_eq(LD(0x400000), -1);
    flush();
    bare_set(b, at, 8, 0x200000 | P_P | P_U | P_NX);
    ck_assert_int_eq(LD(0x400000), -1);
    c->efer &= ~(uint64_t)SC_EFER_NXE;
    flush();
    ck_pf(LD(0x400000), 0x400000, E_P | E_U | E_R);
    /* Not present: nothing is reserved. */
    bare_set(b, at, 8, ~P_P);
    ck_pf(LD(0x400000), 0x400000, E_U);
}
END_TEST

START_TEST(pdptes)
{
    bare_paging(b, BARE_PAE, 0);
    bare_map(b, 0xc0000000, 0x200000, 12, P_P | P_W);
    ck_assert_int_eq(LD(0xc0000000), -1);
    /* They live in registers: memory changes only count after a load. */
    uint64_t old = bare_get(b, c->cr3 + 24, 8);
    bare_set(b, c->cr3 + 24, 8, 0);
    flush();
    ck_assert_int_eq(LD(0xc0000000), -1);
    ck_assert_int_eq(sc_load_pdptes(c, c->cr3), 0);
    flush();
    ck_pf(LD(0xc0000000), 0xc0000000, 0);
    bare_set(b, c->cr3 + 24, 8, old | P_W);
    ck_assert_int_eq(sc_load_pdptes(c, c->cr3), -1);
    bare_set(b, c->cr3 + 24, 8, old | 1ull << 63);
    ck_assert_int_eq(sc_load_pdptes(c, c->cr3), -1);
    ck_assert_uint_eq(c->pdpte[3], 0);
    bare_set(b, c->cr3 + 24, 8, P_W);
    ck_assert_int_eq(sc_load_pdptes(c, c->cr3), 0);
}
END_TEST

/* --- accessed and dirty ----------------------------------------------------------------------- */

START_TEST(accessed_dirty)
{
    enum bare_paging kind = paged[_i];
    unsigned size = kind == BARE_32 ? 4 : 8, top = kind == BARE_LONG ? 4 : 2;
    bare_paging(b, kind, 3);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_U | P_W);
    bare_map(b, 0x401000, 0x201000, 12, P_P | P_U);
    bare_map(b, 0x402000, 0x202000, 12, P_P | P_W);
    uint64_t e = bare_entry(b, 0x400000, 1);

    /* A failing access leaves no trace. */
    ck_pf(LD(0x402000), 0x402000, E_P | E_U);
    ck_pf(ST(0x401000), 0x401000, E_P | E_U | E_W);
    for (unsigned l = 1; l <= top; l++)
        ck_assert_uint_eq(bare_get(b, bare_entry(b, 0x401000, l), size) & (P_A | P_D), 0);

    ck_assert_int_eq(LD(0x400000), -1);
    ck_assert_uint_eq(bare_get(b, e, size) & (P_A | P_D), P_A);
    for (unsigned l = 2; l <= top; l++)
        ck_assert_uint_eq(bare_get(b, bare_entry(b, 0x400000, l), size) & (P_A | P_D), P_A);
    ck_assert_int_eq(ST(0x400000), -1);
    ck_assert_uint_eq(bare_get(b, e, size) & (P_A | P_D), P_A | P_D);
    for (unsigned l = 2; l <= top; l++)
        ck_assert_uint_eq(bare_get(b, bare_entry(b, 0x400000, l), size) & P_D, 0);
    /* Cleared behind the TLB's back, then flushed: set again. */
    bare_set(b, e, size, bare_get(b, e, size) & ~(P_A | P_D));
    sc_tlb_flush_page(c, 0x400000);
    ck_assert_int_eq(LD(0x400000), -1);
    ck_assert_uint_eq(bare_get(b, e, size) & (P_A | P_D), P_A);
    /* Translation for a debugger sets nothing. */
    uint64_t pa;
    ck_assert(sc_translate(c, 0x402123, &pa));
    ck_assert_uint_eq(pa, 0x202123);
    ck_assert_uint_eq(bare_get(b, bare_entry(b, 0x402000, 1), size) & P_A, 0);
    ck_assert(!sc_translate(c, 0x999000, &pa));
}
END_TEST

/* --- hostile tables --------------------------------------------------------------------------- */

START_TEST(recursive_table)
{
    bare_paging(b, BARE_LONG, 0);
    /* The top-level table maps itself, at all levels at once. */
    bare_set(b, c->cr3 + 511 * 8, 8, c->cr3 | P_P | P_W);
    uint64_t self = 0xfffffffffffff000ull;
    ck_assert_uint_eq(sc_ld64(c, &rec, self + 511 * 8) & ~0xfffull, c->cr3);
    ck_assert_uint_eq(bare_get(b, c->cr3 + 511 * 8, 8) & (P_A | P_D), P_A);
    sc_st64(c, &rec, self + 8, 0);
    ck_assert_uint_eq(bare_get(b, c->cr3 + 511 * 8, 8) & (P_A | P_D), P_A | P_D);
}
END_TEST

START_TEST(tables_outside_ram)
{
    bare_paging(b, BARE_LONG, 0);
    c->cr3 = 0x3000000000;
    ck_pf(LD(0x400000), 0x400000, E_P | E_R);
    c->cr3 = BARE_MMIO_GPA;
    ck_pf(ST(0x400000), 0x400000, E_P | E_R | E_W);
    ck_assert_uint_eq(b->log_count, 0);
    bare_paging(b, BARE_32, 0);
    c->cr3 = 0xf0000000;
    ck_pf(LD(0x400000), 0x400000, E_P | E_R);
    c->cr4 &= ~SC_CR4_PSE; /* all ones: present, and a page at 0xfffff000 */
    ck_assert_int_eq(LD(0x400000), -1);
}
END_TEST

/* Tables in read-only memory work; their A and D bits stay. */
START_TEST(tables_in_rom)
{
    uint64_t *rom = (uint64_t *)b->rom;
    bare_paging(b, BARE_LONG, 0);
    for (unsigned k = 0; k < 512; k++)
        rom[k] = BARE_ROM_GPA | P_P | P_W | P_U;
    c->cr3 = BARE_ROM_GPA;
    ck_assert_uint_eq(sc_ld64(c, &rec, 0x400000), rom[0]);
    b->log_count = 0;
    sc_st64(c, &rec, 0x400010, 5); /* a write to the ROM: the device sees it */
    ck_assert_uint_eq(b->log_count, 1);
    ck_assert_uint_eq(rom[0], BARE_ROM_GPA | P_P | P_W | P_U);
}
END_TEST

START_TEST(random_tables)
{
    volatile uint64_t seed = 88172645463325252ull + (uint64_t)_i;
    bare_paging(b, paged[_i % 3], _i & 1 ? 3 : 0);
    for (volatile unsigned n = 0; n < 300; n++) {
        for (unsigned k = 0; k < 2048; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            uint64_t v = seed & 3 ? (seed & 0xfff000) | 0x800000 | (seed >> 40 & 0x1ff) | 1 : seed;
            bare_set(b, 0x800000 + k * 8, 8, v);
        }
        c->cr3 = 0x800000 + (n & 3) * 4096;
        if (paged[_i % 3] == BARE_PAE)
            for (unsigned k = 0; k < 4; k++)
                c->pdpte[k] = bare_get(b, c->cr3 + k * 8, 8);
        flush();
        for (volatile unsigned k = 0; k < 30; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            volatile uint64_t va =
                paged[_i % 3] == BARE_LONG ? (uint64_t)((int64_t)seed >> 17) : (uint32_t)seed;
            volatile int r = LD(va);
            ck_assert(r == -1 || r == SC_PFV || r == SC_GP);
            r = ST(va);
            ck_assert(r == -1 || r == SC_PFV || r == SC_GP);
        }
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, rights, 0, 3);
    tcase_add_test(t, upper_levels);
    tcase_add_test(t, wp_smep_smap);
    tcase_add_test(t, large_pages);
    tcase_add_test(t, large_pages_32);
    tcase_add_loop_test(t, reserved, 0, 2);
    tcase_add_test(t, pdptes);
    tcase_add_loop_test(t, accessed_dirty, 0, 3);
    tcase_add_test(t, recursive_table);
    tcase_add_test(t, tables_outside_ram);
    tcase_add_test(t, tables_in_rom);
    tcase_add_loop_test(t, random_tables, 0, 6);
}

int main(void)
{
    return run_bare_tests("soft-mmu", add);
}
