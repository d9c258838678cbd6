/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: what changes them. Older procedures, without flags, are used where there
 * are none, as other clients do: errors name the function a person called.
 */
#include "remote.h"

/* Arguments of every procedure that takes a domain, or a domain and flags. */
static int act(struct vmgr_domain *dom, int32_t procedure, uint32_t flags, struct vmgr_error **err)
{
    const struct {
        struct wire_domain dom;
        uint32_t flags;
    } args = { vmgr__remote_domain(dom), flags };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data, procedure, &args, err);
}

/* From a document, to a domain. */
static int make(struct vmgr_conn *conn, int32_t procedure, const char *xml, uint32_t flags,
                struct vmgr_domain **ret, struct vmgr_error **err)
{
    const struct wire_domain_create_xml_args args = { .xml_desc = (char *)xml, .flags = flags };
    struct wire_domain_create_xml_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, procedure, &args, &out, &reply, err);

    if (result == 0)
        *ret = vmgr__domain_new(conn, out.dom.name, out.dom.uuid);
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                               struct vmgr_domain **ret, struct vmgr_error **err)
{
    return make(conn, flags ? WIRE_DOMAIN_DEFINE_XML_FLAGS : WIRE_DOMAIN_DEFINE_XML, xml, flags,
                ret, err);
}

int vmgr__remote_domain_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                               struct vmgr_domain **ret, struct vmgr_error **err)
{
    return make(conn, WIRE_DOMAIN_CREATE_XML, xml, flags, ret, err);
}

int vmgr__remote_domain_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return act(dom, flags ? WIRE_DOMAIN_UNDEFINE_FLAGS : WIRE_DOMAIN_UNDEFINE, flags, err);
}

int vmgr__remote_domain_rename(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    const struct wire_domain_rename_args args = { .dom = vmgr__remote_domain(dom),
                                                  .new_name = (char *)name };
    const int result =
        vmgr__remote_number(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_RENAME, &args, err);

    if (result >= 0)
        vmgr__domain_set_name(dom, name);
    return result < 0 ? -1 : 0;
}

int vmgr__remote_domain_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    /* The domain that the second gives is the one we have. */
    return act(dom, flags ? WIRE_DOMAIN_CREATE_WITH_FLAGS : WIRE_DOMAIN_CREATE, flags, err);
}

int vmgr__remote_domain_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return act(dom, flags ? WIRE_DOMAIN_SHUTDOWN_FLAGS : WIRE_DOMAIN_SHUTDOWN, flags, err);
}

int vmgr__remote_domain_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_REBOOT, flags, err);
}

int vmgr__remote_domain_reset(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_RESET, 0, err);
}

int vmgr__remote_domain_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return act(dom, flags ? WIRE_DOMAIN_DESTROY_FLAGS : WIRE_DOMAIN_DESTROY, flags, err);
}

int vmgr__remote_domain_suspend(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_SUSPEND, 0, err);
}

int vmgr__remote_domain_resume(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_RESUME, 0, err);
}

int vmgr__remote_domain_pm_suspend(struct vmgr_domain *dom, uint32_t target, uint64_t duration,
                                   struct vmgr_error **err)
{
    const struct wire_domain_pm_suspend_for_duration_args args = { .dom = vmgr__remote_domain(dom),
                                                                   .target = target,
                                                                   .duration = duration };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data,
                           WIRE_DOMAIN_PM_SUSPEND_FOR_DURATION, &args, err);
}

int vmgr__remote_domain_pm_wakeup(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_PM_WAKEUP, 0, err);
}

int vmgr__remote_domain_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err)
{
    return act(dom, WIRE_DOMAIN_SET_AUTOSTART, on, err);
}

int vmgr__remote_domain_set_metadata(struct vmgr_domain *dom, int type, const char *text,
                                     const char *key, const char *uri, uint32_t flags,
                                     struct vmgr_error **err)
{
    const struct wire_domain_set_metadata_args args = { .dom = vmgr__remote_domain(dom),
                                                        .type = type,
                                                        .metadata = (char *)text,
                                                        .key = (char *)key,
                                                        .uri = (char *)uri,
                                                        .flags = flags };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_SET_METADATA, &args,
                           err);
}

int vmgr__remote_domain_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                                     struct vmgr_stream **ret, struct vmgr_error **err)
{
    const struct wire_domain_open_console_args args = { .dom = vmgr__remote_domain(dom),
                                                        .dev_name = (char *)device,
                                                        .flags = flags };

    return vmgr__remote_call_stream(vmgr_domain_get_conn(dom)->driver_data,
                                    WIRE_DOMAIN_OPEN_CONSOLE, &args, REMOTE_STREAM_CONSOLE, false,
                                    ret, err);
}

int vmgr__remote_domain_open_channel(struct vmgr_domain *dom, const char *name, uint32_t flags,
                                     struct vmgr_stream **ret, struct vmgr_error **err)
{
    const struct wire_domain_open_channel_args args = { .dom = vmgr__remote_domain(dom),
                                                        .name = (char *)name,
                                                        .flags = flags };

    return vmgr__remote_call_stream(vmgr_domain_get_conn(dom)->driver_data,
                                    WIRE_DOMAIN_OPEN_CHANNEL, &args, REMOTE_STREAM_CONSOLE, false,
                                    ret, err);
}
