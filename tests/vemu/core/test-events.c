/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event callback and the event queue.
 */
#include "test-main.h"

#include <poll.h>

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
    const TTest *const tests[] = { queue, overflow, handler, replaced_inside, errors, NULL };

    return run_tests("events", tests);
}
