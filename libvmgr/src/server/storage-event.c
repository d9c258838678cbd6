/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subscriptions to what happens to pools; the rules are those of event.c.
 */
#include <string.h>

#include "storage.h"

#define EVENT_KINDS 2

struct subscription {
    struct vmgr__client *client; /* borrowed: a closing client drops its own */
    int id;
    int event_id;
    bool any;
    uint8_t uuid[VMGR_UUID_SIZE];
};

void vmgr__pool_subscriptions_init(struct vmgr__pool_subscriptions *subs)
{
    g_mutex_init(&subs->lock);
    subs->list = g_ptr_array_new_with_free_func(g_free);
}

void vmgr__pool_subscriptions_fini(struct vmgr__pool_subscriptions *subs)
{
    g_ptr_array_unref(subs->list);
    g_mutex_clear(&subs->lock);
}

void vmgr__pool_subscriptions_drop(struct vmgr__server *s, struct vmgr__client *c)
{
    struct vmgr__pool_subscriptions *subs = &s->pool_subscriptions;

    g_mutex_lock(&subs->lock);
    for (guint i = subs->list->len; i-- > 0;) {
        if (((const struct subscription *)subs->list->pdata[i])->client == c)
            g_ptr_array_remove_index(subs->list, i);
    }
    g_mutex_unlock(&subs->lock);
}

static void send(const struct subscription *sub, const struct wire_storage_pool *pool,
                 const struct vmgr_pool_event *event)
{
    const bool refresh = event->id == VMGR_POOL_EVENT_REFRESH;
    const int32_t procedure =
        refresh ? WIRE_STORAGE_POOL_EVENT_REFRESH : WIRE_STORAGE_POOL_EVENT_LIFECYCLE;
    const struct wire_storage_pool_event_lifecycle_msg lifecycle = {
        .callback_id = sub->id, .pool = *pool, .event = event->type, .detail = event->detail
    };
    const struct wire_storage_pool_event_refresh_msg refreshed = { .callback_id = sub->id,
                                                                   .pool = *pool };
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = procedure,
                                        .type = RPC_MESSAGE,
                                        .serial = 1, /* as libvirtd has it */
                                        .status = RPC_OK };
    const void *msg = refresh ? (const void *)&refreshed : (const void *)&lifecycle;

    vmgr__client_send_event(
        sub->client,
        vmgr__rpc_out_new(&h, vmgr__wire_remote.calls[procedure - 1].args, msg, NULL, 0));
}

static void on_event(struct vmgr_conn *conn, struct vmgr_pool *pool,
                     const struct vmgr_pool_event *event, void *data)
{
    struct vmgr__pool_subscriptions *subs = &((struct vmgr__server *)data)->pool_subscriptions;
    struct wire_storage_pool wire = { .name = (char *)vmgr_pool_get_name(pool) };

    (void)conn;
    vmgr_pool_get_uuid(pool, wire.uuid);
    g_mutex_lock(&subs->lock);
    for (guint i = 0; i < subs->list->len; i++) {
        const struct subscription *sub = subs->list->pdata[i];

        if (sub->event_id == event->id &&
            (sub->any || memcmp(sub->uuid, wire.uuid, VMGR_UUID_SIZE) == 0))
            send(sub, &wire, event);
    }
    g_mutex_unlock(&subs->lock);
}

/* Asks the driver for events, once. */
static int start_locked(struct vmgr__call *call)
{
    struct vmgr__server *s = call->server;
    struct vmgr__pool_subscriptions *subs = &s->pool_subscriptions;

    for (; subs->registered < EVENT_KINDS; subs->registered++) {
        if (vmgr_conn_add_pool_event(s->conn, NULL, subs->registered, on_event, s, NULL,
                                     &call->err) < 0)
            return -1;
    }
    return 0;
}

static int register_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_storage_pool_event_register_any_args *a = args;
    struct wire_connect_storage_pool_event_register_any_ret *r = ret;
    struct vmgr__pool_subscriptions *subs = &call->server->pool_subscriptions;
    struct subscription *sub;
    int result;

    if (a->event_id < 0 || a->event_id >= EVENT_KINDS)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: unsupported storage pool event ID %d", a->event_id);
    if (vmgr__subscriptions_start(call) < 0)
        return -1;
    g_mutex_lock(&subs->lock);
    result = start_locked(call);
    if (result == 0) {
        sub = g_new0(struct subscription, 1);
        sub->client = call->client;
        sub->id = r->callback_id = subs->next_id++;
        sub->event_id = a->event_id;
        sub->any = !a->pool;
        if (a->pool)
            memcpy(sub->uuid, a->pool->uuid, VMGR_UUID_SIZE);
        vmgr__call_reply(call, r);
        g_mutex_lock(&call->client->lock);
        if (call->client->dead)
            g_clear_pointer(&sub, g_free);
        g_mutex_unlock(&call->client->lock);
        if (sub)
            g_ptr_array_add(subs->list, sub);
    }
    g_mutex_unlock(&subs->lock);
    return result;
}

static int deregister_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_storage_pool_event_deregister_any_args *a = args;
    struct vmgr__pool_subscriptions *subs = &call->server->pool_subscriptions;
    bool found = false;

    (void)ret;
    g_mutex_lock(&subs->lock);
    for (guint i = 0; i < subs->list->len && !found; i++) {
        const struct subscription *sub = subs->list->pdata[i];

        found = sub->client == call->client && sub->id == a->callback_id;
        if (found)
            g_ptr_array_remove_index(subs->list, i);
    }
    g_mutex_unlock(&subs->lock);
    if (found)
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                           "internal error: storage pool event callback %d not registered",
                           a->callback_id);
}

const struct vmgr__handler vmgr__handlers_storage_event[] = {
    { WIRE_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY, register_any, 0 },
    { WIRE_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY, deregister_any, 0 },
    { 0, NULL, 0 },
};
