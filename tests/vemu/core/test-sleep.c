/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine falls asleep and wakes up: who may wake it, what happens to it meanwhile.
 */
#include "test-main.h"

#define BIT(state)      (1u << (state))
#define WAIT(vm, state) ck_assert_int_eq(vemu_vm_wait(vm, BIT(state), 20000), state)
#define MS              1000000ll

static struct {
    pthread_mutex_t lock;
    char names[256];
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_event(void *data, const struct vemu_event *event)
{
    static const char *const names[] = {
        [VEMU_EVENT_PAUSED] = "paused ",       [VEMU_EVENT_RESUMED] = "resumed ",
        [VEMU_EVENT_RESET] = "reset ",         [VEMU_EVENT_POWERDOWN] = "button ",
        [VEMU_EVENT_SUSPENDED] = "suspended ", [VEMU_EVENT_WOKEN] = "woken ",
        [VEMU_EVENT_SHUTDOWN] = "shutdown ",   [VEMU_EVENT_ERROR] = "error ",
    };

    pthread_mutex_lock(&seen.lock);
    if ((size_t)event->type < G_N_ELEMENTS(names) && names[event->type])
        g_strlcat(seen.names, names[event->type], sizeof(seen.names));
    pthread_mutex_unlock(&seen.lock);
}

static void saw(struct vemu_vm *vm, const char *names)
{
    fake_sync(vm);
    pthread_mutex_lock(&seen.lock);
    ck_assert_str_eq(seen.names, names);
    seen.names[0] = 0;
    pthread_mutex_unlock(&seen.lock);
}

static void request_sleep(struct vemu_vm *vm)
{
    vemu_vm_request_sleep(vm, 0);
}

static void request_sleep_till_alarm(struct vemu_vm *vm)
{
    vemu_vm_request_sleep(vm, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
}

static struct vemu_vm *start(struct fake_step *script)
{
    const struct vemu_vm_config config = { .size = sizeof(config) };
    struct vemu_vm *vm;

    fake.scripts[0] = script;
    fake.can_sleep = true;
    atomic_store(&fake.woken_by, -1);
    vm = fake_vm(&config);
    fake_add_device(vm, "dev", "iobase", "0x500", "flag", "on", NULL);
    vemu_vm_set_event_handler(vm, on_event, NULL, NULL);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    return vm;
}

static void finish(struct vemu_vm *vm)
{
    OK(vemu_vm_stop(vm, &err));
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&fake.vms), 0);
}

START_TEST(sleep_and_wake)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_sleep }, { FAKE_END } };
    struct vemu_vm *vm = start(script);
    struct fake_device *device = fake_find_device(vm, "dev");
    unsigned resets, vcpu_resets;
    int64_t clock;

    WAIT(vm, VEMU_VM_SUSPENDED);
    saw(vm, "suspended ");
    resets = fake_field(device, resets);
    vcpu_resets = atomic_load(&fake.resets);
    clock = vemu_clock_ns(vm);
    ck_assert_int_eq(atomic_load(&fake.paused), 1);
    FAILS(vemu_vm_pause(vm, &err), EINVAL, "cannot pause: the machine is suspended");
    FAILS(vemu_vm_resume(vm, &err), EINVAL, "cannot resume: the machine is suspended");
    FAILS(vemu_vm_start(vm, &err), EINVAL, "cannot start: the machine is suspended");
    ck_assert_int_eq(vemu_clock_ns(vm), clock);
    OK(vemu_vm_wakeup(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    saw(vm, "woken ");
    ck_assert_int_eq(atomic_load(&fake.woken_by), VEMU_WAKE_OTHER);
    ck_assert_uint_eq(atomic_load(&fake.wakes), 1);
    ck_assert_uint_eq(atomic_load(&fake.loads), 1); /* nothing is loaded again */
    ck_assert_uint_eq(fake_field(device, resets), resets + 1);
    ck_assert_uint_eq(atomic_load(&fake.resets), vcpu_resets + 1);
    ck_assert_int_eq(atomic_load(&fake.paused), 0);
    FAILS(vemu_vm_wakeup(vm, &err), EINVAL, "guest is not in suspended state");
    finish(vm);
}
END_TEST

START_TEST(cannot)
{
    struct vemu_vm *vm = start(NULL);

    FAILS(vemu_vm_wakeup(vm, &err), EINVAL, "guest is not in suspended state");
    vemu_vm_request_wake(vm, VEMU_WAKE_OTHER); /* nobody sleeps */
    saw(vm, "");
    vm->machine->can_sleep = false;
    FAILS(vemu_vm_wakeup(vm, &err), ENOTSUP, "not supported by this guest");
    finish(vm);
}
END_TEST

START_TEST(alarm_wakes)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_sleep_till_alarm }, { FAKE_END } };
    struct vemu_vm *vm;

    atomic_store(&fake.alarm_ns, 30 * MS);
    vm = start(script);
    fake_until(atomic_load(&fake.wakes) == 1);
    WAIT(vm, VEMU_VM_RUNNING);
    saw(vm, "suspended woken ");
    ck_assert_int_eq(atomic_load(&fake.woken_by), VEMU_WAKE_RTC);
    finish(vm);
}
END_TEST

/* An alarm that the guest did not enable does not wake; nor does one that is over. */
START_TEST(alarm_does_not)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_sleep }, { FAKE_END } };
    struct vemu_vm *vm;

    atomic_store(&fake.alarm_ns, MS);
    vm = start(script);
    WAIT(vm, VEMU_VM_SUSPENDED);
    ck_assert_ptr_null(vm->alarm);
    vemu_vm_request_wake(vm, VEMU_WAKE_RTC);
    fake_sync(vm);
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_SUSPENDED);
    OK(vemu_vm_wakeup(vm, &err));
    atomic_store(&fake.alarm_ns, 3600 * 1000 * MS);
    vemu_vm_request_sleep(vm, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
    WAIT(vm, VEMU_VM_SUSPENDED);
    OK(vemu_vm_wakeup(vm, &err));
    ck_assert_ptr_null(vm->alarm);
    saw(vm, "suspended woken suspended woken ");
    finish(vm);
}
END_TEST

START_TEST(button_and_key)
{
    struct vemu_vm *vm = start(NULL);

    vemu_vm_request_sleep(vm, 0);
    WAIT(vm, VEMU_VM_SUSPENDED);
    OK(vemu_vm_powerdown(vm, &err));
    ck_assert_int_eq(atomic_load(&fake.woken_by), VEMU_WAKE_BUTTON);
    ck_assert_uint_eq(fake_field(fake_find_device(vm, "dev"), powerdowns), 0); /* it only wakes */
    saw(vm, "suspended button woken ");
    vemu_vm_request_sleep(vm, 0);
    WAIT(vm, VEMU_VM_SUSPENDED);
    vemu_vm_request_wake(vm, VEMU_WAKE_OTHER);
    WAIT(vm, VEMU_VM_RUNNING);
    saw(vm, "suspended woken ");
    finish(vm);
}
END_TEST

/* What the guest asked for just before it was paused happens all the same. */
START_TEST(paused_first)
{
    struct vemu_vm *vm = start(NULL);

    OK(vemu_vm_pause(vm, &err));
    vemu_vm_request_sleep(vm, 0);
    WAIT(vm, VEMU_VM_SUSPENDED);
    saw(vm, "paused suspended ");
    OK(vemu_vm_wakeup(vm, &err));
    finish(vm);
}
END_TEST

START_TEST(reset_wakes)
{
    struct vemu_vm *vm = start(NULL);

    atomic_store(&fake.alarm_ns, 3600 * 1000 * MS);
    vemu_vm_request_sleep(vm, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
    WAIT(vm, VEMU_VM_SUSPENDED);
    ck_assert_ptr_nonnull(vm->alarm);
    OK(vemu_vm_reset(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    ck_assert_ptr_null(vm->alarm);
    ck_assert_uint_eq(atomic_load(&fake.loads), 2);
    ck_assert_uint_eq(atomic_load(&fake.wakes), 0);
    saw(vm, "suspended reset woken ");
    finish(vm);
}
END_TEST

START_TEST(wake_fails)
{
    struct vemu_vm *vm = start(NULL);

    fake.fail_wake = EIO;
    vemu_vm_request_sleep(vm, 0);
    WAIT(vm, VEMU_VM_SUSPENDED);
    OK(vemu_vm_wakeup(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_ERROR);
    saw(vm, "suspended error ");
    finish(vm);
}
END_TEST

/* Ended in its sleep, by the host's wish and by the program. */
START_TEST(ends)
{
    struct vemu_vm *vm = start(NULL);

    atomic_store(&fake.alarm_ns, 3600 * 1000 * MS);
    vemu_vm_request_sleep(vm, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
    WAIT(vm, VEMU_VM_SUSPENDED);
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_HOST_QUIT, 0);
    WAIT(vm, VEMU_VM_SHUTDOWN);
    saw(vm, "suspended shutdown ");
    finish(vm);
    vm = start(NULL);
    vemu_vm_request_sleep(vm, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
    WAIT(vm, VEMU_VM_SUSPENDED);
    finish(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { sleep_and_wake, cannot,       alarm_wakes, alarm_does_not,
                                   button_and_key, paused_first, reset_wakes, wake_fails,
                                   ends,           NULL };

    return run_tests("sleep", tests);
}
