/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What became of a domain as events of its life: from what a record said before and says now.
 */
#include "lifecycle-event.h"

#include "cache.h"

void vmgr__vemu_emit(struct vemu *d, const char *name, const uint8_t *uuid, int type, int detail)
{
    if (d->watching)
        vmgr__conn_emit(d->conn, name, uuid, VMGR_DOMAIN_EVENT_LIFECYCLE, type, detail);
}

static int stopped_detail(int reason)
{
    switch (reason) {
    case VMGR_DOMAIN_SHUTOFF_DESTROYED: return VMGR_DOMAIN_EVENT_STOPPED_DESTROYED;
    case VMGR_DOMAIN_SHUTOFF_CRASHED: return VMGR_DOMAIN_EVENT_STOPPED_CRASHED;
    case VMGR_DOMAIN_SHUTOFF_FAILED: return VMGR_DOMAIN_EVENT_STOPPED_FAILED;
    default: return VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN;
    }
}

void vmgr__vemu_emit_state(struct vemu *d, const char *name, const uint8_t *uuid,
                           const struct vemu_view *old, const struct vemu_view *now)
{
    bool same_run = old->active && now->active && old->process.pid == now->process.pid &&
                    old->process.start_time == now->process.start_time;

    if (old->active && !same_run) {
        int detail = now->active ? VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN : stopped_detail(now->reason);

        if (detail == VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
            vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_SHUTDOWN,
                            VMGR_DOMAIN_EVENT_SHUTDOWN_FINISHED);
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_STOPPED, detail);
    }
    if (now->active && !same_run)
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_STARTED, VMGR_DOMAIN_EVENT_STARTED_BOOTED);
    if (!now->active || (same_run && old->state == now->state))
        return;
    switch (now->state) {
    case VMGR_DOMAIN_PAUSED:
        vmgr__vemu_emit(
            d, name, uuid, VMGR_DOMAIN_EVENT_SUSPENDED,
            now->reason == VMGR_DOMAIN_PAUSED_IOERROR    ? VMGR_DOMAIN_EVENT_SUSPENDED_IOERROR
            : now->reason == VMGR_DOMAIN_PAUSED_WATCHDOG ? VMGR_DOMAIN_EVENT_SUSPENDED_WATCHDOG
                                                         : VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED);
        break;
    case VMGR_DOMAIN_CRASHED:
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_CRASHED,
                        VMGR_DOMAIN_EVENT_CRASHED_PANICKED);
        break;
    case VMGR_DOMAIN_RUNNING:
        if (same_run && old->state == VMGR_DOMAIN_PMSUSPENDED)
            vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_STARTED,
                            VMGR_DOMAIN_EVENT_STARTED_WAKEUP);
        else if (same_run)
            vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_RESUMED,
                            VMGR_DOMAIN_EVENT_RESUMED_UNPAUSED);
        break;
    case VMGR_DOMAIN_PMSUSPENDED:
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_PMSUSPENDED,
                        VMGR_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
        break;
    default: break;
    }
}

struct vemu_view vmgr__vemu_view_of(const struct vmgr__domobj *obj)
{
    return (struct vemu_view){ obj->live != NULL, obj->config != NULL, obj->state, obj->reason,
                               vmgr__vemu_obj_process(obj) };
}

void vmgr__vemu_emit_config(struct vemu *d, const struct vmgr__domobj *obj,
                            const struct vemu_view *old, bool replaced, bool renamed)
{
    const char *name = vmgr__domobj_name(obj);
    const uint8_t *uuid = vmgr__domobj_uuid(obj);

    if (old->persistent && !obj->config)
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_UNDEFINED,
                        VMGR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    else if (!old->persistent && obj->config)
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_DEFINED,
                        renamed ? VMGR_DOMAIN_EVENT_DEFINED_RENAMED
                                : VMGR_DOMAIN_EVENT_DEFINED_ADDED);
    else if (replaced)
        vmgr__vemu_emit(d, name, uuid, VMGR_DOMAIN_EVENT_DEFINED,
                        VMGR_DOMAIN_EVENT_DEFINED_UPDATED);
}
