/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why KVM_RUN returned, decoded [5].
 *
 * All exit reasons up to Linux 6.19 are decoded, those of other architectures than the host's too:
 * the structures are the same everywhere, and recordings travel. The exception is
 * VKVM_EXIT_DEBUG, whose contents are the architecture's.
 */
#ifndef VKVM_EXIT_H
#define VKVM_EXIT_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Kinds of exit. VKVM_EXIT_OTHER: one newer than libvkvm; `kvm_reason` has the number. */
enum vkvm_exit_kind {
    VKVM_EXIT_OTHER = 0,
    VKVM_EXIT_INTR = 1, /* a signal or a kick; nothing to do */
    VKVM_EXIT_IO_IN = 2,
    VKVM_EXIT_IO_OUT = 3,
    VKVM_EXIT_MMIO_READ = 4,
    VKVM_EXIT_MMIO_WRITE = 5,
    VKVM_EXIT_HLT = 6,
    VKVM_EXIT_IRQ_WINDOW_OPEN = 7,
    VKVM_EXIT_SHUTDOWN = 8,
    VKVM_EXIT_FAIL_ENTRY = 9,
    VKVM_EXIT_INTERNAL_ERROR = 10,
    VKVM_EXIT_DEBUG = 11,
    VKVM_EXIT_SYSTEM_EVENT = 12,
    VKVM_EXIT_IOAPIC_EOI = 13,
    VKVM_EXIT_HYPERCALL = 14,
    VKVM_EXIT_SET_TPR = 15,
    VKVM_EXIT_TPR_ACCESS = 16,
    VKVM_EXIT_NMI = 17,
    VKVM_EXIT_RDMSR = 18,
    VKVM_EXIT_WRMSR = 19,
    VKVM_EXIT_DIRTY_RING_FULL = 20,
    VKVM_EXIT_BUS_LOCK = 21,
    VKVM_EXIT_NOTIFY = 22,
    VKVM_EXIT_EXCEPTION = 23,
    VKVM_EXIT_UNKNOWN = 24, /* hardware exit reason the kernel does not know */
    VKVM_EXIT_HYPERV = 25,
    VKVM_EXIT_XEN = 26,
    VKVM_EXIT_AP_RESET_HOLD = 27,
    VKVM_EXIT_MEMORY_FAULT = 28, /* KVM_CAP_MEMORY_FAULT_INFO, Linux 6.8 */
    VKVM_EXIT_TDX = 29,          /* Linux 6.16 */
    VKVM_EXIT_SNP_REQ_CERTS = 30,
    VKVM_EXIT_WATCHDOG = 31,
    /* s390 */
    VKVM_EXIT_S390_SIEIC = 32,
    VKVM_EXIT_S390_RESET = 33,
    VKVM_EXIT_S390_UCONTROL = 34,
    VKVM_EXIT_S390_TSCH = 35,
    VKVM_EXIT_S390_STSI = 36,
    /* PowerPC */
    VKVM_EXIT_DCR = 37,
    VKVM_EXIT_OSI = 38,
    VKVM_EXIT_PAPR_HCALL = 39,
    VKVM_EXIT_EPR = 40,
    /* arm64 */
    VKVM_EXIT_ARM_NISV = 41,
    VKVM_EXIT_ARM_SEA = 42,
    VKVM_EXIT_ARM_LDST64B = 43,
    /* RISC-V, LoongArch */
    VKVM_EXIT_RISCV_SBI = 44,
    VKVM_EXIT_RISCV_CSR = 45,
    VKVM_EXIT_LOONGARCH_IOCSR_READ = 46,
    VKVM_EXIT_LOONGARCH_IOCSR_WRITE = 47,
};

/**
 * struct vkvm_exit - one exit
 * @kind: enum vkvm_exit_kind
 * @kvm_reason: KVM_EXIT_*
 *
 * Pointers lead into the vCPU's kvm_run and stay valid until the next run. Those that are not const
 * are where the answer goes.
 */
struct vkvm_exit {
    uint32_t kind;
    uint32_t kvm_reason;
    union {
        /* IO_IN, IO_OUT: `count` items of `size` (1, 2, 4) bytes at `data`. IN: fill them. Of a
         * page that lies, `count` is 0. */
        struct {
            uint16_t port;
            uint8_t size;
            uint32_t count;
            uint8_t *data;
        } io;
        /* MMIO_READ (fill data), MMIO_WRITE: `length` is 1..8. LOONGARCH_IOCSR_* likewise. */
        struct {
            uint64_t gpa;
            uint32_t length;
            uint8_t *data;
        } mmio;
        struct {
            uint64_t hardware_reason;
            uint32_t cpu;
        } fail_entry;
        /* KVM_INTERNAL_ERROR_*. insn_size > 0: the bytes of the instruction that was not emulated.
         * */
        struct {
            uint32_t suberror;
            uint32_t count;
            const uint64_t *data;
            uint32_t insn_size;
            const uint8_t *insn;
        } internal;
        /* x86: exception, pc, dr6, dr7; arm64: syndrome (ESR_EL2), far */
        struct {
            uint32_t exception;
            uint64_t pc, dr6, dr7;
            uint64_t syndrome, far;
        } debug;
        /* KVM_SYSTEM_EVENT_* */
        struct {
            uint32_t type;
            uint32_t count;
            const uint64_t *data;
        } system_event;
        struct {
            uint8_t vector;
        } ioapic_eoi;
        struct {
            uint64_t number;
            const uint64_t *args; /* 6 */
            uint64_t *result;
            uint32_t flags;
        } hypercall;
        struct {
            uint64_t rip;
            uint32_t is_write;
        } tpr_access;
        /* RDMSR: fill *data or set *error; WRMSR: take *data or set *error (guest gets #GP) */
        struct {
            uint32_t index;
            uint32_t reason; /* KVM_MSR_EXIT_REASON_* */
            uint64_t *data;
            uint8_t *error;
        } msr;
        struct {
            uint32_t flags;
        } notify;
        struct {
            uint32_t exception, error_code;
        } exception;
        struct {
            uint64_t hardware_reason;
        } unknown;
        struct kvm_hyperv_exit *hyperv;
        struct kvm_xen_exit *xen;
        /* The guest touched [gpa, gpa + size) in a way the slots and attributes do not allow;
         * flags KVM_MEMORY_EXIT_FLAG_PRIVATE: as private memory. KVM_RUN had failed with EFAULT or
         * EHWPOISON: vkvm_vcpu_run() turns that into this exit. */
        struct {
            uint64_t flags, gpa, size;
        } memory_fault;
        /* A TDVMCALL: `number` is its leaf; operands and results by leaf at `data` (6 values). */
        struct {
            uint64_t flags, number;
            uint64_t *result;
            uint64_t *data;
        } tdx;
        struct {
            uint64_t gpa;
            uint64_t *pages;
            uint64_t *result;
        } snp_req_certs;
        struct {
            uint8_t icptcode;
            uint16_t ipa;
            uint32_t ipb;
        } s390_sieic;
        struct {
            uint64_t flags; /* KVM_S390_RESET_* */
        } s390_reset;
        struct {
            uint64_t trans_exc_code;
            uint32_t pgm_code;
        } s390_ucontrol;
        struct {
            uint16_t subchannel_id, subchannel_nr;
            uint32_t io_int_parm, io_int_word, ipb;
            uint8_t dequeued;
        } s390_tsch;
        struct {
            uint64_t addr;
            uint8_t ar, fc, sel1;
            uint16_t sel2;
        } s390_stsi;
        struct {
            uint32_t number;
            uint32_t *data;
            uint8_t is_write;
        } dcr;
        struct {
            uint64_t *gprs; /* 32 */
        } osi;
        struct {
            uint64_t number;
            uint64_t *result;
            uint64_t *args; /* 9 */
        } papr_hcall;
        struct {
            uint32_t *value;
        } epr;
        /* ARM_NISV (a load or store without syndrome), ARM_LDST64B */
        struct {
            uint64_t esr_iss, fault_ipa;
        } arm_nisv;
        /* flags KVM_EXIT_ARM_SEA_FLAG_GPA_VALID */
        struct {
            uint64_t flags, esr, gva, gpa;
        } arm_sea;
        struct {
            uint64_t extension, function;
            const unsigned long *args; /* 6 */
            unsigned long *result;     /* 2 */
        } riscv_sbi;
        struct {
            uint64_t number, new_value, write_mask;
            unsigned long *result;
        } riscv_csr;
    };
};

/**
 * vkvm_exit_decode() - decodes kvm_run as it stands
 * @run_size: bytes that are mapped (string I/O data lies behind the struct); with less than
 *   sizeof(struct kvm_run) the exit is VKVM_EXIT_OTHER with the reason UINT32_MAX
 *
 * Total: never fails, never reads outside, whatever the page holds. Members of *ret that the kind
 * does not have are left alone. Context: any. Since 0.1
 */
void vkvm_exit_decode(struct kvm_run *run, size_t run_size, struct vkvm_exit *ret);
/** "io-in", "mmio-write", ... for an enum vkvm_exit_kind; "?" otherwise. Since 0.1 */
const char *vkvm_exit_name(uint32_t kind);
/** "KVM_EXIT_IO" for a kvm_reason; NULL when it is newer than libvkvm. Since 0.1 */
const char *vkvm_exit_reason_name(uint32_t kvm_reason);
/** "emulation", "simultaneous-exception", ... for KVM_INTERNAL_ERROR_*; "?" otherwise. Since 0.1 */
const char *vkvm_internal_error_name(uint32_t suberror);
/** "shutdown", "reset", "crash", ... for KVM_SYSTEM_EVENT_*; "?" otherwise. Since 0.1 */
const char *vkvm_system_event_name(uint32_t type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
