/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dumps of a guest's memory.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_JOB_DUMP_H
#define VMGR_SRC_DRIVER_VEMU_JOB_DUMP_H

#include "../change.h"

/* What becomes of the guest when the dump is whole. */
enum {
    VEMU_DUMP_THEN_DESTROY = 1,
    VEMU_DUMP_THEN_RESET = 2,  /* and one that had crashed runs again */
    VEMU_DUMP_THEN_RESUME = 3, /* one that stood still */
};

/* Begins one of an active domain, whose lock is held, into a file that is made or emptied; then the
 * job goes on by itself. live: the guest is not paused by us. ret_fd: the file's, for close(); or
 * NULL. */
int vmgr__dump_begin(struct vemu_change *c, const char *path, int then, bool live, int *ret_fd,
                     struct vmgr_error **err);
/* Dumps, and waits until that is done. */
int vmgr__vemu_core_dump(struct vmgr_domain *dom, const char *path, uint32_t format, uint32_t flags,
                         struct vmgr_error **err);

#endif
