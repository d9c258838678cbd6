/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of one domain: the frame around every operation that writes.
 */
#include "change.h"
#include "define.h"
#include "device/plug.h"
#include "run/qmp.h"
#include "state/cache.h"
#include "state/lock.h"
#include "state/paths.h"
#include "state/status.h"

#include <string.h>

static int load(struct vemu_change *c, struct vmgr_error **err)
{
    if (vmgr__vemu_config_load(c->d, c->name, &c->config, err) < 0 ||
        vmgr__vemu_status_load(c->d, c->name, &c->status, err) < 0)
        return -1;
    if (vmgr__vemu_settle_locked(c->d, c->name, &c->status, err) < 0)
        return -1;
    vmgr__vemu_plugs_settle(c);
    return 0;
}

int vmgr__vemu_change_begin_name(struct vemu_change *c, struct vemu *d, const char *name,
                                 struct vmgr_error **err)
{
    *c = (struct vemu_change){
        .d = d, .name = g_strdup(name), .lock = -1, .status = { .state = VMGR_DOMAIN_SHUTOFF }
    };
    c->lock = vmgr__vemu_lock(d, name, err);
    if (c->lock >= 0 && load(c, err) == 0)
        return 0;
    return vmgr__vemu_change_end(c, -1);
}

int vmgr__vemu_change_try_name(struct vemu_change *c, struct vemu *d, const char *name)
{
    *c = (struct vemu_change){ .d = d,
                               .name = g_strdup(name),
                               .status = { .state = VMGR_DOMAIN_SHUTOFF } };
    c->lock = vmgr__vemu_try_lock(d, name);
    if (c->lock < 0) {
        g_clear_pointer(&c->name, g_free);
        return -1;
    }
    return load(c, NULL) == 0 ? 0 : vmgr__vemu_change_end(c, -1);
}

static bool has_uuid(const struct vemu_change *c, const uint8_t *uuid)
{
    const struct vmgr__domain_def *def = c->status.def ? c->status.def : c->config;

    return def && memcmp(def->uuid, uuid, VMGR_UUID_SIZE) == 0;
}

int vmgr__vemu_change_begin(struct vemu_change *c, struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *name = vmgr__vemu_name_of(d, dom, err);
    uint8_t uuid[VMGR_UUID_SIZE];

    if (!name || vmgr__vemu_change_begin_name(c, d, name, err) < 0)
        return -1;
    vmgr_domain_get_uuid(dom, uuid);
    if (has_uuid(c, uuid))
        return 0;
    /* It was removed or renamed while this call waited for the lock. */
    vemu_error(err, VMGR_ERR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)",
               vmgr_domain_get_uuid_string(dom), name);
    return vmgr__vemu_change_end(c, -1);
}

int vmgr__vemu_change_end(struct vemu_change *c, int r)
{
    vmgr__vemu_unlock(c->lock);
    c->lock = -1;
    vmgr__vemu_changed(c->d, c->name, c->status.reason);
    vmgr__domain_def_free(c->config);
    c->config = NULL;
    vmgr__vemu_status_clear(&c->status);
    g_clear_pointer(&c->name, g_free);
    return r;
}

bool vmgr__vemu_change_is_active(const struct vemu_change *c)
{
    return c->status.phase != VEMU_OFF;
}

int vmgr__vemu_change_need_active(const struct vemu_change *c, struct vmgr_error **err)
{
    if (vmgr__vemu_change_is_active(c))
        return 0;
    return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is not running");
}

int vmgr__vemu_change_begin_active(struct vemu_change *c, struct vmgr_domain *dom,
                                   struct vmgr_error **err)
{
    if (vmgr__vemu_change_begin(c, dom, err) < 0)
        return -1;
    return vmgr__vemu_change_need_active(c, err) == 0 ? 0 : vmgr__vemu_change_end(c, -1);
}

static int choose_defs(const struct vemu_change *c, uint32_t flags, bool *ret_live,
                       bool *ret_config, struct vmgr_error **err)
{
    const uint32_t which = flags & (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG);
    bool active = vmgr__vemu_change_is_active(c);

    *ret_live = which ? which & VMGR_DOMAIN_AFFECT_LIVE : active;
    *ret_config = which ? which & VMGR_DOMAIN_AFFECT_CONFIG : !active;
    if (*ret_live && vmgr__vemu_change_need_active(c, err) < 0)
        return -1;
    if (*ret_config && !c->config)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "transient domains do not have any persistent config");
    return 0;
}

int vmgr__vemu_change_begin_defs(struct vemu_change *c, struct vmgr_domain *dom, uint32_t flags,
                                 bool *ret_live, bool *ret_config, struct vmgr_error **err)
{
    if (vmgr__vemu_change_begin(c, dom, err) < 0)
        return -1;
    return choose_defs(c, flags, ret_live, ret_config, err) == 0 ? 0 : vmgr__vemu_change_end(c, -1);
}

int vmgr__vemu_change_save_end(struct vemu_change *c, bool live, bool config, int r,
                               struct vmgr_error **err)
{
    if (r == 0 && live) {
        c->status.updated = true;
        r = vmgr__vemu_status_save(c->d, c->name, &c->status, err);
    }
    if (r == 0 && config)
        r = vmgr__vemu_config_save(c->d, c->config, err);
    return vmgr__vemu_change_end(c, r);
}

struct vemu_qmp *vmgr__vemu_change_monitor(const struct vemu_change *c, struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__vemu_run_path(c->d, c->name, NULL);

    return vmgr__qmp_open(dir, -1, VEMU_QMP_TIMEOUT_MS, err);
}

struct vemu_qmp *vmgr__vemu_change_begin_monitor(struct vemu_change *c, struct vmgr_domain *dom,
                                                 struct vmgr_error **err)
{
    struct vemu_qmp *q;

    if (vmgr__vemu_change_begin_active(c, dom, err) < 0)
        return NULL;
    q = vmgr__vemu_change_monitor(c, err);
    if (!q)
        vmgr__vemu_change_end(c, -1);
    return q;
}

int vmgr__vemu_change_command(const struct vemu_change *c, const char *name,
                              struct json_object *args, struct vmgr_error **err)
{
    struct vemu_qmp *q = vmgr__vemu_change_monitor(c, err);
    int r = -1;

    if (q)
        r = vmgr__qmp_execute(q, name, args, NULL, err);
    else
        json_object_put(args);
    vmgr__qmp_close(q);
    return r;
}

int vmgr__vemu_change_by_command(struct vmgr_domain *dom, const char *name,
                                 struct json_object *args, struct vmgr_error **err)
{
    struct vemu_change c;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0) {
        json_object_put(args);
        return -1;
    }
    return vmgr__vemu_change_end(&c, vmgr__vemu_change_command(&c, name, args, err));
}
