/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * States, the requests of guests, events in their order, stopping from anywhere.
 */
#include "test-main.h"

#include <unistd.h>

#define BIT(state) (1u << (state))
#define PORT       0x500

/* The types of all events so far, as letters. */
static struct {
    pthread_mutex_t lock;
    char letters[64];
    struct vemu_event last;
    char message[256];
    atomic_uint freed;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_event(void *data, const struct vemu_event *event)
{
    static const char letters[] = "?sprRSdPED";
    size_t length;

    pthread_mutex_lock(&seen.lock);
    length = strlen(seen.letters);
    if (length + 1 < sizeof(seen.letters))
        seen.letters[length] = letters[event->type];
    seen.last = *event;
    g_strlcpy(seen.message, event->message, sizeof(seen.message));
    pthread_mutex_unlock(&seen.lock);
}

static void on_free(void *data)
{
    atomic_fetch_add(&seen.freed, 1);
}

static bool events_are(const char *letters)
{
    bool same;

    pthread_mutex_lock(&seen.lock);
    same = strcmp(seen.letters, letters) == 0;
    pthread_mutex_unlock(&seen.lock);
    return same;
}

#define EVENTS(expected)                                                                           \
    do {                                                                                           \
        fake_sync(vm);                                                                             \
        ck_assert_msg(events_are(expected), "events are %s, not %s", seen.letters, expected);      \
    } while (0)

static void request_reset(struct vemu_vm *vm)
{
    vemu_vm_request_reset(vm, VEMU_CAUSE_GUEST_RESET);
}

static void request_off(struct vemu_vm *vm)
{
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_GUEST_SHUTDOWN, 0);
}

static void request_debug_exit(struct vemu_vm *vm)
{
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_GUEST_DEBUG_EXIT, 42);
}

static void request_panic(struct vemu_vm *vm)
{
    vemu_vm_report_panic(vm, "oh no");
}

static struct vemu_vm *start(struct fake_step *script, uint32_t flags)
{
    const struct vemu_vm_config config = { .size = sizeof(config), .flags = flags };
    struct vemu_vm *vm;

    fake.scripts[0] = script;
    vm = fake_vm(&config);
    fake_add_device(vm, "dev", "iobase", "0x500", "flag", "on", NULL);
    vemu_vm_set_event_handler(vm, on_event, NULL, on_free);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    return vm;
}

static unsigned accesses(struct fake_device *device)
{
    unsigned n;

    pthread_mutex_lock(&device->dev.lock);
    n = device->accesses;
    pthread_mutex_unlock(&device->dev.lock);
    return n;
}

static void finish(struct vemu_vm *vm)
{
    OK(vemu_vm_stop(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_STOPPED);
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&seen.freed), 1);
    ck_assert_uint_eq(atomic_load(&fake.vms), 0);
    ck_assert_uint_eq(atomic_load(&fake.vcpus), 0);
}

/* A vCPU's thread takes the boot state when it gets to it. */
static void rip_becomes(uint32_t id, uint64_t rip)
{
    for (int left = 10000; left && atomic_load(&fake.rip[id]) != rip; left--)
        usleep(1000);
    ck_assert_uint_eq(atomic_load(&fake.rip[id]), rip);
}

START_TEST(straight)
{
    struct vemu_vm *vm = start(NULL, 0);

    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    ck_assert_int_eq(atomic_load(&fake.paused), 0);
    rip_becomes(0, 0x1000);
    FAILS(vemu_vm_start(vm, &err), EINVAL, "cannot start: the machine is running");
    FAILS(vemu_vm_resume(vm, &err), EINVAL, "running");
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "running");
    OK(vemu_vm_pause(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_PAUSED);
    ck_assert_int_eq(atomic_load(&fake.paused), 1);
    FAILS(vemu_vm_pause(vm, &err), EINVAL, "paused");
    OK(vemu_vm_resume(vm, &err));
    OK(vemu_vm_reset(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    ck_assert_uint_eq(atomic_load(&fake.loads), 2);
    OK(vemu_vm_powerdown(vm, &err));
    ck_assert_uint_eq(fake_find_device(vm, "dev")->powerdowns, 1);
    EVENTS("sprRd");
    OK(vemu_vm_stop(vm, &err));
    ck_assert(events_are("sprRdS"));
    ck_assert_int_eq(seen.last.cause, VEMU_CAUSE_HOST_QUIT);
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_HOST_QUIT);
    OK(vemu_vm_stop(vm, &err)); /* again: nothing to do */
    FAILS(vemu_vm_start(vm, &err), ESHUTDOWN, "stopped");
    finish(vm);
}
END_TEST

START_TEST(guest_reset)
{
    struct fake_step script[] = {
        { FAKE_OUT, PORT, 1, 1 },
        { FAKE_CALL, .fn = request_reset },
        { FAKE_OUT, PORT, 1, 2 },
        { FAKE_EXIT, .exit.reason = VEMU_EXIT_SHUTDOWN },
        { FAKE_EXIT, .exit.reason = VEMU_EXIT_SYSTEM_RESET },
        { FAKE_OUT, PORT, 1, 3 },
        { FAKE_END },
    };
    struct vemu_vm *vm = start(script, 0);
    struct fake_device *device = fake_find_device(vm, "dev");

    fake_until(events_are("sRRR"));
    fake_until(atomic_load(&fake.resets) == 4);
    EVENTS("sRRR");
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    OK(vemu_vm_pause(vm, &err));
    ck_assert_uint_eq(device->resets, 4);
    ck_assert_uint_eq(device->accesses, 3);
    ck_assert_uint_eq(atomic_load(&fake.boots), 4);
    finish(vm);
}
END_TEST

/* The guest runs not one step after asking. */
START_TEST(no_reboot)
{
    struct fake_step script[] = {
        { FAKE_CALL, .fn = request_reset },
        { FAKE_OUT, PORT, 1, 1 },
        { FAKE_END },
    };
    struct vemu_vm *vm = start(script, VEMU_VM_NO_REBOOT);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    EVENTS("sS");
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_GUEST_RESET);
    ck_assert_uint_eq(fake_find_device(vm, "dev")->accesses, 0);
    FAILS(vemu_vm_reset(vm, &err), EINVAL, "shut down");
    FAILS(vemu_vm_resume(vm, &err), EINVAL, "shut down");
    finish(vm);
    ck_assert(events_are("sS"));
}
END_TEST

START_TEST(triple_fault)
{
    struct fake_step script[] = {
        { FAKE_EXIT, .exit.reason = VEMU_EXIT_SHUTDOWN },
        { FAKE_END },
    };
    struct vemu_vm *vm = start(script, VEMU_VM_NO_REBOOT);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_GUEST_TRIPLE_FAULT);
    finish(vm);
}
END_TEST

START_TEST(power_off)
{
    struct fake_step script[] = {
        { FAKE_CALL, .fn = request_off },
        { FAKE_OUT, PORT, 1, 1 },
        { FAKE_END },
    };
    struct vemu_vm *vm = start(script, VEMU_VM_NO_SHUTDOWN);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    EVENTS("sS");
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_GUEST_SHUTDOWN);
    /* With NO_SHUTDOWN it can be used again. */
    OK(vemu_vm_reset(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_PRELAUNCH);
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_NONE);
    OK(vemu_vm_start(vm, &err));
    EVENTS("sSRr");
    fake_until(accesses(fake_find_device(vm, "dev")) == 1);
    finish(vm);
}
END_TEST

START_TEST(debug_exit)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_debug_exit }, { FAKE_END } };
    struct vemu_vm *vm = start(script, 0);
    uint32_t code = 0;

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    fake_sync(vm);
    ck_assert_int_eq(vemu_vm_get_cause(vm, &code), VEMU_CAUSE_GUEST_DEBUG_EXIT);
    ck_assert_uint_eq(code, 42);
    EVENTS("sDS");
    finish(vm);
}
END_TEST

START_TEST(panic)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_panic }, { FAKE_END } };
    struct vemu_vm *vm = start(script, 0);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_PANICKED), 5000), VEMU_VM_PANICKED);
    EVENTS("sP");
    ck_assert_str_eq(seen.message, "oh no");
    FAILS(vemu_vm_resume(vm, &err), EINVAL, "panicked");
    OK(vemu_vm_reset(vm, &err));
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_PRELAUNCH);
    finish(vm);
}
END_TEST

START_TEST(internal_error)
{
    struct fake_step script[] = {
        { FAKE_EXIT, .exit = { .reason = VEMU_EXIT_INTERNAL_ERROR,
                               .internal = { 1, 3, { 0x0f, 0x01, 0xff } } } },
        { FAKE_EXIT, .exit = { .reason = VEMU_EXIT_FAIL_ENTRY, .fail_entry = { 0x80000021 } } },
        { FAKE_FAIL, .value = EIO },
        { FAKE_EXIT, .exit = { .reason = (enum vemu_exit_reason)99 } },
        { FAKE_EXIT, .exit = { .reason = VEMU_EXIT_DEBUG } },
        { FAKE_END },
    };
    static const char *const words[] = { "suberror 1) at rip 0x1000, instruction 0f 01 ff",
                                         "0x80000021", "Input/output error", "unknown exit 99",
                                         "debug" };
    struct vemu_vm *vm = start(script, 0);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(words); i++) {
        ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_ERROR), 5000), VEMU_VM_ERROR);
        fake_sync(vm);
        ck_assert_int_eq(seen.last.type, VEMU_EVENT_ERROR);
        ck_assert_msg(strstr(seen.message, words[i]), "'%s' lacks '%s'", seen.message, words[i]);
        FAILS(vemu_vm_resume(vm, &err), EINVAL, "in error");
        OK(vemu_vm_reset(vm, &err));
        OK(vemu_vm_start(vm, &err));
    }
    finish(vm);
}
END_TEST

START_TEST(reset_fails)
{
    struct vemu_vm *vm = start(NULL, 0);

    fake.fail_load = EBADMSG;
    FAILS(vemu_vm_reset(vm, &err), EBADMSG, "no kernel today");
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_ERROR);
    EVENTS("sE");
    fake.fail_load = 0;
    OK(vemu_vm_reset(vm, &err));
    OK(vemu_vm_start(vm, &err));
    finish(vm);
}
END_TEST

START_TEST(realize_fails)
{
    int *const failures[] = { &fake.fail_vm_create, &fake.fail_init, &fake.fail_mem_slot,
                              &fake.fail_vcpu_create, &fake.fail_load, &fake.fail_cpuid };
    const struct vemu_vm_config config = { .size = sizeof(config), .vcpus = 4 };
    size_t i;

    for (i = 0; i < 2 * G_N_ELEMENTS(failures); i++) {
        struct vemu_error *err = NULL;
        struct vemu_vm *vm = fake_vm(&config);

        fake.cpuid_needs_vm = i >= G_N_ELEMENTS(failures);
        *failures[i % G_N_ELEMENTS(failures)] = 3;
        ck_assert_int_lt(vemu_vm_realize(vm, &err), 0);
        ck_assert_ptr_nonnull(err);
        vemu_error_free(err);
        *failures[i % G_N_ELEMENTS(failures)] = 0;
        ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_CREATED);
        vemu_vm_unref(vm);
        ck_assert_uint_eq(atomic_load(&fake.vms), 0);
        ck_assert_uint_eq(atomic_load(&fake.vcpus), 0);
    }
}
END_TEST

START_TEST(waiting)
{
    struct vemu_vm *vm = start(NULL, 0);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_PAUSED), 0), -ETIMEDOUT);
    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_PAUSED), 20), -ETIMEDOUT);
    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_PAUSED) | BIT(VEMU_VM_RUNNING), -1),
                     VEMU_VM_RUNNING);
    finish(vm);
}
END_TEST

/* Several vCPUs, all spinning on a device: pause gets each of them out, resume lets each go on. */
START_TEST(smp)
{
    const struct vemu_vm_config config = { .size = sizeof(config), .vcpus = 4 };
    struct fake_step script[] = { { FAKE_OUT, PORT, 1, 1 }, { FAKE_SPIN }, { FAKE_END } };
    struct fake_device *device;
    struct vemu_vm *vm;
    unsigned before, i;

    for (i = 0; i < 4; i++)
        fake.scripts[i] = script;
    vm = fake_vm(&config);
    vemu_vm_set_event_handler(vm, on_event, NULL, on_free);
    device = fake_add_device(vm, "dev", "iobase", "0x500", NULL);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    for (i = 0; i < 20; i++) {
        OK(vemu_vm_pause(vm, &err));
        before = device->accesses;
        g_usleep(200);
        ck_assert_uint_eq(device->accesses, before);
        OK(vemu_vm_resume(vm, &err));
        OK(vemu_vm_reset(vm, &err));
    }
    rip_becomes(3, 0x1003);
    finish(vm);
}
END_TEST

/* --- calls from the machine's own threads ----------------------------------------------------- */

static atomic_int results[4];

static void from_vcpu(struct vemu_vm *vm)
{
    atomic_store(&results[0], vemu_vm_pause(vm, NULL));
    atomic_store(&results[1], vemu_vm_stop(vm, NULL));
    atomic_store(&results[2], vemu_vm_wait(vm, BIT(VEMU_VM_PAUSED), -1));
    atomic_store(&results[3], 1);
}

START_TEST(calls_on_vcpu)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = from_vcpu }, { FAKE_END } };
    struct vemu_vm *vm = start(script, 0);

    fake_until(atomic_load(&results[3]));
    ck_assert_int_eq(atomic_load(&results[0]), -EDEADLK);
    ck_assert_int_eq(atomic_load(&results[1]), -EDEADLK);
    ck_assert_int_eq(atomic_load(&results[2]), -EDEADLK);
    finish(vm);
}
END_TEST

static void meddle(void *data, const struct vemu_event *event)
{
    struct vemu_vm *vm = data;

    on_event(NULL, event);
    if (event->type == VEMU_EVENT_STARTED) {
        atomic_store(&results[0], vemu_vm_pause(vm, NULL));
        atomic_store(&results[1], vemu_vm_stop(vm, NULL));
        atomic_store(&results[2], vemu_vm_resume(vm, NULL));
        atomic_store(&results[3], vemu_vm_wait(vm, BIT(VEMU_VM_PAUSED), -1));
    }
    if (event->type == VEMU_EVENT_SHUTDOWN)
        atomic_store(&results[0], vemu_vm_reset(vm, NULL));
}

START_TEST(calls_in_handler)
{
    struct vemu_vm *vm = fake_vm(NULL);

    vemu_vm_set_event_handler(vm, meddle, vm, on_free);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    fake_sync(vm);
    ck_assert_int_eq(atomic_load(&results[0]), 0);
    ck_assert_int_eq(atomic_load(&results[1]), -EDEADLK);
    ck_assert_int_eq(atomic_load(&results[2]), 0);
    ck_assert_int_eq(atomic_load(&results[3]), -EDEADLK);
    EVENTS("spr");
    OK(vemu_vm_stop(vm, &err));
    ck_assert_int_eq(atomic_load(&results[0]), -EINVAL); /* it was being stopped */
    finish(vm);
}
END_TEST

static void drop(void *data)
{
    vemu_vm_unref(data);
}

START_TEST(last_reference_on_loop)
{
    struct vemu_vm *vm = fake_vm(NULL);

    vemu_vm_set_event_handler(vm, on_event, NULL, on_free);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    vemu__loop_post(vm->loop, drop, vm, NULL);
    fake_until(atomic_load(&seen.freed) == 1);
    fake_until(atomic_load(&fake.vms) == 0);
    g_usleep(50000); /* the thread that freed it ends */
}
END_TEST

struct racer {
    struct vemu_vm *vm;
    unsigned seed;
};

static void *race(void *data)
{
    struct racer *racer = data;
    int i;

    for (i = 0; i < 200; i++) {
        switch (rand_r(&racer->seed) % 5) {
        case 0: vemu_vm_pause(racer->vm, NULL); break;
        case 1: vemu_vm_resume(racer->vm, NULL); break;
        case 2: vemu_vm_reset(racer->vm, NULL); break;
        case 3: vemu_vm_request_reset(racer->vm, VEMU_CAUSE_GUEST_RESET); break;
        default: vemu_vm_start(racer->vm, NULL); break;
        }
    }
    vemu_vm_stop(racer->vm, NULL);
    vemu_vm_unref(racer->vm);
    return NULL;
}

START_TEST(racing_callers)
{
    struct fake_step script[] = { { FAKE_OUT, PORT, 1, 1 }, { FAKE_SPIN }, { FAKE_END } };
    struct vemu_vm *vm = start(script, 0);
    struct racer racers[4];
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++) {
        racers[i] = (struct racer){ vemu_vm_ref(vm), (unsigned)i + 1 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    finish(vm);
}
END_TEST

START_TEST(two_machines)
{
    struct vemu_vm *one = fake_vm(NULL), *two = fake_vm(NULL);

    OK(vemu_vm_realize(one, &err));
    OK(vemu_vm_realize(two, &err));
    OK(vemu_vm_start(one, &err));
    OK(vemu_vm_start(two, &err));
    OK(vemu_vm_pause(one, &err));
    ck_assert_int_eq(vemu_vm_get_state(two), VEMU_VM_RUNNING);
    vemu_vm_unref(one);
    OK(vemu_vm_reset(two, &err));
    vemu_vm_unref(two);
    ck_assert_uint_eq(atomic_load(&fake.vms), 0);
}
END_TEST

START_TEST(unused)
{
    struct vemu_vm *vm = fake_vm(NULL);

    FAILS(vemu_vm_powerdown(vm, &err), EINVAL, "not realized");
    OK(vemu_vm_stop(vm, &err));
    vemu_vm_unref(vm);

    vm = fake_vm(NULL);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    FAILS(vemu_vm_powerdown(vm, &err), ENOTSUP, "no power button");
    vemu_vm_unref(vm);
}
END_TEST

/* Quitting by the host is granted in every state, and told even when the machine is off. */
START_TEST(host_quit)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_off }, { FAKE_END } };
    struct vemu_vm *vm = start(script, VEMU_VM_NO_SHUTDOWN);

    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_HOST_QUIT, 0);
    EVENTS("sSS");
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_HOST_QUIT);
    finish(vm);
}
END_TEST

static void serve_in_handler(void *data, const struct vemu_event *event)
{
    struct vemu_vm *vm = *(struct vemu_vm **)data;

    ck_assert_int_eq(vemu_vm_serve(vm, -1, 0), -EDEADLK);
    FAILS(vemu_vm_stop(vm, &err), EDEADLK, "from one of its threads");
    on_event(NULL, event);
}

/* The application's thread does the loop's work. */
START_TEST(caller_loop)
{
    struct fake_step script[] = { { FAKE_CALL, .fn = request_debug_exit }, { FAKE_END } };
    const struct vemu_vm_config config = { .size = sizeof(config), .flags = VEMU_VM_CALLER_LOOP };
    struct vemu_event event = { .size = sizeof(event) };
    struct vemu_vm *vm;

    fake.scripts[0] = script;
    vm = fake_vm(&config);
    vemu_vm_set_event_handler(vm, serve_in_handler, &vm, on_free);
    ck_assert_int_ge(vemu_vm_get_event_fd(vm), 0);
    OK(vemu_vm_realize(vm, &err));
    ck_assert_int_eq(vemu_vm_serve(vm, -1, 10), -ETIMEDOUT);
    OK(vemu_vm_start(vm, &err));
    ck_assert(events_are("s"));
    ck_assert_int_eq(vemu_vm_serve(vm, -1, 5000), 1);
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 1);
    ck_assert_int_eq(event.type, VEMU_EVENT_STARTED);
    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_SHUTDOWN), 5000), VEMU_VM_SHUTDOWN);
    ck_assert_int_eq(vemu_vm_wait(vm, BIT(VEMU_VM_RUNNING), 10), -ETIMEDOUT);
    ck_assert(events_are("sDS"));
    finish(vm);
}
END_TEST

START_TEST(serve_is_refused)
{
    struct vemu_vm *vm = start(NULL, 0);

    ck_assert_int_eq(vemu_vm_serve(vm, -1, 0), -EINVAL);
    finish(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        straight,       guest_reset,  no_reboot,      triple_fault,     power_off,
        debug_exit,     panic,        internal_error, reset_fails,      realize_fails,
        waiting,        smp,          calls_on_vcpu,  calls_in_handler, last_reference_on_loop,
        racing_callers, two_machines, unused,         host_quit,        caller_loop,
        serve_is_refused, NULL,
    };

    return run_tests("lifecycle", tests);
}
