/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots of a hot-plug controller.
 *
 * Theory of operation
 *
 * A slot is empty or holds a device (its owner). Plugging one in marks the slot as inserting and
 * raises the board's event line, whose ACPI method looks for marks, clears them and notifies the
 * operating system; asking for one back does the same with the mark for removing. When the guest
 * has let go, _EJ0 writes the eject bit, and the owner is removed on the loop, which empties the
 * slot. What the guest says about it by _OST is kept for the monitor.
 *
 * A guest can write any of it at any time: bits of an empty slot change nothing, and an eject that
 * nobody asked for is the guest's good right. Reports become events by a timer, one for each slot
 * however many there were, so that a guest cannot flood the loop.
 */
#include "devices/acpi-hotplug/slots.h"

#include <errno.h>
#include <stdio.h>

#include "core/vm.h"

static struct hotplug_slots *slots_of(struct vemu_device *controller)
{
    return (struct hotplug_slots *)controller;
}

/* --- reports ---------------------------------------------------------------------------------- */

/* Outside the device's lock, where listeners may call anything. */
static void tell_listeners(void *data)
{
    vemu__events_flush(((struct vemu_vm *)data)->events);
}

static void news_timer(struct vemu_device *dev)
{
    struct hotplug_slots *s = slots_of(dev);
    struct vemu_event event = { .type = VEMU_EVENT_DEVICE_OST };

    for (uint32_t n = 0; n < s->count; n++) {
        g_autofree char *text = NULL;

        if (!s->ost_news[n])
            continue;
        s->ost_news[n] = false;
        text = g_strdup_printf("%s %u %s", s->kind, n, s->owner[n] ? s->owner[n]->id : "");
        event.code = s->ost_status[n];
        event.value = s->ost_event[n];
        event.message = text;
        vemu__events_emit_full(dev->vm->events, &event);
    }
    vemu__loop_post(dev->vm->loop, tell_listeners, dev->vm, NULL);
}

void hotplug_report(struct hotplug_slots *s, uint32_t status)
{
    s->ost_status[s->selector] = status;
    s->ost_news[s->selector] = true;
    vemu_timer_set(s->news, vemu_clock_ns(s->dev.vm));
}

/* --- guest side ------------------------------------------------------------------------------- */

void hotplug_control(struct hotplug_slots *s, uint8_t bits)
{
    uint8_t *flags = &s->flags[s->selector];

    *flags &= (uint8_t) ~(bits & (HOTPLUG_INSERTING | HOTPLUG_REMOVING));
    if (bits & HOTPLUG_EJECT && *flags & HOTPLUG_PRESENT && !(*flags & HOTPLUG_LEAVING) &&
        s->owner[s->selector]) {
        *flags |= HOTPLUG_LEAVING;
        vemu__device_request_removal(s->owner[s->selector]);
    }
}

/* --- host side -------------------------------------------------------------------------------- */

static void tell_guest(struct hotplug_slots *s)
{
    if (s->event)
        vemu_irq_pulse(s->event);
}

int vemu__hotplug_insert(struct vemu_device *controller, uint32_t n, struct vemu_device *owner,
                         const struct vemu_hotplug_range *range, bool tell)
{
    struct hotplug_slots *s = slots_of(controller);

    if (n >= s->count)
        return -EINVAL;
    pthread_mutex_lock(&controller->lock);
    if (s->flags[n] & HOTPLUG_PRESENT) {
        pthread_mutex_unlock(&controller->lock);
        return -EEXIST;
    }
    s->flags[n] = HOTPLUG_PRESENT | (tell ? HOTPLUG_INSERTING : 0);
    s->owner[n] = owner;
    s->range[n] = range ? *range : (struct vemu_hotplug_range){ 0 };
    s->ost_event[n] = s->ost_status[n] = 0;
    if (tell)
        tell_guest(s);
    pthread_mutex_unlock(&controller->lock);
    return 0;
}

void vemu__hotplug_request_eject(struct vemu_device *controller, uint32_t n)
{
    struct hotplug_slots *s = slots_of(controller);

    pthread_mutex_lock(&controller->lock);
    if (n < s->count && s->flags[n] & HOTPLUG_PRESENT) {
        s->flags[n] |= HOTPLUG_REMOVING;
        tell_guest(s);
    }
    pthread_mutex_unlock(&controller->lock);
}

void vemu__hotplug_remove(struct vemu_device *controller, uint32_t n)
{
    struct hotplug_slots *s = slots_of(controller);

    pthread_mutex_lock(&controller->lock);
    if (n < s->count) {
        s->flags[n] = 0;
        s->owner[n] = NULL;
        s->range[n] = (struct vemu_hotplug_range){ 0 };
    }
    pthread_mutex_unlock(&controller->lock);
}

int vemu__hotplug_find_empty(struct vemu_device *controller)
{
    struct hotplug_slots *s = slots_of(controller);
    int found = -ENOSPC;

    pthread_mutex_lock(&controller->lock);
    for (uint32_t n = 0; found < 0 && n < s->count; n++)
        if (!(s->flags[n] & HOTPLUG_PRESENT))
            found = (int)n;
    pthread_mutex_unlock(&controller->lock);
    return found;
}

bool vemu__hotplug_get_ost(struct vemu_device *controller, uint32_t n,
                           struct vemu_hotplug_ost *ret)
{
    struct hotplug_slots *s = slots_of(controller);

    if (n >= s->count)
        return false;
    pthread_mutex_lock(&controller->lock);
    *ret = (struct vemu_hotplug_ost){
        .kind = s->kind,
        .owner_id = s->owner[n] ? s->owner[n]->id : NULL,
        .event = s->ost_event[n],
        .status = s->ost_status[n],
    };
    pthread_mutex_unlock(&controller->lock);
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

int hotplug_realize(struct hotplug_slots *s, const char *kind, struct vemu_irq *event,
                    struct vemu_error **err)
{
    if (!s->count || s->count > HOTPLUG_SLOTS_MAX)
        return vemu__error_set(err, EINVAL, "property 'slots': %u is not from 1 to %u", s->count,
                               HOTPLUG_SLOTS_MAX);
    s->kind = kind;
    s->event = event;
    s->news = vemu_device_add_timer(&s->dev, news_timer);
    return 0;
}

/* What is plugged in stays; the tables that the next boot finds tell of it. */
void hotplug_reset(struct vemu_device *dev)
{
    struct hotplug_slots *s = slots_of(dev);

    s->selector = 0;
    s->command = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        s->flags[n] &= HOTPLUG_PRESENT;
        s->ost_event[n] = s->ost_status[n] = 0;
        s->ost_news[n] = false;
    }
}

/* What is there follows from the devices, not from what was saved. */
void hotplug_restored(struct vemu_device *dev)
{
    struct hotplug_slots *s = slots_of(dev);

    for (uint32_t n = 0; n < HOTPLUG_SLOTS_MAX; n++) {
        if (n >= s->count || (s->owner[n] == NULL && !(s->flags[n] & HOTPLUG_PRESENT)))
            s->flags[n] = 0;
        s->flags[n] &= HOTPLUG_VISIBLE;
        if (s->owner[n])
            s->flags[n] |= HOTPLUG_PRESENT;
    }
}

const struct vemu_state_field hotplug_state[] = {
    VEMU_STATE(struct hotplug_slots, selector),
    VEMU_STATE(struct hotplug_slots, command),
    VEMU_STATE(struct hotplug_slots, flags),
    VEMU_STATE(struct hotplug_slots, ost_event),
    VEMU_STATE(struct hotplug_slots, ost_status),
    VEMU_STATE_END,
};
