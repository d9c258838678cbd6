/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching the directory and the processes of guests.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_WATCH_H
#define VMGR_SRC_DRIVER_VEMU_STATE_WATCH_H

#include "../run/process.h"
#include "../vemu.h"

int vmgr__vemu_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
int vmgr__vemu_subscribe(struct vmgr_conn *conn, int event_id, struct vmgr_error **err);
void vmgr__vemu_poll_events(struct vmgr_conn *conn);
/* What woke the driver up: files, the ends of processes, the time to look at jobs, or a listener,
 * whose numbers begin here. */
enum vemu_wake { VEMU_WAKE_FILES = 0, VEMU_WAKE_PROCESS, VEMU_WAKE_JOBS, VEMU_WAKE_LISTENER };
/* A run appeared or changed its process. d->lock is held. */
void vmgr__vemu_watch_run(struct vemu *d, const char *name);
int vmgr__vemu_watch_process(struct vemu *d, const struct vemu_process *p);
/* record.c: watches the process of a record that was read before watching began. */
void vmgr__vemu_watch_obj(struct vemu *d, struct vmgr__domobj *obj);
/* Some runs have jobs on disks: looks at them soon. d->lock is held. */
void vmgr__vemu_watch_jobs(struct vemu *d);
void vmgr__vemu_watch_fini(struct vemu *d);

#endif
