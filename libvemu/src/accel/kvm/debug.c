/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A debugger's break- and watchpoints and single steps: guest debug of KVM.
 *
 * KVM has the four debug registers and INT3, which the caller of the accelerator writes into
 * memory. While a debugger is at work, the guest's debug registers have no effect (KVM_SET_GUEST_
 * DEBUG replaces them); exceptions that it did not ask for are given back to the guest.
 *
 * On a host that interprets kernel mode (kvm_vm.assist.eager), the software CPU keeps the vCPU as
 * long as a debugger asks for anything, user mode included, and has its own breakpoints; nothing is
 * written into memory. See docs/assist.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/assist.h"

#define EXCEPTION_DB 1u

static bool is_code(const struct vemu_debug_point *p)
{
    return p->kind == VEMU_DEBUG_SOFTWARE || p->kind == VEMU_DEBUG_EXECUTE;
}

bool kvm__debug_int3(struct vemu_accel_vm *opaque)
{
    return !((struct kvm_vm *)opaque)->assist.eager;
}

void kvm__debug_fini(struct kvm_vcpu *vcpu)
{
    free(vcpu->debug.points);
    memset(&vcpu->debug, 0, sizeof(vcpu->debug));
}

static int add(struct kvm_guest_debug *guest, const struct vemu_debug_point *p)
{
    switch (p->kind) {
    case VEMU_DEBUG_SOFTWARE: vkvm_debug_set_software(guest, true); return 0;
    case VEMU_DEBUG_EXECUTE: return vkvm_debug_add(guest, VKVM_DEBUG_EXECUTE, p->address, 1);
    case VEMU_DEBUG_WRITE: return vkvm_debug_add(guest, VKVM_DEBUG_WRITE, p->address, p->size);
    case VEMU_DEBUG_READ: /* the processor has none for reads alone */
    case VEMU_DEBUG_ACCESS:
        return vkvm_debug_add(guest, VKVM_DEBUG_READ_WRITE, p->address, p->size);
    default: return -EINVAL;
    }
}

static int fill(struct kvm_vcpu *vcpu, const struct vemu_debug *debug,
                struct kvm_guest_debug *guest)
{
    int r = vkvm_vm_get_debug_controls(vcpu->vm->vm);

    memset(guest, 0, sizeof(*guest));
    if (!debug->step && !debug->count)
        return 0;
    if (r < 0)
        return r;
    vkvm_debug_init(guest);
    vkvm_debug_set_step(guest, debug->step);
    if (debug->step)
        vkvm_debug_block_irq(guest, (uint32_t)r, true); /* as far as the host can */
    for (uint32_t n = 0; n < debug->count; n++) {
        r = add(guest, &debug->points[n]);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

int kvm__set_debug(struct vemu_accel_vcpu *opaque, const struct vemu_debug *debug)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    const bool eager = vcpu->vm->assist.eager;
    struct kvm_debug new = { .on = debug->step || debug->count, .step = debug->step,
                             .count = debug->count };
    int r = 0;

    if (eager && !new.on && !vcpu->assist)
        return 0;
    if (!eager)
        r = fill(vcpu, debug, &new.guest);
    if (r < 0)
        return r;
    if (debug->count) {
        new.points = malloc(debug->count * sizeof(*new.points));
        if (!new.points)
            return -ENOMEM;
        memcpy(new.points, debug->points, debug->count * sizeof(*new.points));
    }
    if (eager) {
        r = kvm__assist_ensure(vcpu);
        if (r >= 0)
            r = vemu__accel_soft.set_debug(vcpu->assist->soft_vcpu, debug);
        if (r >= 0)
            r = kvm__assist_debug(vcpu, vcpu->debug.on && !new.on);
    } else if (new.on || vcpu->debug.on) {
        r = vkvm_vcpu_set_guest_debug(vcpu->vcpu, &new.guest);
        if (r >= 0 && vcpu->assist)
            vcpu->assist->debug = new.guest;
        if (r >= 0 && vcpu->assist && vcpu->assist->soft_vcpu)
            r = vemu__accel_soft.set_debug(vcpu->assist->soft_vcpu, debug);
    }
    if (r < 0) {
        free(new.points);
        return r;
    }
    kvm__debug_fini(vcpu);
    vcpu->debug = new;
    return 0;
}

/* The kind that was asked for: KVM tells reads from writes no better than the processor. */
static bool find(const struct kvm_debug *d, const struct vkvm_debug_event *event,
                 struct vemu_exit *exit)
{
    for (uint32_t n = 0; n < d->count; n++) {
        const struct vemu_debug_point *p = &d->points[n];
        const bool fits = event->cause == VKVM_DEBUG_CAUSE_SOFTWARE ? p->kind == VEMU_DEBUG_SOFTWARE
                          : event->cause == VKVM_DEBUG_CAUSE_BREAKPOINT
                              ? p->kind == VEMU_DEBUG_EXECUTE
                              : !is_code(p) && (p->kind == VEMU_DEBUG_WRITE) ==
                                                   (event->access == VKVM_DEBUG_WRITE);

        if (!fits || p->address != event->address)
            continue;
        exit->debug.kind = p->kind;
        exit->debug.address = p->address;
        return true;
    }
    return false;
}

bool kvm__debug_exit(struct kvm_vcpu *vcpu, const struct vkvm_exit *e, struct vemu_exit *exit)
{
    struct vkvm_debug_event event;
    struct kvm_guest_debug copy = vcpu->debug.guest;

    exit->reason = VEMU_EXIT_DEBUG;
    exit->debug.kind = VEMU_DEBUG_STEP;
    exit->debug.address = 0;
    if (vcpu->vm->assist.eager) { /* one of step_on() in assist.c */
        for (uint32_t n = 0; (e->debug.dr6 & 15) && n < vcpu->debug.count; n++)
            if (is_code(&vcpu->debug.points[n]) && vcpu->debug.points[n].address == e->debug.pc) {
                exit->debug.kind = vcpu->debug.points[n].kind;
                exit->debug.address = e->debug.pc;
            }
        return true;
    }
    vkvm_debug_decode(&vcpu->debug.guest, e, &event);
    if (event.cause == VKVM_DEBUG_CAUSE_STEP ||
        (event.cause != VKVM_DEBUG_CAUSE_NONE && find(&vcpu->debug, &event, exit)))
        return true;
    if (vkvm_debug_inject(&copy, e->debug.exception) < 0 &&
        vkvm_debug_inject(&copy, EXCEPTION_DB) < 0)
        return true;
    vkvm_vcpu_set_guest_debug(vcpu->vcpu, &copy);
    return false;
}
