/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consoles and monitors for callers.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_CONSOLE_H
#define VMGR_SRC_DRIVER_VEMU_RUN_CONSOLE_H

#include "../vemu.h"

/* ---- monitor.c ---- */
int vmgr__vemu_monitor_command(struct vmgr_domain *dom, const char *command, uint32_t flags,
                               char **ret, struct vmgr_error **err);

/* The UUID that an emulator was given, as its monitor tells it. */
bool vmgr__vemu_ask_uuid(const struct vemu *d, const char *name, uint8_t *ret_uuid);

/* ---- console.c ---- */
int vmgr__vemu_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err);

#endif
