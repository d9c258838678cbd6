/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events on their way from the life cycle to listeners, the application's callback and its queue.
 *
 * Life-cycle code only notes events; they are handed out when it is done, because a handler may
 * call into the VM and must find it in a settled state. The callback is a counted object: replacing
 * it frees the old data when a call that is under way has returned, exactly once. The queue is off
 * until somebody asks for its descriptor.
 */
#include "core/events.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/event-limit.h"
#include "core/thread.h"
#include "core/vm.h"

#define QUEUE_MAX 1024

struct handler {
    int refs; /* under events->lock */
    vemu_event_fn fn;
    void *data;
    void (*free_fn)(void *data);
};

struct listener {
    vemu_event_fn fn;
    void *data;
};

struct record {
    struct vemu_event event;
    char *message;
};

struct vemu_events {
    GQueue noted;      /* loop */
    GArray *listeners; /* struct listener; loop */
    bool flushing;     /* loop */
    struct vemu_event_limit *limit;

    pthread_mutex_t lock; /* the fields below */
    struct handler *handler;
    int fd; /* -1: the queue is off */
    GQueue queue;
    struct record *last; /* what vemu_vm_next_event() returned */
};

static void record_free(struct record *record)
{
    if (record) {
        g_free(record->message);
        g_free(record);
    }
}

static struct record *record_new(const struct vemu_event *event)
{
    struct record *record = g_new0(struct record, 1);

    record->message = g_strdup(event->message);
    record->event = *event;
    record->event.message = record->message;
    return record;
}

/* What waited for its time. */
static void on_late(void *data, const struct vemu_event *event)
{
    struct vemu_events *events = data;

    g_queue_push_tail(&events->noted, record_new(event));
}

struct vemu_events *vemu__events_new(struct vemu_vm *vm)
{
    struct vemu_events *events = g_new0(struct vemu_events, 1);

    g_queue_init(&events->noted);
    g_queue_init(&events->queue);
    events->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    events->limit = vemu__event_limit_new(vm, on_late, events);
    events->fd = -1;
    pthread_mutex_init(&events->lock, NULL);
    return events;
}

static void handler_unref(struct vemu_events *events, struct handler *handler)
{
    bool last;

    if (!handler)
        return;
    pthread_mutex_lock(&events->lock);
    last = --handler->refs == 0;
    pthread_mutex_unlock(&events->lock);
    if (!last)
        return;
    if (handler->free_fn)
        handler->free_fn(handler->data);
    g_free(handler);
}

void vemu__events_free(struct vemu_events *events)
{
    struct record *record;

    if (!events)
        return;
    vemu__event_limit_free(events->limit);
    handler_unref(events, events->handler);
    while ((record = g_queue_pop_head(&events->noted)) != NULL)
        record_free(record);
    while ((record = g_queue_pop_head(&events->queue)) != NULL)
        record_free(record);
    record_free(events->last);
    if (events->fd >= 0)
        close(events->fd);
    g_array_free(events->listeners, TRUE);
    pthread_mutex_destroy(&events->lock);
    g_free(events);
}

void vemu__events_emit_full(struct vemu_events *events, const struct vemu_event *event)
{
    struct vemu_event copy = *event;

    copy.size = sizeof(copy);
    copy.realtime_us = g_get_real_time();
    copy.message = event->message ? event->message : "";
    if (vemu__event_limit_pass(events->limit, &copy))
        g_queue_push_tail(&events->noted, record_new(&copy));
}

void vemu__events_emit(struct vemu_events *events, int type, int cause, uint32_t code,
                       const char *message)
{
    const struct vemu_event event = {
        .type = type,
        .cause = cause,
        .code = code,
        .message = message,
    };

    vemu__events_emit_full(events, &event);
}

void vemu__events_emit_about(struct vemu_events *events, int type, const char *message,
                             uint64_t value)
{
    const struct vemu_event event = { .type = type, .message = message, .value = value };

    vemu__events_emit_full(events, &event);
}

void vemu__events_emit_value(struct vemu_events *events, int type, uint64_t value)
{
    vemu__events_emit_about(events, type, "", value);
}

struct posted {
    struct vemu_vm *vm;
    int type;
    uint64_t value;
    char *message;
};

static void posted_free(void *data)
{
    struct posted *posted = data;

    g_free(posted->message);
    g_free(posted);
}

static void posted_emit(void *data)
{
    const struct posted *posted = data;

    vemu__events_emit_about(posted->vm->events, posted->type, posted->message, posted->value);
    vemu__events_flush(posted->vm->events);
}

void vemu__events_post(struct vemu_vm *vm, int type, const char *message, uint64_t value)
{
    struct posted *posted = g_new(struct posted, 1);

    posted->vm = vm;
    posted->type = type;
    posted->value = value;
    posted->message = g_strdup(message);
    vemu__loop_post(vm->loop, posted_emit, posted, posted_free);
}

/* Counts in the eventfd: 1 while the queue has something, so that it polls readable just then. */
static void queue_signal(struct vemu_events *events, bool readable)
{
    uint64_t value = 1;
    ssize_t n;

    if (readable)
        n = write(events->fd, &value, sizeof(value));
    else
        n = read(events->fd, &value, sizeof(value));
    (void)n;
}

static void queue_put(struct vemu_events *events, const struct vemu_event *event)
{
    pthread_mutex_lock(&events->lock);
    if (events->fd >= 0) {
        if (g_queue_get_length(&events->queue) == QUEUE_MAX)
            record_free(g_queue_pop_head(&events->queue));
        else if (g_queue_is_empty(&events->queue))
            queue_signal(events, true);
        g_queue_push_tail(&events->queue, record_new(event));
    }
    pthread_mutex_unlock(&events->lock);
}

static void hand_out(struct vemu_events *events, const struct vemu_event *event)
{
    struct handler *handler;
    guint i;

    for (i = 0; i < events->listeners->len; i++) {
        struct listener *listener = &g_array_index(events->listeners, struct listener, i);

        listener->fn(listener->data, event);
    }
    queue_put(events, event);

    pthread_mutex_lock(&events->lock);
    handler = events->handler;
    if (handler)
        handler->refs++;
    pthread_mutex_unlock(&events->lock);
    if (handler) {
        handler->fn(handler->data, event);
        handler_unref(events, handler);
    }
}

void vemu__events_flush(struct vemu_events *events)
{
    struct record *record;

    if (events->flushing)
        return;
    events->flushing = true;
    while ((record = g_queue_pop_head(&events->noted)) != NULL) {
        hand_out(events, &record->event);
        record_free(record);
    }
    events->flushing = false;
}

void vemu__events_listen(struct vemu_events *events, vemu_event_fn fn, void *data)
{
    struct listener listener = { .fn = fn, .data = data };

    g_array_append_val(events->listeners, listener);
}

void vemu__events_unlisten(struct vemu_events *events, vemu_event_fn fn, void *data)
{
    guint i;

    for (i = 0; i < events->listeners->len; i++) {
        struct listener *listener = &g_array_index(events->listeners, struct listener, i);

        if (listener->fn == fn && listener->data == data) {
            g_array_remove_index(events->listeners, i);
            return;
        }
    }
}

/* --- the application's side ------------------------------------------------------------------- */

int vemu_vm_set_event_handler(struct vemu_vm *vm, vemu_event_fn fn, void *data,
                              void (*free_fn)(void *data))
{
    struct vemu_events *events = vm->events;
    struct handler *handler = NULL, *old;

    if (fn) {
        handler = g_new0(struct handler, 1);
        handler->refs = 1;
        handler->fn = fn;
        handler->data = data;
        handler->free_fn = free_fn;
    } else if (free_fn) {
        free_fn(data);
    }
    pthread_mutex_lock(&events->lock);
    old = events->handler;
    events->handler = handler;
    pthread_mutex_unlock(&events->lock);
    handler_unref(events, old);
    return 0;
}

int vemu_vm_get_event_fd(struct vemu_vm *vm)
{
    struct vemu_events *events = vm->events;
    int fd;

    pthread_mutex_lock(&events->lock);
    if (events->fd < 0) {
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
            fd = -errno;
        else
            events->fd = fd;
    } else {
        fd = events->fd;
    }
    pthread_mutex_unlock(&events->lock);
    return fd;
}

static bool event_waits(void *data)
{
    struct vemu_events *events = data;
    bool waits;

    pthread_mutex_lock(&events->lock);
    waits = !g_queue_is_empty(&events->queue);
    pthread_mutex_unlock(&events->lock);
    return waits;
}

int vemu_vm_serve(struct vemu_vm *vm, int fd, int timeout_ms)
{
    if (vemu__thread_vm())
        return -EDEADLK;
    if (!vemu__loop_is_lent(vm->loop))
        return -EINVAL;
    return vemu__loop_serve(vm->loop, fd, timeout_ms, event_waits, vm->events);
}

int vemu_vm_next_event(struct vemu_vm *vm, struct vemu_event *ret)
{
    struct vemu_events *events = vm->events;
    struct record *record;

    pthread_mutex_lock(&events->lock);
    record = g_queue_pop_head(&events->queue);
    if (record) {
        if (g_queue_is_empty(&events->queue))
            queue_signal(events, false);
        record_free(events->last);
        events->last = record;
        *ret = record->event;
    }
    pthread_mutex_unlock(&events->lock);
    return record ? 1 : 0;
}
