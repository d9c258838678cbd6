/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist: when KVM gives up on an instruction, the software CPU takes the vCPU's state,
 * executes it, and on a host that interprets kernel mode goes on until KVM is better at it.
 *
 * Theory of operation, borders and costs: libvemu/docs/assist.md.
 */
#include "accel/kvm/assist.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"

#define TICK_NS 1000000u /* the software CPU looks for interrupts this often at least */
/* So many ticks in user mode pay for the page faults that a flush brings. */
#define USER_TICKS 2u
#define MSR_TSC          0x10u
#define MSR_TSC_DEADLINE 0x6e0u
#define APIC_LVT_TIMER   0x320u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u
#define APIC_IRR 0x200u
#define X86_RF 0x10000u
/* An address that user mode cannot execute; see set_free(). */
#define SYSCALL_TRAP 0xfffffffffffff000ull
#define FLUSH_GPA 0xfffbb000u /* a page below those of kvm.c that nothing has */

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void note(struct kvm_vm *vm, int level, const char *text)
{
    if (vm->config.callbacks.log)
        vm->config.callbacks.log(vm->config.callbacks.data, level, text);
}

static void count_opcode(struct kvm_vm *vm, const char *name)
{
    struct kvm_assist_vm *a = &vm->assist;
    unsigned n;

    pthread_mutex_lock(&a->lock);
    for (n = 0; n < a->opcode_count; n++)
        if (!strcmp(a->opcodes[n].name, name))
            break;
    if (n == KVM_ASSIST_OPCODES) {
        a->opcodes_other++;
    } else {
        if (n == a->opcode_count) {
            snprintf(a->opcodes[n].name, sizeof(a->opcodes[n].name), "%s", name);
            a->opcode_count++;
        }
        a->opcodes[n].count++;
    }
    pthread_mutex_unlock(&a->lock);
}

/* --- the software CPU's VM -------------------------------------------------------------------- */

int kvm__assist_init(struct kvm_vm *vm)
{
    pthread_mutex_init(&vm->assist.lock, NULL);
    return 0;
}

void kvm__assist_fini(struct kvm_vm *vm)
{
    vemu__accel_soft.vm_destroy(vm->assist.soft);
    free(vm->assist.events);
    pthread_mutex_destroy(&vm->assist.lock);
}

static int soft_add(struct kvm_vm *vm, struct vemu_accel_vm *soft)
{
    int r = 0;

    for (uint32_t n = 0; !r && n < KVM__MAX_SLOTS; n++)
        if (vm->slots[n].used)
            r = vemu__accel_soft.mem_slot(soft, &vm->slots[n].slot);
    for (size_t n = 0; !r && n < vm->assist.event_count; n++) {
        const struct kvm_assist_event *e = &vm->assist.events[n];
        r = vemu__accel_soft.ioeventfd(soft, true, e->pio, e->address, e->size, e->use_match,
                                       e->match, e->fd);
    }
    return r;
}

/* The software CPU's VM, made when it is needed first. */
static int soft_vm(struct kvm_vm *vm, struct vemu_accel_vm **ret)
{
    struct vemu_accel_vm *soft;
    struct vemu_error *err = NULL;
    int r = 0;

    pthread_mutex_lock(&vm->assist.lock);
    soft = vm->assist.soft;
    if (!soft) {
        r = vemu__accel_soft.vm_create(&vm->config, &soft, &err);
        vemu_error_free(err);
        if (!r)
            r = soft_add(vm, soft);
        if (r < 0)
            vemu__accel_soft.vm_destroy(soft);
        else
            atomic_store(&vm->assist.soft, soft);
    }
    pthread_mutex_unlock(&vm->assist.lock);
    *ret = soft;
    return r;
}

int kvm__assist_mem_slot(struct kvm_vm *vm, const struct vemu_accel_slot *slot)
{
    int r = 0;

    pthread_mutex_lock(&vm->assist.lock);
    if (vm->assist.soft)
        r = vemu__accel_soft.mem_slot(vm->assist.soft, slot);
    pthread_mutex_unlock(&vm->assist.lock);
    return r;
}

static bool same_event(const struct kvm_assist_event *a, const struct kvm_assist_event *b)
{
    return a->pio == b->pio && a->use_match == b->use_match && a->address == b->address &&
           a->match == b->match && a->size == b->size && a->fd == b->fd;
}

int kvm__assist_ioeventfd(struct kvm_vm *vm, bool add, const struct kvm_assist_event *e)
{
    struct kvm_assist_vm *a = &vm->assist;
    int r = 0;

    pthread_mutex_lock(&a->lock);
    if (add) {
        struct kvm_assist_event *grown =
            realloc(a->events, (a->event_count + 1) * sizeof(*a->events));
        if (grown) {
            grown[a->event_count++] = *e;
            a->events = grown;
        } else {
            r = -ENOMEM;
        }
    }
    for (size_t n = 0; !add && n < a->event_count; n++)
        if (same_event(&a->events[n], e)) {
            a->events[n] = a->events[--a->event_count];
            break;
        }
    if (!r && a->soft)
        r = vemu__accel_soft.ioeventfd(a->soft, add, e->pio, e->address, e->size, e->use_match,
                                       e->match, e->fd);
    pthread_mutex_unlock(&a->lock);
    return r;
}

void kvm__assist_dirty_get(struct kvm_vm *vm, uint32_t slot, uint64_t *bitmap)
{
    struct vemu_accel_vm *soft = atomic_load(&vm->assist.soft);

    if (soft)
        vemu__accel_soft.dirty_get(soft, slot, bitmap);
}

void kvm__assist_ram_written(struct vemu_accel_vm *opaque, uint64_t gpa, uint64_t size)
{
    struct vemu_accel_vm *soft = atomic_load(&((struct kvm_vm *)opaque)->assist.soft);

    if (soft)
        vemu__accel_soft.ram_written(soft, gpa, size);
}

/* --- vCPUs ------------------------------------------------------------------------------------ */

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

static void wake_for_timer(struct kvm_vcpu *vcpu);

static int owner_wrmsr(void *data, uint32_t index, uint64_t value)
{
    struct kvm_vcpu *vcpu = data;

    vkvm_msrs_clear(vcpu->assist->msrs);
    vkvm_msrs_add(vcpu->assist->msrs, index, value);
    if (vkvm_vcpu_set_msrs(vcpu->vcpu, vcpu->assist->msrs) != 1)
        return -1;
    if (index == MSR_TSC_DEADLINE) {
        vcpu->assist->tsc_deadline = value;
        wake_for_timer(vcpu);
    } else if (index == 0x830) { /* ICR: other vCPUs may get it */
        kvm__assist_notify(vcpu->vm);
    } else if (index == 0x838) { /* initial count */
        struct kvm_lapic_state lapic;
        if (vkvm_vcpu_get_lapic(vcpu->vcpu, &lapic) >= 0)
            memcpy(vcpu->assist->lapic, lapic.regs, sizeof(vcpu->assist->lapic));
        wake_for_timer(vcpu);
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

/* Makes the software vCPU, when it is needed first. */
static int ensure(struct kvm_vcpu *vcpu)
{
    const struct sc_assist_owner owner = { vcpu, owner_get_fpu, owner_rdmsr, owner_wrmsr };
    struct kvm_assist *a = vcpu->assist;
    struct vemu_accel_vm *soft;
    struct vemu_error *err = NULL;
    int r;

    if (a && a->cpu)
        return 0;
    r = soft_vm(vcpu->vm, &soft);
    if (r < 0)
        return r;
    if (!a) {
        a = aligned_alloc(64, (sizeof(*a) + 63) & ~(size_t)63);
        if (!a)
            return -ENOMEM;
        memset(a, 0, sizeof(*a));
        vcpu->assist = a;
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
    if (r >= 0)
        r = sc_assist_attach((struct sc_cpu *)a->soft_vcpu, &owner); /* its first member */
    if (r < 0)
        return r;
    atomic_store(&a->cpu, (struct sc_cpu *)a->soft_vcpu);
    return 0;
}

void kvm__assist_vcpu_fini(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    if (!a)
        return;
    if (a->cpu)
        sc_assist_detach(a->cpu);
    vemu__accel_soft.vcpu_destroy(a->soft_vcpu);
    vkvm_msrs_free(a->msrs);
    free(a->fpu);
    free(a);
    vcpu->assist = NULL;
}

void kvm__assist_notify(struct kvm_vm *vm)
{
    if (!atomic_load(&vm->assist.soft))
        return;
    for (uint32_t n = 0; n < vm->config.vcpus; n++) {
        struct kvm_vcpu *vcpu = __atomic_load_n(&vm->vcpus[n], __ATOMIC_ACQUIRE);
        if (vcpu && vcpu->assist && atomic_load(&vcpu->assist->cpu))
            sc_assist_notify(vcpu->assist->cpu);
    }
}

void kvm__assist_kick(struct kvm_vcpu *vcpu)
{
    if (vcpu->assist && atomic_load(&vcpu->assist->cpu))
        vemu__accel_soft.vcpu_kick(vcpu->assist->soft_vcpu);
}

/* --- time ------------------------------------------------------------------------------------- */

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

    if (lvt & 0x10000)
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

static void wake_for_timer(struct kvm_vcpu *vcpu)
{
    uint64_t ns = timer_ns(vcpu->assist);

    sc_assist_wake_in(vcpu->assist->cpu, ns < TICK_NS ? ns : TICK_NS);
}

/* --- state ------------------------------------------------------------------------------------ */

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
    vkvm_msrs_add(a->msrs, 0xc0000103, 0);
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

/*
 * KVM stopped at the first instruction of a handler. From user mode, it gets two things wrong: SYSCALL
 * goes to LSTAR without leaving user mode, which then faults at SYSCALL_TRAP; and some instructions
 * raise #UD that should not (INT n, far calls through gates). So the exception is taken back, and the
 * software CPU executes the instruction. True: a->state changed.
 */
static bool undo_entry(struct kvm_assist *a)
{
    const bool fault = a->entry == a->page_fault;
    uint64_t frame[6], *f = frame + fault;

    if (a->entry != a->state.regs.rip || (!fault && a->entry != a->invalid_opcode) ||
        !sc_assist_read(a->cpu, a->state.regs.gpr[VEMU_RSP], frame, sizeof(frame) - 8 + 8 * fault))
        return false;
    if (f[1] != a->user_cs.selector || f[4] != a->user_ss.selector)
        return false;
    if (fault && f[0] != SYSCALL_TRAP)
        return false;
    a->state.regs.rip = f[0];
    a->state.regs.rflags = f[2] & ~(uint64_t)X86_RF;
    if (fault) { /* SYSCALL changed nothing but these, and will set them again */
        a->state.regs.rip = a->state.regs.gpr[VEMU_RCX] - 2;
        a->state.regs.rflags = a->state.regs.gpr[VEMU_R11];
    }
    a->state.regs.gpr[VEMU_RSP] = f[3];
    a->state.sregs.seg[VEMU_CS] = a->user_cs;
    a->state.sregs.seg[VEMU_SS] = a->user_ss;
    return true;
}

static int load(struct kvm_vcpu *vcpu)
{
    const uint32_t groups =
        VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_EVENTS | VEMU_STATE_DEBUGREGS;
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpu_state *st = a->fpu;
    struct kvm_lapic_state lapic;
    int r = kvm__get_state((struct vemu_accel_vcpu *)vcpu, groups, st);

    if (r < 0)
        return r;
    a->state.regs = st->regs;
    a->state.sregs = st->sregs;
    a->state.events = st->events;
    a->state.debugregs = st->debugregs;
    r = load_msrs(vcpu);
    if (r >= 0)
        r = vkvm_vcpu_get_lapic(vcpu->vcpu, &lapic);
    if (r < 0)
        return r;
    memcpy(a->lapic, lapic.regs, sizeof(a->lapic));
    a->kept = a->state;
    if (a->trapped && a->state.lstar == SYSCALL_TRAP)
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

/* Gives the state back to KVM. */
static int store(struct kvm_vcpu *vcpu)
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
    return r;
}

/* --- interrupts ------------------------------------------------------------------------------- */

/*
 * Has the kernel take an interrupt from its local APIC: a KVM_RUN with a signal pending looks for
 * events, acknowledges what is due, and comes back before the first instruction with the vector in
 * KVM_GET_VCPU_EVENTS. The first such call may only move an expired timer into the IRR; the second
 * finds it. 0: done; 1: *exit is to be reported; 2: the state changed under us.
 */
static int take_interrupt(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    static const struct vemu_vcpu_events none;
    const struct vemu_accel_callbacks *cb = &vcpu->vm->config.callbacks;
    struct kvm_run *run = vkvm_vcpu_get_run(vcpu->vcpu);
    struct kvm_assist *a = vcpu->assist;
    struct vemu_cpu_state *st = a->fpu;
    struct vkvm_exit e;
    uint32_t groups = VEMU_STATE_REGS, mp;

    atomic_store(&a->cpu->assist->irq_due, false);
    sc_assist_store(a->cpu, &a->state);
    st->regs = a->state.regs;
    st->events = none;
    st->events.nmi_masked = a->state.events.nmi_masked;
    if (events_differ(&st->events, &a->kept.events))
        groups |= VEMU_STATE_EVENTS;
    if (kvm__set_state((struct vemu_accel_vcpu *)vcpu, groups, st) < 0)
        return 2;
    a->kept.events = st->events;
    for (int n = 0; n < 2; n++) {
        kvm__raise_kick_signal();
        int r = vkvm_vcpu_run(vcpu->vcpu, &e);
        if (r < 0)
            return 2;
        if (e.kind == VKVM_EXIT_INTR)
            kvm__run_handle(vcpu, &e, exit); /* takes the signal */
        else if (kvm__run_handle(vcpu, &e, exit))
            return 1;
        if (kvm__get_state((struct vemu_accel_vcpu *)vcpu, VEMU_STATE_EVENTS, st) < 0)
            return 2;
        if (st->events.interrupt_injected || st->events.nmi_injected || st->events.nmi_pending ||
            st->events.exception_injected || st->events.exception_pending)
            break;
    }
    if (vcpu->vm->config.vcpus > 1 && (vkvm_vcpu_get_mp_state(vcpu->vcpu, &mp) < 0 || mp))
        return 2; /* INIT */
    a->kept.events = st->events;
    if (!st->events.interrupt_injected && vcpu->id == 0 && atomic_load(&vcpu->vm->extint) &&
        run->ready_for_interrupt_injection) {
        int vector = cb->pic_ack(cb->data);
        if (vector >= 0) {
            st->events.interrupt_injected = 1;
            st->events.interrupt_nr = (uint8_t)vector;
        }
        sc_assist_notify(a->cpu); /* another one behind it? */
    }
    sc_assist_take(a->cpu, &st->events);
    return 0;
}

/* --- running ---------------------------------------------------------------------------------- */

static void set_debug(struct kvm_vcpu *vcpu, const struct kvm_guest_debug *debug)
{
    if (!memcmp(debug, &vcpu->assist->debug, sizeof(*debug)))
        return;
    if (vkvm_vcpu_set_guest_debug(vcpu->vcpu, debug) >= 0)
        vcpu->assist->debug = *debug;
}

/* KVM goes on by itself. It must come back where the kernel is entered, as far as breakpoints reach:
 * what it does wrong there has to be put right, and it interprets the kernel a hundred times slower. */
static void set_entries(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    struct kvm_guest_debug debug = { .control = 0 };
    unsigned n = 0;

    a->page_fault = sc_assist_handler(a->cpu, 14);
    a->invalid_opcode = sc_assist_handler(a->cpu, 6);
    const uint64_t entries[] = { a->page_fault, a->invalid_opcode };
    debug.arch.debugreg[7] = 0x400;
    for (unsigned k = 0; k < sizeof(entries) / sizeof(entries[0]); k++)
        if (entries[k]) {
            debug.arch.debugreg[n] = entries[k];
            debug.arch.debugreg[7] |= 1ull << (2 * n++);
        }
    if (n)
        debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
    set_debug(vcpu, &debug);
}

static void step_on(struct kvm_vcpu *vcpu)
{
    const struct kvm_guest_debug debug = {
        .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
    };
    set_debug(vcpu, &debug);
    count(&vcpu->vm->assist.steps);
}

/* KVM's shadow page tables do not know of what the software CPU wrote: all of them go. */
static void flush_shadows(struct kvm_vcpu *vcpu)
{
    struct kvm_assist_vm *a = &vcpu->vm->assist;
    uint32_t slot;

    pthread_mutex_lock(&a->lock);
    if (vkvm_vm_add_memory(vcpu->vm->vm, FLUSH_GPA, 4096, vcpu->vm->slots[0].slot.hva, 0, &slot) >=
        0)
        vkvm_vm_remove_memory(vcpu->vm->vm, slot);
    pthread_mutex_unlock(&a->lock);
    count(&a->flushes);
}

static bool in_user_mode(const struct kvm_assist *a)
{
    return a->cpu->cpl == 3;
}

/* May the software CPU go on after the first instruction? Only where KVM keeps no shadow of page
 * tables that others use meanwhile. */
static bool may_go_on(const struct kvm_vm *vm)
{
    return vm->assist.eager && (vm->config.vcpus == 1 || !atomic_load(&vm->assist.user_ran));
}

static int finish(struct kvm_vcpu *vcpu, enum kvm_assist_next next, int ret)
{
    int r = store(vcpu);

    vcpu->assist->next = next;
    if (r < 0) {
        note(vcpu->vm, 0, "emulation assist: KVM refuses the state");
        return r;
    }
    return ret;
}

/*
 * KVM runs until something stops it. On a host that interprets kernel mode, its SYSCALL in user mode
 * goes on at LSTAR in user mode; so LSTAR is where user mode faults, and the breakpoint on the page
 * fault handler gives notice (undo_entry()).
 */
static int set_free(struct kvm_vcpu *vcpu)
{
    static const struct kvm_guest_debug none;
    struct kvm_assist *a = vcpu->assist;
    int r;

    if (!vcpu->vm->assist.eager) {
        set_debug(vcpu, &none);
        return finish(vcpu, KVM_NEXT_FREE, 0);
    }
    set_entries(vcpu);
    sc_assist_store(a->cpu, &a->state);
    a->user_cs = a->state.sregs.seg[VEMU_CS];
    a->user_ss = a->state.sregs.seg[VEMU_SS];
    a->lstar = a->cpu->lstar;
    a->cpu->lstar = SYSCALL_TRAP;
    r = finish(vcpu, KVM_NEXT_FREE, 0);
    a->trapped = true;
    return r;
}

void kvm__assist_settle(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    if (!a || !a->trapped)
        return;
    vkvm_msrs_clear(a->msrs);
    vkvm_msrs_add(a->msrs, 0xc0000082, 0);
    size_t n;
    if (vkvm_vcpu_get_msrs(vcpu->vcpu, a->msrs) == 1 &&
        vkvm_msrs_entries(a->msrs, &n)->data == SYSCALL_TRAP) {
        vkvm_msrs_clear(a->msrs);
        vkvm_msrs_add(a->msrs, 0xc0000082, a->lstar);
        vkvm_vcpu_set_msrs(vcpu->vcpu, a->msrs);
    }
    a->trapped = false;
    a->next = KVM_NEXT_SOFT;
}

/* The software CPU left by an exit of its own. */
static int report(struct kvm_vcpu *vcpu, const struct vemu_exit *soft, struct vemu_exit *exit)
{
    *exit = *soft;
    return finish(vcpu, KVM_NEXT_SOFT, 1);
}

static int to_user(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    a->user_ticks = 0;
    atomic_store(&vcpu->vm->assist.user_ran, true);
    int r = set_free(vcpu);
    /* From now on page tables that others may use are in KVM's shadows: the stretches that go on
     * without an end have to end. */
    atomic_fetch_sub(&vcpu->vm->assist.long_stretches, 1);
    while (vcpu->vm->config.vcpus > 1 && atomic_load(&vcpu->vm->assist.long_stretches)) {
        const struct timespec moment = { .tv_nsec = 50000 };
        for (uint32_t n = 0; n < vcpu->vm->config.vcpus; n++) {
            struct kvm_vcpu *other = __atomic_load_n(&vcpu->vm->vcpus[n], __ATOMIC_ACQUIRE);
            if (other && other != vcpu)
                kvm__assist_kick(other);
        }
        nanosleep(&moment, NULL);
    }
    atomic_fetch_add(&vcpu->vm->assist.long_stretches, 1);
    flush_shadows(vcpu);
    return r;
}

/* One stretch of the software CPU, and its interruptions. */
static int stretch(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    struct kvm_assist *a = vcpu->assist;
    struct vemu_exit soft;
    int r;

    for (;;) {
        wake_for_timer(vcpu);
        r = vemu__accel_soft.vcpu_run(a->soft_vcpu, &soft);
        if (r < 0)
            return r;
        if (soft.reason != VEMU_EXIT_INTR)
            return report(vcpu, &soft, exit);
        switch (a->cpu->assist->leave) {
        case SC_LEAVE_KICK: return finish(vcpu, KVM_NEXT_SOFT, 2);
        case SC_LEAVE_ONE: return set_free(vcpu);
        case SC_LEAVE_OWNER:
            /* User mode runs on KVM's shadows of the page tables. */
            if (vcpu->vm->assist.eager && in_user_mode(a))
                return a->cpu->assist->single ? set_free(vcpu) : to_user(vcpu);
            a->left_at = a->cpu->rip;
            step_on(vcpu);
            return finish(vcpu, KVM_NEXT_STEP, 0);
        case SC_LEAVE_HALT:
            step_on(vcpu);
            r = finish(vcpu, KVM_NEXT_STEP, 0);
            return r < 0 ? r : vkvm_vcpu_set_mp_state(vcpu->vcpu, KVM_MP_STATE_HALTED);
        case SC_LEAVE_IRQ: break;
        }
        r = take_interrupt(vcpu, exit);
        if (r == 1) {
            finish(vcpu, KVM_NEXT_SOFT, 1);
            return 1;
        }
        if (r == 2) { /* as if it had been KVM's all the time */
            a->next = KVM_NEXT_STEP;
            step_on(vcpu);
            return 0;
        }
        if (atomic_load(&vcpu->kicked))
            return finish(vcpu, KVM_NEXT_SOFT, 2);
        if (in_user_mode(a) && !atomic_load(&a->cpu->assist->irq_due) &&
            ++a->user_ticks > USER_TICKS)
            return to_user(vcpu);
    }
}

int kvm__assist_run(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    struct kvm_assist *a = vcpu->assist;
    uint32_t mp;
    int r;

    if (!a && !vcpu->vm->assist.eager)
        return 0;
    if (!a) {
        r = ensure(vcpu);
        if (r < 0) { /* it has to go without */
            note(vcpu->vm, 1, "emulation assist: the software CPU cannot be made");
            vcpu->vm->assist.eager = false;
            return 0;
        }
        a = vcpu->assist;
        a->next = KVM_NEXT_SOFT;
    }
    if (a->next != KVM_NEXT_SOFT)
        return 0;
    if (vkvm_vcpu_get_mp_state(vcpu->vcpu, &mp) < 0 || mp != KVM_MP_STATE_RUNNABLE) {
        a->next = KVM_NEXT_STEP;
        step_on(vcpu);
        return 0;
    }
    if (a->stepped) {
        struct vkvm_exit e;
        /* What a WRMSR asks for, as the pvclock page, KVM does on its way into the guest. */
        a->stepped = false;
        kvm__raise_kick_signal();
        r = vkvm_vcpu_run(vcpu->vcpu, &e);
        if (r < 0)
            return r;
        if (kvm__run_handle(vcpu, &e, exit))
            return 1;
    }
    r = load(vcpu);
    if (r < 0) {
        a->next = KVM_NEXT_STEP; /* KVM does this one */
        step_on(vcpu);
        return 0;
    }
    const bool single = !may_go_on(vcpu->vm);
    atomic_fetch_add(&vcpu->vm->assist.long_stretches, !single);
    if (!single && !may_go_on(vcpu->vm)) { /* just now */
        atomic_fetch_sub(&vcpu->vm->assist.long_stretches, 1);
        return 2;
    }
    a->cpu->assist->single = single;
    count(&vcpu->vm->assist.stretches);
    uint64_t start = now_ns();
    r = stretch(vcpu, exit);
    atomic_fetch_sub(&vcpu->vm->assist.long_stretches, !single);
    atomic_fetch_add_explicit(&vcpu->vm->assist.stretch_ns, now_ns() - start, memory_order_relaxed);
    return r;
}

static void name_bytes(const struct vkvm_exit *e, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t n = 0; n < e->internal.insn_size && used + 4 < size; n++)
        used += (size_t)snprintf(text + used, size - used, "%s%02x", n ? " " : "",
                                 e->internal.insn[n]);
}

bool kvm__assist_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e, struct vemu_exit *exit,
                      bool *ret_report)
{
    struct kvm_assist *a = vcpu->assist;
    char bytes[64], text[160];

    (void)exit;
    *ret_report = false;
    if (e->kind == VKVM_EXIT_DEBUG && a && a->debug.control) {
        a->entry = a->next == KVM_NEXT_FREE ? e->debug.pc : 0;
        a->stepped = true;
        a->next = KVM_NEXT_SOFT;
        return true;
    }
    if (e->kind != VKVM_EXIT_INTERNAL_ERROR || e->internal.suberror != 1)
        return false;
    name_bytes(e, bytes, sizeof(bytes));
    struct kvm_regs regs;
    if (a && a->next == KVM_NEXT_STEP && a->cpu->assist->leave == SC_LEAVE_OWNER &&
        vkvm_vcpu_get_regs(vcpu->vcpu, &regs) >= 0 && regs.rip == a->left_at) {
        snprintf(text, sizeof(text), "vCPU %u: neither KVM nor the software CPU can execute %s",
                 vcpu->id, bytes);
        note(vcpu->vm, 0, text);
        return false;
    }
    if (ensure(vcpu) < 0)
        return false;
    a = vcpu->assist;
    count(&vcpu->vm->assist.assists);
    count_opcode(vcpu->vm, bytes);
    a->next = KVM_NEXT_SOFT;
    return true;
}

void kvm__assist_stats(struct kvm_vm *vm, struct vemu_accel_stats *ret)
{
    struct vemu_accel_vm *soft = atomic_load(&vm->assist.soft);
    struct vemu_accel_stats s = { 0 };

    if (!soft)
        return;
    vemu__accel_soft.stats(soft, &s);
    ret->exits_io += s.exits_io;
    ret->exits_mmio += s.exits_mmio;
    ret->exits_halt += s.exits_halt;
}
