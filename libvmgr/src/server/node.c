/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about the host.
 */
#include <string.h>

#include "internal.h"

static int get_info(struct vmgr__call *call, const void *args, void *ret)
{
    struct vmgr_node_info info = VMGR_NODE_INFO_INIT;
    struct wire_node_get_info_ret *r = ret;

    (void)args;
    if (vmgr_conn_get_node_info(call->conn, &info, &call->err) < 0)
        return -1;
    _Static_assert(sizeof(r->model) == sizeof(info.model), "a machine's name");
    memcpy(r->model, info.model, sizeof(r->model));
    r->memory = info.memory_kib;
    r->cpus = (int32_t)info.cpus;
    r->mhz = (int32_t)info.mhz;
    r->nodes = (int32_t)info.nodes;
    r->sockets = (int32_t)info.sockets;
    r->cores = (int32_t)info.cores;
    r->threads = (int32_t)info.threads;
    return 0;
}

static int get_security_model(struct vmgr__call *call, const void *args, void *ret)
{
    struct vmgr_security_model *model =
        vmgr__arena_alloc(&call->arena, sizeof(struct vmgr_security_model));
    struct wire_node_get_security_model_ret *r = ret;

    (void)args;
    if (!model)
        return vmgr__call_fail(call, VMGR_ERR_NO_MEMORY, VMGR_FROM_RPC, "out of memory");
    model->size = sizeof(*model);
    if (vmgr_conn_get_security_model(call->conn, model, &call->err) < 0)
        return -1;
    r->model.v = model->model;
    r->model.n = (uint32_t)strlen(model->model) + 1;
    r->doi.v = model->doi;
    r->doi.n = (uint32_t)strlen(model->doi) + 1;
    return 0;
}

const struct vmgr__handler vmgr__handlers_node[] = {
    { WIRE_NODE_GET_INFO, get_info, 0 },
    { WIRE_NODE_GET_SECURITY_MODEL, get_security_model, 0 },
    { 0, NULL, 0 },
};
