/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's events in QMP's words.
 */
#include "monitor/qmp.h"

/* ShutdownCause of QMP. */
static const char *cause_name(int cause)
{
    switch (cause) {
    case VEMU_CAUSE_HOST_QUIT: return "host-qmp-quit";
    case VEMU_CAUSE_HOST_RESET: return "host-qmp-system-reset";
    case VEMU_CAUSE_GUEST_SHUTDOWN:
    case VEMU_CAUSE_GUEST_DEBUG_EXIT: return "guest-shutdown";
    case VEMU_CAUSE_GUEST_RESET:
    case VEMU_CAUSE_GUEST_TRIPLE_FAULT: return "guest-reset";
    case VEMU_CAUSE_GUEST_PANIC: return "guest-panic";
    case VEMU_CAUSE_INTERNAL_ERROR: return "host-error";
    default: return "none";
    }
}

static bool cause_is_guest(int cause)
{
    return cause >= VEMU_CAUSE_GUEST_SHUTDOWN && cause <= VEMU_CAUSE_GUEST_DEBUG_EXIT;
}

static struct json_object *data_cause(const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "guest", json_object_new_boolean(cause_is_guest(event->cause)));
    json_object_object_add(data, "reason", json_object_new_string(cause_name(event->cause)));
    return data;
}

static struct json_object *data_panicked(void)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "action", json_object_new_string("pause"));
    return data;
}

static struct json_object *data_deleted(const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "device", json_object_new_string(event->message));
    return data;
}

struct json_object *vemu__qmp_event(struct vemu_vm *vm, const struct vemu_event *event)
{
    const char *name;
    struct json_object *data = NULL;

    switch (event->type) {
    case VEMU_EVENT_STARTED:
    case VEMU_EVENT_RESUMED: name = "RESUME"; break;
    case VEMU_EVENT_PAUSED:
    case VEMU_EVENT_ERROR: name = "STOP"; break; /* query-status tells internal-error */
    case VEMU_EVENT_POWERDOWN: name = "POWERDOWN"; break;
    case VEMU_EVENT_RESET:
        name = "RESET";
        data = data_cause(event);
        break;
    case VEMU_EVENT_SHUTDOWN:
        name = "SHUTDOWN";
        data = data_cause(event);
        break;
    case VEMU_EVENT_PANICKED:
        name = "GUEST_PANICKED";
        data = data_panicked();
        break;
    case VEMU_EVENT_DEVICE_DELETED:
        name = "DEVICE_DELETED";
        data = data_deleted(event);
        break;
    default: return NULL;
    }

    struct json_object *out = json_object_new_object();
    struct json_object *stamp = json_object_new_object();
    json_object_object_add(stamp, "seconds", json_object_new_int64(event->realtime_us / 1000000));
    json_object_object_add(stamp, "microseconds",
                           json_object_new_int64(event->realtime_us % 1000000));
    json_object_object_add(out, "timestamp", stamp);
    json_object_object_add(out, "event", json_object_new_string(name));
    if (data)
        json_object_object_add(out, "data", data);
    return out;
}
