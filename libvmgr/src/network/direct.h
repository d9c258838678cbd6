/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces right on interfaces of the host.
 */
#ifndef VMGR_SRC_NETWORK_DIRECT_H
#define VMGR_SRC_NETWORK_DIRECT_H

#include "network.h"

/* Makes the interface of `tap` over the one of its pool that the fewest guests are on, and opens
 * it. Sets its name, dev and descriptors. */
int vmgr__direct_open(const struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err);
/* Removes a guest's interface. name NULL: all of them. What is not there is fine. */
void vmgr__direct_forget(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                         const char *name);
/* Removes those that the guest's definition does not name: somebody died over them. */
void vmgr__direct_sweep(const struct vemu *d, const struct vmgr__domain_def *def);

#endif
