/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -smp and -numa: vCPUs, where they sit, and the memory beside them.
 */
#ifndef VEMU_TOOL_CPUS_H
#define VEMU_TOOL_CPUS_H

#include "options.h"

/* Each prints what is wrong. */
bool parse_smp(struct options *o, const char *value);
/* Makes the nodes. */
bool build_numa(struct vemu_vm *vm, const struct options *o);

#endif
