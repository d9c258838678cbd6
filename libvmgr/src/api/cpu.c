/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models and domain capabilities: the public calls, which check and pass on to the driver.
 */
#include "../driver/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "give.h"
#include "operation.h"

#define DOCUMENTS_MAX 256 /* of the protocol */

#define NEED_CPU(op, name)                                                                         \
    const struct vmgr__cpu_ops *ops = conn->driver->cpu;                                           \
    if (!ops || !ops->op)                                                                          \
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", name)

/* What a caller says of the emulator, in full size. */
static int take(const struct vmgr_hypervisor *from, struct vmgr_hypervisor *ret,
                struct vmgr_error **err)
{
    *ret = (struct vmgr_hypervisor)VMGR_HYPERVISOR_INIT;
    if (!from)
        return 0;
    if (from->size < sizeof(*ret))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                               "size of struct vmgr_hypervisor is not set");
    memcpy(ret, from, sizeof(*ret));
    return 0;
}

int vmgr_conn_get_domain_capabilities(struct vmgr_conn *conn,
                                      const struct vmgr_hypervisor *hypervisor, uint32_t flags,
                                      char **ret_xml, struct vmgr_error **err)
{
    struct vmgr_hypervisor hv;
    char *text = NULL;

    NEED_CPU(get_domain_capabilities, "virConnectGetDomainCapabilities");
    if (vmgr__check_flags(flags, 0, "virConnectGetDomainCapabilities", err) < 0 ||
        take(hypervisor, &hv, err) < 0 || ops->get_domain_capabilities(conn, &hv, &text, err) < 0)
        return -1;
    return vmgr__give_text(text, 0, ret_xml, err);
}

/* Copies of what was found, on malloc; *ret NULL: out of memory. */
static char **give_names(const GPtrArray *names)
{
    char **list = calloc(names->len + 1, sizeof(char *));

    for (guint i = 0; list && i < names->len; i++) {
        list[i] = strdup(names->pdata[i]);
        if (!list[i])
            return vmgr_strings_free(list);
    }
    return list;
}

int vmgr_conn_get_cpu_model_names(struct vmgr_conn *conn, const char *arch, uint32_t flags,
                                  char ***ret_names, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    NEED_CPU(get_model_names, "virConnectGetCPUModelNames");
    if (vmgr__check_flags(flags, 0, "virConnectGetCPUModelNames", err) < 0 ||
        ops->get_model_names(conn, arch, names, err) < 0)
        return -1;
    if (ret_names && !(*ret_names = give_names(names)))
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    return (int)names->len;
}

int vmgr_conn_compare_cpu(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                          struct vmgr_error **err)
{
    NEED_CPU(compare, "virConnectCompareCPU");
    if (vmgr__check_flags(flags, VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE, "virConnectCompareCPU", err) <
        0)
        return -1;
    return ops->compare(conn, xml, flags, err);
}

int vmgr_conn_compare_hypervisor_cpu(struct vmgr_conn *conn,
                                     const struct vmgr_hypervisor *hypervisor, const char *xml,
                                     uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_hypervisor hv;

    NEED_CPU(compare_hypervisor, "virConnectCompareHypervisorCPU");
    if (vmgr__check_flags(flags, VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE,
                          "virConnectCompareHypervisorCPU", err) < 0 ||
        take(hypervisor, &hv, err) < 0)
        return -1;
    return ops->compare_hypervisor(conn, &hv, xml, flags, err);
}

static int check_baseline(uint32_t count, uint32_t flags, const char *function,
                          struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, VMGR_CPU_BASELINE_EXPAND_FEATURES | VMGR_CPU_BASELINE_MIGRATABLE,
                          function, err) < 0)
        return -1;
    if (count && count <= DOCUMENTS_MAX)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                           "ncpus in %s must be between 1 and %d", function, DOCUMENTS_MAX);
}

int vmgr_conn_baseline_cpu(struct vmgr_conn *conn, const char *const *xml, uint32_t count,
                           uint32_t flags, char **ret_xml, struct vmgr_error **err)
{
    char *text = NULL;

    NEED_CPU(baseline, "virConnectBaselineCPU");
    if (check_baseline(count, flags, "virConnectBaselineCPU", err) < 0 ||
        ops->baseline(conn, xml, count, flags, &text, err) < 0)
        return -1;
    return vmgr__give_text(text, 0, ret_xml, err);
}

int vmgr_conn_baseline_hypervisor_cpu(struct vmgr_conn *conn,
                                      const struct vmgr_hypervisor *hypervisor,
                                      const char *const *xml, uint32_t count, uint32_t flags,
                                      char **ret_xml, struct vmgr_error **err)
{
    struct vmgr_hypervisor hv;
    char *text = NULL;

    NEED_CPU(baseline_hypervisor, "virConnectBaselineHypervisorCPU");
    if (check_baseline(count, flags, "virConnectBaselineHypervisorCPU", err) < 0 ||
        take(hypervisor, &hv, err) < 0 ||
        ops->baseline_hypervisor(conn, &hv, xml, count, flags, &text, err) < 0)
        return -1;
    return vmgr__give_text(text, 0, ret_xml, err);
}
