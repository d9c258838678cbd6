/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who listens to events of one kind of object, and what they have not been told yet.
 *
 * Theory of operation. Drivers push from any thread, under any of their locks: what nobody wants is
 * dropped, the rest waits in a bounded queue; when nobody dispatches, the oldest goes. Dispatching
 * takes one event after the other and runs the callbacks that stood registered when it looked,
 * without a lock: a callback may remove itself or others, whose records stay until no delivery uses
 * them.
 */
#ifndef VMGR_SRC_API_LISTENERS_H
#define VMGR_SRC_API_LISTENERS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vmgr/error.h>

struct vmgr_conn;

typedef void (*vmgr__callback_fn)(void); /* of whatever type; kind->call() knows */

/* What the objects are. */
struct vmgr__listener_kind {
    void *(*object)(struct vmgr_conn *conn, const char *name, const uint8_t *uuid);
    void (*call)(struct vmgr_conn *conn, void *object, const void *event, vmgr__callback_fn fn,
                 void *data);
    void (*unref)(void *object);
    GDestroyNotify event_free;
};

struct vmgr__listeners {
    const struct vmgr__listener_kind *kind;
    GMutex lock; /* leaf: nothing is called with it held */
    GPtrArray *list;
    GQueue queue;
    int next_id;
};

void vmgr__listeners_init(struct vmgr__listeners *ls, const struct vmgr__listener_kind *kind);
/* Frees callbacks' data; no event is delivered any more. */
void vmgr__listeners_fini(struct vmgr__listeners *ls);

/* Returns the number of the registration: for one object, by UUID, or by name where such objects
 * have no UUID; or (both NULL) for all. */
int vmgr__listeners_add(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                        int event_id, vmgr__callback_fn fn, void *data,
                        void (*free_fn)(void *data));
int vmgr__listeners_remove(struct vmgr__listeners *ls, int id, struct vmgr_error **err);

bool vmgr__listeners_want(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                          int event_id);
/* Takes the event, for kind->event_free. uuid: NULL if the object has none. */
void vmgr__listeners_push(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                          int event_id, void *event);
/* Delivers what waits. Returns how many events. */
int vmgr__listeners_dispatch(struct vmgr__listeners *ls, struct vmgr_conn *conn);

#endif
