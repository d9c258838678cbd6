/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that steer jobs and look at them. Those that start them are in commands-blockjob.c.
 */
#include <errno.h>
#include <string.h>

#include <vemu/job.h>

#include "jobs/job.h"
#include "monitor/qmp.h"

/* --- steering --------------------------------------------------------------------------------- */

typedef int (*job_fn)(struct vemu_vm *vm, const char *id, struct vemu_error **err);

/* block-job-*: the name is called "device", and what is not there is not active. */
static int on_block_job(struct vemu_vm *vm, struct json_object *args, const char *key, job_fn fn,
                        struct vemu_error **err)
{
    const char *id = qmp_get_string(args, key);

    if (!vemu__job_find(vm, id, NULL))
        return vemu__error_set(err, QMP_DEVICE_NOT_ACTIVE, "Block job '%s' not found", id);
    return fn(vm, id, err);
}

static int cancel_softly(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    return vemu_vm_cancel_job(vm, id, 0, err);
}

static int cancel_hard(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    return vemu_vm_cancel_job(vm, id, VEMU_JOB_CANCEL_FORCE, err);
}

static int cmd_block_job_cancel(QMP_PARAMS)
{
    bool force = json_object_get_boolean(qmp_get(args, "force"));

    return on_block_job(vm, args, "device", force ? cancel_hard : cancel_softly, err);
}

static int cmd_block_job_complete(QMP_PARAMS)
{
    return on_block_job(vm, args, "device", vemu_vm_complete_job, err);
}

static int cmd_block_job_pause(QMP_PARAMS)
{
    return on_block_job(vm, args, "device", vemu_vm_pause_job, err);
}

static int cmd_block_job_resume(QMP_PARAMS)
{
    return on_block_job(vm, args, "device", vemu_vm_resume_job, err);
}

static int cmd_block_job_finalize(QMP_PARAMS)
{
    return on_block_job(vm, args, "id", vemu_vm_finalize_job, err);
}

static int cmd_block_job_dismiss(QMP_PARAMS)
{
    return on_block_job(vm, args, "id", vemu_vm_dismiss_job, err);
}

static int cmd_block_job_set_speed(QMP_PARAMS)
{
    const char *id = qmp_get_string(args, "device");
    int64_t speed = json_object_get_int64(qmp_get(args, "speed"));

    if (!vemu__job_find(vm, id, NULL))
        return vemu__error_set(err, QMP_DEVICE_NOT_ACTIVE, "Block job '%s' not found", id);
    if (speed < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'speed' expects a non-negative value");
    return vemu_vm_set_job_speed(vm, id, (uint64_t)speed, err);
}

static int cmd_job_cancel(QMP_PARAMS)
{
    return cancel_hard(vm, qmp_get_string(args, "id"), err);
}

static int cmd_job_complete(QMP_PARAMS)
{
    return vemu_vm_complete_job(vm, qmp_get_string(args, "id"), err);
}

static int cmd_job_dismiss(QMP_PARAMS)
{
    return vemu_vm_dismiss_job(vm, qmp_get_string(args, "id"), err);
}

static int cmd_job_finalize(QMP_PARAMS)
{
    return vemu_vm_finalize_job(vm, qmp_get_string(args, "id"), err);
}

static int cmd_job_pause(QMP_PARAMS)
{
    return vemu_vm_pause_job(vm, qmp_get_string(args, "id"), err);
}

static int cmd_job_resume(QMP_PARAMS)
{
    return vemu_vm_resume_job(vm, qmp_get_string(args, "id"), err);
}

/* --- looking ---------------------------------------------------------------------------------- */

static int describe_block_job(void *data, const struct vemu_job_info *info)
{
    struct json_object *list = data, *o = json_object_new_object();
    bool failed = info->flags & VEMU_JOB_INFO_FAILED, paused = info->flags & VEMU_JOB_INFO_PAUSED;

    qmp_add_string(o, "type", vemu_job_kind_name(info->kind));
    qmp_add_string(o, "device", info->id);
    qmp_add_int(o, "len", info->total);
    qmp_add_bool(o, "busy", info->status == VEMU_JOB_RUNNING && !paused);
    qmp_add_bool(o, "paused", paused);
    qmp_add_int(o, "offset", info->done);
    qmp_add_int(o, "speed", info->speed);
    qmp_add_string(o, "io-status",
                   !failed                               ? "ok"
                   : info->flags & VEMU_JOB_INFO_NOSPACE ? "nospace"
                                                         : "failed");
    qmp_add_bool(o, "ready", info->flags & VEMU_JOB_INFO_READY);
    qmp_add_string(o, "status", vemu_job_status_name(info->status));
    qmp_add_bool(o, "auto-finalize", !(info->job_flags & VEMU_JOB_MANUAL_FINALIZE));
    qmp_add_bool(o, "auto-dismiss", !(info->job_flags & VEMU_JOB_MANUAL_DISMISS));
    if (info->error)
        qmp_add_string(o, "error", info->error);
    json_object_array_add(list, o);
    return 0;
}

static int cmd_query_block_jobs(QMP_PARAMS)
{
    *result = json_object_new_array();
    return vemu_vm_list_jobs(vm, describe_block_job, *result);
}

static int describe_job(void *data, const struct vemu_job_info *info)
{
    struct json_object *list = data, *o = json_object_new_object();

    qmp_add_string(o, "id", info->id);
    qmp_add_string(o, "type", vemu_job_kind_name(info->kind));
    qmp_add_string(o, "status", vemu_job_status_name(info->status));
    qmp_add_int(o, "current-progress", info->done);
    qmp_add_int(o, "total-progress", info->total);
    if (info->error)
        qmp_add_string(o, "error", info->error);
    json_object_array_add(list, o);
    return 0;
}

static int cmd_query_jobs(QMP_PARAMS)
{
    *result = json_object_new_array();
    return vemu_vm_list_jobs(vm, describe_job, *result);
}

static const struct qmp_command commands[] = {
    { "block-job-cancel", cmd_block_job_cancel, "{device:str,force?:bool}", NULL },
    { "block-job-complete", cmd_block_job_complete, "{device:str}", NULL },
    { "block-job-dismiss", cmd_block_job_dismiss, "{id:str}", NULL },
    { "block-job-finalize", cmd_block_job_finalize, "{id:str}", NULL },
    { "block-job-pause", cmd_block_job_pause, "{device:str}", NULL },
    { "block-job-resume", cmd_block_job_resume, "{device:str}", NULL },
    { "block-job-set-speed", cmd_block_job_set_speed, "{device:str,speed:int}", NULL },
    { "job-cancel", cmd_job_cancel, "{id:str}", NULL },
    { "job-complete", cmd_job_complete, "{id:str}", NULL },
    { "job-dismiss", cmd_job_dismiss, "{id:str}", NULL },
    { "job-finalize", cmd_job_finalize, "{id:str}", NULL },
    { "job-pause", cmd_job_pause, "{id:str}", NULL },
    { "job-resume", cmd_job_resume, "{id:str}", NULL },
    { "query-block-jobs", cmd_query_block_jobs, NULL,
      "[{type:<backup|mirror|commit|stream>,device:str,len:int,busy:bool,paused:bool,offset:int,"
      "speed:int,io-status:<ok|failed|nospace>,ready:bool,status:@JobStatus,auto-finalize:bool,"
      "auto-dismiss:bool,error?:str}]" },
    { "query-jobs", cmd_query_jobs, NULL,
      "[{id:str,type:<backup|mirror|commit|stream>,status:@JobStatus,current-progress:int,"
      "total-progress:int,error?:str}]" },
    { NULL },
};

static const struct qmp_named shapes[] = {
    { "JobStatus",
      "<created|running|paused|ready|standby|waiting|pending|aborting|concluded|null>" },
    { NULL },
};

const struct qmp_group vemu__qmp_job = { .commands = commands, .shapes = shapes };
