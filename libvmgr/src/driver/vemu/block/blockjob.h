/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on the disks of a run, and the images that a disk stands on.
 *
 * Theory of operation. The emulator has the jobs; the status file has a record of each, which is
 * written before the emulator is asked to begin, so that a caller that dies leaves nothing that is
 * not known. The emulator keeps a job that has ended until it is dismissed. Whoever looks next with
 * the domain's lock in hand settles it: takes the disk's chain of images as it is now into the
 * definition of the run, where the disk's own image is another one into the stored definition too,
 * notes how it ended, and dismisses it. A connection that watches looks by itself, a few times a
 * second, as long as there are jobs. A record stays until the disk has its next job: events follow
 * from the difference between records.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_BLOCK_BLOCKJOB_H
#define VMGR_SRC_DRIVER_VEMU_BLOCK_BLOCKJOB_H

#include <vmgr/block.h>

#include "../../../conf/device.h"
#include "../change.h"
#include "../run/qmp.h"
#include "../state/status.h"

enum vemu_blockjob_state {
    VEMU_JOB_STARTING = 0, /* the emulator may not have it yet */
    VEMU_JOB_RUNNING,
    VEMU_JOB_READY,
    VEMU_JOB_PIVOTING,
    VEMU_JOB_CANCELING,
    VEMU_JOB_COMPLETED, /* from here on it is over */
    VEMU_JOB_FAILED,
    VEMU_JOB_CANCELED,
};

struct vemu_blockjob {
    char *disk; /* its target */
    int type;   /* enum vmgr_block_job_type */
    enum vemu_blockjob_state state;
    bool kept;       /* it is over, and the emulator may not have been told to forget it */
    uint32_t serial; /* the run's so many-th job */
    char *node;      /* the disk's, when it began */
    char *files;     /* to be removed when it has completed, a line each; or NULL */
    char *error;     /* why it failed */
};

/* ---- blockjob.c: records ---- */
void vmgr__blockjob_free(void *job);
/* Of a status file; hostile only as far as its owner is. */
GPtrArray *vmgr__blockjobs_read(const xmlNode *root);
void vmgr__blockjobs_write(const GPtrArray *jobs, struct vmgr__xml_writer *w);
/* The job that a disk has now; NULL: none. jobs may be NULL. */
struct vemu_blockjob *vmgr__blockjob_of(const GPtrArray *jobs, const char *disk);
/* Whether there is something to look at. */
bool vmgr__blockjobs_active(const GPtrArray *jobs);
/* A record for a job that is to begin. */
struct vemu_blockjob *vmgr__blockjob_add(struct vemu_status *s, const char *disk, int type);
void vmgr__blockjob_remove(struct vemu_status *s, struct vemu_blockjob *job);
/* Its name in the emulator, for g_free(). */
char *vmgr__blockjob_id(const struct vemu_blockjob *job);
/* Fails if the disk has a job. */
int vmgr__blockjob_check_none(const struct vemu_status *s, const char *disk,
                              struct vmgr_error **err);
/* Events of what changed between two looks. d->lock is held. */
void vmgr__blockjobs_emit(struct vemu *d, const struct vmgr__domain_def *def, const GPtrArray *old,
                          const GPtrArray *now);

/* ---- settle-job.c ---- */
/* Brings the records up to date with the emulator's jobs. q: NULL: none is open yet. */
int vmgr__blockjobs_settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err);
/* The same for a name, if nobody else has the lock; what fails is left for the next look. */
void vmgr__blockjobs_look(struct vemu *d, const char *name);
/* <mirror> of a disk while a job copies it. */
void vmgr__blockjob_set_mirror(struct vmgr__device *dev, int type, const char *path,
                               const char *format, bool ready);

/* ---- chain.c ---- */
/* An object of a list whose device is the one with this alias ("qdev"). NULL: none. */
struct json_object *vmgr__vemu_of_alias(struct json_object *list, const char *alias);
/* The name of the node that a drive has, for g_free(); NULL: it is empty, or not there. */
int vmgr__vemu_drive_node(struct vemu_qmp *q, const char *alias, char **ret_node,
                          struct vmgr_error **err);
/* The same of a disk, or NULL. */
char *vmgr__vemu_disk_node(struct vemu_qmp *q, const char *alias);
/* Takes what the emulator says of a disk's images into its text. blocks: query-block's result. */
int vmgr__vemu_chain_update(struct vmgr__device *dev, struct json_object *blocks, bool check,
                            struct vmgr_error **err);
/* The same for all disks of a run that begins whose images may stand on others. */
int vmgr__vemu_chain_learn(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                           struct vmgr_error **err);
/* The same for one device that has come. */
int vmgr__vemu_chain_learn_one(struct vemu_qmp *q, struct vmgr__device *dev,
                               struct vmgr_error **err);
/* Paths of a disk's images, its own first, for g_ptr_array_unref(). */
GPtrArray *vmgr__vemu_chain_paths(const struct vmgr__device *dev);
/* The path that is meant by one, or by "vda[2]" of this disk; for g_free(), or NULL and *err. */
char *vmgr__vemu_chain_resolve(const struct vmgr__device *dev, const char *name,
                               struct vmgr_error **err);
/* The stored definition's disk follows the run's: to another image, or to others below it. True: it
 * has changed. */
bool vmgr__vemu_chain_store(struct vmgr__domain_def *config, const struct vmgr__device *dev,
                            const char *old_source);

#endif
