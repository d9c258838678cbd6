/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models for drivers in this process.
 */
#include "cpu.h"

#include <string.h>

#include "../cpu/cpu.h"

int vmgr__host_cpu_model_names(struct vmgr_conn *conn G_GNUC_UNUSED, const char *arch,
                               GPtrArray *ret, struct vmgr_error **err)
{
    struct vemu_cpu_model_info m = VEMU_CPU_MODEL_INFO_INIT;
    uint32_t i = 0;

    if (strcmp(arch, "x86_64") != 0 && strcmp(arch, "i686") != 0)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                               "cannot find architecture %s", arch);
    while (vmgr__cpu_model_next(&i, &m))
        g_ptr_array_add(ret, g_strdup(m.name));
    return 0;
}

int vmgr__host_cpu_baseline(struct vmgr_conn *conn G_GNUC_UNUSED, const char *const *xml,
                            uint32_t count, uint32_t flags, char **ret, struct vmgr_error **err)
{
    return vmgr__cpu_baseline(xml, count, NULL, flags, ret, err);
}
