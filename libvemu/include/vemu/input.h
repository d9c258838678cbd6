/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and pointers for the guest.
 */
#ifndef VEMU_INPUT_H
#define VEMU_INPUT_H

#include <stdint.h>
#include <vemu/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_vm;

enum vemu_input_type {
    VEMU_INPUT_KEY = 1,    /* code: KEY_* of <linux/input-event-codes.h>; value: 1 down, 0 up */
    VEMU_INPUT_BUTTON = 2, /* code: BTN_LEFT to BTN_EXTRA; likewise */
    VEMU_INPUT_REL = 3,    /* code: REL_X, REL_Y, REL_WHEEL, REL_HWHEEL; value: how far */
    VEMU_INPUT_ABS = 4,    /* code: ABS_X, ABS_Y; value: 0..VEMU_INPUT_ABS_MAX */
};
#define VEMU_INPUT_ABS_MAX 32767

/** struct vemu_input_event - one thing that happened; the numbers are those of Linux' evdev */
struct vemu_input_event {
    uint32_t type; /* enum vemu_input_type */
    uint32_t code;
    int32_t value;
};

/**
 * vemu_vm_send_input() - hands events, which happened at once, to the guest
 * @id: of the device that is to get them; NULL: for each event the device that was added last, of
 * those that have a driver and take events of its type
 * All events are checked before the first is handed out. What the guest does not take (its queue is
 * full, it has switched reports off) is lost, as with a real device.
 * Errors: EINVAL (type, code or value), ENOENT (no such device), ENOTSUP (no device takes an
 * event), EBUSY (the machine does not run). Context: any but a vCPU thread. Since 0.1
 */
int vemu_vm_send_input(struct vemu_vm *vm, const char *id, const struct vemu_input_event *events,
                       uint32_t count, struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
