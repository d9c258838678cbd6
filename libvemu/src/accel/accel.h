/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The accelerator interface: what a virtual machine needs from the thing that runs its vCPUs.
 *
 * Two implementations: `kvm` (through libvkvm, split irqchip) and `soft` (our own x86-64 CPU).
 * The local APICs live in the accelerator; IOAPIC, PIC, PIT and everything else are libvemu
 * devices, the same for both.
 *
 * Life of a VM:  vm_create -> mem_slot... -> vcpu_create (each on the thread that will run it)
 *                -> set_cpuid -> set_state -> vcpu_run in a loop -> vcpu_destroy -> vm_destroy.
 *
 * Port and memory-mapped I/O is dispatched by the accelerator itself through the callbacks given to
 * vm_create, on the vCPU's thread: kvm calls them between two KVM_RUNs, soft from inside the
 * instruction. vcpu_run() returns only for what concerns the whole machine.
 *
 * Context of each call is given as in the public headers: any | vcpu (the thread that created the
 * vCPU) | control (the VM's control path; vCPUs may run).
 */
#ifndef VEMU_ACCEL_ACCEL_H
#define VEMU_ACCEL_ACCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/state.h"

struct vemu_error;
struct vemu_accel_vm;   /* defined by each accelerator, first member `struct vemu_accel_vm_base` */
struct vemu_accel_vcpu; /* defined by each accelerator */

/* Why vcpu_run() came back. */
enum vemu_exit_reason {
    VEMU_EXIT_INTR = 1,     /* kicked; nothing happened */
    VEMU_EXIT_SHUTDOWN,     /* triple fault */
    VEMU_EXIT_SYSTEM_RESET, /* the accelerator was asked for a reset (KVM_EXIT_SYSTEM_EVENT) */
    VEMU_EXIT_SYSTEM_OFF,
    VEMU_EXIT_SYSTEM_CRASH,
    VEMU_EXIT_DEBUG,          /* guest debug: breakpoint or single step */
    VEMU_EXIT_INTERNAL_ERROR, /* the accelerator cannot go on; state is before the instruction */
    VEMU_EXIT_FAIL_ENTRY,     /* KVM_EXIT_FAIL_ENTRY: hardware refused the guest state */
};

/* What a debugger asks for, and why a vCPU left with VEMU_EXIT_DEBUG. The first five are the
 * numbers of GDB's Z packets. */
enum vemu_debug_kind {
    VEMU_DEBUG_SOFTWARE = 0, /* execution of the instruction at the address, in any number */
    VEMU_DEBUG_EXECUTE = 1,  /* the same; the accelerator may have few of them */
    VEMU_DEBUG_WRITE = 2,    /* data; may be few as well */
    VEMU_DEBUG_READ = 3,     /* may report writes, too */
    VEMU_DEBUG_ACCESS = 4,
    VEMU_DEBUG_STEP = 5, /* only as a reason: the instruction is done */
};

/* A break- or watchpoint, at a linear address. */
struct vemu_debug_point {
    uint8_t kind; /* enum vemu_debug_kind */
    uint64_t address;
    uint32_t size; /* watchpoints: bytes */
};
struct vemu_debug {
    bool step; /* one instruction, without interrupts, breakpoint or not */
    uint32_t count;
    const struct vemu_debug_point *points;
};

struct vemu_exit {
    enum vemu_exit_reason reason;
    union {
        struct {
            uint32_t suberror;
            uint8_t insn_size; /* 0: bytes not known */
            uint8_t insn[15];
        } internal;
        struct {
            uint64_t hardware_reason;
        } fail_entry;
        struct {
            uint64_t address; /* of the point that was met: code is about to be executed, data was
                                 accessed; STEP: not used */
            enum vemu_debug_kind kind;
        } debug;
    };
};

/* What the accelerator calls. All but pic_ack: context vcpu, no lock held. */
struct vemu_accel_callbacks {
    void *data;
    /* Port I/O of `size` 1, 2 or 4 bytes; reads fill *value (zero-extended). */
    void (*pio_read)(void *data, uint16_t port, unsigned size, uint32_t *value);
    void (*pio_write)(void *data, uint16_t port, unsigned size, uint32_t value);
    /* Physical access of `size` 1, 2, 4 or 8 bytes that no memory slot covers, or a write to a
     * read-only slot. Never crosses a page. */
    void (*mmio_read)(void *data, uint64_t gpa, unsigned size, uint64_t *value);
    void (*mmio_write)(void *data, uint64_t gpa, unsigned size, uint64_t value);
    /* A level-triggered interrupt with this vector was acknowledged (EOI). */
    void (*ioapic_eoi)(void *data, uint8_t vector);
    /* INTA cycle: the vector the 8259 pair delivers now, or -1 when its output dropped. */
    int (*pic_ack)(void *data);
    /* One line for the log; level as in <vemu/log.h>. Context any. */
    void (*log)(void *data, int level, const char *message);
};

struct vemu_accel_config {
    uint32_t vcpus;         /* how many vCPUs will be created at most */
    uint32_t ioapic_pins;   /* 24 */
    uint64_t phys_bits;     /* guest physical address bits; 0: the accelerator's own */
    const char *options;    /* "key=value,..." behind its name; NULL: none. Unknown: -EINVAL */
    struct vemu_accel_callbacks callbacks;
};

/* A guest-physical range backed by host memory. */
#define VEMU_SLOT_READONLY (1u << 0)
#define VEMU_SLOT_LOG_DIRTY (1u << 1)
struct vemu_accel_slot {
    uint32_t slot;
    uint32_t flags;
    uint64_t gpa, size; /* page aligned; size 0 removes the slot */
    void *hva;
};

/* One CPUID leaf; the layout of kvm_cpuid_entry2 without padding. */
#define VEMU_CPUID_INDEXED (1u << 0) /* the subleaf (ECX) is significant */
struct vemu_cpuid_entry {
    uint32_t function, index, flags;
    uint32_t eax, ebx, ecx, edx;
};
#define VEMU_CPUID_MAX 256
struct vemu_cpuid {
    uint32_t count;
    struct vemu_cpuid_entry entries[VEMU_CPUID_MAX];
};

/* What the IOAPIC pin n currently sends (KVM needs it to know which EOIs to report). */
struct vemu_msi_route {
    bool masked, level;
    uint64_t address;
    uint32_t data;
};

/* What probe() found out. */
struct vemu_accel_probe {
    bool usable;
    uint32_t kernel_mips;  /* measured speed of kernel-mode guest code, 0: not measured */
    uint64_t probe_ns;     /* how long the probe took */
    char reason[160];      /* one sentence for people: why usable or not */
};

/* Counters any thread may read while vCPUs run. */
struct vemu_accel_stats {
    uint64_t exits_io, exits_mmio, exits_halt, exits_intr, exits_other;
    uint64_t instructions; /* 0 where not counted */
    /* kvm's emulation assist (docs/assist.md): instructions that KVM failed at; stretches and time
     * of the software CPU, and what the host executed for it; single steps of KVM in between; times
     * that KVM's shadow page tables were thrown away. All 0 where KVM needs no help. */
    uint64_t assists, assist_stretches, assist_ns, assist_host, assist_steps, assist_flushes;
};

struct vemu_accel_ops {
    const char *name; /* "kvm", "soft" */
    bool direct_io;   /* I/O callbacks cost less than an ioeventfd does */
    uint32_t phys_bits_max; /* set_cpuid() takes physical addresses of so many bits; 0: of no more
                               than supported_cpuid() has */

    /* Can this host run it, and (if `measure`) how fast? Some milliseconds at most; without
     * measuring nothing is looked at that vm_create would complain about as well. Context: any. */
    void (*probe)(struct vemu_accel_probe *ret, bool measure);

    int (*vm_create)(const struct vemu_accel_config *config, struct vemu_accel_vm **ret_vm,
                     struct vemu_error **err);
    void (*vm_destroy)(struct vemu_accel_vm *vm); /* all vCPUs destroyed before; NULL is fine */

    /* Adds, changes or removes (size 0) a slot. Context: control. -EINVAL, -EEXIST on overlap,
     * -ENOSPC, -EBUSY when vCPUs run and the accelerator needs them stopped for this. */
    int (*mem_slot)(struct vemu_accel_vm *vm, const struct vemu_accel_slot *slot);
    /* ORs the pages written since the last call into `bitmap` (one bit a page) and clears the log.
     * */
    int (*dirty_get)(struct vemu_accel_vm *vm, uint32_t slot, uint64_t *bitmap);
    /* A device wrote guest memory behind the vCPUs' back (translated code must go). May be NULL.
     * Context: any. */
    void (*ram_written)(struct vemu_accel_vm *vm, uint64_t gpa, uint64_t size);

    /* Delivers an MSI. Context: any. Returns 1 delivered, 0 blocked by the guest, -errno. */
    int (*signal_msi)(struct vemu_accel_vm *vm, uint64_t address, uint32_t data);
    /* The IOAPIC's redirection table changed. Context: any. */
    int (*set_ioapic_routes)(struct vemu_accel_vm *vm, const struct vemu_msi_route *routes,
                             uint32_t count);
    /* Level of the 8259's INTR output, wired to LINT0 of vCPU 0 (virtual wire). Context: any. */
    void (*set_extint)(struct vemu_accel_vm *vm, bool level);
    /* Injects an NMI. Context: any. */
    int (*inject_nmi)(struct vemu_accel_vcpu *vcpu);

    /* ioeventfd: a write of `size` (0: any) with value `match` (if use_match) at a port or address
     * signals `fd` without a callback. -ENOTSUP where the accelerator has none. Context: control.
     * */
    int (*ioeventfd)(struct vemu_accel_vm *vm, bool add, bool pio, uint64_t address, unsigned size,
                     bool use_match, uint64_t match, int fd);

    /* The CPUID this accelerator can offer to a VM with this configuration. vm may be NULL, while
     * vm_create() is under way elsewhere: where that is too early, -EAGAIN. Context: any. */
    int (*supported_cpuid)(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                           struct vemu_cpuid *ret);
    /* The leaves 0x40000000 and up as Hyper-V has them, that set_cpuid() takes instead of the
     * accelerator's own. vm and -EAGAIN: as above. -ENOTSUP: the host has none. NULL: nor does any
     * other. Context: any. */
    int (*supported_hyperv)(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                            struct vemu_cpuid *ret);

    /* Context of the following: vcpu. id is the APIC id. */
    int (*vcpu_create)(struct vemu_accel_vm *vm, uint32_t id, struct vemu_accel_vcpu **ret_vcpu,
                       struct vemu_error **err);
    void (*vcpu_destroy)(struct vemu_accel_vcpu *vcpu);
    int (*set_cpuid)(struct vemu_accel_vcpu *vcpu, const struct vemu_cpuid *cpuid);
    int (*get_cpuid)(struct vemu_accel_vcpu *vcpu, struct vemu_cpuid *ret); /* the effective one */
    /* Runs until there is something to report. 0 with *exit filled, or -errno (the vCPU is dead).
     * */
    int (*vcpu_run)(struct vemu_accel_vcpu *vcpu, struct vemu_exit *exit);
    /* Makes a running or the next vcpu_run() return VEMU_EXIT_INTR soon. Context: any. */
    void (*vcpu_kick)(struct vemu_accel_vcpu *vcpu);

    /* Reads or writes the groups in `groups` (VEMU_STATE_*). The vCPU is not inside vcpu_run().
     * -EINVAL when a value is refused. */
    int (*get_state)(struct vemu_accel_vcpu *vcpu, uint32_t groups, struct vemu_cpu_state *state);
    int (*set_state)(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                     const struct vemu_cpu_state *state);
    /* Power-on reset of registers, MSRs, LAPIC and mp_state (vCPU 0 runnable, others waiting). */
    int (*vcpu_reset)(struct vemu_accel_vcpu *vcpu);
    /* Guest-virtual to guest-physical; -EFAULT when not mapped. */
    int (*translate)(struct vemu_accel_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa);
    /* What the vCPU is to stop at from now on, replacing what was; copied. The guest's own debug
     * registers go on working unless the hardware has no others (kvm). -ENOSPC, -EINVAL: not all of
     * it is possible, nothing has changed. The vCPU is not inside vcpu_run(). May be NULL. */
    int (*set_debug)(struct vemu_accel_vcpu *vcpu, const struct vemu_debug *debug);
    /* Breakpoints of kind SOFTWARE are INT3 instructions that the caller writes into memory while
     * vCPUs run. NULL: they are not. */
    bool (*debug_int3)(struct vemu_accel_vm *vm);

    /* All vCPUs are outside vcpu_run(): the machine stopped or goes on; guest time stands still
     * between the two. Context: control. */
    void (*vm_paused)(struct vemu_accel_vm *vm, bool paused);
    void (*stats)(struct vemu_accel_vm *vm, struct vemu_accel_stats *ret);
    /* The instructions that KVM failed at by name (a mnemonic, a group of them, or bytes), or what
     * the host executed for the software CPU. May be NULL. */
    void (*assist_names)(struct vemu_accel_vm *vm, bool on_host,
                         void (*each)(void *data, const char *name, uint64_t count), void *data);
};

extern const struct vemu_accel_ops vemu__accel_kvm;  /* accel/kvm */
extern const struct vemu_accel_ops vemu__accel_soft; /* accel/soft */

/*
 * Chooses the accelerator for `name`: "kvm", "soft" (alias "tcg") or "auto"; options may follow
 * behind a comma (vemu__accel_options()). auto takes kvm only
 * when it is usable and runs kernel-mode code fast. `reason` (at least 200 bytes) receives one
 * sentence that explains the choice. Returns NULL and sets *err for an unknown or unusable name.
 */
const struct vemu_accel_ops *vemu__accel_choose(const char *name, char *reason, size_t reason_size,
                                                struct vemu_error **err);
/* The options in "kvm,record=FILE", or NULL. */
const char *vemu__accel_options(const char *name);

#endif
