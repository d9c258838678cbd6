/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection's callbacks and the queue of events for them.
 */
#ifndef VMGR_SRC_API_EVENTS_H
#define VMGR_SRC_API_EVENTS_H

struct vmgr__events;

struct vmgr__events *vmgr__events_new(void);
/* Frees callbacks' data; no event is delivered any more. */
void vmgr__events_free(struct vmgr__events *events);
/* Lets vmgr_conn_dispatch() be called. */
void vmgr__events_wake(struct vmgr__events *events);

#endif
