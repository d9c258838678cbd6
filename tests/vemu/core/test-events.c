/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event callback and the event queue.
 */
#include "test-main.h"

#include <poll.h>

#include "core/events.h"
#include "core/loop.h"
#include "core/vm.h"

static atomic_uint calls, frees;

static void on_event(void *data, const struct vemu_event *event)
{
    atomic_fetch_add(&calls, 1);
}

static void on_free(void *data)
{
    atomic_fetch_add(&frees, 1);
}

static bool readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 1;
}

START_TEST(queue)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct vemu_event event;
    int fd = vemu_vm_get_event_fd(vm);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(vemu_vm_get_event_fd(vm), fd);
    ck_assert(!readable(fd));
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 0);
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    OK(vemu_vm_pause(vm, &err));
    fake_sync(vm);
    ck_assert(readable(fd));
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 1);
    ck_assert_uint_eq(event.size, sizeof(event));
    ck_assert_int_eq(event.type, VEMU_EVENT_STARTED);
    ck_assert_int_gt(event.realtime_us, 0);
    ck_assert_str_eq(event.message, "");
    ck_assert(readable(fd));
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 1);
    ck_assert_int_eq(event.type, VEMU_EVENT_PAUSED);
    ck_assert(!readable(fd));
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 0);
    vemu_vm_report_panic(vm, "words");
    fake_sync(vm);
    ck_assert_int_eq(vemu_vm_next_event(vm, &event), 1);
    ck_assert_int_eq(event.type, VEMU_EVENT_PANICKED);
    ck_assert_str_eq(event.message, "words");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(overflow)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct vemu_event event;
    int i, fd = vemu_vm_get_event_fd(vm);

    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_start(vm, &err));
    for (i = 0; i < 600; i++) {
        OK(vemu_vm_pause(vm, &err));
        OK(vemu_vm_resume(vm, &err));
    }
    fake_sync(vm);
    for (i = 0; vemu_vm_next_event(vm, &event); i++)
        if (i == 0)
            ck_assert_int_ne(event.type, VEMU_EVENT_STARTED); /* the oldest went */
    ck_assert_int_eq(i, 1024);
    ck_assert(!readable(fd));
    OK(vemu_vm_pause(vm, &err));
    fake_sync(vm);
    ck_assert(readable(fd));
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(handler)
{
    struct vemu_vm *vm = fake_vm(NULL);

    OK(vemu_vm_realize(vm, &err));
    ck_assert_int_eq(vemu_vm_set_event_handler(vm, on_event, NULL, on_free), 0);
    OK(vemu_vm_start(vm, &err));
    fake_sync(vm);
    ck_assert_uint_eq(atomic_load(&calls), 1);
    ck_assert_int_eq(vemu_vm_set_event_handler(vm, on_event, NULL, on_free), 0);
    ck_assert_uint_eq(atomic_load(&frees), 1);
    vemu_vm_set_event_handler(vm, NULL, NULL, NULL);
    ck_assert_uint_eq(atomic_load(&frees), 2);
    OK(vemu_vm_pause(vm, &err));
    fake_sync(vm);
    ck_assert_uint_eq(atomic_load(&calls), 1);
    /* Without a function the data goes at once. */
    vemu_vm_set_event_handler(vm, NULL, NULL, on_free);
    ck_assert_uint_eq(atomic_load(&frees), 3);
    vemu_vm_set_event_handler(vm, on_event, NULL, on_free);
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&frees), 4);
}
END_TEST

static void replace_self(void *data, const struct vemu_event *event)
{
    atomic_fetch_add(&calls, 1);
    vemu_vm_set_event_handler(data, on_event, NULL, on_free);
    ck_assert_uint_eq(atomic_load(&frees), 0); /* not while it is being called */
}

START_TEST(replaced_inside)
{
    struct vemu_vm *vm = fake_vm(NULL);

    OK(vemu_vm_realize(vm, &err));
    vemu_vm_set_event_handler(vm, replace_self, vm, on_free);
    OK(vemu_vm_start(vm, &err));
    fake_sync(vm);
    ck_assert_uint_eq(atomic_load(&frees), 1);
    OK(vemu_vm_pause(vm, &err));
    fake_sync(vm);
    ck_assert_uint_eq(atomic_load(&calls), 2);
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&frees), 2);
}
END_TEST

/* --- what a guest repeats --------------------------------------------------------------------- */

#define STORM 10000u

/* What was told about a thing; `last` is its value or code. */
static struct {
    atomic_uint count;
    _Atomic uint64_t last;
} told_a, told_b, told_slot, told_dog, told_pause;

static void on_storm(void *data, const struct vemu_event *event)
{
    const bool is_a = strcmp(event->message, "a") == 0;

    switch (event->type) {
    case VEMU_EVENT_PORT_CHANGED:
        atomic_store(is_a ? &told_a.last : &told_b.last, event->value);
        atomic_fetch_add(is_a ? &told_a.count : &told_b.count, 1);
        break;
    case VEMU_EVENT_DEVICE_OST:
        ck_assert_str_eq(event->message, "DIMM 3 mem");
        ck_assert_uint_eq(event->value, event->code + 1);
        atomic_store(&told_slot.last, event->code);
        atomic_fetch_add(&told_slot.count, 1);
        break;
    case VEMU_EVENT_WATCHDOG:
        atomic_fetch_add(strcmp(event->message, "pause") == 0 ? &told_pause.count : &told_dog.count,
                         1);
        break;
    }
}

/* As many as a guest can cause before anything else gets its turn. */
static void storm(void *data)
{
    struct vemu_events *events = ((struct vemu_vm *)data)->events;
    struct vemu_event slot = { .type = VEMU_EVENT_DEVICE_OST, .message = "DIMM 3 mem" };

    for (unsigned i = 0; i < STORM; i++) {
        vemu__events_emit_about(events, VEMU_EVENT_PORT_CHANGED, "a", i);
        if (i % 2)
            vemu__events_emit_about(events, VEMU_EVENT_PORT_CHANGED, "b", i);
        slot.code = i;
        slot.value = i + 1;
        vemu__events_emit_full(events, &slot);
        vemu__events_emit(events, VEMU_EVENT_WATCHDOG, VEMU_CAUSE_NONE, 0, "none");
        vemu__events_flush(events);
    }
    for (unsigned i = 0; i < 3; i++)
        vemu__events_emit(events, VEMU_EVENT_WATCHDOG, VEMU_CAUSE_NONE, 0, "pause");
    vemu__events_flush(events);
}

static bool all_told(void)
{
    return atomic_load(&told_a.last) == STORM - 1 && atomic_load(&told_b.last) == STORM - 1 &&
           atomic_load(&told_slot.last) == STORM - 1 && atomic_load(&told_dog.count) >= 2;
}

/* The first at once, then the last of a second, of each thing by itself. Also while the machine
 * stands still. */
START_TEST(storms)
{
    struct vemu_vm *vm = fake_vm(NULL);

    OK(vemu_vm_realize(vm, &err));
    vemu_vm_set_event_handler(vm, on_storm, NULL, NULL);
    vemu__loop_post(vm->loop, storm, vm, NULL);
    fake_until(all_told());
    ck_assert_uint_eq(atomic_load(&told_pause.count), 3);
    /* One now, one later, and few more should this machine have stood still for seconds. */
    ck_assert_uint_le(atomic_load(&told_a.count), 20);
    ck_assert_uint_le(atomic_load(&told_b.count), 20);
    ck_assert_uint_le(atomic_load(&told_slot.count), 20);
    ck_assert_uint_le(atomic_load(&told_dog.count), 20);
    ck_assert_uint_ge(atomic_load(&told_a.count), 2);
    /* The next is told as well, whenever that second is over; those that wait go with the VM. */
    vemu__loop_post(vm->loop, storm, vm, NULL);
    fake_until(atomic_load(&told_a.count) >= 3);
    vemu__loop_post(vm->loop, storm, vm, NULL);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(errors)
{
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu__error_set(NULL, EIO, "nobody listens"), -EIO);
    ck_assert_int_eq(vemu__error_set(&err, ENOENT, "no %s", "file"), -ENOENT);
    ck_assert_int_eq(vemu__error_set(&err, EIO, "later"), -EIO); /* the first one stays */
    vemu__error_prefix(&err, "disk%d", 0);
    vemu__error_prefix(NULL, "x");
    ck_assert_int_eq(vemu_error_code(err), ENOENT);
    ck_assert_str_eq(vemu_error_message(err), "disk0: no file");
    ck_assert_ptr_null(vemu_error_free(err));
    ck_assert_ptr_null(vemu_error_free(NULL));
    ck_assert_int_eq(vemu_error_code(NULL), 0);
    ck_assert_str_eq(vemu_error_message(NULL), "");
    ck_assert_str_eq(vemu_version(), VEMU_VERSION);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { queue,  overflow, handler, replaced_inside,
                                   storms, errors,   NULL };

    return run_tests("events", tests);
}
