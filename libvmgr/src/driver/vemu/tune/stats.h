/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures of guests.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_STATS_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_STATS_H

#include "../vemu.h"

#define VEMU_STATS                                                                                 \
    (VMGR_STATS_STATE | VMGR_STATS_CPU_TOTAL | VMGR_STATS_BALLOON | VMGR_STATS_VCPU |              \
     VMGR_STATS_INTERFACE | VMGR_STATS_BLOCK | VMGR_STATS_IOTHREAD)
int vmgr__vemu_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags, GArray *ret,
                         struct vmgr_error **err);

#endif
