/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes of guests.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_PROCESS_H
#define VMGR_SRC_DRIVER_VEMU_RUN_PROCESS_H

#include "../vemu.h"

struct vemu_process {
    int pid;             /* 0: none */
    uint64_t start_time; /* clock ticks since boot */
};
/* Reads the start time of a process that exists. */
bool vmgr__process_identify(int pid, struct vemu_process *ret);
/* It exists, is no zombie, and is the one it was. */
bool vmgr__process_is_alive(const struct vemu_process *p);
/* Some process has this as its working directory, as an emulator has its run's. */
bool vmgr__process_is_in(const char *dir);
/* A pidfd of it, or -1 when it is gone. */
int vmgr__process_open(const struct vemu_process *p);
/* Waits until the process behind a pidfd is gone. */
bool vmgr__process_wait(int pidfd, int timeout_ms);
uint64_t vmgr__process_cpu_time_ns(const struct vemu_process *p);
bool vmgr__process_times_ns(const struct vemu_process *p, uint64_t *ret_user, uint64_t *ret_system);
const char *vmgr__boot_id(void);

#endif
