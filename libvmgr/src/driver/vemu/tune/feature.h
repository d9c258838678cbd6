/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <features>: what the machine has anyway, and what vCPUs are given.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_FEATURE_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_FEATURE_H

#include "../../../conf/def.h"

/* Refuses what the guest would not get, by name. */
int vmgr__vemu_features_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Adds to the value of -cpu; the definition has been checked. True: some of it are features that
 * the accelerator may lack. */
bool vmgr__vemu_features_cpu(const struct vmgr__domain_def *def, GString *cpu);

#endif
