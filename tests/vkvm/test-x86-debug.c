/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest debugging: what goes into DR7, and what comes out of DR6.
 */
#include "test-x86.h"

START_TEST(controls)
{
    ck_assert_int_eq(vkvm_vm_get_debug_controls(x86_vm), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_SET_GUEST_DEBUG, 1);
    int r = vkvm_vm_get_debug_controls(x86_vm);
    ck_assert_int_gt(r, 0);
    ck_assert_int_ne(r & KVM_GUESTDBG_SINGLESTEP, 0);
    ck_assert_int_eq(r & KVM_GUESTDBG_BLOCKIRQ, 0);
    struct kvm_guest_debug debug;
    vkvm_debug_init(&debug);
    ck_assert_int_eq(vkvm_debug_block_irq(&debug, (uint32_t)r, true), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_SET_GUEST_DEBUG2, 0x1f0003);
    r = vkvm_vm_get_debug_controls(x86_vm);
    ck_assert_int_eq(r, 0x1f0003);
    ck_assert_int_eq(vkvm_debug_block_irq(&debug, (uint32_t)r, true), 0);
    ck_assert_uint_eq(debug.control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ);
    ck_assert_int_eq(vkvm_debug_block_irq(&debug, (uint32_t)r, false), 0);
    vkvm_debug_set_step(&debug, true);
    vkvm_debug_set_software(&debug, true);
    ck_assert_uint_eq(debug.control,
                      KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP);
    vkvm_debug_set_step(&debug, false);
    vkvm_debug_set_software(&debug, false);
    ck_assert_uint_eq(debug.control, KVM_GUESTDBG_ENABLE);
    fake_inject(&x86_fake, KVM_CHECK_EXTENSION, 1, -EIO);
    ck_assert_int_eq(vkvm_vm_get_debug_controls(x86_vm), -EIO);
}
END_TEST

START_TEST(slots)
{
    struct kvm_guest_debug d;
    vkvm_debug_init(&d);
    ck_assert_uint_eq(d.arch.debugreg[7], 0x400);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_EXECUTE, 0x1001, 1), 0);
    ck_assert_uint_eq(d.arch.debugreg[7], 0x602); /* R/W 00, LEN 00 */
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x2002, 2), 1);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_READ_WRITE, 0x3004, 4), 2);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x4008, 8), 3);
    /* slot 1: 01 01, slot 2: 11 11, slot 3: 10 01 */
    ck_assert_uint_eq(d.arch.debugreg[7], 0x9f5006aa);
    ck_assert_uint_eq(d.arch.debugreg[3], 0x4008);
    ck_assert_uint_ne(d.control & KVM_GUESTDBG_USE_HW_BP, 0);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x5000, 1), -ENOSPC);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x4008, 8), -EEXIST);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_WRITE, 0x4008, 4), -ENOENT);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_WRITE, 0x2002, 2), 0);
    ck_assert_uint_eq(d.arch.debugreg[7], 0x9f0006a2);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_WRITE, 0x2002, 2), -ENOENT);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x5000, 1), 1);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_WRITE, 0x5000, 1), 0);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_EXECUTE, 0x1001, 1), 0);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_READ_WRITE, 0x3004, 4), 0);
    ck_assert_int_eq(vkvm_debug_remove(&d, VKVM_DEBUG_WRITE, 0x4008, 8), 0);
    ck_assert_uint_eq(d.arch.debugreg[7], 0x400);
    ck_assert_uint_eq(d.control, KVM_GUESTDBG_ENABLE);
    /* alignment, lengths, accesses */
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x1001, 2), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x1002, 4), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x1000, 3), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x1000, 0), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_WRITE, 0x1000, 16), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_EXECUTE, 0x1000, 2), -EINVAL);
    ck_assert_int_eq(vkvm_debug_add(&d, 2, 0x1000, 1), -EINVAL); /* I/O: not offered */
    ck_assert_int_eq(vkvm_debug_remove(&d, 2, 0x1000, 1), -ENOENT);
}
END_TEST

START_TEST(injecting)
{
    struct kvm_guest_debug d;
    vkvm_debug_init(&d);
    ck_assert_int_eq(vkvm_debug_inject(&d, 13), -EINVAL);
    ck_assert_int_eq(vkvm_debug_inject(&d, 1), 0);
    ck_assert_uint_eq(d.control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB);
    ck_assert_int_eq(vkvm_debug_inject(&d, 3), 0);
    ck_assert_uint_eq(d.control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP);
    ck_assert_int_eq(vkvm_vcpu_set_guest_debug(x86_vcpu, &d), 0);
    ck_assert_uint_eq(x86_fake.last_int, d.control);
}
END_TEST

static struct vkvm_debug_event decode(const struct kvm_guest_debug *d, uint32_t exception,
                                      uint64_t dr6)
{
    struct vkvm_exit e = { .kind = VKVM_EXIT_DEBUG };
    struct vkvm_debug_event event;
    e.debug.exception = exception;
    e.debug.pc = 0x7777;
    e.debug.dr6 = dr6;
    vkvm_debug_decode(d, &e, &event);
    return event;
}

START_TEST(causes)
{
    struct kvm_guest_debug d;
    vkvm_debug_init(&d);
    ck_assert_uint_eq(decode(&d, 3, 0).cause, VKVM_DEBUG_CAUSE_NONE);
    ck_assert_uint_eq(decode(&d, 1, 0x4001).cause, VKVM_DEBUG_CAUSE_NONE);
    vkvm_debug_set_software(&d, true);
    ck_assert_uint_eq(decode(&d, 3, 0).cause, VKVM_DEBUG_CAUSE_SOFTWARE);
    ck_assert_uint_eq(decode(&d, 3, 0).address, 0x7777);
    vkvm_debug_set_step(&d, true);
    ck_assert_uint_eq(decode(&d, 1, 0xffff4ff0).cause, VKVM_DEBUG_CAUSE_STEP);
    ck_assert_uint_eq(decode(&d, 1, 0xffff0ff0).cause, VKVM_DEBUG_CAUSE_NONE);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_EXECUTE, 0x1001, 1), 0);
    ck_assert_int_eq(vkvm_debug_add(&d, VKVM_DEBUG_READ_WRITE, 0x2008, 8), 1);
    struct vkvm_debug_event e = decode(&d, 1, 0xffff4ff3);
    ck_assert_uint_eq(e.cause, VKVM_DEBUG_CAUSE_BREAKPOINT);
    ck_assert_uint_eq(e.slot, 0);
    ck_assert_uint_eq(e.address, 0x1001);
    e = decode(&d, 1, 0xffff4ff2);
    ck_assert_uint_eq(e.cause, VKVM_DEBUG_CAUSE_WATCHPOINT);
    ck_assert_uint_eq(e.slot, 1);
    ck_assert_uint_eq(e.length, 8);
    ck_assert_uint_eq(e.access, VKVM_DEBUG_READ_WRITE);
    ck_assert_uint_eq(decode(&d, 1, 0xffff0ff8).cause, VKVM_DEBUG_CAUSE_NONE); /* a free slot */
}
END_TEST

Suite *x86_debug_suite(void)
{
    Suite *s = suite_create("x86-debug");
    TCase *t = tcase_create("debug");
    tcase_add_checked_fixture(t, x86_setup, x86_teardown);
    tcase_add_test(t, controls);
    tcase_add_test(t, slots);
    tcase_add_test(t, injecting);
    tcase_add_test(t, causes);
    suite_add_tcase(s, t);
    return s;
}
