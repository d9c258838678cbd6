/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPUs of guests: those that are there at the start, and those that come and go.
 *
 * Those that can go are devices, "vcpuN", as if they had come later.
 */
#include "../../../conf/vcpus.h"

#include <string.h>

#include "../change.h"
#include "../device/parts.h"
#include "../run/agent.h"
#include "../run/qmp.h"
#include "../state/status.h"
#include "cgroup.h"
#include "numa.h"
#include "size.h"

#define UNPLUG_TIMEOUT_MS     10000
#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* ---- definitions ---- */

int vmgr__vemu_vcpus_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__vcpu *before = vmgr__vcpu(def, 0);
    uint32_t order = before ? before->order : 0, ordered = 0;

    if (!before)
        return 0;
    if (!before->online)
        return unsupported(err, "vcpu 0 can't be offline");
    if (before->hotpluggable)
        return unsupported(err, "vcpu0 can't be hotpluggable");
    if (order > 1)
        return unsupported(err, "vcpu0 must be enabled first");
    for (uint32_t i = 0; i < def->max_vcpus; before = vmgr__vcpu(def, i++)) {
        const struct vmgr__vcpu *v = vmgr__vcpu(def, i);

        ordered += v->online && v->order;
        if (v->hotpluggable)
            continue;
        if (before->hotpluggable)
            return unsupported(err, "online non-hotpluggable vcpus need to be ordered prior to "
                                    "hotplugable vcpus");
        if (v->order < order)
            return unsupported(err,
                               "online non-hotpluggable vcpus must be ordered in ascending order");
        order = v->order;
    }
    if (ordered && ordered != def->vcpus)
        return unsupported(err, "all vcpus must have either set or unset order");
    return 0;
}

uint32_t vmgr__vemu_boot_vcpus(const struct vmgr__domain_def *def)
{
    uint32_t n = 0;

    if (!def->vcpu_list)
        return def->vcpus;
    while (n < def->max_vcpus && !vmgr__vcpu(def, n)->hotpluggable)
        n++;
    return n;
}

char *vmgr__vemu_smp_option(const struct vmgr__domain_def *def)
{
    const struct vmgr__cpu *cpu = &def->cpu;
    const uint32_t count = vmgr__vemu_boot_vcpus(def);
    GString *s = g_string_new(NULL);

    g_string_append_printf(s, "%u", count);
    if (count != def->max_vcpus)
        g_string_append_printf(s, ",maxcpus=%u", def->max_vcpus);
    if (cpu->present && cpu->sockets)
        g_string_append_printf(s, ",sockets=%u,dies=%u,cores=%u,threads=%u", cpu->sockets,
                               cpu->dies, cpu->cores, cpu->threads);
    return g_string_free(s, FALSE);
}

/* Unless a definition says more, the emulator makes one socket of cores. */
static void add_device(const struct vmgr__domain_def *def, uint32_t id, GPtrArray *args)
{
    const struct vmgr__cpu *cpu = &def->cpu;
    const bool given = cpu->present && cpu->sockets;
    const uint32_t threads = given ? cpu->threads : 1, cores = given ? cpu->cores : def->max_vcpus,
                   dies = given ? cpu->dies : 1;

    g_ptr_array_add(args, g_strdup("-device"));
    g_ptr_array_add(
        args, g_strdup_printf("%s-x86_64-cpu,id=vcpu%u,socket-id=%u,die-id=%u,core-id=%u,"
                              "thread-id=%u",
                              vmgr__vemu_cpu_model(def), id, id / threads / cores / dies,
                              id / threads / cores % dies, id / threads % cores, id % threads));
}

void vmgr__vemu_vcpus_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    g_autoptr(GArray) ids = vmgr__vcpus_ordered(def);

    for (guint i = 0; i < ids->len; i++) {
        const uint32_t id = g_array_index(ids, uint32_t, i);

        if (vmgr__vcpu(def, id)->hotpluggable)
            add_device(def, id, args);
    }
}

/* ---- slots of a guest, as query-hotpluggable-cpus tells ---- */

static const char *string_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? json_object_get_string(value)
               : NULL;
}

/* Those of vCPUs with high numbers may be first: places are in the order of numbers. */
static int compare_places(const void *a, const void *b)
{
    static const char *const keys[] = { "socket-id", "die-id", "core-id", "thread-id" };
    struct json_object *x = NULL, *y = NULL, *p, *q;

    json_object_object_get_ex(*(struct json_object *const *)a, "props", &x);
    json_object_object_get_ex(*(struct json_object *const *)b, "props", &y);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const int64_t m = json_object_object_get_ex(x, keys[i], &p) ? json_object_get_int64(p) : 0;
        const int64_t n = json_object_object_get_ex(y, keys[i], &q) ? json_object_get_int64(q) : 0;

        if (m != n)
            return m < n ? -1 : 1;
    }
    return 0;
}

static struct json_object *query_slots(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                                       struct vmgr_error **err)
{
    struct json_object *slots = NULL;
    bool ok;

    if (vmgr__qmp_execute(q, "query-hotpluggable-cpus", NULL, &slots, err) < 0)
        return NULL;
    ok = json_object_is_type(slots, json_type_array) &&
         json_object_array_length(slots) == def->max_vcpus;
    for (uint32_t i = 0; ok && i < def->max_vcpus; i++)
        ok = json_object_is_type(json_object_array_get_idx(slots, i), json_type_object);
    if (!ok) {
        json_object_put(slots);
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator has not %u places for vCPUs",
                   def->max_vcpus);
        return NULL;
    }
    json_object_array_sort(slots, compare_places);
    return slots;
}

/* What is there, which is more than the definition knows of when a caller died. */
static void adopt(struct vmgr__domain_def *def, struct json_object *slots)
{
    vmgr__vcpus_single(def);
    for (uint32_t i = 0; i < def->max_vcpus; i++) {
        const char *path = string_of(json_object_array_get_idx(slots, i), "qom-path");

        vmgr__vcpu_set_online(def, i, path != NULL);
        vmgr__vcpu(def, i)->hotpluggable = !path || g_str_has_prefix(path, "/machine/peripheral/");
    }
    vmgr__vcpus_number(def);
}

static int plug(struct vemu_qmp *q, struct json_object *slot, unsigned number,
                struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *props;

    vmgr__vemu_set(args, "driver", string_of(slot, "type"));
    vmgr__vemu_setf(args, "id", "vcpu%u", number);
    if (json_object_object_get_ex(slot, "props", &props) &&
        json_object_is_type(props, json_type_object)) {
        json_object_object_foreach(props, key, value)
        {
            json_object_object_add(args, key, json_object_get(value));
        }
    }
    return vmgr__qmp_execute(q, "device_add", args, NULL, err);
}

/* Asks for one CPU and waits. */
static int unplug(struct vemu_qmp *q, struct json_object *slot, struct vmgr_error **err)
{
    const char *id = strrchr(string_of(slot, "qom-path"), '/') + 1;
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, "id", id);
    if (vmgr__qmp_execute(q, "device_del", args, NULL, err) < 0)
        return -1;
    if (vmgr__qmp_await_deleted(q, id, UNPLUG_TIMEOUT_MS))
        return 0;
    return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                      "vcpu unplug request timed out. Unplug result "
                      "must be manually inspected in the domain");
}

/* Plugs in from below, unplugs from above. The definition follows each success. */
static int resize(struct vemu_qmp *q, struct vmgr__domain_def *def, struct json_object *slots,
                  const uint8_t *wanted, struct vmgr_error **err)
{
    for (uint32_t i = 0; i < def->max_vcpus; i++) {
        if (!wanted[i] || vmgr__vcpu_online(def, i))
            continue;
        if (plug(q, json_object_array_get_idx(slots, i), i, err) < 0)
            return -1;
        vmgr__vcpu_set_online(def, i, true);
        vmgr__vcpus_number(def);
    }
    for (uint32_t i = def->max_vcpus; i-- > 0;) {
        if (wanted[i] || !vmgr__vcpu_online(def, i))
            continue;
        if (unplug(q, json_object_array_get_idx(slots, i), err) < 0)
            return -1;
        vmgr__vcpu_set_online(def, i, false);
        vmgr__vcpus_number(def);
    }
    return 0;
}

/* ---- operations ---- */

struct wish {
    const char *vcpus; /* a document: which; NULL: count */
    bool there;
    uint32_t count;
};

static int set_by_monitor(struct vemu_change *c, struct vemu_qmp *q, const struct wish *wish,
                          struct vmgr_error **err)
{
    struct vmgr__domain_def *def = c->status.def;
    struct json_object *slots = query_slots(q, def, err);
    g_autofree uint8_t *wanted = NULL;
    int r = -1;

    if (!slots)
        return -1;
    adopt(def, slots);
    wanted = wish->vcpus ? vmgr__def_choose_vcpu(def, wish->vcpus, wish->there, err)
                         : vmgr__def_choose_vcpus(def, wish->count, err);
    if (wanted)
        r = resize(q, def, slots, wanted, err);
    json_object_put(slots);
    return r;
}

static int set_live(struct vemu_change *c, const struct wish *wish, struct vmgr_error **err)
{
    struct vemu_qmp *q;
    int r = -1;

    if (!vmgr__vemu_has_pci(c->status.def))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "machine '%s' has no slots for vCPUs that come later",
                          c->status.def->os.machine);
    q = vmgr__vemu_change_monitor(c, err);
    if (q)
        r = set_by_monitor(c, q, wish, err);
    if (r == 0)
        r = vmgr__threads_place_new(c, q, VMGR__TUNE_PERIOD, VMGR__TUNE_QUOTA, err);
    vmgr__qmp_close(q);
    return r;
}

static int set_config(struct vmgr__domain_def *def, const struct wish *wish, uint32_t flags,
                      struct vmgr_error **err)
{
    return wish->vcpus ? vmgr__def_set_vcpu(def, wish->vcpus, wish->there, err)
                       : vmgr__def_set_vcpus(def, wish->count, flags, false, err);
}

static int change_vcpus(struct vmgr_domain *dom, const struct wish *wish, uint32_t flags,
                        struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (config)
        r = set_config(c.config, wish, flags, err);
    if (r == 0 && live && flags & VMGR_DOMAIN_VCPU_MAXIMUM)
        r = vmgr__def_set_vcpus(c.status.def, wish->count, flags, true, err);
    else if (r == 0 && live && set_live(&c, wish, err) < 0) {
        /* What was reached before the failure is what the guest has. */
        vmgr__vemu_status_save(c.d, c.name, &c.status, NULL);
        r = -1;
    }
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

int vmgr__vemu_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err)
{
    const struct wish wish = { .count = count };

    if (flags & VMGR_DOMAIN_VCPU_GUEST && flags & VMGR_DOMAIN_VCPU_MAXIMUM)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "setting the maximum vCPU count is not possible via the guest agent");
    if (flags & VMGR_DOMAIN_VCPU_GUEST)
        return vmgr__vemu_agent_resize_vcpus(dom, count, err);
    return change_vcpus(dom, &wish, flags, err);
}

int vmgr__vemu_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t flags,
                        struct vmgr_error **err)
{
    const struct wish wish = { .vcpus = vcpus, .there = there };

    return change_vcpus(dom, &wish, flags, err);
}
