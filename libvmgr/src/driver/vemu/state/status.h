/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a run stands: its file, and how it is brought to a rest.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_STATUS_H
#define VMGR_SRC_DRIVER_VEMU_STATE_STATUS_H

#include "../run/process.h"
#include "../vemu.h"

/* ---- status.c ---- */
enum vemu_phase { VEMU_OFF = 0, VEMU_STARTING, VEMU_ACTIVE, VEMU_STOPPING };
struct vemu_status {
    enum vemu_phase phase;
    int state, reason;
    struct vemu_process process;
    int owner; /* with autodestroy: pid of the caller whose end ends it; else 0 */
    uint64_t owner_start_time;
    bool updated;
    bool bitmaps; /* of its images have come or gone: they are written when the images are closed */
    bool unsettled; /* the run is over, but somebody else is at it: this is not the last word */
    bool sandbox; /* while it starts: the emulator gives up system calls */
    bool ports_open; /* while it starts: its interfaces are there (run/ethernet.c) */
    const GArray *files; /* while it starts or gets a disk: of files.c, borrowed; else NULL */
    uid_t uid;    /* whom the process runs as; 0: its starter's, or root */
    gid_t gid;
    char *cgroup;                 /* NULL: none */
    struct vmgr__domain_def *def; /* what runs; NULL when off */
    GPtrArray *jobs;              /* struct vemu_blockjob (blockjob.h); NULL: there were none */
    GPtrArray *plugs;             /* devices that come or go (plug-note.h); NULL: none */
    struct vmgr__backup *backup;  /* that goes on (conf/backup.h); NULL: none */
    struct vemu_domain_job *job;      /* of the whole domain (domain-job.h); NULL: none */
    struct vemu_domain_job *last_job; /* the one that ended last; NULL: none */
};
void vmgr__vemu_status_clear(struct vemu_status *s);
/* 1, 0 (no file: off), -1 and *err (a file nobody can read is an error, not an end of the guest). A
 * status of another boot of the host counts as no file. */
int vmgr__vemu_status_load(const struct vemu *d, const char *name, struct vemu_status *ret,
                           struct vmgr_error **err);
int vmgr__vemu_status_save(const struct vemu *d, const char *name, const struct vemu_status *s,
                           struct vmgr_error **err);
/* Removes the directory of a run. */
void vmgr__vemu_run_remove(const struct vemu *d, const char *name);
/* Removes the files a run leaves in it. */
void vmgr__vemu_run_sweep(const struct vemu *d, const char *name);

/* ---- settle.c ---- */
/*
 * Brings a status that nobody works on to a rest. The domain lock is held. *s is updated and saved.
 */
int vmgr__vemu_settle_locked(struct vemu *d, const char *name, struct vemu_status *s,
                             struct vmgr_error **err);
/* Loads the status and settles it if no one else is at it. 1, 0, -1 as status_load. */
int vmgr__vemu_status_settled(struct vemu *d, const char *name, struct vemu_status *ret,
                              struct vmgr_error **err);
/* The run is over: writes how, or forgets a transient domain. The lock is held. */
int vmgr__vemu_finish(struct vemu *d, const char *name, struct vemu_status *s, int reason,
                      struct vmgr_error **err);

#endif
