/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host domains may use: the operations of a driver.
 */
#ifndef VMGR_SRC_DRIVER_RESOURCE_H
#define VMGR_SRC_DRIVER_RESOURCE_H

#include <vmgr/resources.h>

#include "driver.h"

struct vmgr__resource_ops {
    /* ret: struct vmgr_stat. */
    int (*get)(struct vmgr_domain *dom, int resource, const char *target, uint32_t flags,
               GArray *ret, struct vmgr_error **err);
    int (*set)(struct vmgr_domain *dom, int resource, const char *target,
               const struct vmgr_stat *params, uint32_t flags, struct vmgr_error **err);
    /* ret: struct vmgr_pin. */
    int (*get_pins)(struct vmgr_domain *dom, int kind, uint32_t flags, GArray *ret,
                    struct vmgr_error **err);
    int (*set_pin)(struct vmgr_domain *dom, int kind, uint32_t id, const uint8_t *cpus, size_t size,
                   uint32_t flags, struct vmgr_error **err);
    /* ret: struct vmgr_vcpu_info. */
    int (*get_vcpu_info)(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err);
    int (*get_cpu_stats)(struct vmgr_domain *dom, int cpu, GArray *ret, struct vmgr_error **err);
    int (*set_iothread)(struct vmgr_domain *dom, uint32_t id, bool there, uint32_t flags,
                        struct vmgr_error **err);
};

extern const struct vmgr__resource_ops vmgr__remote_resource, vmgr__test_resource,
    vmgr__vemu_resource;

/* api/resources.c: adds a pin to such a list; the bytes are copied. */
void vmgr__pin_add(GArray *ret, uint32_t id, const uint8_t *cpus, size_t size);

#endif
