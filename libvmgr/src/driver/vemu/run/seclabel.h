/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What <seclabel> says of a guest's user, and says of a run. See docs/security.md.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_SECLABEL_H
#define VMGR_SRC_DRIVER_VEMU_RUN_SECLABEL_H

#include "rights.h"

/* Whether vemu.conf gives guests a user other than their starter's, which is what "dac" is about.
 * *ret: what it says, but for its strings. */
bool vmgr__vemu_seclabel_available(const struct vemu *d, struct vemu_settings *ret);
/* Whether this is one of the models that the driver has: "none" and "dac". */
int vmgr__vemu_seclabel_check_model(const char *model, struct vmgr_error **err);
/* Refuses labels that no run could have. */
int vmgr__vemu_seclabel_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* What the definition wants other than vemu.conf says, of a run that begins.
 * VMGR_ERR_CONFIG_UNSUPPORTED: guests have their starter's user here. */
int vmgr__vemu_seclabel_apply(const struct vmgr__domain_def *def, struct vemu_settings *settings,
                              struct vmgr_error **err);
/* The same of a run that is under way, whose user has been chosen, whatever vemu.conf says now. */
void vmgr__vemu_seclabel_of_run(const struct vmgr__domain_def *def, struct vemu_settings *settings);
/* Writes into the run's definition who its user is. */
void vmgr__vemu_seclabel_show(struct vemu_status *s);
/* The checks of <seclabel> of a file's <source>. *ret_alone: the file gets no entry. */
int vmgr__vemu_seclabel_source(const xmlNode *source, bool *ret_alone, struct vmgr_error **err);

#endif
