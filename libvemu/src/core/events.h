/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events on their way from the life cycle to listeners, the application's callback and its queue.
 */
#ifndef VEMU_CORE_EVENTS_H
#define VEMU_CORE_EVENTS_H

#include <vemu/event.h>

struct vemu_vm;
struct vemu_events;

struct vemu_events *vemu__events_new(struct vemu_vm *vm);
/* Before the loop. NULL is fine. */
void vemu__events_free(struct vemu_events *events);

/* Notes an event; it is handed out by the next vemu__events_flush(), or later if there are too many
 * of its kind (event-limit.h). `message` may be NULL. Context: loop. */
void vemu__events_emit(struct vemu_events *events, int type, int cause, uint32_t code,
                       const char *message);
/* The same with a value. */
void vemu__events_emit_value(struct vemu_events *events, int type, uint64_t value);
/* The same about somebody. */
void vemu__events_emit_about(struct vemu_events *events, int type, const char *message,
                             uint64_t value);
/* The same soon, from any thread and with any lock held. */
void vemu__events_post(struct vemu_vm *vm, int type, const char *message, uint64_t value);
/* The same with all of it; the time is filled in, a NULL message is "". */
void vemu__events_emit_full(struct vemu_events *events, const struct vemu_event *event);
/* Hands out what was noted, in order; no lock may be held. A call from inside a handler leaves the
 * work to the outer one. Context: loop. */
void vemu__events_flush(struct vemu_events *events);

/* Listeners inside the library (monitors). Context: loop; not from inside a listener. */
void vemu__events_listen(struct vemu_events *events, vemu_event_fn fn, void *data);
void vemu__events_unlisten(struct vemu_events *events, vemu_event_fn fn, void *data);

#endif
