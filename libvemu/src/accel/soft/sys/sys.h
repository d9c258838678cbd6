/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system part (sys, io, msr, cpuid, lapic, time, soft, state) shares within itself.
 */
#ifndef SC_SYS_H
#define SC_SYS_H

#include "accel/soft/cpu.h"
#include "accel/soft/parts.h"

/* The crystal that CPUID leaf 0x15 announces; the LAPIC timer counts at this rate. */
#define SC_CRYSTAL_HZ 25000000ull
#define SC_NS_PER_TICK (SC_TSC_HZ / SC_CRYSTAL_HZ)
#define SC_BUS_KHZ (SC_CRYSTAL_HZ / 1000)

/* Levels of the log callback, as in <vemu/log.h> (which this folder does not include). */
enum { SC_LOG_ERROR, SC_LOG_WARNING, SC_LOG_INFO, SC_LOG_DEBUG };

/* --- sys.c ---------------------------------------------------------------------------------- */
/* The interrupt flag, the TPR or the LAPIC changed: makes the run loop look when there is something
 * to deliver. Context: vcpu. */
void sc_intr_recheck(struct sc_cpu *c);
/* Takes a pending INIT / SIPI (the run loop, and get_state for a stopped vCPU). */
void sc_accept_init(struct sc_cpu *c);
void sc_accept_sipi(struct sc_cpu *c);
/* CR4 and EFER bits that the vCPU's CPUID permits. */
uint64_t sc_cr4_allowed(struct sc_cpu *c);
uint64_t sc_efer_allowed(struct sc_cpu *c);

/* --- io.c ----------------------------------------------------------------------------------- */
enum sc_counter { SC_CNT_IO, SC_CNT_MMIO, SC_CNT_HALT, SC_CNT_INTR, SC_CNT_OTHER, SC_CNT_COUNT };
int sc_bus_init(struct sc_vm *vm);
void sc_bus_fini(struct sc_vm *vm);
int sc_bus_ioeventfd(struct sc_vm *vm, bool add, bool pio, uint64_t address, unsigned size,
                     bool use_match, uint64_t match, int fd);
void sc_bus_stats(struct sc_vm *vm, struct vemu_accel_stats *ret);
void sc_count(struct sc_cpu *c, enum sc_counter counter);
void sc_log(struct sc_vm *vm, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* True the first time it is asked for this MSR and direction. */
bool sc_bus_first_msr(struct sc_vm *vm, uint32_t index, bool write);

/* --- msr.c ---------------------------------------------------------------------------------- */
/* The MSRs that are part of the saved state, and access without the guest's restrictions. */
extern const uint32_t sc_saved_msrs[];
extern const unsigned sc_saved_msr_count;
/* Does no processor take this value (PAT, MTRRs)? Of other MSRs nothing is said. */
bool sc_msr_illegal(uint32_t index, uint64_t v);
int sc_msr_restore(struct sc_cpu *c, uint32_t index, uint64_t v);
void sc_msr_reset(struct sc_cpu *c);
/* Writes the pvclock page that the guest asked for with the kvmclock MSR. */
void sc_kvmclock_update(struct sc_cpu *c);

/* --- cpuid.c -------------------------------------------------------------------------------- */
const struct vemu_cpuid_entry *sc_cpuid_find(const struct vemu_cpuid *cpuid, uint32_t leaf,
                                             uint32_t subleaf);
enum sc_feature_word { SC_CPUID_1_EDX, SC_CPUID_1_ECX, SC_CPUID_7_EBX, SC_CPUID_7_ECX,
                       SC_CPUID_7_EDX, SC_CPUID_81_EDX, SC_CPUID_81_ECX, SC_CPUID_KVM_EAX };
bool sc_has(const struct sc_cpu *c, enum sc_feature_word word, unsigned bit);

/* --- lapic.c -------------------------------------------------------------------------------- */
enum sc_lapic_mode { SC_APIC_OFF, SC_APIC_XAPIC, SC_APIC_X2APIC };
/* APIC_BASE as a restored value: no transition rules. -1: not a legal combination. */
int sc_lapic_restore_base(struct sc_cpu *c, uint64_t v);
void sc_lapic_restore_deadline(struct sc_cpu *c, uint64_t v);
/* The TSC of this vCPU jumped: deadlines given in TSC units have to move. */
void sc_lapic_tsc_moved(struct sc_cpu *c);
/* An interrupt that another accelerator had taken from its interrupt controller but not delivered.
 * */
void sc_lapic_inject(struct sc_cpu *c, int vector); /* -1: none */
void sc_lapic_set_offline(struct sc_cpu *c);

/* --- time.c --------------------------------------------------------------------------------- */
/* Nanoseconds of guest time since the VM was created; the same for all vCPUs. */
uint64_t sc_time_now(struct sc_vm *vm);
/* Like sc_time_arm() with the deadline as guest time. */
void sc_time_arm_at(struct sc_cpu *c, uint64_t guest_ns);
void sc_time_start(struct sc_vm *vm); /* first vcpu_run(): guest time begins */
/* Sets the TSC without touching TSC_ADJUST (restored state). */
void sc_time_restore_tsc(struct sc_cpu *c, uint64_t v);
void sc_time_reset_tsc(struct sc_cpu *c); /* power-on: TSC = guest time */
#define SC_NEVER UINT64_MAX

/* --- state.c -------------------------------------------------------------------------------- */
#define SC_STALE_CLOCK 1u /* pvclock page to be rewritten */
#define SC_STALE_PDPTE 2u /* PAE page-directory pointers to be read from memory */
int sc_get_state(struct sc_cpu *c, uint32_t groups, struct vemu_cpu_state *state);
int sc_set_state(struct sc_cpu *c, uint32_t groups, const struct vemu_cpu_state *state);
/* Does what set_state had to leave because guest memory may not have been in place. */
void sc_state_settle(struct sc_cpu *c);

#endif
