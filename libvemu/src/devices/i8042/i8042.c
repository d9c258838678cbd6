/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 8042 keyboard controller (ports 0x60 and 0x64), with a PS/2 keyboard and mouse or without.
 *
 * The output buffer holds one byte. Answers of the controller come first, then bytes of the
 * keyboard, then of the mouse, each when the one before has been read; a device whose clock line is
 * held keeps its bytes. Bytes of the keyboard are translated to scan-code set 1 where the guest
 * wants that.
 *
 * Without devices what remains is the reset line, the A20 gate, and answers quick enough that a
 * driver's probe ends at once: the ports test as broken lines; a byte sent to a device is answered
 * by "resend" with the time-out bit, as the controller does when nobody clocks it in.
 *
 * The A20 gate is remembered but masks no address: accelerators run with A20 on, which is what
 * every guest since protected mode wants.
 */
#include <errno.h>

#include <linux/input-event-codes.h>

#include "devices/devices.h"
#include "devices/i8042/ps2.h"
#include "input/input.h"

#define STATUS_OUTPUT_FULL 0x01
#define STATUS_SYSTEM      0x04 /* self-test passed */
#define STATUS_COMMAND     0x08 /* the last write went to port 0x64 */
#define STATUS_UNLOCKED    0x10
#define STATUS_AUX         0x20 /* the byte is from the second port */
#define STATUS_TIMEOUT     0x40

#define CONTROL_KBD_IRQ     0x01
#define CONTROL_AUX_IRQ     0x02
#define CONTROL_SYSTEM      0x04
#define CONTROL_KBD_DISABLE 0x10
#define CONTROL_AUX_DISABLE 0x20
#define CONTROL_TRANSLATE   0x40

#define OUTPUT_RESET 0x01 /* active low */
#define OUTPUT_A20   0x02

#define REPLY_RESEND 0xfe
#define RELEASED     0xf0 /* scan-code set 2; translated it is bit 7 of the code */

struct i8042 {
    struct vemu_device dev;
    struct vemu_irq *kbd_irq, *aux_irq;
    uint8_t status, control, output_port, data;
    uint8_t command; /* that waits for its data byte, 0: none */
    uint8_t ram[32];
    uint8_t answer, answer_flags, has_answer; /* of the controller, while the buffer is full */
    uint8_t released;                         /* translation met RELEASED */
    bool has_keyboard, has_mouse;             /* properties */
    struct vemu_ps2_keyboard keyboard;
    struct vemu_ps2_mouse mouse;
};

static void i8042_update_irq(struct i8042 *s)
{
    bool full = s->status & STATUS_OUTPUT_FULL, aux = s->status & STATUS_AUX;

    vemu_irq_set(s->kbd_irq, full && !aux && (s->control & CONTROL_KBD_IRQ));
    vemu_irq_set(s->aux_irq, full && aux && (s->control & CONTROL_AUX_IRQ));
}

static void i8042_fill(struct i8042 *s, uint8_t value, uint8_t flags)
{
    s->data = value;
    s->status =
        (uint8_t)((s->status & ~(STATUS_AUX | STATUS_TIMEOUT)) | STATUS_OUTPUT_FULL | flags);
}

/* One byte of the keyboard, or none when that byte only says something about the next one. */
static bool i8042_take_key(struct i8042 *s)
{
    uint8_t value = vemu__ps2_queue_take(&s->keyboard.out);

    s->keyboard.last = value;
    if (!(s->control & CONTROL_TRANSLATE)) {
        i8042_fill(s, value, 0);
        return true;
    }
    if (value == RELEASED) {
        s->released = 0x80;
        return false;
    }
    i8042_fill(s, vemu__ps2_translate(value) | s->released, 0);
    s->released = 0;
    return true;
}

/* Fills the buffer when it is empty and something waits. */
static void i8042_pull(struct i8042 *s)
{
    bool done = s->status & STATUS_OUTPUT_FULL;

    if (!done && s->has_answer) {
        s->has_answer = 0;
        i8042_fill(s, s->answer, s->answer_flags);
        done = true;
    }
    while (!done && !(s->control & CONTROL_KBD_DISABLE) && s->keyboard.out.count) {
        done = i8042_take_key(s);
    }
    if (!done && !(s->control & CONTROL_AUX_DISABLE)) {
        if (s->mouse.pending) {
            vemu__ps2_mouse_sync(&s->mouse);
        }
        if (s->mouse.out.count) {
            i8042_fill(s, vemu__ps2_queue_take(&s->mouse.out), STATUS_AUX);
        }
    }
    i8042_update_irq(s);
}

static void i8042_reply(struct i8042 *s, uint8_t value, uint8_t flags)
{
    s->answer = value;
    s->answer_flags = flags & (STATUS_AUX | STATUS_TIMEOUT);
    s->has_answer = 1;
    i8042_pull(s);
}

static void i8042_write_output_port(struct i8042 *s, uint8_t value)
{
    s->output_port = value;
    if (!(value & OUTPUT_RESET)) {
        vemu_vm_request_reset(s->dev.vm, VEMU_CAUSE_GUEST_RESET);
    }
}

static void i8042_command(struct i8042 *s, uint8_t command)
{
    s->command = 0;
    s->status |= STATUS_COMMAND;
    switch (command) {
    case 0x20 ... 0x3f: /* read the control byte, or controller RAM */
        i8042_reply(s, command == 0x20 ? s->control : s->ram[command & 0x1f], 0);
        break;
    case 0x60 ... 0x7f: /* write it */
    case 0xd1:          /* write the output port */
    case 0xd2:          /* write to the output buffer as if from the keyboard */
    case 0xd3:          /* likewise from the second port */
    case 0xd4: /* write to the second port's device */ s->command = command; break;
    case 0xa7: s->control |= CONTROL_AUX_DISABLE; break;
    case 0xa8:
        s->control &= (uint8_t)~CONTROL_AUX_DISABLE;
        i8042_pull(s);
        break;
    case 0xa9: /* test a port: 1 is "clock line stuck low" */
        i8042_reply(s, !s->has_mouse, 0);
        break;
    case 0xab: i8042_reply(s, !s->has_keyboard, 0); break;
    case 0xaa: /* controller self-test */
        s->status |= STATUS_SYSTEM;
        i8042_reply(s, 0x55, 0);
        break;
    case 0xad: s->control |= CONTROL_KBD_DISABLE; break;
    case 0xae:
        s->control &= (uint8_t)~CONTROL_KBD_DISABLE;
        i8042_pull(s);
        break;
    case 0xc0: /* input port: keyboard not locked */ i8042_reply(s, 0x80, 0); break;
    case 0xd0: i8042_reply(s, s->output_port, 0); break;
    case 0xdd: s->output_port &= ~OUTPUT_A20; break;
    case 0xdf: s->output_port |= OUTPUT_A20; break;
    case 0xf0 ... 0xff: /* pulse the output port's low bits: bit 0 is reset */
        if (!(command & OUTPUT_RESET)) {
            vemu_vm_request_reset(s->dev.vm, VEMU_CAUSE_GUEST_RESET);
        }
        break;
    }
}

static void i8042_data(struct i8042 *s, uint8_t value)
{
    uint8_t command = s->command;

    s->command = 0;
    s->status &= ~STATUS_COMMAND;
    switch (command) {
    case 0x60:
        s->control = value;
        s->status = (s->status & ~STATUS_SYSTEM) | (value & CONTROL_SYSTEM ? STATUS_SYSTEM : 0);
        i8042_pull(s);
        break;
    case 0x61 ... 0x7f: s->ram[command & 0x1f] = value; break;
    case 0xd1: i8042_write_output_port(s, value); break;
    case 0xd2: i8042_reply(s, value, 0); break;
    case 0xd3: /* the loop test: without a second port it comes back on the first */
        i8042_reply(s, value, s->has_mouse ? STATUS_AUX : 0);
        break;
    case 0xd4:
        if (!s->has_mouse) {
            i8042_reply(s, REPLY_RESEND, STATUS_AUX | STATUS_TIMEOUT);
            break;
        }
        s->control &= (uint8_t)~CONTROL_AUX_DISABLE;
        vemu__ps2_mouse_write(&s->mouse, value);
        i8042_pull(s);
        break;
    default: /* for the keyboard */
        s->control &= (uint8_t)~CONTROL_KBD_DISABLE;
        if (!s->has_keyboard) {
            i8042_reply(s, REPLY_RESEND, STATUS_TIMEOUT);
            break;
        }
        vemu__ps2_keyboard_write(&s->keyboard, value);
        i8042_pull(s);
        break;
    }
}

static uint64_t i8042_read_data(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct i8042 *s = (struct i8042 *)dev;
    uint8_t value = s->data;

    s->status &= (uint8_t)~(STATUS_OUTPUT_FULL | STATUS_AUX | STATUS_TIMEOUT);
    i8042_update_irq(s); /* low, so that the next byte is an edge */
    i8042_pull(s);
    return value;
}

static void i8042_write_data(struct vemu_device *dev, uint64_t offset, unsigned size,
                             uint64_t value)
{
    i8042_data((struct i8042 *)dev, (uint8_t)value);
}

static uint64_t i8042_read_status(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct i8042 *)dev)->status;
}

static void i8042_write_command(struct vemu_device *dev, uint64_t offset, unsigned size,
                                uint64_t value)
{
    i8042_command((struct i8042 *)dev, (uint8_t)value);
}

static const struct vemu_region_ops data_region = {
    .read = i8042_read_data,
    .write = i8042_write_data,
    .min_size = 1,
    .max_size = 1,
};
static const struct vemu_region_ops command_region = {
    .read = i8042_read_status,
    .write = i8042_write_command,
    .min_size = 1,
    .max_size = 1,
};

/* --- input ------------------------------------------------------------------------------------ */

static void keyboard_event(struct vemu_device *dev, const struct vemu_input_event *event)
{
    vemu_vm_request_wake(dev->vm, VEMU_WAKE_OTHER);
    vemu__ps2_keyboard_key(&((struct i8042 *)dev)->keyboard, event->code, event->value != 0);
}

static void mouse_event(struct vemu_device *dev, const struct vemu_input_event *event)
{
    struct i8042 *s = (struct i8042 *)dev;

    vemu_vm_request_wake(dev->vm, VEMU_WAKE_OTHER);
    if (event->type == VEMU_INPUT_BUTTON) {
        vemu__ps2_mouse_button(&s->mouse, event->code, event->value != 0);
    } else {
        vemu__ps2_mouse_move(&s->mouse, event->code, event->value);
    }
}

static void keyboard_sync(struct vemu_device *dev)
{
    i8042_pull((struct i8042 *)dev);
}

static void mouse_sync(struct vemu_device *dev)
{
    vemu__ps2_mouse_sync(&((struct i8042 *)dev)->mouse);
    i8042_pull((struct i8042 *)dev);
}

static const struct vemu_input_ops keyboard_input = {
    .types = VEMU_INPUT_BIT(VEMU_INPUT_KEY),
    .event = keyboard_event,
    .sync = keyboard_sync,
};
static const struct vemu_input_ops mouse_input = {
    .types = VEMU_INPUT_BIT(VEMU_INPUT_REL) | VEMU_INPUT_BIT(VEMU_INPUT_BUTTON),
    .event = mouse_event,
    .sync = mouse_sync,
};

/* --- life ------------------------------------------------------------------------------------- */

static int i8042_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct i8042 *s = (struct i8042 *)dev;
    int r;

    s->kbd_irq = vemu_device_get_irq(dev, 1, err);
    if (!s->kbd_irq) {
        return -EINVAL;
    }
    s->aux_irq = vemu_device_get_irq(dev, 12, err);
    if (!s->aux_irq) {
        return -EINVAL;
    }
    r = vemu_device_map(dev, VEMU_SPACE_IO, 0x60, 1, &data_region, "i8042-data", err);
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, 0x64, 1, &command_region, "i8042-command", err);
    }
    if (r >= 0 && s->has_keyboard) {
        vemu__input_add(dev, &keyboard_input);
    }
    if (r >= 0 && s->has_mouse) {
        vemu__input_add(dev, &mouse_input);
    }
    return r;
}

static void i8042_unrealize(struct vemu_device *dev)
{
    vemu__input_remove(dev);
}

static void i8042_reset(struct vemu_device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    s->status = STATUS_UNLOCKED | STATUS_SYSTEM;
    s->control = CONTROL_SYSTEM | CONTROL_KBD_DISABLE | CONTROL_AUX_DISABLE;
    if (s->has_keyboard) { /* as firmware leaves it */
        s->control |= CONTROL_TRANSLATE;
    }
    s->output_port = OUTPUT_RESET | OUTPUT_A20;
    s->data = 0;
    s->command = 0;
    for (unsigned i = 0; i < sizeof(s->ram); i++) {
        s->ram[i] = 0;
    }
    s->answer = s->answer_flags = s->has_answer = 0;
    s->released = 0;
    vemu__ps2_keyboard_reset(&s->keyboard);
    vemu__ps2_mouse_reset(&s->mouse);
    i8042_update_irq(s);
}

static void i8042_restored(struct vemu_device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    vemu__ps2_queue_check(&s->keyboard.out);
    vemu__ps2_queue_check(&s->mouse.out);
    vemu__ps2_mouse_move(&s->mouse, REL_X, 0); /* within bounds */
    vemu__ps2_mouse_move(&s->mouse, REL_Y, 0);
    vemu__ps2_mouse_move(&s->mouse, REL_WHEEL, 0);
    s->answer_flags &= STATUS_AUX | STATUS_TIMEOUT;
    s->released &= 0x80;
    i8042_update_irq(s);
}

static const struct vemu_state_field i8042_state[] = {
    VEMU_STATE(struct i8042, status),
    VEMU_STATE(struct i8042, control),
    VEMU_STATE(struct i8042, output_port),
    VEMU_STATE(struct i8042, data),
    VEMU_STATE(struct i8042, command),
    VEMU_STATE(struct i8042, ram),
    VEMU_STATE(struct i8042, answer),
    VEMU_STATE(struct i8042, answer_flags),
    VEMU_STATE(struct i8042, has_answer),
    VEMU_STATE(struct i8042, released),
    VEMU_STATE(struct i8042, keyboard),
    VEMU_STATE(struct i8042, mouse),
    VEMU_STATE_END,
};

static const struct vemu_prop i8042_props[] = {
    VEMU_PROP(struct i8042, has_keyboard, "keyboard", BOOL, "off", "a PS/2 keyboard is plugged in"),
    VEMU_PROP(struct i8042, has_mouse, "mouse", BOOL, "off", "a PS/2 mouse is plugged in"),
    VEMU_PROP_END,
};

static const struct vemu_device_ops i8042_ops = {
    .realize = i8042_realize,
    .unrealize = i8042_unrealize,
    .reset = i8042_reset,
    .restored = i8042_restored,
};

const struct vemu_device_class vemu__device_i8042 = {
    .name = "i8042",
    .summary = "keyboard controller: PS/2 keyboard and mouse, reset, A20",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct i8042),
    .props = i8042_props,
    .state = i8042_state,
    .ops = &i8042_ops,
};
