/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input devices of a machine, and the way of an event to one of them.
 *
 * The list belongs to the loop, where devices come and go and events are handed out. An event goes
 * to the device that was added last, of those that take its type and whose guest has a driver: so a
 * tablet takes the pointer from a PS/2 mouse once the guest has found it. Devices are told when a
 * group of events is complete.
 *
 * Keys that are pressed and released again by themselves (QMP's send-key) wait in a queue: one
 * chord is held at a time.
 */
#include "input/input.h"

#include <errno.h>
#include <string.h>

#include <glib.h>
#include <linux/input-event-codes.h>

#include "core/vm.h"

#define CHORDS_MAX 64u

struct handler {
    struct vemu_device *dev;
    const struct vemu_input_ops *ops;
    bool touched; /* by the group of events under way */
};

struct chord {
    unsigned count, hold_ms;
    uint32_t codes[VEMU_INPUT_KEYS_MAX];
};

struct vemu_inputs {
    struct vemu_vm *vm;
    GArray *handlers; /* struct handler */
    GQueue chords;    /* struct chord; the first one is held */
    struct vemu_delay *delay;
};

struct vemu_inputs *vemu__inputs_new(struct vemu_vm *vm)
{
    struct vemu_inputs *inputs = g_new0(struct vemu_inputs, 1);

    inputs->vm = vm;
    inputs->handlers = g_array_new(FALSE, FALSE, sizeof(struct handler));
    g_queue_init(&inputs->chords);
    return inputs;
}

void vemu__inputs_free(struct vemu_inputs *inputs)
{
    if (!inputs)
        return;
    if (inputs->delay)
        vemu__delay_free(inputs->delay);
    g_queue_clear_full(&inputs->chords, g_free);
    g_array_free(inputs->handlers, TRUE);
    g_free(inputs);
}

void vemu__input_add(struct vemu_device *dev, const struct vemu_input_ops *ops)
{
    const struct handler handler = { .dev = dev, .ops = ops };

    g_array_append_val(dev->vm->inputs->handlers, handler);
}

static struct handler *handler_at(struct vemu_inputs *inputs, guint n)
{
    return &g_array_index(inputs->handlers, struct handler, n);
}

void vemu__input_remove(struct vemu_device *dev)
{
    struct vemu_inputs *inputs = dev->vm->inputs;

    for (guint n = inputs->handlers->len; n-- > 0;)
        if (handler_at(inputs, n)->dev == dev)
            g_array_remove_index(inputs->handlers, n);
}

/* --- one group of events ---------------------------------------------------------------------- */

static bool is_ready(const struct handler *h)
{
    bool ready;

    if (!h->ops->ready)
        return true;
    pthread_mutex_lock(&h->dev->lock);
    ready = h->ops->ready(h->dev);
    pthread_mutex_unlock(&h->dev->lock);
    return ready;
}

/* NULL: nobody takes it. */
static struct handler *route(struct vemu_inputs *inputs, const char *id, uint32_t type)
{
    struct handler *last = NULL;

    for (guint n = inputs->handlers->len; n-- > 0;) {
        struct handler *h = handler_at(inputs, n);

        if (!(h->ops->types & VEMU_INPUT_BIT(type)) || (id && strcmp(h->dev->id, id)))
            continue;
        if (is_ready(h))
            return h;
        last = last ? last : h;
    }
    return last;
}

/* Wheels belong to the buttons: a tablet has them as well. */
static uint32_t type_of(const struct vemu_input_event *e)
{
    bool wheel = e->type == VEMU_INPUT_REL && (e->code == REL_WHEEL || e->code == REL_HWHEEL);

    return wheel ? VEMU_INPUT_BUTTON : e->type;
}

static bool event_valid(const struct vemu_input_event *e)
{
    switch (e->type) {
    case VEMU_INPUT_KEY: return vemu__key_by_code(e->code) && (e->value == 0 || e->value == 1);
    case VEMU_INPUT_BUTTON:
        return e->code >= BTN_LEFT && e->code <= BTN_EXTRA && (e->value == 0 || e->value == 1);
    case VEMU_INPUT_REL:
        return (e->code == REL_X || e->code == REL_Y || e->code == REL_WHEEL ||
                e->code == REL_HWHEEL) &&
               e->value >= -VEMU_INPUT_ABS_MAX && e->value <= VEMU_INPUT_ABS_MAX;
    case VEMU_INPUT_ABS:
        return (e->code == ABS_X || e->code == ABS_Y) && e->value >= 0 &&
               e->value <= VEMU_INPUT_ABS_MAX;
    default: return false;
    }
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = { "", "key", "btn", "rel", "abs" };

    return type < G_N_ELEMENTS(names) ? names[type] : "";
}

static int check(struct vemu_vm *vm, const char *id, const struct vemu_input_event *events,
                 uint32_t count, struct vemu_error **err)
{
    const int state = atomic_load(&vm->state);

    if (state != VEMU_VM_RUNNING && state != VEMU_VM_SUSPENDED)
        return vemu__error_set(err, EBUSY, "VM not running");
    for (uint32_t i = 0; i < count; i++) {
        if (!event_valid(&events[i]))
            return vemu__error_set(err, EINVAL,
                                   "input event %u (type %u, code %u, value %d) is not one", i,
                                   events[i].type, events[i].code, events[i].value);
        if (!route(vm->inputs, id, type_of(&events[i])))
            return vemu__error_set(err, ENOTSUP, "Input handler not found for event type %s",
                                   type_name(events[i].type));
    }
    return 0;
}

static void hand_out(struct vemu_inputs *inputs, const char *id,
                     const struct vemu_input_event *events, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct handler *h = route(inputs, id, type_of(&events[i]));

        h->touched = true;
        VEMU_TRACE(inputs->vm, INPUT, h->dev->id, events[i].type, events[i].code,
                   (uint64_t)(uint32_t)events[i].value);
        pthread_mutex_lock(&h->dev->lock);
        h->ops->event(h->dev, &events[i]);
        pthread_mutex_unlock(&h->dev->lock);
    }
    for (guint n = 0; n < inputs->handlers->len; n++) {
        struct handler *h = handler_at(inputs, n);

        if (!h->touched)
            continue;
        h->touched = false;
        pthread_mutex_lock(&h->dev->lock);
        h->ops->sync(h->dev);
        pthread_mutex_unlock(&h->dev->lock);
    }
}

struct send {
    const char *id;
    const struct vemu_input_event *events;
    uint32_t count;
};

static bool has_device(const struct vemu_inputs *inputs, const char *id)
{
    for (guint n = 0; n < inputs->handlers->len; n++)
        if (!strcmp(g_array_index(inputs->handlers, struct handler, n).dev->id, id))
            return true;
    return false;
}

static int do_send(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct send *send = data;
    int r;

    if (send->id && !has_device(vm->inputs, send->id))
        return vemu__error_set(err, ENOENT, "there is no input device '%s'", send->id);
    r = check(vm, send->id, send->events, send->count, err);
    if (r >= 0)
        hand_out(vm->inputs, send->id, send->events, send->count);
    return r;
}

int vemu_vm_send_input(struct vemu_vm *vm, const char *id, const struct vemu_input_event *events,
                       uint32_t count, struct vemu_error **err)
{
    struct send send = { id, events, count };

    return vemu__vm_control(vm, do_send, &send, err);
}

bool vemu__input_get(struct vemu_vm *vm, unsigned n, struct vemu_input_info *ret)
{
    struct vemu_inputs *inputs = vm->inputs;
    const struct handler *h;

    if (n >= inputs->handlers->len)
        return false;
    h = handler_at(inputs, n);
    ret->id = h->dev->id;
    ret->types = h->ops->types;
    ret->current = false;
    for (uint32_t type = VEMU_INPUT_KEY; type <= VEMU_INPUT_ABS; type++)
        if (h->ops->types & VEMU_INPUT_BIT(type) && route(inputs, NULL, type) == h)
            ret->current = true;
    return true;
}

/* --- chords ----------------------------------------------------------------------------------- */

static void press(struct vemu_inputs *inputs);

static void send_keys(struct vemu_inputs *inputs, const struct chord *chord, bool down)
{
    for (unsigned i = 0; i < chord->count; i++) {
        const struct vemu_input_event event = {
            .type = VEMU_INPUT_KEY,
            .code = chord->codes[down ? i : chord->count - 1 - i],
            .value = down,
        };

        if (route(inputs, NULL, VEMU_INPUT_KEY)) /* the keyboard may have gone meanwhile */
            hand_out(inputs, NULL, &event, 1);
    }
}

static void release(void *data)
{
    struct vemu_inputs *inputs = data;
    g_autofree struct chord *chord = g_queue_pop_head(&inputs->chords);

    vemu__delay_free(inputs->delay);
    inputs->delay = NULL;
    send_keys(inputs, chord, false);
    press(inputs);
}

static void press(struct vemu_inputs *inputs)
{
    const struct chord *chord = g_queue_peek_head(&inputs->chords);

    if (!chord)
        return;
    send_keys(inputs, chord, true);
    inputs->delay = vemu__delay_new(inputs->vm->loop, chord->hold_ms, release, inputs);
}

int vemu__input_send_keys(struct vemu_vm *vm, const uint32_t *codes, unsigned count,
                          unsigned hold_ms, struct vemu_error **err)
{
    struct vemu_input_event events[VEMU_INPUT_KEYS_MAX];
    struct vemu_inputs *inputs = vm->inputs;
    struct chord *chord;
    int r;

    if (count > VEMU_INPUT_KEYS_MAX)
        return vemu__error_set(err, EINVAL, "more than %u keys at a time", VEMU_INPUT_KEYS_MAX);
    for (unsigned i = 0; i < count; i++)
        events[i] = (struct vemu_input_event){ VEMU_INPUT_KEY, codes[i], 1 };
    r = check(vm, NULL, events, count, err);
    if (r < 0)
        return r;
    if (g_queue_get_length(&inputs->chords) == CHORDS_MAX)
        return vemu__error_set(err, EBUSY, "%u keys wait already", CHORDS_MAX);
    chord = g_new0(struct chord, 1);
    chord->count = count;
    chord->hold_ms = hold_ms;
    memcpy(chord->codes, codes, count * sizeof(*codes));
    g_queue_push_tail(&inputs->chords, chord);
    if (!inputs->delay)
        press(inputs);
    return 0;
}
