/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -smbios: texts of SMBIOS tables, which are properties of the machine.
 */
#ifndef VEMU_TOOL_SMBIOS_H
#define VEMU_TOOL_SMBIOS_H

#include "options.h"

/* "type=1,product=X". False: said why. */
bool smbios_option(struct options *o, const char *value);
/* What was collected; at the end of the command line. */
bool smbios_finish(struct options *o);

#endif
