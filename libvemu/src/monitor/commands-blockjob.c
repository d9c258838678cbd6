/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that start jobs on block nodes.
 */
#include <errno.h>
#include <string.h>

#include <vemu/job.h>

#include "block/backend.h"
#include "jobs/graph.h"
#include "monitor/qmp.h"

/* --- arguments that several have -------------------------------------------------------------- */

#define ON_ERROR "<report|ignore|enospc|stop|auto>"
#define COMMON   "job-id?:str,device:str,speed?:int,auto-finalize?:bool,auto-dismiss?:bool"

/* A word's place in a list; 0 if it is not given. The shape has checked it. */
static uint32_t word(struct json_object *args, const char *key, const char *const *words)
{
    const char *text = qmp_get_string(args, key);
    uint32_t n = 0;

    while (text && words[n] && strcmp(words[n], text) != 0)
        n++;
    return text && words[n] ? n : 0;
}

static bool is_false(struct json_object *args, const char *key)
{
    return qmp_get(args, key) && !json_object_get_boolean(qmp_get(args, key));
}

static int on_error(struct json_object *args, const char *key, uint32_t *ret,
                    struct vemu_error **err)
{
    static const char *const words[] = { "report", "ignore", "stop", "enospc", NULL };
    const char *text = qmp_get_string(args, key);

    if (text && !strcmp(text, "auto"))
        return vemu__error_set(err, ENOTSUP, "Parameter '%s': 'auto' is not supported", key);
    *ret = word(args, key, words);
    return 0;
}

static int unsupported(struct json_object *args, const char *const *keys, struct vemu_error **err)
{
    for (; *keys; keys++)
        if (qmp_get(args, *keys))
            return vemu__error_set(err, ENOTSUP, "Parameter '%s' is not supported", *keys);
    return 0;
}

static int get_common(struct vemu_vm *vm, struct json_object *args, uint32_t kind,
                      struct vemu_job_options *o, struct vemu_error **err)
{
    const char *device = qmp_get_string(args, "device");
    const struct vemu_block *block = vemu__qmp_block_of(vm, device);
    int64_t speed = json_object_get_int64(qmp_get(args, "speed"));

    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", device,
                               device);
    if (speed < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'speed' expects a non-negative value");
    *o = (struct vemu_job_options)VEMU_JOB_OPTIONS_INIT;
    o->kind = kind;
    o->id = qmp_get_string(args, "job-id");
    o->node = block->id;
    o->speed = (uint64_t)speed;
    o->flags = (is_false(args, "auto-finalize") ? VEMU_JOB_MANUAL_FINALIZE : 0) |
               (is_false(args, "auto-dismiss") ? VEMU_JOB_MANUAL_DISMISS : 0);
    if (!o->id)
        o->id = device;
    return 0;
}

static int exclusive(struct json_object *args, const char *a, const char *b, const char **ret,
                     struct vemu_error **err)
{
    const char *first = qmp_get_string(args, a), *second = qmp_get_string(args, b);

    if (first && second)
        return vemu__error_set(err, EINVAL, "'%s' and '%s' cannot be specified at the same time", a,
                               b);
    *ret = first ? first : second;
    return 0;
}

/* --- stream and commit ------------------------------------------------------------------------ */

static int get_chain(struct vemu_vm *vm, struct json_object *args, uint32_t kind,
                     struct vemu_job_options *o, struct vemu_error **err)
{
    static const char *const no[] = { "bottom", "filter-node-name", NULL };
    int r = get_common(vm, args, kind, o, err);

    if (r >= 0)
        r = unsupported(args, no, err);
    if (r >= 0)
        r = exclusive(args, "base", "base-node", &o->base, err);
    if (r >= 0)
        r = exclusive(args, "top", "top-node", &o->top, err);
    if (r >= 0)
        r = on_error(args, "on-error", &o->on_source_error, err);
    if (r < 0)
        return r;
    o->on_target_error = o->on_source_error;
    o->backing_file = qmp_get_string(args, "backing-file");
    return 0;
}

static int cmd_block_stream(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_chain(vm, args, VEMU_JOB_STREAM, &o, err);

    return r < 0 ? r : vemu_vm_start_job(vm, &o, err);
}

static int cmd_block_commit(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_chain(vm, args, VEMU_JOB_COMMIT, &o, err);

    return r < 0 ? r : vemu_vm_start_job(vm, &o, err);
}

/* --- backup and mirror ------------------------------------------------------------------------ */

static const char *const sync_words[] = { "full", "top", "none", "incremental", "bitmap", NULL };

static int get_errors(struct json_object *args, struct vemu_job_options *o, struct vemu_error **err)
{
    int r = on_error(args, "on-source-error", &o->on_source_error, err);

    return r < 0 ? r : on_error(args, "on-target-error", &o->on_target_error, err);
}

static int get_backup(struct vemu_vm *vm, struct json_object *args, struct vemu_job_options *o,
                      struct vemu_error **err)
{
    static const char *const no[] = { "filter-node-name", "x-perf", NULL };
    static const char *const modes[] = { "on-success", "never", "always", NULL };
    int r = get_common(vm, args, VEMU_JOB_BACKUP, o, err);

    if (r >= 0)
        r = unsupported(args, no, err);
    if (r >= 0)
        r = get_errors(args, o, err);
    if (r < 0)
        return r;
    o->sync = word(args, "sync", sync_words);
    o->bitmap = qmp_get_string(args, "bitmap");
    o->bitmap_mode = word(args, "bitmap-mode", modes);
    if (json_object_get_boolean(qmp_get(args, "compress")))
        o->flags |= VEMU_JOB_COMPRESS;
    return 0;
}

static int cmd_blockdev_backup(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_backup(vm, args, &o, err);

    if (r < 0)
        return r;
    o.target = qmp_get_string(args, "target");
    return vemu_vm_start_job(vm, &o, err);
}

static int get_mirror(struct vemu_vm *vm, struct json_object *args, struct vemu_job_options *o,
                      struct vemu_error **err)
{
    static const char *const no[] = { "filter-node-name", "replaces", "buf-size", NULL };
    const char *copy_mode = qmp_get_string(args, "copy-mode");
    int64_t granularity = json_object_get_int64(qmp_get(args, "granularity"));
    int r = get_common(vm, args, VEMU_JOB_MIRROR, o, err);

    if (r >= 0)
        r = unsupported(args, no, err);
    if (r >= 0)
        r = get_errors(args, o, err);
    if (r < 0)
        return r;
    if (granularity < 0 || granularity > UINT32_MAX)
        return vemu__error_set(err, EINVAL, "Parameter 'granularity' expects uint32");
    o->granularity = (uint32_t)granularity;
    o->sync = word(args, "sync", sync_words);
    if (copy_mode && !strcmp(copy_mode, "write-blocking"))
        o->flags |= VEMU_JOB_WRITE_BLOCKING;
    if (is_false(args, "unmap"))
        o->flags |= VEMU_JOB_NO_UNMAP;
    return 0;
}

static int cmd_blockdev_mirror(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_mirror(vm, args, &o, err);

    if (r < 0)
        return r;
    o.target = qmp_get_string(args, "target");
    return vemu_vm_start_job(vm, &o, err);
}

/* --- targets by filename ---------------------------------------------------------------------- */

/* What the new image is to stand on: what the disk's own does, or (sync none) the disk itself. */
static int record_backing(const struct vemu_block *block, uint32_t sync, struct vemu_image *target,
                          struct vemu_error **err)
{
    struct vemu_image *top = vemu__graph_top(block), *below = top->backing;
    g_autofree char *name = NULL;

    if (sync == VEMU_JOB_SYNC_TOP && below) {
        name = vemu__graph_backing_name(top, target);
    } else if (sync == VEMU_JOB_SYNC_NONE) {
        name = vemu__graph_file_name(top);
        below = top;
    }
    if (!name || !target->driver->set_backing)
        return 0;
    return vemu_image_set_backing(target, name, vemu__image_skip_filters(below)->driver->name, err);
}

static int create_target(const struct vemu_block *block, const char *filename, const char *format,
                         struct vemu_error **err)
{
    return vemu_image_create(filename, format, block->image->size, NULL, 0, NULL, err);
}

/* The image is opened without its backing images: the job writes whole clusters. */
static int open_target(struct vemu_vm *vm, struct json_object *args,
                       const struct vemu_job_options *o, struct vemu_image **ret,
                       struct vemu_error **err)
{
    const struct vemu_block *block = vemu__vm_find_block(vm, o->node);
    const char *mode = qmp_get_string(args, "mode"), *format = qmp_get_string(args, "format");
    const char *filename = qmp_get_string(args, "target");
    bool existing = mode && !strcmp(mode, "existing");
    struct vemu_image_open_options open = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    int r = vemu__block_check_free(block, err);

    if (!format && !existing)
        format = vemu__graph_top(block)->driver->name;
    if (r >= 0 && !existing)
        r = create_target(block, filename, format, err);
    if (r < 0)
        return r;
    open.format = format;
    open.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_UNMAP;
    r = vemu_image_open(filename, &open, ret, err);
    if (r >= 0 && !existing) {
        r = record_backing(block, o->sync, *ret, err);
        if (r < 0)
            vemu_image_close(*ret);
    }
    return r;
}

static int start_with_file(struct vemu_vm *vm, struct json_object *args, struct vemu_job_options *o,
                           struct vemu_error **err)
{
    int r = open_target(vm, args, o, &o->target_image, err);

    if (r < 0)
        return r;
    r = vemu_vm_start_job(vm, o, err);
    vemu_image_close(o->target_image);
    return r;
}

static int cmd_drive_backup(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_backup(vm, args, &o, err);

    return r < 0 ? r : start_with_file(vm, args, &o, err);
}

static int cmd_drive_mirror(QMP_PARAMS)
{
    struct vemu_job_options o;
    int r = get_mirror(vm, args, &o, err);

    if (r < 0)
        return r;
    o.target_node = qmp_get_string(args, "node-name");
    return start_with_file(vm, args, &o, err);
}

#define BACKUP                                                                                     \
    COMMON ",target:str,sync:<full|top|none|incremental|bitmap>,bitmap?:str,"                      \
           "bitmap-mode?:<on-success|never|always>,compress?:bool,on-source-error?:" ON_ERROR      \
           ",on-target-error?:" ON_ERROR ",filter-node-name?:str,x-perf?:any"
#define MIRROR                                                                                     \
    COMMON ",target:str,sync:<full|top|none>,replaces?:str,granularity?:int,buf-size?:int,"        \
           "on-source-error?:" ON_ERROR ",on-target-error?:" ON_ERROR                              \
           ",copy-mode?:<background|write-blocking>,filter-node-name?:str"

static const struct qmp_command commands[] = {
    { "block-commit", cmd_block_commit,
      "{" COMMON ",base-node?:str,base?:str,top-node?:str,top?:str,backing-file?:str,"
      "on-error?:" ON_ERROR ",filter-node-name?:str}",
      NULL },
    { "block-stream", cmd_block_stream,
      "{" COMMON ",base?:str,base-node?:str,backing-file?:str,bottom?:str,on-error?:" ON_ERROR
      ",filter-node-name?:str}",
      NULL },
    { "blockdev-backup", cmd_blockdev_backup, "{" BACKUP "}", NULL },
    { "blockdev-mirror", cmd_blockdev_mirror, "{" MIRROR "}", NULL },
    { "drive-backup", cmd_drive_backup, "{" BACKUP ",format?:str,mode?:<existing|absolute-paths>}",
      NULL },
    { "drive-mirror", cmd_drive_mirror,
      "{" MIRROR ",format?:str,mode?:<existing|absolute-paths>,node-name?:str,unmap?:bool}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_blockjob = { .commands = commands };
