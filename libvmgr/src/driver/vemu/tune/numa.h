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
const char *vmgr__vemu_cpu_model(const struct vmgr__domain_def *def);
/* The value of -cpu. For g_free(). */
char *vmgr__vemu_cpu_option(const struct vmgr__domain_def *def);

/* ---- vcpus.c ---- */
/* <vcpus>: what libvirt refuses when it is defined. */
int vmgr__vemu_vcpus_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* How many are there from the start, and cannot go. */
uint32_t vmgr__vemu_boot_vcpus(const struct vmgr__domain_def *def);
/* The value of -smp. For g_free(). */
char *vmgr__vemu_smp_option(const struct vmgr__domain_def *def);
/* Adds a -device for each of the others that shall be there. */
void vmgr__vemu_vcpus_argv(const struct vmgr__domain_def *def, GPtrArray *args);

#endif
