/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The close callback: told once that a connection is lost, from vmgr_conn_dispatch().
 */
#include "close.h"

#include "../driver/driver.h"
#include "events.h"

void vmgr__close_init(struct vmgr__close *c)
{
    g_mutex_init(&c->lock);
}

void vmgr__close_fini(struct vmgr__close *c)
{
    if (c->free_fn)
        c->free_fn(c->data);
    g_mutex_clear(&c->lock);
}

void vmgr__conn_lost(struct vmgr_conn *conn, int reason)
{
    struct vmgr__close *c = &conn->close;

    g_mutex_lock(&c->lock);
    if (!c->lost)
        c->reason = reason;
    c->lost = true;
    g_mutex_unlock(&c->lock);
    vmgr__events_wake(conn->events);
}

void vmgr__close_deliver(struct vmgr_conn *conn)
{
    struct vmgr__close *c = &conn->close;
    void (*free_fn)(void *data) = NULL;
    vmgr_conn_close_fn fn = NULL;
    void *data = NULL;

    g_mutex_lock(&c->lock);
    if (c->lost && !c->told && c->fn) {
        /* It is taken off while it runs: it may set another, or drop the connection. */
        c->told = true;
        fn = g_steal_pointer(&c->fn);
        data = g_steal_pointer(&c->data);
        free_fn = c->free_fn;
        c->free_fn = NULL;
    }
    g_mutex_unlock(&c->lock);
    if (fn)
        fn(conn, c->reason, data);
    if (free_fn)
        free_fn(data);
}

int vmgr_conn_set_close_callback(struct vmgr_conn *conn, vmgr_conn_close_fn fn, void *data,
                                 void (*free_fn)(void *data), struct vmgr_error **err)
{
    struct vmgr__close *c = &conn->close;
    void (*old_free)(void *data);
    void *old_data;
    bool lost;

    if (vmgr_conn_get_event_fd(conn, err) < 0) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    g_mutex_lock(&c->lock);
    old_free = c->free_fn;
    old_data = c->data;
    c->fn = fn;
    c->data = data;
    c->free_fn = free_fn;
    lost = c->lost;
    g_mutex_unlock(&c->lock);
    if (old_free)
        old_free(old_data);
    if (lost)
        vmgr__events_wake(conn->events);
    return 0;
}
