/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saved state: every group through get and set, refusals, and a vCPU that goes on elsewhere. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/sys/sys.h"
#include "harness.h"

static struct sc_harness *h;
static struct sc_cpu *c;
static struct vemu_cpu_state a, b;

static void setup(void)
{
    h = sc_harness_new(SC_HARNESS_64, 4);
    c = h->cpu;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
}
static void teardown(void)
{
    sc_harness_free(h);
}

#define TIMELESS (VEMU_STATE_ALL & ~VEMU_STATE_TSC)

START_TEST(round_trip)
{
    for (unsigned n = 0; n < 16; n++)
        c->gpr[n] = 0x1111111111111111u * n;
    sc_set_rflags(c, SC_CF | SC_OF | SC_DF | SC_ID, ~0u);
    c->star = 0x23001000000000;
    c->lstar = 0xffffffff81000000;
    c->kernel_gs_base = 0xffff888000000000;
    c->seg[VEMU_GS].base = 0x7fff12345678;
    c->cr2 = 0xabcdef;
    c->dr[2] = 0x1234;
    c->dr6 = 0xffff0ff1;
    c->tsc_aux = 3;
    c->fpu.xmm[5][7] = 0x5a;
    c->nmi_masked = 1;
    c->shadow = 1;
    sc_lapic_write(c, 0xf0, 0x1ff);
    sc_lapic_set_tpr(c, 6);
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_ALL, &a), 0);
    ck_assert_uint_eq(a.regs.rflags, 2 | SC_CF | SC_OF | SC_DF | SC_ID);
    ck_assert_uint_eq(a.sregs.cr8, 6);
    ck_assert_uint_eq(a.xcr0, 1);
    ck_assert_uint_gt(a.msr_count, 30);

    sc_cpu_reset(c, false);
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_ALL, &a), 0);
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_ALL, &b), 0);
    ck_assert_uint_ge(b.tsc, a.tsc);
    ck_assert_uint_lt(b.tsc - a.tsc, 1000000000);
    b.tsc = a.tsc;
    ck_assert_mem_eq(&a.regs, &b.regs, sizeof(a.regs));
    ck_assert_mem_eq(&a.sregs, &b.sregs, sizeof(a.sregs));
    ck_assert_mem_eq(&a.debugregs, &b.debugregs, sizeof(a.debugregs));
    ck_assert_mem_eq(a.lapic, b.lapic, sizeof(a.lapic));
    ck_assert_mem_eq(a.fpu.area, b.fpu.area, 512);
    ck_assert_mem_eq(&a.events, &b.events, sizeof(a.events));
    ck_assert_uint_eq(a.msr_count, b.msr_count);
    for (uint32_t n = 0; n < a.msr_count; n++) {
        ck_assert_uint_eq(a.msrs[n].index, b.msrs[n].index);
        ck_assert_uint_eq(a.msrs[n].value, b.msrs[n].value);
    }
    ck_assert_int_eq(a.mp_state, b.mp_state);
    ck_assert_uint_ne(c->mode & SC_M_64, 0);
}
END_TEST

START_TEST(mp_states)
{
    static const enum vemu_mp_state all[] = { VEMU_MP_RUNNABLE, VEMU_MP_UNINITIALIZED,
                                              VEMU_MP_INIT_RECEIVED, VEMU_MP_HALTED };

    for (unsigned n = 0; n < 4; n++) {
        a.mp_state = all[n];
        ck_assert_int_eq(sc_set_state(c, VEMU_STATE_MP, &a), 0);
        ck_assert_int_eq(sc_get_state(c, VEMU_STATE_MP, &b), 0);
        ck_assert_int_eq(b.mp_state, all[n]);
    }
    a.mp_state = 9;
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_MP, &a), -EINVAL);
}
END_TEST

START_TEST(events)
{
    a.events = (struct vemu_vcpu_events){ .exception_injected = 1, .exception_nr = 13,
                                          .exception_has_error_code = 1,
                                          .exception_error_code = 0x18, .nmi_pending = 1,
                                          .interrupt_shadow = 2, .sipi_vector = 0x9f };
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_EVENTS, &a), 0);
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_EVENTS, &b), 0);
    ck_assert_mem_eq(&a.events, &b.events, sizeof(a.events));
    /* An interrupt that KVM had taken from its LAPIC comes out first, without an ISR bit of ours.
     * */
    a.events = (struct vemu_vcpu_events){ .interrupt_injected = 1, .interrupt_nr = 0x61 };
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_EVENTS, &a), 0);
    ck_assert_int_eq(sc_lapic_pending(c), 0x61);
    ck_assert_int_eq(sc_lapic_ack(c), 0x61);
    ck_assert_int_eq(sc_lapic_pending(c), -1);
    a.events = (struct vemu_vcpu_events){ .interrupt_shadow = 3 };
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_EVENTS, &a), -EINVAL);
}
END_TEST

/* INIT and SIPI that arrived while the vCPU was stopped are in what is saved. */
START_TEST(pending_startup)
{
    struct sc_harness *p = sc_harness_new_smp(SC_HARNESS_64, 1, 2);
    struct sc_cpu *ap = p->vm.cpus[1];

    sc_lapic_write(p->cpu, 0x310, 1u << 24);
    sc_lapic_write(p->cpu, 0x300, 0x4500);
    sc_lapic_write(p->cpu, 0x300, 0x4612);
    ck_assert_int_eq(sc_get_state(ap, VEMU_STATE_ALL, &a), 0);
    ck_assert_int_eq(a.mp_state, VEMU_MP_RUNNABLE);
    ck_assert_uint_eq(a.sregs.seg[VEMU_CS].base, 0x12000);
    ck_assert_uint_eq(a.regs.rip, 0);
    sc_harness_free(p);
}
END_TEST

START_TEST(refused)
{
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_ALL, &a), 0);
#define REFUSED(groups, change)                                                                    \
    do {                                                                                           \
        b = a;                                                                                     \
        change;                                                                                    \
        ck_assert_int_eq(sc_set_state(c, groups, &b), -EINVAL);                                    \
    } while (0)
    REFUSED(VEMU_STATE_SREGS, b.sregs.cr0 &= ~(uint64_t)SC_CR0_PE);
    REFUSED(VEMU_STATE_SREGS, b.sregs.cr4 |= SC_CR4_OSXSAVE);
    REFUSED(VEMU_STATE_SREGS, b.sregs.cr4 &= ~(uint64_t)SC_CR4_PAE);
    REFUSED(VEMU_STATE_SREGS, b.sregs.efer &= ~(uint64_t)SC_EFER_LMA);
    REFUSED(VEMU_STATE_SREGS, b.sregs.efer |= 1u << 12);
    REFUSED(VEMU_STATE_SREGS, b.sregs.cr3 |= 1ull << 50);
    REFUSED(VEMU_STATE_SREGS, b.sregs.cr8 = 16);
    REFUSED(VEMU_STATE_SREGS, b.sregs.apic_base = 0xfee00400);
    REFUSED(VEMU_STATE_SREGS, b.sregs.seg[VEMU_FS].base = 1ull << 47);
    REFUSED(VEMU_STATE_SREGS, b.sregs.seg[VEMU_SS].dpl = 4);
    REFUSED(VEMU_STATE_XCRS, b.xcr0 = 7);
    REFUSED(VEMU_STATE_DEBUGREGS, b.debugregs.dr7 = 1ull << 32);
    REFUSED(VEMU_STATE_MSRS, b.msr_count = VEMU_MSR_MAX + 1);
    h->vm.config.callbacks.log = NULL;
    REFUSED(VEMU_STATE_MSRS, (b.msr_count = 1, b.msrs[0].index = 0x4242));
    REFUSED(VEMU_STATE_MSRS, (b.msr_count = 1, b.msrs[0].index = 0x277, b.msrs[0].value = 2));
    REFUSED(1u << 20, (void)0);
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_ALL, &a), 0);
}
END_TEST

/* Random bytes are refused or harmless; then the CPU still works. */
START_TEST(rubbish)
{
    h->vm.config.callbacks.log = NULL;
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_ALL, &b), 0);
    for (unsigned n = 0; n < 300; n++) {
        for (size_t k = 0; k < sizeof(a); k++)
            ((uint8_t *)&a)[k] = (uint8_t)random();
        sc_set_state(c, 1u << random() % 10, &a);
        sc_state_settle(c);
    }
    c->stale = 0;
    ck_assert_int_eq(sc_set_state(c, VEMU_STATE_ALL, &b), 0);
    ck_assert_int_eq(sc_harness_exec(h, "\x48\xff\xc0\xf4", 4), SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 1);
}
END_TEST

/* Stops a loop in the middle, moves it to another machine and lets it end there. */
START_TEST(moves)
{
    /* mov $1000, %ecx; 1: add %rcx, %rax; dec %ecx; jnz 1b; out %al, $0xf4; hlt */
    static const uint8_t code[] = { 0xb9, 0xe8, 0x03, 0, 0, 0x48, 0x01, 0xc8, 0xff, 0xc9,
                                    0x75, 0xf9, 0xe6, 0xf4, 0xf4 };
    struct sc_harness *other = sc_harness_new(SC_HARNESS_64, 4);

    sc_harness_load(h, SC_HARNESS_CODE, code, sizeof(code));
    sc_harness_load(other, SC_HARNESS_CODE, code, sizeof(code));
    sc_async_set(c, SC_A_EXIT);
    ck_assert_int_eq(sc_run(c, &h->exit), 0);
    ck_assert_int_eq(h->exit.reason, VEMU_EXIT_INTR);
    c->rip = SC_HARNESS_CODE + 5;
    c->gpr[VEMU_RCX] = 500;
    c->gpr[VEMU_RAX] = 7;
    ck_assert_int_eq(sc_get_state(c, VEMU_STATE_ALL, &a), 0);
    ck_assert_int_eq(sc_set_state(other->cpu, VEMU_STATE_ALL, &a), 0);
    ck_assert_int_eq(sc_harness_run_cpu(other, other->cpu, &other->exit), SC_HARNESS_EXIT);
    ck_assert_uint_eq(other->cpu->gpr[VEMU_RAX], 7 + 500 * 501 / 2);
    sc_harness_free(other);
}
END_TEST

/* PAE page-directory pointers are not part of the state and memory may come later. */
START_TEST(pdptes_later)
{
    struct sc_harness *p = sc_harness_new(SC_HARNESS_32, 1);
    uint64_t entry = 0x5001;

    ck_assert_int_eq(sc_get_state(p->cpu, TIMELESS, &a), 0);
    a.sregs.cr4 |= SC_CR4_PAE;
    a.sregs.cr0 |= SC_CR0_PG;
    a.sregs.cr3 = 0x30000;
    ck_assert_int_eq(sc_set_state(p->cpu, TIMELESS, &a), 0);
    memcpy(p->ram + 0x30000, &entry, 8);
    sc_state_settle(p->cpu);
    ck_assert_uint_eq(p->cpu->pdpte[0], 0x5001);
    sc_harness_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-state");
    TCase *t = tcase_create("state");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, mp_states);
    tcase_add_test(t, events);
    tcase_add_test(t, pending_startup);
    tcase_add_test(t, refused);
    tcase_add_test(t, rubbish);
    tcase_add_test(t, moves);
    tcase_add_test(t, pdptes_later);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
