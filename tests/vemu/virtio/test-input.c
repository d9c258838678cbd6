/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-input: what devices say of themselves, groups of events, buffers that are wrong.
 */
#include <check.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include <vemu/input.h>

#include "../core/test-main.h"
#include "guest.h"

struct packet {
    uint16_t type, code;
    uint32_t value;
};

/* Asks; the answer's size. */
static unsigned ask(struct guest *g, unsigned select, unsigned subsel)
{
    g->t->config_write(g, 0, 1, select);
    g->t->config_write(g, 1, 1, subsel);
    return (unsigned)g->t->config_read(g, 2, 1);
}

static bool bit(struct guest *g, unsigned n)
{
    return g->t->config_read(g, 8 + n / 8, 1) >> n % 8 & 1;
}

START_TEST(test_config)
{
    struct guest *g = guest_new("virtio-keyboard", "serial", "abc", NULL);

    guest_start(g, 0, 2);
    ck_assert_uint_eq(ask(g, 1, 0), strlen("vemu virtio keyboard"));
    ck_assert_uint_eq(g->t->config_read(g, 8, 4), 0x756d6576);
    ck_assert_uint_eq(ask(g, 2, 0), 3);
    ck_assert_uint_eq(ask(g, 3, 0), 8);
    ck_assert_uint_eq(ask(g, 3, 1), 0);
    ck_assert_uint_eq(ask(g, 0x10, 0), 0);
    ck_assert_uint_gt(ask(g, 0x11, EV_KEY), 0);
    ck_assert(bit(g, KEY_A) && bit(g, KEY_PAUSE) && !bit(g, BTN_LEFT));
    ck_assert_uint_eq(ask(g, 0x11, EV_LED), 1);
    ck_assert_uint_eq(ask(g, 0x11, EV_REP), 1);
    ck_assert_uint_eq(ask(g, 0x11, EV_REL), 0);
    ck_assert_uint_eq(ask(g, 0x12, ABS_X), 0);
    for (unsigned select = 0; select < 256; select++)
        for (unsigned subsel = 0; subsel < 256; subsel++)
            ck_assert_uint_le(ask(g, select, subsel), 128);
    guest_free(g);
    g = guest_new("virtio-tablet", NULL);
    guest_start(g, 0, 2);
    ck_assert_uint_eq(ask(g, 2, 0), 0);
    ck_assert_uint_gt(ask(g, 0x11, EV_ABS), 0);
    ck_assert(bit(g, ABS_X) && bit(g, ABS_Y));
    ck_assert_uint_eq(ask(g, 0x12, ABS_Y), 20);
    ck_assert_uint_eq(g->t->config_read(g, 12, 4), VEMU_INPUT_ABS_MAX);
    ck_assert_uint_gt(ask(g, 0x11, EV_REL), 0); /* the wheel */
    ck_assert(bit(g, REL_WHEEL) && !bit(g, REL_X));
    ask(g, 0x11, EV_KEY);
    ck_assert(bit(g, BTN_LEFT) && !bit(g, KEY_A));
    guest_free(g);
}
END_TEST

static void give(struct guest *g, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++) {
        struct guest_buffer b = { 0x1000 + 16 * i, size, true };

        guest_add(g, &g->queues[0], &b, 1);
    }
    g->t->notify(g, 0);
}

static int key(struct guest *g, unsigned code, int value)
{
    const struct vemu_input_event event = { VEMU_INPUT_KEY, code, value };

    return vemu_vm_send_input(g->vm, NULL, &event, 1, NULL);
}

START_TEST(test_events)
{
    struct guest *g = guest_new("virtio-keyboard", NULL);
    const struct packet *p = guest_ptr(g, 0x1000);
    uint32_t len;

    FAILS(vemu_vm_send_input(g->vm, NULL, &(struct vemu_input_event){ 1, KEY_A, 1 }, 1, &err),
          EBUSY, "not running");
    OK(vemu_vm_start(g->vm, &err));
    guest_start(g, 0, 2);
    give(g, 3, 8);
    ck_assert_int_eq(guest_take(g, &g->queues[0], &len), -1);
    ck_assert_int_eq(key(g, KEY_A, 1), 0);
    ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    ck_assert_uint_eq(len, 8);
    ck_assert_int_ge(guest_take(g, &g->queues[0], &len), 0);
    ck_assert_uint_eq(p[0].type, EV_KEY);
    ck_assert_uint_eq(p[0].code, KEY_A);
    ck_assert_uint_eq(p[0].value, 1);
    ck_assert_uint_eq(p[2].type, EV_SYN);
    /* One buffer is not enough for two events: nothing comes, and the buffer stays. */
    ck_assert_int_eq(key(g, KEY_A, 0), 0);
    ck_assert_int_eq(guest_take(g, &g->queues[0], &len), -1);
    give(g, 1, 8);
    ck_assert_int_eq(key(g, KEY_B, 1), 0);
    ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    ck_assert_int_ge(guest_take(g, &g->queues[0], &len), 0);
    /* What is no event. */
    FAILS(vemu_vm_send_input(g->vm, NULL, &(struct vemu_input_event){ 1, KEY_A, 2 }, 1, &err),
          EINVAL, "input event 0");
    FAILS(vemu_vm_send_input(g->vm, NULL, &(struct vemu_input_event){ 9, KEY_A, 1 }, 1, &err),
          EINVAL, "type 9");
    FAILS(vemu_vm_send_input(g->vm, NULL, &(struct vemu_input_event){ 4, 0, 32768 }, 1, &err),
          EINVAL, "value 32768");
    FAILS(vemu_vm_send_input(g->vm, NULL, &(struct vemu_input_event){ 4, 0, 3 }, 1, &err), ENOTSUP,
          "event type abs");
    FAILS(vemu_vm_send_input(g->vm, "x", &(struct vemu_input_event){ 1, KEY_A, 1 }, 1, &err),
          ENOENT, "'x'");
    /* A buffer that is too small breaks the device. */
    give(g, 2, 4);
    ck_assert_int_eq(key(g, KEY_B, 0), 0);
    ck_assert(guest_broken(g));
    guest_free(g);
}
END_TEST

START_TEST(test_many)
{
    struct guest *g = guest_new("virtio-mouse", NULL);
    struct vemu_input_event events[100];
    uint32_t len;

    OK(vemu_vm_start(g->vm, &err));
    guest_start(g, 0, 2);
    give(g, 64, 8);
    for (unsigned i = 0; i < 100; i++)
        events[i] = (struct vemu_input_event){ VEMU_INPUT_REL, REL_X, 1 };
    OK(vemu_vm_send_input(g->vm, NULL, events, 100, &err)); /* more than a group */
    ck_assert_int_eq(guest_take(g, &g->queues[0], &len), -1);
    OK(vemu_vm_send_input(g->vm, NULL, events, 63, &err));
    for (unsigned i = 0; i < 64; i++)
        ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

START_TEST(test_status)
{
    struct guest *g = guest_new("virtio-keyboard", NULL);
    const struct packet led = { EV_LED, LED_CAPSL, 1 }, wrong = { EV_LED, 0xffff, UINT32_MAX };
    struct guest_buffer b = { 0x2000, 8, false };

    guest_start(g, 0, 2);
    memcpy(guest_ptr(g, 0x2000), &led, 8);
    ck_assert_uint_eq(guest_request(g, &g->queues[1], &b, 1), 0);
    memcpy(guest_ptr(g, 0x2000), &wrong, 8);
    ck_assert_uint_eq(guest_request(g, &g->queues[1], &b, 1), 0);
    b.len = 3;
    ck_assert_uint_eq(guest_request(g, &g->queues[1], &b, 1), 0);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_config, test_events, test_many, test_status, NULL };

    return run_tests("virtio-input", tests);
}
