/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events that a guest causes as often as it likes: each is told at most once a second.
 */
#ifndef VEMU_CORE_EVENT_LIMIT_H
#define VEMU_CORE_EVENT_LIMIT_H

#include <stdbool.h>

#include <vemu/event.h>

struct vemu_vm;
struct vemu_event_limit;

/* `note` takes an event whose time has come; events are flushed then. Context of all: loop. */
struct vemu_event_limit *vemu__event_limit_new(struct vemu_vm *vm, vemu_event_fn note, void *data);
/* What waits is not told any more. Context: loop, or after it ended. NULL is fine. */
void vemu__event_limit_free(struct vemu_event_limit *limit);
/* False: the event is kept (a copy) and told later, unless another about the same comes first. */
bool vemu__event_limit_pass(struct vemu_event_limit *limit, const struct vemu_event *event);

#endif
