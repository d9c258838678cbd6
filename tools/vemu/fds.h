/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -add-fd: descriptors that stand for files.
 */
#ifndef VEMU_TOOL_FDS_H
#define VEMU_TOOL_FDS_H

#include "options.h"

/* False: the reason was printed. */
bool build_fds(struct vemu_vm *vm, const struct options *o);

#endif
