/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The KVM accelerator: its VM and vCPU, shared by the files of this folder.
 *
 * The irqchip is split: the kernel has the local APICs; IOAPIC, PIC and PIT are libvemu devices.
 */
#ifndef VEMU_ACCEL_KVM_KVM_H
#define VEMU_ACCEL_KVM_KVM_H

#include <signal.h>
#include <stdatomic.h>
#include <vkvm/vkvm.h>

#include "accel/accel.h"
#include "accel/soft/lent/native.h"

#define KVM__MAX_SLOTS 512

/* --- emulation assist (assist.h) -------------------------------------------------------------- */

/* ioeventfds are kept for the software CPU, which may come later. */
struct kvm_assist_event {
    bool pio, use_match;
    uint64_t address, match;
    unsigned size;
    int fd;
};

#define KVM_ASSIST_OPCODES 64
struct kvm_assist_opcode {
    char name[48]; /* mnemonic or group, or the bytes */
    uint64_t count;
};

struct kvm_assist_vm {
    pthread_mutex_t lock; /* creation, slots and events against each other; opcodes */
    pthread_mutex_t vcpus; /* leaf: software vCPUs coming and going, against those who wake them */
    struct vemu_accel_vm *_Atomic soft; /* NULL: not needed so far */
    bool eager;       /* the host interprets kernel mode: the software CPU takes all of it */
    struct kvm_assist_event *events;
    size_t event_count;
    _Atomic bool user_ran; /* some vCPU was given to KVM in user mode */
    /* vCPUs that the software CPU runs for more than an instruction */
    _Atomic unsigned long_stretches;
    _Atomic uint64_t assists, stretches, flushes, steps, stretch_ns;
    void *spare;       /* a page for flush_shadows() */
    uint64_t flush_ns; /* what a flush costs, on average; guessed too low at first */
    struct sc_native_count host[SC_NATIVE_NAMES]; /* of vCPUs that are gone */
    struct kvm_assist_opcode opcodes[KVM_ASSIST_OPCODES];
    unsigned opcode_count;
};

/* --- the VM ----------------------------------------------------------------------------------- */

struct kvm_session;

struct kvm_slot {
    bool used;
    bool live; /* KVM has it */
    uint32_t kvm_slot;
    struct vemu_accel_slot slot;
};

struct kvm_vm {
    struct kvm_session *session; /* recording or replaying; NULL: neither */
    struct vkvm *sys;
    struct vkvm_vm *vm;
    struct vemu_accel_config config;
    bool pvm; /* host whose KVM is the PVM module: see kvm.c */
    struct vkvm_routing *routing;
    struct vemu_msi_route *eoi_routes; /* config.ioapic_pins entries, as the kernel knows them */
    bool eoi_routes_stale;             /* ... unless telling it failed */
    pthread_mutex_t routing_lock;
    struct kvm_vcpu **vcpus; /* config.vcpus entries */
    _Atomic bool extint;     /* the 8259's INTR output */
    uint32_t *msr_list;      /* MSRs this host can save, sorted as the kernel gave them */
    size_t msr_count;
    struct kvm_clock_data clock; /* while paused */
    bool clock_valid;
    _Atomic uint64_t exits_io, exits_mmio, exits_intr, exits_other;
    struct kvm_assist_vm assist;
    _Atomic bool slots_live; /* KVM has the slots: see slots.c */
    uint32_t slot_count;     /* no slot was used from here on */
    struct kvm_slot slots[KVM__MAX_SLOTS]; /* written by one thread at a time, under assist.lock */
};

/* What a debugger asks for. */
struct kvm_debug {
    bool on; /* anything at all */
    bool step;
    uint32_t count;
    struct vemu_debug_point *points;
    struct kvm_guest_debug guest; /* as KVM should have it; zeros when off */
};

struct kvm_vcpu {
    struct kvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    uint32_t id;
    uint32_t hyperv; /* rights of Hyper-V's leaf 0x40000003; 0: none */
    _Atomic bool kicked;
    bool access_open; /* the kernel has yet to finish the port or memory access we answered */
    struct vemu_cpu_state *power_on; /* as the kernel made it, for vcpu_reset() */
    /* Groups that are still as in power_on, so that nobody need ask: vCPU 0's before it runs.
     * Nothing but what clears them can change them; other vCPUs get INIT. */
    _Atomic uint32_t untouched;
    struct kvm_assist *assist;       /* assist.h; NULL: not needed so far */
    struct kvm_debug debug;
};

/* state.c */
#define KVM__UNTOUCHED                                                                             \
    (VEMU_STATE_DEBUGREGS | VEMU_STATE_LAPIC | VEMU_STATE_EVENTS | VEMU_STATE_MP)
int kvm__get_state(struct vemu_accel_vcpu *vcpu, uint32_t groups, struct vemu_cpu_state *state);
int kvm__set_state(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                   const struct vemu_cpu_state *state);
/* An NMI that is pending in `events`, as just read, and that the vCPU could take, is no longer
 * KVM's but the caller's: 1, else 0. Another that comes before it is delivered is one with it, as
 * on the processor; so nothing is lost between reading and writing. */
int kvm__claim_nmi(struct kvm_vcpu *vcpu, struct vemu_vcpu_events *events);
/* debug.c */
int kvm__set_debug(struct vemu_accel_vcpu *vcpu, const struct vemu_debug *debug);
bool kvm__debug_int3(struct vemu_accel_vm *vm);
void kvm__debug_fini(struct kvm_vcpu *vcpu);
/* A debug exit. False: it was the guest's own, which has it now. */
bool kvm__debug_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e, struct vemu_exit *exit);
/* slots.c */
int kvm__mem_slot(struct vemu_accel_vm *vm, const struct vemu_accel_slot *slot);
int kvm__dirty_get(struct vemu_accel_vm *vm, uint32_t slot, uint64_t *bitmap);
int kvm__slots_commit(struct kvm_vm *vm);
/* Before anything that makes KVM look at guest memory. Context: any. */
static inline int kvm__slots_ready(struct kvm_vm *vm)
{
    return atomic_load_explicit(&vm->slots_live, memory_order_acquire) ? 0 : kvm__slots_commit(vm);
}
/* cpuid.c */
int kvm__supported_cpuid(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                         struct vemu_cpuid *ret);
void kvm__cpuid_from(struct vkvm_cpuid *table, struct vemu_cpuid *ret);
int kvm__set_cpuid(struct vemu_accel_vcpu *vcpu, const struct vemu_cpuid *cpuid);
int kvm__get_cpuid(struct vemu_accel_vcpu *vcpu, struct vemu_cpuid *ret);
/* hyperv.c */
int kvm__supported_hyperv(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                          struct vemu_cpuid *ret);
/* What this CPUID needs that the vCPU is to be given. */
int kvm__hyperv_begin(struct kvm_vcpu *vcpu, const struct vemu_cpuid *cpuid);
/* The MSRs, as at power-on. */
int kvm__hyperv_reset(struct kvm_vcpu *vcpu);
/* An exit that has to do with them. False: not one that could come. */
bool kvm__hyperv_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e);
/* run.c */
int kvm__vcpu_run(struct vemu_accel_vcpu *vcpu, struct vemu_exit *exit);
void kvm__vcpu_kick(struct vemu_accel_vcpu *vcpu);
/* The signal that ends KVM_RUN: blocked in vCPU threads except inside KVM_RUN, never handled. */
int kvm__kick_signal(void);
/* probe.c */
void kvm__probe(struct vemu_accel_probe *ret, bool measure);
bool kvm__host_is_pvm(void);
/* KVM_CAP_* the accelerator cannot do without; the missing ones are named in `text`. */
int kvm__check_caps(struct vkvm *sys, char *text, size_t size);

#endif
