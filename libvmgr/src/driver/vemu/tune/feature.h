/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <features>: what the machine has anyway, and what vCPUs are given.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_FEATURE_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_FEATURE_H

#include "../../../conf/def.h"
#include "../../../conf/xml.h"

/* Refuses what the guest would not get, by name. */
int vmgr__vemu_features_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Adds to the value of -cpu; the definition has been checked. True: some of it are features that
 * the accelerator may lack. */
bool vmgr__vemu_features_cpu(const struct vmgr__domain_def *def, GString *cpu);

/* ---- for the features themselves ---- */
/* The element of a feature that is more than a state. 1: *ret_doc is for xmlFreeDoc(); 0: it is not
 * there; -1: an error. */
int vmgr__vemu_feature_parse(const struct vmgr__domain_def *def, const char *name, xmlDoc **ret_doc,
                             struct vmgr_error **err);
/* 1: on, 0: off, -1: it says neither. */
int vmgr__vemu_feature_state(const xmlNode *node);

/* ---- hyperv.c ---- */
int vmgr__vemu_hyperv_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Adds to the value of -cpu; the definition has been checked. */
void vmgr__vemu_hyperv_cpu(const struct vmgr__domain_def *def, GString *cpu);

#endif
