/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that several callers share: replaced as a whole, locked by the kernel.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_FILE_H
#define VMGR_SRC_DRIVER_VEMU_STATE_FILE_H

#include <stdbool.h>
#include <vmgr/error.h>

/* A file is written under its name with this at the end; a writer that was killed leaves that. */
#define VMGR__FILE_FRESH ".new"

/* Replaces a file as a whole: the old or the new content is there at any time. sync: also after a
 * power failure. */
int vmgr__file_replace(const char *path, const char *text, bool sync, struct vmgr_error **err);
/* The same, written at first to `fresh`, elsewhere in the file system. */
int vmgr__file_replace_from(const char *fresh, const char *path, const char *text, bool sync,
                            struct vmgr_error **err);
/* Makes `path` a copy of `from`, for its owner alone, as a whole and synced. The caller sees to it
 * that nobody else does so at the same time. */
int vmgr__file_copy(const char *from, const char *path, struct vmgr_error **err);
/* 1 and *ret, 0 when there is no such file, -1 and *err. */
int vmgr__file_read(const char *path, char **ret, struct vmgr_error **err);
/* Removes a file and what a dead writer left beside it, then syncs its directory. Fine when there
 * is none. */
int vmgr__file_remove(const char *path, bool sync, struct vmgr_error **err);
void vmgr__file_sync_dir(const char *path);

/* Locks a file, made when it is not there, waiting up to timeout_ms. A descriptor, whose close()
 * unlocks, or -1 and *err (with timeout_ms 0 none, when someone has it). */
int vmgr__file_lock(const char *path, int timeout_ms, struct vmgr_error **err);

#endif
