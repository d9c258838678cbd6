/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes on their way from a PS/2 device to the controller.
 */
#include <string.h>

#include "devices/i8042/ps2.h"

void vemu__ps2_queue_clear(struct vemu_ps2_queue *q)
{
    memset(q, 0, sizeof(*q));
}

bool vemu__ps2_queue_put(struct vemu_ps2_queue *q, const uint8_t *bytes, unsigned count)
{
    if (count > VEMU_PS2_QUEUE - q->count)
        return false;
    for (unsigned i = 0; i < count; i++)
        q->bytes[(q->first + q->count++) % VEMU_PS2_QUEUE] = bytes[i];
    return true;
}

uint8_t vemu__ps2_queue_take(struct vemu_ps2_queue *q)
{
    uint8_t byte = q->bytes[q->first];

    q->first = (uint8_t)((q->first + 1) % VEMU_PS2_QUEUE);
    q->count--;
    return byte;
}

void vemu__ps2_queue_check(struct vemu_ps2_queue *q)
{
    if (q->first >= VEMU_PS2_QUEUE || q->count > VEMU_PS2_QUEUE)
        vemu__ps2_queue_clear(q);
}
