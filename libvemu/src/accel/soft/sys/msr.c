/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Model-specific registers (SDM Vol. 4) and the kvmclock pages.
 *
 * An unknown MSR raises #GP both ways, as on hardware, and is logged once. MSRs of features that
 * the vCPU's CPUID does not show do not exist either.
 */
#include <errno.h>
#include <time.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/msr.h"
#include "accel/soft/sys/sys.h"

/* Those that are a matter of this file alone. */
enum {
    MSR_KVM_WALL_OLD = 0x11, MSR_KVM_CLOCK_OLD = 0x12, MSR_PLATFORM_ID = 0x17,
    MSR_FEATURE_CONTROL = 0x3a, MSR_TSC_ADJUST = 0x3b, MSR_SPEC_CTRL = 0x48, MSR_PRED_CMD = 0x49,
    MSR_UCODE_REV = 0x8b, MSR_PLATFORM_INFO = 0xce, MSR_MTRR_CAP = 0xfe,
    MSR_ARCH_CAPABILITIES = 0x10a, MSR_MCG_CAP = 0x179, MSR_MCG_STATUS = 0x17a,
    MSR_MISC_ENABLE = 0x1a0, MSR_DEBUGCTL = 0x1d9, MSR_MTRR_VAR = 0x200,
    MSR_MTRR_VAR_LAST = 0x20f, MSR_MTRR_FIX64K = 0x250, MSR_MTRR_FIX16K = 0x258,
    MSR_MTRR_FIX4K = 0x268, MSR_PAT = 0x277, MSR_MTRR_DEF = 0x2ff, MSR_KVM_WALL = 0x4b564d00,
    MSR_KVM_CLOCK = 0x4b564d01,
};

/* Eight variable ranges, the fixed ones, write combining. */
#define MTRR_CAP 0x508u

/*
 * IA32_ARCH_CAPABILITIES. An interpreter does not speculate, so none of the published bugs is here,
 * and saying so spares guests page-table isolation, retpolines and buffer clearing. IBRS_ALL makes
 * Linux choose "Enhanced IBRS", which costs one MSR write at boot.
 */
#define ARCH_CAPABILITIES                                                                          \
    (1ull << 0 /* RDCL_NO */ | 1ull << 1 /* IBRS_ALL */ | 1ull << 3 /* SKIP_L1DFL_VMENTRY */ |     \
     1ull << 4 /* SSB_NO */ | 1ull << 5 /* MDS_NO */ | 1ull << 6 /* PSCHANGE_MC_NO */ |            \
     1ull << 8 /* TAA_NO */ | 1ull << 13 /* SBDR_SSDP_NO */ | 1ull << 14 /* FBSDP_NO */ |          \
     1ull << 15 /* PSDP_NO */ | 1ull << 20 /* BHI_NO */ | 1ull << 24 /* PBRSB_NO */ |              \
     1ull << 26 /* GDS_NO */ | 1ull << 27 /* RFDS_NO */ | 1ull << 62 /* ITS_NO */)

/* IBRS, STIBP, SSBD, BHI_DIS_S: may be set, change nothing */
#define SPEC_CTRL_BITS 0x407u

#define MISC_FAST_STRINGS 0x1u
#define MISC_READONLY 0x1800u /* no branch trace store, no PEBS */
#define MISC_WRITABLE 0x50089u /* fast strings, thermal control, monitoring, EIST, MONITOR */
#define MISC_LIMIT_CPUID 0x400000u
#define MISC_XTPR 0x800000u

const uint32_t sc_saved_msrs[] = {
    MSR_TSC_ADJUST, MSR_SPEC_CTRL, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
    MSR_MCG_STATUS, MSR_MISC_ENABLE, MSR_PAT, MSR_MTRR_DEF, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
    MSR_SFMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX, MSR_TSC_DEADLINE, MSR_KVM_WALL, MSR_KVM_CLOCK,
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
    0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
    0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
};
const unsigned sc_saved_msr_count = sizeof(sc_saved_msrs) / sizeof(sc_saved_msrs[0]);
_Static_assert(sizeof(sc_saved_msrs) / sizeof(sc_saved_msrs[0]) <= VEMU_MSR_MAX, "fits the state");

/* --- MTRRs and PAT ---------------------------------------------------------------------------- */

/* Index in mtrr_fixed, or -1. */
static int fixed_index(uint32_t index)
{
    if (index == MSR_MTRR_FIX64K)
        return 0;
    if (index == MSR_MTRR_FIX16K || index == MSR_MTRR_FIX16K + 1)
        return 1 + (int)(index - MSR_MTRR_FIX16K);
    if (index >= MSR_MTRR_FIX4K && index < MSR_MTRR_FIX4K + 8)
        return 3 + (int)(index - MSR_MTRR_FIX4K);
    return -1;
}

/* `types` has a bit for each legal memory type; all eight bytes must be one. */
static bool bytes_legal(uint64_t v, unsigned types)
{
    for (unsigned n = 0; n < 8; n++, v >>= 8)
        if ((v & 0xff) > 7 || !(types >> (v & 0xff) & 1))
            return false;
    return true;
}
#define TYPES_MTRR 0x73u /* UC, WC, WT, WP, WB */
#define TYPES_PAT 0xf3u  /* and UC- */

static bool mtrr_type(uint64_t v)
{
    return (v & 0xff) <= 7 && (TYPES_MTRR >> (v & 7) & 1);
}

bool sc_msr_illegal(uint32_t index, uint64_t v)
{
    if (index == MSR_PAT)
        return !bytes_legal(v, TYPES_PAT);
    if (index == MSR_MTRR_DEF)
        return (v & ~0xcffull) || !mtrr_type(v);
    return fixed_index(index) >= 0 && !bytes_legal(v, TYPES_MTRR);
}

static int write_mtrr_var(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    uint64_t address = sc_phys_mask(c) & SC_PAGE_MASK;

    if (index & 1 ? v & ~(address | 0x800) : (v & ~(address | 0xff)) || !mtrr_type(v))
        return -1;
    c->mtrr_var[index - MSR_MTRR_VAR] = v;
    return 0;
}

/* --- kvmclock ------------------------------------------------------------------------------- */

/* struct pvclock_vcpu_time_info and pvclock_wall_clock, the ABI of Documentation/virt/kvm/x86/msr.
 * */
enum { PV_VERSION = 0, PV_TSC = 8, PV_TIME = 16, PV_MUL = 24, PV_SHIFT = 28, PV_SIZE = 32 };
#define PV_TSC_STABLE 1u

/* The page must be RAM: pvclock never writes to devices. */
static bool writable_ram(struct sc_cpu *c, uint64_t gpa, unsigned size)
{
    struct sc_slot *s = sc_slot_find(c->vm, gpa);

    return s && !(s->flags & VEMU_SLOT_READONLY) && size <= s->size - (gpa - s->gpa);
}

/* Time since boot. Tied to the TSC so that it goes on where it was when state is restored into a
 * new VM; the guest's own writes to the TSC show in TSC_ADJUST and do not move it. */
static uint64_t system_time(struct sc_cpu *c, uint64_t tsc)
{
    return tsc - c->tsc_adjust;
}

void sc_kvmclock_update(struct sc_cpu *c)
{
    uint64_t gpa = c->kvmclock_msr & ~1ull, tsc;
    uint32_t version;

    if (!(c->kvmclock_msr & 1) || !writable_ram(c, gpa, PV_SIZE))
        return;
    version = ((uint32_t)sc_phys_ld(c, gpa + PV_VERSION, 4) | 1) + 2;
    sc_phys_st(c, gpa + PV_VERSION, 4, version); /* odd: being updated */
    atomic_thread_fence(memory_order_release);
    tsc = sc_time_tsc(c);
    sc_phys_st(c, gpa + PV_TSC, 8, tsc);
    sc_phys_st(c, gpa + PV_TIME, 8, system_time(c, tsc));
    /* ns = ((cycles << shift) * mul) >> 32: one to one */
    sc_phys_st(c, gpa + PV_MUL, 4, 0x80000000u);
    sc_phys_st(c, gpa + PV_SHIFT, 4, 1 | PV_TSC_STABLE << 8);
    atomic_thread_fence(memory_order_release);
    sc_phys_st(c, gpa + PV_VERSION, 4, version + 1);
}

static void write_wall_clock(struct sc_cpu *c, uint64_t gpa)
{
    struct timespec now;
    uint64_t boot;
    uint32_t version;

    if (!writable_ram(c, gpa, 12))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    boot = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
           system_time(c, sc_time_tsc(c));
    version = ((uint32_t)sc_phys_ld(c, gpa, 4) | 1) + 2;
    sc_phys_st(c, gpa, 4, version);
    sc_phys_st(c, gpa + 4, 4, boot / 1000000000u);
    sc_phys_st(c, gpa + 8, 4, boot % 1000000000u);
    sc_phys_st(c, gpa, 4, version + 1);
}

static bool has_kvmclock(const struct sc_cpu *c, uint32_t index)
{
    bool old = index == MSR_KVM_CLOCK_OLD || index == MSR_KVM_WALL_OLD;

    return sc_has(c, SC_CPUID_KVM_EAX, old ? 0 : 3);
}

/* --- reading -------------------------------------------------------------------------------- */

static int read_msr(struct sc_cpu *c, uint32_t index, uint64_t *v)
{
    int n;

    switch (index) {
    case MSR_TSC: *v = sc_time_tsc(c); break;
    case MSR_KVM_WALL_OLD:
    case MSR_KVM_WALL:
        if (!has_kvmclock(c, index))
            return -1;
        *v = c->kvm_wall_msr;
        break;
    case MSR_KVM_CLOCK_OLD:
    case MSR_KVM_CLOCK:
        if (!has_kvmclock(c, index))
            return -1;
        *v = c->kvmclock_msr;
        break;
    case MSR_PLATFORM_ID: *v = 0; break;
    case MSR_FEATURE_CONTROL: *v = 1; break; /* locked, nothing enabled */
    case MSR_TSC_ADJUST:
        if (!sc_has(c, SC_CPUID_7_EBX, 1))
            return -1;
        *v = c->tsc_adjust;
        break;
    case MSR_SPEC_CTRL:
        if (!sc_has(c, SC_CPUID_7_EDX, 26))
            return -1;
        *v = c->spec_ctrl;
        break;
    case MSR_UCODE_REV: *v = 1ull << 32; break;
    case MSR_PLATFORM_INFO: *v = (SC_TSC_HZ / 100000000u) << 8; break; /* ratio to 100 MHz */
    case MSR_MTRR_CAP: *v = MTRR_CAP; break;
    case MSR_ARCH_CAPABILITIES:
        if (!sc_has(c, SC_CPUID_7_EDX, 29))
            return -1;
        *v = ARCH_CAPABILITIES;
        break;
    case MSR_SYSENTER_CS: *v = c->sysenter_cs; break;
    case MSR_SYSENTER_ESP: *v = c->sysenter_esp; break;
    case MSR_SYSENTER_EIP: *v = c->sysenter_eip; break;
    case MSR_MCG_CAP: *v = 0; break; /* no banks: nothing here can break */
    case MSR_MCG_STATUS: *v = c->mcg_status; break;
    case MSR_MISC_ENABLE: *v = c->misc_enable; break;
    case MSR_DEBUGCTL: *v = 0; break;
    case MSR_MTRR_VAR ... MSR_MTRR_VAR_LAST: *v = c->mtrr_var[index - MSR_MTRR_VAR]; break;
    case MSR_PAT: *v = c->pat; break;
    case MSR_MTRR_DEF: *v = c->mtrr_def; break;
    case MSR_APIC_BASE:
    case MSR_TSC_DEADLINE:
    case MSR_X2APIC ... MSR_X2APIC_LAST: return sc_lapic_rdmsr(c, index, v);
    case MSR_EFER: *v = c->efer; break;
    case MSR_STAR: *v = c->star; break;
    case MSR_LSTAR: *v = c->lstar; break;
    case MSR_CSTAR: *v = c->cstar; break;
    case MSR_SFMASK: *v = c->sfmask; break;
    case MSR_FS_BASE: *v = c->seg[VEMU_FS].base; break;
    case MSR_GS_BASE: *v = c->seg[VEMU_GS].base; break;
    case MSR_KERNEL_GS_BASE: *v = c->kernel_gs_base; break;
    case MSR_TSC_AUX:
        if (!sc_has(c, SC_CPUID_81_EDX, 27) && !sc_has(c, SC_CPUID_7_ECX, 22))
            return -1;
        *v = c->tsc_aux;
        break;
    default:
        n = fixed_index(index);
        if (n < 0)
            return -1;
        *v = c->mtrr_fixed[n];
        break;
    }
    return 0;
}

/* --- writing -------------------------------------------------------------------------------- */

static int store_canonical(uint64_t *where, uint64_t v)
{
    if (!sc_canonical(v))
        return -1;
    *where = v;
    return 0;
}

static int write_misc_enable(struct sc_cpu *c, uint64_t v)
{
    if (v & ~(uint64_t)(MISC_WRITABLE | MISC_READONLY | MISC_LIMIT_CPUID | MISC_XTPR))
        return -1;
    c->misc_enable = (v & ~(uint64_t)MISC_READONLY) | MISC_READONLY;
    return 0;
}

static int write_msr(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    int n;

    switch (index) {
    case MSR_TSC:
        sc_time_set_tsc(c, v);
        sc_kvmclock_update(c);
        break;
    case MSR_KVM_WALL_OLD:
    case MSR_KVM_WALL:
        if (!has_kvmclock(c, index))
            return -1;
        c->kvm_wall_msr = v;
        write_wall_clock(c, v);
        break;
    case MSR_KVM_CLOCK_OLD:
    case MSR_KVM_CLOCK:
        if (!has_kvmclock(c, index))
            return -1;
        c->kvmclock_msr = v;
        sc_kvmclock_update(c);
        break;
    case MSR_TSC_ADJUST:
        if (!sc_has(c, SC_CPUID_7_EBX, 1))
            return -1;
        sc_time_set_tsc(c, sc_time_tsc(c) + (v - c->tsc_adjust));
        c->tsc_adjust = v;
        sc_kvmclock_update(c);
        break;
    case MSR_SPEC_CTRL:
        if (!sc_has(c, SC_CPUID_7_EDX, 26) || (v & ~(uint64_t)SPEC_CTRL_BITS))
            return -1;
        c->spec_ctrl = v;
        break;
    case MSR_PRED_CMD: return sc_has(c, SC_CPUID_7_EDX, 26) && !(v & ~1ull) ? 0 : -1;
    case MSR_UCODE_REV: break; /* written with 0 before CPUID reports the revision */
    case MSR_SYSENTER_CS: c->sysenter_cs = (uint32_t)v; break;
    case MSR_SYSENTER_ESP: return store_canonical(&c->sysenter_esp, v);
    case MSR_SYSENTER_EIP: return store_canonical(&c->sysenter_eip, v);
    case MSR_MCG_STATUS:
        if (v & ~7ull)
            return -1;
        c->mcg_status = v;
        break;
    case MSR_MISC_ENABLE: return write_misc_enable(c, v);
    case MSR_DEBUGCTL: return v ? -1 : 0; /* neither branch records nor branch stepping */
    case MSR_MTRR_VAR ... MSR_MTRR_VAR_LAST: return write_mtrr_var(c, index, v);
    case MSR_PAT:
        if (!bytes_legal(v, TYPES_PAT))
            return -1;
        c->pat = v;
        break;
    case MSR_MTRR_DEF:
        if ((v & ~0xcffull) || !mtrr_type(v))
            return -1;
        c->mtrr_def = v;
        break;
    case MSR_APIC_BASE:
    case MSR_TSC_DEADLINE:
    case MSR_X2APIC ... MSR_X2APIC_LAST: return sc_lapic_wrmsr(c, index, v);
    case MSR_EFER: return sc_write_efer(c, v);
    case MSR_STAR: c->star = v; break;
    case MSR_LSTAR: return store_canonical(&c->lstar, v);
    case MSR_CSTAR: return store_canonical(&c->cstar, v);
    case MSR_SFMASK:
        if (v >> 32)
            return -1;
        c->sfmask = v;
        break;
    case MSR_FS_BASE: return store_canonical(&c->seg[VEMU_FS].base, v);
    case MSR_GS_BASE: return store_canonical(&c->seg[VEMU_GS].base, v);
    case MSR_KERNEL_GS_BASE: return store_canonical(&c->kernel_gs_base, v);
    case MSR_TSC_AUX:
        if ((v >> 32) || (!sc_has(c, SC_CPUID_81_EDX, 27) && !sc_has(c, SC_CPUID_7_ECX, 22)))
            return -1;
        c->tsc_aux = v;
        break;
    default:
        n = fixed_index(index);
        if (n < 0 || !bytes_legal(v, TYPES_MTRR))
            return -1;
        c->mtrr_fixed[n] = v;
        break;
    }
    return 0;
}

int sc_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v)
{
    int r = read_msr(c, index, v);

    if (r && sc_bus_first_msr(c->vm, index, false))
        sc_log(c->vm, SC_LOG_DEBUG, "vCPU %u: read of MSR 0x%x refused", c->id, index);
    return r;
}

int sc_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    int r = write_msr(c, index, v);

    if (r && sc_bus_first_msr(c->vm, index, true))
        sc_log(c->vm, SC_LOG_DEBUG, "vCPU %u: write of 0x%llx to MSR 0x%x refused", c->id,
               (unsigned long long)v, index);
    return r;
}

/* --- state ---------------------------------------------------------------------------------- */

/* Saved values: no side effects on time, and no gating by CPUID (zero is always fine). */
int sc_msr_restore(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    switch (index) {
    case MSR_TSC: sc_time_restore_tsc(c, v); return 0;
    case MSR_TSC_ADJUST:
        c->tsc_adjust = v;
        c->stale |= SC_STALE_CLOCK;
        return 0;
    case MSR_TSC_DEADLINE: sc_lapic_restore_deadline(c, v); return 0;
    case MSR_KVM_WALL_OLD:
    case MSR_KVM_WALL: c->kvm_wall_msr = v; return 0;
    case MSR_KVM_CLOCK_OLD:
    case MSR_KVM_CLOCK:
        c->kvmclock_msr = v;
        c->stale |= SC_STALE_CLOCK;
        return 0;
    case MSR_SPEC_CTRL: c->spec_ctrl = v & SPEC_CTRL_BITS; return 0;
    case MSR_TSC_AUX: c->tsc_aux = (uint32_t)v; return 0;
    case MSR_APIC_BASE: return sc_lapic_restore_base(c, v) ? -EINVAL : 0;
    case MSR_UCODE_REV:
    case MSR_EFER: return 0; /* ours is fixed; EFER is in the sregs group */
    default: return write_msr(c, index, v) ? -EINVAL : 0;
    }
}

void sc_msr_reset(struct sc_cpu *c)
{
    c->star = c->lstar = c->cstar = c->sfmask = c->kernel_gs_base = 0;
    c->sysenter_cs = c->sysenter_esp = c->sysenter_eip = 0;
    c->pat = 0x0007040600070406ull;
    c->tsc_aux = 0;
    c->misc_enable = MISC_FAST_STRINGS | MISC_READONLY;
    c->spec_ctrl = 0;
    c->mcg_status = 0;
    c->mtrr_def = 0;
    for (unsigned n = 0; n < 11; n++)
        c->mtrr_fixed[n] = 0;
    for (unsigned n = 0; n < 16; n++)
        c->mtrr_var[n] = 0;
    c->kvmclock_msr = c->kvm_wall_msr = 0;
    sc_time_reset_tsc(c);
}
