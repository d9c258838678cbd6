/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulator of a guest: its command line, and its start.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_LAUNCH_H
#define VMGR_SRC_DRIVER_VEMU_RUN_LAUNCH_H

#include "../state/status.h"
#include "../vemu.h"
#include "process.h"
#include "qmp.h"

/* ---- argv.c ---- */
/* Fails if the definition asks for what a guest cannot get here. */
int vmgr__vemu_check_support(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* The same for what makes no sense to store. */
int vmgr__vemu_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* The command line, NULL-terminated, for g_strfreev(). ports: of port.c; run_dir:
 * where it will run. */
char **vmgr__vemu_argv(const struct vmgr__domain_def *def, const char *emulator, bool sandbox,
                       const GArray *ports, const GArray *files, const char *run_dir);
/* The program: the definition's, the caller's, or the usual one. For g_free(). */
char *vmgr__vemu_find_emulator(const struct vemu *d, const struct vmgr__domain_def *def,
                               struct vmgr_error **err);

/* ---- launch.c ---- */
/* Starts the emulator of a run whose status is "starting", writes its pid into the status, and
 * waits until its monitor listens. On failure nothing of it is left. */
int vmgr__vemu_launch(struct vemu *d, const char *name, struct vemu_status *s,
                      struct vemu_qmp **ret_qmp, off_t *ret_log_from, struct vmgr_error **err);
/* After the monitor failed: if the process ends, sets *err to its last words. */
void vmgr__vemu_explain(const struct vemu *d, const char *name, const struct vemu_process *p,
                        off_t log_from, struct vmgr_error **err);

#endif
