/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PS/2 mouse: commands, packets of three or four bytes; a wheel and five buttons for drivers that
 * ask for them by Microsoft's knocking (sample rates 200, 100, 80 and 200, 200, 80).
 *
 * The sample rate is taken and told, but reports come when something happens. Scaling 2:1 is kept
 * and means nothing in remote mode, as specified, and nothing else either.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include <glib.h>

#include "devices/i8042/ps2.h"

#define REPLY_ACK    0xfau
#define REPLY_PASSED 0xaau
#define REPLY_RESEND 0xfeu

#define DISTANCE_MAX 255    /* of a packet: nine bits */
#define PENDING_MAX  100000 /* of what was not told yet */

static void reply(struct vemu_ps2_mouse *m, const uint8_t *bytes, unsigned count)
{
    if (vemu__ps2_queue_put(&m->out, bytes, count))
        return;
    vemu__ps2_queue_clear(&m->out);
    vemu__ps2_queue_put(&m->out, bytes, count);
}

static void reply1(struct vemu_ps2_mouse *m, uint8_t byte)
{
    reply(m, &byte, 1);
}

/* --- movement --------------------------------------------------------------------------------- */

void vemu__ps2_mouse_move(struct vemu_ps2_mouse *m, uint32_t code, int32_t distance)
{
    int32_t *to = code == REL_X       ? &m->dx
                  : code == REL_Y     ? &m->dy
                  : code == REL_WHEEL ? &m->dz
                                      : NULL;

    if (!to)
        return;
    *to = CLAMP(*to + distance, -PENDING_MAX, PENDING_MAX);
    m->pending = 1;
}

void vemu__ps2_mouse_button(struct vemu_ps2_mouse *m, uint32_t code, bool down)
{
    static const uint8_t bits[] = { [BTN_LEFT - BTN_LEFT] = 1,
                                    [BTN_RIGHT - BTN_LEFT] = 2,
                                    [BTN_MIDDLE - BTN_LEFT] = 4,
                                    [BTN_SIDE - BTN_LEFT] = 8,
                                    [BTN_EXTRA - BTN_LEFT] = 16 };

    if (code < BTN_LEFT || code > BTN_EXTRA)
        return;
    if (down)
        m->buttons |= bits[code - BTN_LEFT];
    else
        m->buttons &= (uint8_t)~bits[code - BTN_LEFT];
    m->pending = 1;
}

/* One packet with as much of the movement as fits; false: no room. Up is positive here. */
static bool put_packet(struct vemu_ps2_mouse *m)
{
    int32_t x = CLAMP(m->dx, -DISTANCE_MAX, DISTANCE_MAX);
    int32_t y = CLAMP(-m->dy, -DISTANCE_MAX, DISTANCE_MAX);
    int32_t z = m->id == 4 ? CLAMP(-m->dz, -7, 7) : CLAMP(-m->dz, -127, 127);
    uint8_t packet[4] = {
        (uint8_t)(0x08 | (m->buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0)),
        (uint8_t)x,
        (uint8_t)y,
        (uint8_t)z,
    };

    if (m->id == 4)
        packet[3] = (uint8_t)((z & 0x0f) | (m->buttons & 0x18) << 1);
    if (!vemu__ps2_queue_put(&m->out, packet, m->id ? 4 : 3))
        return false;
    m->dx -= x;
    m->dy += y;
    m->dz = m->id ? m->dz + z : 0;
    m->pending = m->dx || m->dy || m->dz;
    return true;
}

void vemu__ps2_mouse_sync(struct vemu_ps2_mouse *m)
{
    if (!m->reporting) {
        m->dx = m->dy = m->dz = 0;
        m->pending = 0;
        return;
    }
    /* The rest of the queue is for answers to commands. */
    while (!m->remote && !m->wrap && m->pending && m->out.count <= VEMU_PS2_QUEUE / 2)
        put_packet(m);
}

/* --- commands --------------------------------------------------------------------------------- */

static void defaults(struct vemu_ps2_mouse *m)
{
    m->reporting = m->remote = m->wrap = m->scaling = 0;
    m->rate = 100;
    m->resolution = 2;
    m->command = 0;
    m->dx = m->dy = m->dz = 0;
    m->pending = 0;
}

void vemu__ps2_mouse_reset(struct vemu_ps2_mouse *m)
{
    uint8_t buttons = m->buttons & 0x1f;

    memset(m, 0, sizeof(*m));
    defaults(m);
    m->buttons = buttons;
}

static void status(struct vemu_ps2_mouse *m)
{
    uint8_t left_right_middle =
        (uint8_t)((m->buttons & 1) << 2 | (m->buttons & 2) >> 1 | (m->buttons & 4) >> 1);
    const uint8_t bytes[] = {
        REPLY_ACK,
        (uint8_t)((m->remote ? 0x40 : 0) | (m->reporting ? 0x20 : 0) | (m->scaling ? 0x10 : 0) |
                  left_right_middle),
        m->resolution,
        m->rate,
    };

    reply(m, bytes, sizeof(bytes));
}

static void set_rate(struct vemu_ps2_mouse *m, uint8_t rate)
{
    if (m->rates[0] == 200 && m->rates[1] == 100 && rate == 80)
        m->id = 3;
    else if (m->id == 3 && m->rates[0] == 200 && m->rates[1] == 200 && rate == 80)
        m->id = 4;
    m->rates[0] = m->rates[1];
    m->rates[1] = rate;
    m->rate = rate;
}

static void data_byte(struct vemu_ps2_mouse *m, uint8_t command, uint8_t value)
{
    if (command == 0xf3)
        set_rate(m, value);
    else
        m->resolution = value & 3;
    reply1(m, REPLY_ACK);
}

void vemu__ps2_mouse_write(struct vemu_ps2_mouse *m, uint8_t value)
{
    static const uint8_t passed[] = { REPLY_ACK, REPLY_PASSED, 0 };
    const uint8_t identity[] = { REPLY_ACK, m->id };
    uint8_t command = m->command;

    m->command = 0;
    if (command) {
        data_byte(m, command, value);
        return;
    }
    if (m->wrap && value != 0xec && value != 0xff) {
        reply1(m, value);
        return;
    }
    switch (value) {
    case 0xe6: /* scaling 1:1, 2:1 */
    case 0xe7: m->scaling = value == 0xe7; break;
    case 0xe8: /* resolution, sample rate: with a byte of data */
    case 0xf3: m->command = value; break;
    case 0xe9: status(m); return;
    case 0xea: m->remote = 0; break;
    case 0xeb: /* one packet, now */
        reply1(m, REPLY_ACK);
        put_packet(m);
        return;
    case 0xec: /* wrap mode off, on */
    case 0xee: m->wrap = value == 0xee; break;
    case 0xf0: m->remote = 1; break;
    case 0xf2: reply(m, identity, sizeof(identity)); return;
    case 0xf4: m->reporting = 1; break;
    case 0xf5: m->reporting = 0; break;
    case 0xf6: defaults(m); break;
    case 0xff:
        vemu__ps2_mouse_reset(m);
        reply(m, passed, sizeof(passed));
        return;
    default: reply1(m, REPLY_RESEND); return;
    }
    reply1(m, REPLY_ACK);
}
