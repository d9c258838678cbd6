/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of domains, as packets; who gets them is subscription.c's affair.
 */
#include "internal.h"

static const struct vmgr__event_kind domains;

/* A message whose shape is known by its procedure. */
#define SEND(procedure, structure, ...)                                                            \
    do {                                                                                           \
        struct structure msg = __VA_ARGS__;                                                        \
        vmgr__subscriptions_emit(s, &domains, e->id, dom->name, dom->uuid, procedure, &msg);       \
    } while (0)

static char *text(const char *string)
{
    return (char *)(string ? string : "");
}

/* Those that say no more than what happened to whom, or to which device. */
static void emit_plain(struct vmgr__server *s, const struct wire_domain *dom,
                       const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_REBOOT:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_REBOOT, wire_domain_event_callback_reboot_msg,
             { .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_PMWAKEUP:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_PMWAKEUP, wire_domain_event_callback_pmwakeup_msg,
             { .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_PMSUSPEND:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_PMSUSPEND, wire_domain_event_callback_pmsuspend_msg,
             { .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_CONTROL_ERROR:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR, wire_domain_event_callback_control_error_msg,
             { .msg = { .dom = *dom } });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED,
             wire_domain_event_callback_device_removed_msg,
             { .msg = { .dom = *dom, .dev_alias = text(e->device) } });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_ADDED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, wire_domain_event_callback_device_added_msg,
             { .dom = *dom, .dev_alias = text(e->device) });
        break;
    case VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED,
             wire_domain_event_callback_device_removal_failed_msg,
             { .dom = *dom, .dev_alias = text(e->device) });
        break;
    default: break;
    }
}

/* Those about disks. */
static void emit_disk(struct vmgr__server *s, const struct wire_domain *dom,
                      const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_IO_ERROR:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR, wire_domain_event_callback_io_error_msg,
             { .msg = { .dom = *dom,
                        .src_path = text(e->path),
                        .dev_alias = text(e->device),
                        .action = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_IO_ERROR_REASON:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON,
             wire_domain_event_callback_io_error_reason_msg,
             { .msg = { .dom = *dom,
                        .src_path = text(e->path),
                        .dev_alias = text(e->device),
                        .action = e->type,
                        .reason = text(e->text) } });
        break;
    case VMGR_DOMAIN_EVENT_DISK_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_DISK_CHANGE, wire_domain_event_callback_disk_change_msg,
             { .msg = { .dom = *dom,
                        .old_src_path = (char *)e->old_path,
                        .new_src_path = (char *)e->path,
                        .dev_alias = text(e->device),
                        .reason = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_TRAY_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE, wire_domain_event_callback_tray_change_msg,
             { .msg = { .dom = *dom, .dev_alias = text(e->device), .reason = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_BLOCK_JOB:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_BLOCK_JOB, wire_domain_event_callback_block_job_msg,
             { .msg = {
                   .dom = *dom, .path = text(e->path), .type = e->type, .status = e->detail } });
        break;
    case VMGR_DOMAIN_EVENT_BLOCK_THRESHOLD: {
        char *path = (char *)e->path;

        SEND(WIRE_DOMAIN_EVENT_BLOCK_THRESHOLD, wire_domain_event_block_threshold_msg,
             { .dom = *dom,
               .dev = text(e->device),
               .path = path,
               .threshold = (uint64_t)e->value,
               .excess = e->excess });
        break;
    }
    case VMGR_DOMAIN_EVENT_BLOCK_JOB_2:
        SEND(WIRE_DOMAIN_EVENT_BLOCK_JOB_2, wire_domain_event_block_job_2_msg,
             { .dom = *dom, .dst = text(e->device), .type = e->type, .status = e->detail });
        break;
    default: emit_plain(s, dom, e); break;
    }
}

/* Those with a list of values. */
static void emit_values(struct vmgr__server *s, const struct wire_domain *dom,
                        const struct vmgr_domain_event *e)
{
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    struct wire_typed_param *list = NULL;
    uint32_t n = 0;

    if (e->stats)
        list = vmgr__stats_params(&arena, e->stats, &n);
    if (e->id == VMGR_DOMAIN_EVENT_TUNABLE)
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_TUNABLE, wire_domain_event_callback_tunable_msg,
             { .dom = *dom, .params = { .n = n, .v = list } });
    else
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED, wire_domain_event_callback_job_completed_msg,
             { .dom = *dom, .params = { .n = n, .v = list } });
    vmgr__arena_clear(&arena);
}

static void emit_domain(struct vmgr__server *s, const struct wire_domain *dom,
                        const struct vmgr_domain_event *e)
{
    switch (e->id) {
    case VMGR_DOMAIN_EVENT_LIFECYCLE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_LIFECYCLE, wire_domain_event_callback_lifecycle_msg,
             { .msg = { .dom = *dom, .event = e->type, .detail = e->detail } });
        break;
    case VMGR_DOMAIN_EVENT_RTC_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, wire_domain_event_callback_rtc_change_msg,
             { .msg = { .dom = *dom, .offset = e->value } });
        break;
    case VMGR_DOMAIN_EVENT_WATCHDOG:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_WATCHDOG, wire_domain_event_callback_watchdog_msg,
             { .msg = { .dom = *dom, .action = e->type } });
        break;
    case VMGR_DOMAIN_EVENT_BALLOON_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
             wire_domain_event_callback_balloon_change_msg,
             { .msg = { .dom = *dom, .actual = (uint64_t)e->value } });
        break;
    case VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE:
        SEND(WIRE_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE,
             wire_domain_event_callback_agent_lifecycle_msg,
             { .dom = *dom, .state = e->type, .reason = e->detail });
        break;
    case VMGR_DOMAIN_EVENT_METADATA_CHANGE: {
        char *uri = (char *)e->text;

        SEND(WIRE_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
             wire_domain_event_callback_metadata_change_msg,
             { .dom = *dom, .type = e->type, .nsuri = uri });
        break;
    }
    case VMGR_DOMAIN_EVENT_TUNABLE:
    case VMGR_DOMAIN_EVENT_JOB_COMPLETED: emit_values(s, dom, e); break;
    case VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE:
        SEND(WIRE_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
             wire_domain_event_memory_device_size_change_msg,
             { .dom = *dom, .alias = text(e->device), .size = (uint64_t)e->value });
        break;
    default: emit_disk(s, dom, e); break;
    }
}

static void on_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                     const struct vmgr_domain_event *event, void *data)
{
    /* What has just ended has no number any more: that is no error here. */
    const int id = vmgr_domain_get_id(domain, NULL);
    struct wire_domain dom = { .name = (char *)vmgr_domain_get_name(domain),
                               .id = id > 0 ? id : -1 };

    (void)conn;
    vmgr_domain_get_uuid(domain, dom.uuid);
    emit_domain(data, &dom, event);
}

static int listen_domains(struct vmgr__server *s, int event_id, struct vmgr_error **err)
{
    return vmgr_conn_add_domain_event(s->conn, NULL, event_id, on_event, s, NULL, err);
}

static const struct vmgr__event_kind domains = { VMGR__EVENTS_DOMAIN, "domain", "",
                                                 VMGR_DOMAIN_EVENT_KINDS, listen_domains };

static int register_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_domain_event_callback_register_any_args *a = args;
    struct wire_connect_domain_event_callback_register_any_ret *r = ret;

    return vmgr__subscribe(call, &domains, a->event_id, NULL, a->dom ? a->dom->uuid : NULL,
                           &r->callback_id, ret);
}

static int deregister_any(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_domain_event_callback_deregister_any_args *a = args;

    (void)ret;
    return vmgr__unsubscribe(call, &domains, a->callback_id);
}

const struct vmgr__handler vmgr__handlers_event[] = {
    { WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, register_any, 0 },
    { WIRE_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, deregister_any, 0 },
    { 0, NULL, 0 },
};
