/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions: what the next start uses. */
#include "test.h"

static int refuse_validate(uint32_t flags, uint32_t validate, struct vmgr_error **err)
{
    if (!(flags & validate))
        return 0;
    return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_TEST,
                           "validation against a schema is not available");
}

static struct vmgr__domain_def *parse(const char *xml, struct vmgr_error **err)
{
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &vmgr__test_defaults, VMGR__CONF_INACTIVE, err);

    if (def && vmgr__firmware_check(def, err) < 0) {
        vmgr__domain_def_free(def);
        return NULL;
    }
    return def;
}

int vmgr__test_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__domain_def *def;
    struct vmgr__domobj *obj;
    int detail = VMGR_DOMAIN_EVENT_DEFINED_UPDATED;

    if (refuse_validate(flags, VMGR_DOMAIN_DEFINE_VALIDATE, err) < 0)
        return -1;
    def = parse(xml, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (vmgr__domlist_check(&t->list, def, false, &obj, err) < 0) {
        vmgr__domain_def_free(def);
        return vmgr__test_leave(t, -1);
    }
    if (!obj) {
        obj = vmgr__domobj_new();
        obj->config = def;
        vmgr__domlist_add(&t->list, obj);
        detail = VMGR_DOMAIN_EVENT_DEFINED_ADDED;
    } else {
        if (!obj->config)
            detail = VMGR_DOMAIN_EVENT_DEFINED_ADDED;
        vmgr__domain_def_free(obj->config);
        obj->config = def;
    }
    vmgr__test_emit(conn, obj, VMGR_DOMAIN_EVENT_DEFINED, detail);
    if (ret)
        *ret = vmgr__domain_new(conn, def->name, def->uuid);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__domain_def *def;
    struct vmgr__domobj *obj;
    int r;

    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY |
                              VMGR_DOMAIN_START_VALIDATE | VMGR_DOMAIN_START_FORCE_BOOT,
                          "testDomainCreateXML", err) < 0 ||
        refuse_validate(flags, VMGR_DOMAIN_START_VALIDATE, err) < 0)
        return -1;
    def = parse(xml, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (vmgr__domlist_check(&t->list, def, true, &obj, err) < 0) {
        vmgr__domain_def_free(def);
        return vmgr__test_leave(t, -1);
    }
    if (!obj) {
        obj = vmgr__domobj_new();
        obj->live = def;
        vmgr__domlist_add(&t->list, obj);
    } else {
        obj->live = def;
    }
    r = vmgr__test_begin(t, conn, obj, flags, err);
    if (r == 0 && ret)
        *ret = vmgr__domain_new(conn, def->name, def->uuid);
    return vmgr__test_leave(t, r);
}

int vmgr__test_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;

    /* There is never a managed save, snapshot or checkpoint to remove. */
    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                              VMGR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                              VMGR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
                          "testDomainUndefineFlags", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    if (!obj->config)
        return vmgr__test_leave(t, vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                                                   "cannot undefine transient domain"));
    obj->autostart = false;
    vmgr__test_emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_UNDEFINED,
                    VMGR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    if (!obj->live) {
        vmgr__domlist_remove(&t->list, obj);
    } else {
        vmgr__domain_def_free(obj->config);
        obj->config = NULL;
    }
    return vmgr__test_leave(t, 0);
}

int vmgr__test_rename(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(dom);
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    struct vmgr__domobj *fresh;

    if (!obj)
        return -1;
    if (vmgr__domlist_check_rename(&t->list, obj, name, err) < 0)
        return vmgr__test_leave(t, -1);
    vmgr__test_emit(conn, obj, VMGR_DOMAIN_EVENT_UNDEFINED, VMGR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    fresh = vmgr__domobj_new();
    fresh->config = vmgr__domain_def_copy(obj->config, &vmgr__test_defaults, err);
    if (!fresh->config) {
        vmgr__domobj_free(fresh);
        return vmgr__test_leave(t, -1);
    }
    fresh->autostart = obj->autostart;
    fresh->reason = obj->reason;
    fresh->checkpoints = g_steal_pointer(&obj->checkpoints);
    g_free(fresh->config->name);
    fresh->config->name = g_strdup(name);
    vmgr__domlist_remove(&t->list, obj);
    vmgr__domlist_add(&t->list, fresh);
    vmgr__test_emit(conn, fresh, VMGR_DOMAIN_EVENT_DEFINED, VMGR_DOMAIN_EVENT_DEFINED_RENAMED);
    vmgr__domain_set_name(dom, name);
    return vmgr__test_leave(t, 0);
}
