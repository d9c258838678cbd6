/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist: when KVM gives up on an instruction, the software CPU takes the vCPU's
 * state, executes it, and on a host that interprets kernel mode goes on until KVM is better at it.
 *
 * Theory of operation, borders and costs: libvemu/docs/assist.md.
 */
#include "accel/kvm/assist.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* User mode must have cost so much here before it is worth a flush: the page faults that follow one
 * take that long, and the flush itself, which is measured, comes on top twice. */
#define USER_MIN_NS 2000000u
#define INTERNAL_EMULATION 1u /* KVM_INTERNAL_ERROR_EMULATION */
#define MSR_LSTAR 0xc0000082u
#define FLUSH_GPA 0xfffbb000u /* a page below those of kvm.c that nothing has */

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- running ---------------------------------------------------------------------------------- */

static void set_debug(struct kvm_vcpu *vcpu, const struct kvm_guest_debug *debug)
{
    if (!memcmp(debug, &vcpu->assist->debug, sizeof(*debug)))
        return;
    if (vkvm_vcpu_set_guest_debug(vcpu->vcpu, debug) >= 0)
        vcpu->assist->debug = *debug;
}

/* KVM goes on by itself. It must come back where the kernel is entered, as far as breakpoints
 * reach: what it does wrong there has to be put right, and it interprets the kernel a hundred
 * times slower. */
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

/* One instruction of KVM. Before it an interrupt may come, and the instruction be a debugger's
 * breakpoint: the software CPU has all of them, KVM the first four. */
static void step_on(struct kvm_vcpu *vcpu)
{
    struct kvm_guest_debug debug;

    vkvm_debug_init(&debug);
    vkvm_debug_set_step(&debug, true);
    for (uint32_t n = 0; n < vcpu->debug.count; n++)
        if (vcpu->debug.points[n].kind <= VEMU_DEBUG_EXECUTE)
            vkvm_debug_add(&debug, VKVM_DEBUG_EXECUTE, vcpu->debug.points[n].address, 1);
    set_debug(vcpu, &debug);
    count(&vcpu->vm->assist.steps);
}

/* KVM's shadow page tables do not know of what the software CPU wrote: all of them go when a memory
 * slot does. */
static int flush_shadows(struct kvm_vcpu *vcpu)
{
    struct kvm_assist_vm *a = &vcpu->vm->assist;
    const uint64_t start = now_ns(CLOCK_MONOTONIC);
    uint32_t slot;
    int r = -ENOMEM;

    pthread_mutex_lock(&a->lock);
    if (!a->spare) {
        void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        a->spare = page == MAP_FAILED ? NULL : page;
    }
    if (a->spare)
        r = vkvm_vm_add_memory(vcpu->vm->vm, FLUSH_GPA, 4096, a->spare, 0, &slot);
    if (r >= 0)
        r = vkvm_vm_remove_memory(vcpu->vm->vm, slot);
    a->flush_ns += (int64_t)(now_ns(CLOCK_MONOTONIC) - start - a->flush_ns) / 8;
    pthread_mutex_unlock(&a->lock);
    count(&a->flushes);
    if (r < 0)
        kvm__assist_note(vcpu->vm, 0, "emulation assist: KVM keeps its shadow page tables: %s",
                         strerror(-r));
    return r;
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
    int r = kvm__assist_store(vcpu);

    vcpu->assist->next = next;
    if (r < 0) {
        kvm__assist_note(vcpu->vm, 0, "emulation assist: KVM refuses the state");
        return r;
    }
    return ret;
}

/*
 * KVM runs until something stops it. On a host that interprets kernel mode, its SYSCALL in user
 * mode goes on at LSTAR in user mode; so LSTAR is where user mode faults, and the breakpoint on the
 * page fault handler gives notice (undo_entry()).
 */
static int set_free(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    int r;

    if (!vcpu->vm->assist.eager) {
        set_debug(vcpu, &vcpu->debug.guest);
        return finish(vcpu, KVM_NEXT_FREE, 0);
    }
    set_entries(vcpu);
    sc_assist_store(a->cpu, &a->state);
    a->left_cs = a->state.sregs.seg[VEMU_CS];
    a->left_ss = a->state.sregs.seg[VEMU_SS];
    a->lstar = a->cpu->lstar;
    a->cpu->lstar = KVM__SYSCALL_TRAP;
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
    vkvm_msrs_add(a->msrs, MSR_LSTAR, 0);
    size_t n;
    if (vkvm_vcpu_get_msrs(vcpu->vcpu, a->msrs) == 1 &&
        vkvm_msrs_entries(a->msrs, &n)->data == KVM__SYSCALL_TRAP) {
        vkvm_msrs_clear(a->msrs);
        vkvm_msrs_add(a->msrs, MSR_LSTAR, a->lstar);
        vkvm_vcpu_set_msrs(vcpu->vcpu, a->msrs);
    }
    a->trapped = false;
    a->next = KVM_NEXT_SOFT;
}

void kvm__assist_reset(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    if (vcpu->id == 0)
        atomic_store(&vcpu->vm->assist.user_ran, false);
    if (!a)
        return;
    a->trapped = a->stepped = false;
    a->entry = a->user_ns = 0;
    if (a->cpu)
        a->cpu->nmi_pending = false;
    a->next = vcpu->vm->assist.eager ? KVM_NEXT_SOFT : KVM_NEXT_FREE;
}

/* The software CPU left by an exit of its own; a debugger may have stepped over a HLT. */
static int report(struct kvm_vcpu *vcpu, const struct vemu_exit *soft, struct vemu_exit *exit)
{
    int r;

    *exit = *soft;
    r = finish(vcpu, KVM_NEXT_SOFT, 1);
    if (r > 0 && vcpu->assist->cpu->halted)
        vkvm_vcpu_set_mp_state(vcpu->vcpu, KVM_MP_STATE_HALTED);
    return r;
}

/* An instruction of user mode that the software CPU does not know, while a debugger is at work. */
static int user_step(struct kvm_vcpu *vcpu)
{
    step_on(vcpu);
    int r = finish(vcpu, KVM_NEXT_STEP, 0);
    return r < 0 ? r : flush_shadows(vcpu);
}

int kvm__assist_debug(struct kvm_vcpu *vcpu, bool over)
{
    struct kvm_assist *a = vcpu->assist;

    if (a->next == KVM_NEXT_FREE)
        a->next = KVM_NEXT_SOFT;
    /* What the software CPU has done to page tables that KVM kept shadows of. */
    if (over && atomic_load(&vcpu->vm->assist.user_ran))
        return flush_shadows(vcpu);
    return 0;
}

static int to_user(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;

    a->user_ns = 0;
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
    return r < 0 ? r : flush_shadows(vcpu);
}

/* At a tick: has user mode run here for so long that KVM should have it? */
static bool user_pays(struct kvm_vcpu *vcpu)
{
    struct kvm_assist *a = vcpu->assist;
    const uint64_t now = now_ns(CLOCK_THREAD_CPUTIME_ID), passed = now - a->tick_ns;

    a->tick_ns = now;
    /* With several vCPUs, see may_go_on(), it would be the end of it for the kernel. */
    if (!in_user_mode(a) || vcpu->vm->config.vcpus > 1)
        return false;
    a->user_ns += passed < USER_MIN_NS / 2 ? passed : USER_MIN_NS / 2;
    return a->user_ns > USER_MIN_NS + 2 * vcpu->vm->assist.flush_ns &&
           !atomic_load(&a->cpu->assist->irq_due);
}

/* One stretch of the software CPU, and its interruptions. */
static int stretch(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    struct kvm_assist *a = vcpu->assist;
    const bool single = a->cpu->assist->single;
    struct vemu_exit soft;
    int r;

    for (;;) {
        kvm__assist_wake(vcpu);
        r = vemu__accel_soft.vcpu_run(a->soft_vcpu, &soft);
        if (r < 0)
            return r;
        if (soft.reason != VEMU_EXIT_INTR)
            return report(vcpu, &soft, exit);
        switch (a->cpu->assist->leave) {
        case SC_LEAVE_KICK:
            if (vcpu->vm->config.vcpus == 1 || atomic_load(&vcpu->kicked))
                return finish(vcpu, KVM_NEXT_SOFT, 2);
            break;
        case SC_LEAVE_ONE:
            a->left_at = 0;
            return set_free(vcpu);
        case SC_LEAVE_OWNER:
            a->left_at = a->cpu->rip;
            /* User mode runs on KVM's shadows of the page tables. */
            if (vcpu->vm->assist.eager && in_user_mode(a) && vcpu->debug.on)
                return user_step(vcpu);
            if (vcpu->vm->assist.eager && in_user_mode(a))
                return single ? set_free(vcpu) : to_user(vcpu);
            step_on(vcpu);
            return finish(vcpu, KVM_NEXT_STEP, 0);
        case SC_LEAVE_HALT:
            step_on(vcpu);
            r = finish(vcpu, KVM_NEXT_STEP, 0);
            return r < 0 ? r : vkvm_vcpu_set_mp_state(vcpu->vcpu, KVM_MP_STATE_HALTED);
        case SC_LEAVE_IRQ: break;
        }
        r = kvm__assist_interrupt(vcpu, exit);
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
        if (!single && !vcpu->debug.on && user_pays(vcpu)) {
            a->left_at = 0;
            return to_user(vcpu);
        }
    }
}

int kvm__assist_run(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    struct kvm_assist *a = vcpu->assist;
    int r;

    if ((!a || !a->cpu) && !vcpu->vm->assist.eager)
        return 0;
    if (!a || !a->cpu) {
        r = kvm__assist_ensure(vcpu);
        if (r < 0) { /* it has to go without */
            kvm__assist_note(vcpu->vm, 1, "emulation assist: the software CPU cannot be made");
            vcpu->vm->assist.eager = false;
            return 0;
        }
        a = vcpu->assist;
        a->next = KVM_NEXT_SOFT;
    }
    if (a->next != KVM_NEXT_SOFT)
        return 0;
    if (kvm__get_state((struct vemu_accel_vcpu *)vcpu, VEMU_STATE_MP, a->fpu) < 0 ||
        a->fpu->mp_state != VEMU_MP_RUNNABLE) {
        a->next = KVM_NEXT_STEP;
        step_on(vcpu);
        return 0;
    }
    if (a->stepped) {
        struct vkvm_exit e;
        /* What a WRMSR asks for, as the pvclock page, KVM does on its way into the guest. */
        a->stepped = false;
        kvm__raise_kick_signal();
        r = kvm__slots_ready(vcpu->vm);
        if (r >= 0)
            r = vkvm_vcpu_run(vcpu->vcpu, &e);
        if (r < 0)
            return r;
        if (kvm__run_handle(vcpu, &e, exit))
            return 1;
    }
    r = kvm__assist_load(vcpu);
    a->unable = r < 0;
    if (r < 0) {
        a->next = KVM_NEXT_STEP; /* KVM does this one */
        step_on(vcpu);
        return 0;
    }
    /* A debugger has all vCPUs here. */
    const bool debug = vcpu->debug.on && vcpu->vm->assist.eager;
    const bool single = !debug && !may_go_on(vcpu->vm);
    atomic_fetch_add(&vcpu->vm->assist.long_stretches, !single);
    if (!single && !debug && !may_go_on(vcpu->vm)) { /* just now */
        atomic_fetch_sub(&vcpu->vm->assist.long_stretches, 1);
        return 2;
    }
    a->cpu->assist->single = single;
    count(&vcpu->vm->assist.stretches);
    uint64_t start = now_ns(CLOCK_MONOTONIC);
    r = stretch(vcpu, exit);
    atomic_fetch_sub(&vcpu->vm->assist.long_stretches, !single);
    atomic_fetch_add_explicit(&vcpu->vm->assist.stretch_ns, now_ns(CLOCK_MONOTONIC) - start,
                              memory_order_relaxed);
    return r;
}

/* KVM was to do just this instruction, because the software CPU could not. */
static bool failed_again(struct kvm_vcpu *vcpu)
{
    const struct kvm_assist *a = vcpu->assist;
    struct kvm_regs regs;

    if (a->next != KVM_NEXT_STEP)
        return false;
    return a->unable || (a->cpu->assist->leave == SC_LEAVE_OWNER &&
                         vkvm_vcpu_get_regs(vcpu->vcpu, &regs) >= 0 && regs.rip == a->left_at);
}

/* In user mode, what nobody knows is #UD, as KVM has it without KVM_CAP_EXIT_ON_EMULATION_FAILURE.
 * */
static bool give_ud(struct kvm_vcpu *vcpu)
{
    struct vemu_cpu_state *st = vcpu->assist->fpu;
    struct vemu_accel_vcpu *handle = (struct vemu_accel_vcpu *)vcpu;

    if (kvm__get_state(handle, VEMU_STATE_EVENTS, st) < 0)
        return false;
    st->events.exception_injected = 1;
    st->events.exception_nr = 6;
    st->events.exception_has_error_code = 0;
    if (kvm__set_state(handle, VEMU_STATE_EVENTS, st) < 0)
        return false;
    set_debug(vcpu, &vcpu->debug.guest);
    vcpu->assist->next = vcpu->vm->assist.eager ? KVM_NEXT_SOFT : KVM_NEXT_FREE;
    return true;
}

bool kvm__assist_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e)
{
    struct kvm_assist *a = vcpu->assist;
    char name[KVM_ASSIST_NAME];

    if (e->kind == VKVM_EXIT_DEBUG && a && a->debug.control &&
        (vcpu->vm->assist.eager || a->next == KVM_NEXT_STEP)) {
        /* The debugger's step it was, too; or a breakpoint that the software CPU will not see. */
        const bool theirs = a->next == KVM_NEXT_STEP &&
                            (vcpu->debug.step || (a->unable && (e->debug.dr6 & 15)));
        a->entry = a->next == KVM_NEXT_FREE ? e->debug.pc : 0;
        a->stepped = true;
        a->next = KVM_NEXT_SOFT;
        return !theirs;
    }
    if (e->kind != VKVM_EXIT_INTERNAL_ERROR || e->internal.suberror != INTERNAL_EMULATION)
        return false;
    kvm__assist_name(e->internal.insn, e->internal.insn_size, name, sizeof(name));
    if (a && failed_again(vcpu) && !a->unable && in_user_mode(a))
        return give_ud(vcpu);
    if (a && failed_again(vcpu)) {
        kvm__assist_note(vcpu->vm, 0,
                         "vCPU %u: neither KVM nor the software CPU can execute this: %s%s",
                         vcpu->id, name, a->unable ? " (in this mode)" : "");
        a->next = KVM_NEXT_FREE;
        return false;
    }
    if (kvm__assist_ensure(vcpu) < 0)
        return false;
    count(&vcpu->vm->assist.assists);
    kvm__assist_count(vcpu->vm, name);
    vcpu->assist->next = KVM_NEXT_SOFT;
    return true;
}
