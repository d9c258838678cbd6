/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job that a whole domain has: a dump of its memory, a backup of its disks.
 *
 * Theory of operation. As with jobs on disks (blockjob.h) the emulator does the work, and nobody
 * here waits for it with a lock in hand. A record in the status file says that there is a job,
 * since when, and what is to be done when it is over; it is written before the emulator is asked to
 * begin. Whoever looks next with the domain's lock in hand settles it: asks the emulator how far it
 * is, and once it has ended does what is left to do and turns the record into that of the last job.
 * So it does not matter whether the caller that began it is still there. A domain has one such job
 * at a time. The record of the last one stays, so that events follow from the difference between
 * two looks; that somebody has been told of it is noted there.
 *
 * A kind of job is a table of operations in a file of its own, and a line in domain-job.c.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_JOB_DOMAIN_JOB_H
#define VMGR_SRC_DRIVER_VEMU_JOB_DOMAIN_JOB_H

#include <vmgr/job.h>

#include "../change.h"
#include "../run/qmp.h"
#include "../state/status.h"

enum vemu_domain_job_kind {
    VEMU_DOMAIN_JOB_DUMP,
    VEMU_DOMAIN_JOB_BACKUP,
    VEMU_DOMAIN_JOB_KINDS,
};

/* Words are in domain-job.c. */
enum vemu_domain_job_state {
    VEMU_DOMAIN_JOB_STARTING, /* the emulator may not have it yet */
    VEMU_DOMAIN_JOB_RUNNING,
    VEMU_DOMAIN_JOB_CANCELING,
    VEMU_DOMAIN_JOB_COMPLETED, /* from here on it is over */
    VEMU_DOMAIN_JOB_FAILED,
    VEMU_DOMAIN_JOB_CANCELED,
};

/* How far it is, in bytes; of memory, of disks, and of files that are there meanwhile. */
struct vemu_domain_job_figures {
    uint64_t memory_total, memory_done;
    uint64_t disk_total, disk_done;
    uint64_t temp_total, temp_used;
};

struct vemu_domain_job {
    enum vemu_domain_job_kind kind;
    enum vemu_domain_job_state state;
    uint32_t serial;     /* the run's so many-th job */
    int64_t started_us;  /* g_get_monotonic_time() */
    uint64_t elapsed_ms; /* once it is over */
    bool resume;         /* the guest runs again afterwards */
    int then;            /* of the kind: what else happens afterwards; 0: nothing */
    bool told;           /* of one that is over: somebody has asked how it ended */
    struct vemu_domain_job_figures figures; /* when it was last looked at */
    char *path;                             /* of the kind: what it writes; or NULL */
    char *error;                            /* FAILED: why */
};

/* All with the domain's lock, unless said otherwise. */
struct vemu_domain_job_ops {
    const char *name; /* in the status file */
    int operation;    /* enum vmgr_domain_job_operation */

    /* How far it is. Without the lock: the job may end meanwhile, and what is found then is
     * thrown away. */
    int (*figures)(const struct vemu_status *s, struct vemu_qmp *q,
                   struct vemu_domain_job_figures *ret, struct vmgr_error **err);
    /* Asks the emulator to end it; it is over when settle() says so. */
    int (*abort)(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err);
    /* Whether it is over. 0: not yet. 1: it is, the kind's own things are in order again, and
     * c->status.job has the state it ended in, with figures and error. 2: it was
     * found to be over elsewhere, and its record is closed and saved. */
    int (*settle)(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err);
    /* It has completed, and job->then is not 0. The run may end by it; otherwise the guest runs
     * again afterwards, if it is to. May be done twice, if a caller dies. */
    int (*after)(struct vemu_change *c, struct vemu_qmp *q, int then, struct vmgr_error **err);
};
extern const struct vemu_domain_job_ops vmgr__dump_job, vmgr__backup_job;

/* ---- records ---- */
struct vemu_domain_job *vmgr__domain_job_free(struct vemu_domain_job *job);
/* Of a status file: the job, and the last one. */
void vmgr__domain_jobs_read(const xmlNode *root, struct vemu_status *s);
void vmgr__domain_jobs_write(const struct vemu_status *s, struct vmgr__xml_writer *w);
const struct vemu_domain_job_ops *vmgr__domain_job_ops(const struct vemu_domain_job *job);
/* As typed parameters, which are those of libvirt. now: of one that is not over, how far it is. */
void vmgr__domain_job_stats(const struct vemu_domain_job *job,
                            const struct vemu_domain_job_figures *now, GArray *ret);

/* ---- with the domain's lock ---- */
/* Fails if the domain has a job. */
int vmgr__domain_job_check_none(const struct vemu_change *c, struct vmgr_error **err);
/* A record for a job that is to begin; it is not saved yet. */
struct vemu_domain_job *vmgr__domain_job_add(struct vemu_change *c, enum vemu_domain_job_kind kind);
/* It did not begin after all. */
void vmgr__domain_job_remove(struct vemu_change *c);
/* It is over, with the state it has: its record becomes that of the last one; not saved yet. */
void vmgr__domain_job_close(struct vemu_change *c);
/* Brings the record up to date. q: NULL: none is open yet. */
int vmgr__domain_job_settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err);

/* ---- cache.c ---- */
/* The event of a job that has ended between two looks. d->lock is held. */
void vmgr__domain_job_emit(struct vemu *d, const struct vmgr__domain_def *def,
                           const struct vemu_domain_job *old, const struct vemu_domain_job *now);

#endif
