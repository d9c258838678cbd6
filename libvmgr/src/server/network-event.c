/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of networks: subscriptions of clients. The rules and the thread are those of event.c.
 */
#include <string.h>
#include <vmgr/network.h>

#include "internal.h"

struct subscriber {
    struct vmgr__client *client; /* borrowed: a closing client drops its own */
    int id;
    bool all;
    uint8_t uuid[VMGR_UUID_SIZE];
};

void vmgr__network_subscribers_init(struct vmgr__network_subscribers *subs)
{
    g_mutex_init(&subs->lock);
    subs->list = g_ptr_array_new_with_free_func(g_free);
}

void vmgr__network_subscribers_fini(struct vmgr__network_subscribers *subs)
{
    g_ptr_array_unref(subs->list);
    g_mutex_clear(&subs->lock);
}

/* Removes one of a client's (id < 0: all). True: it had such. */
static bool remove_of(struct vmgr__server *s, const struct vmgr__client *c, int id)
{
    struct vmgr__network_subscribers *subs = &s->network_subscribers;
    bool found = false;

    g_mutex_lock(&subs->lock);
    for (guint i = subs->list->len; i-- > 0;) {
        const struct subscriber *sub = subs->list->pdata[i];

        if (sub->client == c && (id < 0 || sub->id == id)) {
            g_ptr_array_remove_index(subs->list, i);
            found = true;
        }
    }
    g_mutex_unlock(&subs->lock);
    return found;
}

void vmgr__network_subscribers_drop(struct vmgr__server *s, struct vmgr__client *c)
{
    remove_of(s, c, -1);
}

static void send_to(const struct subscriber *sub, const struct wire_network *net, int type)
{
    const int32_t procedure = WIRE_NETWORK_EVENT_LIFECYCLE;
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = procedure,
                                        .type = RPC_MESSAGE,
                                        .serial = 1,
                                        .status = RPC_OK };
    const struct wire_network_event_lifecycle_msg msg = { .callback_id = sub->id,
                                                          .net = *net,
                                                          .event = type };

    vmgr__client_send_event(
        sub->client,
        vmgr__rpc_out_new(&h, vmgr__wire_remote.calls[procedure - 1].args, &msg, NULL, 0));
}

static void on_event(struct vmgr_conn *conn, struct vmgr_network *network, int type, void *data)
{
    struct vmgr__network_subscribers *subs = data;
    struct wire_network net = { .name = (char *)vmgr_network_get_name(network) };

    (void)conn;
    vmgr_network_get_uuid(network, net.uuid);
    g_mutex_lock(&subs->lock);
    for (guint i = 0; i < subs->list->len; i++) {
        const struct subscriber *sub = subs->list->pdata[i];

        if (sub->all || memcmp(sub->uuid, net.uuid, VMGR_UUID_SIZE) == 0)
            send_to(sub, &net, type);
    }
    g_mutex_unlock(&subs->lock);
}

/* The driver is asked once, for all clients. */
static int register_once(struct vmgr__call *call)
{
    struct vmgr__network_subscribers *subs = &call->server->network_subscribers;
    int r = 0;

    if (vmgr__subscriptions_start(call) < 0)
        return -1;
    g_mutex_lock(&subs->lock);
    if (!subs->registered)
        r = vmgr_conn_add_network_event(call->server->conn, NULL, VMGR_NETWORK_EVENT_LIFECYCLE,
                                        on_event, subs, NULL, &call->err);
    if (r >= 0)
        subs->registered = true;
    g_mutex_unlock(&subs->lock);
    return r < 0 ? -1 : 0;
}

static int register_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_network_event_register_any_args *a = args;
    struct wire_connect_network_event_register_any_ret *r = ret;
    struct vmgr__network_subscribers *subs = &call->server->network_subscribers;
    struct subscriber *sub;

    if (a->event_id != VMGR_NETWORK_EVENT_LIFECYCLE)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: unsupported network event ID %d", a->event_id);
    if (register_once(call) < 0)
        return -1;
    sub = g_new0(struct subscriber, 1);
    sub->client = call->client;
    sub->all = !a->net;
    if (a->net)
        memcpy(sub->uuid, a->net->uuid, VMGR_UUID_SIZE);
    /* No client sees an event for a number it has not been told. */
    g_mutex_lock(&subs->lock);
    sub->id = r->callback_id = subs->next_id++;
    vmgr__call_reply(call, r);
    g_mutex_lock(&call->client->lock);
    if (call->client->dead)
        g_clear_pointer(&sub, g_free);
    g_mutex_unlock(&call->client->lock);
    if (sub)
        g_ptr_array_add(subs->list, sub);
    g_mutex_unlock(&subs->lock);
    return 0;
}

static int deregister_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_network_event_deregister_any_args *a = args;

    (void)ret;
    if (a->callback_id >= 0 && remove_of(call->server, call->client, a->callback_id))
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                           "internal error: network event callback %d not registered",
                           a->callback_id);
}

const struct vmgr__handler vmgr__handlers_network_event[] = {
    { WIRE_CONNECT_NETWORK_EVENT_REGISTER_ANY, register_any, 0 },
    { WIRE_CONNECT_NETWORK_EVENT_DEREGISTER_ANY, deregister_any, 0 },
    { 0, NULL, 0 },
};
