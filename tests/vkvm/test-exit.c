/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of kvm_run: every reason, and pages that lie.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <vkvm/exit.h>

#define RUN_SIZE 12288

static struct kvm_run *run;
static struct vkvm_exit e;

static void setup(void)
{
    run = calloc(1, RUN_SIZE);
    memset(&e, 0xee, sizeof(e));
}

static void teardown(void)
{
    free(run);
}

static void decode(uint32_t reason)
{
    run->exit_reason = reason;
    vkvm_exit_decode(run, RUN_SIZE, &e);
    ck_assert_uint_eq(e.kvm_reason, reason);
}

START_TEST(plain_reasons)
{
    static const struct {
        uint32_t reason, kind;
    } rows[] = {
        { KVM_EXIT_INTR, VKVM_EXIT_INTR },
        { KVM_EXIT_HLT, VKVM_EXIT_HLT },
        { KVM_EXIT_IRQ_WINDOW_OPEN, VKVM_EXIT_IRQ_WINDOW_OPEN },
        { KVM_EXIT_SHUTDOWN, VKVM_EXIT_SHUTDOWN },
        { KVM_EXIT_SET_TPR, VKVM_EXIT_SET_TPR },
        { KVM_EXIT_NMI, VKVM_EXIT_NMI },
        { KVM_EXIT_AP_RESET_HOLD, VKVM_EXIT_AP_RESET_HOLD },
        { KVM_EXIT_DIRTY_RING_FULL, VKVM_EXIT_DIRTY_RING_FULL },
        { KVM_EXIT_X86_BUS_LOCK, VKVM_EXIT_BUS_LOCK },
        { KVM_EXIT_HYPERV, VKVM_EXIT_HYPERV },
        { KVM_EXIT_XEN, VKVM_EXIT_XEN },
        { 37, VKVM_EXIT_NOTIFY },
        { 9999, VKVM_EXIT_OTHER },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode(rows[i].reason);
        ck_assert_uint_eq(e.kind, rows[i].kind);
    }
}
END_TEST

START_TEST(mmio)
{
    run->mmio.phys_addr = 0xfee00000;
    run->mmio.len = 4;
    run->mmio.is_write = 1;
    decode(KVM_EXIT_MMIO);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_MMIO_WRITE);
    ck_assert_ptr_eq(e.mmio.data, run->mmio.data);
    run->mmio.is_write = 0;
    run->mmio.len = 200; /* a lie */
    decode(KVM_EXIT_MMIO);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_MMIO_READ);
    ck_assert_uint_eq(e.mmio.length, 8);
}
END_TEST

START_TEST(io_data_outside_the_page)
{
    run->io.direction = KVM_EXIT_IO_IN;
    run->io.size = 4;
    run->io.count = 1;
    run->io.data_offset = RUN_SIZE - 4;
    decode(KVM_EXIT_IO);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_IO_IN);
    ck_assert_uint_eq(e.io.count, 1);
    run->io.data_offset = RUN_SIZE - 3;
    decode(KVM_EXIT_IO);
    ck_assert_uint_eq(e.io.count, 0);
    run->io.data_offset = UINT64_MAX;
    run->io.count = UINT32_MAX;
    decode(KVM_EXIT_IO);
    ck_assert_uint_eq(e.io.count, 0);
    ck_assert_ptr_eq(e.io.data, (uint8_t *)run);
}
END_TEST

START_TEST(internal_error)
{
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    run->emulation_failure.ndata = 4;
    run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
    run->emulation_failure.insn_size = 200; /* more than an instruction has */
    run->emulation_failure.insn_bytes[0] = 0xf3;
    decode(KVM_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(e.internal.insn_size, 15);
    ck_assert_uint_eq(e.internal.insn[0], 0xf3);
    run->emulation_failure.flags = 0;
    decode(KVM_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(e.internal.insn_size, 0);
    run->internal.suberror = 3;
    run->internal.ndata = 1000;
    decode(KVM_EXIT_INTERNAL_ERROR);
    ck_assert_uint_eq(e.internal.count, 16);
    ck_assert_uint_eq(e.internal.suberror, 3);
}
END_TEST

START_TEST(reasons_with_data)
{
    run->hw.hardware_exit_reason = 77;
    decode(KVM_EXIT_UNKNOWN);
    ck_assert_uint_eq(e.unknown.hardware_reason, 77);

    run->ex.exception = 6;
    run->ex.error_code = 1;
    decode(KVM_EXIT_EXCEPTION);
    ck_assert_uint_eq(e.exception.exception, 6);

    run->fail_entry.hardware_entry_failure_reason = 0x80000021;
    run->fail_entry.cpu = 3;
    decode(KVM_EXIT_FAIL_ENTRY);
    ck_assert_uint_eq(e.fail_entry.hardware_reason, 0x80000021);
    ck_assert_uint_eq(e.fail_entry.cpu, 3);

    run->debug.arch.pc = 0x1234;
    run->debug.arch.exception = 1;
    decode(KVM_EXIT_DEBUG);
    ck_assert_uint_eq(e.debug.pc, 0x1234);

    run->system_event.type = KVM_SYSTEM_EVENT_RESET;
    run->system_event.ndata = 1000;
    decode(KVM_EXIT_SYSTEM_EVENT);
    ck_assert_uint_eq(e.system_event.type, KVM_SYSTEM_EVENT_RESET);
    ck_assert_uint_eq(e.system_event.count, 16);

    run->eoi.vector = 0x51;
    decode(KVM_EXIT_IOAPIC_EOI);
    ck_assert_uint_eq(e.ioapic_eoi.vector, 0x51);

    run->hypercall.nr = 12;
    decode(KVM_EXIT_HYPERCALL);
    ck_assert_uint_eq(e.hypercall.number, 12);
    *e.hypercall.result = 5;
    ck_assert_uint_eq(run->hypercall.ret, 5);

    run->tpr_access.rip = 0x99;
    decode(KVM_EXIT_TPR_ACCESS);
    ck_assert_uint_eq(e.tpr_access.rip, 0x99);

    memset(&run->msr, 0, sizeof(run->msr));
    run->msr.index = 0x10;
    decode(KVM_EXIT_X86_RDMSR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_RDMSR);
    *e.msr.error = 1;
    *e.msr.data = 8;
    ck_assert_uint_eq(run->msr.error, 1);
    ck_assert_uint_eq(run->msr.data, 8);
    decode(KVM_EXIT_X86_WRMSR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_WRMSR);
}
END_TEST

START_TEST(random_pages_are_survived)
{
    uint32_t x = 12345;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < 512; i += 4) {
            x = x * 1664525u + 1013904223u;
            memcpy((char *)run + i, &x, 4);
        }
        run->exit_reason = x % 45;
        vkvm_exit_decode(run, RUN_SIZE, &e);
        if (e.kind == VKVM_EXIT_IO_IN || e.kind == VKVM_EXIT_IO_OUT)
            ck_assert(e.io.data >= (uint8_t *)run &&
                      e.io.data + (uint64_t)e.io.size * e.io.count <= (uint8_t *)run + RUN_SIZE);
    }
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(vkvm_exit_name(VKVM_EXIT_IO_IN), "io-in");
    ck_assert_str_eq(vkvm_exit_name(VKVM_EXIT_AP_RESET_HOLD), "ap-reset-hold");
    ck_assert_str_eq(vkvm_exit_name(1000), "?");
}
END_TEST

Suite *vkvm_exit_suite(void);
Suite *vkvm_exit_suite(void)
{
    Suite *s = suite_create("vkvm-exit");
    TCase *t = tcase_create("decode");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, plain_reasons);
    tcase_add_test(t, mmio);
    tcase_add_test(t, io_data_outside_the_page);
    tcase_add_test(t, internal_error);
    tcase_add_test(t, reasons_with_data);
    tcase_add_test(t, random_pages_are_survived);
    tcase_add_test(t, names);
    suite_add_tcase(s, t);
    return s;
}
