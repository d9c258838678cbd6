/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What SMBIOS tells a guest: <smbios> and <sysinfo>.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_SMBIOS_H
#define VMGR_SRC_DRIVER_VEMU_RUN_SMBIOS_H

#include "../vemu.h"

/* The <sysinfo> of a type, for xmlFreeDoc(); NULL: there is none. */
xmlDoc *vmgr__vemu_sysinfo(const struct vmgr__domain_def *def, const char *type);
/* Whether the emulator can tell what the definition asks for; *err says what it cannot. */
int vmgr__vemu_smbios_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Words of the command line, of a definition that was checked. */
void vmgr__vemu_smbios_argv(const struct vmgr__domain_def *def, GPtrArray *args);

#endif
