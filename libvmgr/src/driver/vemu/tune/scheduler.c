/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the host's kernel schedules a guest's threads, sched(7).
 */
#include <errno.h>
#include <sched.h>

#include "cgroup.h"

static const int policies[] = { SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR };

int vmgr__threads_check_schedulers(const struct vmgr__tuning *t, struct vmgr_error **err)
{
    for (guint i = 0; t->schedulers && i < t->schedulers->len; i++) {
        const struct vmgr__scheduler *s = &g_array_index(t->schedulers, struct vmgr__scheduler, i);
        const int min = sched_get_priority_min(policies[s->policy]);
        const int max = sched_get_priority_max(policies[s->policy]);

        if (vmgr__scheduler_has_priority(s) && (s->priority < min || s->priority > max))
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "Scheduler priority %d out of range [%d, %d]", s->priority, min, max);
    }
    return 0;
}

int vmgr__thread_schedule(const struct vmgr__tuning *t, int kind, uint32_t id, int tid,
                          struct vmgr_error **err)
{
    const struct vmgr__scheduler *s = vmgr__tuning_scheduler(t, kind, id);
    struct sched_param param = { .sched_priority = s ? s->priority : 0 };

    if (!s || sched_setscheduler(tid, policies[s->policy], &param) == 0 || errno == ESRCH)
        return 0;
    return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU,
                                 "Cannot set scheduler parameters for pid %d", tid);
}
