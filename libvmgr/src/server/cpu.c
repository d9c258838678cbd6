/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about CPU models and the hypervisor's capabilities.
 */
#include <stdlib.h>
#include <vmgr/cpu.h>

#include "internal.h"

/* Gives a text of the library over to the call. */
static int text(struct vmgr__call *call, int r, char *given)
{
    if (r < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, given, free);
    return 0;
}

static int get_domain_capabilities(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_domain_capabilities_args *a = args;
    struct wire_connect_get_domain_capabilities_ret *r = ret;
    const struct vmgr_hypervisor hv = { .size = sizeof(hv),
                                        .emulator = a->emulatorbin,
                                        .arch = a->arch,
                                        .machine = a->machine,
                                        .virt_type = a->virttype };
    const int result =
        vmgr_conn_get_domain_capabilities(call->conn, &hv, a->flags, &r->capabilities, &call->err);

    return text(call, result, r->capabilities);
}

static void names_drop(void *names)
{
    vmgr_strings_free(names);
}

static int get_cpu_model_names(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_cpu_model_names_args *a = args;
    struct wire_connect_get_cpu_model_names_ret *r = ret;

    r->ret = vmgr_conn_get_cpu_model_names(call->conn, a->arch, a->flags,
                                           a->need_results ? &r->models.v : NULL, &call->err);
    if (r->ret < 0)
        return -1;
    if (a->need_results) {
        vmgr__arena_adopt(&call->arena, r->models.v, names_drop);
        r->models.n = (uint32_t)r->ret;
    }
    return 0;
}

static int compare_cpu(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_compare_cpu_args *a = args;
    struct wire_connect_compare_cpu_ret *r = ret;

    r->result = vmgr_conn_compare_cpu(call->conn, a->xml, a->flags, &call->err);
    return r->result < 0 ? -1 : 0;
}

static int baseline_cpu(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_baseline_cpu_args *a = args;
    struct wire_connect_baseline_cpu_ret *r = ret;
    const int result = vmgr_conn_baseline_cpu(call->conn, (const char *const *)a->xml_cp_us.v,
                                              a->xml_cp_us.n, a->flags, &r->cpu, &call->err);

    return text(call, result, r->cpu);
}

static int compare_hypervisor_cpu(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_compare_hypervisor_cpu_args *a = args;
    struct wire_connect_compare_hypervisor_cpu_ret *r = ret;
    const struct vmgr_hypervisor hv = { .size = sizeof(hv),
                                        .emulator = a->emulator,
                                        .arch = a->arch,
                                        .machine = a->machine,
                                        .virt_type = a->virttype };

    r->result = vmgr_conn_compare_hypervisor_cpu(call->conn, &hv, a->xml_cpu, a->flags, &call->err);
    return r->result < 0 ? -1 : 0;
}

static int baseline_hypervisor_cpu(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_baseline_hypervisor_cpu_args *a = args;
    struct wire_connect_baseline_hypervisor_cpu_ret *r = ret;
    const struct vmgr_hypervisor hv = { .size = sizeof(hv),
                                        .emulator = a->emulator,
                                        .arch = a->arch,
                                        .machine = a->machine,
                                        .virt_type = a->virttype };
    const int result =
        vmgr_conn_baseline_hypervisor_cpu(call->conn, &hv, (const char *const *)a->xml_cp_us.v,
                                          a->xml_cp_us.n, a->flags, &r->cpu, &call->err);

    return text(call, result, r->cpu);
}

const struct vmgr__handler vmgr__handlers_cpu[] = {
    { WIRE_CONNECT_GET_DOMAIN_CAPABILITIES, get_domain_capabilities, 0 },
    { WIRE_CONNECT_GET_CPU_MODEL_NAMES, get_cpu_model_names, 0 },
    { WIRE_CONNECT_COMPARE_CPU, compare_cpu, 0 },
    { WIRE_CONNECT_BASELINE_CPU, baseline_cpu, 0 },
    { WIRE_CONNECT_COMPARE_HYPERVISOR_CPU, compare_hypervisor_cpu, 0 },
    { WIRE_CONNECT_BASELINE_HYPERVISOR_CPU, baseline_hypervisor_cpu, 0 },
    { 0, NULL, 0 },
};
