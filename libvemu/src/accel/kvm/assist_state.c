/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist's vCPUs: the state on its way between KVM and the software CPU, MSRs, time,
 * and interrupts from the kernel's local APIC.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/assist.h"
#include "accel/soft/lent/native.h"
#include "accel/soft/seg/seg.h"
#include "core/error.h"

#define TICK_NS 1000000u /* the software CPU looks for interrupts this often at least */
#define MSR_TSC            0x10u
#define MSR_TSC_DEADLINE   0x6e0u
#define ICR_MODE           0x700u /* Intel SDM Vol. 3, 11.6.1 */
#define ICR_MODE_NMI       0x400u
#define MSR_X2APIC_ICR     0x830u
#define MSR_X2APIC_INITIAL 0x838u
#define MSR_TSC_AUX        0xc0000103u
#define APIC_LVT_TIMER     0x320u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u
#define LVT_MASKED         0x10000u
#define X86_RF             0x10000u
/* --- vCPUs ---------------------------------------------------------------------------------- */

static int owner_get_fpu(void *data, struct vemu_fpu *fpu, uint64_t *xcr0)
{
    struct kvm_vcpu *vcpu = data;
    struct vemu_cpu_state *st = vcpu->assist->fpu;
    int r = kvm__get_state((struct vemu_accel_vcpu *)vcpu, VEMU_STATE_FPU | VEMU_STATE_XCRS, st);

    if (r >= 0) {
        memcpy(fpu, &st->fpu, sizeof(*fpu));
        *xcr0 = st->xcr0;
    }
    return r;
}

static int owner_rdmsr(void *data, uint32_t index, uint64_t *value)
{
    struct kvm_vcpu *vcpu = data;
    size_t n;

    vkvm_msrs_clear(vcpu->assist->msrs);
    vkvm_msrs_add(vcpu->assist->msrs, index, 0);
    if (vkvm_vcpu_get_msrs(vcpu->vcpu, vcpu->assist->msrs) != 1)
        return -1;
    *value = vkvm_msrs_entries(vcpu->assist->msrs, &n)->data;
    return 0;
}

static int owner_wrmsr(void *data, uint32_t index, uint64_t value)
{
    struct kvm_vcpu *vcpu = data;

    if (kvm__slots_ready(vcpu->vm) < 0) /* the value may be an address */
        return -1;
    vkvm_msrs_clear(vcpu->assist->msrs);
    vkvm_msrs_add(vcpu->assist->msrs, index, value);
    if (vkvm_vcpu_set_msrs(vcpu->vcpu, vcpu->assist->msrs) != 1)
        return -1;
    if (index == MSR_TSC_DEADLINE) {
        vcpu->assist->tsc_deadline = value;
        kvm__assist_wake(vcpu);
    } else if (index == MSR_X2APIC_ICR) { /* ICR: other vCPUs may get it */
        kvm__assist_notify(vcpu->vm, (value & ICR_MODE) == ICR_MODE_NMI);
    } else if (index == MSR_X2APIC_INITIAL) { /* initial count */
        struct kvm_lapic_state lapic;
        if (vkvm_vcpu_get_lapic(vcpu->vcpu, &lapic) >= 0)
            memcpy(vcpu->assist->lapic, lapic.regs, sizeof(vcpu->assist->lapic));
        kvm__assist_wake(vcpu);
    }
    return 0;
}

int kvm__assist_set_cpuid(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpuid *cpuid;
    int r;

    if (!a || !a->soft_vcpu)
        return 0;
    cpuid = malloc(sizeof(*cpuid));
    if (!cpuid)
        return -ENOMEM;
    /* What the guest really sees: the kernel may have changed it. */
    r = kvm__get_cpuid((struct vemu_accel_vcpu *)vcpu, cpuid);
    if (r >= 0)
        r = vemu__accel_soft.set_cpuid(a->soft_vcpu, cpuid);
    free(cpuid);
    return r;
}

int kvm__assist_ensure(struct kvm_vcpu *vcpu)
{
    const struct sc_assist_owner owner = { vcpu, owner_get_fpu, owner_rdmsr, owner_wrmsr };
    struct kvm_assist *a = vcpu->assist;
    struct vemu_accel_vm *soft;
    struct vemu_error *err = NULL;
    int r;

    if (a && a->cpu)
        return 0;
    r = kvm__assist_soft_vm(vcpu->vm, &soft);
    if (r < 0)
        return r;
    if (!a) {
        a = aligned_alloc(64, (sizeof(*a) + 63) & ~(size_t)63);
        if (!a)
            return -ENOMEM;
        memset(a, 0, sizeof(*a));
        pthread_mutex_lock(&vcpu->vm->assist.vcpus);
        vcpu->assist = a;
        pthread_mutex_unlock(&vcpu->vm->assist.vcpus);
    }
    if (!a->fpu)
        a->fpu = aligned_alloc(64, (sizeof(*a->fpu) + 63) & ~(size_t)63);
    if (!a->msrs)
        vkvm_msrs_new(16, &a->msrs);
    if (!a->fpu || !a->msrs)
        return -ENOMEM;
    int khz = vkvm_vcpu_get_tsc_khz(vcpu->vcpu);
    a->tsc_khz = khz > 0 ? (uint32_t)khz : 1000000;
    r = vemu__accel_soft.vcpu_create(soft, vcpu->id, &a->soft_vcpu, &err);
    vemu_error_free(err);
    if (r >= 0)
        r = kvm__assist_set_cpuid(vcpu);
    if (r >= 0 && vcpu->debug.on) {
        const struct vemu_debug debug = { vcpu->debug.step, vcpu->debug.count, vcpu->debug.points };
        r = vemu__accel_soft.set_debug(a->soft_vcpu, &debug);
    }
    if (r >= 0)
        r = sc_assist_attach((struct sc_cpu *)a->soft_vcpu, &owner); /* its first member */
    if (r < 0)
        return r;
    pthread_mutex_lock(&vcpu->vm->assist.vcpus);
    a->cpu = (struct sc_cpu *)a->soft_vcpu;
    pthread_mutex_unlock(&vcpu->vm->assist.vcpus);
    return 0;
}

void kvm__assist_vcpu_fini(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    if (!a)
        return;
    pthread_mutex_lock(&vcpu->vm->assist.vcpus);
    if (a->cpu && a->cpu->assist->native)
        sc_native_counts(a->cpu->assist->native, vcpu->vm->assist.host);
    if (a->cpu)
        sc_assist_detach(a->cpu);
    vcpu->assist = NULL;
    pthread_mutex_unlock(&vcpu->vm->assist.vcpus);
    vemu__accel_soft.vcpu_destroy(a->soft_vcpu);
    vkvm_msrs_free(a->msrs);
    free(a->fpu);
    free(a);
}

void kvm__assist_kick(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->vm->assist.vcpus);
    if (vcpu->assist && vcpu->assist->cpu)
        vemu__accel_soft.vcpu_kick(vcpu->assist->soft_vcpu);
    pthread_mutex_unlock(&vcpu->vm->assist.vcpus);
}

/* --- time ----------------------------------------------------------------------------------- */

static uint32_t lapic_reg(const struct kvm_assist *a, unsigned offset)
{
    uint32_t v;

    memcpy(&v, a->lapic + offset, sizeof(v));
    return v;
}

/* When the kernel's LAPIC timer fires, in nanoseconds from now; UINT64_MAX: not. */
static uint64_t timer_ns(const struct kvm_assist *a)
{
    static const uint8_t shifts[8] = { 1, 2, 3, 4, 5, 6, 7, 0 };
    const uint32_t lvt = lapic_reg(a, APIC_LVT_TIMER), divide = lapic_reg(a, APIC_TIMER_DIVIDE);
    const uint32_t current = lapic_reg(a, APIC_TIMER_CURRENT);

    if (lvt & LVT_MASKED)
        return UINT64_MAX;
    if ((lvt >> 17 & 3) == 2) {
        uint64_t tsc = sc_assist_tsc(a->cpu);
        if (!a->tsc_deadline)
            return UINT64_MAX;
        if (a->tsc_deadline <= tsc)
            return 0;
        unsigned __int128 ns = (unsigned __int128)(a->tsc_deadline - tsc) * 1000000 / a->tsc_khz;
        return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
    }
    /* KVM's timer counts nanoseconds (KVM_CAP_X86_APIC_BUS_CYCLES_NS is left alone). */
    return current ? (uint64_t)current << shifts[(divide & 3) | (divide >> 1 & 4)] : UINT64_MAX;
}

void kvm__assist_wake(struct kvm_vcpu *vcpu)
{
    const struct sc_cpu *c = vcpu->assist->cpu;

    /* With interrupts off in the kernel there is nothing to look for: whoever turns them on looks
     * first (sc_intr_recheck()). */
    if (vcpu->vm->config.vcpus == 1 && !(c->eflags & SC_IF) && c->cpl == 0 &&
        atomic_load(&c->assist->irq_due))
        return;
    uint64_t ns = timer_ns(vcpu->assist);

    sc_assist_wake_in(vcpu->assist->cpu, ns < TICK_NS ? ns : TICK_NS);
}

/* --- state ---------------------------------------------------------------------------------- */

static const uint32_t moved_msrs[] = {
    0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0x174, 0x175, 0x176,
};
#define MOVED (sizeof(moved_msrs) / sizeof(moved_msrs[0]))

static void moved_fields(struct sc_assist_state *s, uint64_t *fields[MOVED])
{
    uint64_t *const all[MOVED] = { &s->star, &s->lstar, &s->cstar, &s->sfmask, &s->kernel_gs_base,
                                   &s->sysenter_cs, &s->sysenter_esp, &s->sysenter_eip };
    memcpy(fields, all, sizeof(all));
}

static int load_msrs(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    uint64_t *fields[MOVED], before, tsc = 0;
    size_t got;
    int r;

    moved_fields(&a->state, fields);
    vkvm_msrs_clear(a->msrs);
    for (size_t n = 0; n < MOVED; n++)
        vkvm_msrs_add(a->msrs, moved_msrs[n], 0);
    vkvm_msrs_add(a->msrs, MSR_TSC_DEADLINE, 0);
    vkvm_msrs_add(a->msrs, MSR_TSC, 0);
    vkvm_msrs_add(a->msrs, MSR_TSC_AUX, 0);
    before = sc_host_tsc();
    r = vkvm_vcpu_get_msrs(vcpu->vcpu, a->msrs);
    if (r < (int)MOVED)
        return r < 0 ? r : -EIO;
    const struct kvm_msr_entry *e = vkvm_msrs_entries(a->msrs, &got);
    for (size_t n = 0; n < MOVED; n++)
        *fields[n] = e[n].data;
    a->tsc_deadline = r > (int)MOVED ? e[MOVED].data : 0;
    tsc = r > (int)MOVED + 1 ? e[MOVED + 1].data : before;
    a->state.tsc_aux = r > (int)MOVED + 2 ? e[MOVED + 2].data : 0;
    /* The kernel read it some time between: rounded down, so that time does not go back. */
    a->cpu->assist->tsc_offset = tsc - sc_host_tsc();
    return 0;
}

/* What a selector in a handler's frame was: the segment that KVM went with, or one of user mode, if
 * KVM has returned there by itself since. */
static bool find_segment(struct kvm_assist *a, uint64_t selector, const struct vemu_segment *left,
                         struct vemu_segment *ret)
{
    struct sc_desc d = { .selector = (uint16_t)selector };

    *ret = *left;
    if (left->selector == selector)
        return true;
    if ((selector & 7) != 3 || (selector | 7) > a->state.sregs.gdt.limit ||
        !sc_assist_read(a->cpu, a->state.sregs.gdt.base + (selector & ~7ull), &d.lo, sizeof(d.lo)))
        return false;
    sc_desc_load(&d, d.selector, ret);
    return ret->s && ret->present && ret->dpl == 3;
}

/*
 * KVM stopped at the first instruction of a handler. From user mode, it gets two things wrong:
 * SYSCALL goes to LSTAR without leaving user mode, which then faults at KVM__SYSCALL_TRAP; and some
 * instructions raise #UD that should not (INT n, far calls through gates). So the exception is
 * taken back, and the software CPU executes the instruction. True: a->state changed.
 */
static bool undo_entry(struct kvm_assist *a)
{
    const bool fault = a->entry == a->page_fault;
    uint64_t frame[6], *f = frame + fault;
    struct vemu_segment cs, ss;

    if (a->entry != a->state.regs.rip || (!fault && a->entry != a->invalid_opcode) ||
        !sc_assist_read(a->cpu, a->state.regs.gpr[VEMU_RSP], frame, sizeof(frame) - 8 + 8 * fault))
        return false;
    if (!find_segment(a, f[1], &a->left_cs, &cs) || !find_segment(a, f[4], &a->left_ss, &ss))
        return false;
    if (fault ? f[0] != KVM__SYSCALL_TRAP : f[0] == a->left_at) /* the latter is meant */
        return false;
    a->state.regs.rip = f[0];
    a->state.regs.rflags = f[2] & ~(uint64_t)X86_RF;
    if (fault) { /* SYSCALL changed nothing but these, and will set them again */
        a->state.regs.rip = a->state.regs.gpr[VEMU_RCX] - 2;
        a->state.regs.rflags = a->state.regs.gpr[VEMU_R11];
    }
    a->state.regs.gpr[VEMU_RSP] = f[3];
    a->state.sregs.seg[VEMU_CS] = cs;
    a->state.sregs.seg[VEMU_SS] = ss;
    return true;
}

/* The software CPU had no time to deliver it. As one more NMI: nothing that came meanwhile is
 * overwritten, and KVM takes it beside an interrupt that is injected. */
static void give_back_nmi(struct kvm_vcpu *vcpu)
{
    if (!vcpu->assist->cpu->nmi_pending)
        return;
    vcpu->assist->cpu->nmi_pending = false;
    vkvm_vcpu_nmi(vcpu->vcpu);
}

int kvm__assist_load(struct kvm_vcpu *vcpu)
{
    const uint32_t groups = VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_EVENTS |
                            VEMU_STATE_DEBUGREGS | VEMU_STATE_LAPIC;
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpu_state *st = a->fpu;
    int r;

    give_back_nmi(vcpu);
    atomic_store(&a->cpu->assist->nmi_due, false);
    r = kvm__get_state((struct vemu_accel_vcpu *)vcpu, groups, st);
    if (r < 0)
        return r;
    const int claimed = kvm__claim_nmi(vcpu, &st->events);
    if (claimed < 0)
        return claimed;
    if (st->events.nmi_pending)
        atomic_store(&a->cpu->assist->nmi_due, true);
    st->events.nmi_pending = 0;
    a->state.regs = st->regs;
    a->state.sregs = st->sregs;
    a->state.events = st->events;
    a->state.debugregs = st->debugregs;
    memcpy(a->lapic, st->lapic, sizeof(a->lapic));
    r = load_msrs(vcpu);
    if (r < 0)
        return r;
    vcpu->untouched = 0; /* the software CPU runs now */
    a->kept = a->state;
    if (claimed)
        a->state.events.nmi_injected = 1;
    if (a->trapped && a->state.lstar == KVM__SYSCALL_TRAP)
        a->state.lstar = a->lstar;
    a->trapped = false;
    atomic_store(&a->cpu->assist->irq_due, true);
    r = sc_assist_load(a->cpu, &a->state);
    if (r >= 0 && a->entry && undo_entry(a))
        r = sc_assist_load(a->cpu, &a->state);
    a->entry = 0;
    return r;
}

static bool events_differ(const struct vemu_vcpu_events *a, const struct vemu_vcpu_events *b)
{
    return memcmp(a, b, sizeof(*a)) != 0;
}

static int store_msrs(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    uint64_t *now[MOVED], *before[MOVED];
    int wanted = 0, r;

    moved_fields(&a->state, now);
    moved_fields(&a->kept, before);
    vkvm_msrs_clear(a->msrs);
    for (size_t n = 0; n < MOVED; n++)
        if (*now[n] != *before[n]) {
            vkvm_msrs_add(a->msrs, moved_msrs[n], *now[n]);
            wanted++;
        }
    if (!wanted)
        return 0;
    r = vkvm_vcpu_set_msrs(vcpu->vcpu, a->msrs);
    return r < 0 ? r : r < wanted ? -EIO : 0;
}

int kvm__assist_store(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpu_state *st = a->fpu;
    uint32_t groups = VEMU_STATE_REGS;
    int r;

    if (sc_assist_store(a->cpu, &a->state)) {
        memcpy(&st->fpu, &a->cpu->assist->fpu, sizeof(st->fpu));
        groups |= VEMU_STATE_FPU;
    }
    st->regs = a->state.regs;
    st->sregs = a->state.sregs;
    st->events = a->state.events;
    st->debugregs = a->state.debugregs;
    if (memcmp(&a->state.sregs, &a->kept.sregs, sizeof(a->kept.sregs)))
        groups |= VEMU_STATE_SREGS;
    if (events_differ(&a->state.events, &a->kept.events))
        groups |= VEMU_STATE_EVENTS;
    if (memcmp(&a->state.debugregs, &a->kept.debugregs, sizeof(a->kept.debugregs)))
        groups |= VEMU_STATE_DEBUGREGS;
    r = kvm__set_state((struct vemu_accel_vcpu *)vcpu, groups, st);
    if (r >= 0)
        r = store_msrs(vcpu);
    a->kept = a->state;
    give_back_nmi(vcpu);
    return r;
}

/* --- interrupts ----------------------------------------------------------------------------- */

/* INIT came, and perhaps SIPI: KVM's state is not the one that we gave it. */
static bool initialized(struct kvm_vcpu *vcpu)
{
    struct kvm_regs regs;
    uint32_t mp;

    return vkvm_vcpu_get_mp_state(vcpu->vcpu, &mp) < 0 || mp != KVM_MP_STATE_RUNNABLE ||
           vkvm_vcpu_get_regs(vcpu->vcpu, &regs) < 0 || regs.rip != vcpu->assist->state.regs.rip;
}

/*
 * Has the kernel take an interrupt from its local APIC: a KVM_RUN with a signal pending looks for
 * events, acknowledges what is due, and comes back before the first instruction with the vector in
 * KVM_GET_VCPU_EVENTS. The first such call may only move an expired timer into the IRR; the second
 * finds it. 0: done; 1: *exit is to be reported; 2: the state changed under us.
 */
int kvm__assist_interrupt(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    static const struct vemu_vcpu_events none;
    const struct vemu_accel_callbacks *cb = &vcpu->vm->config.callbacks;
    struct kvm_run *run = vkvm_vcpu_get_run(vcpu->vcpu);
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpu_state *st = a->fpu;
    struct vkvm_exit e;
    uint32_t groups = VEMU_STATE_REGS;

    atomic_store(&a->cpu->assist->nmi_due, false);
    /* Without IF the kernel does not look for interrupts. */
    atomic_store(&a->cpu->assist->irq_due, !(a->cpu->eflags & SC_IF));
    sc_assist_store(a->cpu, &a->state);
    st->regs = a->state.regs;
    st->events = none;
    st->events.nmi_masked = a->state.events.nmi_masked;
    /* One that the kernel has acknowledged may still have to be delivered: it is in the shadow of
     * an STI, or another vCPU's call came before the software CPU got to it. Without it the kernel
     * would give us the next one instead, and its bit in the ISR would hold back the timer for
     * ever. */
    st->events.interrupt_injected = a->state.events.interrupt_injected;
    st->events.interrupt_nr = a->state.events.interrupt_nr;
    if (events_differ(&st->events, &a->kept.events))
        groups |= VEMU_STATE_EVENTS;
    if (kvm__set_state((struct vemu_accel_vcpu *)vcpu, groups, st) < 0)
        return 2;
    a->kept.events = st->events;
    for (int n = 0; n < 2; n++) {
        kvm__raise_kick_signal();
        if (kvm__slots_ready(vcpu->vm) < 0 || vkvm_vcpu_run(vcpu->vcpu, &e) < 0)
            return 2;
        if (e.kind == VKVM_EXIT_INTR)
            kvm__run_handle(vcpu, &e, exit); /* takes the signal */
        else if (kvm__run_handle(vcpu, &e, exit))
            return 1;
        if (kvm__get_state((struct vemu_accel_vcpu *)vcpu, VEMU_STATE_EVENTS, st) < 0)
            return 2;
        if (st->events.interrupt_injected || st->events.nmi_injected ||
            (st->events.nmi_pending && !st->events.nmi_masked) || st->events.exception_injected ||
            st->events.exception_pending)
            break;
    }
    if (vcpu->vm->config.vcpus > 1 && initialized(vcpu)) {
        a->cpu->nmi_pending = false; /* it went with the rest */
        return 2;
    }
    const int claimed = kvm__claim_nmi(vcpu, &st->events);
    if (claimed >= 0 && st->events.nmi_pending)
        atomic_store(&a->cpu->assist->nmi_due, true);
    st->events.nmi_pending = 0;
    a->kept.events = st->events;
    if (claimed > 0)
        st->events.nmi_injected = 1;
    if (!st->events.interrupt_injected && vcpu->id == 0 && atomic_load(&vcpu->vm->extint) &&
        run->ready_for_interrupt_injection) {
        int vector = cb->pic_ack(cb->data);
        if (vector >= 0) {
            st->events.interrupt_injected = 1;
            st->events.interrupt_nr = (uint8_t)vector;
        }
        sc_assist_notify(a->cpu, false); /* another one behind it? */
    }
    sc_assist_take(a->cpu, &st->events);
    return 0;
}

