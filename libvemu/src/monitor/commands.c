/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMP commands. A new one is a function and a line in the table.
 */
#include <errno.h>
#include <stdlib.h>

#include <vemu/chardev.h>

#include "chardev/chardev.h"
#include "core/lifecycle.h"
#include "monitor/qmp.h"

/* The QMP level we follow: that of QEMU 7.2. `package` tells who really answers. */
#define QMP_MAJOR 7
#define QMP_MINOR 2
#define QMP_MICRO 0

#define PARAMS                                                                                     \
    struct vemu_vm *vm, struct json_object *args, struct json_object **result,                     \
        struct vemu_error **err

static void add_string(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static void add_bool(struct json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

struct json_object *vemu__qmp_version(void)
{
    struct json_object *version = json_object_new_object();
    struct json_object *qemu = json_object_new_object();
    g_autofree char *package = g_strdup_printf("vemu %s", vemu_version());

    add_int(qemu, "major", QMP_MAJOR);
    add_int(qemu, "minor", QMP_MINOR);
    add_int(qemu, "micro", QMP_MICRO);
    json_object_object_add(version, "qemu", qemu);
    add_string(version, "package", package);
    return version;
}

/* --- queries ---------------------------------------------------------------------------------- */

static int cmd_query_version(PARAMS)
{
    *result = vemu__qmp_version();
    return 0;
}

static int cmd_query_commands(PARAMS)
{
    *result = json_object_new_array();
    struct json_object *own = json_object_new_object();
    add_string(own, "name", "qmp_capabilities");
    json_object_array_add(*result, own);
    for (const struct qmp_command *c = vemu__qmp_commands; c->name; c++) {
        struct json_object *o = json_object_new_object();
        add_string(o, "name", c->name);
        json_object_array_add(*result, o);
    }
    return 0;
}

static int cmd_query_status(PARAMS)
{
    static const char *const names[] = {
        [VEMU_VM_CREATED] = "prelaunch",      [VEMU_VM_PRELAUNCH] = "prelaunch",
        [VEMU_VM_RUNNING] = "running",        [VEMU_VM_PAUSED] = "paused",
        [VEMU_VM_SHUTDOWN] = "shutdown",      [VEMU_VM_PANICKED] = "guest-panicked",
        [VEMU_VM_ERROR] = "internal-error",   [VEMU_VM_STOPPED] = "shutdown",
    };
    int state = vemu_vm_get_state(vm);

    *result = json_object_new_object();
    add_string(*result, "status", names[state]);
    add_bool(*result, "singlestep", false);
    add_bool(*result, "running", state == VEMU_VM_RUNNING);
    return 0;
}

static int cmd_query_name(PARAMS)
{
    *result = json_object_new_object();
    add_string(*result, "name", vm->config.name);
    return 0;
}

static int cmd_query_uuid(PARAMS)
{
    *result = json_object_new_object();
    add_string(*result, "UUID",
               vm->config.uuid ? vm->config.uuid : "00000000-0000-0000-0000-000000000000");
    return 0;
}

static int cmd_query_kvm(PARAMS)
{
    *result = json_object_new_object();
    add_bool(*result, "enabled", g_str_equal(vm->accel->name, "kvm"));
    add_bool(*result, "present", true); /* compiled in */
    return 0;
}

static void add_name(void *data, const char *name, uint64_t count)
{
    add_int(data, name, (int64_t)count);
}

/* What the software CPU does for a KVM that cannot: docs/assist.md. */
static struct json_object *assist_stats(struct vemu_vm *vm, const struct vemu_accel_stats *s)
{
    struct json_object *assist = json_object_new_object(), *names = json_object_new_object();
    struct json_object *host = json_object_new_object();

    add_int(assist, "instructions", (int64_t)s->assists);
    add_int(assist, "stretches", (int64_t)s->assist_stretches);
    add_int(assist, "nanoseconds", (int64_t)s->assist_ns);
    add_int(assist, "host-executed", (int64_t)s->assist_host);
    add_int(assist, "steps", (int64_t)s->assist_steps);
    add_int(assist, "flushes", (int64_t)s->assist_flushes);
    vm->accel->assist_names(vm->accel_vm, false, add_name, names);
    json_object_object_add(assist, "by-name", names);
    vm->accel->assist_names(vm->accel_vm, true, add_name, host);
    json_object_object_add(assist, "host-executed-by-name", host);
    return assist;
}

/* Ours: which accelerator runs the guest, and why. */
static int cmd_query_accelerator(PARAMS)
{
    *result = json_object_new_object();
    add_string(*result, "name", vm->accel->name);
    add_string(*result, "reason", vm->accel_reason);
    if (vm->accel_vm) {
        struct vemu_accel_stats s = { 0 };
        vm->accel->stats(vm->accel_vm, &s);
        struct json_object *exits = json_object_new_object();
        add_int(exits, "io", (int64_t)s.exits_io);
        add_int(exits, "mmio", (int64_t)s.exits_mmio);
        add_int(exits, "halt", (int64_t)s.exits_halt);
        add_int(exits, "interrupted", (int64_t)s.exits_intr);
        add_int(exits, "other", (int64_t)s.exits_other);
        json_object_object_add(*result, "exits", exits);
        if (vm->accel->assist_names)
            json_object_object_add(*result, "assist", assist_stats(vm, &s));
    }
    return 0;
}

static int cmd_query_chardev(PARAMS)
{
    *result = json_object_new_array();
    pthread_mutex_lock(&vm->list_lock);
    guint count = vm->chardevs->len;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < count; i++)
        g_ptr_array_add(ids, g_strdup(vemu__chardev_id(g_ptr_array_index(vm->chardevs, i))));
    pthread_mutex_unlock(&vm->list_lock);

    for (guint i = 0; i < ids->len; i++) {
        const char *id = g_ptr_array_index(ids, i);
        struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);
        char *filename = NULL;
        if (!chr || vemu_chardev_get_filename(vm, id, &filename) < 0)
            continue;
        struct json_object *o = json_object_new_object();
        add_bool(o, "frontend-open", vemu__chardev_has_front(chr));
        add_string(o, "filename", filename);
        add_string(o, "label", id);
        json_object_array_add(*result, o);
        free(filename);
    }
    return 0;
}

/* --- life cycle ------------------------------------------------------------------------------- */

static int cmd_stop(PARAMS)
{
    return vemu_vm_get_state(vm) == VEMU_VM_RUNNING ? vemu_vm_pause(vm, err) : 0;
}

static int cmd_cont(PARAMS)
{
    switch (vemu_vm_get_state(vm)) {
    case VEMU_VM_RUNNING: return 0;
    case VEMU_VM_PRELAUNCH: return vemu_vm_start(vm, err);
    case VEMU_VM_PAUSED: return vemu_vm_resume(vm, err);
    default:
        return vemu__error_set(err, EINVAL, "Resetting the Virtual Machine is required");
    }
}

/* "then" is ours: "reset" makes the guest's power-off a reboot. */
static int cmd_system_powerdown(PARAMS)
{
    struct json_object *then = NULL;

    if (!json_object_object_get_ex(args, "then", &then))
        return vemu_vm_powerdown(vm, err);
    if (g_str_equal(json_object_get_string(then), "shutdown"))
        return vemu_vm_powerdown(vm, err);
    if (g_str_equal(json_object_get_string(then), "reset"))
        return vemu__vm_powerdown_reset(vm, err);
    return vemu__error_set(err, EINVAL, "Parameter 'then' expects 'shutdown' or 'reset'");
}

static int cmd_system_reset(PARAMS)
{
    return vemu_vm_reset(vm, err);
}

/* The reply goes out before the machine goes: the request is served by the loop afterwards. */
static int cmd_quit(PARAMS)
{
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_HOST_QUIT, 0);
    return 0;
}

const struct qmp_command vemu__qmp_commands[] = {
    { "cont", cmd_cont, { { NULL } } },
    { .name = "device_add",
      .run = vemu__qmp_device_add,
      .arguments = { { "driver", QMP_STRING, false }, { "id", QMP_STRING, true }, { NULL } },
      .open = true },
    { "device_del", vemu__qmp_device_del, { { "id", QMP_STRING, false }, { NULL } } },
    { "query-accelerator", cmd_query_accelerator, { { NULL } } },
    { "query-chardev", cmd_query_chardev, { { NULL } } },
    { "query-commands", cmd_query_commands, { { NULL } } },
    { "query-kvm", cmd_query_kvm, { { NULL } } },
    { "query-name", cmd_query_name, { { NULL } } },
    { "query-status", cmd_query_status, { { NULL } } },
    { "query-uuid", cmd_query_uuid, { { NULL } } },
    { "query-version", cmd_query_version, { { NULL } } },
    { "quit", cmd_quit, { { NULL } } },
    { "stop", cmd_stop, { { NULL } } },
    { "system_powerdown", cmd_system_powerdown, { { "then", QMP_STRING, true }, { NULL } } },
    { "system_reset", cmd_system_reset, { { NULL } } },
    { NULL, NULL, { { NULL } } },
};
