/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-serial: control messages, names, both directions, back-pressure, drivers without control.
 */
#include <check.h>
#include <linux/virtio_console.h>
#include <string.h>
#include <unistd.h>

#include <vemu/chardev.h>

#include "../core/test-main.h"
#include "chardev/chardev.h"
#include "core/vm.h"
#include "guest.h"

#define MULTIPORT (1ull << VIRTIO_CONSOLE_F_MULTIPORT)
#define MESSAGES  16

/* hvc0 on ring "con", a port "org.agent" on ring "agent" with number 1. */
static struct guest *start(uint64_t features)
{
    struct vemu_vm *vm = guest_vm();
    const struct vemu_property con[] = { { "chardev", "con" } };
    const struct vemu_property agent[] = { { "chardev", "agent" }, { "name", "org.agent" } };
    struct guest *g;

    OK(vemu_vm_add_chardev(vm, "ring", "con", NULL, 0, &err));
    OK(vemu_vm_add_chardev(vm, "ring", "agent", NULL, 0, &err));
    OK(vemu_vm_add_device(vm, "virtio-serial", "vs", NULL, 0, &err));
    OK(vemu_vm_add_device(vm, "virtconsole", NULL, con, 1, &err));
    OK(vemu_vm_add_device(vm, "virtserialport", NULL, agent, 2, &err));
    g = guest_adopt(vm, "vs");
    guest_start(g, features, 8);
    return g;
}

/* What clients of the monitor are told of a port's back-end. */
static bool is_front_open(const struct guest *g, const char *id)
{
    return vemu__chardev_is_front_open(vemu__vm_find_chardev(g->vm, id));
}

static uint64_t messages; /* where buffers of control messages are */

static void give_message_buffers(struct guest *g)
{
    messages = guest_alloc(g, 64 * MESSAGES, 8);
    for (unsigned i = 0; i < MESSAGES; i++) {
        const struct guest_buffer b = { messages + 64 * i, 64, true };

        guest_add(g, &g->queues[2], &b, 1);
    }
    g->t->notify(g, 2);
}

static void say(struct guest *g, uint32_t id, uint16_t event, uint16_t value)
{
    const struct virtio_console_control message = { id, event, value };
    const struct guest_buffer b = { guest_alloc(g, 8, 8), sizeof(message), false };

    memcpy(guest_ptr(g, b.gpa), &message, sizeof(message));
    guest_request(g, &g->queues[3], &b, 1);
}

/* The next message says so; `text` may be NULL. */
static void hear(struct guest *g, uint32_t id, uint16_t event, uint16_t value, const char *text)
{
    struct virtio_console_control message;
    uint32_t len;
    int n = guest_wait(g, &g->queues[2], &len);
    uint64_t at;

    ck_assert_int_ge(n, 0);
    at = messages + 64 * (unsigned)n;
    memcpy(&message, guest_ptr(g, at), sizeof(message));
    ck_assert_uint_eq(message.event, event);
    ck_assert_uint_eq(message.id, id);
    ck_assert_uint_eq(message.value, value);
    ck_assert_uint_eq(len, sizeof(message) + (text ? strlen(text) + 1 : 0));
    if (text)
        ck_assert_str_eq((char *)guest_ptr(g, at + sizeof(message)), text);
}

static void introduce(struct guest *g)
{
    give_message_buffers(g);
    say(g, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    hear(g, 0, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    hear(g, 1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    say(g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
    hear(g, 0, VIRTIO_CONSOLE_CONSOLE_PORT, 1, NULL);
    hear(g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
    say(g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
    hear(g, 1, VIRTIO_CONSOLE_PORT_NAME, 1, "org.agent");
    hear(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
}

static void write_text(struct guest *g, unsigned queue, const char *text)
{
    const struct guest_buffer b = { guest_alloc(g, strlen(text), 1), (uint32_t)strlen(text),
                                    false };

    memcpy(guest_ptr(g, b.gpa), text, strlen(text));
    guest_request(g, &g->queues[queue], &b, 1);
}

static void expect_output(struct guest *g, const char *id, const char *text)
{
    char buf[64] = { 0 };

    ck_assert_int_eq(vemu_chardev_read(g->vm, id, buf, sizeof(buf) - 1), (long)strlen(text));
    ck_assert_str_eq(buf, text);
}

/* Input arrives in the buffer at `gpa`. */
static void expect_input(struct guest *g, unsigned queue, uint64_t gpa, const char *text)
{
    uint32_t len;

    ck_assert_int_ge(guest_wait(g, &g->queues[queue], &len), 0);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_mem_eq(guest_ptr(g, gpa), text, len);
}

START_TEST(test_ports)
{
    struct guest *g = start(MULTIPORT);
    const struct guest_buffer b = { guest_alloc(g, 64, 1), 64, true };
    struct vemu_event event = { .size = sizeof(event) };
    uint32_t len;

    ck_assert_uint_eq(g->t->config_read(g, 4, 4), 31);
    introduce(g);
    write_text(g, 1, "hello");
    expect_output(g, "con", "hello");
    write_text(g, 5, "agent here");
    expect_output(g, "agent", "agent here");
    /* Input waits until the guest has the port open, and for buffers. */
    ck_assert_int_eq(vemu_chardev_input(g->vm, "agent", "abc", 3), 3);
    guest_add(g, &g->queues[4], &b, 1);
    g->t->notify(g, 4);
    fake_sync(g->vm);
    ck_assert_int_eq(guest_take(g, &g->queues[4], &len), -1);
    ck_assert_int_ge(vemu_vm_get_event_fd(g->vm), 0);
    ck_assert(!is_front_open(g, "agent") && is_front_open(g, "con"));
    say(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    ck_assert(is_front_open(g, "agent"));
    expect_input(g, 4, b.gpa, "abc");
    fake_sync(g->vm);
    ck_assert_int_eq(vemu_vm_next_event(g->vm, &event), 1);
    ck_assert_int_eq(event.type, VEMU_EVENT_PORT_CHANGED);
    ck_assert_uint_eq(event.value, 1);
    say(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1); /* nothing new */
    fake_sync(g->vm);
    ck_assert_int_eq(vemu_vm_next_event(g->vm, &event), 0);
    ck_assert_int_eq(vemu_chardev_input(g->vm, "agent", "defg", 4), 4);
    guest_add(g, &g->queues[4], &b, 1);
    g->t->notify(g, 4);
    expect_input(g, 4, b.gpa, "defg");
    say(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 0);
    ck_assert(!is_front_open(g, "agent"));
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* Soon: it comes through the loop. */
static void next_event(struct guest *g, int type, uint32_t value)
{
    struct vemu_event event = { .size = sizeof(event) };
    int r = 0;

    for (unsigned i = 0; i < 5000 && r == 0; i++) {
        r = vemu_vm_next_event(g->vm, &event);
        if (r == 0)
            usleep(1000);
    }
    ck_assert_int_eq(r, 1);
    ck_assert_int_eq(event.type, type);
    ck_assert_uint_eq(event.value, value);
}

/* Ports that come and go while the guest runs, twice under the same number and name. */
START_TEST(test_late_ports)
{
    struct guest *g = start(MULTIPORT);
    const struct vemu_property late[] = { { "chardev", "late" }, { "name", "org.late" } };
    struct vemu_error *why = NULL;

    introduce(g);
    ck_assert_int_ge(vemu_vm_get_event_fd(g->vm), 0);
    OK(vemu_vm_add_chardev(g->vm, "ring", "late", NULL, 0, &err));
    for (unsigned i = 0; i < 2; i++) {
        OK(vemu_vm_add_device(g->vm, "virtserialport", "p", late, 2, &err));
        hear(g, 2, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
        say(g, 2, VIRTIO_CONSOLE_PORT_READY, 1);
        hear(g, 2, VIRTIO_CONSOLE_PORT_NAME, 1, "org.late");
        hear(g, 2, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
        say(g, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
        ck_assert(is_front_open(g, "late"));
        next_event(g, VEMU_EVENT_PORT_CHANGED, 1);
        write_text(g, 7, "late");
        expect_output(g, "late", "late");
        ck_assert_int_lt(vemu_vm_add_device(g->vm, "virtserialport", NULL, late, 2, &why), 0);
        ck_assert_ptr_nonnull(strstr(vemu_error_message(why), "has the name 'org.late' already"));
        vemu_error_free(why);
        why = NULL;
        OK(vemu_vm_remove_device(g->vm, "p", &err));
        hear(g, 2, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL);
        next_event(g, VEMU_EVENT_DEVICE_DELETED, 0);
        ck_assert(!is_front_open(g, "late"));
        write_text(g, 7, "nobody"); /* a driver that has not heard it yet */
        expect_output(g, "late", "");
    }
    write_text(g, 5, "the others stay");
    expect_output(g, "agent", "the others stay");
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* A driver that knows one port, and one that knows nothing. */
START_TEST(test_single)
{
    struct guest *g = start(0);
    const struct guest_buffer b = { guest_alloc(g, 4, 1), 4, true };
    const struct guest_buffer b2 = { guest_alloc(g, 4, 1), 4, true };

    write_text(g, 1, "x");
    expect_output(g, "con", "x");
    guest_add(g, &g->queues[0], &b, 1);
    guest_add(g, &g->queues[0], &b2, 1);
    g->t->notify(g, 0);
    ck_assert_int_eq(vemu_chardev_input(g->vm, "con", "12345", 5), 5);
    expect_input(g, 0, b.gpa, "1234");
    expect_input(g, 0, b2.gpa, "5");
    g->t->config_write(g, 8, 4, 'E'); /* emergency */
    expect_output(g, "con", "E");
    guest_free(g);
}
END_TEST

/* Nonsense on the control queue changes nothing; no buffers, nothing said. */
START_TEST(test_nonsense)
{
    struct guest *g = start(MULTIPORT);
    struct guest_buffer b = { guest_alloc(g, 8, 8), 3, false };

    say(g, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    say(g, 2, VIRTIO_CONSOLE_PORT_READY, 1);
    say(g, UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1);
    say(g, 31, VIRTIO_CONSOLE_PORT_NAME, 1);
    say(g, 0, 77, 1);
    guest_request(g, &g->queues[3], &b, 1);
    for (unsigned i = 0; i < 200; i++)
        say(g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
    give_message_buffers(g);
    hear(g, 0, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    hear(g, 1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    hear(g, 1, VIRTIO_CONSOLE_PORT_NAME, 1, "org.agent");
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* Chains that are held go back at a pause, and come again. */
START_TEST(test_pause)
{
    struct guest *g = start(MULTIPORT);
    const struct guest_buffer b = { guest_alloc(g, 64, 1), 64, true };

    OK(vemu_vm_start(g->vm, &err));
    introduce(g);
    say(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    guest_add(g, &g->queues[4], &b, 1);
    g->t->notify(g, 4);
    for (unsigned i = 0; i < 3; i++) {
        OK(vemu_vm_pause(g->vm, &err));
        ck_assert_uint_eq(vemu__virtq_held(vemu__virtio_queue(g->vdev, 4)), 0);
        OK(vemu_vm_resume(g->vm, &err));
    }
    ck_assert_int_eq(vemu_chardev_input(g->vm, "agent", "back", 4), 4);
    expect_input(g, 4, b.gpa, "back");
    guest_free(g);
}
END_TEST

/* Input takes buffers without a doorbell; when the last one is gone, the next is to be told. */
START_TEST(test_event_index)
{
    struct guest *g = start(MULTIPORT | VEMU_VIRTIO_F_EVENT_IDX);
    struct guest_buffer b = { guest_alloc(g, 64, 1), 64, true };

    introduce(g);
    say(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    guest_add(g, &g->queues[4], &b, 1);
    g->t->notify(g, 4);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(vemu_chardev_input(g->vm, "agent", "abc", 3), 3);
        expect_input(g, 4, b.gpa, "abc");
        ck_assert_int_eq(vemu_chardev_input(g->vm, "agent", "defg", 4), 4);
        fake_sync(g->vm); /* no room for that */
        guest_add(g, &g->queues[4], &b, 1);
        ck_assert(!guest_may_skip_notify(g, &g->queues[4]));
        g->t->notify(g, 4);
        expect_input(g, 4, b.gpa, "defg");
        fake_sync(g->vm);
        guest_add(g, &g->queues[4], &b, 1);
        if (!guest_may_skip_notify(g, &g->queues[4]))
            g->t->notify(g, 4);
    }
    guest_free(g);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *class_name;
        struct vemu_property props[2];
        int code;
        const char *words;
    } rows[] = {
        { "virtserialport", { { "bus", "other.0" }, { "nr", "1" } }, ENOENT, "other.0" },
        { "virtserialport", { { "nr", "0" }, { "name", "x" } }, EINVAL, "port 0" },
        { "virtserialport", { { "nr", "31" }, { "name", "x" } }, EINVAL, "port 31" },
        { "virtconsole", { { "nr", "4" }, { "name", "x" } }, EBUSY, "port 4" },
        { "virtserialport", { { "nr", "5" }, { "name", "taken" } }, EEXIST, "'taken'" },
    };
    const struct vemu_property taken[] = { { "nr", "4" }, { "name", "taken" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vemu_vm *vm = guest_vm();

        OK(vemu_vm_add_device(vm, "virtio-serial", NULL, NULL, 0, &err));
        OK(vemu_vm_add_device(vm, "virtserialport", NULL, taken, 2, &err));
        OK(vemu_vm_add_device(vm, rows[i].class_name, NULL, rows[i].props, 2, &err));
        FAILS(vemu_vm_realize(vm, &err), rows[i].code, rows[i].words);
        vemu_vm_unref(vm);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_ports, test_late_ports,  test_single,  test_nonsense,
                                   test_pause, test_event_index, test_refused, NULL };

    return run_tests("virtio-serial", tests);
}
