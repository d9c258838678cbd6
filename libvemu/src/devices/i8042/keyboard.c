/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PS/2 keyboard with 102 keys and more: commands, scan-code sets 1 and 2.
 *
 * Set 3 is refused as old keyboards do (RESEND). The rate at which a held key repeats is taken and
 * forgotten: systems repeat keys themselves.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "devices/i8042/ps2.h"
#include "input/input.h"

#define REPLY_ACK    0xfau
#define REPLY_PASSED 0xaau /* self-test */
#define REPLY_RESEND 0xfeu
#define REPLY_ECHO   0xeeu
#define RELEASED     0xf0u /* set 2: before the code */
#define EXTENDED     0xe0u
#define NUMBERED     0x80u /* set 1: the key was released */

/* What the controller makes of the codes of set 2: those of set 1 (IBM PS/2 hardware interface
 * technical reference, keyboard controller). Codes above are as they are but for two. */
static const uint8_t translation[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

uint8_t vemu__ps2_translate(uint8_t code)
{
    if (code < sizeof(translation))
        return translation[code];
    return code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

/* The other way round. 0x41 (F7) and 0x54 (SysRq) are what lies above. */
static uint8_t set2_of(uint8_t set1)
{
    if (set1 == 0x41)
        return 0x83;
    if (set1 == 0x54)
        return 0x84;
    for (uint8_t i = 1; i < sizeof(translation); i++)
        if (translation[i] == set1)
            return i;
    return 0;
}

/* --- keys ------------------------------------------------------------------------------------- */

/* Make and break in one, when it is pressed. */
static const uint8_t pause_1[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
static const uint8_t pause_2[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };

static void put(struct vemu_ps2_keyboard *k, const uint8_t *bytes, unsigned count)
{
    static const uint8_t overrun_1 = 0xff, overrun_2 = 0x00;

    /* A place is left for the overrun code, and one for the answer to a command. */
    if (k->out.count + count + 2 <= VEMU_PS2_QUEUE && vemu__ps2_queue_put(&k->out, bytes, count))
        k->overrun = 0;
    else if (!k->overrun && vemu__ps2_queue_put(&k->out, k->set == 1 ? &overrun_1 : &overrun_2, 1))
        k->overrun = 1;
}

void vemu__ps2_keyboard_key(struct vemu_ps2_keyboard *k, uint32_t code, bool down)
{
    const struct vemu_key *key = vemu__key_by_code(code);
    uint8_t bytes[3], set1, count = 0;

    if (!key || !key->set1 || !k->scanning)
        return;
    if (code == KEY_PAUSE) {
        if (down && k->set == 1)
            put(k, pause_1, sizeof(pause_1));
        else if (down)
            put(k, pause_2, sizeof(pause_2));
        return;
    }
    set1 = (uint8_t)key->set1;
    if (key->set1 >> 8)
        bytes[count++] = EXTENDED;
    if (k->set == 1) {
        bytes[count++] = set1 | (down ? 0 : NUMBERED);
    } else {
        if (!down)
            bytes[count++] = RELEASED;
        bytes[count++] = set2_of(set1);
    }
    put(k, bytes, count);
}

/* --- commands --------------------------------------------------------------------------------- */

/* Answers go in front of nothing: what waits is thrown away if they find no room. */
static void reply(struct vemu_ps2_keyboard *k, const uint8_t *bytes, unsigned count)
{
    if (vemu__ps2_queue_put(&k->out, bytes, count))
        return;
    vemu__ps2_queue_clear(&k->out);
    vemu__ps2_queue_put(&k->out, bytes, count);
}

static void reply1(struct vemu_ps2_keyboard *k, uint8_t byte)
{
    reply(k, &byte, 1);
}

static void defaults(struct vemu_ps2_keyboard *k)
{
    k->set = 2;
    k->command = 0;
    k->overrun = 0;
}

void vemu__ps2_keyboard_reset(struct vemu_ps2_keyboard *k)
{
    memset(k, 0, sizeof(*k));
    defaults(k);
    k->scanning = 1;
}

static void data_byte(struct vemu_ps2_keyboard *k, uint8_t command, uint8_t value)
{
    switch (command) {
    case 0xed: k->leds = value & 7; break;
    case 0xf0:
        if (value == 0) {
            const uint8_t current[] = { REPLY_ACK, k->set };

            reply(k, current, sizeof(current));
            return;
        }
        if (value > 2) {
            reply1(k, REPLY_RESEND);
            return;
        }
        k->set = value;
        break;
    default: break; /* repeat rate; kinds of single keys, which belong to set 3 */
    }
    reply1(k, REPLY_ACK);
}

void vemu__ps2_keyboard_write(struct vemu_ps2_keyboard *k, uint8_t value)
{
    static const uint8_t identity[] = { REPLY_ACK, 0xab, 0x83 };
    static const uint8_t passed[] = { REPLY_ACK, REPLY_PASSED };
    uint8_t command = k->command;

    k->command = 0;
    if (command && value < 0xed) { /* a command in place of data ends the one before */
        data_byte(k, command, value);
        return;
    }
    switch (value) {
    case 0xed: /* LEDs */
    case 0xf0: /* scan-code set */
    case 0xf3: /* repeat rate */
    case 0xfb ... 0xfd:
        k->command = value;
        reply1(k, REPLY_ACK);
        break;
    case 0xee: reply1(k, REPLY_ECHO); break;
    case 0xf2: reply(k, identity, sizeof(identity)); break;
    case 0xf4:
        vemu__ps2_queue_clear(&k->out);
        k->scanning = 1;
        reply1(k, REPLY_ACK);
        break;
    case 0xf5: /* defaults, and be silent */
    case 0xf6:
        vemu__ps2_queue_clear(&k->out);
        defaults(k);
        k->scanning = value == 0xf6;
        reply1(k, REPLY_ACK);
        break;
    case 0xf7 ... 0xfa: reply1(k, REPLY_ACK); break;
    case 0xfe: reply1(k, k->last); break;
    case 0xff:
        vemu__ps2_keyboard_reset(k);
        reply(k, passed, sizeof(passed));
        break;
    default: reply1(k, REPLY_RESEND); break;
    }
}
