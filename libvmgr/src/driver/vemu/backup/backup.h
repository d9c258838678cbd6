/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints and backups of a run's disks. See docs/backup.md.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_BACKUP_BACKUP_H
#define VMGR_SRC_DRIVER_VEMU_BACKUP_BACKUP_H

#include "../../../conf/backup.h"
#include "../../../conf/checkpoint.h"
#include "../../checkpoint.h"
#include "../block/blockjob.h"
#include "../job/domain-job.h"
#include "../run/qmp.h"
#include "../state/status.h"

/* ---- checkpoint-store.c: files ---- */
/* A domain's, oldest first, for g_ptr_array_unref(); files that are damaged are left out. */
GPtrArray *vmgr__vemu_checkpoints_load(const struct vemu *d, const char *name);
int vmgr__vemu_checkpoint_save(const struct vemu *d, const char *name,
                               const struct vmgr__checkpoint *c, struct vmgr_error **err);
int vmgr__vemu_checkpoint_forget(const struct vemu *d, const char *name, const char *checkpoint,
                                 struct vmgr_error **err);
/* The domain is gone. */
void vmgr__vemu_checkpoints_forget(const struct vemu *d, const char *name);
unsigned vmgr__vemu_checkpoints_count(const struct vemu *d, const char *name);

/* ---- checkpoint-make.c ---- */
/* A list for a transaction: adds an action; data is taken over. */
void vmgr__transaction_add(struct json_object *actions, const char *type, struct json_object *data);
/* Runs it, all or nothing; actions is taken over. grouped: its jobs end together. */
int vmgr__transaction_run(struct vemu_qmp *q, struct json_object *actions, bool grouped,
                          struct vmgr_error **err);
/* A bitmap of the disk with this alias, of query-block's result; NULL: none. *ret_usable: it was
 * not in use when the emulator, or the host, was killed. */
struct json_object *vmgr__bitmap_find(struct json_object *blocks, const char *alias,
                                      const char *name, bool *ret_usable);
/* Completes a document of a checkpoint of the moment, and checks it. For
 * vmgr__checkpoint_free(). */
struct vmgr__checkpoint *vmgr__checkpoint_prepare(struct vemu_change *c, const char *xml,
                                                  struct vmgr_error **err);
/* Adds what makes its bitmaps. */
void vmgr__checkpoint_actions(const struct vemu_change *c, const struct vmgr__checkpoint *cp,
                              struct json_object *actions);

/* ---- backup.c: operations of checkpoint.h ---- */
int vmgr__vemu_begin_backup(struct vmgr_domain *dom, const char *xml, const char *checkpoint_xml,
                            uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_get_backup_xml(struct vmgr_domain *dom, char **ret, struct vmgr_error **err);

/* ---- backup-end.c ---- */
/* Offers what a pulled backup has, as far as that was not done; q: the run's. */
int vmgr__backup_export(const struct vmgr__backup *b, struct vemu_qmp *q, struct vmgr_error **err);
/* Asks the emulator to end the run's backup, all of its jobs; it is over when a look says so. */
void vmgr__backup_cancel(struct vemu_change *c, struct vemu_qmp *q);
/* A look at the run's backup, after its jobs were settled: goes on with what a caller left behind,
 * and puts things away when the last job is over. list: of query-block-jobs, before that. True: the
 * status has changed. */
bool vmgr__backup_settle(struct vemu_change *c, struct vemu_qmp *q, struct json_object *list);
/* The run is over: removes files that only it needed. */
void vmgr__backup_forget(const struct vmgr__backup *b);

/* ---- backup-job.c ---- */
/* How far it is; list: query-block-jobs' result. */
void vmgr__backup_figures(const struct vemu_status *s, struct json_object *list,
                          struct vemu_domain_job_figures *ret);
/* All of its disks' jobs are over: so is the domain's. Not saved yet. */
void vmgr__backup_job_end(struct vemu_change *c);

#endif
