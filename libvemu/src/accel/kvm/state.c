/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPU state groups between KVM's structures and ours.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm.h"

#define MSR_TSC 0x10

/* The MSRs of a saved vCPU; those the host does not list are left out. */
static const uint32_t saved_msrs[] = {
    0x3b /* TSC_ADJUST */, 0x48 /* SPEC_CTRL */, 0x174, 0x175, 0x176 /* SYSENTER */,
    0x1a0 /* MISC_ENABLE */, 0x277 /* PAT */, 0x2ff /* MTRR default */,
    0xc0000081 /* STAR */, 0xc0000082 /* LSTAR */, 0xc0000083 /* CSTAR */, 0xc0000084 /* SFMASK */,
    0xc0000102 /* KERNEL_GS_BASE */, 0xc0000103 /* TSC_AUX */,
    0x4b564d00, 0x4b564d01 /* kvmclock */, 0x4b564d02, 0x4b564d03, 0x4b564d04 /* PV */,
    0x6e0 /* TSC_DEADLINE */,
};
#define SAVED_COUNT (sizeof(saved_msrs) / sizeof(saved_msrs[0]))

/* KVM's kvm_regs is not in hardware order. */
static void regs_from_kvm(struct vemu_regs *out, const struct kvm_regs *in)
{
    const uint64_t order[16] = {
        in->rax, in->rcx, in->rdx, in->rbx, in->rsp, in->rbp, in->rsi, in->rdi,
        in->r8, in->r9, in->r10, in->r11, in->r12, in->r13, in->r14, in->r15,
    };
    memcpy(out->gpr, order, sizeof(order));
    out->rip = in->rip;
    out->rflags = in->rflags;
}

static void regs_to_kvm(struct kvm_regs *out, const struct vemu_regs *in)
{
    const uint64_t *g = in->gpr;
    *out = (struct kvm_regs){
        .rax = g[VEMU_RAX], .rcx = g[VEMU_RCX], .rdx = g[VEMU_RDX], .rbx = g[VEMU_RBX],
        .rsp = g[VEMU_RSP], .rbp = g[VEMU_RBP], .rsi = g[VEMU_RSI], .rdi = g[VEMU_RDI],
        .r8 = g[VEMU_R8], .r9 = g[VEMU_R9], .r10 = g[VEMU_R10], .r11 = g[VEMU_R11],
        .r12 = g[VEMU_R12], .r13 = g[VEMU_R13], .r14 = g[VEMU_R14], .r15 = g[VEMU_R15],
        .rip = in->rip, .rflags = in->rflags,
    };
}

static void segment_from_kvm(struct vemu_segment *out, const struct kvm_segment *in)
{
    *out = (struct vemu_segment){
        .base = in->base, .limit = in->limit, .selector = in->selector, .type = in->type,
        .s = in->s, .dpl = in->dpl, .present = in->present, .avl = in->avl, .l = in->l,
        .db = in->db, .g = in->g, .unusable = in->unusable,
    };
}

static void segment_to_kvm(struct kvm_segment *out, const struct vemu_segment *in)
{
    *out = (struct kvm_segment){
        .base = in->base, .limit = in->limit, .selector = in->selector, .type = in->type,
        .s = in->s, .dpl = in->dpl, .present = in->present, .avl = in->avl, .l = in->l,
        .db = in->db, .g = in->g, .unusable = in->unusable,
    };
}

static int sregs_get(struct kvm_vcpu *vcpu, struct vemu_sregs *out)
{
    struct kvm_sregs s;
    int r = vkvm_vcpu_get_sregs(vcpu->vcpu, &s);
    if (r < 0)
        return r;
    const struct kvm_segment *const segments[VEMU_SEG_COUNT] = {
        [VEMU_ES] = &s.es, [VEMU_CS] = &s.cs, [VEMU_SS] = &s.ss,
        [VEMU_DS] = &s.ds, [VEMU_FS] = &s.fs, [VEMU_GS] = &s.gs,
    };
    for (int i = 0; i < VEMU_SEG_COUNT; i++)
        segment_from_kvm(&out->seg[i], segments[i]);
    segment_from_kvm(&out->tr, &s.tr);
    segment_from_kvm(&out->ldt, &s.ldt);
    out->gdt = (struct vemu_dtable){ s.gdt.base, s.gdt.limit };
    out->idt = (struct vemu_dtable){ s.idt.base, s.idt.limit };
    out->cr0 = s.cr0;
    out->cr2 = s.cr2;
    out->cr3 = s.cr3;
    out->cr4 = s.cr4;
    out->cr8 = s.cr8;
    out->efer = s.efer;
    out->apic_base = s.apic_base;
    return 0;
}

static int sregs_set(struct kvm_vcpu *vcpu, const struct vemu_sregs *in)
{
    struct kvm_sregs s = { 0 };
    struct kvm_segment *const segments[VEMU_SEG_COUNT] = {
        [VEMU_ES] = &s.es, [VEMU_CS] = &s.cs, [VEMU_SS] = &s.ss,
        [VEMU_DS] = &s.ds, [VEMU_FS] = &s.fs, [VEMU_GS] = &s.gs,
    };
    for (int i = 0; i < VEMU_SEG_COUNT; i++)
        segment_to_kvm(segments[i], &in->seg[i]);
    segment_to_kvm(&s.tr, &in->tr);
    segment_to_kvm(&s.ldt, &in->ldt);
    s.gdt.base = in->gdt.base;
    s.gdt.limit = in->gdt.limit;
    s.idt.base = in->idt.base;
    s.idt.limit = in->idt.limit;
    s.cr0 = in->cr0;
    s.cr2 = in->cr2;
    s.cr3 = in->cr3;
    s.cr4 = in->cr4;
    s.cr8 = in->cr8;
    s.efer = in->efer;
    s.apic_base = in->apic_base;
    return vkvm_vcpu_set_sregs(vcpu->vcpu, &s);
}

static int fpu_get(struct kvm_vcpu *vcpu, struct vemu_fpu *out)
{
    struct kvm_xsave x;
    _Static_assert(sizeof(x.region) == VEMU_XSAVE_MAX, "KVM_GET_XSAVE fills 4096 bytes");
    int r = vkvm_vcpu_get_xsave(vcpu->vcpu, &x);
    if (r < 0)
        return r;
    memcpy(out->area, x.region, sizeof(x.region));
    out->xsave_size = VEMU_XSAVE_MAX;
    return 0;
}

static int fpu_set(struct kvm_vcpu *vcpu, const struct vemu_fpu *in)
{
    struct kvm_xsave x = { 0 };
    if (in->xsave_size < 512 || in->xsave_size > VEMU_XSAVE_MAX)
        return -EINVAL;
    memcpy(x.region, in->area, in->xsave_size);
    if (in->xsave_size == 512) { /* an FXSAVE image: x87 and SSE are in use, nothing else */
        const uint64_t x87_and_sse = 3;
        memcpy((uint8_t *)x.region + 512, &x87_and_sse, sizeof(x87_and_sse));
    }
    return vkvm_vcpu_set_xsave(vcpu->vcpu, &x);
}

static int xcrs_get(struct kvm_vcpu *vcpu, uint64_t *out)
{
    struct kvm_xcrs x;
    int r = vkvm_vcpu_get_xcrs(vcpu->vcpu, &x);
    if (r >= 0)
        *out = x.nr_xcrs ? x.xcrs[0].value : 1;
    return r;
}

static int xcrs_set(struct kvm_vcpu *vcpu, uint64_t xcr0)
{
    struct kvm_xcrs x = { .nr_xcrs = 1 };
    x.xcrs[0].value = xcr0;
    return vkvm_vcpu_set_xcrs(vcpu->vcpu, &x);
}

static bool msr_listed(const struct kvm_vm *vm, uint32_t index)
{
    for (size_t i = 0; i < vm->msr_count; i++)
        if (vm->msr_list[i] == index)
            return true;
    return false;
}

/* All in one call; an MSR the host lists may still be refused under this CPUID, and is left out. */
static int msrs_get(struct kvm_vcpu *vcpu, struct vemu_cpu_state *state)
{
    struct vkvm_msrs *msrs;
    size_t next = 0;
    int r = vkvm_msrs_new(SAVED_COUNT, &msrs);
    if (r < 0)
        return r;
    state->msr_count = 0;
    while (r >= 0 && next < SAVED_COUNT) {
        size_t map[SAVED_COUNT], asked = 0;
        vkvm_msrs_clear(msrs);
        for (size_t i = next; i < SAVED_COUNT; i++) {
            if (!msr_listed(vcpu->vm, saved_msrs[i]))
                continue;
            map[asked++] = i;
            vkvm_msrs_add(msrs, saved_msrs[i], 0);
        }
        if (!asked)
            break;
        r = vkvm_vcpu_get_msrs(vcpu->vcpu, msrs);
        size_t count;
        const struct kvm_msr_entry *e = vkvm_msrs_entries(msrs, &count);
        for (int i = 0; i < r; i++)
            state->msrs[state->msr_count++] = (struct vemu_msr){ e[i].index, e[i].data };
        next = r >= 0 && (size_t)r < asked ? map[r] + 1 : SAVED_COUNT;
    }
    vkvm_msrs_free(msrs);
    return r < 0 ? r : 0;
}

static int msr_set_one(struct kvm_vcpu *vcpu, uint32_t index, uint64_t value)
{
    struct vkvm_msrs *msrs;
    int r = vkvm_msrs_new(1, &msrs);
    if (r < 0)
        return r;
    vkvm_msrs_add(msrs, index, value);
    r = vkvm_vcpu_set_msrs(vcpu->vcpu, msrs);
    vkvm_msrs_free(msrs);
    return r == 1 ? 0 : r < 0 ? r : -EINVAL;
}

static int msrs_set(struct kvm_vcpu *vcpu, const struct vemu_cpu_state *state)
{
    struct vkvm_msrs *msrs;
    if (state->msr_count > VEMU_MSR_MAX)
        return -EINVAL;
    if (!state->msr_count)
        return 0;
    int r = kvm__slots_ready(vcpu->vm); /* values may be addresses */
    if (r >= 0)
        r = vkvm_msrs_new(state->msr_count, &msrs);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < state->msr_count; i++)
        vkvm_msrs_add(msrs, state->msrs[i].index, state->msrs[i].value);
    r = vkvm_vcpu_set_msrs(vcpu->vcpu, msrs);
    vkvm_msrs_free(msrs);
    return r < 0 ? r : (uint32_t)r < state->msr_count ? -EINVAL : 0;
}

static int debugregs_get(struct kvm_vcpu *vcpu, struct vemu_debugregs *out)
{
    struct kvm_debugregs d;
    int r = vkvm_vcpu_get_debugregs(vcpu->vcpu, &d);
    if (r < 0)
        return r;
    for (int i = 0; i < 4; i++)
        out->dr[i] = d.db[i];
    out->dr6 = d.dr6;
    out->dr7 = d.dr7;
    return 0;
}

static int debugregs_set(struct kvm_vcpu *vcpu, const struct vemu_debugregs *in)
{
    struct kvm_debugregs d = { .dr6 = in->dr6, .dr7 = in->dr7 };
    for (int i = 0; i < 4; i++)
        d.db[i] = in->dr[i];
    return vkvm_vcpu_set_debugregs(vcpu->vcpu, &d);
}

static int events_get(struct kvm_vcpu *vcpu, struct vemu_vcpu_events *out)
{
    struct kvm_vcpu_events e;
    int r = vkvm_vcpu_get_events(vcpu->vcpu, &e);
    if (r < 0)
        return r;
    *out = (struct vemu_vcpu_events){
        .exception_injected = e.exception.injected, .exception_nr = e.exception.nr,
        .exception_has_error_code = e.exception.has_error_code,
        .exception_pending = e.exception.pending, .exception_error_code = e.exception.error_code,
        .interrupt_injected = e.interrupt.injected, .interrupt_nr = e.interrupt.nr,
        .interrupt_soft = e.interrupt.soft, .interrupt_shadow = e.interrupt.shadow,
        .nmi_injected = e.nmi.injected, .nmi_pending = e.nmi.pending, .nmi_masked = e.nmi.masked,
        .sipi_vector = e.sipi_vector,
    };
    return 0;
}

/*
 * `flags`: KVM_VCPUEVENT_VALID_ bits of what others may change at any time, while the rest was read
 * and is written back: a vector of SIPI belongs to an mp_state, and an NMI that came meanwhile must
 * not be overwritten with what was pending before.
 */
static int events_set(struct kvm_vcpu *vcpu, const struct vemu_vcpu_events *in, uint32_t flags)
{
    struct kvm_vcpu_events e = {
        .exception = { .injected = in->exception_injected, .nr = in->exception_nr,
                       .has_error_code = in->exception_has_error_code,
                       .pending = in->exception_pending, .error_code = in->exception_error_code },
        .interrupt = { .injected = in->interrupt_injected, .nr = in->interrupt_nr,
                       .soft = in->interrupt_soft, .shadow = in->interrupt_shadow },
        .nmi = { .injected = in->nmi_injected, .pending = in->nmi_pending,
                 .masked = in->nmi_masked },
        .sipi_vector = in->sipi_vector,
        .flags = KVM_VCPUEVENT_VALID_SHADOW | flags,
    };
    return vkvm_vcpu_set_events(vcpu->vcpu, &e);
}

int kvm__claim_nmi(struct kvm_vcpu *vcpu, struct vemu_vcpu_events *events)
{
    if (!events->nmi_pending || events->nmi_injected || events->nmi_masked)
        return 0;
    events->nmi_pending = 0;
    int r = events_set(vcpu, events, KVM_VCPUEVENT_VALID_NMI_PENDING);
    return r < 0 ? r : 1;
}

static int mp_get(struct kvm_vcpu *vcpu, enum vemu_mp_state *out)
{
    uint32_t mp;
    int r = vkvm_vcpu_get_mp_state(vcpu->vcpu, &mp);
    if (r < 0)
        return r;
    if (mp == KVM_MP_STATE_SIPI_RECEIVED) /* a SIPI that is about to be acted upon */
        mp = KVM_MP_STATE_INIT_RECEIVED;
    *out = (enum vemu_mp_state)mp; /* our numbers are KVM's */
    return 0;
}

static int lapic_get(struct kvm_vcpu *vcpu, uint8_t page[1024])
{
    struct kvm_lapic_state lapic;
    int r = vkvm_vcpu_get_lapic(vcpu->vcpu, &lapic);
    if (r >= 0)
        memcpy(page, lapic.regs, 1024);
    return r;
}

static int lapic_set(struct kvm_vcpu *vcpu, const uint8_t page[1024])
{
    struct kvm_lapic_state lapic;
    memcpy(lapic.regs, page, 1024);
    return vkvm_vcpu_set_lapic(vcpu->vcpu, &lapic);
}

static int tsc_get(struct kvm_vcpu *vcpu, uint64_t *out)
{
    struct vkvm_msrs *msrs;
    size_t count;
    int r = vkvm_msrs_new(1, &msrs);
    if (r < 0)
        return r;
    vkvm_msrs_add(msrs, MSR_TSC, 0);
    r = vkvm_vcpu_get_msrs(vcpu->vcpu, msrs);
    if (r == 1)
        *out = vkvm_msrs_entries(msrs, &count)->data;
    vkvm_msrs_free(msrs);
    return r == 1 ? 0 : r < 0 ? r : -EIO;
}

static void copy_untouched(uint32_t groups, const struct vemu_cpu_state *from,
                           struct vemu_cpu_state *st)
{
    if (groups & VEMU_STATE_DEBUGREGS)
        st->debugregs = from->debugregs;
    if (groups & VEMU_STATE_LAPIC)
        memcpy(st->lapic, from->lapic, sizeof(st->lapic));
    if (groups & VEMU_STATE_EVENTS)
        st->events = from->events;
    if (groups & VEMU_STATE_MP)
        st->mp_state = from->mp_state;
}

int kvm__get_state(struct vemu_accel_vcpu *opaque, uint32_t groups, struct vemu_cpu_state *st)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    uint32_t untouched = groups & vcpu->untouched;
    int r = 0;
    if (groups & ~VEMU_STATE_ALL)
        return -EINVAL;
    copy_untouched(untouched, vcpu->power_on, st);
    groups &= ~untouched;
    if (groups & VEMU_STATE_REGS) {
        struct kvm_regs regs;
        r = vkvm_vcpu_get_regs(vcpu->vcpu, &regs);
        if (r >= 0)
            regs_from_kvm(&st->regs, &regs);
    }
    if (r >= 0 && (groups & VEMU_STATE_SREGS))
        r = sregs_get(vcpu, &st->sregs);
    if (r >= 0 && (groups & VEMU_STATE_XCRS))
        r = xcrs_get(vcpu, &st->xcr0);
    if (r >= 0 && (groups & VEMU_STATE_FPU))
        r = fpu_get(vcpu, &st->fpu);
    if (r >= 0 && (groups & VEMU_STATE_MSRS))
        r = msrs_get(vcpu, st);
    if (r >= 0 && (groups & VEMU_STATE_DEBUGREGS))
        r = debugregs_get(vcpu, &st->debugregs);
    if (r >= 0 && (groups & VEMU_STATE_LAPIC))
        r = lapic_get(vcpu, st->lapic);
    if (r >= 0 && (groups & VEMU_STATE_EVENTS))
        r = events_get(vcpu, &st->events);
    if (r >= 0 && (groups & VEMU_STATE_MP))
        r = mp_get(vcpu, &st->mp_state);
    if (r >= 0 && (groups & VEMU_STATE_TSC))
        r = tsc_get(vcpu, &st->tsc);
    return r < 0 ? r : 0;
}

/* With the mp_state, the events are all of them, as a reset or a saved vCPU has them; without, a
 * pending NMI and SIPI vector stay what they are.
 *
 * Order matters: sregs (EFER, APIC base) before MSRs and the LAPIC; TSC before the deadline MSR. */
int kvm__set_state(struct vemu_accel_vcpu *opaque, uint32_t groups, const struct vemu_cpu_state *st)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    int r = 0;
    if (groups & ~VEMU_STATE_ALL)
        return -EINVAL;
    vcpu->untouched &= ~groups;
    if (groups & VEMU_STATE_SREGS)
        r = sregs_set(vcpu, &st->sregs);
    if (r >= 0 && (groups & VEMU_STATE_REGS)) {
        struct kvm_regs regs;
        regs_to_kvm(&regs, &st->regs);
        r = vkvm_vcpu_set_regs(vcpu->vcpu, &regs);
    }
    if (r >= 0 && (groups & VEMU_STATE_XCRS))
        r = xcrs_set(vcpu, st->xcr0);
    if (r >= 0 && (groups & VEMU_STATE_FPU))
        r = fpu_set(vcpu, &st->fpu);
    if (r >= 0 && (groups & VEMU_STATE_TSC))
        r = msr_set_one(vcpu, MSR_TSC, st->tsc);
    if (r >= 0 && (groups & VEMU_STATE_LAPIC))
        r = lapic_set(vcpu, st->lapic);
    if (r >= 0 && (groups & VEMU_STATE_MSRS))
        r = msrs_set(vcpu, st);
    if (r >= 0 && (groups & VEMU_STATE_DEBUGREGS))
        r = debugregs_set(vcpu, &st->debugregs);
    if (r >= 0 && (groups & VEMU_STATE_MP))
        r = vkvm_vcpu_set_mp_state(vcpu->vcpu, (uint32_t)st->mp_state);
    if (r >= 0 && (groups & VEMU_STATE_EVENTS))
        r = events_set(vcpu, &st->events,
                       groups & VEMU_STATE_MP ? KVM_VCPUEVENT_VALID_NMI_PENDING |
                                                    KVM_VCPUEVENT_VALID_SIPI_VECTOR
                                              : 0);
    return r < 0 ? r : 0;
}
