/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that sleep: put to sleep by their agents, woken by the emulator's monitor.
 *
 * An agent does not answer a command that puts its guest to sleep, only one that it cannot carry
 * out. So while it says nothing the monitor is asked what became of the guest; who sees first that
 * it sleeps, this or a listener (news.c), writes that into the status.
 */
#include "pm.h"

#include <string.h>
#include <vmgr/node.h>

#include "../change.h"
#include "../device/parts.h"
#include "../state/status.h"
#include "agent.h"

int vmgr__vemu_pm_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    if (def->pm_mem == 1 && !vmgr__vemu_has_pci(def))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "<suspend-to-mem> is not supported by machine '%s', which has no S3",
                          def->os.machine);
    if (def->pm_disk == 1)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "<suspend-to-disk> is not supported by the vemu driver: there is no S4");
    return 0;
}

/* ---- to sleep ---- */

struct bedtime {
    struct vemu *d;
    char *name;
};

/* Whether the guest sleeps, or is off, as one is that went to disk. Its domain may be in use: then
 * that is found out the next time. */
static bool is_asleep(void *data)
{
    struct bedtime *b = data;
    struct vemu_qmp *q;
    struct vemu_change c;
    int state = VMGR_DOMAIN_RUNNING, reason;
    bool asleep;

    if (vmgr__vemu_change_try_name(&c, b->d, b->name) < 0)
        return false;
    asleep = !vmgr__vemu_change_is_active(&c);
    q = asleep ? NULL : vmgr__vemu_change_monitor(&c, NULL);
    if (q && vmgr__qmp_state(q, &state, &reason, NULL) == 0 && state == VMGR_DOMAIN_PMSUSPENDED) {
        asleep = true;
        if (c.status.state == VMGR_DOMAIN_RUNNING) {
            c.status.state = state;
            c.status.reason = reason;
            vmgr__vemu_status_save(c.d, c.name, &c.status, NULL);
        }
    }
    vmgr__qmp_close(q);
    vmgr__vemu_change_end(&c, 0);
    return asleep;
}

/* What the guest's board can, and its definition allows. A guest that goes to disk is off. */
static int check_support(struct vemu_change *c, uint32_t target, struct vmgr_error **err)
{
    const struct vmgr__domain_def *def = c->status.def;
    struct json_object *result, *value;
    struct vemu_qmp *q;
    bool supported;
    int r;

    if (target == VMGR_NODE_SUSPEND_DISK)
        return def->pm_disk == 2 ? vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                                              "S4 state is disabled for this domain")
                                 : 0;
    if (def->pm_mem == 2)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "S3 state is disabled for this domain");
    q = vmgr__vemu_change_monitor(c, err);
    if (!q)
        return -1;
    r = vmgr__qmp_execute(q, "query-current-machine", NULL, &result, err);
    vmgr__qmp_close(q);
    if (r < 0)
        return -1;
    supported = json_object_is_type(result, json_type_object) &&
                json_object_object_get_ex(result, "wakeup-suspend-support", &value) &&
                json_object_get_boolean(value);
    json_object_put(result);
    return supported ? 0
                     : vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                                  "Domain does not have suspend support");
}

int vmgr__vemu_pm_suspend(struct vmgr_domain *dom, uint32_t target, uint64_t duration,
                          struct vmgr_error **err)
{
    static const char *const commands[] = { [VMGR_NODE_SUSPEND_MEM] = "guest-suspend-ram",
                                            [VMGR_NODE_SUSPEND_DISK] = "guest-suspend-disk",
                                            [VMGR_NODE_SUSPEND_HYBRID] = "guest-suspend-hybrid" };
    struct bedtime b;
    struct vemu_change c;
    int r;

    if (duration)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "Duration not supported. Use 0 for now");
    if (target >= G_N_ELEMENTS(commands))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "Unknown suspend target: %u", target);
    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    b = (struct bedtime){ .d = c.d, .name = g_strdup(c.name) };
    /* The lock goes before the agent is asked: it may take its time. */
    r = vmgr__vemu_change_end(&c, check_support(&c, target, err));
    if (r == 0)
        r = vmgr__vemu_agent_suspend(dom, commands[target], is_asleep, &b, err);
    g_free(b.name);
    return r;
}

/* ---- awake ---- */

int vmgr__vemu_pm_wakeup(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu_change c;
    int r;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    r = vmgr__vemu_change_command(&c, "system_wakeup", NULL, err);
    if (r == 0) {
        c.status.state = VMGR_DOMAIN_RUNNING;
        c.status.reason = VMGR_DOMAIN_RUNNING_WAKEUP;
        r = vmgr__vemu_status_save(c.d, c.name, &c.status, err);
    }
    return vmgr__vemu_change_end(&c, r);
}
