/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PS/2 devices: a keyboard and a mouse, as the keyboard controller sees them.
 *
 * Bytes for the controller wait in a queue. Key presses that find no room are lost with an overrun
 * code; movements add up until there is room. All state is plain bytes, saved with the
 * controller's.
 */
#ifndef VEMU_DEVICES_I8042_PS2_H
#define VEMU_DEVICES_I8042_PS2_H

#include <stdbool.h>
#include <stdint.h>

/* --- queue.c ---------------------------------------------------------------------------------- */
#define VEMU_PS2_QUEUE 32u
struct vemu_ps2_queue {
    uint8_t bytes[VEMU_PS2_QUEUE];
    uint8_t first, count;
};
void vemu__ps2_queue_clear(struct vemu_ps2_queue *q);
/* All of them or, when there is no room, none: false. */
bool vemu__ps2_queue_put(struct vemu_ps2_queue *q, const uint8_t *bytes, unsigned count);
/* The queue is not empty. */
uint8_t vemu__ps2_queue_take(struct vemu_ps2_queue *q);
/* Indices from a saved state are what they may be. */
void vemu__ps2_queue_check(struct vemu_ps2_queue *q);

/* --- keyboard.c ------------------------------------------------------------------------------- */
struct vemu_ps2_keyboard {
    struct vemu_ps2_queue out;
    uint8_t scanning; /* tells of keys */
    uint8_t set;      /* scan-code set: 1 or 2 */
    uint8_t command;  /* that waits for its data byte, 0: none */
    uint8_t last;     /* byte sent, for RESEND */
    uint8_t leds;
    uint8_t overrun; /* keys were lost since the queue was full */
};
void vemu__ps2_keyboard_reset(struct vemu_ps2_keyboard *k);
void vemu__ps2_keyboard_write(struct vemu_ps2_keyboard *k, uint8_t value);
/* A key by its code in evdev; one that PC keyboards have not is nothing. */
void vemu__ps2_keyboard_key(struct vemu_ps2_keyboard *k, uint32_t code, bool down);
/* The code that the controller makes of one of set 2 when it translates. */
uint8_t vemu__ps2_translate(uint8_t code);

/* --- mouse.c ---------------------------------------------------------------------------------- */
struct vemu_ps2_mouse {
    struct vemu_ps2_queue out;
    uint8_t reporting, remote, wrap, scaling; /* modes */
    uint8_t rate, resolution;
    uint8_t rates[2]; /* the last ones but the current: a driver asks for a wheel with them */
    uint8_t id;       /* 0: three buttons, 3: a wheel, 4: two more buttons */
    uint8_t command;
    uint8_t buttons; /* bits 0 to 4 */
    uint8_t pending; /* something is to be told */
    int32_t dx, dy, dz;
};
void vemu__ps2_mouse_reset(struct vemu_ps2_mouse *m);
void vemu__ps2_mouse_write(struct vemu_ps2_mouse *m, uint8_t value);
/* `code` of evdev: REL_* or BTN_*. */
void vemu__ps2_mouse_move(struct vemu_ps2_mouse *m, uint32_t code, int32_t distance);
void vemu__ps2_mouse_button(struct vemu_ps2_mouse *m, uint32_t code, bool down);
/* Puts packets into the queue as far as there is room. */
void vemu__ps2_mouse_sync(struct vemu_ps2_mouse *m);

#endif
