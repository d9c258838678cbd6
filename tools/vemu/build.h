/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From options to a virtual machine.
 */
#ifndef VEMU_TOOL_BUILD_H
#define VEMU_TOOL_BUILD_H

#include "options.h"

struct trace;

/* Makes and realizes the machine. NULL: the reason was printed. */
struct vemu_vm *build_machine(struct options *o, struct trace *trace);

#endif
