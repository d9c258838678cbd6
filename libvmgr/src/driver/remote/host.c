/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server says about itself and its host.
 */
#include <string.h>

#include "remote.h"

int vmgr__remote_get_hostname(struct vmgr_conn *conn, char **ret, struct vmgr_error **err)
{
    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_GET_HOSTNAME, NULL, ret, err);
}

int vmgr__remote_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err)
{
    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_GET_CAPABILITIES, NULL, ret, err);
}

/* Asked once: it does not change, and the caller borrows it. */
int vmgr__remote_get_type(struct vmgr_conn *conn, const char **ret, struct vmgr_error **err)
{
    struct vmgr__remote *r = conn->driver_data;
    char *type = NULL;

    g_mutex_lock(&r->lock);
    *ret = r->type;
    g_mutex_unlock(&r->lock);
    if (*ret)
        return 0;
    if (vmgr__remote_text(r, WIRE_CONNECT_GET_TYPE, NULL, &type, err) < 0)
        return -1;
    g_mutex_lock(&r->lock);
    if (!r->type)
        r->type = g_steal_pointer(&type);
    *ret = r->type;
    g_mutex_unlock(&r->lock);
    g_free(type);
    return 0;
}

int vmgr__remote_get_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err)
{
    return vmgr__remote_large(conn->driver_data, WIRE_CONNECT_GET_VERSION, ret, err);
}

int vmgr__remote_get_lib_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err)
{
    return vmgr__remote_large(conn->driver_data, WIRE_CONNECT_GET_LIB_VERSION, ret, err);
}

int vmgr__remote_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err)
{
    const struct wire_connect_get_max_vcpus_args args = { .type = (char *)type };

    return vmgr__remote_number(conn->driver_data, WIRE_CONNECT_GET_MAX_VCPUS, &args, err);
}

int vmgr__remote_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                               struct vmgr_error **err)
{
    struct wire_node_get_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_INFO, NULL, &out, &reply, err);

    if (result == 0) {
        ret->cpus = (uint32_t)out.cpus;
        ret->mhz = (uint32_t)out.mhz;
        ret->nodes = (uint32_t)out.nodes;
        ret->sockets = (uint32_t)out.sockets;
        ret->cores = (uint32_t)out.cores;
        ret->threads = (uint32_t)out.threads;
        ret->memory_kib = out.memory;
        memcpy(ret->model, out.model, sizeof(ret->model));
        ret->model[sizeof(ret->model) - 1] = 0;
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

/* Texts that travel as lists of characters. */
static void put_text(char *to, size_t size, const char *from, uint32_t n)
{
    const size_t length = MIN(size - 1, n);

    if (length)
        memcpy(to, from, length);
    to[length] = 0;
}

int vmgr__remote_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                                    struct vmgr_error **err)
{
    struct wire_node_get_security_model_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_SECURITY_MODEL, NULL, &out, &reply, err);

    if (result == 0) {
        put_text(ret->model, sizeof(ret->model), out.model.v, out.model.n);
        put_text(ret->doi, sizeof(ret->doi), out.doi.v, out.doi.n);
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                           struct vmgr_error **err)
{
    const struct wire_domain_get_security_label_args args = { vmgr__remote_domain(dom) };
    struct wire_domain_get_security_label_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data,
                                         WIRE_DOMAIN_GET_SECURITY_LABEL, &args, &out, &reply, err);

    if (result == 0) {
        put_text(ret->label, sizeof(ret->label), out.label.v, out.label.n);
        ret->enforcing = out.enforcing;
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_domain_get_security_labels(struct vmgr_domain *dom, GPtrArray *ret,
                                            struct vmgr_error **err)
{
    const struct wire_domain_get_security_label_list_args args = { vmgr__remote_domain(dom) };
    struct wire_domain_get_security_label_list_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data,
                          WIRE_DOMAIN_GET_SECURITY_LABEL_LIST, &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.labels.n; i++) {
        const struct wire_domain_get_security_label_ret *from = &out.labels.v[i];
        struct vmgr_security_label *label = vmgr__security_label_new("", from->enforcing);

        put_text(label->label, sizeof(label->label), from->label.v, from->label.n);
        g_ptr_array_add(ret, label);
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}
