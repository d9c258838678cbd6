/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: subscriptions of clients, and the thread that turns the driver's events into packets.
 *
 * The driver's events are asked for once, when the first client subscribes, and then go to all that
 * want them. A subscription's reply is sent under the lock under which events are: no client sees
 * an event for a number it has not been told.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

/* Kinds of domain events the protocol has. Those the driver never emits can be subscribed to. */
#define DOMAIN_EVENT_KINDS 27

struct subscription {
    struct vmgr__client *client; /* borrowed: a closing client drops its own */
    int id;
    int event_id;
    bool any_domain;
    uint8_t uuid[VMGR_UUID_SIZE];
};

void vmgr__subscriptions_init(struct vmgr__subscriptions *subs)
{
    g_mutex_init(&subs->lock);
    subs->list = g_ptr_array_new_with_free_func(g_free);
    subs->stop_fd = -1;
}

void vmgr__subscriptions_drop(struct vmgr__server *s, struct vmgr__client *c)
{
    struct vmgr__subscriptions *subs = &s->subscriptions;

    g_mutex_lock(&subs->lock);
    for (guint i = subs->list->len; i-- > 0;) {
        const struct subscription *sub = subs->list->pdata[i];

        if (sub->client == c)
            g_ptr_array_remove_index(subs->list, i);
    }
    g_mutex_unlock(&subs->lock);
}

static void emit(struct vmgr__client *c, int32_t procedure, const struct vmgr__wire_layout *layout,
                 const void *msg)
{
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = procedure,
                                        .type = RPC_MESSAGE,
                                        .serial = 1, /* as libvirtd has it */
                                        .status = RPC_OK };

    vmgr__client_send_event(c, vmgr__rpc_out_new(&h, layout, msg, NULL, 0));
}

static void emit_domain(const struct subscription *sub, const struct wire_domain *dom,
                        const struct vmgr_domain_event *event)
{
    if (event->id == VMGR_DOMAIN_EVENT_LIFECYCLE) {
        const struct wire_domain_event_callback_lifecycle_msg msg = {
            .callback_id = sub->id,
            .msg = { .dom = *dom, .event = event->type, .detail = event->detail },
        };
        emit(sub->client, WIRE_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
             vmgr__wire_remote.calls[WIRE_DOMAIN_EVENT_CALLBACK_LIFECYCLE - 1].args, &msg);
    } else if (event->id == VMGR_DOMAIN_EVENT_REBOOT) {
        const struct wire_domain_event_callback_reboot_msg msg = { .callback_id = sub->id,
                                                                   .msg = { .dom = *dom } };

        emit(sub->client, WIRE_DOMAIN_EVENT_CALLBACK_REBOOT,
             vmgr__wire_remote.calls[WIRE_DOMAIN_EVENT_CALLBACK_REBOOT - 1].args, &msg);
    }
}

static void on_domain_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                            const struct vmgr_domain_event *event, void *data)
{
    struct vmgr__subscriptions *subs = &((struct vmgr__server *)data)->subscriptions;
    /* What has just ended has no number any more: that is no error here. */
    const int id = vmgr_domain_get_id(domain, NULL);
    struct wire_domain dom = { .name = (char *)vmgr_domain_get_name(domain),
                               .id = id > 0 ? id : -1 };

    (void)conn;
    vmgr_domain_get_uuid(domain, dom.uuid);
    g_mutex_lock(&subs->lock);
    for (guint i = 0; i < subs->list->len; i++) {
        const struct subscription *sub = subs->list->pdata[i];

        if (sub->event_id == event->id &&
            (sub->any_domain || memcmp(sub->uuid, dom.uuid, VMGR_UUID_SIZE) == 0))
            emit_domain(sub, &dom, event);
    }
    g_mutex_unlock(&subs->lock);
}

static gpointer deliver(gpointer data)
{
    struct vmgr__server *s = data;
    struct pollfd fds[2] = {
        { .fd = vmgr_conn_get_event_fd(s->conn, NULL), .events = POLLIN },
        { .fd = s->subscriptions.stop_fd, .events = POLLIN },
    };

    while (!(fds[1].revents & POLLIN)) {
        if (fds[0].revents)
            vmgr_conn_dispatch(s->conn, NULL);
        if (poll(fds, 2, -1) < 0)
            fds[0].revents = fds[1].revents = 0;
    }
    return NULL;
}

/* Asks the driver for events, once. */
static int start_locked(struct vmgr__call *call)
{
    struct vmgr__server *s = call->server;
    struct vmgr__subscriptions *subs = &s->subscriptions;

    if (subs->started)
        return 0;
    if (!subs->registered &&
        (vmgr_conn_add_domain_event(s->conn, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, on_domain_event, s,
                                    NULL, &call->err) < 0 ||
         vmgr_conn_add_domain_event(s->conn, NULL, VMGR_DOMAIN_EVENT_REBOOT, on_domain_event, s,
                                    NULL, &call->err) < 0))
        return -1;
    subs->registered = true;
    if (subs->stop_fd < 0)
        subs->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (subs->stop_fd >= 0)
        subs->thread = g_thread_try_new("vmgrd-events", deliver, s, NULL);
    if (!subs->thread)
        return vmgr__call_fail(call, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC,
                               "system call error: cannot start delivering events");
    subs->started = true;
    return 0;
}

int vmgr__subscriptions_start(struct vmgr__call *call)
{
    struct vmgr__subscriptions *subs = &call->server->subscriptions;
    int r;

    g_mutex_lock(&subs->lock);
    r = start_locked(call);
    g_mutex_unlock(&subs->lock);
    return r;
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

static int add(struct vmgr__call *call, int event_id, const struct wire_domain *dom,
               struct wire_connect_domain_event_callback_register_any_ret *ret)
{
    struct vmgr__subscriptions *subs = &call->server->subscriptions;
    struct subscription *sub;
    int r;

    if (event_id < 0 || event_id >= DOMAIN_EVENT_KINDS)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: unsupported event ID %d", event_id);
    g_mutex_lock(&subs->lock);
    r = start_locked(call);
    if (r == 0) {
        sub = g_new0(struct subscription, 1);
        sub->client = call->client;
        sub->id = ret->callback_id = subs->next_id++;
        sub->event_id = event_id;
        sub->any_domain = !dom;
        if (dom)
            memcpy(sub->uuid, dom->uuid, VMGR_UUID_SIZE);
        vmgr__call_reply(call, ret);
        g_mutex_lock(&call->client->lock);
        if (call->client->dead)
            g_clear_pointer(&sub, g_free);
        g_mutex_unlock(&call->client->lock);
        /* A client that dies from here on drops it: that takes the lock held here. */
        if (sub)
            g_ptr_array_add(subs->list, sub);
    }
    g_mutex_unlock(&subs->lock);
    return r;
}

static int register_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_domain_event_callback_register_any_args *a = args;

    return add(call, a->event_id, a->dom, ret);
}

static int deregister_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_domain_event_callback_deregister_any_args *a = args;
    struct vmgr__subscriptions *subs = &call->server->subscriptions;
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
    if (!found)
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: domain event callback %d not registered",
                               a->callback_id);
    return 0;
}

const struct vmgr__handler vmgr__handlers_event[] = {
    { WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, register_any, 0 },
    { WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, deregister_any, 0 },
    { 0, NULL, 0 },
};
