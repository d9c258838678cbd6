/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why KVM_RUN returned, decoded.
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

/** Kinds of exit. VKVM_EXIT_OTHER: one libvkvm does not decode; `kvm_reason` has the number. */
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
};

/**
 * struct vkvm_exit - one exit
 * @kind: enum vkvm_exit_kind
 * @kvm_reason: KVM_EXIT_*
 *
 * Pointers lead into the vCPU's kvm_run and stay valid until the next run.
 */
struct vkvm_exit {
    uint32_t kind;
    uint32_t kvm_reason;
    union {
        /* IO_IN, IO_OUT: `count` items of `size` (1, 2, 4) bytes at `data`. IN: fill them. */
        struct {
            uint16_t port;
            uint8_t size;
            uint32_t count;
            uint8_t *data;
        } io;
        /* MMIO_READ (fill data), MMIO_WRITE: `length` is 1..8 */
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
        struct {
            uint32_t exception;
            uint64_t pc, dr6, dr7;
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
    };
};

/** Decodes kvm_run as it stands. `run_size` bytes are mapped (string I/O data lies behind the
 * struct). Total: never fails, never reads outside. Context: any. Since 0.1 */
void vkvm_exit_decode(struct kvm_run *run, size_t run_size, struct vkvm_exit *ret);
/** "io-in", "mmio-write", ... for an enum vkvm_exit_kind; "?" otherwise. */
const char *vkvm_exit_name(uint32_t kind);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
