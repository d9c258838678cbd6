/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev and -nic.
 */
#ifndef VEMU_TOOL_NET_H
#define VEMU_TOOL_NET_H

#include "options.h"

/* Makes the networks, and the cards of -nic. False: the reason was printed. */
bool build_nets(struct vemu_vm *vm, const struct options *o);

#endif
