/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that callers have associated with domains, for disks whose <source> names their
 * group.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_FILES_H
#define VMGR_SRC_DRIVER_VEMU_RUN_FILES_H

#include "../../files.h"
#include "../vemu.h"
#include "qmp.h"

extern const struct vmgr__files_ops vmgr__vemu_files;

/* What a connection keeps; its descriptors are closed with it. NULL is fine. */
struct vemu_files *vmgr__vemu_files_new(void);
void vmgr__vemu_files_free(struct vemu_files *files);

/* The number of the set that a disk's image is in the emulator; 0: it is opened by its name. */
uint32_t vmgr__vemu_files_set(const struct vmgr__device *dev);
/* Whether a name in the emulator is that of such a set. */
bool vmgr__vemu_files_is_set(const char *filename);

/* Duplicates of the descriptors that the disks of a definition need (dev: that one alone, which may
 * not be in it yet). For g_array_unref(), or NULL and *err: VMGR_ERR_INVALID_ARG (a group that
 * nobody has associated). */
GArray *vmgr__vemu_files_open(struct vemu *d, const struct vmgr__domain_def *def,
                              const struct vmgr__device *dev, struct vmgr_error **err);
size_t vmgr__vemu_files_count(const GArray *files);
int vmgr__vemu_files_fd(const GArray *files, size_t i);
/* One of a set by the name that this has in the emulator; -1: none. */
int vmgr__vemu_files_of(const GArray *files, const char *filename);
/* Options for the emulator, which inherits them. */
void vmgr__vemu_files_argv(const GArray *files, GPtrArray *args);
/* Hands them over to one that runs; on failure it has none of them. */
int vmgr__vemu_files_send(const GArray *files, struct vemu_qmp *q, struct vmgr_error **err);
/* The disk has gone: its set goes, too. */
void vmgr__vemu_files_drop(const struct vmgr__device *dev, struct vemu_qmp *q);

#endif
