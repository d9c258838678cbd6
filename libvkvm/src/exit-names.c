/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of exits, and of the reasons within them.
 */
#include <stddef.h>

#include <vkvm/exit.h>
#include <vkvm/uapi.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
        [VKVM_EXIT_MEMORY_FAULT] = "memory-fault",
        [VKVM_EXIT_TDX] = "tdx",
        [VKVM_EXIT_SNP_REQ_CERTS] = "snp-req-certs",
        [VKVM_EXIT_WATCHDOG] = "watchdog",
        [VKVM_EXIT_S390_SIEIC] = "s390-sieic",
        [VKVM_EXIT_S390_RESET] = "s390-reset",
        [VKVM_EXIT_S390_UCONTROL] = "s390-ucontrol",
        [VKVM_EXIT_S390_TSCH] = "s390-tsch",
        [VKVM_EXIT_S390_STSI] = "s390-stsi",
        [VKVM_EXIT_DCR] = "dcr",
        [VKVM_EXIT_OSI] = "osi",
        [VKVM_EXIT_PAPR_HCALL] = "papr-hcall",
        [VKVM_EXIT_EPR] = "epr",
        [VKVM_EXIT_ARM_NISV] = "arm-nisv",
        [VKVM_EXIT_ARM_SEA] = "arm-sea",
        [VKVM_EXIT_ARM_LDST64B] = "arm-ldst64b",
        [VKVM_EXIT_RISCV_SBI] = "riscv-sbi",
        [VKVM_EXIT_RISCV_CSR] = "riscv-csr",
        [VKVM_EXIT_LOONGARCH_IOCSR_READ] = "loongarch-iocsr-read",
        [VKVM_EXIT_LOONGARCH_IOCSR_WRITE] = "loongarch-iocsr-write",
    };
    return kind < COUNT(names) ? names[kind] : "?";
}

const char *vkvm_exit_reason_name(uint32_t kvm_reason)
{
#define NAME(name) [KVM_EXIT_##name] = "KVM_EXIT_" #name
    static const char *const names[] = {
        NAME(UNKNOWN),
        NAME(EXCEPTION),
        NAME(IO),
        NAME(HYPERCALL),
        NAME(DEBUG),
        NAME(HLT),
        NAME(MMIO),
        NAME(IRQ_WINDOW_OPEN),
        NAME(SHUTDOWN),
        NAME(FAIL_ENTRY),
        NAME(INTR),
        NAME(SET_TPR),
        NAME(TPR_ACCESS),
        NAME(S390_SIEIC),
        NAME(S390_RESET),
        NAME(DCR),
        NAME(NMI),
        NAME(INTERNAL_ERROR),
        NAME(OSI),
        NAME(PAPR_HCALL),
        NAME(S390_UCONTROL),
        NAME(WATCHDOG),
        NAME(S390_TSCH),
        NAME(EPR),
        NAME(SYSTEM_EVENT),
        NAME(S390_STSI),
        NAME(IOAPIC_EOI),
        NAME(HYPERV),
        NAME(ARM_NISV),
        NAME(X86_RDMSR),
        NAME(X86_WRMSR),
        NAME(DIRTY_RING_FULL),
        NAME(AP_RESET_HOLD),
        NAME(X86_BUS_LOCK),
        NAME(XEN),
        NAME(RISCV_SBI),
        NAME(RISCV_CSR),
        NAME(NOTIFY),
        NAME(LOONGARCH_IOCSR),
        NAME(MEMORY_FAULT),
        NAME(TDX),
        NAME(ARM_SEA),
        NAME(ARM_LDST64B),
        NAME(SNP_REQ_CERTS),
    };
#undef NAME
    return kvm_reason < COUNT(names) ? names[kvm_reason] : NULL;
}

const char *vkvm_internal_error_name(uint32_t suberror)
{
    static const char *const names[] = {
        [0] = "?",
        [KVM_INTERNAL_ERROR_EMULATION] = "emulation",
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "simultaneous-exception",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "event-delivery",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "unexpected-exit-reason",
    };
    return suberror < COUNT(names) ? names[suberror] : "?";
}

const char *vkvm_system_event_name(uint32_t type)
{
    static const char *const names[] = {
        [0] = "?",
        [KVM_SYSTEM_EVENT_SHUTDOWN] = "shutdown",
        [KVM_SYSTEM_EVENT_RESET] = "reset",
        [KVM_SYSTEM_EVENT_CRASH] = "crash",
        [KVM_SYSTEM_EVENT_WAKEUP] = "wakeup",
        [KVM_SYSTEM_EVENT_SUSPEND] = "suspend",
        [KVM_SYSTEM_EVENT_SEV_TERM] = "sev-terminate",
        [KVM_SYSTEM_EVENT_TDX_FATAL] = "tdx-fatal",
    };
    return type < COUNT(names) ? names[type] : "?";
}
