/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of each domain beside its definitions. d->lock is held.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_RECORD_H
#define VMGR_SRC_DRIVER_VEMU_STATE_RECORD_H

#include <sys/stat.h>

#include "../run/process.h"
#include "../vemu.h"

struct vemu_domain_job;
struct vemu_listener;
struct vemu_status;

/* Identity of a file's content; all zero: no file. */
struct vemu_file_key {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

/* False: there is certainly no such file. */
bool vmgr__vemu_read_key(const char *path, struct vemu_file_key *ret);
bool vmgr__vemu_key_equal(const struct vemu_file_key *a, const struct vemu_file_key *b);

/* Of an object of the list, as its private data. */
struct vemu_record {
    struct vemu_file_key config_key, status_key;
    struct vemu_process process;
    int pidfd;                        /* watched, or -1 */
    GPtrArray *jobs;                  /* as in the status */
    struct vemu_domain_job *last_job; /* likewise */
    bool outline;                     /* of the definition name and UUID alone have been read */
    bool silent;                      /* nothing is to be said about the definition */
    struct vemu_listener *listener;
};

static inline struct vemu_record *vmgr__vemu_record_of(const struct vmgr__domobj *obj)
{
    return obj->priv;
}

/* Gives a new object an empty one, which goes with it. */
void vmgr__vemu_record_add(struct vmgr__domobj *obj);
/* The process of a run; no pid: there is none. It is watched, and the run listened to, while the
 * connection watches. */
void vmgr__vemu_record_set_process(struct vemu *d, const char *name, struct vemu_record *r,
                                   const struct vemu_process *process);
/* The jobs of a run, which are taken out of its status; same_run: what was known is of the same
 * one. */
void vmgr__vemu_record_take_jobs(struct vemu *d, struct vmgr__domobj *obj, struct vemu_status *s,
                                 bool same_run);

#endif
