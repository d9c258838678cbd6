/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist: the software CPU does what this host's KVM cannot. See docs/assist.md.
 */
#ifndef VEMU_ACCEL_KVM_ASSIST_H
#define VEMU_ACCEL_KVM_ASSIST_H

#include "accel/kvm/kvm.h"
#include "accel/soft/lent/assist.h"

/* What KVM has to do next for a vCPU that the software CPU runs. */
enum kvm_assist_next {
    KVM_NEXT_FREE, /* run; the software CPU comes when it is needed */
    KVM_NEXT_SOFT, /* nothing: the software CPU goes on */
    KVM_NEXT_STEP, /* one instruction, or waking up */
};

struct kvm_assist {
    struct vemu_accel_vcpu *soft_vcpu;
    struct sc_cpu *cpu; /* NULL: not needed so far; written under kvm_assist_vm.vcpus */
    enum kvm_assist_next next;
    uint64_t left_at;       /* RIP of the instruction given to KVM */
    bool unable;            /* the software CPU did not take the state */
    bool stepped;           /* KVM has executed one: it may have to do something about it */
    bool trapped;           /* KVM's LSTAR is SYSCALL_TRAP, `lstar` the guest's */
    uint64_t lstar;
    uint64_t entry;         /* where KVM stopped for a breakpoint, 0: nowhere */
    uint64_t page_fault, invalid_opcode; /* handlers with breakpoints */
    struct vemu_segment left_cs, left_ss; /* when KVM was set free */
    uint64_t user_ns;       /* CPU time that user mode took here, as ticks found it */
    uint64_t tick_ns;       /* CPU time of the thread at the last tick */
    uint64_t tsc_deadline;
    uint32_t tsc_khz;
    struct kvm_guest_debug debug; /* what KVM has now */
    struct sc_assist_state kept, state; /* as KVM has it; as it is */
    struct vemu_cpu_state *fpu; /* buffer for kvm__get_state() and kvm__set_state() */
    uint8_t lapic[1024];        /* the kernel's registers when last looked at */
    struct vkvm_msrs *msrs;
};

void kvm__assist_init(struct kvm_vm *vm);
void kvm__assist_fini(struct kvm_vm *vm);
void kvm__assist_vcpu_fini(struct kvm_vcpu *vcpu);
/* The vCPU's CPUID changed. */
int kvm__assist_set_cpuid(struct kvm_vcpu *vcpu);
/* vm->slots[n] becomes `now`, for the software CPU as well. assist.lock is held. */
int kvm__assist_mem_slot(struct kvm_vm *vm, uint32_t n, const struct kvm_slot *now);
int kvm__assist_ioeventfd(struct kvm_vm *vm, bool add, const struct kvm_assist_event *event);
void kvm__assist_dirty_get(struct kvm_vm *vm, uint32_t slot, uint64_t *bitmap);
void kvm__assist_ram_written(struct vemu_accel_vm *vm, uint64_t gpa, uint64_t size);
void kvm__assist_stats(struct kvm_vm *vm, struct vemu_accel_stats *stats);
/* The instructions that KVM failed at, or those of the software CPU that the host ran. */
void kvm__assist_names(struct vemu_accel_vm *vm, bool on_host,
                       void (*each)(void *data, const char *name, uint64_t count), void *data);
/* An interrupt may be pending somewhere, or even an NMI; a vCPU is to leave vcpu_run(). Context:
 * any. */
void kvm__assist_notify(struct kvm_vm *vm, bool nmi);
void kvm__assist_kick(struct kvm_vcpu *vcpu);

/* The vCPU starts anew; all of them do when vCPU 0 does. */
void kvm__assist_reset(struct kvm_vcpu *vcpu);
/* A debugger begins, goes on, or (`over`) has nothing more to ask for. Context: vcpu. */
int kvm__assist_debug(struct kvm_vcpu *vcpu, bool over);
/* vcpu_run() returns: the state is to be the guest's. */
void kvm__assist_settle(struct kvm_vcpu *vcpu);

/*
 * Before KVM_RUN: lets the software CPU run, if it is its turn. 0: go on with KVM_RUN; 1: *exit is
 * to be reported; 2: begin anew (a kick).
 */
int kvm__assist_run(struct kvm_vcpu *vcpu, struct vemu_exit *exit);
/* After KVM_RUN: true when the exit was the assist's business. */
bool kvm__assist_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e);

/* --- shared by assist*.c ---------------------------------------------------------------------- */
/* An address that user mode cannot execute; see set_free(). */
#define KVM__SYSCALL_TRAP 0xfffffffffffff000ull
#define KVM_ASSIST_NAME 48

/* assist_vm.c: the software CPU's VM, made when it is needed first. */
int kvm__assist_soft_vm(struct kvm_vm *vm, struct vemu_accel_vm **ret);
void kvm__assist_note(struct kvm_vm *vm, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A name for the instruction: its mnemonic or group where known, else its bytes. */
void kvm__assist_name(const uint8_t *bytes, uint32_t size, char *text, size_t room);
void kvm__assist_count(struct kvm_vm *vm, const char *name);
/* assist_state.c: the software vCPU, made when it is needed first. */
int kvm__assist_ensure(struct kvm_vcpu *vcpu);
int kvm__assist_load(struct kvm_vcpu *vcpu);
/* Gives the state back to KVM. */
int kvm__assist_store(struct kvm_vcpu *vcpu);
/* The software CPU looks up in time for the kernel's LAPIC timer. */
void kvm__assist_wake(struct kvm_vcpu *vcpu);
int kvm__assist_interrupt(struct kvm_vcpu *vcpu, struct vemu_exit *exit);

/* run.c */
bool kvm__run_handle(struct kvm_vcpu *vcpu, const struct vkvm_exit *e, struct vemu_exit *exit);
/* Ends the next KVM_RUN before the first instruction, after interrupts were looked at. */
void kvm__raise_kick_signal(void);

#endif
