/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners: registration, the queue, delivery. */
#include "listeners.h"

#include <string.h>
#include <vmgr/domain.h>

#include "error.h"

#define QUEUE_MAX 4096

struct listener {
    int id;
    gint refs; /* registration + deliveries under way */
    gint removed;
    char *name;    /* of one object that has no UUID */
    uint8_t *uuid; /* of one that has; neither: of all */
    int event_id;
    vmgr__callback_fn fn;
    void *data;
    void (*free_fn)(void *data);
};

struct queued {
    char *name;
    uint8_t *uuid; /* NULL: the object has none */
    int event_id;
    void *event;
};

static void listener_unref(void *data)
{
    struct listener *l = data;

    if (!g_atomic_int_dec_and_test(&l->refs))
        return;
    if (l->free_fn)
        l->free_fn(l->data);
    g_free(l->name);
    g_free(l->uuid);
    g_free(l);
}

static void queued_free(struct vmgr__listeners *ls, struct queued *q)
{
    ls->kind->event_free(q->event);
    g_free(q->name);
    g_free(q->uuid);
    g_free(q);
}

void vmgr__listeners_init(struct vmgr__listeners *ls, const struct vmgr__listener_kind *kind)
{
    ls->kind = kind;
    g_mutex_init(&ls->lock);
    ls->list = g_ptr_array_new();
    g_queue_init(&ls->queue);
}

void vmgr__listeners_fini(struct vmgr__listeners *ls)
{
    struct queued *q;

    g_ptr_array_set_free_func(ls->list, listener_unref);
    g_ptr_array_unref(ls->list);
    while ((q = g_queue_pop_head(&ls->queue)))
        queued_free(ls, q);
    g_mutex_clear(&ls->lock);
}

static uint8_t *copy_uuid(const uint8_t *uuid)
{
    return uuid ? g_memdup2(uuid, VMGR_UUID_SIZE) : NULL;
}

int vmgr__listeners_add(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                        int event_id, vmgr__callback_fn fn, void *data, void (*free_fn)(void *data))
{
    struct listener *l = g_new0(struct listener, 1);
    int id;

    l->refs = 1;
    l->name = g_strdup(name);
    l->uuid = copy_uuid(uuid);
    l->event_id = event_id;
    l->fn = fn;
    l->data = data;
    l->free_fn = free_fn;
    g_mutex_lock(&ls->lock);
    id = l->id = ls->next_id++;
    g_ptr_array_add(ls->list, l);
    g_mutex_unlock(&ls->lock);
    return id;
}

int vmgr__listeners_remove(struct vmgr__listeners *ls, int id, struct vmgr_error **err)
{
    struct listener *found = NULL;

    g_mutex_lock(&ls->lock);
    for (guint i = 0; i < ls->list->len && !found; i++) {
        struct listener *l = ls->list->pdata[i];

        if (l->id == id)
            found = g_ptr_array_remove_index(ls->list, i);
    }
    g_mutex_unlock(&ls->lock);
    if (!found)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT,
                               "could not find event callback %d for deletion", id);
    g_atomic_int_set(&found->removed, 1);
    listener_unref(found);
    return 0;
}

static bool concerns(const struct listener *l, const char *name, const uint8_t *uuid)
{
    if (l->uuid)
        return uuid && memcmp(l->uuid, uuid, VMGR_UUID_SIZE) == 0;
    return !l->name || strcmp(l->name, name) == 0;
}

/* The listeners that want it; each has a reference. NULL: only whether there is one. */
static bool choose(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid, int event_id,
                   GPtrArray *ret)
{
    bool found = false;

    for (guint i = 0; i < ls->list->len && (ret || !found); i++) {
        struct listener *l = ls->list->pdata[i];

        if (l->event_id != event_id || !concerns(l, name, uuid))
            continue;
        found = true;
        if (ret) {
            g_atomic_int_inc(&l->refs);
            g_ptr_array_add(ret, l);
        }
    }
    return found;
}

bool vmgr__listeners_want(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                          int event_id)
{
    bool wanted;

    g_mutex_lock(&ls->lock);
    wanted = choose(ls, name, uuid, event_id, NULL);
    g_mutex_unlock(&ls->lock);
    return wanted;
}

void vmgr__listeners_push(struct vmgr__listeners *ls, const char *name, const uint8_t *uuid,
                          int event_id, void *event)
{
    struct queued *q = g_new0(struct queued, 1), *oldest = NULL;

    q->name = g_strdup(name);
    q->uuid = copy_uuid(uuid);
    q->event_id = event_id;
    q->event = event;
    g_mutex_lock(&ls->lock);
    if (ls->queue.length >= QUEUE_MAX)
        oldest = g_queue_pop_head(&ls->queue);
    g_queue_push_tail(&ls->queue, q);
    g_mutex_unlock(&ls->lock);
    if (oldest)
        queued_free(ls, oldest);
}

static void deliver(struct vmgr__listeners *ls, struct vmgr_conn *conn, const struct queued *q)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new_with_free_func(listener_unref);
    void *object;

    g_mutex_lock(&ls->lock);
    choose(ls, q->name, q->uuid, q->event_id, chosen);
    g_mutex_unlock(&ls->lock);
    if (!chosen->len)
        return;
    object = ls->kind->object(conn, q->name, q->uuid);
    for (guint i = 0; i < chosen->len; i++) {
        struct listener *l = chosen->pdata[i];

        if (!g_atomic_int_get(&l->removed))
            ls->kind->call(conn, object, q->event, l->fn, l->data);
    }
    ls->kind->unref(object);
}

int vmgr__listeners_dispatch(struct vmgr__listeners *ls, struct vmgr_conn *conn)
{
    struct queued *q;

    for (int n = 0;; n++) {
        g_mutex_lock(&ls->lock);
        q = g_queue_pop_head(&ls->queue);
        g_mutex_unlock(&ls->lock);
        if (!q)
            return n;
        deliver(ls, conn, q);
        queued_free(ls, q);
    }
}
