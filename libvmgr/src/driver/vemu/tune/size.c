/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory and vCPUs of guests: the balloon, and CPUs that come and go.
 */
#include <string.h>

#include "../run/agent.h"
#include "cgroup.h"
#include "../change.h"
#include "../device/memory.h"
#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/status.h"
#include "size.h"

#define UNPLUG_TIMEOUT_MS 10000

/* It takes from what the guest boots with; what that has in devices stays. */
static int set_balloon(struct vemu_change *c, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();
    struct vmgr__domain_def *def = c->status.def;
    const uint64_t plugged = vmgr__memory_plugged(def);

    if (!vmgr__vemu_has_balloon(c->status.def)) {
        json_object_put(args);
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "Unable to change memory of active domain without the balloon device and "
                          "guest OS balloon driver");
    }
    if (plugged && def->current_memory_kib <= plugged) {
        json_object_put(args);
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "cannot set memory to %" G_GUINT64_FORMAT " KiB: %" G_GUINT64_FORMAT
                          " KiB are in memory devices",
                          def->current_memory_kib, plugged);
    }
    def->current_memory_kib = MIN(def->current_memory_kib, vmgr__memory_initial(def) + plugged);
    vmgr__vemu_set_int(args, "value", (int64_t)vmgr__vemu_memory_ballooned(def) * 1024);
    return vmgr__vemu_change_command(c, "balloon", args, err);
}

int vmgr__vemu_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                          struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (config)
        r = vmgr__def_set_memory(c.config, kib, flags, false, err);
    if (r == 0 && live)
        r = vmgr__def_set_memory(c.status.def, kib, flags, true, err);
    if (r == 0 && live)
        r = set_balloon(&c, err);
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

/* ---- vCPUs ---- */

static const char *string_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? json_object_get_string(value)
               : NULL;
}

static int plug_cpu(struct vemu_qmp *q, struct json_object *slot, unsigned number,
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

/* Asks for one CPU and waits. Only those that were plugged in can go. */
static int unplug_cpu(struct vemu_qmp *q, const char *path, struct vmgr_error **err)
{
    const char *id = strrchr(path, '/') + 1;
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

/* slots: as query-hotpluggable-cpus gives them. *count begins with what is there, which is more
 * than the definition knows of when a caller died, and follows each success. */
static int resize(struct vemu_qmp *q, struct json_object *slots, unsigned *count, unsigned wanted,
                  struct vmgr_error **err)
{
    const size_t n =
        json_object_is_type(slots, json_type_array) ? json_object_array_length(slots) : 0;

    /* Slots come in either order: those that have a CPU say so. */
    *count = 0;
    for (size_t i = 0; i < n; i++)
        *count += string_of(json_object_array_get_idx(slots, i), "qom-path") ? 1 : 0;
    for (size_t i = 0; i < n && *count < wanted; i++) {
        struct json_object *slot = json_object_array_get_idx(slots, i);

        if (string_of(slot, "qom-path"))
            continue;
        if (plug_cpu(q, slot, (unsigned)i, err) < 0)
            return -1;
        (*count)++;
    }
    for (size_t i = n; i-- > 0 && *count > wanted;) {
        const char *path = string_of(json_object_array_get_idx(slots, i), "qom-path");

        if (!path || !g_str_has_prefix(path, "/machine/peripheral/"))
            continue;
        if (unplug_cpu(q, path, err) < 0)
            return -1;
        (*count)--;
    }
    if (*count != wanted)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "vCPUs that were there at the start cannot be removed");
    return 0;
}

static int set_live(struct vemu_change *c, unsigned wanted, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = c->status.def;
    struct json_object *slots = NULL;
    struct vemu_qmp *q;
    int r = -1;

    if (wanted > def->max_vcpus)
        return vmgr__def_set_vcpus(def, wanted, 0, true, err);
    if (!vmgr__vemu_has_pci(def))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "machine '%s' has no slots for vCPUs that come later", def->os.machine);
    q = vmgr__vemu_change_monitor(c, err);
    if (q && vmgr__qmp_execute(q, "query-hotpluggable-cpus", NULL, &slots, err) == 0)
        r = resize(q, slots, &def->vcpus, wanted, err);
    json_object_put(slots);
    if (r == 0)
        r = vmgr__threads_place_new(c, q, VMGR__TUNE_PERIOD, VMGR__TUNE_QUOTA, err);
    vmgr__qmp_close(q);
    return r;
}

/* vcpus: which, for vmgr__def_count_vcpus(); NULL: count is how many. */
static int change_vcpus(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t count,
                        uint32_t flags, struct vmgr_error **err)
{
    uint32_t live_count = count, config_count = count;
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (vcpus && config)
        r = vmgr__def_count_vcpus(c.config, vcpus, there, &config_count, err);
    if (r == 0 && vcpus && live)
        r = vmgr__def_count_vcpus(c.status.def, vcpus, there, &live_count, err);
    if (r == 0 && config)
        r = vmgr__def_set_vcpus(c.config, config_count, flags, false, err);
    if (r == 0 && live && flags & VMGR_DOMAIN_VCPU_MAXIMUM)
        r = vmgr__def_set_vcpus(c.status.def, live_count, flags, true, err);
    else if (r == 0 && live && set_live(&c, live_count, err) < 0) {
        /* What was reached before the failure is what the guest has. */
        vmgr__vemu_status_save(c.d, c.name, &c.status, NULL);
        r = -1;
    }
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

int vmgr__vemu_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err)
{
    if (flags & VMGR_DOMAIN_VCPU_GUEST && flags & VMGR_DOMAIN_VCPU_MAXIMUM)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "setting the maximum vCPU count is not possible via the guest agent");
    if (flags & VMGR_DOMAIN_VCPU_GUEST)
        return vmgr__vemu_agent_resize_vcpus(dom, count, err);
    if (flags & VMGR_DOMAIN_VCPU_HOTPLUGGABLE)
        return vemu_error(
            err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
            "choosing which vCPUs are hot-pluggable is not supported: those that were "
            "added are");
    return change_vcpus(dom, NULL, false, count, flags, err);
}

int vmgr__vemu_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t flags,
                        struct vmgr_error **err)
{
    return change_vcpus(dom, vcpus, there, 0, flags, err);
}

int vmgr__vemu_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                struct vmgr_error **err)
{
    struct json_object *args;
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (config)
        r = vmgr__def_set_stats_period(c.config, period, err);
    if (r == 0 && live)
        r = vmgr__def_set_stats_period(c.status.def, period, err);
    if (r == 0 && live) {
        args = json_object_new_object();
        vmgr__vemu_set(args, "path", "/machine/peripheral/balloon0");
        vmgr__vemu_set(args, "property", "guest-stats-polling-interval");
        vmgr__vemu_set_int(args, "value", period);
        r = vmgr__vemu_change_command(&c, "qom-set", args, err);
    }
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

int vmgr__vemu_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return vmgr__vemu_change_by_command(dom, "inject-nmi", NULL, err);
}
