/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -object and -mem-path: objects of the host for the machine.
 */
#ifndef VEMU_TOOL_OBJECT_H
#define VEMU_TOOL_OBJECT_H

#include "options.h"

/* Before the machine is made: what -mem-path stands for. Prints what is wrong. */
bool prepare_objects(struct options *o);
/* Makes them. Prints what is wrong. */
bool build_objects(struct vemu_vm *vm, const struct options *o);

#endif
