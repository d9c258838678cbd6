/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups of guests, cgroups(7), and where their threads run.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_CGROUP_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_CGROUP_H

#include "../../../conf/tuning.h"
#include "../change.h"
#include "../run/qmp.h"
#include "../state/status.h"

/* Threads of a guest. */
struct vemu_threads {
    GArray *vcpus;     /* int: thread ids by number; 0: there is none */
    GArray *iothreads; /* struct vemu_iothread_tid */
};
struct vemu_iothread_tid {
    uint32_t id;
    int tid;
};
/* Asks a guest's monitor. For vmgr__threads_fini(), also on failure. */
int vmgr__threads_query(struct vemu_qmp *q, struct vemu_threads *ret, struct vmgr_error **err);
void vmgr__threads_fini(struct vemu_threads *t);
/* It is a vCPU's or an IOThread. */
bool vmgr__threads_has(const struct vemu_threads *threads, int tid);
/* What the definition says about where and how threads run, of a guest that runs. */
int vmgr__threads_pin(const struct vemu_status *s, const struct vemu_threads *threads,
                      struct vmgr_error **err);
/* scheduler.c: a thread's, if the definition says one; kind: VMGR_PIN_*. */
int vmgr__thread_schedule(const struct vmgr__tuning *t, int kind, uint32_t id, int tid,
                          struct vmgr_error **err);
int vmgr__threads_check_schedulers(const struct vmgr__tuning *t, struct vmgr_error **err);
/* Time and last CPU of a thread. */
bool vmgr__thread_stat(int pid, int tid, uint64_t *ret_time_ns, int *ret_cpu);

/* Makes the limits in s->def hold; the group is made when there is the first one (s->cgroup). old:
 * what held before, NULL: nothing. */
int vmgr__cgroup_apply(const struct vemu *d, const char *name, struct vemu_status *s,
                       const struct vmgr__tuning *old, const struct vemu_threads *threads,
                       struct vmgr_error **err);
/* Removes it; its processes have ended. */
void vmgr__cgroup_remove(const char *path);

/* Pins and limits: asks the guest which threads it has, and does both. old: as above. */
int vmgr__threads_place(const struct vemu *d, const char *name, struct vemu_status *s,
                        struct vemu_qmp *q, const struct vmgr__tuning *old,
                        struct vmgr_error **err);
/* The same where a guest has new threads, for which these limits, VMGR__TUNE_*, did not hold. */
int vmgr__threads_place_new(struct vemu_change *c, struct vemu_qmp *q, int period, int quota,
                            struct vmgr_error **err);

#endif
