/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running a vCPU: the loop around KVM_RUN.
 *
 * Kicks: the kick signal is blocked in the vCPU's thread and unblocked only by the kernel inside
 * KVM_RUN (KVM_SET_SIGNAL_MASK), so no signal handler is installed and the application's own signal
 * dispositions stay untouched. `kicked` carries the request, the signal only ends KVM_RUN.
 *
 * The kernel finishes a port or memory access (registers, RIP) only at the next KVM_RUN. A vCPU
 * that leaves for the core, which may read, reset or save its state, first does that with
 * immediate_exit set.
 *
 * ExtINT: the 8259 is ours. While its output is high, the loop asks for an interrupt window and, as
 * soon as the kernel says that an interrupt can be taken, runs the INTA cycle and injects the
 * vector with KVM_INTERRUPT (the kernel delivers it as if LINT0 of vCPU 0 had been programmed as
 * ExtINT).
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "accel/kvm/assist.h"

int kvm__kick_signal(void)
{
    return SIGRTMIN;
}

void kvm__vcpu_kick(struct vemu_accel_vcpu *opaque)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    atomic_store(&vcpu->kicked, true);
    vkvm_vcpu_kick(vcpu->vcpu);
    kvm__assist_kick(vcpu);
}

void kvm__raise_kick_signal(void)
{
    pthread_kill(pthread_self(), kvm__kick_signal());
}

/* Takes kick signals that are pending, so that the next KVM_RUN does not end at once. */
static void kick_signal_drain(void)
{
    const struct timespec now = { 0 };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, kvm__kick_signal());
    while (sigtimedwait(&set, NULL, &now) > 0)
        ;
}

/* --- I/O ------------------------------------------------------------------------------------- */

static void run_io(struct kvm_vm *vm, const struct vkvm_exit *e)
{
    const struct vemu_accel_callbacks *cb = &vm->config.callbacks;
    uint8_t *data = e->io.data;
    for (uint32_t i = 0; i < e->io.count; i++, data += e->io.size) {
        uint32_t value = 0;
        if (e->kind == VKVM_EXIT_IO_OUT) {
            memcpy(&value, data, e->io.size);
            cb->pio_write(cb->data, e->io.port, e->io.size, value);
        } else {
            cb->pio_read(cb->data, e->io.port, e->io.size, &value);
            memcpy(data, &value, e->io.size);
        }
    }
}

/* The kernel cuts an access at page ends: a piece may have 3, 5, 6 or 7 bytes. */
static unsigned piece_size(uint64_t gpa, uint32_t left)
{
    unsigned size = 8;
    while (size > left || gpa % size)
        size /= 2;
    return size;
}

static void run_mmio(struct kvm_vm *vm, const struct vkvm_exit *e)
{
    const struct vemu_accel_callbacks *cb = &vm->config.callbacks;
    uint32_t length = e->mmio.length;
    bool whole = length == 1 || length == 2 || length == 4 || length == 8;
    for (uint32_t done = 0; done < length;) {
        unsigned size = whole ? length : piece_size(e->mmio.gpa + done, length - done);
        uint64_t value = 0;
        if (e->kind == VKVM_EXIT_MMIO_WRITE) {
            memcpy(&value, e->mmio.data + done, size);
            cb->mmio_write(cb->data, e->mmio.gpa + done, size, value);
        } else {
            cb->mmio_read(cb->data, e->mmio.gpa + done, size, &value);
            memcpy(e->mmio.data + done, &value, size);
        }
        done += size;
    }
}

/* --- ExtINT ----------------------------------------------------------------------------------- */

static void run_extint(struct kvm_vcpu *vcpu, struct kvm_run *run)
{
    const struct vemu_accel_callbacks *cb = &vcpu->vm->config.callbacks;
    run->request_interrupt_window = 0;
    if (vcpu->id != 0 || !atomic_load(&vcpu->vm->extint))
        return;
    if (!run->ready_for_interrupt_injection) {
        run->request_interrupt_window = 1;
        return;
    }
    int vector = cb->pic_ack(cb->data);
    if (vector >= 0)
        vkvm_vcpu_interrupt(vcpu->vcpu, (uint32_t)vector);
    /* another one behind it? */
    run->request_interrupt_window = atomic_load(&vcpu->vm->extint);
}

/* --- exits ------------------------------------------------------------------------------------ */

static void exit_internal(const struct vkvm_exit *e, struct vemu_exit *exit)
{
    exit->reason = VEMU_EXIT_INTERNAL_ERROR;
    exit->internal.suberror = e->internal.suberror;
    exit->internal.insn_size = (uint8_t)e->internal.insn_size;
    if (e->internal.insn_size > 0)
        memcpy(exit->internal.insn, e->internal.insn, e->internal.insn_size);
}

static bool exit_system_event(struct kvm_vm *vm, const struct vkvm_exit *e, struct vemu_exit *exit)
{
    switch (e->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: exit->reason = VEMU_EXIT_SYSTEM_OFF; return true;
    case KVM_SYSTEM_EVENT_RESET: exit->reason = VEMU_EXIT_SYSTEM_RESET; return true;
    case KVM_SYSTEM_EVENT_CRASH: exit->reason = VEMU_EXIT_SYSTEM_CRASH; return true;
    default: return false;
    }
}

/* True: *exit is to be reported. */
bool kvm__run_handle(struct kvm_vcpu *vcpu, const struct vkvm_exit *e, struct vemu_exit *exit)
{
    struct kvm_vm *vm = vcpu->vm;
    const struct vemu_accel_callbacks *cb = &vm->config.callbacks;
    switch (e->kind) {
    case VKVM_EXIT_IO_IN:
    case VKVM_EXIT_IO_OUT:
        vcpu->access_open = true;
        atomic_fetch_add_explicit(&vm->exits_io, 1, memory_order_relaxed);
        run_io(vm, e);
        return false;
    case VKVM_EXIT_MMIO_READ:
    case VKVM_EXIT_MMIO_WRITE:
        vcpu->access_open = true;
        atomic_fetch_add_explicit(&vm->exits_mmio, 1, memory_order_relaxed);
        run_mmio(vm, e);
        return false;
    case VKVM_EXIT_INTR:
        atomic_fetch_add_explicit(&vm->exits_intr, 1, memory_order_relaxed);
        kick_signal_drain();
        return false;
    default:
        atomic_fetch_add_explicit(&vm->exits_other, 1, memory_order_relaxed);
    }
    switch (e->kind) {
    case VKVM_EXIT_IRQ_WINDOW_OPEN:
        return false;
    case VKVM_EXIT_IOAPIC_EOI:
        cb->ioapic_eoi(cb->data, e->ioapic_eoi.vector);
        return false;
    case VKVM_EXIT_SHUTDOWN:
        exit->reason = VEMU_EXIT_SHUTDOWN;
        return true;
    case VKVM_EXIT_SYSTEM_EVENT:
        return exit_system_event(vm, e, exit);
    case VKVM_EXIT_DEBUG:
        return kvm__debug_exit(vcpu, e, exit);
    case VKVM_EXIT_HYPERV:
        if (kvm__hyperv_exit(vcpu, e))
            return false;
        exit->reason = VEMU_EXIT_INTERNAL_ERROR;
        exit->internal.suberror = e->kvm_reason;
        exit->internal.insn_size = 0;
        return true;
    case VKVM_EXIT_FAIL_ENTRY:
        exit->reason = VEMU_EXIT_FAIL_ENTRY;
        exit->fail_entry.hardware_reason = e->fail_entry.hardware_reason;
        return true;
    case VKVM_EXIT_INTERNAL_ERROR:
        exit_internal(e, exit);
        return true;
    default:
        exit->reason = VEMU_EXIT_INTERNAL_ERROR;
        exit->internal.suberror = e->kvm_reason;
        exit->internal.insn_size = 0;
        return true;
    }
}

static int run(struct kvm_vcpu *vcpu, struct vemu_exit *exit)
{
    struct kvm_run *run = vkvm_vcpu_get_run(vcpu->vcpu);
    struct vkvm_exit e;
    for (;;) {
        if (atomic_exchange(&vcpu->kicked, false)) {
            if (!vcpu->access_open) {
                exit->reason = VEMU_EXIT_INTR;
                return 0;
            }
            atomic_store(&vcpu->kicked, true); /* once more, when the access is finished */
            __atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        } else if (!vcpu->access_open) {
            int r = kvm__assist_run(vcpu, exit);
            if (r == 2)
                continue;
            if (r)
                return r < 0 ? r : 0;
            run_extint(vcpu, run);
        } else {
            run_extint(vcpu, run);
        }
        vcpu->access_open = false;
        vcpu->untouched = 0;
        int r = kvm__slots_ready(vcpu->vm);
        if (r >= 0)
            r = vkvm_vcpu_run(vcpu->vcpu, &e);
        if (r < 0)
            return r;
        if (kvm__assist_exit(vcpu, &e))
            continue;
        if (kvm__run_handle(vcpu, &e, exit))
            return 0;
    }
}

int kvm__vcpu_run(struct vemu_accel_vcpu *opaque, struct vemu_exit *exit)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    int r = run(vcpu, exit);
    kvm__assist_settle(vcpu);
    return r;
}
