/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a domain that is only states and events. */
#include "test.h"

int vmgr__test_begin(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj,
                     uint32_t flags, struct vmgr_error **err)
{
    if (!obj->live) {
        obj->live = vmgr__domain_def_copy(obj->config, &vmgr__test_defaults, err);
        if (!obj->live)
            return -1;
    }
    obj->live->id = t->next_id++;
    obj->autodestroy = flags & VMGR_DOMAIN_START_AUTODESTROY;
    obj->updated = false;
    obj->state = VMGR_DOMAIN_RUNNING;
    obj->reason = VMGR_DOMAIN_RUNNING_BOOTED;
    vmgr__test_emit(conn, obj, VMGR_DOMAIN_EVENT_STARTED, VMGR_DOMAIN_EVENT_STARTED_BOOTED);
    if (flags & VMGR_DOMAIN_START_PAUSED) {
        obj->state = VMGR_DOMAIN_PAUSED;
        obj->reason = VMGR_DOMAIN_PAUSED_USER;
        vmgr__test_emit(conn, obj, VMGR_DOMAIN_EVENT_SUSPENDED, VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
    return 0;
}

/* The guest is off. A transient domain is gone after this. */
void vmgr__test_end(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj, int reason,
                   int detail)
{
    obj->state = VMGR_DOMAIN_SHUTOFF;
    obj->reason = reason;
    vmgr__test_emit(conn, obj, VMGR_DOMAIN_EVENT_STOPPED, detail);
    if (!obj->config) {
        vmgr__domlist_remove(&t->list, obj);
        return;
    }
    vmgr__domain_def_free(obj->live);
    obj->live = NULL;
    obj->updated = false;
}

/* The guest powered off or rebooted: does what its definition says for that. */
static void guest_ended(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj,
                        int action)
{
    switch (action) {
    case VMGR__ACTION_RESTART:
    case VMGR__ACTION_RENAME_RESTART:
        obj->state = VMGR_DOMAIN_RUNNING;
        obj->reason = VMGR_DOMAIN_RUNNING_BOOTED;
        vmgr__conn_emit(conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                        VMGR_DOMAIN_EVENT_REBOOT, 0, 0);
        break;
    default:
        vmgr__test_end(t, conn, obj, VMGR_DOMAIN_SHUTOFF_SHUTDOWN,
                       VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        break;
    }
}

int vmgr__test_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;
    int r = -1;

    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY |
                              VMGR_DOMAIN_START_FORCE_BOOT,
                          "testDomainCreateWithFlags", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    if (obj->live)
        vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                        "domain '%s' is already running", vmgr__domobj_name(obj));
    else
        r = vmgr__test_begin(t, vmgr_domain_get_conn(dom), obj, flags, err);
    return vmgr__test_leave(t, r);
}

static int need_running(const struct vmgr__domobj *obj, struct vmgr_error **err)
{
    if (obj->state == VMGR_DOMAIN_RUNNING)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST, "domain '%s' not running",
                           vmgr__domobj_name(obj));
}

int vmgr__test_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;
    int r = -1;

    if (vmgr__check_flags(flags, 0, "testDomainShutdownFlags", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    if (!obj->live) {
        need_running(obj, err);
    } else {
        guest_ended(t, vmgr_domain_get_conn(dom), obj, obj->live->on_poweroff);
        r = 0;
    }
    return vmgr__test_leave(t, r);
}

int vmgr__test_reboot(struct vmgr_domain *dom, uint32_t flags,
                      struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        guest_ended(t, vmgr_domain_get_conn(dom), obj, obj->live->on_reboot);
    return vmgr__test_leave(t, r);
}

int vmgr__test_reset(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        vmgr__conn_emit(vmgr_domain_get_conn(dom), vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                        VMGR_DOMAIN_EVENT_REBOOT, 0, 0);
    return vmgr__test_leave(t, r);
}

int vmgr__test_destroy(struct vmgr_domain *dom, uint32_t flags G_GNUC_UNUSED,
                       struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;
    int r;

    if (vmgr__check_flags(flags, VMGR_DOMAIN_DESTROY_GRACEFUL, "testDomainDestroyFlags", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        vmgr__test_end(t, vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_SHUTOFF_DESTROYED,
               VMGR_DOMAIN_EVENT_STOPPED_DESTROYED);
    return vmgr__test_leave(t, r);
}

int vmgr__test_suspend(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = need_running(obj, err);
    if (r == 0) {
        obj->state = VMGR_DOMAIN_PAUSED;
        obj->reason = VMGR_DOMAIN_PAUSED_USER;
        vmgr__test_emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_SUSPENDED,
                        VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
    return vmgr__test_leave(t, r);
}

int vmgr__test_resume(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (obj->state != VMGR_DOMAIN_PAUSED) {
        r = vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST, "domain '%s' not paused",
                            vmgr__domobj_name(obj));
    } else {
        obj->state = VMGR_DOMAIN_RUNNING;
        obj->reason = VMGR_DOMAIN_RUNNING_UNPAUSED;
        vmgr__test_emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_RESUMED,
                        VMGR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    }
    return vmgr__test_leave(t, r);
}
