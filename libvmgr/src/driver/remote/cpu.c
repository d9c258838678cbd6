/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models and capabilities of a server's hypervisor.
 */
#include "../cpu.h"

#include "remote.h"

static int get_domain_capabilities(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                                   char **ret, struct vmgr_error **err)
{
    const struct wire_connect_get_domain_capabilities_args args = {
        .emulatorbin = (char *)hv->emulator,
        .arch = (char *)hv->arch,
        .machine = (char *)hv->machine,
        .virttype = (char *)hv->virt_type,
    };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_GET_DOMAIN_CAPABILITIES, &args, ret,
                             err);
}

static int get_model_names(struct vmgr_conn *conn, const char *arch, GPtrArray *ret,
                           struct vmgr_error **err)
{
    const struct wire_connect_get_cpu_model_names_args args = { .arch = (char *)arch,
                                                                .need_results = 1 };
    struct wire_connect_get_cpu_model_names_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_GET_CPU_MODEL_NAMES, &args,
                                    &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.models.n; i++)
        g_ptr_array_add(ret, g_strdup(out.models.v[i]));
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int compare(struct vmgr_conn *conn, const char *xml, uint32_t flags, struct vmgr_error **err)
{
    const struct wire_connect_compare_cpu_args args = { .xml = (char *)xml, .flags = flags };

    return vmgr__remote_number(conn->driver_data, WIRE_CONNECT_COMPARE_CPU, &args, err);
}

static int baseline(struct vmgr_conn *conn, const char *const *xml, uint32_t count, uint32_t flags,
                    char **ret, struct vmgr_error **err)
{
    const struct wire_connect_baseline_cpu_args args = {
        .xml_cp_us = { .n = count, .v = (char **)xml }, .flags = flags
    };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_BASELINE_CPU, &args, ret, err);
}

static int compare_hypervisor(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                              const char *xml, uint32_t flags, struct vmgr_error **err)
{
    const struct wire_connect_compare_hypervisor_cpu_args args = {
        .emulator = (char *)hv->emulator,
        .arch = (char *)hv->arch,
        .machine = (char *)hv->machine,
        .virttype = (char *)hv->virt_type,
        .xml_cpu = (char *)xml,
        .flags = flags,
    };

    return vmgr__remote_number(conn->driver_data, WIRE_CONNECT_COMPARE_HYPERVISOR_CPU, &args, err);
}

static int baseline_hypervisor(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                               const char *const *xml, uint32_t count, uint32_t flags, char **ret,
                               struct vmgr_error **err)
{
    const struct wire_connect_baseline_hypervisor_cpu_args args = {
        .emulator = (char *)hv->emulator,
        .arch = (char *)hv->arch,
        .machine = (char *)hv->machine,
        .virttype = (char *)hv->virt_type,
        .xml_cp_us = { .n = count, .v = (char **)xml },
        .flags = flags,
    };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_BASELINE_HYPERVISOR_CPU, &args, ret,
                             err);
}

const struct vmgr__cpu_ops vmgr__remote_cpu = {
    .get_domain_capabilities = get_domain_capabilities,
    .get_model_names = get_model_names,
    .compare = compare,
    .baseline = baseline,
    .compare_hypervisor = compare_hypervisor,
    .baseline_hypervisor = baseline_hypervisor,
};
