/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection's events: of domains (event.c) and other objects (object-event.c), behind one
 * descriptor.
 */
#ifndef VMGR_SRC_API_EVENTS_H
#define VMGR_SRC_API_EVENTS_H

#include "listeners.h"

/* Objects other than domains that have events. */
enum vmgr__event_object {
    VMGR__EVENTS_POOL,
    VMGR__EVENTS_NETWORK,
    VMGR__EVENTS_NODEDEV,
    VMGR__EVENTS_SECRET,
    VMGR__EVENT_OBJECTS,
};

/* What a driver does for them; has: it knows such objects at all. The rest may be NULL. */
struct vmgr__event_source {
    bool has;
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll)(struct vmgr_conn *conn);
};

/* One of them: a file of its own, and a line in the table of object-event.c. */
struct vmgr__event_kind {
    struct vmgr__listener_kind listener;
    const char *function; /* for the error where a driver has no such objects */
    int events;           /* numbers 0 to events - 1 */
    struct vmgr__event_source (*source)(const struct vmgr_conn *conn);
};
extern const struct vmgr__event_kind vmgr__network_events, vmgr__nodedev_events,
    vmgr__pool_events, vmgr__secret_events;

struct vmgr__events {
    struct vmgr__listeners domains;
    struct vmgr__listeners objects[VMGR__EVENT_OBJECTS];
    GMutex lock; /* leaf; of what follows */
    int event_fd;
    int epoll_fd;
    bool watched; /* the driver was asked to look */
    bool objects_watched[VMGR__EVENT_OBJECTS];
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
/* Whether that has been done. */
bool vmgr__events_watched(struct vmgr__events *ev, const bool *done);

/* ---- object-event.c ---- */
void vmgr__object_events_init(struct vmgr__events *ev);
void vmgr__object_events_fini(struct vmgr__events *ev);
/* Fetches what the driver has and delivers. Returns how many. */
int vmgr__object_events_dispatch(struct vmgr_conn *conn);
/* Queues a copy of an event for the callbacks that want it. uuid: NULL if such objects have none.
 * Any thread, any lock. */
void vmgr__object_emit(struct vmgr_conn *conn, enum vmgr__event_object object, const char *name,
                       const uint8_t *uuid, int id, const void *event, size_t size);
/* Registers a callback for one object, by UUID or by name, or (both NULL) for all. Returns its
 * number, or -1 and has freed data. */
int vmgr__object_event_add(struct vmgr_conn *conn, enum vmgr__event_object object, const char *name,
                           const uint8_t *uuid, int id, vmgr__callback_fn fn, void *data,
                           void (*free_fn)(void *data), struct vmgr_error **err);
int vmgr__object_event_remove(struct vmgr_conn *conn, enum vmgr__event_object object,
                              int callback_id, struct vmgr_error **err);

#endif
