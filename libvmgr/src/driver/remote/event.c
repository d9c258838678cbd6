/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: asking the server for those that are wanted, once each, and taking them.
 */
#include <stdlib.h>

#include "remote.h"

#define FEATURE_EVENT_CALLBACK 14

static int need_callback_numbers(struct vmgr__remote *r, struct vmgr_error **err)
{
    const struct wire_connect_supports_feature_args args = { FEATURE_EVENT_CALLBACK };
    const int supported = vmgr__remote_number(r, WIRE_CONNECT_SUPPORTS_FEATURE, &args, err);

    if (supported == 0)
        return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, VMGR_FROM_REMOTE,
                               "events of a server that knows no callback numbers");
    return supported < 0 ? -1 : 0;
}

int vmgr__remote_subscribe(struct vmgr_conn *conn, int event_id, struct vmgr_error **err)
{
    struct vmgr__remote *r = conn->driver_data;
    const struct wire_connect_domain_event_callback_register_any_args args = { .event_id =
                                                                                   event_id };
    struct wire_connect_domain_event_callback_register_any_ret ret = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    bool ask, known;
    int result;

    if (event_id < 0 || event_id >= VMGR__REMOTE_EVENTS)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_REMOTE, "unknown event id %d",
                               event_id);
    g_mutex_lock(&r->lock);
    ask = r->callback_ids[event_id] == VMGR__REMOTE_UNASKED;
    known = r->callback_numbers;
    if (ask)
        r->callback_ids[event_id] = VMGR__REMOTE_ASKING;
    g_mutex_unlock(&r->lock);
    if (!ask)
        return 0;
    result = known ? 0 : need_callback_numbers(r, err);
    if (result == 0)
        result = vmgr__remote_call(r, WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &args, &ret,
                                   &reply, err);
    vmgr__remote_reply_clear(&reply);
    g_mutex_lock(&r->lock);
    r->callback_numbers = known || result == 0;
    r->callback_ids[event_id] = result == 0 ? ret.callback_id : VMGR__REMOTE_UNASKED;
    g_mutex_unlock(&r->lock);
    return result;
}

/* Whether it was asked for. Its number may not have been read yet: the reply came before it. */
static bool is_ours(struct vmgr__remote *r, int event_id, int callback_id)
{
    int number;

    g_mutex_lock(&r->lock);
    number = r->callback_ids[event_id];
    g_mutex_unlock(&r->lock);
    return number == callback_id || number == VMGR__REMOTE_ASKING;
}

static void emit(struct vmgr__remote *r, int event_id, int callback_id,
                 const struct wire_domain *dom, int type, int detail)
{
    if (is_ours(r, event_id, callback_id))
        vmgr__conn_emit(r->conn, dom->name, dom->uuid, event_id, type, detail);
}

static void take_lifecycle(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_callback_lifecycle_msg *m = msg;

    emit(r, VMGR_DOMAIN_EVENT_LIFECYCLE, m->callback_id, &m->msg.dom, m->msg.event, m->msg.detail);
}

static void take_reboot(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_callback_reboot_msg *m = msg;

    emit(r, VMGR_DOMAIN_EVENT_REBOOT, m->callback_id, &m->msg.dom, 0, 0);
}

/* The server's own connection to its hypervisor has ended. */
static void take_closed(struct vmgr__remote *r, const void *msg)
{
    const struct wire_connect_event_connection_closed_msg *m = msg;

    vmgr__conn_lost(r->conn, m->reason);
}

static const struct {
    int32_t procedure;
    void (*take)(struct vmgr__remote *r, const void *msg);
} messages[] = {
    { WIRE_DOMAIN_EVENT_CALLBACK_LIFECYCLE, take_lifecycle },
    { WIRE_DOMAIN_EVENT_CALLBACK_REBOOT, take_reboot },
    { WIRE_CONNECT_EVENT_CONNECTION_CLOSED, take_closed },
};

void vmgr__remote_event_packet(struct vmgr__remote *r, struct vmgr__rpc_packet *packet)
{
    const struct vmgr__rpc_header *h = &packet->header;
    const struct vmgr__wire_call *wire = NULL;
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    void *msg;
    size_t i = G_N_ELEMENTS(messages);

    if (h->program == WIRE_REMOTE_PROGRAM && h->status == RPC_OK) {
        for (i = 0; i < G_N_ELEMENTS(messages) && messages[i].procedure != h->procedure; i++)
            continue;
    }
    if (i < G_N_ELEMENTS(messages)) {
        wire = vmgr__wire_call(&vmgr__wire_remote, h->procedure);
        msg = vmgr__arena_alloc(&arena, wire->args->size);
        /* What cannot be read is no event of ours. */
        if (msg && vmgr__wire_decode(wire->args, packet->payload, packet->size, &arena, msg) >= 0)
            messages[i].take(r, msg);
    }
    vmgr__arena_clear(&arena);
    vmgr__rpc_packet_free(packet);
}
