/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures that change a domain: definitions and the life cycle.
 */
#include "internal.h"

static int define_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_define_xml_args *a = args;
    struct wire_domain_define_xml_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_define_xml(call->conn, a->xml, 0, &dom, &call->err) < 0)
        return -1;
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int define_xml_flags(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_define_xml_flags_args *a = args;
    struct wire_domain_define_xml_flags_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_define_xml(call->conn, a->xml, a->flags, &dom, &call->err) < 0)
        return -1;
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_create_xml_args *a = args;
    struct wire_domain_create_xml_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_create_xml(call->conn, a->xml_desc, a->flags, &dom, &call->err) < 0)
        return -1;
    if (a->flags & VMGR_DOMAIN_START_AUTODESTROY)
        vmgr__autodestroy_add(call, dom);
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int create_with_flags(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_create_with_flags_args *a = args;
    struct wire_domain_create_with_flags_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    if (!dom || vmgr_domain_start(dom, a->flags, &call->err) < 0)
        return -1;
    if (a->flags & VMGR_DOMAIN_START_AUTODESTROY)
        vmgr__autodestroy_add(call, dom);
    return vmgr__call_put_domain(call, dom, &r->dom);
}

static int domain_rename(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_rename_args *a = args;
    struct wire_domain_rename_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    if (!dom)
        return -1;
    if (!a->new_name)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                               "invalid argument: a new name is missing");
    r->retcode = vmgr_domain_rename(dom, a->new_name, a->flags, &call->err);
    return r->retcode;
}

/* Changes that give nothing back: their arguments begin with the domain. */
#define CHANGE(procedure, change)                                                                  \
    static int change_##procedure(struct vmgr__call *call, const void *args, void *ret)            \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? change : -1;                                                                  \
    }

CHANGE(create, vmgr_domain_start(dom, 0, &call->err))
CHANGE(destroy, vmgr_domain_destroy(dom, 0, &call->err))
CHANGE(destroy_flags, vmgr_domain_destroy(dom, a->flags, &call->err))
CHANGE(shutdown, vmgr_domain_shutdown(dom, 0, &call->err))
CHANGE(shutdown_flags, vmgr_domain_shutdown(dom, a->flags, &call->err))
CHANGE(reboot, vmgr_domain_reboot(dom, a->flags, &call->err))
CHANGE(reset, vmgr_domain_reset(dom, a->flags, &call->err))
CHANGE(suspend, vmgr_domain_suspend(dom, &call->err))
CHANGE(resume, vmgr_domain_resume(dom, &call->err))
CHANGE(pm_suspend_for_duration,
       vmgr_domain_pm_suspend_for_duration(dom, a->target, a->duration, a->flags, &call->err))
CHANGE(pm_wakeup, vmgr_domain_pm_wakeup(dom, a->flags, &call->err))
CHANGE(undefine, vmgr_domain_undefine(dom, 0, &call->err))
CHANGE(undefine_flags, vmgr_domain_undefine(dom, a->flags, &call->err))
CHANGE(set_autostart, vmgr_domain_set_autostart(dom, a->autostart, &call->err))

const struct vmgr__handler vmgr__handlers_domain_change[] = {
    { WIRE_DOMAIN_DEFINE_XML, define_xml, 0 },
    { WIRE_DOMAIN_DEFINE_XML_FLAGS, define_xml_flags, 0 },
    { WIRE_DOMAIN_UNDEFINE, change_undefine, 0 },
    { WIRE_DOMAIN_UNDEFINE_FLAGS, change_undefine_flags, 0 },
    { WIRE_DOMAIN_RENAME, domain_rename, 0 },
    { WIRE_DOMAIN_SET_AUTOSTART, change_set_autostart, 0 },
    { WIRE_DOMAIN_CREATE, change_create, 0 },
    { WIRE_DOMAIN_CREATE_WITH_FLAGS, create_with_flags, 0 },
    { WIRE_DOMAIN_CREATE_XML, create_xml, 0 },
    { WIRE_DOMAIN_DESTROY, change_destroy, 0 },
    { WIRE_DOMAIN_DESTROY_FLAGS, change_destroy_flags, 0 },
    { WIRE_DOMAIN_SHUTDOWN, change_shutdown, 0 },
    { WIRE_DOMAIN_SHUTDOWN_FLAGS, change_shutdown_flags, 0 },
    { WIRE_DOMAIN_REBOOT, change_reboot, 0 },
    { WIRE_DOMAIN_RESET, change_reset, 0 },
    { WIRE_DOMAIN_SUSPEND, change_suspend, 0 },
    { WIRE_DOMAIN_RESUME, change_resume, 0 },
    { WIRE_DOMAIN_PM_SUSPEND_FOR_DURATION, change_pm_suspend_for_duration, 0 },
    { WIRE_DOMAIN_PM_WAKEUP, change_pm_wakeup, 0 },
    { 0, NULL, 0 },
};
