/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a guest reads by fw_cfg: <sysinfo type='fwcfg'>.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_FWCFG_H
#define VMGR_SRC_DRIVER_VEMU_RUN_FWCFG_H

#include "../vemu.h"

/* Whether they make sense and the machine has fw_cfg. */
int vmgr__vemu_fwcfg_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Words of the command line, of a definition that was checked. */
void vmgr__vemu_fwcfg_argv(const struct vmgr__domain_def *def, GPtrArray *args);
/* The paths that it reads; to unref. */
GPtrArray *vmgr__vemu_fwcfg_paths(const struct vmgr__domain_def *def);

#endif
