/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev and -nic.
 */
#ifndef VEMU_TOOL_NET_H
#define VEMU_TOOL_NET_H

#include "options.h"

/* Makes the networks, and the cards of -nic. False: the reason was printed. */
bool build_nets(struct vemu_vm *vm, const struct options *o);
/* The network card of a machine that was not told about networks, as QEMU has it: on q35, behind
 * -netdev user. Comes last, so that it takes no PCI slot that another device names. */
bool build_default_net(struct vemu_vm *vm, const struct options *o);

#endif
