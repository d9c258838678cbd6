/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a machine: its states, who may change them, and what happens on the way.
 *
 * All changes are made on the loop thread, one after the other; calls from outside go there and
 * wait. vemu__state_set() is the only function that writes the state, and it asserts that the step
 * is one of the table below (docs/lifecycle.md draws it). What the guest asks for comes by
 * request.c.
 */
#include "core/lifecycle.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "block/backend.h"
#include "core/sleep.h"
#include "core/thread.h"
#include "dump/dump.h"
#include "gdb/gdb.h"
#include "jobs/job.h"
#include "nbd-server/vm.h"

#define BIT(state) VEMU_STATE_BIT(state)

static const uint32_t legal_steps[] = {
    [VEMU_VM_CREATED] = BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_PRELAUNCH] =
        BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_RUNNING] = BIT(VEMU_VM_PAUSED) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_PANICKED) |
                        BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_SUSPENDED) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_PAUSED] = BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_PANICKED) |
                       BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_SUSPENDED) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_SUSPENDED] =
        BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_SHUTDOWN] = BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_PANICKED] =
        BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_ERROR] = BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_STOPPED),
    [VEMU_VM_STOPPED] = 0,
};

const char *vemu__state_name(int state)
{
    static const char *const names[] = {
        [VEMU_VM_CREATED] = "not realized", [VEMU_VM_PRELAUNCH] = "not started",
        [VEMU_VM_RUNNING] = "running",      [VEMU_VM_PAUSED] = "paused",
        [VEMU_VM_SHUTDOWN] = "shut down",   [VEMU_VM_PANICKED] = "panicked",
        [VEMU_VM_ERROR] = "in error",       [VEMU_VM_STOPPED] = "stopped",
        [VEMU_VM_SUSPENDED] = "suspended",
    };

    return names[state];
}

static int state_get(struct vemu_vm *vm)
{
    return atomic_load(&vm->state);
}

void vemu__state_set(struct vemu_vm *vm, int to)
{
    pthread_mutex_lock(&vm->state_lock);
    g_assert(legal_steps[state_get(vm)] & BIT(to));
    VEMU_TRACE(vm, VM_STATE, vemu__state_name(to), (uint64_t)to);
    atomic_store(&vm->state, to);
    pthread_cond_broadcast(&vm->state_cond);
    pthread_mutex_unlock(&vm->state_lock);
}

/* Before the state: whoever waits for that asks for the cause next. */
static void cause_set(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code)
{
    pthread_mutex_lock(&vm->state_lock);
    vm->cause = cause;
    vm->code = code;
    pthread_mutex_unlock(&vm->state_lock);
}

int vemu__state_check(struct vemu_vm *vm, uint32_t mask, const char *verb, struct vemu_error **err)
{
    int state = state_get(vm);

    if (BIT(state) & mask && !vm->stopping)
        return 0;
    if (vm->stopping)
        return vemu__error_set(err, EINVAL, "cannot %s: the machine is being stopped", verb);
    return vemu__error_set(err, EINVAL, "cannot %s: the machine is %s", verb,
                           vemu__state_name(state));
}

/* --- stopping and going on -------------------------------------------------------------------- */

/* Time goes before the first vCPU does and stands after the last one. */
void vemu__machine_go(struct vemu_vm *vm)
{
    vm->started = true;
    vm->io_stopped = false;
    vemu__devices_call(vm, VEMU_DEVICE_RESUME);
    vemu__blocks_resume(vm);
    vemu__timers_run(vm->timers, true);
    if (vm->gdb)
        vemu__gdb_go(vm->gdb);
    vm->accel->vm_paused(vm->accel_vm, false);
    vemu__times_start(vm);
    vemu__vcpus_run(vm);
}

void vemu__machine_halt(struct vemu_vm *vm)
{
    vemu__vcpus_park(vm);
    vm->accel->vm_paused(vm->accel_vm, true);
    vemu__timers_run(vm->timers, false);
    vemu__devices_call(vm, VEMU_DEVICE_PAUSE);
    if (vm->gdb)
        vemu__gdb_halted(vm->gdb);
}

/* Leaves RUNNING (or a state in which nothing runs) for good or for now. */
static void leave(struct vemu_vm *vm, int to)
{
    vemu__sleep_end(vm);
    if (state_get(vm) == VEMU_VM_RUNNING)
        vemu__machine_halt(vm);
    if (state_get(vm) != to)
        vemu__state_set(vm, to);
}

void vemu__life_error(struct vemu_vm *vm, const char *message)
{
    vemu_vm_log(vm, VEMU_LOG_ERROR, "%s", message);
    cause_set(vm, VEMU_CAUSE_INTERNAL_ERROR, 0);
    leave(vm, VEMU_VM_ERROR);
    vemu__events_emit(vm->events, VEMU_EVENT_ERROR, VEMU_CAUSE_INTERNAL_ERROR, 0, message);
}

/* vCPUs do not run. */
static int machine_reset(struct vemu_vm *vm, struct vemu_error **err)
{
    vm->powerdown_resets = false;
    vemu__times_reset(vm);
    vemu__devices_call(vm, VEMU_DEVICE_RESET);
    return vemu__machine_load(vm, err);
}

/* A failure leaves the machine in ERROR. */
int vemu__life_reset(struct vemu_vm *vm, enum vemu_cause cause, struct vemu_error **err)
{
    struct vemu_error *why = NULL;
    int state = state_get(vm);
    int r;

    VEMU_TRACE(vm, VM_RESET, NULL, (uint64_t)cause);
    if (state == VEMU_VM_RUNNING)
        vemu__machine_halt(vm);
    vemu__sleep_end(vm);
    r = machine_reset(vm, &why);
    if (r < 0) {
        vemu__error_prefix(&why, "reset");
        if (state == VEMU_VM_RUNNING)
            vemu__state_set(vm, VEMU_VM_PAUSED);
        vemu__life_error(vm, vemu_error_message(why));
        vemu__error_set(err, -r, "%s", vemu_error_message(why));
        vemu_error_free(why);
        return r;
    }
    vemu__events_emit(vm->events, VEMU_EVENT_RESET, cause, 0, NULL);
    if (state == VEMU_VM_SUSPENDED) {
        vemu__state_set(vm, VEMU_VM_RUNNING);
        vemu__machine_go(vm);
        vemu__events_emit(vm->events, VEMU_EVENT_WOKEN, VEMU_CAUSE_NONE, 0, NULL);
    } else if (state == VEMU_VM_RUNNING)
        vemu__machine_go(vm);
    else if (state != VEMU_VM_PAUSED && state != VEMU_VM_PRELAUNCH)
        vemu__state_set(vm, VEMU_VM_PRELAUNCH);
    if (BIT(state) & (BIT(VEMU_VM_SHUTDOWN) | BIT(VEMU_VM_PANICKED) | BIT(VEMU_VM_ERROR)))
        cause_set(vm, VEMU_CAUSE_NONE, 0);
    return 0;
}

void vemu__life_pause(struct vemu_vm *vm)
{
    leave(vm, VEMU_VM_PAUSED);
    vemu__events_emit(vm->events, VEMU_EVENT_PAUSED, VEMU_CAUSE_NONE, 0, NULL);
}

void vemu__life_panic(struct vemu_vm *vm, const char *message)
{
    cause_set(vm, VEMU_CAUSE_GUEST_PANIC, 0);
    leave(vm, VEMU_VM_PANICKED);
    vemu__events_emit(vm->events, VEMU_EVENT_PANICKED, VEMU_CAUSE_GUEST_PANIC, 0, message);
}

void vemu__life_shutdown(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code)
{
    int state = state_get(vm);

    cause_set(vm, cause, code);
    leave(vm, VEMU_VM_SHUTDOWN);
    vemu_vm_log(vm, VEMU_LOG_INFO, "machine shut down from state %s", vemu__state_name(state));
    if (cause == VEMU_CAUSE_GUEST_DEBUG_EXIT)
        vemu__events_emit(vm->events, VEMU_EVENT_DEBUG_EXIT, cause, code, NULL);
    vemu__events_emit(vm->events, VEMU_EVENT_SHUTDOWN, cause, code, NULL);
}

/* --- the calls of <vemu/vm.h> ----------------------------------------------------------------- */

static int do_realize(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    int r = vemu__state_check(vm, BIT(VEMU_VM_CREATED), "realize", err);

    if (r >= 0)
        r = vemu__realize(vm, err);
    if (r >= 0) {
        vm->times.realized = vemu__times_now();
        vemu__state_set(vm, VEMU_VM_PRELAUNCH);
    }
    return r;
}

static int do_run(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *verb = data;
    bool first = !vm->started;
    int r;

    r = vemu__state_check(vm, BIT(strcmp(verb, "start") == 0 ? VEMU_VM_PRELAUNCH : VEMU_VM_PAUSED),
                          verb, err);
    if (r >= 0)
        r = vemu__dump_check(vm, err);
    if (r < 0)
        return r;
    vemu__state_set(vm, VEMU_VM_RUNNING);
    vemu__machine_go(vm);
    vemu__events_emit(vm->events, first ? VEMU_EVENT_STARTED : VEMU_EVENT_RESUMED, VEMU_CAUSE_NONE,
                      0, NULL);
    return 0;
}

static int do_pause(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    int r = vemu__state_check(vm, BIT(VEMU_VM_RUNNING), "pause", err);

    if (r < 0)
        return r;
    vemu__life_pause(vm);
    return 0;
}

static int do_reset(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    uint32_t mask = BIT(VEMU_VM_PRELAUNCH) | BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_PAUSED) |
                    BIT(VEMU_VM_PANICKED) | BIT(VEMU_VM_ERROR) | BIT(VEMU_VM_SUSPENDED);
    int r;

    if (vm->config.flags & VEMU_VM_NO_SHUTDOWN)
        mask |= BIT(VEMU_VM_SHUTDOWN);
    r = vemu__state_check(vm, mask, "reset", err);
    if (r >= 0)
        r = vemu__dump_check(vm, err);
    return r < 0 ? r : vemu__life_reset(vm, VEMU_CAUSE_HOST_RESET, err);
}

static int do_powerdown(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    int r =
        vemu__state_check(vm, BIT(VEMU_VM_RUNNING) | BIT(VEMU_VM_PAUSED) | BIT(VEMU_VM_SUSPENDED),
                          "press the power button", err);

    if (r < 0)
        return r;
    if (state_get(vm) == VEMU_VM_SUSPENDED) { /* that is all it does */
        vemu__events_emit(vm->events, VEMU_EVENT_POWERDOWN, VEMU_CAUSE_NONE, 0, NULL);
        vemu__life_wake(vm, VEMU_WAKE_BUTTON);
        return 0;
    }
    if (!vemu__devices_powerdown(vm))
        return vemu__error_set(err, ENOTSUP, "machine '%s' has no power button",
                               vm->machine->class_->name);
    vm->powerdown_resets = data != NULL;
    vemu__events_emit(vm->events, VEMU_EVENT_POWERDOWN, VEMU_CAUSE_NONE, 0, NULL);
    return 0;
}

int vemu_vm_realize(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_realize, NULL, err);
}

int vemu_vm_start(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_run, (char *)"start", err);
}

int vemu_vm_resume(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_run, (char *)"resume", err);
}

int vemu_vm_pause(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_pause, NULL, err);
}

int vemu_vm_reset(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_reset, NULL, err);
}

int vemu_vm_powerdown(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_powerdown, NULL, err);
}

int vemu__vm_powerdown_reset(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_powerdown, vm, err);
}

/* The loop's part of vemu_vm_stop(). From here on nothing but the rest of it can happen. */
static int do_stop(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    int state = state_get(vm);

    vm->stopping = true;
    if (state == VEMU_VM_RUNNING)
        vemu__machine_halt(vm);
    vemu__sleep_end(vm);
    vemu__dump_cancel(vm);
    vemu__vcpus_quit(vm);
    if (state != VEMU_VM_CREATED && state != VEMU_VM_SHUTDOWN) {
        cause_set(vm, VEMU_CAUSE_HOST_QUIT, 0);
        vemu__events_emit(vm->events, VEMU_EVENT_SHUTDOWN, VEMU_CAUSE_HOST_QUIT, 0, NULL);
    }
    return 0;
}

/* Apart from do_stop(), so that the monitors have seen the last event. */
static int do_close(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    guint i;

    vemu__jobs_stop(vm);
    g_ptr_array_set_size(vm->monitors, 0);
    g_ptr_array_set_size(vm->monitor_servers, 0);
    vemu__vm_nbd_stop(vm);
    vm->gdb = vemu__gdb_free(vm->gdb);
    for (i = vm->devices->len; i > 0; i--)
        vemu__device_unrealize(vm->devices->pdata[i - 1]);
    vemu__chardevs_close(vm);
    vemu__vcpus_destroy(vm);
    return 0;
}

int vemu_vm_stop(struct vemu_vm *vm, struct vemu_error **err)
{
    int r = 0;

    if (vemu__thread_vm() == vm)
        return vemu__error_set(err, EDEADLK, "cannot stop the machine from one of its threads");
    pthread_mutex_lock(&vm->stop_lock);
    if (state_get(vm) != VEMU_VM_STOPPED) {
        r = vemu__vm_control(vm, do_stop, NULL, err);
        if (r >= 0)
            r = vemu__vm_control(vm, do_close, NULL, err);
        vemu__loop_stop(vm->loop);
        vemu__state_set(vm, VEMU_VM_STOPPED);
    }
    pthread_mutex_unlock(&vm->stop_lock);
    return r;
}

struct wait {
    struct vemu_vm *vm;
    uint32_t mask;
};

static bool state_reached(void *data)
{
    struct wait *wait = data;

    return (BIT(state_get(wait->vm)) & wait->mask) != 0;
}

int vemu_vm_wait(struct vemu_vm *vm, uint32_t mask, int timeout_ms)
{
    struct wait wait = { .vm = vm, .mask = mask };
    struct timespec deadline;
    int state, r = 0;

    if (vemu__thread_vm() == vm)
        return -EDEADLK;
    if (vemu__loop_is_lent(vm->loop) && !state_reached(&wait)) {
        r = vemu__loop_serve(vm->loop, -1, timeout_ms, state_reached, &wait);
        return r == 1 ? state_get(vm) : r == -EDEADLK ? r : -ETIMEDOUT;
    }
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    if (timeout_ms > 0) {
        deadline.tv_sec += timeout_ms / 1000;
        deadline.tv_nsec += timeout_ms % 1000 * 1000000l;
        if (deadline.tv_nsec >= 1000000000) {
            deadline.tv_sec++;
            deadline.tv_nsec -= 1000000000;
        }
    }
    pthread_mutex_lock(&vm->state_lock);
    while (!(BIT(state_get(vm)) & mask) && r == 0) {
        if (timeout_ms < 0)
            pthread_cond_wait(&vm->state_cond, &vm->state_lock);
        else
            r = pthread_cond_timedwait(&vm->state_cond, &vm->state_lock, &deadline);
    }
    state = state_get(vm);
    pthread_mutex_unlock(&vm->state_lock);
    return BIT(state) & mask ? state : -ETIMEDOUT;
}

int vemu_vm_get_state(struct vemu_vm *vm)
{
    return state_get(vm);
}

int vemu_vm_get_cause(struct vemu_vm *vm, uint32_t *ret_code)
{
    int cause;

    pthread_mutex_lock(&vm->state_lock);
    cause = vm->cause;
    if (ret_code)
        *ret_code = vm->code;
    pthread_mutex_unlock(&vm->state_lock);
    return cause;
}
