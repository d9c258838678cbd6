/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers through the run page: fewer ioctls, the same values. The last test compares a vCPU that
 * uses it with one that does not over random sequences of calls.
 */
#include <unistd.h>

#include "test-x86.h"

#define ALL_GROUPS (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

/* The guest: an exit whose handler has changed every group. */
static void guest(struct kvm_run *page)
{
    x86_fake.regs.rax++;
    x86_fake.regs.rip += 2;
    x86_fake.regs.rflags |= 2;
    x86_fake.sregs.cr2++;
    x86_fake.sregs.cs.type = 11;
    x86_fake.events.nmi.masked ^= 1;
    page->exit_reason = KVM_EXIT_HLT;
}

static void run_result(int result)
{
    struct vkvm_exit e;
    x86_fake.script[0] = (struct fake_exit){ result, guest };
    x86_fake.script_len = 1;
    x86_fake.script_pos = 0;
    int r = vkvm_vcpu_run(x86_vcpu, &e);
    if (result == -EINTR || result == -EAGAIN)
        ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    else
        ck_assert_int_eq(r, result);
}

static void setup_sync(void)
{
    x86_setup();
    x86_fake.x86.sync_groups = ALL_GROUPS;
}

/* Reads and compares with what the fake has. */
static void check_groups(void)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_vcpu_events events;
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_events(x86_vcpu, &events), 0);
    ck_assert_mem_eq(&regs, &x86_fake.regs, sizeof(regs));
    ck_assert_mem_eq(&sregs, &x86_fake.sregs, sizeof(sregs));
    ck_assert_mem_eq(&events, &x86_fake.events, sizeof(events));
}

/* Gets to a state where both groups are known to come through the page. */
static void warm_up(void)
{
    check_groups();
    run_result(0);
    check_groups();
    x86_log_clear();
}

START_TEST(second_read_in_a_row_is_free)
{
    check_groups();
    ck_assert_int_eq(x86_log_total(), 3);
    run_result(0);
    x86_log_clear();
    check_groups();
    check_groups();
    /* events may have changed meanwhile: always asked */
    ck_assert_int_eq(x86_log_total(), 2);
    ck_assert_int_eq(x86_log_count(KVM_GET_VCPU_EVENTS), 2);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, ALL_GROUPS), 0);
    check_groups();
    run_result(0);
    x86_log_clear();
    check_groups();
    ck_assert_int_eq(x86_log_total(), 0);
}
END_TEST

START_TEST(who_does_not_look_pays_nothing)
{
    struct kvm_run *page = vkvm_vcpu_get_run(x86_vcpu);
    run_result(0);
    ck_assert_uint_eq(page->kvm_valid_regs, 0);
    warm_up();
    run_result(0);
    ck_assert_uint_eq(page->kvm_valid_regs, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS);
    run_result(0); /* nobody read after the last one */
    ck_assert_uint_eq(page->kvm_valid_regs, 0);
    x86_log_clear();
    check_groups();
    ck_assert_int_eq(x86_log_total(), 3);
}
END_TEST

START_TEST(set_goes_in_with_the_run)
{
    struct kvm_regs regs;
    warm_up();
    regs = x86_fake.regs;
    regs.rbx = 0x1234;
    regs.rflags = 0;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_ne(x86_fake.regs.rbx, 0x1234);
    /* read back before: as KVM would give it */
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(regs.rbx, 0x1234);
    ck_assert_uint_eq(regs.rflags, 2);
    ck_assert_int_eq(x86_log_total(), 0);
    run_result(0);
    ck_assert_uint_eq(x86_fake.regs.rbx, 0x1234);
    ck_assert_int_eq(x86_log_total(), 1);
    check_groups();
    /* without having read in between: the page is not asked for, and still takes */
    run_result(0);
    run_result(0);
    regs.rbx = 0x77;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_log_clear();
    run_result(0);
    ck_assert_int_eq(x86_log_total(), 1);
    ck_assert_uint_eq(x86_fake.regs.rbx, 0x77);
    check_groups();
}
END_TEST

START_TEST(a_setter_alone_learns_it_too)
{
    struct kvm_regs regs = { .rax = 1 };
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    run_result(0);
    x86_log_clear();
    for (uint64_t i = 0; i < 3; i++) {
        regs.rax = 10 + i;
        ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
        run_result(0);
        ck_assert_uint_eq(x86_fake.regs.rax, 11 + i);
    }
    ck_assert_int_eq(x86_log_total(), 3);
}
END_TEST

START_TEST(not_before_the_first_exit)
{
    /* A vCPU that waits for INIT stores into the page without having taken from it. */
    struct kvm_regs regs = { .rax = 0xabc };
    struct vkvm_exit e;
    x86_fake.x86.waiting = true;
    check_groups();
    run_result(-EAGAIN);
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(x86_fake.regs.rax, 0xabc); /* at once */
    vkvm_vcpu_kick(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    check_groups();
    x86_fake.x86.waiting = false;
    run_result(0);
    check_groups();
    /* nor after the state was set again */
    ck_assert_int_eq(vkvm_vcpu_set_mp_state(x86_vcpu, KVM_MP_STATE_UNINITIALIZED), 0);
    x86_fake.x86.waiting = true;
    regs.rax = 0xdef;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(x86_fake.regs.rax, 0xdef);
}
END_TEST

START_TEST(what_was_not_taken_is_kept)
{
    struct kvm_regs regs = { .rax = 0x51, .rflags = 2 };
    struct vkvm_exit e;
    warm_up();
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_fake.x86.waiting = true; /* as if something else had put it there */
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    struct kvm_regs back;
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &back), 0);
    ck_assert_mem_eq(&back, &regs, sizeof(regs));
    x86_fake.x86.waiting = false;
    x86_log_clear();
    run_result(0);
    ck_assert_uint_eq(x86_fake.regs.rax, 0x52);
    ck_assert_int_eq(x86_log_total(), 1);
    /* a run that fails without having looked */
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    fake_inject(&x86_fake, KVM_RUN, 1, -EIO);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), -EIO);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &back), 0);
    ck_assert_mem_eq(&back, &regs, sizeof(regs));
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0), 0);
    ck_assert_mem_eq(&x86_fake.regs, &regs, sizeof(regs));
}
END_TEST

START_TEST(immediate_exit_takes_and_gives)
{
    struct kvm_regs regs = { .rax = 0x99, .rflags = 2 };
    struct vkvm_exit e;
    warm_up();
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    vkvm_vcpu_kick(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    ck_assert_uint_eq(x86_fake.regs.rax, 0x99);
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_mem_eq(&regs, &x86_fake.regs, sizeof(regs));
    ck_assert_int_eq(x86_log_total(), 0);
    /* and setting after it is deferred again */
    regs.rax = 0x98;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(x86_log_total(), 0);
}
END_TEST

/* --- order --- */

static int call_set_sregs(void)
{
    struct kvm_sregs sregs = { .cr3 = 0x5000 };
    return vkvm_vcpu_set_sregs(x86_vcpu, &sregs);
}

static int call_set_sregs2(void)
{
    struct kvm_sregs2 sregs = { .cr3 = 0x5000 };
    return vkvm_vcpu_set_sregs2(x86_vcpu, &sregs);
}

static int call_get_events(void)
{
    struct kvm_vcpu_events events;
    return vkvm_vcpu_get_events(x86_vcpu, &events);
}

static int call_set_events(void)
{
    struct kvm_vcpu_events events = { .nmi.pending = 1 };
    return vkvm_vcpu_set_events(x86_vcpu, &events);
}

static int call_translate(void)
{
    uint64_t gpa;
    return vkvm_vcpu_translate(x86_vcpu, 0x1000, &gpa);
}

static int call_set_cpuid(void)
{
    struct vkvm_cpuid *cpuid;
    ck_assert_int_eq(vkvm_cpuid_new(&cpuid), 0);
    int r = vkvm_vcpu_set_cpuid(x86_vcpu, cpuid);
    vkvm_cpuid_free(cpuid);
    return r;
}

static int call_set_msrs(void)
{
    struct vkvm_msrs *msrs;
    ck_assert_int_eq(vkvm_msrs_new(1, &msrs), 0);
    ck_assert_int_eq(vkvm_msrs_add(msrs, 0x1b, 0), 0);
    int r = vkvm_vcpu_set_msrs(x86_vcpu, msrs);
    vkvm_msrs_free(msrs);
    return r == 1 ? 0 : r;
}

static int call_set_lapic(void)
{
    struct kvm_lapic_state lapic = { 0 };
    return vkvm_vcpu_set_lapic(x86_vcpu, &lapic);
}

static int call_set_guest_debug(void)
{
    struct kvm_guest_debug debug = { 0 };
    return vkvm_vcpu_set_guest_debug(x86_vcpu, &debug);
}

static int call_get_mp_state(void)
{
    uint32_t mp;
    return vkvm_vcpu_get_mp_state(x86_vcpu, &mp);
}

static int call_interrupt(void)
{
    return vkvm_vcpu_interrupt(x86_vcpu, 0x20);
}

static int call_mce(void)
{
    struct kvm_x86_mce mce = { 0 };
    return vkvm_vcpu_inject_mce(x86_vcpu, &mce);
}

static int call_enable_cap(void)
{
    return vkvm_vcpu_enable_cap(x86_vcpu, KVM_CAP_HYPERV_SYNIC, NULL);
}

static int call_raw_get(void)
{
    struct kvm_regs regs;
    return vkvm_vcpu_ioctl(x86_vcpu, KVM_GET_REGS, &regs);
}

static int call_raw_set_mp(void)
{
    struct kvm_mp_state mp = { 0 };
    return vkvm_vcpu_ioctl(x86_vcpu, KVM_SET_MP_STATE, &mp);
}

static int call_get_fd(void)
{
    return vkvm_vcpu_get_fd(x86_vcpu) < 0;
}

static int call_sync_off(void)
{
    return vkvm_vcpu_set_sync(x86_vcpu, 0);
}

static int (*const observers[])(void) = {
    call_set_sregs, call_set_sregs2, call_get_events, call_set_events,      call_translate,
    call_set_cpuid, call_set_msrs,   call_set_lapic,  call_set_guest_debug, call_get_mp_state,
    call_interrupt, call_mce,        call_enable_cap, call_raw_get,         call_raw_set_mp,
    call_get_fd,    call_sync_off,
};

START_TEST(observers_see_what_was_set)
{
    struct kvm_regs regs;
    warm_up();
    regs = x86_fake.regs;
    regs.r15 = 0xfeed;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(x86_log_total(), 0);
    /* handing over fails: the call fails, nothing is lost, the next one does it */
    fake_inject(&x86_fake, KVM_SET_REGS, 1, -EFAULT);
    if (observers[_i] == call_get_fd)
        call_get_fd();
    else
        ck_assert_int_eq(observers[_i](), -EFAULT);
    ck_assert_uint_ne(x86_fake.regs.r15, 0xfeed);
    x86_log_clear();
    if (observers[_i] == call_get_fd) { /* only the first one hands over */
        run_result(0);
        ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
        return;
    }
    ck_assert_int_eq(observers[_i](), 0);
    ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
    ck_assert_uint_eq(x86_log_at(0), KVM_SET_REGS);
    ck_assert_int_eq(x86_log_count(KVM_SET_REGS), 1);
    x86_log_clear();
    run_result(0); /* once is enough */
    ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
    ck_assert_int_eq(x86_log_total(), 1);
    check_groups();
}
END_TEST

/* Those after which a register may be another one. */
static int (*const changers[])(void) = {
    call_set_sregs,  call_set_sregs2, call_set_events,      call_set_cpuid,
    call_set_msrs,   call_set_lapic,  call_set_guest_debug, call_get_mp_state,
    call_enable_cap, call_raw_set_mp, call_get_fd,          call_sync_off,
};

START_TEST(changers_make_copies_invalid)
{
    warm_up();
    ck_assert_int_eq(changers[_i](), 0);
    x86_fake.regs.r8++;
    x86_fake.sregs.cr8 ^= 1;
    check_groups();
}
END_TEST

START_TEST(neutral_calls_leave_it_all)
{
    struct kvm_fpu fpu;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_lapic_state lapic;
    struct kvm_regs regs;
    const uint64_t mask = 0;
    warm_up();
    ck_assert_int_eq(vkvm_vcpu_get_fpu(x86_vcpu, &fpu), 0);
    ck_assert_int_eq(vkvm_vcpu_set_fpu(x86_vcpu, &fpu), 0);
    ck_assert_int_eq(vkvm_vcpu_get_xcrs(x86_vcpu, &xcrs), 0);
    ck_assert_int_eq(vkvm_vcpu_set_xcrs(x86_vcpu, &xcrs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_debugregs(x86_vcpu, &debugregs), 0);
    ck_assert_int_eq(vkvm_vcpu_set_debugregs(x86_vcpu, &debugregs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_lapic(x86_vcpu, &lapic), 0);
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(x86_vcpu, &mask), 0);
    ck_assert_int_gt(vkvm_vcpu_get_tsc_khz(x86_vcpu), 0);
    ck_assert_int_eq(vkvm_vcpu_nmi(x86_vcpu), 0);
    int before = x86_log_total();
    check_groups();
    ck_assert_int_eq(x86_log_total(), before + 1); /* events */
    regs = x86_fake.regs;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_fpu(x86_vcpu, &fpu), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_REGS), 0);
}
END_TEST

/* What goes around the typed calls is ordered by the same table. */
START_TEST(raw_requests_are_ordered)
{
    static const struct {
        unsigned long request;
        bool flushes, drops_regs;
    } raw[] = {
        { KVM_GET_FPU, false, false },
        { KVM_GET_MSRS, false, false },
        { KVM_NMI, false, false },
        { KVM_SMI, false, false },
        { KVM_GET_VCPU_EVENTS, true, false },
        { KVM_INTERRUPT, true, false },
        { KVM_X86_SET_MCE, true, true },
        { KVM_SET_SREGS2, true, true },
        { KVM_TPR_ACCESS_REPORTING, true, true }, /* not in the table: the careful way */
    };
    static uint8_t argument[4096]; /* zeros will do for each */
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
        struct kvm_regs regs;
        run_result(0);
        warm_up();
        ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
        memset(argument, 0, sizeof(argument));
        x86_log_clear();
        ck_assert_int_eq(vkvm_vcpu_ioctl(x86_vcpu, raw[i].request, argument), 0);
        ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
        ck_assert_int_eq(x86_log_count(KVM_GET_REGS), raw[i].drops_regs);
        run_result(0);
        regs.r11 = i;
        ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
        x86_log_clear();
        ck_assert_int_eq(vkvm_vcpu_ioctl(x86_vcpu, raw[i].request, argument), 0);
        ck_assert_int_eq(x86_log_count(KVM_SET_REGS), raw[i].flushes);
    }
}
END_TEST

START_TEST(setting_registers_drops_a_pending_exception)
{
    struct kvm_regs regs;
    struct kvm_vcpu_events events;
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, ALL_GROUPS), 0);
    warm_up();
    x86_fake.events.exception.pending = 1;
    run_result(0);
    ck_assert_int_eq(vkvm_vcpu_get_events(x86_vcpu, &events), 0);
    ck_assert_uint_eq(events.exception.pending, 1);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(vkvm_vcpu_get_events(x86_vcpu, &events), 0);
    ck_assert_uint_eq(events.exception.pending, 0);
}
END_TEST

START_TEST(same_sregs_are_nothing_to_do)
{
    struct kvm_sregs sregs;
    warm_up();
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_total(), 0);
    sregs.cr3 ^= 0x1000;
    fake_inject(&x86_fake, KVM_SET_SREGS, 1, -EINVAL); /* reported where it was made */
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_SREGS), 2);
    /* but for its side effects: the reset vector, an interrupt */
    x86_fake.sregs.cs.base = 0xffff0000;
    run_result(0);
    check_groups();
    run_result(0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_SREGS), 1);
    x86_fake.sregs.cs.base = 0;
    x86_fake.sregs.interrupt_bitmap[1] = 1;
    run_result(0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_SREGS), 1);
}
END_TEST

/* --- kernels --- */

START_TEST(kernel_that_ignores_it)
{
    x86_fake.x86.sync_groups = 0;
    for (int i = 0; i < 3; i++) {
        check_groups();
        run_result(0);
    }
    ck_assert_uint_eq(vkvm_vcpu_get_run(x86_vcpu)->kvm_valid_regs, 0);
    struct kvm_regs regs = { .rax = 5 };
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(x86_fake.regs.rax, 5);
    check_groups();
}
END_TEST

START_TEST(kernel_that_knows_some)
{
    x86_fake.x86.sync_groups = KVM_SYNC_X86_REGS;
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, ALL_GROUPS), 0);
    warm_up();
    run_result(0);
    x86_log_clear();
    check_groups();
    ck_assert_int_eq(x86_log_total(), 2);
    ck_assert_int_eq(x86_log_count(KVM_GET_REGS), 0);
}
END_TEST

START_TEST(kernel_that_refuses_it)
{
    struct vkvm_exit e;
    x86_fake.x86.sync_groups = 0;
    x86_fake.x86.sync_strict = true;
    check_groups();
    run_result(0); /* tried twice inside, seen once */
    ck_assert_int_eq(x86_log_count(KVM_RUN), 2);
    check_groups();
    x86_log_clear();
    run_result(0);
    ck_assert_int_eq(x86_log_count(KVM_RUN), 1);
    /* an EINVAL that is the run's own is reported */
    check_groups();
    fake_inject(&x86_fake, KVM_RUN, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), -EINVAL);
}
END_TEST

START_TEST(einval_with_something_deferred)
{
    struct kvm_regs regs;
    struct vkvm_exit e;
    warm_up();
    regs = x86_fake.regs;
    regs.rdx = 0xd1;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    /* not even the ioctl takes it: reported, and kept */
    fake_inject(&x86_fake, KVM_RUN, 1, -EINVAL);
    fake_inject(&x86_fake, KVM_SET_REGS, 1, -EFAULT);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(regs.rdx, 0xd1);
    fake_inject(&x86_fake, KVM_RUN, 1, -EINVAL);
    run_result(0);
    ck_assert_uint_eq(x86_fake.regs.rdx, 0xd1);
    check_groups();
}
END_TEST

START_TEST(protected_state)
{
    struct kvm_regs regs;
    x86_fake.x86.sync_skipped = true;
    check_groups();
    run_result(0);
    fake_inject(&x86_fake, KVM_GET_REGS, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), -EINVAL);
}
END_TEST

START_TEST(groups_can_be_chosen)
{
    struct kvm_run *page = vkvm_vcpu_get_run(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0x100), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0), 0);
    check_groups();
    page->kvm_valid_regs = KVM_SYNC_X86_EVENTS; /* the caller's own business now */
    run_result(0);
    ck_assert_uint_eq(page->kvm_valid_regs, KVM_SYNC_X86_EVENTS);
    page->kvm_valid_regs = 0;
    x86_log_clear();
    check_groups();
    ck_assert_int_eq(x86_log_total(), 3);
    /* closing hands over */
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, KVM_SYNC_X86_REGS), 0);
    warm_up();
    struct kvm_regs regs = { .rsi = 0x515 };
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_vcpu = vkvm_vcpu_close(x86_vcpu);
    ck_assert_uint_eq(x86_fake.regs.rsi, 0x515);
}
END_TEST

START_TEST(vcpu_from_elsewhere)
{
    struct vkvm_syscalls sys = x86_fake.sys;
    int fd = fake_new_fd(&x86_fake, 'c', NULL, 9);
    ck_assert_int_ge(fd, 0);
    vkvm_vcpu_close(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_from_fd(&sys, fd, FAKE_MMAP_SIZE, &x86_vcpu), 0);
    check_groups();
    run_result(0);
    int calls = x86_fake.calls;
    struct kvm_regs regs;
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
    ck_assert_int_eq(x86_fake.calls, calls);
}
END_TEST

/* --- the same with and without --- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

/* What a sequence of calls shows, folded into one number. */
static uint64_t fold(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}

static uint64_t random_call(uint64_t hash)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_vcpu_events events;
    struct vkvm_exit e;
    uint32_t value;
    int r = 0;
    switch (random_below(12)) {
    case 0:
    case 1:
        r = vkvm_vcpu_get_regs(x86_vcpu, &regs);
        return fold(fold(hash, &regs, sizeof(regs)), &r, sizeof(r));
    case 2:
    case 3:
        r = vkvm_vcpu_get_regs(x86_vcpu, &regs);
        regs.r9 = random_below(1000);
        r += vkvm_vcpu_set_regs(x86_vcpu, &regs);
        break;
    case 4:
        r = vkvm_vcpu_get_sregs(x86_vcpu, &sregs);
        return fold(fold(hash, &sregs, sizeof(sregs)), &r, sizeof(r));
    case 5:
        r = vkvm_vcpu_get_sregs(x86_vcpu, &sregs);
        sregs.cr3 = random_below(2);
        if (random_below(8) == 0)
            fake_inject(&x86_fake, KVM_SET_SREGS, 1, -EINVAL);
        if (x86_fake.sregs.cr3 != sregs.cr3) /* else there may be no call to fail */
            r += vkvm_vcpu_set_sregs(x86_vcpu, &sregs);
        fake_clear_rules(&x86_fake);
        break;
    case 6:
        r = vkvm_vcpu_get_events(x86_vcpu, &events);
        return fold(fold(hash, &events, sizeof(events)), &r, sizeof(r));
    case 7:
        memset(&events, 0, sizeof(events));
        events.exception.pending = 1;
        events.exception.nr = (uint8_t)random_below(32);
        r = vkvm_vcpu_set_events(x86_vcpu, &events);
        break;
    case 8: r = vkvm_vcpu_get_mp_state(x86_vcpu, &value); break;
    case 9:
        vkvm_vcpu_kick(x86_vcpu);
        r = vkvm_vcpu_run(x86_vcpu, &e);
        break;
    default: run_result(random_below(5) ? 0 : -EIO); break;
    }
    return fold(hash, &r, sizeof(r));
}

START_TEST(nobody_can_tell)
{
    uint64_t seen[2];
    int calls[2];
    for (int with = 0; with < 2; with++) {
        if (with) {
            x86_teardown();
            x86_setup();
        }
        x86_fake.x86.sync_groups = with ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS : 0;
        if (!with)
            ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0), 0);
        random_state = (uint64_t)_i + 1;
        seen[with] = 0xcbf29ce484222325ull;
        for (int n = 0; n < 400; n++)
            seen[with] = random_call(seen[with]);
        ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0), 0);
        seen[with] = fold(seen[with], &x86_fake.regs, sizeof(x86_fake.regs));
        seen[with] = fold(seen[with], &x86_fake.sregs, sizeof(x86_fake.sregs));
        seen[with] = fold(seen[with], &x86_fake.events, sizeof(x86_fake.events));
        calls[with] = x86_log_total();
    }
    ck_assert_uint_eq(seen[0], seen[1]);
    ck_assert_int_lt(calls[1], calls[0]);
}
END_TEST

Suite *x86_sync_suite(void)
{
    Suite *s = suite_create("x86-sync");
    TCase *t = tcase_create("sync");
    tcase_add_checked_fixture(t, setup_sync, x86_teardown);
    tcase_add_test(t, second_read_in_a_row_is_free);
    tcase_add_test(t, who_does_not_look_pays_nothing);
    tcase_add_test(t, set_goes_in_with_the_run);
    tcase_add_test(t, a_setter_alone_learns_it_too);
    tcase_add_test(t, not_before_the_first_exit);
    tcase_add_test(t, what_was_not_taken_is_kept);
    tcase_add_test(t, immediate_exit_takes_and_gives);
    tcase_add_loop_test(t, observers_see_what_was_set, 0,
                        (int)(sizeof(observers) / sizeof(observers[0])));
    tcase_add_loop_test(t, changers_make_copies_invalid, 0,
                        (int)(sizeof(changers) / sizeof(changers[0])));
    tcase_add_test(t, neutral_calls_leave_it_all);
    tcase_add_test(t, raw_requests_are_ordered);
    tcase_add_test(t, setting_registers_drops_a_pending_exception);
    tcase_add_test(t, same_sregs_are_nothing_to_do);
    tcase_add_test(t, kernel_that_ignores_it);
    tcase_add_test(t, kernel_that_knows_some);
    tcase_add_test(t, kernel_that_refuses_it);
    tcase_add_test(t, einval_with_something_deferred);
    tcase_add_test(t, protected_state);
    tcase_add_test(t, groups_can_be_chosen);
    tcase_add_test(t, vcpu_from_elsewhere);
    tcase_add_loop_test(t, nobody_can_tell, 0, 40);
    suite_add_tcase(s, t);
    return s;
}
