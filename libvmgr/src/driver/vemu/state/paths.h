/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things of a domain are.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_PATHS_H
#define VMGR_SRC_DRIVER_VEMU_STATE_PATHS_H

#include "../vemu.h"

int vmgr__vemu_paths_init(struct vemu *d, const struct vmgr__open_args *args,
                          struct vmgr_error **err);
void vmgr__vemu_paths_fini(struct vemu *d);
char *vmgr__vemu_config_path(const struct vemu *d, const char *name);
char *vmgr__vemu_autostart_path(const struct vemu *d, const char *name);
char *vmgr__vemu_run_path(const struct vemu *d, const char *name, const char *file);
/* How a process that lives in `dir` names `path`: without `dir`, if it is right in there. Borrowed
 * from path. */
const char *vmgr__vemu_run_file(const char *dir, const char *path);
char *vmgr__vemu_log_path(const struct vemu *d, const char *name);

#endif
