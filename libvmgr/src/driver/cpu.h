/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver says of CPU models and of its hypervisor. The rules of struct vmgr__driver apply.
 */
#ifndef VMGR_SRC_DRIVER_CPU_H
#define VMGR_SRC_DRIVER_CPU_H

#include <vmgr/cpu.h>

#include "driver.h"

struct vmgr__cpu_ops {
    int (*get_domain_capabilities)(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                                   char **ret, struct vmgr_error **err);
    /* Adds names, for g_free(). */
    int (*get_model_names)(struct vmgr_conn *conn, const char *arch, GPtrArray *ret,
                           struct vmgr_error **err);
    int (*compare)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                   struct vmgr_error **err);
    int (*baseline)(struct vmgr_conn *conn, const char *const *xml, uint32_t count, uint32_t flags,
                    char **ret, struct vmgr_error **err);
    int (*compare_hypervisor)(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                              const char *xml, uint32_t flags, struct vmgr_error **err);
    int (*baseline_hypervisor)(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                               const char *const *xml, uint32_t count, uint32_t flags, char **ret,
                               struct vmgr_error **err);
};

extern const struct vmgr__cpu_ops vmgr__vemu_cpu, vmgr__test_cpu, vmgr__remote_cpu;

/* ---- cpu.c: what drivers in this process have in common ---- */
int vmgr__host_cpu_model_names(struct vmgr_conn *conn, const char *arch, GPtrArray *ret,
                               struct vmgr_error **err);
int vmgr__host_cpu_baseline(struct vmgr_conn *conn, const char *const *xml, uint32_t count,
                            uint32_t flags, char **ret, struct vmgr_error **err);

#endif
