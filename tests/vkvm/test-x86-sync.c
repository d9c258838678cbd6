/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers through the run page: fewer ioctls, the same values. The last test compares a vCPU that
 * uses it with one that does not over random sequences of calls.
 */
#include <unistd.h>

#include "test-x86.h"

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

void x86_sync_run(int result)
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

void x86_sync_setup(void)
{
    x86_setup();
    x86_fake.x86.sync_groups = X86_SYNC_ALL;
}

void x86_sync_check(void)
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

void x86_sync_warm_up(void)
{
    x86_sync_check();
    x86_sync_run(0);
    x86_sync_check();
    x86_log_clear();
}

START_TEST(second_read_in_a_row_is_free)
{
    x86_sync_check();
    ck_assert_int_eq(x86_log_total(), 3);
    x86_sync_run(0);
    x86_log_clear();
    x86_sync_check();
    x86_sync_check();
    /* events may have changed meanwhile: always asked */
    ck_assert_int_eq(x86_log_total(), 2);
    ck_assert_int_eq(x86_log_count(KVM_GET_VCPU_EVENTS), 2);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, X86_SYNC_ALL), 0);
    x86_sync_check();
    x86_sync_run(0);
    x86_log_clear();
    x86_sync_check();
    ck_assert_int_eq(x86_log_total(), 0);
}
END_TEST

START_TEST(who_does_not_look_pays_nothing)
{
    struct kvm_run *page = vkvm_vcpu_get_run(x86_vcpu);
    x86_sync_run(0);
    ck_assert_uint_eq(page->kvm_valid_regs, 0);
    x86_sync_warm_up();
    x86_sync_run(0);
    ck_assert_uint_eq(page->kvm_valid_regs, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS);
    x86_sync_run(0); /* nobody read after the last one */
    ck_assert_uint_eq(page->kvm_valid_regs, 0);
    x86_log_clear();
    x86_sync_check();
    ck_assert_int_eq(x86_log_total(), 3);
}
END_TEST

START_TEST(set_goes_in_with_the_run)
{
    struct kvm_regs regs;
    x86_sync_warm_up();
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
    x86_sync_run(0);
    ck_assert_uint_eq(x86_fake.regs.rbx, 0x1234);
    ck_assert_int_eq(x86_log_total(), 1);
    x86_sync_check();
    /* without having read in between: the page is not asked for, and still takes */
    x86_sync_run(0);
    x86_sync_run(0);
    regs.rbx = 0x77;
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_log_clear();
    x86_sync_run(0);
    ck_assert_int_eq(x86_log_total(), 1);
    ck_assert_uint_eq(x86_fake.regs.rbx, 0x77);
    x86_sync_check();
}
END_TEST

START_TEST(a_setter_alone_learns_it_too)
{
    struct kvm_regs regs = { .rax = 1 };
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_sync_run(0);
    x86_log_clear();
    for (uint64_t i = 0; i < 3; i++) {
        regs.rax = 10 + i;
        ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
        x86_sync_run(0);
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
    x86_sync_check();
    x86_sync_run(-EAGAIN);
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(x86_fake.regs.rax, 0xabc); /* at once */
    vkvm_vcpu_kick(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    x86_sync_check();
    x86_fake.x86.waiting = false;
    x86_sync_run(0);
    x86_sync_check();
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
    x86_sync_warm_up();
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    x86_fake.x86.waiting = true; /* as if something else had put it there */
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    struct kvm_regs back;
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &back), 0);
    ck_assert_mem_eq(&back, &regs, sizeof(regs));
    x86_fake.x86.waiting = false;
    x86_log_clear();
    x86_sync_run(0);
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
    x86_sync_warm_up();
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

/* --- kernels --- */

START_TEST(kernel_that_ignores_it)
{
    x86_fake.x86.sync_groups = 0;
    for (int i = 0; i < 3; i++) {
        x86_sync_check();
        x86_sync_run(0);
    }
    ck_assert_uint_eq(vkvm_vcpu_get_run(x86_vcpu)->kvm_valid_regs, 0);
    struct kvm_regs regs = { .rax = 5 };
    ck_assert_int_eq(vkvm_vcpu_set_regs(x86_vcpu, &regs), 0);
    ck_assert_uint_eq(x86_fake.regs.rax, 5);
    x86_sync_check();
}
END_TEST

START_TEST(kernel_that_knows_some)
{
    x86_fake.x86.sync_groups = KVM_SYNC_X86_REGS;
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, X86_SYNC_ALL), 0);
    x86_sync_warm_up();
    x86_sync_run(0);
    x86_log_clear();
    x86_sync_check();
    ck_assert_int_eq(x86_log_total(), 2);
    ck_assert_int_eq(x86_log_count(KVM_GET_REGS), 0);
}
END_TEST

START_TEST(kernel_that_refuses_it)
{
    struct vkvm_exit e;
    x86_fake.x86.sync_groups = 0;
    x86_fake.x86.sync_strict = true;
    x86_sync_check();
    x86_sync_run(0); /* tried twice inside, seen once */
    ck_assert_int_eq(x86_log_count(KVM_RUN), 2);
    x86_sync_check();
    x86_log_clear();
    x86_sync_run(0);
    ck_assert_int_eq(x86_log_count(KVM_RUN), 1);
    /* an EINVAL that is the run's own is reported */
    x86_sync_check();
    fake_inject(&x86_fake, KVM_RUN, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), -EINVAL);
}
END_TEST

START_TEST(einval_with_something_deferred)
{
    struct kvm_regs regs;
    struct vkvm_exit e;
    x86_sync_warm_up();
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
    x86_sync_run(0);
    ck_assert_uint_eq(x86_fake.regs.rdx, 0xd1);
    x86_sync_check();
}
END_TEST

START_TEST(protected_state)
{
    struct kvm_regs regs;
    x86_fake.x86.sync_skipped = true;
    x86_sync_check();
    x86_sync_run(0);
    fake_inject(&x86_fake, KVM_GET_REGS, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_regs(x86_vcpu, &regs), -EINVAL);
}
END_TEST

START_TEST(groups_can_be_chosen)
{
    struct kvm_run *page = vkvm_vcpu_get_run(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0x100), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, 0), 0);
    x86_sync_check();
    page->kvm_valid_regs = KVM_SYNC_X86_EVENTS; /* the caller's own business now */
    x86_sync_run(0);
    ck_assert_uint_eq(page->kvm_valid_regs, KVM_SYNC_X86_EVENTS);
    page->kvm_valid_regs = 0;
    x86_log_clear();
    x86_sync_check();
    ck_assert_int_eq(x86_log_total(), 3);
    /* closing hands over */
    ck_assert_int_eq(vkvm_vcpu_set_sync(x86_vcpu, KVM_SYNC_X86_REGS), 0);
    x86_sync_warm_up();
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
    x86_sync_check();
    x86_sync_run(0);
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
    default: x86_sync_run(random_below(5) ? 0 : -EIO); break;
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
    tcase_add_checked_fixture(t, x86_sync_setup, x86_teardown);
    tcase_add_test(t, second_read_in_a_row_is_free);
    tcase_add_test(t, who_does_not_look_pays_nothing);
    tcase_add_test(t, set_goes_in_with_the_run);
    tcase_add_test(t, a_setter_alone_learns_it_too);
    tcase_add_test(t, not_before_the_first_exit);
    tcase_add_test(t, what_was_not_taken_is_kept);
    tcase_add_test(t, immediate_exit_takes_and_gives);
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
