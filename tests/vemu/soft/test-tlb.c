/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's TLB, and accesses to what is not plain memory or not one page. */
#include "mmu-test.h"

static const struct sc_insn rec_ss = { .flags = SC_I_SS };

/* --- TLB ------------------------------------------------------------------------------------ */

START_TEST(flushes)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W | P_U);
    bare_map(b, 0x401000, 0x201000, 12, P_P | P_W | P_G);
    bare_map(b, 0x402000, 0x202000, 12, P_P | P_W);
    for (unsigned k = 0; k < 3; k++) {
        bare_set(b, 0x200000 + k * 4096, 4, 1 + k);
        bare_set(b, 0x300000 + k * 4096, 4, 11 + k);
        sc_ld32(c, &rec, 0x400000 + k * 4096);
        sc_fetch_page(c, 0x400000 + k * 4096);
    }
    /* New translations in memory: the TLB may keep the old. */
    bare_map(b, 0x400000, 0x300000, 12, P_P | P_W | P_U);
    bare_map(b, 0x401000, 0x301000, 12, P_P | P_W | P_G);
    bare_map(b, 0x402000, 0x302000, 12, P_P | P_W);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 1);
    sc_tlb_flush_page(c, 0x402fff);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x402000), 13);
    ck_assert_uint_eq(sc_fetch_page(c, 0x402000)->pa & SC_PAGE_MASK, 0x302000);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 1);
    sc_tlb_flush_nonglobal(c);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 11);
    ck_assert_uint_eq(sc_fetch_page(c, 0x400000)->pa & SC_PAGE_MASK, 0x300000);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x401000), 2);
    ck_assert_uint_eq(sc_fetch_page(c, 0x401000)->pa & SC_PAGE_MASK, 0x201000);
    sc_tlb_flush_page(c, 0x401000); /* INVLPG drops global pages too */
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x401000), 12);
    ck_assert_uint_eq(sc_fetch_page(c, 0x401000)->pa & SC_PAGE_MASK, 0x301000);
    bare_map(b, 0x401000, 0x201000, 12, P_P | P_W | P_G);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x401000), 12);
    sc_tlb_flush_all(c);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x401000), 2);
    /* Both privileges have their own entries: INVLPG reaches both. */
    bare_cpl(b, 3);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 11);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W | P_U);
    sc_tlb_flush_page(c, 0x400000);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 1);
    bare_cpl(b, 0);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x400000), 1);
}
END_TEST

/* A table of zeroes must not be taken for one that knows page 0. */
START_TEST(fresh_tables)
{
    bare_paging(b, BARE_LONG, 0);
    ck_pf(LD(0), 0, 0);
    bare_map(b, 0xfffffffffffff000, 0x200000, 12, P_P | P_W);
    ck_pf(CATCH(b, sc_ld64(c, &rec, 0xfffffffffffffffc)), 0, 0);
}
END_TEST

static bool is_empty(uint64_t tag, unsigned index)
{
    const bool asked_for_page_0 = index == 0 || index == SC_TLB_SIZE - 1;

    return tag == SC_TLB_EMPTY || (tag == 0 && !asked_for_page_0);
}

/* Entries change between the lists over many fills and flushes; all must still be found. */
START_TEST(flush_lists)
{
    bare_paging(b, BARE_LONG, 0);
    for (unsigned k = 0; k < 3000; k++)
        bare_map(b, 0x400000 + k * 4096ull, 0x200000 + (k & 63) * 4096, 12,
                 P_P | P_W | (k % 3 ? P_G : 0));
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned k = 0; k < 3000; k++)
            sc_ld8(c, &rec, 0x400000 + k * 4096ull);
        if (round & 1)
            sc_tlb_flush_nonglobal(c);
    }
    sc_tlb_flush_nonglobal(c);
    for (unsigned k = 0; k < SC_TLB_SIZE; k++) {
        const struct sc_tlbe *e = &c->tlbs[0][k];
        ck_assert(is_empty(e->rtag, k) || (e->pa & SC_TLB_GLOBAL));
    }
    sc_tlb_flush_all(c);
    for (unsigned k = 0; k < SC_TLB_SIZE; k++)
        ck_assert(is_empty(c->tlbs[0][k].rtag, k) && is_empty(c->tlbs[0][k].wtag, k));
}
END_TEST

START_TEST(invlpg_large)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x40000000, 0x200000, 21, P_P | P_W | P_G);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    sc_ld32(c, &rec, 0x40001000);
    sc_ld32(c, &rec, 0x40050000);
    sc_fetch_page(c, 0x40060000);
    bare_map(b, 0x40000000, 0x400000, 21, P_P | P_W | P_G);
    bare_set(b, 0x450000, 4, 66);
    sc_tlb_flush_page(c, 0x400000);
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x40050000), 0);
    sc_tlb_flush_page(c, 0x401ff000); /* any address inside */
    ck_assert_uint_eq(sc_ld32(c, &rec, 0x40050000), 66);
    ck_assert_uint_eq(sc_fetch_page(c, 0x40060000)->pa & SC_PAGE_MASK, 0x460000);
}
END_TEST

START_TEST(jump_cache_follows)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    bare_map(b, 0x500000, 0x201000, 12, P_P | P_W);
    sc_fetch_page(c, 0x400000);
    sc_fetch_page(c, 0x500000); /* takes the same place in the code TLB */
    uint64_t gen = c->jc_gen;
    sc_tlb_flush_page(c, 0x777000);
    ck_assert_uint_eq(c->jc_gen, gen);
    sc_tlb_flush_page(c, 0x400000);
    ck_assert_uint_ne(c->jc_gen, gen);
    /* Modes and privileges do not share entries. */
    gen = c->jc_gen;
    bare_cpl(b, 3);
    ck_assert_uint_ne(c->jc_gen, gen);
    bare_cpl(b, 0);
    ck_assert_uint_eq(c->jc_gen, gen);
}
END_TEST

/* Kernel code in the code TLB is no right for a user to run it. */
START_TEST(fetch_privilege)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    ck_assert_int_eq(FETCH(0x400000), -1);
    bare_cpl(b, 3);
    ck_pf(FETCH(0x400000), 0x400000, E_P | E_U | E_I);
    ck_assert_int_eq(FETCH(0x0000800000000000ull), SC_GP);
    ck_assert_uint_eq(c->exc_error, 0);
}
END_TEST

/* --- what else pages can be ------------------------------------------------------------------- */

START_TEST(code_pages)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    sc_st32(c, &rec, 0x400000, 1);
    const struct sc_tlbe *e = sc_tlbe(c, 0x400000);
    ck_assert_uint_eq(e->wtag, 0x400000);
    atomic_fetch_or(&b->vm.slots[0].pages[0x200], SC_PAGE_CODE);
    sc_tlb_protect_page(c, 0x200000);
    ck_assert_uint_eq(e->wtag, SC_TLB_EMPTY);
    ck_assert_uint_eq(e->rtag, 0x400000);
    ck_assert_ptr_null(sc_rmw(c, &rec, 0x400000, 4));
    unsigned avail;
    ck_assert_ptr_null(sc_span_write(c, &rec, 0x400000, &avail));
    ck_assert_ptr_eq(sc_span_read(c, &rec, 0x400010, &avail), b->ram + 0x200010);
    ck_assert_uint_eq(avail, 4096 - 16);
    sc_st32(c, &rec, 0x400ff0, 2);
    ck_assert_uint_eq(bare_get(b, 0x200ff0, 4), 2);
    atomic_fetch_and(&b->vm.slots[0].pages[0x200], (uint8_t)~SC_PAGE_CODE);
    sc_st32(c, &rec, 0x400000, 3);
    ck_assert_uint_eq(e->wtag, 0x400000);
}
END_TEST

START_TEST(dirty_log)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W | P_D);
    b->vm.slots[0].flags |= VEMU_SLOT_LOG_DIRTY;
    _Atomic uint8_t *page = &b->vm.slots[0].pages[0x200];
    sc_ld32(c, &rec, 0x400000);
    ck_assert_uint_eq(*page & SC_PAGE_DIRTY, 0);
    sc_st32(c, &rec, 0x400000, 1);
    ck_assert_uint_ne(*page & SC_PAGE_DIRTY, 0);
    ck_assert_uint_eq(sc_tlbe(c, 0x400000)->wtag, 0x400000);
    /* dirty_get */
    atomic_store(page, 0);
    sc_tlb_protect_page(c, 0x200000);
    sc_ld32(c, &rec, 0x400000);
    ck_assert_uint_eq(*page, 0);
    sc_st32(c, &rec, 0x400004, 1);
    ck_assert_uint_ne(*page & SC_PAGE_DIRTY, 0);
    /* The page tables' accessed bits are writes, too. */
    uint64_t table = bare_entry(b, 0x400000, 1);
    atomic_store(&b->vm.slots[0].pages[table >> 12], 0);
    bare_set(b, table, 8, 0x200000 | P_P | P_W);
    flush();
    sc_ld32(c, &rec, 0x400000);
    ck_assert_uint_ne(b->vm.slots[0].pages[table >> 12] & SC_PAGE_DIRTY, 0);
}
END_TEST

START_TEST(mmio)
{
    bare_paging(b, BARE_NOPAGING, 0);
    b->mmio_value = 0x8877665544332211;
    ck_assert_uint_eq(sc_ld32(c, &rec, BARE_MMIO_GPA), 0x44332211);
    ck_assert_uint_eq(b->log_count, 1);
    ck_assert_uint_eq(b->log[0].size, 4);
    ck_assert_uint_eq(sc_ld64(c, &rec, BARE_MMIO_GPA + 8), 0x8877665544332211);
    ck_assert_uint_eq(b->log[1].size, 8);
    /* Not aligned: naturally aligned pieces. */
    b->log_count = 0;
    sc_st32(c, &rec, BARE_MMIO_GPA + 1, 0xddccbbaa);
    ck_assert_uint_eq(b->log_count, 3);
    ck_assert_uint_eq(b->log[0].size, 1);
    ck_assert_uint_eq(b->log[0].value, 0xaa);
    ck_assert_uint_eq(b->log[1].size, 2);
    ck_assert_uint_eq(b->log[1].gpa, BARE_MMIO_GPA + 2);
    ck_assert_uint_eq(b->log[1].value, 0xccbb);
    ck_assert_uint_eq(b->log[2].value, 0xdd);
    /* Over a page. */
    b->log_count = 0;
    sc_st64(c, &rec, BARE_MMIO_GPA + 0xffc, 0x1122334455667788);
    ck_assert_uint_eq(b->log_count, 2);
    ck_assert_uint_eq(b->log[0].value, 0x55667788);
    ck_assert_uint_eq(b->log[1].gpa, BARE_MMIO_GPA + 0x1000);
    ck_assert_uint_eq(b->log[1].value, 0x11223344);
    /* 16 bytes. */
    b->log_count = 0;
    sc_st128(c, &rec, BARE_MMIO_GPA, (sc_u64x2){ 1, 2 });
    ck_assert_uint_eq(b->log_count, 2);
    ck_assert_uint_eq(b->log[1].value, 2);
    ck_assert_ptr_null(sc_rmw(c, &rec, BARE_MMIO_GPA, 4));
    /* ROM: reads are memory, writes go to the device. */
    b->rom[5] = 0x77;
    b->log_count = 0;
    ck_assert_uint_eq(sc_ld8(c, &rec, BARE_ROM_GPA + 5), 0x77);
    ck_assert_uint_eq(b->log_count, 0);
    sc_st8(c, &rec, BARE_ROM_GPA + 5, 1);
    ck_assert_uint_eq(b->log_count, 1);
    ck_assert_uint_eq(b->rom[5], 0x77);
    ck_assert_uint_eq(sc_ld_rmw(c, &rec, BARE_ROM_GPA + 5, 1), 0x77);
    /* The local APIC's page answers before devices do. */
    b->log_count = 0;
    sc_ld32(c, &rec, 0xfee00030);
    ck_assert_uint_eq(b->log_count, 0);
}
END_TEST

START_TEST(page_crossing)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    bare_map(b, 0x401000, 0x300000, 12, P_P | P_W);
    bare_map(b, 0x402000, 0x280000, 12, P_P);
    sc_st64(c, &rec, 0x400ffd, 0x1122334455667788);
    ck_assert_uint_eq(bare_get(b, 0x200ffd, 3), 0x667788);
    ck_assert_uint_eq(bare_get(b, 0x300000, 5), 0x1122334455);
    ck_assert_uint_eq(sc_ld64(c, &rec, 0x400ffd), 0x1122334455667788);
    ck_assert_uint_eq(sc_ld16(c, &rec, 0x400fff), 0x5566);
    ck_assert_ptr_null(sc_rmw(c, &rec, 0x400ffd, 8));
    ck_assert_uint_eq(sc_ld_rmw(c, &rec, 0x400ffd, 8), 0x1122334455667788);
    sc_u64x2 v = sc_ld128(c, &rec, 0x400ff5);
    ck_assert_uint_eq(v[1], 0x1122334455667788);

    /* The second page refuses: nothing is written, CR2 is its first byte. */
    bare_set(b, 0x300ffc, 4, 0xaaaaaaaa);
    ck_pf(CATCH(b, sc_st64(c, &rec, 0x401ffc, ~0ull)), 0x402000, E_P | E_W);
    ck_assert_uint_eq(bare_get(b, 0x300ffc, 4), 0xaaaaaaaa);
    ck_pf(CATCH(b, sc_ld_rmw(c, &rec, 0x401ffc, 8)), 0x402000, E_P | E_W);
    ck_pf(CATCH(b, sc_ld64(c, &rec, 0x402ffc)), 0x403000, 0);
    ck_pf(CATCH(b, sc_st64(c, &rec, 0x3ffffc, 0)), 0x3ffffc, E_W);
    char block[64] = "x";
    ck_pf(CATCH(b, sc_write_block(c, &rec, 0x401ff0, block, 64)), 0x402000, E_P | E_W);
    ck_assert_uint_eq(bare_get(b, 0x300ff0, 1), 0);
    ck_pf(CATCH(b, sc_probe_write(c, &rec, 0x401ff0, 64)), 0x402000, E_P | E_W);
    ck_assert_int_eq(CATCH(b, sc_probe_read(c, &rec, 0x401ff0, 64)), -1);
}
END_TEST

START_TEST(canonical)
{
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x7ffffffff000, 0x200000, 12, P_P | P_W);
    ck_assert_int_eq(LD(0x800000000000), SC_GP);
    ck_assert_uint_eq(c->exc_error, 0);
    ck_assert_int_eq(CATCH(b, sc_st64(c, &rec_ss, 0xdead000000000000, 1)), SC_SS);
    ck_assert_uint_eq(c->exc_error, 0);
    ck_assert_int_eq(CATCH(b, sc_st64(c, &rec, 0x7ffffffffffc, 1)), SC_GP);
    ck_assert_uint_eq(bare_get(b, 0x200ffc, 4), 0);
    /* 32-bit addresses wrap instead. */
    bare_paging(b, BARE_32, 0);
    bare_map(b, 0xfffff000, 0x200000, 12, P_P | P_W);
    bare_map(b, 0, 0x201000, 12, P_P | P_W);
    sc_st32(c, &rec, 0xfffffffe, 0x11223344);
    ck_assert_uint_eq(bare_get(b, 0x200ffe, 2), 0x3344);
    ck_assert_uint_eq(bare_get(b, 0x201000, 2), 0x1122);
}
END_TEST

START_TEST(alignment_and_watchpoints)
{
    bare_paging(b, BARE_LONG, 3);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W | P_U);
    ck_assert_int_eq(LD(0x400001), -1);
    c->cr0 |= SC_CR0_AM;
    c->eflags |= SC_AC;
    sc_update_mode(c);
    ck_assert_int_eq(LD(0x400001), SC_ACV);
    ck_assert_uint_eq(c->exc_error, 0);
    ck_assert_int_eq(LD(0x400004), -1);
    ck_assert_int_eq(CATCH(b, sc_ld8(c, &rec, 0x400001)), -1);
    bare_cpl(b, 0);
    ck_assert_int_eq(LD(0x400001), -1);
    c->eflags &= ~SC_AC;

    /* DR0: 4 bytes at 0x400010, writes; DR2: 1 byte at 0x400020, reads and writes. */
    c->dr[0] = 0x400010;
    c->dr[2] = 0x400020;
    c->dr7 = 0x400 | 1 | 1 << 4 | 0xdu << 16 | 3u << 24;
    sc_update_mode(c);
    ck_assert(c->mode & SC_M_STEP);
    sc_ld32(c, &rec, 0x400010);
    ck_assert_uint_eq(c->db_hits, 0);
    sc_st8(c, &rec, 0x400013, 1);
    ck_assert_uint_eq(c->db_hits, 1);
    c->db_hits = 0;
    sc_st8(c, &rec, 0x400014, 1);
    ck_assert_uint_eq(c->db_hits, 0);
    sc_ld64(c, &rec, 0x40001c);
    ck_assert_uint_eq(c->db_hits, 4);
    c->dr7 = 0x400;
    sc_update_mode(c);
    ck_assert(!(c->mode & SC_M_STEP));
}
END_TEST

START_TEST(shared_page_write_upgrade)
{
    /* A read fills the entry without D; the write must go through the tables once. */
    bare_paging(b, BARE_LONG, 0);
    bare_map(b, 0x400000, 0x200000, 12, P_P | P_W);
    sc_ld32(c, &rec, 0x400000);
    ck_assert_uint_eq(sc_tlbe(c, 0x400000)->wtag, SC_TLB_EMPTY);
    sc_st32(c, &rec, 0x400000, 1);
    ck_assert_uint_eq(sc_tlbe(c, 0x400000)->wtag, 0x400000);
    unsigned avail;
    ck_assert_ptr_eq(sc_span_write(c, &rec, 0x400800, &avail), b->ram + 0x200800);
    ck_assert_uint_eq(avail, 0x800);
    ck_assert_ptr_eq(sc_rmw(c, &rec, 0x400800, 8), b->ram + 0x200800);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, flushes);
    tcase_add_test(t, fresh_tables);
    tcase_add_test(t, flush_lists);
    tcase_add_test(t, invlpg_large);
    tcase_add_test(t, jump_cache_follows);
    tcase_add_test(t, fetch_privilege);
    tcase_add_test(t, code_pages);
    tcase_add_test(t, dirty_log);
    tcase_add_test(t, mmio);
    tcase_add_test(t, page_crossing);
    tcase_add_test(t, canonical);
    tcase_add_test(t, alignment_and_watchpoints);
    tcase_add_test(t, shared_page_write_upgrade);
}

int main(void)
{
    return run_bare_tests("soft-tlb", add);
}
