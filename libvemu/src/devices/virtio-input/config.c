/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a virtio input device says of itself (virtio 1.2, 5.8.4 and 5.8.5): names, numbers, and
 * bitmaps of the events it can send.
 *
 * The driver selects a question by two bytes and reads the answer's length and bytes; a question
 * that has no answer has the length 0.
 */
#include <string.h>

#include <glib.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>

#include "devices/virtio-input/input.h"

#define AT_SIZE     2u
#define AT_DATA     8u
#define DATA_MAX    128u
#define BUS_VIRTUAL 0x06u
#define VENDOR      0x0627u /* what QEMU's devices have; drivers look at none of it */

static uint8_t put(uint8_t *data, const void *from, size_t size)
{
    memcpy(data, from, size);
    return (uint8_t)size;
}

static uint8_t put_text(uint8_t *data, const char *text)
{
    return text ? put(data, text, MIN(strlen(text), (size_t)DATA_MAX)) : 0;
}

static void set_bit(uint8_t *data, unsigned n, uint8_t *size)
{
    g_assert(n / 8 < DATA_MAX);
    data[n / 8] |= (uint8_t)(1u << n % 8);
    *size = MAX(*size, (uint8_t)(n / 8 + 1));
}

static bool takes(const struct virtio_input *input, unsigned type)
{
    return input->kind->ops->types & VEMU_INPUT_BIT(type);
}

static uint8_t put_events(const struct virtio_input *input, unsigned type, uint8_t *data)
{
    uint8_t size = 0;

    if (type == EV_KEY && takes(input, VEMU_INPUT_KEY))
        for (size_t i = 0; i < vemu__key_count; i++)
            set_bit(data, vemu__keys[i].code, &size);
    if (type == EV_KEY && takes(input, VEMU_INPUT_BUTTON))
        for (unsigned code = BTN_LEFT; code <= BTN_EXTRA; code++)
            set_bit(data, code, &size);
    if (type == EV_REL && takes(input, VEMU_INPUT_REL)) {
        set_bit(data, REL_X, &size);
        set_bit(data, REL_Y, &size);
    }
    if (type == EV_REL && takes(input, VEMU_INPUT_BUTTON)) { /* wheels are on every pointer */
        set_bit(data, REL_HWHEEL, &size);
        set_bit(data, REL_WHEEL, &size);
    }
    if (type == EV_ABS && takes(input, VEMU_INPUT_ABS)) {
        set_bit(data, ABS_X, &size);
        set_bit(data, ABS_Y, &size);
    }
    if (type == EV_REP && takes(input, VEMU_INPUT_KEY))
        size = 1; /* no bits: the guest repeats keys */
    if (type == EV_LED && takes(input, VEMU_INPUT_KEY)) {
        set_bit(data, LED_NUML, &size);
        set_bit(data, LED_CAPSL, &size);
        set_bit(data, LED_SCROLLL, &size);
    }
    return size;
}

static uint8_t put_abs(const struct virtio_input *input, unsigned axis, uint8_t *data)
{
    /* minimum, maximum, fuzz, flat, resolution */
    const uint32_t info[5] = { 0, GUINT32_TO_LE(VEMU_INPUT_ABS_MAX), 0, 0, 0 };

    return takes(input, VEMU_INPUT_ABS) && (axis == ABS_X || axis == ABS_Y)
               ? put(data, info, sizeof(info))
               : 0;
}

void vemu__virtio_input_config(const struct virtio_input *input, uint8_t *config)
{
    const uint16_t numbers[4] = { GUINT16_TO_LE(BUS_VIRTUAL), GUINT16_TO_LE(VENDOR),
                                  GUINT16_TO_LE(input->kind->product), GUINT16_TO_LE(2) };
    uint8_t *data = config + AT_DATA, *size = config + AT_SIZE;

    config[0] = input->select;
    config[1] = input->subsel;
    switch (input->select) {
    case VIRTIO_INPUT_CFG_ID_NAME:
        *size = input->subsel ? 0 : put_text(data, input->kind->name);
        break;
    case VIRTIO_INPUT_CFG_ID_SERIAL:
        *size = input->subsel ? 0 : put_text(data, input->serial);
        break;
    case VIRTIO_INPUT_CFG_ID_DEVIDS:
        *size = input->subsel ? 0 : put(data, numbers, sizeof(numbers));
        break;
    case VIRTIO_INPUT_CFG_EV_BITS: *size = put_events(input, input->subsel, data); break;
    case VIRTIO_INPUT_CFG_ABS_INFO: *size = put_abs(input, input->subsel, data); break;
    default: break; /* of properties there are none */
    }
}
