/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subscriptions of clients to events, and the thread that fetches the driver's events.
 *
 * The thread is there from the beginning, whether or not a client wants events: what guests do by
 * themselves has to be heard and acted upon.
 *
 * The driver is asked for a kind of event once, when the first client wants it; what comes then
 * goes to all that want it. A subscription's reply is sent under the lock under which events are:
 * no client sees an event for a number it has not been told.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define SUBSCRIPTIONS_MAX 4096 /* of one client: whoever may only read may have them, too */

struct subscription {
    struct vmgr__client *client; /* borrowed: a closing client drops its own */
    const struct vmgr__event_kind *kind;
    int id;
    int event_id;
    char *name;    /* of one object that has no UUID */
    uint8_t *uuid; /* of one that has; neither: of all */
};

static void subscription_free(void *data)
{
    struct subscription *sub = data;

    g_free(sub->name);
    g_free(sub->uuid);
    g_free(sub);
}

void vmgr__subscriptions_init(struct vmgr__subscriptions *subs)
{
    g_mutex_init(&subs->lock);
    subs->list = g_ptr_array_new_with_free_func(subscription_free);
    subs->stop_fd = subs->event_fd = -1;
}

static gpointer deliver(gpointer data)
{
    struct vmgr__server *s = data;
    struct pollfd fds[2] = {
        { .fd = s->subscriptions.event_fd, .events = POLLIN },
        { .fd = s->subscriptions.stop_fd, .events = POLLIN },
    };

    vmgr_conn_dispatch(s->conn, NULL); /* there may be guests that something happened to before */
    while (!(fds[1].revents & POLLIN)) {
        if (fds[0].revents)
            vmgr_conn_dispatch(s->conn, NULL);
        if (poll(fds, 2, -1) < 0)
            fds[0].revents = fds[1].revents = 0;
    }
    return NULL;
}

/* False: it cannot. */
static bool start_locked(struct vmgr__server *s)
{
    struct vmgr__subscriptions *subs = &s->subscriptions;

    if (subs->thread)
        return true;
    subs->event_fd = vmgr_conn_get_event_fd(s->conn, NULL);
    if (subs->stop_fd < 0)
        subs->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (subs->event_fd >= 0 && subs->stop_fd >= 0)
        subs->thread = g_thread_try_new("vmgrd-events", deliver, s, NULL);
    return subs->thread != NULL;
}

void vmgr__subscriptions_start(struct vmgr__server *s)
{
    bool started;

    g_mutex_lock(&s->subscriptions.lock);
    started = start_locked(s);
    g_mutex_unlock(&s->subscriptions.lock);
    if (!started)
        vmgr__log(s, VMGR__LOG_ERROR, "guests are not heard: no descriptors or threads", "uri=%s",
                  s->uri);
}

/* Asks the driver for this kind, once; the thread runs, unless it could not be started before. */
static int listen_locked(struct vmgr__call *call, const struct vmgr__event_kind *kind, int event_id)
{
    struct vmgr__server *s = call->server;
    struct vmgr__subscriptions *subs = &s->subscriptions;
    uint32_t *asked = &subs->asked[kind->object];

    if (!(*asked & 1u << event_id)) {
        if (kind->listen(s, event_id, &call->err) < 0)
            return -1;
        *asked |= 1u << event_id;
    }
    if (!start_locked(s))
        return vmgr__call_fail(call, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC,
                               "system call error: cannot start delivering events");
    return 0;
}

void vmgr__subscriptions_fini(struct vmgr__server *s)
{
    struct vmgr__subscriptions *subs = &s->subscriptions;
    static const uint64_t one = 1;

    if (subs->thread) {
        if (write(subs->stop_fd, &one, sizeof(one)) < 0)
            g_assert_not_reached(); /* a fresh eventfd takes a number */
        g_thread_join(subs->thread);
    }
    if (subs->stop_fd >= 0)
        close(subs->stop_fd);
    g_ptr_array_unref(subs->list);
    g_mutex_clear(&subs->lock);
}

static int check_room_locked(struct vmgr__call *call)
{
    const GPtrArray *list = call->server->subscriptions.list;
    unsigned n = 0;

    for (guint i = 0; i < list->len && n < SUBSCRIPTIONS_MAX; i++)
        n += ((const struct subscription *)list->pdata[i])->client == call->client;
    if (n < SUBSCRIPTIONS_MAX)
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_RPC,
                           "operation failed: more than %d event callbacks of one client",
                           SUBSCRIPTIONS_MAX);
}

int vmgr__subscribe(struct vmgr__call *call, const struct vmgr__event_kind *kind, int event_id,
                    const char *name, const uint8_t *uuid, int32_t *ret_id, const void *ret)
{
    struct vmgr__subscriptions *subs = &call->server->subscriptions;
    struct subscription *sub;
    int r;

    if (event_id < 0 || event_id >= kind->events)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: unsupported %sevent ID %d", kind->label, event_id);
    g_mutex_lock(&subs->lock);
    r = check_room_locked(call);
    if (r == 0)
        r = listen_locked(call, kind, event_id);
    if (r == 0) {
        sub = g_new0(struct subscription, 1);
        sub->client = call->client;
        sub->kind = kind;
        sub->id = *ret_id = subs->next_id++;
        sub->event_id = event_id;
        sub->name = g_strdup(name);
        sub->uuid = uuid ? g_memdup2(uuid, VMGR_UUID_SIZE) : NULL;
        vmgr__call_reply(call, ret);
        g_mutex_lock(&call->client->lock);
        if (call->client->dead)
            g_clear_pointer(&sub, subscription_free);
        g_mutex_unlock(&call->client->lock);
        /* A client that dies from here on drops it: that takes the lock held here. */
        if (sub)
            g_ptr_array_add(subs->list, sub);
    }
    g_mutex_unlock(&subs->lock);
    return r;
}

/* Removes one of a client's (kind NULL: all). True: it had such. */
static bool drop(struct vmgr__server *s, const struct vmgr__client *c,
                 const struct vmgr__event_kind *kind, int id)
{
    struct vmgr__subscriptions *subs = &s->subscriptions;
    bool found = false;

    g_mutex_lock(&subs->lock);
    for (guint i = subs->list->len; i-- > 0;) {
        const struct subscription *sub = subs->list->pdata[i];

        if (sub->client == c && (!kind || (sub->kind == kind && sub->id == id))) {
            g_ptr_array_remove_index(subs->list, i);
            found = true;
        }
    }
    g_mutex_unlock(&subs->lock);
    return found;
}

void vmgr__subscriptions_drop(struct vmgr__server *s, struct vmgr__client *c)
{
    drop(s, c, NULL, -1);
}

int vmgr__unsubscribe(struct vmgr__call *call, const struct vmgr__event_kind *kind, int id)
{
    if (drop(call->server, call->client, kind, id))
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                           "internal error: %s event callback %d not registered", kind->name, id);
}

static bool wants(const struct subscription *sub, const char *name, const uint8_t *uuid)
{
    if (sub->uuid)
        return uuid && memcmp(sub->uuid, uuid, VMGR_UUID_SIZE) == 0;
    return !sub->name || strcmp(sub->name, name) == 0;
}

void vmgr__subscriptions_emit(struct vmgr__server *s, const struct vmgr__event_kind *kind,
                              int event_id, const char *name, const uint8_t *uuid,
                              int32_t procedure, void *msg)
{
    struct vmgr__subscriptions *subs = &s->subscriptions;
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = procedure,
                                        .type = RPC_MESSAGE,
                                        .serial = 1, /* as libvirtd has it */
                                        .status = RPC_OK };
    const struct vmgr__wire_layout *layout = vmgr__wire_remote.calls[procedure - 1].args;

    g_mutex_lock(&subs->lock);
    for (guint i = 0; i < subs->list->len; i++) {
        const struct subscription *sub = subs->list->pdata[i];
        const int32_t id = sub->id;

        if (sub->kind != kind || sub->event_id != event_id || !wants(sub, name, uuid))
            continue;
        memcpy(msg, &id, sizeof(id));
        vmgr__client_send_event(sub->client, vmgr__rpc_out_new(&h, layout, msg, NULL, 0));
    }
    g_mutex_unlock(&subs->lock);
}
