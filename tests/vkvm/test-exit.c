/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of kvm_run: every reason, and pages that lie.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <vkvm/exit.h>
#include <vkvm/uapi.h>

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
        { KVM_EXIT_WATCHDOG, VKVM_EXIT_WATCHDOG },
        { KVM_EXIT_NOTIFY, VKVM_EXIT_NOTIFY },
        { 44, VKVM_EXIT_OTHER },
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

START_TEST(io_sizes_that_are_none)
{
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.data_offset = 4096;
    run->io.count = 2;
    for (unsigned int size = 0; size < 256; size++) {
        bool fine = size == 1 || size == 2 || size == 4;
        run->io.size = (uint8_t)size;
        decode(KVM_EXIT_IO);
        ck_assert_uint_eq(e.io.count, fine ? 2 : 0);
        ck_assert_uint_eq(e.io.size, fine ? size : 1);
    }
}
END_TEST

START_TEST(a_page_too_small)
{
    run->exit_reason = KVM_EXIT_HLT;
    vkvm_exit_decode(run, sizeof(*run) - 1, &e);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_OTHER);
    ck_assert_uint_eq(e.kvm_reason, UINT32_MAX);
    vkvm_exit_decode(run, 0, &e);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_OTHER);
    vkvm_exit_decode(run, sizeof(*run), &e);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_HLT);
}
END_TEST

/* What the header this is compiled with lacks is written as 64-bit words behind the union's start.
 */
static uint64_t *tail(void)
{
    return (uint64_t *)(void *)&run->hw;
}

static void fill_tail(void)
{
    for (uint64_t i = 0; i < 32; i++)
        tail()[i] = 0x1000 + i;
}

START_TEST(newer_reasons)
{
    fill_tail();
    tail()[0] = KVM_MEMORY_EXIT_FLAG_PRIVATE;
    decode(KVM_EXIT_MEMORY_FAULT);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_MEMORY_FAULT);
    ck_assert_uint_eq(e.memory_fault.flags, 8);
    ck_assert_uint_eq(e.memory_fault.gpa, 0x1001);
    ck_assert_uint_eq(e.memory_fault.size, 0x1002);

    fill_tail();
    decode(KVM_EXIT_TDX);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_TDX);
    ck_assert_uint_eq(e.tdx.flags, 0x1000);
    ck_assert_uint_eq(e.tdx.number, 0x1001);
    ck_assert_uint_eq(e.tdx.data[4], 0x1007);
    *e.tdx.result = 7;
    ck_assert_uint_eq(tail()[2], 7);

    fill_tail();
    decode(KVM_EXIT_SNP_REQ_CERTS);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_SNP_REQ_CERTS);
    ck_assert_uint_eq(e.snp_req_certs.gpa, 0x1000);
    ck_assert_uint_eq(*e.snp_req_certs.pages, 0x1001);
    *e.snp_req_certs.result = 5;
    ck_assert_uint_eq(tail()[2], 5);

    fill_tail();
    decode(KVM_EXIT_ARM_SEA);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_ARM_SEA);
    ck_assert_uint_eq(e.arm_sea.flags, 0x1000);
    ck_assert_uint_eq(e.arm_sea.esr, 0x1001);
    ck_assert_uint_eq(e.arm_sea.gva, 0x1002);
    ck_assert_uint_eq(e.arm_sea.gpa, 0x1003);

    fill_tail();
    tail()[2] = 200; /* len: a lie, is_write 0 */
    decode(KVM_EXIT_LOONGARCH_IOCSR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_LOONGARCH_IOCSR_READ);
    ck_assert_uint_eq(e.mmio.gpa, 0x1000);
    ck_assert_uint_eq(e.mmio.length, 8);
    tail()[2] = 1ull << 32 | 4;
    decode(KVM_EXIT_LOONGARCH_IOCSR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_LOONGARCH_IOCSR_WRITE);
    ck_assert_uint_eq(e.mmio.length, 4);
    e.mmio.data[0] = 0x77;
    ck_assert_uint_eq(tail()[1] & 0xff, 0x77);
}
END_TEST

START_TEST(reasons_of_s390)
{
    run->s390_sieic.icptcode = 4;
    run->s390_sieic.ipa = 0xb2b0;
    run->s390_sieic.ipb = 0x12345678;
    decode(KVM_EXIT_S390_SIEIC);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_S390_SIEIC);
    ck_assert_uint_eq(e.s390_sieic.icptcode, 4);
    ck_assert_uint_eq(e.s390_sieic.ipa, 0xb2b0);
    ck_assert_uint_eq(e.s390_sieic.ipb, 0x12345678);
    run->s390_reset_flags = KVM_S390_RESET_CLEAR;
    decode(KVM_EXIT_S390_RESET);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_S390_RESET);
    ck_assert_uint_eq(e.s390_reset.flags, KVM_S390_RESET_CLEAR);
    run->s390_ucontrol.trans_exc_code = 0x99;
    run->s390_ucontrol.pgm_code = 0x10;
    decode(KVM_EXIT_S390_UCONTROL);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_S390_UCONTROL);
    ck_assert_uint_eq(e.s390_ucontrol.trans_exc_code, 0x99);
    ck_assert_uint_eq(e.s390_ucontrol.pgm_code, 0x10);
    run->s390_tsch.subchannel_id = 1;
    run->s390_tsch.subchannel_nr = 2;
    run->s390_tsch.io_int_parm = 3;
    run->s390_tsch.io_int_word = 4;
    run->s390_tsch.ipb = 5;
    run->s390_tsch.dequeued = 6;
    decode(KVM_EXIT_S390_TSCH);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_S390_TSCH);
    ck_assert_uint_eq(e.s390_tsch.subchannel_id, 1);
    ck_assert_uint_eq(e.s390_tsch.subchannel_nr, 2);
    ck_assert_uint_eq(e.s390_tsch.io_int_parm, 3);
    ck_assert_uint_eq(e.s390_tsch.io_int_word, 4);
    ck_assert_uint_eq(e.s390_tsch.ipb, 5);
    ck_assert_uint_eq(e.s390_tsch.dequeued, 6);
    run->s390_stsi.addr = 0x1000;
    run->s390_stsi.ar = 1;
    run->s390_stsi.fc = 3;
    run->s390_stsi.sel1 = 2;
    run->s390_stsi.sel2 = 4;
    decode(KVM_EXIT_S390_STSI);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_S390_STSI);
    ck_assert_uint_eq(e.s390_stsi.addr, 0x1000);
    ck_assert_uint_eq(e.s390_stsi.ar, 1);
    ck_assert_uint_eq(e.s390_stsi.fc, 3);
    ck_assert_uint_eq(e.s390_stsi.sel1, 2);
    ck_assert_uint_eq(e.s390_stsi.sel2, 4);
}
END_TEST

START_TEST(reasons_of_powerpc)
{
    run->dcr.dcrn = 9;
    run->dcr.is_write = 1;
    decode(KVM_EXIT_DCR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_DCR);
    ck_assert_uint_eq(e.dcr.number, 9);
    ck_assert_uint_eq(e.dcr.is_write, 1);
    *e.dcr.data = 3;
    ck_assert_uint_eq(run->dcr.data, 3);
    run->osi.gprs[31] = 31;
    decode(KVM_EXIT_OSI);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_OSI);
    ck_assert_uint_eq(e.osi.gprs[31], 31);
    run->papr_hcall.nr = 0xf000;
    run->papr_hcall.args[8] = 8;
    decode(KVM_EXIT_PAPR_HCALL);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_PAPR_HCALL);
    ck_assert_uint_eq(e.papr_hcall.number, 0xf000);
    ck_assert_uint_eq(e.papr_hcall.args[8], 8);
    *e.papr_hcall.result = 1;
    ck_assert_uint_eq(run->papr_hcall.ret, 1);
    decode(KVM_EXIT_EPR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_EPR);
    *e.epr.value = 12;
    ck_assert_uint_eq(run->epr.epr, 12);
}
END_TEST

START_TEST(reasons_of_arm_and_riscv)
{
    run->arm_nisv.esr_iss = 0x55;
    run->arm_nisv.fault_ipa = 0x9000000;
    decode(KVM_EXIT_ARM_NISV);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_ARM_NISV);
    ck_assert_uint_eq(e.arm_nisv.esr_iss, 0x55);
    decode(KVM_EXIT_ARM_LDST64B);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_ARM_LDST64B);
    ck_assert_uint_eq(e.arm_nisv.fault_ipa, 0x9000000);
    run->riscv_sbi.extension_id = 0x10;
    run->riscv_sbi.function_id = 2;
    run->riscv_sbi.args[5] = 6;
    decode(KVM_EXIT_RISCV_SBI);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_RISCV_SBI);
    ck_assert_uint_eq(e.riscv_sbi.extension, 0x10);
    ck_assert_uint_eq(e.riscv_sbi.function, 2);
    ck_assert_uint_eq(e.riscv_sbi.args[5], 6);
    e.riscv_sbi.result[1] = 4;
    ck_assert_uint_eq(run->riscv_sbi.ret[1], 4);
    run->riscv_csr.csr_num = 0x15;
    run->riscv_csr.new_value = 1;
    run->riscv_csr.write_mask = 3;
    decode(KVM_EXIT_RISCV_CSR);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_RISCV_CSR);
    ck_assert_uint_eq(e.riscv_csr.number, 0x15);
    ck_assert_uint_eq(e.riscv_csr.new_value, 1);
    ck_assert_uint_eq(e.riscv_csr.write_mask, 3);
    *e.riscv_csr.result = 9;
    ck_assert_uint_eq(run->riscv_csr.ret_value, 9);
}
END_TEST

START_TEST(every_reason_is_decoded_and_named)
{
    bool kinds[64] = { false };
    for (uint32_t reason = 0; reason <= KVM_EXIT_SNP_REQ_CERTS; reason++) {
        memset(run, 0, RUN_SIZE);
        decode(reason);
        ck_assert_uint_ne(e.kind, VKVM_EXIT_OTHER);
        ck_assert_uint_lt(e.kind, 64);
        /* only ones that read and write differ in share a reason */
        ck_assert(!kinds[e.kind]);
        kinds[e.kind] = true;
        ck_assert_ptr_nonnull(vkvm_exit_reason_name(reason));
        ck_assert_str_ne(vkvm_exit_name(e.kind), "?");
        ck_assert_str_ne(vkvm_exit_name(e.kind), "other");
    }
    for (uint32_t kind = 0; kind <= VKVM_EXIT_LOONGARCH_IOCSR_WRITE; kind++)
        ck_assert_ptr_nonnull(vkvm_exit_name(kind));
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
        run->exit_reason = x % 48;
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
    ck_assert_str_eq(vkvm_exit_name(VKVM_EXIT_LOONGARCH_IOCSR_WRITE), "loongarch-iocsr-write");
    ck_assert_str_eq(vkvm_exit_reason_name(KVM_EXIT_MEMORY_FAULT), "KVM_EXIT_MEMORY_FAULT");
    ck_assert_ptr_null(vkvm_exit_reason_name(44));
    ck_assert_str_eq(vkvm_internal_error_name(KVM_INTERNAL_ERROR_EMULATION), "emulation");
    ck_assert_str_eq(vkvm_internal_error_name(5), "?");
    ck_assert_str_eq(vkvm_system_event_name(KVM_SYSTEM_EVENT_RESET), "reset");
    ck_assert_str_eq(vkvm_system_event_name(0), "?");
    ck_assert_str_eq(vkvm_system_event_name(8), "?");
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
    tcase_add_test(t, io_sizes_that_are_none);
    tcase_add_test(t, a_page_too_small);
    tcase_add_test(t, newer_reasons);
    tcase_add_test(t, reasons_of_s390);
    tcase_add_test(t, reasons_of_powerpc);
    tcase_add_test(t, reasons_of_arm_and_riscv);
    tcase_add_test(t, every_reason_is_decoded_and_named);
    tcase_add_test(t, random_pages_are_survived);
    tcase_add_test(t, names);
    suite_add_tcase(s, t);
    return s;
}
