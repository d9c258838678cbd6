/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input devices: who gets keys and movements.
 */
#ifndef VEMU_INPUT_INPUT_H
#define VEMU_INPUT_INPUT_H

#include <vemu/input.h>

#include "core/device.h"

struct vemu_inputs;

#define VEMU_INPUT_BIT(type) (1u << (type)) /* enum vemu_input_type */

struct vemu_input_ops {
    uint32_t types; /* VEMU_INPUT_BIT() of what it takes */
    /* Has the guest a driver for it? NULL: always. The device's lock is held, as in all of them. */
    bool (*ready)(struct vemu_device *dev);
    void (*event)(struct vemu_device *dev, const struct vemu_input_event *event);
    /* What was told since the last call happened at once. */
    void (*sync)(struct vemu_device *dev);
};

struct vemu_inputs *vemu__inputs_new(struct vemu_vm *vm);
void vemu__inputs_free(struct vemu_inputs *inputs);
/* The device takes input from now on. Context: realize. */
void vemu__input_add(struct vemu_device *dev, const struct vemu_input_ops *ops);
/* No more of it. Context: unrealize; fine for a device that was never added. */
void vemu__input_remove(struct vemu_device *dev);
/* Number `n` of the devices; false: there are no more. `current`: the next event of its types goes
 * there. Context: loop. */
struct vemu_input_info {
    const char *id;
    uint32_t types;
    bool current;
};
bool vemu__input_get(struct vemu_vm *vm, unsigned n, struct vemu_input_info *ret);
/* Presses keys one after the other, and releases them in reverse order after `hold_ms`. More that
 * come while some are held wait their turn. -EBUSY: too many wait; errors as of
 * vemu_vm_send_input(). Context: loop. */
#define VEMU_INPUT_KEYS_MAX 16u
int vemu__input_send_keys(struct vemu_vm *vm, const uint32_t *codes, unsigned count,
                          unsigned hold_ms, struct vemu_error **err);

/* --- keys.c ----------------------------------------------------------------------------------- */
/* A key: QMP's name (QKeyCode), evdev's code, scan code of set 1 (with 0xe000: behind an 0xe0
 * byte; 0: PC keyboards have none). Sorted by name. */
struct vemu_key {
    const char *name;
    uint16_t code, set1;
};
extern const struct vemu_key vemu__keys[];
extern const size_t vemu__key_count;
const struct vemu_key *vemu__key_find(const char *name);
const struct vemu_key *vemu__key_by_code(uint32_t code);
/* By QEMU's key number: the code of set 1, 0x80 in place of 0xe0. */
const struct vemu_key *vemu__key_by_number(uint32_t number);

#endif
