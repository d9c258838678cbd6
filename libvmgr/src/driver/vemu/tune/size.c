/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of guests: the balloon.
 */
#include "../change.h"
#include "../device/memory.h"
#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/status.h"
#include "size.h"

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
