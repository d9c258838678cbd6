/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPUs: one thread each, which creates, runs and destroys the accelerator's vCPU.
 *
 * Port and memory accesses are served inside vcpu_run() by the accelerator's callbacks; it comes
 * back only for what concerns the whole machine, and that becomes a request to the loop thread (see
 * lifecycle.c). The threads begin while the machine is still being built, since making a vCPU takes
 * the kernel as long as everything else together, and wait for its end before they take their
 * initial state. From then on a thread is in one of three places: inside vcpu_run(), doing one
 * piece of work for the loop, or asleep. `run` says whether it may be inside; clearing it, kicking
 * and waiting for
 * `inside` to fall is how the machine is stopped. A kick also ends the *next* vcpu_run(), so none
 * is lost between the check and the call.
 */
#include "core/vcpu.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/thread.h"
#include "core/vm.h"

struct vemu_vcpu {
    struct vemu_vm *vm;
    uint32_t id;
    pthread_t thread;
    /* under vcpus->lock */
    struct vemu_accel_vcpu *accel; /* NULL: not created, or gone */
    bool started;                  /* creating is over, with `result` */
    bool inside;
    vemu_vcpu_fn work;
    int result;
    struct vemu_error *err; /* of creating */
};

static int vcpu_reset(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu)
{
    struct vemu_cpu_state state;
    uint32_t groups;
    int r;

    r = vm->accel->vcpu_reset(vcpu);
    if (r < 0 || !vm->machine->class_->boot_state)
        return r;
    memset(&state, 0, sizeof(state));
    groups = vm->machine->class_->boot_state(vm->machine, id, &state);
    return groups ? vm->accel->set_state(vcpu, groups, &state) : 0;
}

/* A copy of what the accelerator offers; waits until vemu__vcpus_spawn() has asked it. */
static struct vemu_cpuid *cpuid_copy(struct vemu_vcpus *vcpus)
{
    pthread_mutex_lock(&vcpus->lock);
    while (!vcpus->cpuid)
        pthread_cond_wait(&vcpus->wake, &vcpus->lock);
    pthread_mutex_unlock(&vcpus->lock);
    return g_memdup2(vcpus->cpuid, sizeof(*vcpus->cpuid));
}

static int vcpu_create(struct vemu_vcpu *vcpu, struct vemu_error **err)
{
    struct vemu_vm *vm = vcpu->vm;
    g_autofree struct vemu_cpuid *cpuid = NULL;
    struct vemu_accel_vcpu *accel = NULL;
    int r;

    r = vm->accel->vcpu_create(vm->accel_vm, vcpu->id, &accel, err);
    if (r < 0) {
        vemu__error_set(err, -r, "cannot create vCPU %u: %s", vcpu->id, strerror(-r));
        return r;
    }
    cpuid = cpuid_copy(&vm->vcpus);
    vemu__cpuid_topology(cpuid, vcpu->id, vm->config.vcpus);
    r = vm->accel->set_cpuid(accel, cpuid);
    if (r < 0) {
        vm->accel->vcpu_destroy(accel);
        return vemu__error_set(err, -r, "cannot set CPUID of vCPU %u: %s", vcpu->id, strerror(-r));
    }
    pthread_mutex_lock(&vm->vcpus.lock);
    vcpu->accel = accel;
    pthread_mutex_unlock(&vm->vcpus.lock);
    return 0;
}

/* "at rip 0x..., instruction 0f 01 ..." for people who look for the cause. */
static void describe(struct vemu_vcpu *vcpu, const struct vemu_exit *exit, char *text, size_t size)
{
    struct vemu_vm *vm = vcpu->vm;
    struct vemu_cpu_state state;
    size_t used = 0;
    unsigned i;

    text[0] = '\0';
    if (vm->accel->get_state(vcpu->accel, VEMU_STATE_REGS, &state) >= 0)
        used = (size_t)snprintf(text, size, " at rip 0x%" PRIx64, state.regs.rip);
    if (exit->reason != VEMU_EXIT_INTERNAL_ERROR || !exit->internal.insn_size)
        return;
    used += (size_t)snprintf(text + used, size - used, ", instruction");
    for (i = 0; i < exit->internal.insn_size && i < sizeof(exit->internal.insn); i++)
        used += (size_t)snprintf(text + used, size - used, " %02x", exit->internal.insn[i]);
}

static void handle_exit(struct vemu_vcpu *vcpu, const struct vemu_exit *exit)
{
    struct vemu_vm *vm = vcpu->vm;
    char where[128];

    switch (exit->reason) {
    case VEMU_EXIT_INTR: return;
    case VEMU_EXIT_SHUTDOWN: vemu_vm_request_reset(vm, VEMU_CAUSE_GUEST_TRIPLE_FAULT); return;
    case VEMU_EXIT_SYSTEM_RESET: vemu_vm_request_reset(vm, VEMU_CAUSE_GUEST_RESET); return;
    case VEMU_EXIT_SYSTEM_OFF: vemu_vm_request_shutdown(vm, VEMU_CAUSE_GUEST_SHUTDOWN, 0); return;
    case VEMU_EXIT_SYSTEM_CRASH: vemu_vm_report_panic(vm, "the guest reported a crash"); return;
    case VEMU_EXIT_DEBUG:
        describe(vcpu, exit, where, sizeof(where));
        vemu__vm_request_error(vm, "vCPU %u: unexpected debug exit%s", vcpu->id, where);
        return;
    case VEMU_EXIT_INTERNAL_ERROR:
        describe(vcpu, exit, where, sizeof(where));
        vemu__vm_request_error(vm, "vCPU %u: accelerator %s cannot go on (suberror %u)%s", vcpu->id,
                               vm->accel->name, exit->internal.suberror, where);
        return;
    case VEMU_EXIT_FAIL_ENTRY:
        describe(vcpu, exit, where, sizeof(where));
        vemu__vm_request_error(vm,
                               "vCPU %u: the processor refused the guest state (hardware reason "
                               "0x%" PRIx64 ")%s",
                               vcpu->id, exit->fail_entry.hardware_reason, where);
        return;
    }
    vemu__vm_request_error(vm, "vCPU %u: unknown exit %d of accelerator %s", vcpu->id,
                           (int)exit->reason, vm->accel->name);
}

static void vcpu_loop(struct vemu_vcpu *vcpu)
{
    struct vemu_vm *vm = vcpu->vm;
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_exit exit;
    vemu_vcpu_fn work;
    int r;

    pthread_mutex_lock(&vcpus->lock);
    while (!vcpus->quit) {
        if (vcpu->work) {
            work = vcpu->work;
            pthread_mutex_unlock(&vcpus->lock);
            r = work(vm, vcpu->id, vcpu->accel);
            pthread_mutex_lock(&vcpus->lock);
            vcpu->work = NULL;
            vcpu->result = r;
            pthread_cond_broadcast(&vcpus->done);
        } else if (vcpus->run) {
            vcpu->inside = true;
            pthread_mutex_unlock(&vcpus->lock);
            exit.reason = VEMU_EXIT_INTR;
            r = vm->accel->vcpu_run(vcpu->accel, &exit);
            if (r < 0)
                vemu__vm_request_error(vm, "vCPU %u: accelerator %s failed: %s", vcpu->id,
                                       vm->accel->name, strerror(-r));
            else if (exit.reason != VEMU_EXIT_INTR)
                handle_exit(vcpu, &exit);
            pthread_mutex_lock(&vcpus->lock);
            vcpu->inside = false;
            if (!vcpus->run)
                pthread_cond_broadcast(&vcpus->done);
        } else {
            pthread_cond_wait(&vcpus->wake, &vcpus->lock);
        }
    }
    pthread_mutex_unlock(&vcpus->lock);
}

/* -ECANCELED: the machine was not finished. */
static int vcpu_start(struct vemu_vcpu *vcpu, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vcpu->vm->vcpus;
    bool loaded;
    int r = vcpu_create(vcpu, err);

    if (r < 0)
        return r;
    pthread_mutex_lock(&vcpus->lock);
    while (!vcpus->loaded && !vcpus->quit)
        pthread_cond_wait(&vcpus->wake, &vcpus->lock);
    loaded = vcpus->loaded;
    pthread_mutex_unlock(&vcpus->lock);
    r = loaded ? vcpu_reset(vcpu->vm, vcpu->id, vcpu->accel) : -ECANCELED;
    if (r < 0)
        vemu__error_set(err, -r, "cannot set vCPU %u to its initial state: %s", vcpu->id,
                        strerror(-r));
    return r;
}

static void *vcpu_main(void *arg)
{
    struct vemu_vcpu *vcpu = arg;
    struct vemu_vcpus *vcpus = &vcpu->vm->vcpus;
    struct vemu_accel_vcpu *accel;
    struct vemu_error *err = NULL;
    int r = vcpu_start(vcpu, &err);

    pthread_mutex_lock(&vcpus->lock);
    vcpu->started = true;
    vcpu->result = r;
    vcpu->err = err;
    pthread_cond_broadcast(&vcpus->done);
    pthread_mutex_unlock(&vcpus->lock);

    if (r >= 0)
        vcpu_loop(vcpu);

    pthread_mutex_lock(&vcpus->lock);
    accel = vcpu->accel;
    vcpu->accel = NULL; /* no kick after this */
    pthread_mutex_unlock(&vcpus->lock);
    if (accel)
        vcpu->vm->accel->vcpu_destroy(accel);
    return NULL;
}

void vemu__vcpus_init(struct vemu_vcpus *vcpus)
{
    pthread_mutex_init(&vcpus->lock, NULL);
    pthread_cond_init(&vcpus->wake, NULL);
    pthread_cond_init(&vcpus->done, NULL);
}

void vemu__vcpus_fini(struct vemu_vcpus *vcpus)
{
    pthread_cond_destroy(&vcpus->done);
    pthread_cond_destroy(&vcpus->wake);
    pthread_mutex_destroy(&vcpus->lock);
}

int vemu__vcpus_spawn(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_cpuid *cpuid = g_new0(struct vemu_cpuid, 1);
    char name[16];
    uint32_t i;
    int r = 0, r2;

    pthread_mutex_lock(&vcpus->lock);
    vcpus->list = g_new0(struct vemu_vcpu, vm->config.vcpus);
    for (i = 0; i < vm->config.vcpus && r >= 0; i++) {
        struct vemu_vcpu *vcpu = &vcpus->list[i];

        vcpu->vm = vm;
        vcpu->id = i;
        snprintf(name, sizeof(name), "vcpu%u", i);
        r = vemu__thread_start(vm, name, vcpu_main, vcpu, &vcpu->thread);
        if (r < 0)
            vemu__error_set(err, -r, "cannot start the thread of vCPU %u: %s", i, strerror(-r));
        else
            vcpus->count++;
    }
    pthread_mutex_unlock(&vcpus->lock);

    r2 = vm->accel->supported_cpuid(vm->accel_vm, cpuid);
    if (r2 < 0)
        r = vemu__error_set(err, -r2, "cannot ask accelerator %s for its CPUID: %s",
                            vm->accel->name, strerror(-r2));
    pthread_mutex_lock(&vcpus->lock);
    vcpus->cpuid = cpuid;
    pthread_cond_broadcast(&vcpus->wake);
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

int vemu__vcpus_create(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;
    int r = 0;

    pthread_mutex_lock(&vcpus->lock);
    vcpus->loaded = true;
    pthread_cond_broadcast(&vcpus->wake);
    for (i = 0; i < vcpus->count; i++) {
        struct vemu_vcpu *vcpu = &vcpus->list[i];

        while (!vcpu->started)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
        if (vcpu->result < 0 && r >= 0) {
            r = vcpu->result;
            if (err && !*err)
                *err = g_steal_pointer(&vcpu->err);
        }
        vcpu->err = vemu_error_free(vcpu->err);
    }
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

void vemu__vcpus_destroy(struct vemu_vm *vm)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i, count;

    vemu__vcpus_park(vm);
    pthread_mutex_lock(&vcpus->lock);
    vcpus->quit = true;
    count = vcpus->count;
    pthread_cond_broadcast(&vcpus->wake);
    pthread_mutex_unlock(&vcpus->lock);
    for (i = 0; i < count; i++) {
        pthread_join(vcpus->list[i].thread, NULL);
        vemu_error_free(vcpus->list[i].err);
    }
    pthread_mutex_lock(&vcpus->lock);
    vcpus->count = 0;
    g_clear_pointer(&vcpus->list, g_free);
    g_clear_pointer(&vcpus->cpuid, g_free);
    pthread_mutex_unlock(&vcpus->lock);
}

void vemu__vcpus_run(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->vcpus.lock);
    vm->vcpus.run = true;
    pthread_cond_broadcast(&vm->vcpus.wake);
    pthread_mutex_unlock(&vm->vcpus.lock);
}

static void interrupt_locked(struct vemu_vm *vm)
{
    uint32_t i;

    vm->vcpus.run = false;
    for (i = 0; i < vm->vcpus.count; i++)
        if (vm->vcpus.list[i].inside)
            vm->accel->vcpu_kick(vm->vcpus.list[i].accel);
}

void vemu__vcpus_interrupt(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->vcpus.lock);
    interrupt_locked(vm);
    pthread_mutex_unlock(&vm->vcpus.lock);
}

void vemu__vcpus_park(struct vemu_vm *vm)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;

    pthread_mutex_lock(&vcpus->lock);
    interrupt_locked(vm);
    for (i = 0; i < vcpus->count; i++)
        while (vcpus->list[i].inside)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
    pthread_mutex_unlock(&vcpus->lock);
}

int vemu__vcpus_call(struct vemu_vm *vm, vemu_vcpu_fn fn)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;
    int r = 0;

    pthread_mutex_lock(&vcpus->lock);
    for (i = 0; i < vcpus->count; i++)
        vcpus->list[i].work = fn;
    pthread_cond_broadcast(&vcpus->wake);
    for (i = 0; i < vcpus->count; i++) {
        while (vcpus->list[i].work)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
        if (vcpus->list[i].result < 0 && r >= 0)
            r = vcpus->list[i].result;
    }
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

int vemu__vcpus_reset(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = vemu__vcpus_call(vm, vcpu_reset);

    if (r < 0)
        vemu__error_set(err, -r, "cannot set the vCPUs to their initial state: %s", strerror(-r));
    return r;
}
