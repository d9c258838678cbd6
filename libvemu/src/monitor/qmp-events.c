/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's events in QMP's words.
 */
#include <errno.h>
#include <string.h>

#include <vemu/job.h>

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

static struct json_object *data_cause(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    qmp_add_bool(data, "guest", cause_is_guest(event->cause));
    qmp_add_string(data, "reason", cause_name(event->cause));
    return data;
}

static struct json_object *data_panicked(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    qmp_add_string(data, "action", "pause");
    return data;
}

/* A device that nobody named has a name of ours ("class#1"), which no client knows. */
static struct json_object *data_deleted(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    bool named = !strchr(event->message, '#');
    g_autofree char *path = g_strdup_printf("/machine/peripheral%s/%s", named ? "" : "-anon",
                                            event->message);

    if (named)
        qmp_add_string(data, "device", event->message);
    qmp_add_string(data, "path", path);
    return data;
}

static struct json_object *data_balloon(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    qmp_add_int(data, "actual", event->value);
    return data;
}

/* As in query-block: the name of the node in the drive; a drive that is empty has none. */
static struct json_object *data_tray(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    bool named = !strchr(event->message, '#');
    g_autofree char *path = g_strdup_printf("/machine/peripheral%s/%s", named ? "" : "-anon",
                                            event->message);
    g_autofree char *node = vemu__qmp_medium_of(vm, event->message);

    qmp_add_string(data, "device", node ? node : "");
    qmp_add_string(data, "id", path);
    qmp_add_bool(data, "tray-open", event->value);
    return data;
}

static struct json_object *data_port(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    qmp_add_string(data, "id", event->message);
    qmp_add_bool(data, "open", event->value);
    return data;
}

/* As data_deleted(), but the name is called so. */
static struct json_object *data_filter(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = data_deleted(vm, event), *name = qmp_get(data, "device");

    if (name)
        json_object_object_add(data, "name", json_object_get(name));
    json_object_object_del(data, "device");
    return data;
}

static struct json_object *data_block_error(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    int code = (int)(event->value >> 8);

    qmp_add_string(data, "device", event->message);
    qmp_add_string(data, "node-name", event->message);
    qmp_add_string(data, "operation", event->value & 1 ? "write" : "read");
    qmp_add_string(data, "action",
                   event->value & 2 ? "stop" : event->value & 4 ? "ignore" : "report");
    qmp_add_bool(data, "nospace", code == ENOSPC);
    qmp_add_string(data, "reason", strerror(code));
    return data;
}

/* "THRESHOLD NAME" */
static struct json_object *data_threshold(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    char *name = NULL;
    uint64_t threshold = g_ascii_strtoull(event->message, &name, 10);

    qmp_add_string(data, "node-name", *name ? name + 1 : "");
    qmp_add_int(data, "amount-exceeded", event->value);
    qmp_add_int(data, "write-threshold", threshold);
    return data;
}

/* "CPU 3 cpu3" or "DIMM 0 dimm0", the last of which may be missing. */
static struct json_object *data_ost(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object(), *info = json_object_new_object();
    g_auto(GStrv) words = g_strsplit(event->message, " ", 3);

    if (g_strv_length(words) == 3) {
        if (*words[2] && !strchr(words[2], '#'))
            qmp_add_string(info, "device", words[2]);
        qmp_add_string(info, "slot-type", words[0]);
        qmp_add_string(info, "slot", words[1]);
    }
    qmp_add_int(info, "source", event->value);
    qmp_add_int(info, "status", event->code);
    json_object_object_add(data, "info", info);
    return data;
}

static struct json_object *data_dump(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "result", vemu__qmp_dump(vm));
    if (*event->message)
        qmp_add_string(data, "error", event->message);
    return data;
}

/* The clock is the board's own, which no client has named. */
static struct json_object *data_rtc(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    g_autofree char *path = g_strdup_printf("/machine/unattached/%s", event->message);

    qmp_add_int(data, "offset", (int64_t)event->value);
    qmp_add_string(data, "qom-path", path);
    return data;
}

static struct json_object *data_watchdog(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();

    qmp_add_string(data, "action", event->message);
    return data;
}

static struct json_object *data_memory(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    bool named = !strchr(event->message, '#');
    g_autofree char *path = g_strdup_printf("/machine/peripheral%s/%s", named ? "" : "-anon",
                                            event->message);

    if (named)
        qmp_add_string(data, "id", event->message);
    qmp_add_int(data, "size", event->value);
    qmp_add_string(data, "qom-path", path);
    return data;
}

/* "ID KIND DONE TOTAL SPEED ERROR", the last of which may be empty and have blanks. */
static char **job_words(const struct vemu_event *event)
{
    return g_strsplit(event->message, " ", 6);
}

static struct json_object *data_job(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    g_auto(GStrv) words = job_words(event);

    if (g_strv_length(words) != 6)
        return data;
    qmp_add_string(data, "type", words[1]);
    qmp_add_string(data, "device", words[0]);
    qmp_add_int(data, "len", g_ascii_strtoull(words[3], NULL, 10));
    qmp_add_int(data, "offset", g_ascii_strtoull(words[2], NULL, 10));
    qmp_add_int(data, "speed", g_ascii_strtoull(words[4], NULL, 10));
    if (*words[5])
        qmp_add_string(data, "error", words[5]);
    return data;
}

static struct json_object *data_job_error(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    g_auto(GStrv) words = job_words(event);

    qmp_add_string(data, "device", *words ? *words : "");
    qmp_add_string(data, "operation", event->value & 1 ? "write" : "read");
    qmp_add_string(data, "action",
                   event->value & 2 ? "stop" : event->value & 4 ? "ignore" : "report");
    return data;
}

static struct json_object *data_job_pending(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    g_auto(GStrv) words = job_words(event);

    if (g_strv_length(words) != 6)
        return data;
    qmp_add_string(data, "type", words[1]);
    qmp_add_string(data, "id", words[0]);
    return data;
}

static struct json_object *data_job_status(struct vemu_vm *vm, const struct vemu_event *event)
{
    struct json_object *data = json_object_new_object();
    const char *status = vemu_job_status_name((uint32_t)event->value);

    qmp_add_string(data, "id", event->message);
    qmp_add_string(data, "status", status ? status : "undefined");
    return data;
}

#define JOB   "type:<backup|mirror|commit|stream>,device:str,len:int,offset:int,speed:int"
#define CAUSE "{guest:bool,reason:str}"

const struct qmp_event vemu__qmp_events[] = {
    { VEMU_EVENT_DEVICE_OST, "ACPI_DEVICE_OST", "{info:" QMP_OST_INFO "}", data_ost },
    { VEMU_EVENT_MEMORY_CHANGED, "MEMORY_DEVICE_SIZE_CHANGE",
      "{id?:str,size:int,qom-path:str}", data_memory },
    { VEMU_EVENT_WATCHDOG, "WATCHDOG",
      "{action:<reset|shutdown|poweroff|pause|debug|none|inject-nmi>}", data_watchdog },
    { VEMU_EVENT_BALLOON_CHANGED, "BALLOON_CHANGE", "{actual:int}", data_balloon },
    { VEMU_EVENT_BLOCK_ERROR, "BLOCK_IO_ERROR",
      "{device:str,node-name:str,operation:<read|write>,action:<report|ignore|stop>,nospace:bool,"
      "reason:str}",
      data_block_error },
    { VEMU_EVENT_JOB_CANCELLED, "BLOCK_JOB_CANCELLED", "{" JOB "}", data_job },
    { VEMU_EVENT_JOB_COMPLETED, "BLOCK_JOB_COMPLETED", "{" JOB ",error?:str}", data_job },
    { VEMU_EVENT_JOB_ERROR, "BLOCK_JOB_ERROR",
      "{device:str,operation:<read|write>,action:<report|ignore|stop>}", data_job_error },
    { VEMU_EVENT_JOB_PENDING, "BLOCK_JOB_PENDING",
      "{type:<backup|mirror|commit|stream>,id:str}", data_job_pending },
    { VEMU_EVENT_JOB_READY, "BLOCK_JOB_READY", "{" JOB "}", data_job },
    { VEMU_EVENT_BLOCK_THRESHOLD, "BLOCK_WRITE_THRESHOLD",
      "{node-name:str,amount-exceeded:int,write-threshold:int}", data_threshold },
    { VEMU_EVENT_DEVICE_DELETED, "DEVICE_DELETED", "{device?:str,path:str}", data_deleted },
    { VEMU_EVENT_TRAY_MOVED, "DEVICE_TRAY_MOVED", "{device:str,id:str,tray-open:bool}",
      data_tray },
    { VEMU_EVENT_DUMP_COMPLETED, "DUMP_COMPLETED", "{result:" QMP_DUMP ",error?:str}", data_dump },
    { VEMU_EVENT_JOB_STATUS, "JOB_STATUS_CHANGE", "{id:str,status:@JobStatus}", data_job_status },
    { VEMU_EVENT_PANICKED, "GUEST_PANICKED", "{action:<pause>}", data_panicked },
    { VEMU_EVENT_NET_FILTER_CHANGED, "NIC_RX_FILTER_CHANGED", "{name?:str,path:str}",
      data_filter },
    { VEMU_EVENT_POWERDOWN, "POWERDOWN", NULL, NULL },
    { VEMU_EVENT_RESET, "RESET", CAUSE, data_cause },
    { VEMU_EVENT_STARTED, "RESUME", NULL, NULL },
    { VEMU_EVENT_RESUMED, "RESUME", NULL, NULL },
    { VEMU_EVENT_RTC_CHANGED, "RTC_CHANGE", "{offset:int,qom-path:str}", data_rtc },
    { VEMU_EVENT_SHUTDOWN, "SHUTDOWN", CAUSE, data_cause },
    { VEMU_EVENT_PAUSED, "STOP", NULL, NULL },
    { VEMU_EVENT_ERROR, "STOP", NULL, NULL }, /* query-status tells internal-error */
    { VEMU_EVENT_SUSPENDED, "SUSPEND", NULL, NULL },
    { VEMU_EVENT_PORT_CHANGED, "VSERPORT_CHANGE", "{id:str,open:bool}", data_port },
    { VEMU_EVENT_WOKEN, "WAKEUP", NULL, NULL },
    { 0, NULL, NULL, NULL },
};

struct json_object *vemu__qmp_event(struct vemu_vm *vm, const struct vemu_event *event)
{
    const struct qmp_event *e = vemu__qmp_events;

    while (e->name && e->type != event->type)
        e++;
    if (!e->name)
        return NULL;

    struct json_object *out = json_object_new_object();
    struct json_object *stamp = json_object_new_object();
    json_object_object_add(stamp, "seconds", json_object_new_int64(event->realtime_us / 1000000));
    json_object_object_add(stamp, "microseconds",
                           json_object_new_int64(event->realtime_us % 1000000));
    json_object_object_add(out, "timestamp", stamp);
    qmp_add_string(out, "event", e->name);
    if (e->make)
        json_object_object_add(out, "data", e->make(vm, event));
    return out;
}
