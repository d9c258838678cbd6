/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IOThreads of guests: objects of the emulator that are called "iothreadN".
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_IOTHREAD_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_IOTHREAD_H

#include "../../../conf/iothread.h"
#include "../vemu.h"

#define VEMU_IOTHREAD_PREFIX "iothread"

/* "-object" for each. */
void vmgr__vemu_iothreads_argv(const struct vmgr__domain_def *def, GPtrArray *args);
/* Sets "iothread" of a device from what its <driver> says. a_device: "Disk", for messages. */
int vmgr__vemu_put_iothread(const struct vmgr__domain_def *def, const xmlNode *driver,
                            const char *a_device, struct json_object *props,
                            struct vmgr_error **err);

/* Operations of a driver. */
int vmgr__vemu_set_iothread(struct vmgr_domain *dom, uint32_t id, bool there, uint32_t flags,
                            struct vmgr_error **err);
int vmgr__vemu_tune_iothread(struct vmgr_domain *dom, const char *target,
                             const struct vmgr_stat *params, uint32_t flags,
                             struct vmgr_error **err);

#endif
