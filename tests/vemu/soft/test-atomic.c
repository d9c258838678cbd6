/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Atomic instructions of the software CPU, and what several vCPUs see of them. */
#include "accel/soft/trace/trace.h"
#include "code-test.h"

START_TEST(cmpxchg_always_writes)
{
    CODE("\x48\x0f\xb1\x0b"); /* cmpxchg %rcx, (%rbx), not equal, page read-only */
    protect(0x81);
    R(AX) = 1;
    R(BX) = BOUNDARY + 8;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(fault_error(), 3);
    ck_assert_uint_eq(R(AX), 1);

    CODE("\xf0\x48\x0f\xb1\x0b"); /* with LOCK */
    R(AX) = 1;
    R(BX) = BOUNDARY + 8;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(fault_error(), 3);

    CODE("\xf0\x48\x0f\xba\x2b\x00"); /* lock bts $0, (%rbx) split over the boundary */
    R(BX) = BOUNDARY - 4;
    put(BOUNDARY - 4, 4, 0);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(get(BOUNDARY - 4, 4), 0);
    /* The exclusive section was left again. */
    ck_assert_uint_eq(h->vm.sync->depth, 0);

    CODE("\x48\x85\x03"); /* test %rax, (%rbx) only reads */
    R(BX) = BOUNDARY + 8;
    run();
}
END_TEST

struct incrementer {
    pthread_t thread;
    struct sc_harness *h;
    struct sc_cpu *c;
};
static void *increment(void *data)
{
    struct incrementer *i = data;
    struct vemu_exit e;
    return (void *)(uintptr_t)sc_harness_run_cpu(i->h, i->c, &e);
}

/* Two vCPUs add to one counter: within a line, across lines, across pages; XADD, INC, CMPXCHG loop.
 * */
static void count_together(uint64_t at)
{
    static const char code[] = "\xf0\x48\xff\x03"             /* 1: lock incq (%rbx) */
                               "\xb8\x01\x00\x00\x00"         /* mov $1, %eax */
                               "\xf0\x48\x0f\xc1\x03"         /* lock xadd %rax, (%rbx) */
                               "\x48\x8b\x03"                 /* 2: mov (%rbx), %rax */
                               "\x48\x8d\x50\x01"             /* lea 1(%rax), %rdx */
                               "\xf0\x48\x0f\xb1\x13"         /* lock cmpxchg %rdx, (%rbx) */
                               "\x75\xf2"                     /* jne 2b */
                               "\xff\xc9\x75\xe0\xf4";        /* dec %ecx; jnz 1b; hlt */
    struct sc_harness *s = sc_harness_new_smp(SC_HARNESS_64, 4, 2);
    struct incrementer i[2];
    const unsigned rounds = 4000;
    uint64_t sum;

    memcpy(s->ram + SC_HARNESS_CODE, code, sizeof(code) - 1);
    for (unsigned n = 0; n < 2; n++) {
        i[n].h = s;
        i[n].c = s->vm.cpus[n];
        i[n].c->gpr[VEMU_RBX] = at;
        i[n].c->gpr[VEMU_RCX] = rounds;
        ck_assert(!pthread_create(&i[n].thread, NULL, increment, &i[n]));
    }
    for (unsigned n = 0; n < 2; n++) {
        void *end;
        pthread_join(i[n].thread, &end);
        ck_assert_int_eq((int)(uintptr_t)end, SC_HARNESS_HALT);
    }
    memcpy(&sum, s->ram + at, 8);
    sc_harness_free(s);
    ck_assert_uint_eq(sum, 2 * 3 * rounds);
}
START_TEST(lock_is_atomic) { count_together(DATA + 8); }
END_TEST
/* Reads of the split counter are not atomic, but the comparison then fails. */
START_TEST(lock_across_lines) { count_together(DATA + 60); }
END_TEST
START_TEST(lock_across_pages) { count_together(DATA + 0xffd); }
END_TEST

START_TEST(cmpxchg16b)
{
    CODE("\xf0\x48\x0f\xc7\x0b"); /* lock cmpxchg16b (%rbx) */
    R(BX) = DATA + 8;
    run_fault(SC_GP, true, SC_HARNESS_CODE);

    CODE("\xf0\x48\x0f\xc7\x0e"); /* (%rsi) */
    R(SI) = DATA + 16;
    put(DATA + 16, 8, 1);
    put(DATA + 24, 8, 2);
    R(AX) = 1;
    R(DX) = 3;
    run();
    ck_assert_uint_eq(R(DX), 2);
    ck_assert(!(sc_harness_rflags(h) & SC_ZF));
    CODE("\xf0\x48\x0f\xc7\x0e");
    R(SI) = DATA + 16;
    R(AX) = 1;
    R(DX) = 2;
    R(BX) = 0x11;
    R(CX) = 0x22;
    run();
    ck_assert(sc_harness_rflags(h) & SC_ZF);
    ck_assert_uint_eq(get(DATA + 16, 8), 0x11);
    ck_assert_uint_eq(get(DATA + 24, 8), 0x22);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-atomic");
    TCase *t = tcase(s, "64", setup64);

    tcase_add_test(t, cmpxchg_always_writes);
    tcase_add_test(t, lock_is_atomic);
    tcase_add_test(t, lock_across_lines);
    tcase_add_test(t, lock_across_pages);
    tcase_add_test(t, cmpxchg16b);
    return run_suite(s);
}
