/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations on memory and vCPUs of a guest.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_SIZE_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_SIZE_H

#include "../vemu.h"

/* ---- size.c: likewise ---- */
int vmgr__vemu_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                          struct vmgr_error **err);
int vmgr__vemu_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err);
int vmgr__vemu_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t flags,
                        struct vmgr_error **err);
int vmgr__vemu_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                struct vmgr_error **err);
int vmgr__vemu_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err);

#endif
