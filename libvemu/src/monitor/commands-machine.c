/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about the machine as a whole: what it is, its life.
 */
#include <errno.h>
#include <string.h>

#include "core/lifecycle.h"
#include "devices/vmgenid/vmgenid.h"
#include "monitor/qmp.h"

/* --- queries ---------------------------------------------------------------------------------- */

static int cmd_query_version(QMP_PARAMS)
{
    *result = vemu__qmp_version();
    return 0;
}

#define STATUS                                                                                     \
    "{status:<prelaunch|running|paused|io-error|shutdown|guest-panicked|internal-error|"           \
    "suspended>,singlestep:bool,running:bool}"

static int cmd_query_status(QMP_PARAMS)
{
    static const char *const names[] = {
        [VEMU_VM_CREATED] = "prelaunch",    [VEMU_VM_PRELAUNCH] = "prelaunch",
        [VEMU_VM_RUNNING] = "running",      [VEMU_VM_PAUSED] = "paused",
        [VEMU_VM_SHUTDOWN] = "shutdown",    [VEMU_VM_PANICKED] = "guest-panicked",
        [VEMU_VM_ERROR] = "internal-error", [VEMU_VM_STOPPED] = "shutdown",
        [VEMU_VM_SUSPENDED] = "suspended",
    };
    int state = vemu_vm_get_state(vm);

    *result = json_object_new_object();
    qmp_add_string(*result, "status",
                   state == VEMU_VM_PAUSED && vm->io_stopped ? "io-error" : names[state]);
    qmp_add_bool(*result, "singlestep", false);
    qmp_add_bool(*result, "running", state == VEMU_VM_RUNNING);
    return 0;
}

static int cmd_query_name(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_string(*result, "name", vm->config.name);
    return 0;
}

static int cmd_query_uuid(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_string(*result, "UUID",
                   vm->config.uuid ? vm->config.uuid : "00000000-0000-0000-0000-000000000000");
    return 0;
}

static int cmd_query_kvm(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_bool(*result, "enabled", g_str_equal(vm->accel->name, "kvm"));
    qmp_add_bool(*result, "present", true); /* compiled in */
    return 0;
}

static int cmd_query_target(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_string(*result, "arch", "x86_64");
    return 0;
}

#define MACHINE                                                                                    \
    "{name:str,is-default?:bool,cpu-max:int,hotpluggable-cpus:bool,numa-mem-supported:bool,"       \
    "deprecated:bool,default-cpu-type?:str}"

static int cmd_query_machines(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (size_t i = 0; vemu__machine_classes[i]; i++) {
        const struct vemu_machine_class *class_ = vemu__machine_classes[i];
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "name", class_->name);
        if (class_ == &vemu__machine_microvm)
            qmp_add_bool(o, "is-default", true);
        qmp_add_int(o, "cpu-max", class_->max_vcpus);
        qmp_add_bool(o, "hotpluggable-cpus", true);
        qmp_add_bool(o, "numa-mem-supported", false);
        qmp_add_bool(o, "deprecated", false);
        qmp_add_string(o, "default-cpu-type", "max-x86_64-cpu");
        json_object_array_add(*result, o);
    }
    return 0;
}

static int cmd_query_current_machine(QMP_PARAMS)
{
    *result = json_object_new_object();
    qmp_add_bool(*result, "wakeup-suspend-support", vm->machine->can_sleep);
    return 0;
}

/* --- accelerator ------------------------------------------------------------------------------ */

static void add_name(void *data, const char *name, uint64_t count)
{
    qmp_add_int(data, name, count);
}

/* What the software CPU does for a KVM that cannot: docs/assist.md. */
static struct json_object *assist_stats(struct vemu_vm *vm, const struct vemu_accel_stats *s)
{
    struct json_object *assist = json_object_new_object(), *names = json_object_new_object();
    struct json_object *host = json_object_new_object();

    qmp_add_int(assist, "instructions", s->assists);
    qmp_add_int(assist, "stretches", s->assist_stretches);
    qmp_add_int(assist, "nanoseconds", s->assist_ns);
    qmp_add_int(assist, "host-executed", s->assist_host);
    qmp_add_int(assist, "steps", s->assist_steps);
    qmp_add_int(assist, "flushes", s->assist_flushes);
    vm->accel->assist_names(vm->accel_vm, false, add_name, names);
    json_object_object_add(assist, "by-name", names);
    vm->accel->assist_names(vm->accel_vm, true, add_name, host);
    json_object_object_add(assist, "host-executed-by-name", host);
    return assist;
}

#define ACCELERATOR                                                                                \
    "{name:str,reason:str,exits?:{io:int,mmio:int,halt:int,interrupted:int,other:int},"            \
    "assist?:{instructions:int,stretches:int,nanoseconds:int,host-executed:int,steps:int,"         \
    "flushes:int,by-name:any,host-executed-by-name:any}}"

/* Ours: which accelerator runs the guest, and why. */
static int cmd_query_accelerator(QMP_PARAMS)
{
    struct vemu_accel_stats s = { 0 };
    struct json_object *exits;

    *result = json_object_new_object();
    qmp_add_string(*result, "name", vm->accel->name);
    qmp_add_string(*result, "reason", vm->accel_reason);
    if (!vm->accel_vm)
        return 0;
    vm->accel->stats(vm->accel_vm, &s);
    exits = json_object_new_object();
    qmp_add_int(exits, "io", s.exits_io);
    qmp_add_int(exits, "mmio", s.exits_mmio);
    qmp_add_int(exits, "halt", s.exits_halt);
    qmp_add_int(exits, "interrupted", s.exits_intr);
    qmp_add_int(exits, "other", s.exits_other);
    json_object_object_add(*result, "exits", exits);
    if (vm->accel->assist_names)
        json_object_object_add(*result, "assist", assist_stats(vm, &s));
    return 0;
}

/* --- life cycle ------------------------------------------------------------------------------- */

static int cmd_stop(QMP_PARAMS)
{
    return vemu_vm_get_state(vm) == VEMU_VM_RUNNING ? vemu_vm_pause(vm, err) : 0;
}

static int cmd_cont(QMP_PARAMS)
{
    switch (vemu_vm_get_state(vm)) {
    case VEMU_VM_RUNNING: return 0;
    case VEMU_VM_SUSPENDED: return 0; /* that is system_wakeup's matter, as in QEMU */
    case VEMU_VM_PRELAUNCH: return vemu_vm_start(vm, err);
    case VEMU_VM_PAUSED: return vemu_vm_resume(vm, err);
    default: return vemu__error_set(err, EINVAL, "Resetting the Virtual Machine is required");
    }
}

/* "then" is ours: "reset" makes the guest's power-off a reboot. */
static int cmd_system_powerdown(QMP_PARAMS)
{
    const char *then = qmp_get_string(args, "then");

    return then && g_str_equal(then, "reset") ? vemu__vm_powerdown_reset(vm, err)
                                              : vemu_vm_powerdown(vm, err);
}

static int cmd_system_reset(QMP_PARAMS)
{
    return vemu_vm_reset(vm, err);
}

static int cmd_system_wakeup(QMP_PARAMS)
{
    return vemu_vm_wakeup(vm, err);
}

/* The RTC drops the periods that a guest missed, so there is never a backlog to forget. */
static int cmd_rtc_reset_reinjection(QMP_PARAMS)
{
    return 0;
}

/* The reply goes out before the machine goes: the request is served by the loop afterwards. */
static int cmd_quit(QMP_PARAMS)
{
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_HOST_QUIT, 0);
    return 0;
}

/* All of it is checked before something changes. */
static int cmd_set_action(QMP_PARAMS)
{
    const char *reboot = qmp_get_string(args, "reboot"), *panic = qmp_get_string(args, "panic");
    const char *shutdown = qmp_get_string(args, "shutdown");
    const char *watchdog = qmp_get_string(args, "watchdog");
    uint32_t mask = 0, flags = 0;

    if (watchdog)
        return vemu__error_set(err, ENOTSUP, "'watchdog' is what watchdog-set-action is for");
    if (panic && strcmp(panic, "pause") && strcmp(panic, "shutdown"))
        return vemu__error_set(err, ENOTSUP, "panic action '%s' is not supported", panic);
    if (reboot) {
        mask |= VEMU_VM_NO_REBOOT;
        flags |= strcmp(reboot, "shutdown") ? 0 : VEMU_VM_NO_REBOOT;
    }
    if (shutdown) {
        mask |= VEMU_VM_NO_SHUTDOWN;
        flags |= strcmp(shutdown, "pause") ? 0 : VEMU_VM_NO_SHUTDOWN;
    }
    if (panic) {
        mask |= VEMU_VM_PANIC_PAUSE;
        flags |= strcmp(panic, "pause") ? 0 : VEMU_VM_PANIC_PAUSE;
    }
    return vemu_vm_set_flags(vm, mask, flags, err);
}

static int cmd_query_vm_generation_id(QMP_PARAMS)
{
    struct vemu_device *dev = vemu__vmgenid_find(vm);
    g_autofree char *guid = dev ? vemu__vmgenid_get(dev) : NULL;

    if (!dev)
        return vemu__error_set(err, EINVAL, "VM Generation ID device not found");
    *result = json_object_new_object();
    qmp_add_string(*result, "guid", guid);
    return 0;
}

static const struct qmp_command commands[] = {
    { "cont", cmd_cont, NULL, NULL },
    { "query-accelerator", cmd_query_accelerator, NULL, ACCELERATOR },
    { "query-current-machine", cmd_query_current_machine, NULL, "{wakeup-suspend-support:bool}" },
    { "query-kvm", cmd_query_kvm, NULL, "{enabled:bool,present:bool}" },
    { "query-machines", cmd_query_machines, NULL, "[" MACHINE "]" },
    { "query-name", cmd_query_name, NULL, "{name?:str}" },
    { "query-status", cmd_query_status, NULL, STATUS },
    { "query-target", cmd_query_target, NULL, "{arch:<x86_64>}" },
    { "query-uuid", cmd_query_uuid, NULL, "{UUID:str}" },
    { "query-version", cmd_query_version, NULL,
      "{qemu:{major:int,minor:int,micro:int},package:str}" },
    { "query-vm-generation-id", cmd_query_vm_generation_id, NULL, "{guid:str}" },
    { "quit", cmd_quit, NULL, NULL },
    { "rtc-reset-reinjection", cmd_rtc_reset_reinjection, NULL, NULL },
    { "set-action", cmd_set_action,
      "{reboot?:<reset|shutdown>,shutdown?:<poweroff|pause>,"
      "panic?:<none|pause|shutdown|exit-failure>,watchdog?:str}",
      NULL },
    { "stop", cmd_stop, NULL, NULL },
    { "system_powerdown", cmd_system_powerdown, "{then?:<shutdown|reset>}", NULL },
    { "system_reset", cmd_system_reset, NULL, NULL },
    { "system_wakeup", cmd_system_wakeup, NULL, NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_machine = { .commands = commands };
