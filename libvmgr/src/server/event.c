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

/* A message whose shape is known by its procedure. */
#define SEND(procedure, structure, ...)                                                            \
    do {                                                                                           \
        const struct structure msg = __VA_ARGS__;                                                  \
        emit(sub->client, procedure, vmgr__wire_remote.calls[procedure - 1].args, &msg);           \
    } while (0)

static char *text(const char *s)
{
    return (char *)(s ? s : "");
}

/* Those that say no more than what happened to whom, or to which device. */
static void emit_plain(const struct subscription *sub, const struct wire_domain *dom,
                       const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_REBOOT:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_REBOOT, wire_domain_event_callback_reboot_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_CONTROL_ERROR:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR, wire_domain_event_callback_control_error_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED,
             wire_domain_event_callback_device_removed_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom, .dev_alias = text(e->device) } });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_ADDED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, wire_domain_event_callback_device_added_msg,
             { .callback_id = sub->id, .dom = *dom, .dev_alias = text(e->device) });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED,
             wire_domain_event_callback_device_removal_failed_msg,
             { .callback_id = sub->id, .dom = *dom, .dev_alias = text(e->device) });
        break;
    default: break;
    }
}

/* Those about disks. */
static void emit_disk(const struct subscription *sub, const struct wire_domain *dom,
                      const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_IO_ERROR:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR, wire_domain_event_callback_io_error_msg,
             { .callback_id = sub->id,
               .msg = { .dom = *dom,
                        .src_path = text(e->path),
                        .dev_alias = text(e->device),
                        .action = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_IO_ERROR_REASON:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON,
             wire_domain_event_callback_io_error_reason_msg,
             { .callback_id = sub->id,
               .msg = { .dom = *dom,
                        .src_path = text(e->path),
                        .dev_alias = text(e->device),
                        .action = e->type,
                        .reason = text(e->text) } });
        break;
    case VMGR_DOMAIN_EVENT_DISK_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DISK_CHANGE, wire_domain_event_callback_disk_change_msg,
             { .callback_id = sub->id,
               .msg = { .dom = *dom,
                        .old_src_path = (char *)e->old_path,
                        .new_src_path = (char *)e->path,
                        .dev_alias = text(e->device),
                        .reason = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_TRAY_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE, wire_domain_event_callback_tray_change_msg,
             { .callback_id = sub->id,
               .msg = { .dom = *dom, .dev_alias = text(e->device), .reason = e->type } });
        break;
    default: emit_plain(sub, dom, e); break;
    }
}

static void emit_domain(const struct subscription *sub, const struct wire_domain *dom,
                        const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_LIFECYCLE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_LIFECYCLE, wire_domain_event_callback_lifecycle_msg,
             { .callback_id = sub->id,
               .msg = { .dom = *dom, .event = e->type, .detail = e->detail } });
        break;
    case VMGR_DOMAIN_EVENT_RTC_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, wire_domain_event_callback_rtc_change_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom, .offset = e->value } });
        break;
    case VMGR_DOMAIN_EVENT_WATCHDOG:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_WATCHDOG, wire_domain_event_callback_watchdog_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom, .action = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_BALLOON_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
             wire_domain_event_callback_balloon_change_msg,
             { .callback_id = sub->id, .msg = { .dom = *dom, .actual = (uint64_t)e->value } });
        break;
    case VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE,
             wire_domain_event_callback_agent_lifecycle_msg,
             { .callback_id = sub->id, .dom = *dom, .state = e->type, .reason = e->detail });
        break;
    case VMGR_DOMAIN_EVENT_METADATA_CHANGE: {
        char *uri = (char *)e->text;

        SEND(WIRE_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
             wire_domain_event_callback_metadata_change_msg,
             { .callback_id = sub->id, .dom = *dom, .type = e->type, .nsuri = uri });
        break;
    }
    case VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
             wire_domain_event_memory_device_size_change_msg,
             { .callback_id = sub->id,
               .dom = *dom,
               .alias = text(e->device),
               .size = (uint64_t)e->value });
        break;
    default: emit_disk(sub, dom, e); break;
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
    for (; subs->registered < VMGR_DOMAIN_EVENT_KINDS; subs->registered++) {
        if (vmgr_conn_add_domain_event(s->conn, NULL, subs->registered, on_domain_event, s, NULL,
                                       &call->err) < 0)
            return -1;
    }
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

    if (event_id < 0 || event_id >= VMGR_DOMAIN_EVENT_KINDS)
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
