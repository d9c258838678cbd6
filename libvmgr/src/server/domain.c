/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures that look at one domain.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void drop(void *dom)
{
    vmgr_domain_unref(dom);
}

struct vmgr_domain *vmgr__call_keep(struct vmgr__call *call, struct vmgr_domain *dom)
{
    return dom ? vmgr__arena_adopt(&call->arena, dom, drop) : NULL;
}

struct vmgr_domain *vmgr__call_domain(struct vmgr__call *call, const struct wire_domain *wire)
{
    struct vmgr_domain *dom = NULL;

    /* The UUID says which; name and number may have changed since the client was told. */
    vmgr_domain_lookup_by_uuid(call->conn, wire->uuid, &dom, &call->err);
    return vmgr__call_keep(call, dom);
}

int vmgr__call_put_domain(struct vmgr__call *call, struct vmgr_domain *dom, struct wire_domain *ret)
{
    const int id = vmgr_domain_get_id(dom, &call->err);

    if (id < 0)
        return -1;
    ret->name = vmgr__arena_strdup(&call->arena, vmgr_domain_get_name(dom));
    vmgr_domain_get_uuid(dom, ret->uuid);
    ret->id = id > 0 ? id : -1;
    return 0;
}

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_lookup_by_name_args *a = args;
    struct wire_domain_lookup_by_name_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_lookup_by_name(call->conn, a->name, &dom, &call->err) < 0)
        return -1;
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int lookup_by_uuid(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_lookup_by_uuid_args *a = args;
    struct wire_domain_lookup_by_uuid_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_lookup_by_uuid(call->conn, a->uuid, &dom, &call->err) < 0)
        return -1;
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int lookup_by_id(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_lookup_by_id_args *a = args;
    struct wire_domain_lookup_by_id_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_lookup_by_id(call->conn, a->id, &dom, &call->err) < 0)
        return -1;
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

/*
 * Questions whose answer is one number. Their arguments begin with the domain, their results are
 * that number, and what differs is the question.
 */
#define ASK_INT(procedure, field, question)                                                        \
    static int ask_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct wire_domain_##procedure##_ret *r = ret;                                             \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        if (!dom)                                                                                  \
            return -1;                                                                             \
        r->field = question;                                                                       \
        return r->field < 0 ? -1 : 0;                                                              \
    }

ASK_INT(is_active, active, vmgr_domain_is_active(dom, &call->err))
ASK_INT(is_persistent, persistent, vmgr_domain_is_persistent(dom, &call->err))
ASK_INT(is_updated, updated, vmgr_domain_is_updated(dom, &call->err))
ASK_INT(get_autostart, autostart, vmgr_domain_get_autostart(dom, &call->err))
ASK_INT(has_managed_save_image, result, vmgr_domain_has_managed_save(dom, a->flags, &call->err))
/* What the guest's agent says is a command that runs in the guest. */
ASK_INT(get_vcpus_flags, num,
        a->flags & VMGR_DOMAIN_VCPU_GUEST &&
                vmgr__call_need_write(call, "read only access prevents virDomainGetVcpusFlags") < 0
            ? -1
            : vmgr_domain_get_vcpus(dom, a->flags, &call->err))
ASK_INT(get_max_vcpus, num, vmgr_domain_get_vcpus(dom, VMGR_DOMAIN_VCPU_MAXIMUM, &call->err))

static int get_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_info_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    struct wire_domain_get_info_ret *r = ret;

    if (!dom || vmgr_domain_get_info(dom, &info, &call->err) < 0)
        return -1;
    r->state = (uint32_t)info.state;
    r->max_mem = info.max_memory_kib;
    r->memory = info.memory_kib;
    r->nr_virt_cpu = info.vcpus;
    r->cpu_time = info.cpu_time_ns;
    return 0;
}

static int get_state(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_state_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_state_ret *r = ret;

    return dom ? vmgr_domain_get_state(dom, a->flags, &r->state, &r->reason, &call->err) : -1;
}

static int get_os_type(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_os_type_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_os_type_ret *r = ret;

    if (!dom || vmgr_domain_get_os_type(dom, &r->type, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->type, free);
    return 0;
}

static int get_max_memory(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_max_memory_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_max_memory_ret *r = ret;

    return dom ? vmgr_domain_get_max_memory(dom, &r->memory, &call->err) : -1;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_xml_desc_args *a = args;
    struct wire_domain_get_xml_desc_ret *r = ret;
    struct vmgr_domain *dom;

    if (a->flags & (VMGR_DOMAIN_XML_SECURE | VMGR_DOMAIN_XML_MIGRATABLE) &&
        vmgr__call_need_write(call, "virDomainGetXMLDesc with secure flag") < 0)
        return -1;
    dom = vmgr__call_domain(call, &a->dom);
    if (!dom || vmgr_domain_get_xml(dom, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static void put_label(struct vmgr_security_label *label,
                      struct wire_domain_get_security_label_ret *ret)
{
    ret->label.v = label->label;
    ret->label.n = (uint32_t)strlen(label->label) + 1;
    ret->enforcing = label->enforcing;
}

static int get_security_label(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_security_label_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_security_label *label;

    if (!dom)
        return -1;
    label = vmgr__arena_adopt(&call->arena, g_new0(struct vmgr_security_label, 1), g_free);
    label->size = sizeof(*label);
    if (vmgr_domain_get_security_label(dom, label, &call->err) < 0)
        return -1;
    put_label(label, ret);
    return 0;
}

static void labels_free(void *labels)
{
    vmgr_security_labels_free(labels);
}

static int get_security_label_list(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_security_label_list_args *a = args;
    struct wire_domain_get_security_label_list_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_security_label **labels;

    if (!dom)
        return -1;
    r->ret = vmgr_domain_get_security_labels(dom, &labels, &call->err);
    if (r->ret < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, labels, labels_free);
    r->labels.n = (uint32_t)r->ret;
    r->labels.v = vmgr__arena_adopt(
        &call->arena, g_new0(struct wire_domain_get_security_label_ret, r->labels.n), g_free);
    for (uint32_t i = 0; i < r->labels.n; i++)
        put_label(labels[i], &r->labels.v[i]);
    return 0;
}

static void strings_free(void *strings)
{
    vmgr_strings_free(strings);
}

static int get_messages(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_messages_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_messages_ret *r = ret;
    int n;

    if (!dom)
        return -1;
    n = vmgr_domain_get_messages(dom, a->flags, &r->msgs.v, &call->err);
    if (n < 0)
        return -1;
    r->msgs.n = (uint32_t)n;
    vmgr__arena_adopt(&call->arena, r->msgs.v, strings_free);
    return 0;
}

static int open_console(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_open_console_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_stream *stream;

    (void)ret;
    if (!dom || vmgr_domain_open_console(dom, a->dev_name, a->flags, &stream, &call->err) < 0)
        return -1;
    return vmgr__stream_add(call, stream);
}

static int open_channel(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_open_channel_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_stream *stream;

    (void)ret;
    if (!dom || vmgr_domain_open_channel(dom, a->name, a->flags, &stream, &call->err) < 0)
        return -1;
    return vmgr__stream_add(call, stream);
}

const struct vmgr__handler vmgr__handlers_domain[] = {
    { WIRE_DOMAIN_LOOKUP_BY_NAME, lookup_by_name, HANDLER_INLINE },
    { WIRE_DOMAIN_LOOKUP_BY_UUID, lookup_by_uuid, HANDLER_INLINE },
    { WIRE_DOMAIN_LOOKUP_BY_ID, lookup_by_id, HANDLER_INLINE },
    { WIRE_DOMAIN_IS_ACTIVE, ask_is_active, HANDLER_INLINE },
    { WIRE_DOMAIN_IS_PERSISTENT, ask_is_persistent, HANDLER_INLINE },
    { WIRE_DOMAIN_IS_UPDATED, ask_is_updated, HANDLER_INLINE },
    { WIRE_DOMAIN_GET_AUTOSTART, ask_get_autostart, HANDLER_INLINE },
    { WIRE_DOMAIN_HAS_MANAGED_SAVE_IMAGE, ask_has_managed_save_image, 0 },
    { WIRE_DOMAIN_GET_VCPUS_FLAGS, ask_get_vcpus_flags, 0 },
    { WIRE_DOMAIN_GET_MAX_VCPUS, ask_get_max_vcpus, 0 },
    { WIRE_DOMAIN_GET_INFO, get_info, HANDLER_INLINE },
    { WIRE_DOMAIN_GET_STATE, get_state, 0 },
    { WIRE_DOMAIN_GET_OS_TYPE, get_os_type, HANDLER_INLINE },
    { WIRE_DOMAIN_GET_MAX_MEMORY, get_max_memory, HANDLER_INLINE },
    { WIRE_DOMAIN_GET_XML_DESC, get_xml_desc, HANDLER_INLINE },
    { WIRE_DOMAIN_GET_SECURITY_LABEL, get_security_label, 0 },
    { WIRE_DOMAIN_GET_SECURITY_LABEL_LIST, get_security_label_list, 0 },
    { WIRE_DOMAIN_GET_MESSAGES, get_messages, HANDLER_INLINE },
    { WIRE_DOMAIN_OPEN_CONSOLE, open_console, 0 },
    { WIRE_DOMAIN_OPEN_CHANNEL, open_channel, 0 },
    { 0, NULL, 0 },
};
