/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that an emulator was asked to make in its run's directory.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_MADE_H
#define VMGR_SRC_DRIVER_VEMU_RUN_MADE_H

#include "../change.h"

/* Opens one for reading. A guest that broke out of its emulator owns that directory: it must be a
 * plain file of its user's with no other name, of at most max bytes. A descriptor, or -1 and *err.
 */
int vmgr__vemu_made_open(const struct vemu_change *c, const char *file, uint64_t max,
                         uint64_t *ret_size, struct vmgr_error **err);

#endif
