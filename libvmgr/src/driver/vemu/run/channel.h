/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels of guests, for other files of the driver.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_CHANNEL_H
#define VMGR_SRC_DRIVER_VEMU_RUN_CHANNEL_H

#include "../vemu.h"

/* Gives a channel that is a socket of no path one in the run's directory, if it is not too deep for
 * an address. */
void vmgr__vemu_channel_path(const struct vemu *d, const struct vmgr__domain_def *def,
                             struct vmgr__device *dev);
/* Writes whether somebody in the guest has the channel open. False: so it was written. */
bool vmgr__vemu_channel_set_open(struct vmgr__device *dev, bool open);
/* The socket of a channel that is one: absolute, or in the run's directory. For g_free(). */
char *vmgr__vemu_channel_socket(const struct vmgr__device *dev);
/* Connects to a socket, by its path or, where the run's directory may be deeper than an address is
 * long, its name in there. code, what: of the error when nobody listens. A descriptor that does not
 * block, or -1 and *err. */
int vmgr__vemu_channel_connect(const char *run_path, const char *path, int code, const char *what,
                               struct vmgr_error **err);
int vmgr__vemu_open_channel(struct vmgr_domain *dom, const char *name, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err);

#endif
