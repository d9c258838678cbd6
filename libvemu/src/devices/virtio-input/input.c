/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-input: keyboard, mouse and tablet (virtio 1.2, 5.8).
 *
 * Events that happened at once go to the guest together, ended by a SYN_REPORT, or not at all when
 * it has not given buffers for all of them: half a group would be a state that never was.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>
#include <linux/input-event-codes.h>

#include "core/error.h"
#include "devices/virtio-input/input.h"
#include "virtio/class.h"

#define QUEUE_EVENTS 0u
#define QUEUE_STATUS 1u
#define QUEUE_SIZE   64u

static struct virtio_input *input_of(struct vemu_virtio *vdev)
{
    return (struct virtio_input *)vdev;
}

static struct virtio_input *input_of_dev(struct vemu_device *dev)
{
    return input_of(vemu__virtio_of(dev));
}

/* --- to the guest ----------------------------------------------------------------------------- */

static void note(struct virtio_input *input, uint16_t type, uint16_t code, uint32_t value)
{
    if (input->count < VIRTIO_INPUT_GROUP)
        input->group[input->count] = (struct virtio_input_packet){
            GUINT16_TO_LE(type),
            GUINT16_TO_LE(code),
            GUINT32_TO_LE(value),
        };
    input->count++;
}

/* The group, if there is a buffer for each of its events. */
static void send_group(struct virtio_input *input)
{
    struct vemu_virtq *q = vemu__virtio_queue(&input->vdev, QUEUE_EVENTS);
    struct vemu_virtq_elem *elems[VIRTIO_INPUT_GROUP];
    unsigned n = 0;

    while (n < input->count && vemu__virtq_pop(q, &elems[n])) {
        if (elems[n]->in_size < sizeof(struct virtio_input_packet)) {
            vemu__virtio_broken(&input->vdev, "a buffer for an event has %u bytes",
                                elems[n]->in_size);
            for (unsigned i = 0; i <= n; i++)
                vemu__virtq_drop(elems[i]);
            return;
        }
        n++;
    }
    if (n < input->count) {
        while (n-- > 0)
            vemu__virtq_unpop(elems[n]);
        input->dropped++;
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        vemu__virtq_elem_write(elems[i], 0, &input->group[i], sizeof(input->group[i]));
        vemu__virtq_push(elems[i], sizeof(input->group[i]));
    }
    vemu__virtq_flush(q);
}

static bool input_ready(struct vemu_device *dev)
{
    return vemu__virtio_live(vemu__virtio_of(dev));
}

static void input_event(struct vemu_device *dev, const struct vemu_input_event *event)
{
    static const uint16_t types[] = {
        [VEMU_INPUT_KEY] = EV_KEY,
        [VEMU_INPUT_BUTTON] = EV_KEY,
        [VEMU_INPUT_REL] = EV_REL,
        [VEMU_INPUT_ABS] = EV_ABS,
    };

    note(input_of_dev(dev), types[event->type], (uint16_t)event->code, (uint32_t)event->value);
}

static void input_sync(struct vemu_device *dev)
{
    struct virtio_input *input = input_of_dev(dev);

    note(input, EV_SYN, SYN_REPORT, 0);
    if (input->count > VIRTIO_INPUT_GROUP)
        input->dropped++;
    else if (vemu__virtio_live(&input->vdev))
        send_group(input);
    input->count = 0;
}

/* --- from the guest --------------------------------------------------------------------------- */

static void take_status(struct virtio_input *input, const struct virtio_input_packet *packet)
{
    unsigned led = GUINT16_FROM_LE(packet->code);

    if (GUINT16_FROM_LE(packet->type) != EV_LED || led > LED_SCROLLL)
        return;
    input->leds &= (uint8_t) ~(1u << led);
    input->leds |= (uint8_t)((packet->value ? 1u : 0) << led);
}

static void input_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;

    if (queue != QUEUE_STATUS) /* buffers are taken when there is something to tell */
        return;
    while (vemu__virtq_pop(q, &elem)) {
        struct virtio_input_packet packet;

        if (vemu__virtq_elem_read(elem, 0, &packet, sizeof(packet)) == sizeof(packet))
            take_status(input_of(vdev), &packet);
        vemu__virtq_push(elem, 0);
    }
    vemu__virtq_flush(q);
}

static void input_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    vemu__virtio_input_config(input_of(vdev), config);
}

static void input_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                             size_t size)
{
    input_of(vdev)->select = config[0];
    input_of(vdev)->subsel = config[1];
}

/* --- kinds ------------------------------------------------------------------------------------ */

#define KIND(symbol, name_, product_, types_)                                                      \
    static const struct vemu_input_ops symbol##_ops = {                                            \
        .types = types_,                                                                           \
        .ready = input_ready,                                                                      \
        .event = input_event,                                                                      \
        .sync = input_sync,                                                                        \
    };                                                                                             \
    static const struct virtio_input_kind symbol##_kind = {                                        \
        .name = name_,                                                                             \
        .product = product_,                                                                       \
        .ops = &symbol##_ops,                                                                      \
    }

KIND(keyboard, "vemu virtio keyboard", 1, VEMU_INPUT_BIT(VEMU_INPUT_KEY));
KIND(mouse, "vemu virtio mouse", 2,
     VEMU_INPUT_BIT(VEMU_INPUT_REL) | VEMU_INPUT_BIT(VEMU_INPUT_BUTTON));
KIND(tablet, "vemu virtio tablet", 3,
     VEMU_INPUT_BIT(VEMU_INPUT_ABS) | VEMU_INPUT_BIT(VEMU_INPUT_BUTTON));

/* --- life ------------------------------------------------------------------------------------- */

static int input_realize(struct vemu_virtio *vdev, const struct virtio_input_kind *kind,
                         struct vemu_error **err)
{
    struct virtio_input *input = input_of(vdev);

    if (input->serial && strlen(input->serial) > VIRTIO_INPUT_SERIAL_MAX)
        return vemu__error_set(err, EINVAL, "serial is longer than %u characters",
                               VIRTIO_INPUT_SERIAL_MAX);
    input->kind = kind;
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    vdev->config_size = VIRTIO_INPUT_CONFIG_SIZE;
    vemu__input_add(vdev->dev, kind->ops);
    return 0;
}

static int keyboard_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    return input_realize(vdev, &keyboard_kind, err);
}

static int mouse_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    return input_realize(vdev, &mouse_kind, err);
}

static int tablet_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    return input_realize(vdev, &tablet_kind, err);
}

static void input_unrealize(struct vemu_virtio *vdev)
{
    vemu__input_remove(vdev->dev);
}

static void input_reset(struct vemu_virtio *vdev)
{
    struct virtio_input *input = input_of(vdev);

    input->select = input->subsel = 0;
    input->leds = 0;
    input->count = 0;
}

#define OPS(symbol)                                                                                \
    static const struct vemu_virtio_ops symbol##_virtio_ops = {                                    \
        .realize = symbol##_realize,                                                               \
        .unrealize = input_unrealize,                                                              \
        .config_get = input_config_get,                                                            \
        .config_set = input_config_set,                                                            \
        .notify = input_notify,                                                                    \
        .reset = input_reset,                                                                      \
    };                                                                                             \
    static const struct vemu_virtio_class symbol##_class = {                                       \
        .name = "virtio-" #symbol,                                                                 \
        .id = VEMU_VIRTIO_ID_INPUT,                                                                \
        .ops = &symbol##_virtio_ops,                                                               \
    }

OPS(keyboard);
OPS(mouse);
OPS(tablet);

static const struct vemu_prop input_props[] = {
    VEMU_PROP(struct virtio_input, serial, "serial", STRING, NULL, "serial number"),
    VEMU_PROP_END,
};

static const struct vemu_state_field input_state[] = {
    VEMU_STATE(struct virtio_input, select),
    VEMU_STATE(struct virtio_input, subsel),
    VEMU_STATE(struct virtio_input, leds),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_keyboard, struct virtio_input, &keyboard_class,
                   "virtio-keyboard", "keyboard", input_props, input_state);
VEMU_VIRTIO_DEVICE(vemu__device_virtio_mouse, struct virtio_input, &mouse_class, "virtio-mouse",
                   "mouse", input_props, input_state);
VEMU_VIRTIO_DEVICE(vemu__device_virtio_tablet, struct virtio_input, &tablet_class, "virtio-tablet",
                   "pointer with absolute positions", input_props, input_state);
