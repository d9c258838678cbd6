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

/* Makes the descriptor poll readable, if anybody looks at it. */
void vmgr__events_wake(struct vmgr__events *events);

/* ---- storage-event.c ---- */
struct vmgr_conn;
struct vmgr__pool_events;
struct vmgr__pool_events *vmgr__pool_events_new(void);
void vmgr__pool_events_free(struct vmgr__pool_events *events);
/* Delivers what waits. Returns how many. */
int vmgr__pool_events_dispatch(struct vmgr_conn *conn);

/* Makes the descriptor poll readable, if anybody looks at it. */
void vmgr__events_wake(struct vmgr__events *events);

/* ---- network-event.c ---- */
struct vmgr_conn;
struct vmgr__network_events;
struct vmgr__network_events *vmgr__network_events_new(void);
void vmgr__network_events_free(struct vmgr__network_events *events);
/* Delivers what waits. Returns how many. */
int vmgr__network_events_dispatch(struct vmgr_conn *conn);

#endif
