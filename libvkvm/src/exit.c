/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of kvm_run.
 *
 * Total by construction: lengths and offsets the kernel gives are clamped to the mapped page, so
 * that a fake or a recording cannot lead the reader astray either.
 */
#include <string.h>

#include <vkvm/exit.h>

#ifndef KVM_EXIT_NOTIFY
#define KVM_EXIT_NOTIFY 37
#endif

static void decode_io(struct kvm_run *run, size_t run_size, struct vkvm_exit *e)
{
    uint64_t offset = run->io.data_offset;
    uint64_t bytes = (uint64_t)run->io.size * run->io.count;
    e->kind = run->io.direction == KVM_EXIT_IO_IN ? VKVM_EXIT_IO_IN : VKVM_EXIT_IO_OUT;
    e->io.port = run->io.port;
    e->io.size = run->io.size;
    e->io.count = run->io.count;
    if (offset > run_size || bytes > run_size - offset) {
        offset = 0;
        e->io.count = 0;
    }
    e->io.data = (uint8_t *)run + offset;
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
        (run->emulation_failure.flags &
         KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
        uint32_t size = run->emulation_failure.insn_size;
        e->internal.insn = run->emulation_failure.insn_bytes;
        e->internal.insn_size = size < 15 ? size : 15;
    }
}

static void decode_system_event(struct kvm_run *run, struct vkvm_exit *e)
{
    const uint32_t max = sizeof(run->system_event.data) / sizeof(run->system_event.data[0]);
    e->kind = VKVM_EXIT_SYSTEM_EVENT;
    e->system_event.type = run->system_event.type;
    e->system_event.count = run->system_event.ndata < max ? run->system_event.ndata : max;
    e->system_event.data = (const uint64_t *)run->system_event.data;
}

static void decode_msr(struct kvm_run *run, uint32_t kind, struct vkvm_exit *e)
{
    e->kind = kind;
    e->msr.index = run->msr.index;
    e->msr.reason = run->msr.reason;
    e->msr.data = (uint64_t *)&run->msr.data;
    e->msr.error = &run->msr.error;
}

void vkvm_exit_decode(struct kvm_run *run, size_t run_size, struct vkvm_exit *e)
{
    e->kvm_reason = run->exit_reason;
    e->kind = VKVM_EXIT_OTHER;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        decode_io(run, run_size, e);
        break;
    case KVM_EXIT_MMIO:
        e->kind = run->mmio.is_write ? VKVM_EXIT_MMIO_WRITE : VKVM_EXIT_MMIO_READ;
        e->mmio.gpa = run->mmio.phys_addr;
        e->mmio.length = run->mmio.len < 8 ? run->mmio.len : 8;
        e->mmio.data = run->mmio.data;
        break;
    case KVM_EXIT_INTR: e->kind = VKVM_EXIT_INTR; break;
    case KVM_EXIT_HLT: e->kind = VKVM_EXIT_HLT; break;
    case KVM_EXIT_IRQ_WINDOW_OPEN: e->kind = VKVM_EXIT_IRQ_WINDOW_OPEN; break;
    case KVM_EXIT_SHUTDOWN: e->kind = VKVM_EXIT_SHUTDOWN; break;
    case KVM_EXIT_SET_TPR: e->kind = VKVM_EXIT_SET_TPR; break;
    case KVM_EXIT_NMI: e->kind = VKVM_EXIT_NMI; break;
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
    case KVM_EXIT_INTERNAL_ERROR:
        decode_internal(run, e);
        break;
    case KVM_EXIT_DEBUG:
        e->kind = VKVM_EXIT_DEBUG;
        e->debug.exception = run->debug.arch.exception;
        e->debug.pc = run->debug.arch.pc;
        e->debug.dr6 = run->debug.arch.dr6;
        e->debug.dr7 = run->debug.arch.dr7;
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        decode_system_event(run, e);
        break;
    case KVM_EXIT_IOAPIC_EOI:
        e->kind = VKVM_EXIT_IOAPIC_EOI;
        e->ioapic_eoi.vector = run->eoi.vector;
        break;
    case KVM_EXIT_HYPERCALL:
        e->kind = VKVM_EXIT_HYPERCALL;
        e->hypercall.number = run->hypercall.nr;
        e->hypercall.args = (const uint64_t *)run->hypercall.args;
        e->hypercall.result = (uint64_t *)&run->hypercall.ret;
        e->hypercall.flags = run->hypercall.longmode;
        break;
    case KVM_EXIT_TPR_ACCESS:
        e->kind = VKVM_EXIT_TPR_ACCESS;
        e->tpr_access.rip = run->tpr_access.rip;
        e->tpr_access.is_write = run->tpr_access.is_write;
        break;
    case KVM_EXIT_X86_RDMSR:
        decode_msr(run, VKVM_EXIT_RDMSR, e);
        break;
    case KVM_EXIT_X86_WRMSR:
        decode_msr(run, VKVM_EXIT_WRMSR, e);
        break;
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
    default:
        break;
    }
}

const char *vkvm_exit_name(uint32_t kind)
{
    static const char *const names[] = {
        [VKVM_EXIT_OTHER] = "other",
        [VKVM_EXIT_INTR] = "intr",
        [VKVM_EXIT_IO_IN] = "io-in",
        [VKVM_EXIT_IO_OUT] = "io-out",
        [VKVM_EXIT_MMIO_READ] = "mmio-read",
        [VKVM_EXIT_MMIO_WRITE] = "mmio-write",
        [VKVM_EXIT_HLT] = "hlt",
        [VKVM_EXIT_IRQ_WINDOW_OPEN] = "irq-window-open",
        [VKVM_EXIT_SHUTDOWN] = "shutdown",
        [VKVM_EXIT_FAIL_ENTRY] = "fail-entry",
        [VKVM_EXIT_INTERNAL_ERROR] = "internal-error",
        [VKVM_EXIT_DEBUG] = "debug",
        [VKVM_EXIT_SYSTEM_EVENT] = "system-event",
        [VKVM_EXIT_IOAPIC_EOI] = "ioapic-eoi",
        [VKVM_EXIT_HYPERCALL] = "hypercall",
        [VKVM_EXIT_SET_TPR] = "set-tpr",
        [VKVM_EXIT_TPR_ACCESS] = "tpr-access",
        [VKVM_EXIT_NMI] = "nmi",
        [VKVM_EXIT_RDMSR] = "rdmsr",
        [VKVM_EXIT_WRMSR] = "wrmsr",
        [VKVM_EXIT_DIRTY_RING_FULL] = "dirty-ring-full",
        [VKVM_EXIT_BUS_LOCK] = "bus-lock",
        [VKVM_EXIT_NOTIFY] = "notify",
        [VKVM_EXIT_EXCEPTION] = "exception",
        [VKVM_EXIT_UNKNOWN] = "unknown",
        [VKVM_EXIT_HYPERV] = "hyperv",
        [VKVM_EXIT_XEN] = "xen",
        [VKVM_EXIT_AP_RESET_HOLD] = "ap-reset-hold",
    };
    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}
