/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of interfaces and ports as typed parameters, and networks on the wire.
 */
#ifndef VMGR_SRC_DRIVER_REMOTE_LIMITS_H
#define VMGR_SRC_DRIVER_REMOTE_LIMITS_H

#include <vmgr/guestnet.h>
#include <vmgr/network.h>

#include "wire-protocol.h"

/* ret is zeroed: what is not among the parameters stays as it is. */
void vmgr__remote_limits_read(const struct wire_typed_param *params, uint32_t n,
                              uint32_t ret[VMGR_LIMIT_COUNT]);
/* Returns how many; names are borrowed. */
uint32_t vmgr__remote_limits_write(unsigned directions, const uint32_t limits[VMGR_LIMIT_COUNT],
                                   struct wire_typed_param ret[VMGR_LIMIT_COUNT]);
/* network.c; its name is borrowed. */
struct wire_network vmgr__remote_network_of(struct vmgr_network *net);

#endif
