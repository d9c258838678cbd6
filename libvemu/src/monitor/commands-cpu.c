/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about vCPUs.
 *
 * The first ones are there for good; others are devices that come and go (devices/x86-cpu).
 */
#include <errno.h>
#include <string.h>

#include "core/cpu-model.h"
#include "core/lifecycle.h"
#include "devices/devices.h"
#include "devices/x86-cpu/cpu.h"
#include "monitor/qmp.h"

/* The vCPU's path; NULL: it is not there. */
static char *path_of(struct vemu_vm *vm, uint32_t id)
{
    if (id < vm->config.vcpus)
        return g_strdup_printf("/machine/unattached/device[%u]", id);
    for (guint i = 0; i < vm->devices->len; i++) {
        const struct vemu_device *dev = vm->devices->pdata[i];

        if (dev->class_ == &vemu__device_x86_cpu && dev->realized && vemu__x86_cpu_id(dev) == id)
            return g_strdup_printf("/machine/peripheral%s/%s", strchr(dev->id, '#') ? "-anon" : "",
                                   dev->id);
    }
    return NULL;
}

static void add_place(struct vemu_vm *vm, struct json_object *o, uint32_t id)
{
    struct json_object *props = json_object_new_object();
    g_autofree char *path = path_of(vm, id);
    struct vemu_vcpu_place place;

    vemu__vcpu_place(vm, id, &place);
    if (vemu__numa_count(vm))
        qmp_add_int(props, "node-id", vemu__numa_of_vcpu(vm, id));
    qmp_add_int(props, "socket-id", place.socket);
    if (vm->config.dies > 1) /* only then does QEMU name it */
        qmp_add_int(props, "die-id", place.die);
    qmp_add_int(props, "core-id", place.core);
    qmp_add_int(props, "thread-id", place.thread);
    json_object_object_add(o, "props", props);
    if (path)
        qmp_add_string(o, "qom-path", path);
}

static int cmd_query_cpus_fast(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (uint32_t id = 0; id < vm->config.max_vcpus; id++) {
        struct json_object *o;

        if (id >= vm->config.vcpus && !vemu__vcpu_is_present(vm, id))
            continue;
        o = json_object_new_object();
        qmp_add_int(o, "cpu-index", id);
        add_place(vm, o, id);
        qmp_add_int(o, "thread-id", (uint64_t)vemu__vcpus_thread_id(vm, id));
        qmp_add_string(o, "target", "x86_64");
        json_object_array_add(*result, o);
    }
    return 0;
}

static int cmd_query_hotpluggable_cpus(QMP_PARAMS)
{
    g_autofree char *type = vemu__vcpu_type(vm);

    *result = json_object_new_array();
    for (uint32_t id = vm->config.max_vcpus; id-- > 0;) { /* QEMU's order */
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "type", type);
        qmp_add_int(o, "vcpus-count", 1);
        add_place(vm, o, id);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* What the accelerator offers; NULL: there is none yet, or it cannot say. */
static struct vemu_cpuid *offered(struct vemu_vm *vm)
{
    g_autofree struct vemu_cpuid *cpuid = g_new0(struct vemu_cpuid, 1);

    if (!vm->accel || !vm->accel_vm ||
        vm->accel->supported_cpuid(&vm->accel_config, vm->accel_vm, cpuid) < 0)
        return NULL;
    return g_steal_pointer(&cpuid);
}

static int cmd_query_cpu_definitions(QMP_PARAMS)
{
    g_autofree struct vemu_cpuid *all = offered(vm);
    const char *name;

    *result = json_object_new_array();
    for (unsigned n = 0; (name = vemu__cpu_model_name(n)); n++) {
        struct json_object *o = json_object_new_object();
        struct json_object *unavailable = json_object_new_array();
        g_autofree char *type = g_strdup_printf("%s-x86_64-cpu", name);
        g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(g_free);

        if (all) {
            g_autofree struct vemu_cpuid *cpuid = g_memdup2(all, sizeof(*all));
            vemu__cpu_model_apply(name, cpuid, missing, NULL);
        }
        for (guint m = 0; m < missing->len; m++)
            json_object_array_add(unavailable, json_object_new_string(missing->pdata[m]));
        qmp_add_string(o, "name", name);
        qmp_add_string(o, "typename", type);
        qmp_add_bool(o, "static", !strcmp(name, "base"));
        qmp_add_bool(o, "migration-safe", strcmp(name, "max") && strcmp(name, "host"));
        qmp_add_bool(o, "deprecated", false);
        json_object_object_add(o, "unavailable-features", unavailable);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* "NAME,feature=on,..." of a CpuModelInfo. */
static char *model_text(struct json_object *model, struct vemu_error **err)
{
    struct json_object *props = qmp_get(model, "props");
    GString *text = g_string_new(json_object_get_string(qmp_get(model, "name")));

    if (strchr(text->str, ','))
        goto bad;
    if (props && !json_object_is_type(props, json_type_object))
        goto bad;
    if (props) {
        json_object_object_foreach(props, key, value)
        {
            const bool is_switch = json_object_is_type(value, json_type_boolean);
            const bool is_text = !strcmp(key, "hv-vendor-id") &&
                                 json_object_is_type(value, json_type_string) &&
                                 !strchr(json_object_get_string(value), ',');

            if ((!is_switch && !is_text && !json_object_is_type(value, json_type_int)) ||
                strchr(key, ',') || strchr(key, '=')) {
                vemu__error_set(err, EINVAL, "CPU property '%s' is not true, false or a number",
                                key);
                g_string_free(text, TRUE);
                return NULL;
            }
            g_string_append_printf(text, ",%s=%s", key,
                                   !is_switch ? json_object_get_string(value)
                                   : json_object_get_boolean(value) ? "on"
                                                                    : "off");
        }
    }
    return g_string_free(text, FALSE);

bad:
    vemu__error_set(err, EINVAL, "the CPU model is not a name with an object of properties");
    g_string_free(text, TRUE);
    return NULL;
}

/* What is said of the model, or with `full` all that could be. */
static void add_settings(struct json_object *props, const char *model, bool full)
{
    struct vemu_cpu_settings said, usual;
    struct vemu_cpu_setting s, other;

    vemu__cpu_model_settings(model, &said);
    vemu__cpu_settings_init(&usual);
    for (unsigned n = 0; vemu__cpu_settings_get(&said, n, &s); n++) {
        vemu__cpu_settings_get(&usual, n, &other);
        if (s.text) {
            if (*s.text) /* there is no default to name */
                qmp_add_string(props, s.name, s.text);
        } else if (s.value == other.value && !full) {
            continue;
        } else if (s.is_number) {
            qmp_add_int(props, s.name, s.value);
        } else {
            qmp_add_bool(props, s.name, s.value);
        }
    }
}

/* "full" tells of every feature and setting, "static" names those that "base" has to be given. */
static int cmd_query_cpu_model_expansion(QMP_PARAMS)
{
    const bool full = !strcmp(json_object_get_string(qmp_get(args, "type")), "full");
    struct json_object *model = qmp_get(args, "model"), *expanded, *props;
    g_autofree struct vemu_cpuid *cpuid = offered(vm);
    g_autofree char *text = model_text(model, err);
    int r;

    if (!text)
        return -EINVAL;
    r = vemu__cpu_model_check(text, err);
    if (r < 0)
        return r;
    if (!cpuid)
        return vemu__error_set(err, EAGAIN, "the machine has no accelerator yet");
    r = vemu__cpu_model_apply(text, cpuid, NULL, err);
    if (r < 0)
        return r;
    props = json_object_new_object();
    for (unsigned n = 0; n < vemu__cpu_feature_count; n++) {
        const bool on = vemu__cpu_feature_test(cpuid, &vemu__cpu_features[n]);

        if (on || full)
            qmp_add_bool(props, vemu__cpu_features[n].name, on);
    }
    add_settings(props, text, full);
    expanded = json_object_new_object();
    qmp_add_string(expanded, "name",
                   full ? json_object_get_string(qmp_get(model, "name")) : "base");
    json_object_object_add(expanded, "props", props);
    *result = json_object_new_object();
    json_object_object_add(*result, "model", expanded);
    return 0;
}

static int cmd_inject_nmi(QMP_PARAMS)
{
    int r = vemu__state_check(vm, VEMU_STATE_BIT(VEMU_VM_RUNNING) | VEMU_STATE_BIT(VEMU_VM_PAUSED),
                              "inject an NMI", err);

    if (r < 0)
        return r;
    r = vemu__vcpus_nmi(vm);
    return r < 0 ? vemu__error_set(err, -r, "cannot inject an NMI: %s", strerror(-r)) : 0;
}

#define MODEL "{name:str,props?:any}"
#define PLACE                                                                                      \
    "props:{node-id?:int,socket-id:int,die-id?:int,core-id:int,thread-id:int},qom-path?:str"

static const struct qmp_command commands[] = {
    { "inject-nmi", cmd_inject_nmi, NULL, NULL },
    { "query-cpu-definitions", cmd_query_cpu_definitions, NULL,
      "[{name:str,typename:str,static:bool,migration-safe?:bool,deprecated:bool,"
      "unavailable-features?:[str]}]" },
    { "query-cpu-model-expansion", cmd_query_cpu_model_expansion,
      "{type:<static|full>,model:" MODEL "}", "{model:" MODEL "}" },
    { "query-cpus-fast", cmd_query_cpus_fast, NULL,
      "[{cpu-index:int," PLACE ",thread-id:int,target:<x86_64>}]" },
    { "query-hotpluggable-cpus", cmd_query_hotpluggable_cpus, NULL,
      "[{type:str,vcpus-count:int," PLACE "}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_cpu = { .commands = commands };
