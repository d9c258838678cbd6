/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of calls while registers go through the run page: what looks at the vCPU sees what was
 * set before, what changes it makes copies invalid, what does neither leaves them.
 */
#include "test-x86.h"

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
    x86_sync_warm_up();
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
        x86_sync_run(0);
        ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
        return;
    }
    ck_assert_int_eq(observers[_i](), 0);
    ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
    ck_assert_uint_eq(x86_log_at(0), KVM_SET_REGS);
    ck_assert_int_eq(x86_log_count(KVM_SET_REGS), 1);
    x86_log_clear();
    x86_sync_run(0); /* once is enough */
    ck_assert_uint_eq(x86_fake.regs.r15, 0xfeed);
    ck_assert_int_eq(x86_log_total(), 1);
    x86_sync_check();
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
    x86_sync_warm_up();
    ck_assert_int_eq(changers[_i](), 0);
    x86_fake.regs.r8++;
    x86_fake.sregs.cr8 ^= 1;
    x86_sync_check();
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
    x86_sync_warm_up();
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
    x86_sync_check();
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
        x86_sync_run(0);
        x86_sync_warm_up();
        ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
        memset(argument, 0, sizeof(argument));
        x86_log_clear();
        ck_assert_int_eq(vkvm_vcpu_ioctl(x86_vcpu, raw[i].request, argument), 0);
        ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), 0);
        ck_assert_int_eq(x86_log_count(KVM_GET_REGS), raw[i].drops_regs);
        x86_sync_run(0);
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
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, X86_SYNC_ALL), 0);
    x86_sync_warm_up();
    x86_fake.events.exception.pending = 1;
    x86_sync_run(0);
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
    x86_sync_warm_up();
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
    x86_sync_run(0);
    x86_sync_check();
    x86_sync_run(0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_SREGS), 1);
    x86_fake.sregs.cs.base = 0;
    x86_fake.sregs.interrupt_bitmap[1] = 1;
    x86_sync_run(0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs(x86_vcpu, &sregs), 0);
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_set_sregs(x86_vcpu, &sregs), 0);
    ck_assert_int_eq(x86_log_count(KVM_SET_SREGS), 1);
}
END_TEST

Suite *x86_order_suite(void)
{
    Suite *s = suite_create("x86-order");
    TCase *t = tcase_create("order");
    tcase_add_checked_fixture(t, x86_sync_setup, x86_teardown);
    tcase_add_loop_test(t, observers_see_what_was_set, 0,
                        (int)(sizeof(observers) / sizeof(observers[0])));
    tcase_add_loop_test(t, changers_make_copies_invalid, 0,
                        (int)(sizeof(changers) / sizeof(changers[0])));
    tcase_add_test(t, neutral_calls_leave_it_all);
    tcase_add_test(t, raw_requests_are_ordered);
    tcase_add_test(t, setting_registers_drops_a_pending_exception);
    tcase_add_test(t, same_sregs_are_nothing_to_do);
    suite_add_tcase(s, t);
    return s;
}
