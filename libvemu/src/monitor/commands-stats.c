/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about what a machine did: statistics, boot times, trace events.
 *
 * query-stats has QEMU's form; the provider is "vemu", and devices are a target as well. A counter
 * is a line in one of the tables.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "chardev/backend.h"
#include "monitor/qmp.h"
#include "virtio/class.h"

#define PROVIDER "vemu"

/* --- counters --------------------------------------------------------------------------------- */

/* All that a table can refer to. */
struct figures {
    struct vemu_accel_stats accel;
    uint64_t cpu_ns;
    uint64_t reads, writes;
    struct vemu_virtio_stats virtio;
};

struct counter {
    const char *name;
    const char *unit; /* NULL: a number */
    int exponent;     /* of ten, of the unit */
    size_t offset;    /* in struct figures */
    bool virtio_only;
};
#define COUNT(name_, field)                                                                        \
    {                                                                                              \
        .name = name_, .offset = offsetof(struct figures, field)                                   \
    }
#define TIME(name_, field)                                                                         \
    {                                                                                              \
        .name = name_, .unit = "seconds", .exponent = -9,                                          \
        .offset = offsetof(struct figures, field)                                                  \
    }
#define VIRTIO(name_, field)                                                                       \
    {                                                                                              \
        .name = name_, .offset = offsetof(struct figures, virtio.field), .virtio_only = true       \
    }

static const struct counter vm_counters[] = {
    COUNT("exits-io", accel.exits_io),
    COUNT("exits-mmio", accel.exits_mmio),
    COUNT("exits-halt", accel.exits_halt),
    COUNT("exits-interrupted", accel.exits_intr),
    COUNT("exits-other", accel.exits_other),
    COUNT("instructions", accel.instructions),
    COUNT("assists", accel.assists),
    COUNT("assist-stretches", accel.assist_stretches),
    TIME("assist-time", accel.assist_ns),
    COUNT("assist-host-executed", accel.assist_host),
    COUNT("assist-steps", accel.assist_steps),
    COUNT("assist-flushes", accel.assist_flushes),
    { 0 },
};
static const struct counter vcpu_counters[] = { TIME("cpu-time", cpu_ns), { 0 } };
static const struct counter device_counters[] = {
    COUNT("reads", reads),
    COUNT("writes", writes),
    VIRTIO("notifications", notifications),
    VIRTIO("requests", requests),
    VIRTIO("completions", completions),
    VIRTIO("interrupts", interrupts),
    VIRTIO("interrupts-suppressed", suppressed),
    VIRTIO("resets", resets),
    VIRTIO("broken", broken),
    { 0 },
};

static const struct {
    const char *name;
    const struct counter *counters;
} targets[] = { { "vm", vm_counters }, { "vcpu", vcpu_counters }, { "device", device_counters } };

/* --- query-stats ------------------------------------------------------------------------------ */

static bool listed(struct json_object *list, const char *name)
{
    if (!list)
        return true;
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name))
            return true;
    return false;
}

/* The names that are wanted of our provider: NULL: all; false: it is not asked. */
static bool wanted_names(struct json_object *providers, struct json_object **ret_names)
{
    *ret_names = NULL;
    if (!providers)
        return true;
    for (size_t i = 0; i < json_object_array_length(providers); i++) {
        struct json_object *p = json_object_array_get_idx(providers, i);

        if (strcmp(qmp_get_string(p, "provider"), PROVIDER))
            continue;
        *ret_names = qmp_get(p, "names");
        return true;
    }
    return false;
}

static void add_result(struct json_object *list, const char *path, const struct counter *counters,
                       bool is_virtio, const struct figures *figures, struct json_object *names)
{
    struct json_object *o = json_object_new_object(), *stats = json_object_new_array();

    qmp_add_string(o, "provider", PROVIDER);
    if (path)
        qmp_add_string(o, "qom-path", path);
    for (const struct counter *c = counters; c->name; c++) {
        struct json_object *stat;

        if ((c->virtio_only && !is_virtio) || !listed(names, c->name))
            continue;
        stat = json_object_new_object();
        qmp_add_string(stat, "name", c->name);
        qmp_add_int(stat, "value",
                    *(const uint64_t *)(const void *)((const char *)figures + c->offset));
        json_object_array_add(stats, stat);
    }
    json_object_object_add(o, "stats", stats);
    if (json_object_array_length(stats))
        json_object_array_add(list, o);
    else
        json_object_put(o);
}

static void add_vm(struct vemu_vm *vm, struct json_object *list, struct json_object *names)
{
    struct figures figures = { 0 };

    if (vm->accel_vm)
        vm->accel->stats(vm->accel_vm, &figures.accel);
    add_result(list, NULL, vm_counters, false, &figures, names);
}

static void add_vcpus(struct vemu_vm *vm, struct json_object *list, struct json_object *wanted,
                      struct json_object *names)
{
    for (uint32_t id = 0; id < vm->config.vcpus; id++) {
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", id);
        struct figures figures = { 0 };
        struct timespec ts;
        pid_t tid = vemu__vcpus_thread_id(vm, id);
        /* <linux/posix-timers.h>: CPUCLOCK_SCHED of a thread. */
        clockid_t clock = (clockid_t)(~(unsigned)tid << 3 | 6);

        if (!listed(wanted, path))
            continue;
        if (tid && clock_gettime(clock, &ts) == 0)
            figures.cpu_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
        add_result(list, path, vcpu_counters, false, &figures, names);
    }
}

static void add_devices(struct vemu_vm *vm, struct json_object *list, struct json_object *wanted,
                        struct json_object *names)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];
        bool is_virtio = vemu__virtio_is(dev), is_board = dev->class_->flags & VEMU_DEVICE_INTERNAL;
        g_autofree char *path = g_strdup_printf("/machine/%s/%s",
                                                is_board               ? "unattached"
                                                : strchr(dev->id, '#') ? "peripheral-anon"
                                                                       : "peripheral",
                                                dev->id);
        struct figures figures = { 0 };

        if (!dev->realized || (!listed(wanted, path) && !listed(wanted, dev->id)))
            continue;
        pthread_mutex_lock(&dev->lock);
        figures.reads = dev->reads;
        figures.writes = dev->writes;
        if (is_virtio)
            figures.virtio = vemu__virtio_of(dev)->stats;
        pthread_mutex_unlock(&dev->lock);
        add_result(list, path, device_counters, is_virtio, &figures, names);
    }
}

static int cmd_query_stats(QMP_PARAMS)
{
    const char *target = qmp_get_string(args, "target");
    struct json_object *names;

    *result = json_object_new_array();
    if (!wanted_names(qmp_get(args, "providers"), &names))
        return 0;
    if (!strcmp(target, "vm"))
        add_vm(vm, *result, names);
    else if (!strcmp(target, "vcpu"))
        add_vcpus(vm, *result, qmp_get(args, "vcpus"), names);
    else
        add_devices(vm, *result, qmp_get(args, "devices"), names);
    return 0;
}

static int cmd_query_stats_schemas(QMP_PARAMS)
{
    const char *provider = qmp_get_string(args, "provider");

    *result = json_object_new_array();
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        struct json_object *o, *stats;

        if (provider && strcmp(provider, PROVIDER))
            continue;
        o = json_object_new_object();
        stats = json_object_new_array();
        qmp_add_string(o, "provider", PROVIDER);
        qmp_add_string(o, "target", targets[i].name);
        for (const struct counter *c = targets[i].counters; c->name; c++) {
            struct json_object *stat = json_object_new_object();

            qmp_add_string(stat, "name", c->name);
            qmp_add_string(stat, "type", "cumulative");
            if (c->unit) {
                qmp_add_string(stat, "unit", c->unit);
                json_object_object_add(stat, "base", json_object_new_int(10));
            }
            json_object_object_add(stat, "exponent", json_object_new_int(c->exponent));
            json_object_array_add(stats, stat);
        }
        json_object_object_add(o, "stats", stats);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* --- boot times (ours) ------------------------------------------------------------------------ */

/* Nanoseconds since the machine was made. */
static void add_time(struct json_object *o, const struct vemu_vm *vm, const char *name,
                     int64_t when)
{
    if (when)
        qmp_add_int(o, name, (uint64_t)MAX(when - vm->times.created, 0));
}

static int64_t first_output(struct vemu_vm *vm)
{
    int64_t first = 0;

    for (guint i = 0; i < vm->chardevs->len; i++) {
        struct vemu_chardev *chr = vm->chardevs->pdata[i];
        int64_t when = vemu__chardev_first_write(chr);

        if (when && vemu__vm_find_user(vm, chr) && (!first || when < first))
            first = when;
    }
    return first;
}

static int compare_times(const void *a, const void *b, void *data)
{
    const int64_t *codes = data;
    int64_t x = codes[*(const uint8_t *)a], y = codes[*(const uint8_t *)b];

    return (x > y) - (x < y);
}

static struct json_object *codes_in_order(struct vemu_vm *vm)
{
    struct json_object *list = json_object_new_array();
    int64_t when[256];
    uint8_t codes[256];
    size_t count = 0;

    for (unsigned i = 0; i < 256; i++) {
        when[i] = atomic_load(&vm->times.codes[i]);
        if (when[i])
            codes[count++] = (uint8_t)i;
    }
    g_qsort_with_data(codes, (gint)count, 1, compare_times, when);
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_new_object();

        qmp_add_int(o, "code", codes[i]);
        add_time(o, vm, "time", when[codes[i]]);
        json_object_array_add(list, o);
    }
    return list;
}

static int cmd_query_boot_times(QMP_PARAMS)
{
    *result = json_object_new_object();
    add_time(*result, vm, "realized", vm->times.realized);
    add_time(*result, vm, "started", atomic_load(&vm->times.started));
    if (vm->config.kernel) /* loaded by us: it begins with the first instruction */
        add_time(*result, vm, "kernel", atomic_load(&vm->times.started));
    add_time(*result, vm, "output", first_output(vm));
    json_object_object_add(*result, "codes", codes_in_order(vm));
    return 0;
}

/* --- trace events ----------------------------------------------------------------------------- */

static int cmd_trace_event_get_state(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "name");
    struct vemu_trace_info info = VEMU_TRACE_INFO_INIT;

    if (qmp_get(args, "vcpu"))
        return vemu__error_set(err, ENOTSUP, "trace events belong to no vCPU: 'vcpu'");
    *result = json_object_new_array();
    for (uint32_t n = 0; vemu_trace_get(n, &info) == 0; n++) {
        struct json_object *o;

        if (!g_pattern_match_simple(name, info.name))
            continue;
        o = json_object_new_object();
        qmp_add_string(o, "name", info.name);
        qmp_add_string(o, "state", vemu_vm_get_trace(vm, n) ? "enabled" : "disabled");
        qmp_add_bool(o, "vcpu", false);
        json_object_array_add(*result, o);
    }
    if (json_object_array_length(*result) || strchr(name, '*'))
        return 0;
    json_object_put(*result);
    *result = NULL;
    return vemu__error_set(err, ENOENT, "unknown event \"%s\"", name);
}

static int cmd_trace_event_set_state(QMP_PARAMS)
{
    const char *name = qmp_get_string(args, "name");
    int r;

    if (qmp_get(args, "vcpu"))
        return vemu__error_set(err, ENOTSUP, "trace events belong to no vCPU: 'vcpu'");
    r = vemu_vm_set_trace(vm, name, json_object_get_boolean(qmp_get(args, "enable")), err);
    if (r >= 0 || strchr(name, '*') ||
        json_object_get_boolean(qmp_get(args, "ignore-unavailable"))) {
        if (r < 0) {
            vemu_error_free(*err);
            *err = NULL;
        }
        return 0;
    }
    return r;
}

#define STATS "[{name:str,value:any}]"
#define SCHEMA                                                                                     \
    "{provider:<vemu>,target:<vm|vcpu|device>,"                                                    \
    "stats:[{name:str,type:<cumulative|instant|peak>,unit?:<bytes|seconds|cycles|boolean>,"        \
    "base?:int,exponent:int}]}"

static const struct qmp_command commands[] = {
    { "query-boot-times", cmd_query_boot_times, NULL,
      "{realized?:int,started?:int,kernel?:int,output?:int,codes:[{code:int,time:int}]}" },
    { "query-stats", cmd_query_stats,
      "{target:<vm|vcpu|device>,vcpus?:[str],devices?:[str],"
      "providers?:[{provider:str,names?:[str]}]}",
      "[{provider:<vemu>,qom-path?:str,stats:" STATS "}]" },
    { "query-stats-schemas", cmd_query_stats_schemas, "{provider?:str}", "[" SCHEMA "]" },
    { "trace-event-get-state", cmd_trace_event_get_state, "{name:str,vcpu?:int}",
      "[{name:str,state:<enabled|disabled>,vcpu:bool}]" },
    { "trace-event-set-state", cmd_trace_event_set_state,
      "{name:str,enable:bool,ignore-unavailable?:bool,vcpu?:int}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_stats = { .commands = commands };
