/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Model-specific and control registers: values, refusals, side effects. */
#include <check.h>
#include <string.h>

#include "accel/soft/sys/sys.h"
#include "harness.h"

static struct sc_harness *h;
static struct sc_cpu *c;

static void setup(void)
{
    h = sc_harness_new(SC_HARNESS_64, 4);
    h->vm.config.callbacks.log = NULL; /* refusals are the point */
    c = h->cpu;
}
static void teardown(void)
{
    sc_harness_free(h);
}

static uint64_t rd(uint32_t index)
{
    uint64_t v = 0xdeadbeef;

    ck_assert_msg(sc_rdmsr(c, index, &v) == 0, "MSR 0x%x", index);
    return v;
}
#define accepts(index, v) ck_assert_int_eq(sc_wrmsr(c, index, v), 0)
#define refuses(index, v) ck_assert_int_eq(sc_wrmsr(c, index, v), -1)

static void hide(uint32_t leaf, int reg, unsigned bit)
{
    for (uint32_t n = 0; n < c->cpuid.count; n++)
        if (c->cpuid.entries[n].function == leaf)
            (&c->cpuid.entries[n].eax)[reg] &= ~(1u << bit);
}

START_TEST(plain)
{
    static const uint32_t stored[] = { 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101,
                                       0xc0000102, 0x175, 0x176 };

    for (unsigned n = 0; n < sizeof(stored) / sizeof(stored[0]); n++) {
        accepts(stored[n], 0xffff800012345678);
        ck_assert_uint_eq(rd(stored[n]), 0xffff800012345678);
    }
    for (unsigned n = 1; n < sizeof(stored) / sizeof(stored[0]); n++)
        refuses(stored[n], 0x0000800000000000); /* not canonical */
    accepts(0xc0000084, 0x47700);
    refuses(0xc0000084, 1ull << 32);
    accepts(0xc0000103, 7);
    refuses(0xc0000103, 1ull << 32);
    ck_assert_uint_eq(c->seg[VEMU_FS].base, 0xffff800012345678);
}
END_TEST

START_TEST(unknown)
{
    uint64_t v;

    ck_assert_int_eq(sc_rdmsr(c, 0x12345, &v), -1);
    refuses(0x12345, 0);
    refuses(0xfe, 0);    /* read-only */
    refuses(0x10a, 0);
    refuses(0x17b, ~0ull);
    ck_assert_int_eq(sc_rdmsr(c, 0x49, &v), -1); /* write-only */
    accepts(0x49, 1);
}
END_TEST

START_TEST(pat_and_mtrr)
{
    ck_assert_uint_eq(rd(0x277), 0x0007040600070406);
    accepts(0x277, 0x0007010600070106);
    refuses(0x277, 0x0007020600070106); /* 2 is no type */
    refuses(0x277, 0x08);
    accepts(0x2ff, 0xc06);
    refuses(0x2ff, 0xc02);
    refuses(0x2ff, 0x1006);
    accepts(0x250, 0x0606060606060606);
    refuses(0x250, 0x0606060706060606); /* UC- is for PAT only */
    accepts(0x200, 0x80000000 | 6);
    refuses(0x200, 0x80000000 | 0x100);
    accepts(0x201, 0xff80000800);
    refuses(0x201, 1ull << 41 | 0x800); /* beyond 40 bits */
    ck_assert_uint_eq(rd(0xfe) & 0xff, 8);
    refuses(0x210, 0);
}
END_TEST

START_TEST(efer)
{
    c->cr0 &= ~(uint64_t)SC_CR0_PG;
    c->efer = 0;
    accepts(0xc0000080, SC_EFER_LME | SC_EFER_NXE | SC_EFER_SCE);
    ck_assert_uint_eq(c->efer, SC_EFER_LME | SC_EFER_NXE | SC_EFER_SCE);
    accepts(0xc0000080, SC_EFER_LME | SC_EFER_LMA);
    ck_assert_uint_eq(c->efer, SC_EFER_LME); /* LMA is not writable */
    refuses(0xc0000080, 1u << 12);           /* SVME */
    c->cr0 |= SC_CR0_PG;
    refuses(0xc0000080, 0); /* LME while paging */
    hide(0x80000001, 3, 20);
    refuses(0xc0000080, SC_EFER_LME | SC_EFER_NXE);
}
END_TEST

START_TEST(speculation)
{
    uint64_t caps = rd(0x10a), v;

    ck_assert_uint_eq(caps & 1, 1);      /* RDCL_NO */
    ck_assert_uint_eq(caps >> 1 & 1, 1); /* IBRS_ALL */
    accepts(0x48, 1);
    refuses(0x48, 0x100);
    hide(7, 3, 26);
    hide(7, 3, 29);
    refuses(0x48, 1);
    ck_assert_int_eq(sc_rdmsr(c, 0x10a, &v), -1);
    refuses(0x49, 1);
}
END_TEST

START_TEST(tsc_adjust)
{
    uint64_t before = rd(0x10), after;

    accepts(0x3b, 1000000000000ull);
    after = rd(0x10);
    ck_assert_uint_ge(after - before, 1000000000000ull);
    ck_assert_uint_lt(after - before, 1010000000000ull);
    accepts(0x10, 0); /* shows in TSC_ADJUST */
    ck_assert_uint_lt(rd(0x10), 10000000000ull);
    ck_assert_int_le((int64_t)rd(0x3b), 0);
    accepts(0x3b, 0);
    ck_assert_uint_ge(rd(0x10), before);
}
END_TEST

struct pvclock {
    uint32_t version, pad;
    uint64_t tsc, time;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad2[2];
};

START_TEST(kvmclock)
{
    struct pvclock pv;
    uint64_t ns;
    uint32_t wall[3];

    accepts(0x4b564d01, 0x30000 | 1);
    memcpy(&pv, h->ram + 0x30000, sizeof(pv));
    ck_assert_uint_eq(pv.version & 1, 0);
    ck_assert_uint_eq(pv.flags & 1, 1);
    ns = (uint64_t)(((unsigned __int128)((uint64_t)1000 << pv.shift) * pv.mul) >> 32);
    ck_assert_uint_eq(ns, 1000); /* the TSC counts nanoseconds */
    accepts(0x10, rd(0x10) + 1000000000000ull); /* the clock does not jump with the TSC */
    ns = pv.time;
    memcpy(&pv, h->ram + 0x30000, sizeof(pv));
    ck_assert_uint_ge(pv.time, ns);
    ck_assert_uint_lt(pv.time - ns, 10000000000ull);
    accepts(0x4b564d00, 0x30100);
    memcpy(wall, h->ram + 0x30100, sizeof(wall));
    ck_assert_uint_eq(wall[0] & 1, 0);
    ck_assert_uint_gt(wall[1], 1600000000);
    ck_assert_uint_lt(wall[2], 1000000000);
    accepts(0x12, 0x30200 | 1); /* the old numbers */
    accepts(0x4b564d01, 0xffffffff000ull | 1); /* no RAM there: nothing happens */
    accepts(0x4b564d01, h->ram_size - 8 + 1);
    hide(0x40000001, 0, 3);
    refuses(0x4b564d01, 0x30000 | 1);
}
END_TEST

START_TEST(write_cr0)
{
    uint64_t cr0 = c->cr0;

    ck_assert_int_eq(sc_write_cr0(c, cr0 | 1ull << 32), -1);
    ck_assert_int_eq(sc_write_cr0(c, cr0 & ~(uint64_t)SC_CR0_PE), -1); /* PG without PE */
    ck_assert_int_eq(sc_write_cr0(c, cr0 | SC_CR0_NW), -1);            /* NW without CD */
    ck_assert_int_eq(sc_write_cr0(c, cr0 & ~(uint64_t)SC_CR0_PG), -1); /* in 64-bit code */
    ck_assert_int_eq(sc_write_cr0(c, cr0 | 0x100), 0); /* reserved, ignored */
    ck_assert_uint_eq(c->cr0, cr0);
    ck_assert_int_eq(sc_write_cr0(c, cr0 & ~(uint64_t)SC_CR0_ET), 0); /* ET is fixed */
    ck_assert_uint_eq(c->cr0, cr0);
}
END_TEST

START_TEST(long_mode_entry)
{
    struct sc_harness *p = sc_harness_new(SC_HARNESS_32, 1);
    struct sc_cpu *q = p->cpu;

    p->vm.config.callbacks.log = NULL;
    ck_assert_int_eq(sc_write_efer(q, SC_EFER_LME), 0);
    ck_assert_int_eq(sc_write_cr0(q, q->cr0 | SC_CR0_PG), -1); /* needs PAE */
    ck_assert_int_eq(sc_write_cr4(q, q->cr4 | SC_CR4_PAE), 0);
    ck_assert_int_eq(sc_write_cr3(q, SC_HARNESS_PML4), 0);
    ck_assert_int_eq(sc_write_cr0(q, q->cr0 | SC_CR0_PG), 0);
    ck_assert_uint_eq(q->efer, SC_EFER_LME | SC_EFER_LMA);
    ck_assert_uint_eq(q->mode & SC_M_64, 0); /* compatibility mode */
    ck_assert_int_eq(sc_write_cr4(q, q->cr4 & ~(uint64_t)SC_CR4_PAE), -1);
    ck_assert_int_eq(sc_write_cr0(q, q->cr0 & ~(uint64_t)SC_CR0_PG), 0);
    ck_assert_uint_eq(q->efer, SC_EFER_LME);
    sc_harness_free(p);
}
END_TEST

START_TEST(pae_pdptes)
{
    struct sc_harness *p = sc_harness_new(SC_HARNESS_32, 1);
    struct sc_cpu *q = p->cpu;
    uint64_t bad = 0x5003; /* bit 1 is reserved in a PDPTE */

    ck_assert_int_eq(sc_write_cr4(q, q->cr4 | SC_CR4_PAE), 0);
    memcpy(p->ram + 0x30000, &bad, 8);
    ck_assert_int_eq(sc_write_cr3(q, 0x30000), 0); /* paging off: not looked at */
    ck_assert_int_eq(sc_write_cr0(q, q->cr0 | SC_CR0_PG), -1);
    bad = 0x5001;
    memcpy(p->ram + 0x30000, &bad, 8);
    ck_assert_int_eq(sc_write_cr0(q, q->cr0 | SC_CR0_PG), 0);
    ck_assert_uint_eq(q->pdpte[0], 0x5001);
    sc_harness_free(p);
}
END_TEST

START_TEST(cr3_cr4)
{
    ck_assert_int_eq(sc_write_cr3(c, 1ull << 40), -1);
    ck_assert_int_eq(sc_write_cr3(c, SC_HARNESS_PML4), 0);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_OSXSAVE), -1);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | 1ull << 40), -1);
    ck_assert_int_eq(sc_write_cr3(c, SC_HARNESS_PML4 | SC_CR3_KEEP), -1);
    ck_assert_int_eq(sc_write_cr3(c, SC_HARNESS_PML4 | 8), 0);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_PCIDE), -1); /* CR3[11:0] is not 0 */
    ck_assert_int_eq(sc_write_cr3(c, SC_HARNESS_PML4), 0);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_PCIDE), 0);
    ck_assert_int_eq(sc_write_cr3(c, SC_HARNESS_PML4 | SC_CR3_KEEP | 8), 0);
    ck_assert_uint_eq(c->cr3, SC_HARNESS_PML4 | 8);
    ck_assert_int_eq(sc_write_cr0(c, c->cr0 & ~(uint64_t)SC_CR0_PG), -1);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 & ~(uint64_t)SC_CR4_PCIDE), 0);
    hide(1, 2, 17);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_PCIDE), -1);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_SMEP | SC_CR4_UMIP | SC_CR4_FSGSBASE), 0);
    hide(7, 1, 7);
    ck_assert_int_eq(sc_write_cr4(c, c->cr4 | SC_CR4_SMEP), -1);
}
END_TEST

/* --- through instructions --------------------------------------------------------------------- */

#define RUN(code) sc_harness_exec(h, code, sizeof(code) - 1)

START_TEST(instructions)
{
    /* mov $0xc0000102, %ecx; mov $1, %eax; mov $2, %edx; wrmsr; xor %eax, %eax; rdmsr; hlt */
    ck_assert_int_eq(RUN("\xb9\x02\x01\x00\xc0\xb8\x01\x00\x00\x00\xba\x02\x00\x00\x00\x0f\x30"
                         "\x31\xc0\x0f\x32\xf4"), SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 1);
    ck_assert_uint_eq(c->gpr[VEMU_RDX], 2);
    ck_assert_uint_eq(c->kernel_gs_base, 0x200000001);
    /* mov $5, %eax; mov %rax, %cr8; mov %cr8, %rbx; hlt */
    ck_assert_int_eq(RUN("\xb8\x05\x00\x00\x00\x44\x0f\x22\xc0\x44\x0f\x20\xc3\xf4"),
                     SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 5);
    /* mov %cr0, %rax; smsw %ebx; clts; lmsw %ax; hlt */
    ck_assert_int_eq(RUN("\x0f\x20\xc0\x0f\x01\xe3\x0f\x06\x0f\x01\xf0\xf4"), SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], c->cr0);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], (uint32_t)c->cr0);
    /* mov $0x7fffffff, %eax; mov %rax, %dr6; mov %dr6, %rbx; mov %rax, %dr1; mov %dr1, %rcx; hlt */
    ck_assert_int_eq(
        RUN("\xb8\xff\xff\xff\x7f\x0f\x23\xf0\x0f\x21\xf3\x0f\x23\xc8\x0f\x21\xc9\xf4"),
        SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 0xffffeffful);
    ck_assert_uint_eq(c->gpr[VEMU_RCX], 0x7fffffff);
    /* pushfq; pop %rax; or $0x240000, %eax; push %rax; popfq; pushfq; pop %rbx; hlt: AC and ID
     * stick */
    ck_assert_int_eq(RUN("\x9c\x58\x0d\x00\x00\x24\x00\x50\x9d\x9c\x5b\xf4"), SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RBX] & 0x240000, 0x240000);
    /* rdtsc; mov %eax, %ebx; rdtscp; sub %ebx, %eax; lfence; mfence; sfence; pause; hlt */
    ck_assert_int_eq(RUN("\x0f\x31\x89\xc3\x0f\x01\xf9\x29\xd8\x0f\xae\xe8\x0f\xae\xf0\x0f\xae\xf8"
                         "\xf3\x90\xf4"), SC_HARNESS_HALT);
    ck_assert_uint_gt(c->gpr[VEMU_RAX], 0);
    /* rdrand %rax; rdseed %rbx; setc %cl; hlt */
    ck_assert_int_eq(RUN("\x48\x0f\xc7\xf0\x48\x0f\xc7\xfb\x0f\x92\xc1\xf4"), SC_HARNESS_HALT);
    ck_assert_uint_ne(c->gpr[VEMU_RAX], c->gpr[VEMU_RBX]);
    ck_assert_uint_eq(c->gpr[VEMU_RCX] & 0xff, 1);
}
END_TEST

/* No IDT: a fault is a triple fault. */
START_TEST(faults)
{
    ck_assert_int_eq(RUN("\xb9\x45\x23\x01\x00\x0f\x32\xf4"), SC_HARNESS_SHUTDOWN); /* rdmsr */
    ck_assert_int_eq(RUN("\x0f\x33\xf4"), SC_HARNESS_SHUTDOWN);                     /* rdpmc */
    ck_assert_int_eq(RUN("\x0f\x20\xc8\xf4"), SC_HARNESS_SHUTDOWN);                 /* mov %cr1 */
    ck_assert_int_eq(RUN("\x0f\x01\xd0\xf4"), SC_HARNESS_SHUTDOWN);                 /* xgetbv */
    ck_assert_int_eq(RUN("\x0f\x01\xc1\xf4"), SC_HARNESS_SHUTDOWN);                 /* vmcall */
    ck_assert_int_eq(RUN("\x0f\x01\xc8\xf4"), SC_HARNESS_SHUTDOWN);                 /* monitor */
    ck_assert_int_eq(RUN("\x0f\x0b\xf4"), SC_HARNESS_SHUTDOWN);                     /* ud2 */
    ck_assert_int_eq(RUN("\x31\xc0\x0f\x22\xc0\xf4"),
                     SC_HARNESS_SHUTDOWN); /* cr0 = 0 in long mode */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-msr");
    TCase *t = tcase_create("msr");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, plain);
    tcase_add_test(t, unknown);
    tcase_add_test(t, pat_and_mtrr);
    tcase_add_test(t, efer);
    tcase_add_test(t, speculation);
    tcase_add_test(t, tsc_adjust);
    tcase_add_test(t, kvmclock);
    tcase_add_test(t, write_cr0);
    tcase_add_test(t, long_mode_entry);
    tcase_add_test(t, pae_pdptes);
    tcase_add_test(t, cr3_cr4);
    tcase_add_test(t, instructions);
    tcase_add_test(t, faults);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
