/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -fsdev and -virtfs.
 */
#ifndef VEMU_TOOL_SHARE_H
#define VEMU_TOOL_SHARE_H

#include "options.h"

/* Opens the shared directories, and adds the devices of -virtfs. False: the reason was printed. */
bool build_shares(struct vemu_vm *vm, const struct options *o);

#endif
