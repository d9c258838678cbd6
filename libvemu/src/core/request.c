/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the inside of the machine asks for: reset, power-off, sleep, panic, giving up.
 *
 * Requests arrive on vCPU threads with device locks held, or from timers and back-ends on the loop.
 * They are noted, all vCPUs are called out of the accelerator at once, so that the guest gets no
 * further, and the loop does the rest when it gets to it.
 */
#include <stdarg.h>

#include "core/lifecycle.h"
#include "core/sleep.h"
#include "gdb/gdb.h"

#define BIT(state) VEMU_STATE_BIT(state)

void vemu__requests_init(struct vemu_requests *requests)
{
    pthread_mutex_init(&requests->lock, NULL);
}

void vemu__requests_fini(struct vemu_requests *requests)
{
    g_clear_pointer(&requests->wishes.message, g_free);
    pthread_mutex_destroy(&requests->lock);
}

/* What a reboot leads to is the configuration's choice. */
static void serve_reset(struct vemu_vm *vm, enum vemu_cause cause)
{
    if (vm->config.flags & VEMU_VM_NO_REBOOT)
        vemu__life_shutdown(vm, cause, 0);
    else
        vemu__life_reset(vm, cause, NULL);
}

static void serve(struct vemu_vm *vm, const struct vemu_wishes *wishes)
{
    const uint32_t alive = BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_PAUSED);
    int state = atomic_load(&vm->state);

    if (wishes->error && BIT(state) & (alive | BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_SUSPENDED)))
        vemu__life_error(vm, wishes->message ? wishes->message : "");
    else if (wishes->panic && BIT(state) & alive)
        vemu__life_panic(vm, wishes->message);
    else if (wishes->io_stop && state == VEMU_VM_RUNNING) {
        vm->io_stopped = true;
        vemu__life_pause(vm);
    } else if (wishes->debug && state == VEMU_VM_RUNNING && vemu__gdb_wants(vm->gdb))
        vemu__life_pause(vm);

    /* The host's wish to quit is granted in every state, the guest's only while it is on. */
    state = atomic_load(&vm->state);
    if (wishes->shutdown && state != VEMU_VM_CREATED &&
        (wishes->shutdown_cause == VEMU_CAUSE_HOST_QUIT || BIT(state) & alive)) {
        if (wishes->shutdown_cause == VEMU_CAUSE_GUEST_SHUTDOWN && vm->powerdown_resets)
            serve_reset(vm, VEMU_CAUSE_HOST_RESET);
        else
            vemu__life_shutdown(vm, wishes->shutdown_cause, wishes->shutdown_code);
    } else if (wishes->reset && BIT(state) & alive) {
        serve_reset(vm, wishes->reset_cause);
    } else if (wishes->sleep && BIT(state) & alive) {
        vemu__life_sleep(vm, wishes->sleep_wakes);
    } else if (wishes->wake && state == VEMU_VM_SUSPENDED) {
        vemu__life_wake(vm, wishes->wake_cause);
    }
}

/* Those that a later request called out meanwhile stay outside until it is served. */
void vemu__requests_go_on(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->requests.lock);
    if (!vm->requests.posted && atomic_load(&vm->state) == VEMU_VM_RUNNING)
        vemu__vcpus_run(vm);
    pthread_mutex_unlock(&vm->requests.lock);
}

static void on_requests(void *data)
{
    struct vemu_vm *vm = data;
    struct vemu_requests *requests = &vm->requests;
    struct vemu_wishes wishes;

    pthread_mutex_lock(&requests->lock);
    wishes = requests->wishes;
    requests->wishes = (struct vemu_wishes){ 0 };
    requests->posted = false;
    pthread_mutex_unlock(&requests->lock);

    if (!vm->stopping) {
        serve(vm, &wishes);
        /* The request called the vCPUs out, also one that changed nothing. */
        vemu__requests_go_on(vm);
    }
    g_free(wishes.message);
    vemu__events_flush(vm->events);
}

static struct vemu_wishes *requests_lock(struct vemu_vm *vm)
{
    pthread_mutex_lock(&vm->requests.lock);
    return &vm->requests.wishes;
}

/* The vCPUs are called out before the lock falls: after on_requests() has let them run again, no
 * earlier request may stop them. */
static void requests_unlock(struct vemu_vm *vm)
{
    vemu__vcpus_interrupt(vm);
    if (!vm->requests.posted) {
        vm->requests.posted = true;
        vemu__loop_post(vm->loop, on_requests, vm, NULL);
    }
    pthread_mutex_unlock(&vm->requests.lock);
}

void vemu_vm_request_reset(struct vemu_vm *vm, enum vemu_cause cause)
{
    struct vemu_wishes *wishes = requests_lock(vm);

    if (!wishes->reset)
        wishes->reset_cause = cause;
    wishes->reset = true;
    requests_unlock(vm);
}

void vemu_vm_request_shutdown(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code)
{
    struct vemu_wishes *wishes = requests_lock(vm);

    if (!wishes->shutdown || cause == VEMU_CAUSE_HOST_QUIT) {
        wishes->shutdown_cause = cause;
        wishes->shutdown_code = code;
    }
    wishes->shutdown = true;
    requests_unlock(vm);
}

void vemu_vm_request_sleep(struct vemu_vm *vm, uint32_t wakes)
{
    struct vemu_wishes *wishes = requests_lock(vm);

    wishes->sleep = true;
    wishes->sleep_wakes = wakes;
    requests_unlock(vm);
}

/* Each key that is pressed comes here: nobody is disturbed for one in a machine that is awake. */
void vemu_vm_request_wake(struct vemu_vm *vm, enum vemu_wake cause)
{
    struct vemu_wishes *wishes;

    if (atomic_load(&vm->state) != VEMU_VM_SUSPENDED)
        return;
    wishes = requests_lock(vm);
    if (!wishes->wake)
        wishes->wake_cause = cause;
    wishes->wake = true;
    requests_unlock(vm);
}

void vemu_vm_report_panic(struct vemu_vm *vm, const char *message)
{
    struct vemu_wishes *wishes = requests_lock(vm);

    wishes->panic = true;
    if (!wishes->message)
        wishes->message = g_strdup(message);
    requests_unlock(vm);
}

void vemu__vm_request_debug(struct vemu_vm *vm)
{
    requests_lock(vm)->debug = true;
    requests_unlock(vm);
}

void vemu__vm_request_io_stop(struct vemu_vm *vm)
{
    requests_lock(vm)->io_stop = true;
    requests_unlock(vm);
}

void vemu__vm_request_error(struct vemu_vm *vm, const char *format, ...)
{
    struct vemu_wishes *wishes;
    char *message;
    va_list ap;

    va_start(ap, format);
    message = g_strdup_vprintf(format, ap);
    va_end(ap);
    wishes = requests_lock(vm);
    if (!wishes->error) {
        g_free(wishes->message);
        wishes->message = g_steal_pointer(&message);
    }
    wishes->error = true;
    requests_unlock(vm);
    g_free(message);
}
