/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA cells of a guest.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_NUMA_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_NUMA_H

#include "../../../conf/def.h"

/* ---- numa.c ---- */
int vmgr__vemu_check_numa(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* How many cells a definition that was checked has; 0: it says nothing of them. */
unsigned vmgr__vemu_numa_cells(const struct vmgr__domain_def *def);
/* Adds -numa options; the definition has been checked. */
void vmgr__vemu_numa_argv(const struct vmgr__domain_def *def, GPtrArray *args);

/* ---- cpu.c ---- */
/* "kvm", "soft", "auto" */
const char *vmgr__vemu_accel(const struct vmgr__domain_def *def);
int vmgr__vemu_check_cpu(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Names model and features in place of "host-model". */
int vmgr__vemu_cpu_expand(struct vmgr__domain_def *def, struct vmgr_error **err);
/* Values of -cpu and -smp. For g_free(). */
char *vmgr__vemu_cpu_option(const struct vmgr__domain_def *def);
char *vmgr__vemu_smp_option(const struct vmgr__domain_def *def);

#endif
