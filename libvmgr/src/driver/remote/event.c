/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: asking the server for those that are wanted, once each, and taking them.
 */
#include <stdlib.h>

#include "../network.h"
#include "../nodedev.h"
#include "../secret.h"
#include "../storage.h"
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

/* The number of a kind in r->callback_ids, once the server has been asked; every procedure that
 * registers gives one number. */
int vmgr__remote_ask_events(struct vmgr_conn *conn, int kind, int32_t procedure, const void *args,
                            struct vmgr_error **err)
{
    struct vmgr__remote *r = conn->driver_data;
    int result;
    bool ask;

    g_mutex_lock(&r->lock);
    ask = r->callback_ids[kind] == VMGR__REMOTE_UNASKED;
    if (ask)
        r->callback_ids[kind] = VMGR__REMOTE_ASKING;
    g_mutex_unlock(&r->lock);
    if (!ask)
        return 0;
    result = vmgr__remote_number(r, procedure, args, err);
    g_mutex_lock(&r->lock);
    r->callback_ids[kind] = result < 0 ? VMGR__REMOTE_UNASKED : result;
    g_mutex_unlock(&r->lock);
    return result < 0 ? -1 : 0;
}

int vmgr__remote_subscribe(struct vmgr_conn *conn, int event_id, struct vmgr_error **err)
{
    struct vmgr__remote *r = conn->driver_data;
    const struct wire_connect_domain_event_callback_register_any_args args = { .event_id =
                                                                                   event_id };
    bool known;

    if (event_id < 0 || event_id >= VMGR__REMOTE_DOMAIN_EVENTS)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_REMOTE, "unknown event id %d",
                               event_id);
    g_mutex_lock(&r->lock);
    known = r->callback_numbers;
    g_mutex_unlock(&r->lock);
    if (!known && need_callback_numbers(r, err) < 0)
        return -1;
    g_mutex_lock(&r->lock);
    r->callback_numbers = true;
    g_mutex_unlock(&r->lock);
    return vmgr__remote_ask_events(conn, event_id, WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                                   &args, err);
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

/* How all begin: the callback's number, then the domain, if only as the first of a structure. */
struct message {
    int32_t callback_id;
    struct wire_domain dom;
};

static void emit(struct vmgr__remote *r, const void *msg, const struct vmgr_domain_event *event)
{
    const struct message *m = msg;

    if (is_ours(r, event->id, m->callback_id))
        vmgr__conn_emit_event(r->conn, m->dom.name, m->dom.uuid, event);
}

/* A message of that structure, whose members m->... tell what happened. */
#define TAKE(name, event_id, ...)                                                                  \
    static void take_##name(struct vmgr__remote *r, const void *msg)                               \
    {                                                                                              \
        const struct wire_domain_event_callback_##name##_msg *m = msg;                             \
        const struct vmgr_domain_event event = { .id = (event_id), __VA_ARGS__ };                  \
                                                                                                   \
        (void)m;                                                                                   \
        emit(r, msg, &event);                                                                      \
    }

TAKE(lifecycle, VMGR_DOMAIN_EVENT_LIFECYCLE, .type = m->msg.event, .detail = m->msg.detail)
TAKE(reboot, VMGR_DOMAIN_EVENT_REBOOT)
TAKE(rtc_change, VMGR_DOMAIN_EVENT_RTC_CHANGE, .value = m->msg.offset)
TAKE(watchdog, VMGR_DOMAIN_EVENT_WATCHDOG, .type = m->msg.action)
TAKE(io_error, VMGR_DOMAIN_EVENT_IO_ERROR, .path = m->msg.src_path, .device = m->msg.dev_alias,
     .type = m->msg.action)
TAKE(io_error_reason, VMGR_DOMAIN_EVENT_IO_ERROR_REASON, .path = m->msg.src_path,
     .device = m->msg.dev_alias, .type = m->msg.action, .text = m->msg.reason)
TAKE(control_error, VMGR_DOMAIN_EVENT_CONTROL_ERROR)
TAKE(disk_change, VMGR_DOMAIN_EVENT_DISK_CHANGE, .old_path = m->msg.old_src_path,
     .path = m->msg.new_src_path, .device = m->msg.dev_alias, .type = m->msg.reason)
TAKE(tray_change, VMGR_DOMAIN_EVENT_TRAY_CHANGE, .device = m->msg.dev_alias, .type = m->msg.reason)
TAKE(balloon_change, VMGR_DOMAIN_EVENT_BALLOON_CHANGE, .value = (int64_t)m->msg.actual)
TAKE(device_removed, VMGR_DOMAIN_EVENT_DEVICE_REMOVED, .device = m->msg.dev_alias)
TAKE(device_added, VMGR_DOMAIN_EVENT_DEVICE_ADDED, .device = m->dev_alias)
TAKE(device_removal_failed, VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED, .device = m->dev_alias)
TAKE(agent_lifecycle, VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE, .type = m->state, .detail = m->reason)
TAKE(block_job, VMGR_DOMAIN_EVENT_BLOCK_JOB, .path = m->msg.path, .type = m->msg.type,
     .detail = m->msg.status)
TAKE(metadata_change, VMGR_DOMAIN_EVENT_METADATA_CHANGE, .type = m->type, .text = m->nsuri)

/* Those of guests that sleep have a reason in front of the domain, which nothing comes with. */
#define TAKE_PM(kind, event_id)                                                                    \
    static void take_##kind(struct vmgr__remote *r, const void *msg)                               \
    {                                                                                              \
        const struct wire_domain_event_callback_##kind##_msg *m = msg;                             \
        const struct vmgr_domain_event event = { .id = (event_id) };                               \
                                                                                                   \
        if (is_ours(r, event.id, m->callback_id))                                                  \
            vmgr__conn_emit_event(r->conn, m->msg.dom.name, m->msg.dom.uuid, &event);              \
    }

TAKE_PM(pmwakeup, VMGR_DOMAIN_EVENT_PMWAKEUP)
TAKE_PM(pmsuspend, VMGR_DOMAIN_EVENT_PMSUSPEND)
TAKE_PM(pmsuspend_disk, VMGR_DOMAIN_EVENT_PMSUSPEND_DISK)

static void take_block_job_2(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_block_job_2_msg *m = msg;
    const struct vmgr_domain_event event = {
        .id = VMGR_DOMAIN_EVENT_BLOCK_JOB_2, .device = m->dst, .type = m->type, .detail = m->status
    };

    emit(r, msg, &event);
}

static void emit_values(struct vmgr__remote *r, const void *msg, int event_id,
                        const struct wire_typed_param *params, uint32_t n)
{
    GArray *stats = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    struct vmgr_domain_event event = { .id = event_id };

    for (uint32_t i = 0; i < n; i++)
        vmgr__remote_add_stat(stats, &params[i]);
    event.stats = (const struct vmgr_stat *)(const void *)stats->data;
    emit(r, msg, &event);
    vmgr_stats_free((struct vmgr_stat *)(void *)g_array_free(stats, FALSE));
}

static void take_job_completed(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_callback_job_completed_msg *m = msg;

    emit_values(r, msg, VMGR_DOMAIN_EVENT_JOB_COMPLETED, m->params.v, m->params.n);
}

static void take_tunable(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_callback_tunable_msg *m = msg;

    emit_values(r, msg, VMGR_DOMAIN_EVENT_TUNABLE, m->params.v, m->params.n);
}

static void take_memory_device(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_memory_device_size_change_msg *m = msg;
    const struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
                                             .device = m->alias,
                                             .value = (int64_t)m->size };

    emit(r, msg, &event);
}

static void take_threshold(struct vmgr__remote *r, const void *msg)
{
    const struct wire_domain_event_block_threshold_msg *m = msg;
    const struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_BLOCK_THRESHOLD,
                                             .device = m->dev,
                                             .path = m->path,
                                             .value = (int64_t)m->threshold,
                                             .excess = m->excess };

    emit(r, msg, &event);
}

/* ---- networks, pools, secrets ---- */

static void take_network(struct vmgr__remote *r, const void *msg)
{
    const struct wire_network_event_lifecycle_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_NETWORK_LIFECYCLE, m->callback_id))
        vmgr__network_emit(r->conn, m->net.name, m->net.uuid, m->event);
}

static void take_pool(struct vmgr__remote *r, const void *msg)
{
    const struct wire_storage_pool_event_lifecycle_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_POOL_LIFECYCLE, m->callback_id))
        vmgr__pool_emit(r->conn, m->pool.name, m->pool.uuid, VMGR_POOL_EVENT_LIFECYCLE, m->event);
}

static void take_pool_refresh(struct vmgr__remote *r, const void *msg)
{
    const struct wire_storage_pool_event_refresh_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_POOL_REFRESH, m->callback_id))
        vmgr__pool_emit(r->conn, m->pool.name, m->pool.uuid, VMGR_POOL_EVENT_REFRESH, 0);
}

/* ---- node devices ---- */

static void take_nodedev(struct vmgr__remote *r, const void *msg)
{
    const struct wire_node_device_event_lifecycle_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_NODEDEV_LIFECYCLE, m->callback_id))
        vmgr__nodedev_emit(r->conn, m->dev.name, VMGR_NODEDEV_EVENT_LIFECYCLE, m->event);
}

static void take_nodedev_update(struct vmgr__remote *r, const void *msg)
{
    const struct wire_node_device_event_update_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_NODEDEV_UPDATE, m->callback_id))
        vmgr__nodedev_emit(r->conn, m->dev.name, VMGR_NODEDEV_EVENT_UPDATE, 0);
}

static void take_secret(struct vmgr__remote *r, const void *msg)
{
    const struct wire_secret_event_lifecycle_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_SECRET_LIFECYCLE, m->callback_id))
        vmgr__secret_emit(r->conn, m->secret.uuid, m->secret.usage_type, m->secret.usage_id,
                          VMGR_SECRET_EVENT_LIFECYCLE, m->event);
}

static void take_secret_value(struct vmgr__remote *r, const void *msg)
{
    const struct wire_secret_event_value_changed_msg *m = msg;

    if (is_ours(r, VMGR__REMOTE_SECRET_VALUE, m->callback_id))
        vmgr__secret_emit(r->conn, m->secret.uuid, m->secret.usage_type, m->secret.usage_id,
                          VMGR_SECRET_EVENT_VALUE_CHANGED, 0);
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
    { WIRE_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, take_rtc_change },
    { WIRE_DOMAIN_EVENT_CALLBACK_WATCHDOG, take_watchdog },
    { WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR, take_io_error },
    { WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON, take_io_error_reason },
    { WIRE_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR, take_control_error },
    { WIRE_DOMAIN_EVENT_CALLBACK_DISK_CHANGE, take_disk_change },
    { WIRE_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE, take_tray_change },
    { WIRE_DOMAIN_EVENT_CALLBACK_PMWAKEUP, take_pmwakeup },
    { WIRE_DOMAIN_EVENT_CALLBACK_PMSUSPEND, take_pmsuspend },
    { WIRE_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK, take_pmsuspend_disk },
    { WIRE_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE, take_balloon_change },
    { WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED, take_device_removed },
    { WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, take_device_added },
    { WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED, take_device_removal_failed },
    { WIRE_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE, take_agent_lifecycle },
    { WIRE_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, take_metadata_change },
    { WIRE_DOMAIN_EVENT_CALLBACK_BLOCK_JOB, take_block_job },
    { WIRE_DOMAIN_EVENT_BLOCK_JOB_2, take_block_job_2 },
    { WIRE_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED, take_job_completed },
    { WIRE_DOMAIN_EVENT_CALLBACK_TUNABLE, take_tunable },
    { WIRE_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE, take_memory_device },
    { WIRE_DOMAIN_EVENT_BLOCK_THRESHOLD, take_threshold },
    { WIRE_NETWORK_EVENT_LIFECYCLE, take_network },
    { WIRE_STORAGE_POOL_EVENT_LIFECYCLE, take_pool },
    { WIRE_STORAGE_POOL_EVENT_REFRESH, take_pool_refresh },
    { WIRE_NODE_DEVICE_EVENT_LIFECYCLE, take_nodedev },
    { WIRE_NODE_DEVICE_EVENT_UPDATE, take_nodedev_update },
    { WIRE_SECRET_EVENT_LIFECYCLE, take_secret },
    { WIRE_SECRET_EVENT_VALUE_CHANGED, take_secret_value },
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
