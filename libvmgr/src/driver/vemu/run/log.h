/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of a guest: what its emulator says, and what callers have to say of its runs.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_LOG_H
#define VMGR_SRC_DRIVER_VEMU_RUN_LOG_H

#include "../vemu.h"

/* Opens it behind a new line of the time and this text. A descriptor, or -1 and *err. */
int vmgr__vemu_log_open(const struct vemu *d, const char *name, const char *text,
                        struct vmgr_error **err);
/* Adds such a line about what no caller can be told. why is taken over. */
void vmgr__vemu_log_failure(const struct vemu *d, const char *name, const char *what,
                            struct vmgr_error *why);
/* None is there afterwards. */
int vmgr__vemu_log_remove(const struct vemu *d, const char *name, struct vmgr_error **err);

#endif
