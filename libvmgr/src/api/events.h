/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection's events: of domains (event.c), networks and storage pools, behind one descriptor.
 */
#ifndef VMGR_SRC_API_EVENTS_H
#define VMGR_SRC_API_EVENTS_H

#include "listeners.h"

struct vmgr__events {
    struct vmgr__listeners domains, networks, pools;
    GMutex lock; /* leaf; of what follows */
    int event_fd;
    int epoll_fd;
    bool watched, networks_watched, pools_watched; /* the driver was asked to look */
};

struct vmgr__events *vmgr__events_new(void);
/* Frees callbacks' data; no event is delivered any more. */
void vmgr__events_free(struct vmgr__events *ev);
/* Makes the descriptor poll readable, if anybody looks at it. Any thread, any lock. */
void vmgr__events_wake(struct vmgr__events *ev);
/* Calls watch(), if there is one, for the first caller with this *done. */
int vmgr__events_watch(struct vmgr_conn *conn, bool *done,
                       int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err),
                       struct vmgr_error **err);

/* ---- storage-event.c, network-event.c ---- */
extern const struct vmgr__listener_kind vmgr__pool_listeners, vmgr__network_listeners;
/* Fetch what the driver has and deliver. Return how many. */
int vmgr__pool_events_dispatch(struct vmgr_conn *conn);
int vmgr__network_events_dispatch(struct vmgr_conn *conn);

#endif
