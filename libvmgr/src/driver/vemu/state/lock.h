/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks that callers share.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_LOCK_H
#define VMGR_SRC_DRIVER_VEMU_STATE_LOCK_H

#include "../vemu.h"

/* Takes the lock of a domain, waiting up to VEMU_LOCK_TIMEOUT_MS. A descriptor, or -1 and *err. */
int vmgr__vemu_lock(const struct vemu *d, const char *name, struct vmgr_error **err);
/* The same without waiting: -1 when someone has it (no error set). */
int vmgr__vemu_try_lock(const struct vemu *d, const char *name);
int vmgr__vemu_lock_global(const struct vemu *d, struct vmgr_error **err);
/* The lock of all networks. Without wait: -1 when someone has it (no error set). */
int vmgr__vemu_lock_networks(const struct vemu *d, bool wait, struct vmgr_error **err);
void vmgr__vemu_unlock(int fd);

#endif
