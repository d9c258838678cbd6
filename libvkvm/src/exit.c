/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of kvm_run.
 *
 * Total by construction: lengths and offsets the kernel gives are clamped to the mapped page, so
 * that a fake or a recording cannot lead the reader astray either.
 */
#include <string.h>

#include <vkvm/exit.h>
#include <vkvm/uapi.h>

/* What newer kernels put where the union of struct kvm_run begins; it has 256 bytes. */
union run_tail {
    struct {
        uint64_t flags, gpa, size;
    } memory_fault;
    struct {
        uint64_t flags, nr, ret, data[5];
    } tdx;
    struct {
        uint64_t flags, esr, gva, gpa;
    } arm_sea;
    struct {
        uint64_t gpa, npages, ret;
    } snp_req_certs;
    struct {
        uint64_t phys_addr;
        uint8_t data[8];
        uint32_t len;
        uint8_t is_write;
    } iocsr;
};
_Static_assert(sizeof(union run_tail) <= 256, "it has to fit into kvm_run's union");

static union run_tail *run_tail(struct kvm_run *run)
{
    return (union run_tail *)(void *)&run->hw;
}

static void decode_io(struct kvm_run *run, size_t run_size, struct vkvm_exit *e)
{
    uint64_t offset = run->io.data_offset;
    uint64_t bytes = (uint64_t)run->io.size * run->io.count;
    e->kind = run->io.direction == KVM_EXIT_IO_IN ? VKVM_EXIT_IO_IN : VKVM_EXIT_IO_OUT;
    e->io.port = run->io.port;
    e->io.size = run->io.size;
    e->io.count = run->io.count;
    if (offset > run_size || bytes > run_size - offset ||
        (e->io.size != 1 && e->io.size != 2 && e->io.size != 4)) {
        offset = 0;
        e->io.size = 1;
        e->io.count = 0;
    }
    e->io.data = (uint8_t *)run + offset;
}

static void decode_mmio(struct kvm_run *run, struct vkvm_exit *e)
{
    e->kind = run->mmio.is_write ? VKVM_EXIT_MMIO_WRITE : VKVM_EXIT_MMIO_READ;
    e->mmio.gpa = run->mmio.phys_addr;
    e->mmio.length = run->mmio.len < 8 ? run->mmio.len : 8;
    e->mmio.data = run->mmio.data;
}

static void decode_iocsr(struct kvm_run *run, struct vkvm_exit *e)
{
    union run_tail *tail = run_tail(run);
    e->kind =
        tail->iocsr.is_write ? VKVM_EXIT_LOONGARCH_IOCSR_WRITE : VKVM_EXIT_LOONGARCH_IOCSR_READ;
    e->mmio.gpa = tail->iocsr.phys_addr;
    e->mmio.length = tail->iocsr.len < 8 ? tail->iocsr.len : 8;
    e->mmio.data = tail->iocsr.data;
}

static void decode_internal(struct kvm_run *run, struct vkvm_exit *e)
{
    const uint64_t *data = (const uint64_t *)run->internal.data;
    const uint32_t max = sizeof(run->internal.data) / sizeof(run->internal.data[0]);
    e->kind = VKVM_EXIT_INTERNAL_ERROR;
    e->internal.suberror = run->internal.suberror;
    e->internal.count = run->internal.ndata < max ? run->internal.ndata : max;
    e->internal.data = data;
    e->internal.insn = NULL;
    e->internal.insn_size = 0;
    /* struct kvm_run.emulation_failure overlays data: flags, then size and bytes of the instruction
     * */
    if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && e->internal.count >= 3 &&
        (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
        uint32_t size = run->emulation_failure.insn_size;
        e->internal.insn = run->emulation_failure.insn_bytes;
        e->internal.insn_size = size < 15 ? size : 15;
    }
}

static void decode_debug(struct kvm_run *run, struct vkvm_exit *e)
{
    memset(&e->debug, 0, sizeof(e->debug));
    e->kind = VKVM_EXIT_DEBUG;
#if defined(__x86_64__)
    e->debug.exception = run->debug.arch.exception;
    e->debug.pc = run->debug.arch.pc;
    e->debug.dr6 = run->debug.arch.dr6;
    e->debug.dr7 = run->debug.arch.dr7;
#elif defined(__aarch64__)
    e->debug.syndrome = (uint64_t)run->debug.arch.hsr_high << 32 | run->debug.arch.hsr;
    e->debug.far = run->debug.arch.far;
#endif
}

static void decode_system_event(struct kvm_run *run, struct vkvm_exit *e)
{
    const uint32_t max = sizeof(run->system_event.data) / sizeof(run->system_event.data[0]);
    e->kind = VKVM_EXIT_SYSTEM_EVENT;
    e->system_event.type = run->system_event.type;
    e->system_event.count = run->system_event.ndata < max ? run->system_event.ndata : max;
    e->system_event.data = (const uint64_t *)run->system_event.data;
}

static void decode_hypercall(struct kvm_run *run, struct vkvm_exit *e)
{
    e->kind = VKVM_EXIT_HYPERCALL;
    e->hypercall.number = run->hypercall.nr;
    e->hypercall.args = (const uint64_t *)run->hypercall.args;
    e->hypercall.result = (uint64_t *)&run->hypercall.ret;
    e->hypercall.flags = run->hypercall.longmode;
}

static void decode_msr(struct kvm_run *run, uint32_t kind, struct vkvm_exit *e)
{
    e->kind = kind;
    e->msr.index = run->msr.index;
    e->msr.reason = run->msr.reason;
    e->msr.data = (uint64_t *)&run->msr.data;
    e->msr.error = &run->msr.error;
}

static void decode_tdx(struct kvm_run *run, struct vkvm_exit *e)
{
    union run_tail *tail = run_tail(run);
    e->kind = VKVM_EXIT_TDX;
    e->tdx.flags = tail->tdx.flags;
    e->tdx.number = tail->tdx.nr;
    e->tdx.result = &tail->tdx.ret;
    e->tdx.data = tail->tdx.data;
}

static void decode_snp(struct kvm_run *run, struct vkvm_exit *e)
{
    union run_tail *tail = run_tail(run);
    e->kind = VKVM_EXIT_SNP_REQ_CERTS;
    e->snp_req_certs.gpa = tail->snp_req_certs.gpa;
    e->snp_req_certs.pages = &tail->snp_req_certs.npages;
    e->snp_req_certs.result = &tail->snp_req_certs.ret;
}

static void decode_s390(struct kvm_run *run, struct vkvm_exit *e)
{
    switch (run->exit_reason) {
    case KVM_EXIT_S390_SIEIC:
        e->kind = VKVM_EXIT_S390_SIEIC;
        e->s390_sieic.icptcode = run->s390_sieic.icptcode;
        e->s390_sieic.ipa = run->s390_sieic.ipa;
        e->s390_sieic.ipb = run->s390_sieic.ipb;
        break;
    case KVM_EXIT_S390_RESET:
        e->kind = VKVM_EXIT_S390_RESET;
        e->s390_reset.flags = run->s390_reset_flags;
        break;
    case KVM_EXIT_S390_UCONTROL:
        e->kind = VKVM_EXIT_S390_UCONTROL;
        e->s390_ucontrol.trans_exc_code = run->s390_ucontrol.trans_exc_code;
        e->s390_ucontrol.pgm_code = run->s390_ucontrol.pgm_code;
        break;
    case KVM_EXIT_S390_TSCH:
        e->kind = VKVM_EXIT_S390_TSCH;
        e->s390_tsch.subchannel_id = run->s390_tsch.subchannel_id;
        e->s390_tsch.subchannel_nr = run->s390_tsch.subchannel_nr;
        e->s390_tsch.io_int_parm = run->s390_tsch.io_int_parm;
        e->s390_tsch.io_int_word = run->s390_tsch.io_int_word;
        e->s390_tsch.ipb = run->s390_tsch.ipb;
        e->s390_tsch.dequeued = run->s390_tsch.dequeued;
        break;
    default: /* KVM_EXIT_S390_STSI */
        e->kind = VKVM_EXIT_S390_STSI;
        e->s390_stsi.addr = run->s390_stsi.addr;
        e->s390_stsi.ar = run->s390_stsi.ar;
        e->s390_stsi.fc = run->s390_stsi.fc;
        e->s390_stsi.sel1 = run->s390_stsi.sel1;
        e->s390_stsi.sel2 = run->s390_stsi.sel2;
        break;
    }
}

static void decode_ppc(struct kvm_run *run, struct vkvm_exit *e)
{
    switch (run->exit_reason) {
    case KVM_EXIT_DCR:
        e->kind = VKVM_EXIT_DCR;
        e->dcr.number = run->dcr.dcrn;
        e->dcr.data = &run->dcr.data;
        e->dcr.is_write = run->dcr.is_write;
        break;
    case KVM_EXIT_OSI:
        e->kind = VKVM_EXIT_OSI;
        e->osi.gprs = (uint64_t *)run->osi.gprs;
        break;
    case KVM_EXIT_PAPR_HCALL:
        e->kind = VKVM_EXIT_PAPR_HCALL;
        e->papr_hcall.number = run->papr_hcall.nr;
        e->papr_hcall.result = (uint64_t *)&run->papr_hcall.ret;
        e->papr_hcall.args = (uint64_t *)run->papr_hcall.args;
        break;
    default: /* KVM_EXIT_EPR */
        e->kind = VKVM_EXIT_EPR;
        e->epr.value = &run->epr.epr;
        break;
    }
}

static void decode_arm(struct kvm_run *run, struct vkvm_exit *e)
{
    const union run_tail *tail = run_tail(run);
    if (run->exit_reason == KVM_EXIT_ARM_SEA) {
        e->kind = VKVM_EXIT_ARM_SEA;
        e->arm_sea.flags = tail->arm_sea.flags;
        e->arm_sea.esr = tail->arm_sea.esr;
        e->arm_sea.gva = tail->arm_sea.gva;
        e->arm_sea.gpa = tail->arm_sea.gpa;
        return;
    }
    e->kind = run->exit_reason == KVM_EXIT_ARM_NISV ? VKVM_EXIT_ARM_NISV : VKVM_EXIT_ARM_LDST64B;
    e->arm_nisv.esr_iss = run->arm_nisv.esr_iss;
    e->arm_nisv.fault_ipa = run->arm_nisv.fault_ipa;
}

static void decode_riscv(struct kvm_run *run, struct vkvm_exit *e)
{
    if (run->exit_reason == KVM_EXIT_RISCV_SBI) {
        e->kind = VKVM_EXIT_RISCV_SBI;
        e->riscv_sbi.extension = run->riscv_sbi.extension_id;
        e->riscv_sbi.function = run->riscv_sbi.function_id;
        e->riscv_sbi.args = run->riscv_sbi.args;
        e->riscv_sbi.result = run->riscv_sbi.ret;
        return;
    }
    e->kind = VKVM_EXIT_RISCV_CSR;
    e->riscv_csr.number = run->riscv_csr.csr_num;
    e->riscv_csr.new_value = run->riscv_csr.new_value;
    e->riscv_csr.write_mask = run->riscv_csr.write_mask;
    e->riscv_csr.result = &run->riscv_csr.ret_value;
}

void vkvm_exit_decode(struct kvm_run *run, size_t run_size, struct vkvm_exit *e)
{
    e->kind = VKVM_EXIT_OTHER;
    e->kvm_reason = UINT32_MAX;
    if (run_size < sizeof(*run))
        return;
    e->kvm_reason = run->exit_reason;
    /* The two that count for speed come without a jump table: no CPU predicts one right after a
     * system call. */
    if (__builtin_expect(run->exit_reason == KVM_EXIT_IO, 1)) {
        decode_io(run, run_size, e);
        return;
    }
    if (__builtin_expect(run->exit_reason == KVM_EXIT_MMIO, 1)) {
        decode_mmio(run, e);
        return;
    }
    switch (run->exit_reason) {
    case KVM_EXIT_INTR: e->kind = VKVM_EXIT_INTR; break;
    case KVM_EXIT_HLT: e->kind = VKVM_EXIT_HLT; break;
    case KVM_EXIT_IRQ_WINDOW_OPEN: e->kind = VKVM_EXIT_IRQ_WINDOW_OPEN; break;
    case KVM_EXIT_SHUTDOWN: e->kind = VKVM_EXIT_SHUTDOWN; break;
    case KVM_EXIT_SET_TPR: e->kind = VKVM_EXIT_SET_TPR; break;
    case KVM_EXIT_NMI: e->kind = VKVM_EXIT_NMI; break;
    case KVM_EXIT_WATCHDOG: e->kind = VKVM_EXIT_WATCHDOG; break;
    case KVM_EXIT_AP_RESET_HOLD: e->kind = VKVM_EXIT_AP_RESET_HOLD; break;
    case KVM_EXIT_DIRTY_RING_FULL: e->kind = VKVM_EXIT_DIRTY_RING_FULL; break;
    case KVM_EXIT_X86_BUS_LOCK: e->kind = VKVM_EXIT_BUS_LOCK; break;
    case KVM_EXIT_UNKNOWN:
        e->kind = VKVM_EXIT_UNKNOWN;
        e->unknown.hardware_reason = run->hw.hardware_exit_reason;
        break;
    case KVM_EXIT_EXCEPTION:
        e->kind = VKVM_EXIT_EXCEPTION;
        e->exception.exception = run->ex.exception;
        e->exception.error_code = run->ex.error_code;
        break;
    case KVM_EXIT_FAIL_ENTRY:
        e->kind = VKVM_EXIT_FAIL_ENTRY;
        e->fail_entry.hardware_reason = run->fail_entry.hardware_entry_failure_reason;
        e->fail_entry.cpu = run->fail_entry.cpu;
        break;
    case KVM_EXIT_INTERNAL_ERROR: decode_internal(run, e); break;
    case KVM_EXIT_DEBUG: decode_debug(run, e); break;
    case KVM_EXIT_SYSTEM_EVENT: decode_system_event(run, e); break;
    case KVM_EXIT_IOAPIC_EOI:
        e->kind = VKVM_EXIT_IOAPIC_EOI;
        e->ioapic_eoi.vector = run->eoi.vector;
        break;
    case KVM_EXIT_HYPERCALL: decode_hypercall(run, e); break;
    case KVM_EXIT_TPR_ACCESS:
        e->kind = VKVM_EXIT_TPR_ACCESS;
        e->tpr_access.rip = run->tpr_access.rip;
        e->tpr_access.is_write = run->tpr_access.is_write;
        break;
    case KVM_EXIT_X86_RDMSR: decode_msr(run, VKVM_EXIT_RDMSR, e); break;
    case KVM_EXIT_X86_WRMSR: decode_msr(run, VKVM_EXIT_WRMSR, e); break;
    case KVM_EXIT_NOTIFY:
        e->kind = VKVM_EXIT_NOTIFY;
        e->notify.flags = run->notify.flags;
        break;
    case KVM_EXIT_HYPERV:
        e->kind = VKVM_EXIT_HYPERV;
        e->hyperv = &run->hyperv;
        break;
    case KVM_EXIT_XEN:
        e->kind = VKVM_EXIT_XEN;
        e->xen = &run->xen;
        break;
    case KVM_EXIT_MEMORY_FAULT:
        e->kind = VKVM_EXIT_MEMORY_FAULT;
        e->memory_fault.flags = run_tail(run)->memory_fault.flags;
        e->memory_fault.gpa = run_tail(run)->memory_fault.gpa;
        e->memory_fault.size = run_tail(run)->memory_fault.size;
        break;
    case KVM_EXIT_TDX: decode_tdx(run, e); break;
    case KVM_EXIT_SNP_REQ_CERTS: decode_snp(run, e); break;
    case KVM_EXIT_S390_SIEIC:
    case KVM_EXIT_S390_RESET:
    case KVM_EXIT_S390_UCONTROL:
    case KVM_EXIT_S390_TSCH:
    case KVM_EXIT_S390_STSI: decode_s390(run, e); break;
    case KVM_EXIT_DCR:
    case KVM_EXIT_OSI:
    case KVM_EXIT_PAPR_HCALL:
    case KVM_EXIT_EPR: decode_ppc(run, e); break;
    case KVM_EXIT_ARM_NISV:
    case KVM_EXIT_ARM_SEA:
    case KVM_EXIT_ARM_LDST64B: decode_arm(run, e); break;
    case KVM_EXIT_RISCV_SBI:
    case KVM_EXIT_RISCV_CSR: decode_riscv(run, e); break;
    case KVM_EXIT_LOONGARCH_IOCSR: decode_iocsr(run, e); break;
    default: break;
    }
}
