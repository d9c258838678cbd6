/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPUs: one thread each, which creates, runs and destroys the accelerator's vCPU.
 *
 * Port and memory accesses are served inside vcpu_run() by the accelerator's callbacks; it comes
 * back only for what concerns the whole machine, and that becomes a request to the loop thread (see
 * lifecycle.c).
 *
 * The threads begin before there is a machine, since what the kernel does to make a vCPU takes as
 * long as all the rest: the first asks for the CPUID while the loop makes the accelerator's VM, all
 * make their vCPUs while it builds the board. Where the guest begins is known when that is done; a
 * thread takes that state with its first work.
 *
 * From then on a thread is in one of three places: inside vcpu_run(), doing one piece of work for
 * the loop, or asleep. `run` says whether it may be inside; clearing it, kicking and waiting for
 * `inside` to fall is how the machine is stopped. A kick also ends the *next* vcpu_run(), so none
 * is lost between the check and the call.
 *
 * vCPUs that may be plugged in are entries without a thread; one that was taken out keeps its
 * thread, asleep, and has its power-on state, in which no interrupt reaches it.
 *
 * Threads are woken after the lock fell, or they would wake only to wait for it.
 */
#include "core/vcpu.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/thread.h"
#include "core/vm.h"
#include "gdb/gdb.h"

struct vemu_vcpu {
    struct vemu_vm *vm;
    uint32_t id;
    pthread_t thread;
    /* under vcpus->lock */
    pid_t tid; /* 0: the thread has not begun */
    struct vemu_accel_vcpu *accel; /* NULL: not created, or gone */
    bool started;                  /* creating is over, with `result` */
    bool inside;
    bool boot; /* the board's initial state is still to be taken */
    bool held; /* stays outside although others run */
    bool made;    /* has a thread, to be joined */
    bool present; /* is plugged in */
    vemu_vcpu_fn work;
    vemu_vcpu_data_fn work_with; /* the same with `work_data` */
    void *work_data;
    int result;
    struct vemu_error *err; /* of creating */
};

/* Where the loaded guest begins. */
static int vcpu_boot(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu)
{
    struct vemu_cpu_state state;
    uint32_t groups;

    if (!vm->machine->class_->boot_state)
        return 0;
    memset(&state, 0, sizeof(state));
    groups = vm->machine->class_->boot_state(vm->machine, id, &state);
    return groups ? vm->accel->set_state(vcpu, groups, &state) : 0;
}

static int vcpu_reset(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu)
{
    int r = vm->accel->vcpu_reset(vcpu);

    return r < 0 ? r : vcpu_boot(vm, id, vcpu);
}

/* Waits for vemu__vcpus_begin(). False: it will not come. */
static int vcpu_create(struct vemu_vcpu *vcpu, struct vemu_error **err)
{
    struct vemu_vm *vm = vcpu->vm;
    g_autofree struct vemu_cpuid *cpuid = NULL;
    const struct vemu_topology topology = vemu__topology_of(&vm->config);
    struct vemu_accel_vcpu *accel = NULL;
    int r = vcpu->id == 0 ? vemu__vcpus_ask_cpuid(vm, err) : 0;

    if (r < 0)
        return r;
    if (!vemu__vcpus_wait_accel(&vm->vcpus))
        return -ECANCELED;
    r = vm->accel->vcpu_create(vm->accel_vm, vemu__topology_apic_id(&topology, vcpu->id), &accel,
                               err);
    if (r < 0) {
        vemu__error_set(err, -r, "cannot create vCPU %u: %s", vcpu->id, strerror(-r));
        return r;
    }
    cpuid = vemu__vcpus_copy_cpuid(&vm->vcpus);
    if (!cpuid) {
        vm->accel->vcpu_destroy(accel);
        return -ECANCELED;
    }
    vemu__cpuid_topology(cpuid, &topology, vcpu->id);
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

    if (exit->reason == VEMU_EXIT_DEBUG && vm->gdb) {
        vemu__gdb_note(vm->gdb, vcpu->id, exit);
        vemu__vm_request_debug(vm);
        return;
    }
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
        const bool busy = vcpu->work || vcpu->work_with;
        const bool runs = vcpus->run && vcpu->present && !vcpu->held;

        if (vcpu->boot && (busy || runs)) {
            vcpu->boot = false;
            pthread_mutex_unlock(&vcpus->lock);
            r = vcpu_boot(vm, vcpu->id, vcpu->accel);
            if (r < 0)
                vemu__vm_request_error(vm, "cannot set vCPU %u to its initial state: %s", vcpu->id,
                                       strerror(-r));
            pthread_mutex_lock(&vcpus->lock);
        } else if (vcpu->work) {
            work = vcpu->work;
            pthread_mutex_unlock(&vcpus->lock);
            r = work(vm, vcpu->id, vcpu->accel);
            pthread_mutex_lock(&vcpus->lock);
            vcpu->work = NULL;
            vcpu->result = r;
            pthread_cond_broadcast(&vcpus->done);
        } else if (vcpu->work_with) {
            vemu_vcpu_data_fn work_with = vcpu->work_with;
            pthread_mutex_unlock(&vcpus->lock);
            r = work_with(vm, vcpu->id, vcpu->accel, vcpu->work_data);
            pthread_mutex_lock(&vcpus->lock);
            vcpu->work_with = NULL;
            vcpu->result = r;
            pthread_cond_broadcast(&vcpus->done);
        } else if (runs) {
            vcpu->inside = true;
            pthread_mutex_unlock(&vcpus->lock);
            exit.reason = VEMU_EXIT_INTR;
            r = vm->accel->vcpu_run(vcpu->accel, &exit);
            VEMU_TRACE(vm, VCPU_EXIT, NULL, vcpu->id, r < 0 ? (uint64_t)r : exit.reason);
            if (r < 0)
                vemu__vm_request_error(vm, "vCPU %u: accelerator %s failed: %s", vcpu->id,
                                       vm->accel->name, strerror(-r));
            else if (exit.reason != VEMU_EXIT_INTR)
                handle_exit(vcpu, &exit);
            pthread_mutex_lock(&vcpus->lock);
            vcpu->inside = false;
            if (!vcpus->run || !vcpu->present)
                pthread_cond_broadcast(&vcpus->done);
        } else {
            pthread_cond_wait(&vcpus->wake, &vcpus->lock);
        }
    }
    pthread_mutex_unlock(&vcpus->lock);
}

static int vcpu_start(struct vemu_vcpu *vcpu, struct vemu_error **err)
{
    int r = vcpu_create(vcpu, err);

    if (r < 0)
        return r;
    r = vcpu->vm->accel->vcpu_reset(vcpu->accel);
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
    vcpu->tid = gettid();
    vcpu->started = vcpu->boot = true;
    vcpu->result = r;
    vcpu->err = err;
    pthread_mutex_unlock(&vcpus->lock);
    pthread_cond_broadcast(&vcpus->done);

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

/* The caller holds the lock. */
static int spawn_locked(struct vemu_vm *vm, uint32_t id, struct vemu_error **err)
{
    struct vemu_vcpu *vcpu = &vm->vcpus.list[id];
    char name[16];
    int r;

    *vcpu = (struct vemu_vcpu){ .vm = vm, .id = id };
    snprintf(name, sizeof(name), "vcpu%u", id);
    r = vemu__thread_start(vm, name, vcpu_main, vcpu, &vcpu->thread);
    vcpu->made = vcpu->present = r >= 0;
    return r >= 0 ? 0
                  : vemu__error_set(err, -r, "cannot start the thread of vCPU %u: %s", id,
                                    strerror(-r));
}

int vemu__vcpus_spawn(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;
    int r = 0;

    pthread_mutex_lock(&vcpus->lock);
    vcpus->list = g_new0(struct vemu_vcpu, vm->config.max_vcpus);
    vcpus->count = vm->config.max_vcpus;
    for (i = 0; i < vm->config.vcpus && r >= 0; i++)
        r = spawn_locked(vm, i, err);
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

void vemu__vcpus_begin(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->vcpus.lock);
    vm->vcpus.accel = true;
    pthread_mutex_unlock(&vm->vcpus.lock);
    pthread_cond_broadcast(&vm->vcpus.wake);
}

int vemu__vcpus_create(struct vemu_vm *vm, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;
    int r = 0;

    pthread_mutex_lock(&vcpus->lock);
    for (i = 0; i < vcpus->count; i++) {
        struct vemu_vcpu *vcpu = &vcpus->list[i];

        while (vcpu->made && !vcpu->started)
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

void vemu__vcpus_quit(struct vemu_vm *vm)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;

    vemu__vcpus_park(vm);
    pthread_mutex_lock(&vcpus->lock);
    vcpus->quit = true;
    vcpus->count = 0; /* nothing to run, to kick or to call any more */
    pthread_mutex_unlock(&vcpus->lock);
    pthread_cond_broadcast(&vcpus->wake);
}

void vemu__vcpus_destroy(struct vemu_vm *vm)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    uint32_t i;

    vemu__vcpus_quit(vm);
    for (i = 0; vcpus->list && i < vm->config.max_vcpus; i++) {
        if (!vcpus->list[i].made)
            continue;
        pthread_join(vcpus->list[i].thread, NULL);
        vemu_error_free(vcpus->list[i].err);
    }
    pthread_mutex_lock(&vcpus->lock);
    vcpus->quit = vcpus->no_cpuid = false; /* realizing can be tried again */
    g_clear_pointer(&vcpus->list, g_free);
    g_clear_pointer(&vcpus->cpuid, g_free);
    pthread_mutex_unlock(&vcpus->lock);
}

void vemu__vcpus_run(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->vcpus.lock);
    vm->vcpus.run = true;
    pthread_mutex_unlock(&vm->vcpus.lock);
    pthread_cond_broadcast(&vm->vcpus.wake);
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
        if (vcpus->list[i].present)
            vcpus->list[i].work = fn;
    pthread_cond_broadcast(&vcpus->wake);
    for (i = 0; i < vcpus->count; i++) {
        while (vcpus->list[i].work)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
        if (vcpus->list[i].present && vcpus->list[i].result < 0 && r >= 0)
            r = vcpus->list[i].result;
    }
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

int vemu__vcpu_call(struct vemu_vm *vm, uint32_t id, vemu_vcpu_data_fn fn, void *data)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_vcpu *vcpu;
    int r = -ENODEV;

    pthread_mutex_lock(&vcpus->lock);
    if (id < vcpus->count && vcpus->list[id].present && vcpus->list[id].started &&
        vcpus->list[id].accel) {
        vcpu = &vcpus->list[id];
        vcpu->work_data = data;
        vcpu->work_with = fn;
        pthread_cond_broadcast(&vcpus->wake);
        while (vcpu->work_with)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
        r = vcpu->result;
    }
    pthread_mutex_unlock(&vcpus->lock);
    return r;
}

void vemu__vcpu_hold(struct vemu_vm *vm, uint32_t id, bool hold)
{
    pthread_mutex_lock(&vm->vcpus.lock);
    if (id < vm->vcpus.count)
        vm->vcpus.list[id].held = hold;
    pthread_mutex_unlock(&vm->vcpus.lock);
}

int vemu__vcpus_reset(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = vemu__vcpus_call(vm, vcpu_reset);

    if (r < 0)
        vemu__error_set(err, -r, "cannot set the vCPUs to their initial state: %s", strerror(-r));
    return r;
}

int vemu__vcpus_thread_id(struct vemu_vm *vm, uint32_t id)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    int tid;

    pthread_mutex_lock(&vcpus->lock);
    tid = id < vcpus->count && vcpus->list[id].present ? vcpus->list[id].tid : 0;
    pthread_mutex_unlock(&vcpus->lock);
    return tid;
}

/* --- plugging in and out ---------------------------------------------------------------------- */

/* The caller holds the lock; the vCPU is not inside and will not go. */
static int power_on_locked(struct vemu_vcpus *vcpus, struct vemu_vcpu *vcpu)
{
    vcpu->work = vcpu_reset;
    pthread_cond_broadcast(&vcpus->wake);
    while (vcpu->work)
        pthread_cond_wait(&vcpus->done, &vcpus->lock);
    return vcpu->result;
}

/* The first time: a thread, which makes the vCPU. */
static int make_locked(struct vemu_vm *vm, uint32_t id, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_vcpu *vcpu = &vcpus->list[id];
    int r = spawn_locked(vm, id, err);

    if (r < 0)
        return r;
    while (!vcpu->started)
        pthread_cond_wait(&vcpus->done, &vcpus->lock);
    if (vcpu->result >= 0)
        return 0;
    r = vcpu->result;
    if (err && !*err)
        *err = g_steal_pointer(&vcpu->err);
    vemu_error_free(vcpu->err);
    pthread_mutex_unlock(&vcpus->lock);
    pthread_join(vcpu->thread, NULL);
    pthread_mutex_lock(&vcpus->lock);
    *vcpu = (struct vemu_vcpu){ .vm = vm, .id = id };
    return r;
}

int vemu__vcpu_plug(struct vemu_vm *vm, uint32_t id, struct vemu_error **err)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_vcpu *vcpu;
    int r;

    pthread_mutex_lock(&vcpus->lock);
    if (id >= vcpus->count || vcpus->list[id].present) {
        r = id >= vcpus->count
                ? vemu__error_set(err, EINVAL, "there is no room for vCPU %u", id)
                : vemu__error_set(err, EEXIST, "vCPU %u is there already", id);
    } else if (!vcpus->list[id].made) {
        r = make_locked(vm, id, err);
    } else {
        vcpu = &vcpus->list[id];
        r = power_on_locked(vcpus, vcpu);
        if (r < 0)
            vemu__error_set(err, -r, "cannot set vCPU %u to its initial state: %s", id,
                            strerror(-r));
        vcpu->held = false;
        vcpu->present = r >= 0;
    }
    pthread_mutex_unlock(&vcpus->lock);
    pthread_cond_broadcast(&vcpus->wake);
    return r;
}

void vemu__vcpu_unplug(struct vemu_vm *vm, uint32_t id)
{
    struct vemu_vcpus *vcpus = &vm->vcpus;
    struct vemu_vcpu *vcpu;

    pthread_mutex_lock(&vcpus->lock);
    if (id < vcpus->count && vcpus->list[id].present) {
        vcpu = &vcpus->list[id];
        vcpu->present = false;
        if (vcpu->inside)
            vm->accel->vcpu_kick(vcpu->accel);
        while (vcpu->inside)
            pthread_cond_wait(&vcpus->done, &vcpus->lock);
        power_on_locked(vcpus, vcpu);
    }
    pthread_mutex_unlock(&vcpus->lock);
}

bool vemu__vcpu_is_present(struct vemu_vm *vm, uint32_t id)
{
    bool present;

    pthread_mutex_lock(&vm->vcpus.lock);
    present = id < vm->vcpus.count && vm->vcpus.list[id].present;
    pthread_mutex_unlock(&vm->vcpus.lock);
    return present;
}

uint32_t vemu__vcpus_present(struct vemu_vm *vm)
{
    uint32_t count = 0;

    pthread_mutex_lock(&vm->vcpus.lock);
    for (uint32_t id = 0; id < vm->vcpus.count; id++)
        count += vm->vcpus.list[id].present;
    pthread_mutex_unlock(&vm->vcpus.lock);
    return count;
}

void vemu__vcpu_place(const struct vemu_vm *vm, uint32_t id, struct vemu_vcpu_place *ret)
{
    const struct vemu_topology topology = vemu__topology_of(&vm->config);

    *ret = vemu__topology_place(&topology, id);
}

char *vemu__vcpu_type(const struct vemu_vm *vm)
{
    return g_strdup_printf("%.*s-x86_64-cpu", (int)strcspn(vm->config.cpu, ","), vm->config.cpu);
}

void vemu__vcpus_pause_for(struct vemu_vm *vm)
{
    vemu__vcpus_park(vm);
}

void vemu__vcpus_go_on(struct vemu_vm *vm)
{
    /* Those that a request has called out stay outside until it is served. */
    pthread_mutex_lock(&vm->requests.lock);
    if (!vm->requests.posted && atomic_load(&vm->state) == VEMU_VM_RUNNING)
        vemu__vcpus_run(vm);
    pthread_mutex_unlock(&vm->requests.lock);
}
