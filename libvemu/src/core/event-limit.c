/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events that a guest causes as often as it likes: each is told at most once a second.
 *
 * As QEMU's monitor does it for WATCHDOG and VSERPORT_CHANGE (monitor_qapi_event_conf), and for
 * ACPI_DEVICE_OST too, which a guest causes by two writes to a port. Other devices that need it
 * (balloon, clock, memory) count for themselves. What an event is about is its type and message: a
 * port, a slot, what a watchdog does. The first is told at once; of those that come in the second
 * after it the last is told when that second is over, and begins another. The second is the host's:
 * a machine that was paused meanwhile still tells how things are.
 */
#include "core/event-limit.h"

#include <string.h>

#include <glib.h>

#include "core/events.h"
#include "core/loop.h"
#include "core/vm.h"

#define PERIOD_US G_USEC_PER_SEC

/* Something that was told of less than a second ago. */
struct told {
    int64_t until_us;
    bool waits;
    struct vemu_event last; /* waits: what is told then; its message is the key's */
};

struct vemu_event_limit {
    struct vemu_vm *vm;
    vemu_event_fn note;
    void *data;
    GHashTable *told;         /* "type message" -> struct told */
    struct vemu_delay *delay; /* NULL: nothing was told lately */
};

struct vemu_event_limit *vemu__event_limit_new(struct vemu_vm *vm, vemu_event_fn note, void *data)
{
    struct vemu_event_limit *limit = g_new0(struct vemu_event_limit, 1);

    limit->vm = vm;
    limit->note = note;
    limit->data = data;
    limit->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return limit;
}

void vemu__event_limit_free(struct vemu_event_limit *limit)
{
    if (!limit)
        return;
    vemu__delay_free(limit->delay);
    g_hash_table_unref(limit->told);
    g_free(limit);
}

static bool is_limited(const struct vemu_event *event)
{
    switch (event->type) {
    case VEMU_EVENT_DEVICE_OST:
    case VEMU_EVENT_PORT_CHANGED: return true;
    /* That the machine pauses for it is said before it does, and a guest does it once. */
    case VEMU_EVENT_WATCHDOG: return strcmp(event->message, "pause") != 0;
    default: return false;
    }
}

static void on_delay(void *data);

/* Comes back when the earliest second is over. */
static void wait_for(struct vemu_event_limit *limit, int64_t now_us, int64_t until_us)
{
    int64_t delay_ms = MAX(until_us - now_us, 0) / 1000 + 1;

    vemu__delay_free(limit->delay);
    limit->delay = vemu__delay_new(limit->vm->loop, (unsigned)delay_ms, on_delay, limit);
}

/* Tells what waited, forgets what did not. */
static void on_delay(void *data)
{
    struct vemu_event_limit *limit = data;
    int64_t now = g_get_monotonic_time(), next = INT64_MAX;
    GHashTableIter iter;
    const char *key;
    struct told *told;

    g_hash_table_iter_init(&iter, limit->told);
    while (g_hash_table_iter_next(&iter, (void **)&key, (void **)&told)) {
        if (told->until_us <= now && !told->waits) {
            g_hash_table_iter_remove(&iter);
            continue;
        }
        if (told->until_us <= now) {
            told->waits = false;
            told->until_us = now + PERIOD_US;
            told->last.message = strchr(key, ' ') + 1;
            limit->note(limit->data, &told->last);
        }
        next = MIN(next, told->until_us);
    }
    vemu__delay_free(limit->delay);
    limit->delay = NULL;
    if (next != INT64_MAX)
        wait_for(limit, now, next);
    vemu__events_flush(limit->vm->events);
}

bool vemu__event_limit_pass(struct vemu_event_limit *limit, const struct vemu_event *event)
{
    g_autofree char *key = NULL;
    struct told *told;
    int64_t now;

    if (!is_limited(event))
        return true;
    key = g_strdup_printf("%d %s", event->type, event->message);
    told = g_hash_table_lookup(limit->told, key);
    if (told) {
        told->waits = true;
        told->last = *event;
        return false;
    }
    now = g_get_monotonic_time();
    told = g_new0(struct told, 1);
    told->until_us = now + PERIOD_US;
    g_hash_table_insert(limit->told, g_steal_pointer(&key), told);
    if (!limit->delay)
        wait_for(limit, now, told->until_us);
    return true;
}
