/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backup: a disk as it was when the job began.
 *
 * Theory of operation: `todo` says which parts are still to be copied. Before the guest changes
 * such a part its old contents are copied, the guest waits for it. Each part is the business of
 * one thread at a time (the filter's ranges); a part that is no longer in `todo` is the guest's.
 * If the old contents cannot be saved the job fails, and the guest goes on.
 *
 * With sync "none" nothing else is copied, and the disk as it was can be read: an NBD export of the
 * target is a view (view.h) of what was saved and, for the rest, of the disk. It ends with the job.
 *
 * A dirty bitmap is read and cleared when the job begins, and records what comes from then on; what
 * it had comes back when the job fails.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "jobs/area.h"
#include "jobs/bitmap.h"
#include "jobs/copy.h"
#include "jobs/graph.h"
#include "jobs/job.h"
#include "jobs/target.h"
#include "jobs/view.h"
#include "nbd-server/vm.h"

struct dirty {
    uint64_t offset, bytes;
};

struct backup {
    struct vemu_job job;
    enum vemu_job_sync sync;
    struct job_target target;
    struct job_filter *filter;
    struct job_area todo;
    struct job_copy copy;
    atomic_int broken;        /* -errno: what the guest overwrote is lost */
    struct vemu_image *layer; /* which has the bitmap; borrowed from the node */
    char *bitmap;
    enum vemu_job_bitmap_mode bitmap_mode;
    GArray *dirty; /* struct dirty: what the bitmap had; NULL: it was not cleared */
};

static struct backup *backup_of(struct vemu_job *job)
{
    return (struct backup *)job;
}

/* --- copying ---------------------------------------------------------------------------------- */

/* What is to be done of a range that is the caller's. */
static int copy_range(struct backup *b, uint64_t offset, uint64_t end, bool *ret_read)
{
    uint64_t at, bytes;
    int r = 0;

    while (r >= 0 && vemu__job_area_next(&b->todo, offset, end, JOB_CHUNK, &at, &bytes)) {
        r = vemu__job_copy(&b->copy, at, bytes, ret_read);
        if (r >= 0)
            vemu__job_area_clear(&b->todo, at, bytes);
        offset = at + bytes;
    }
    return r;
}

static void before_change(void *data, uint64_t offset, uint64_t bytes)
{
    struct backup *b = data;
    bool reading;
    int r, none = 0;

    if (atomic_load(&b->broken))
        return;
    r = copy_range(b, offset, offset + bytes, &reading);
    if (r >= 0 || !atomic_compare_exchange_strong(&b->broken, &none, r))
        return;
    vemu__job_fail(&b->job, "%s what the guest was about to overwrite: %s",
                   reading ? "reading" : "saving", strerror(-r));
    vemu__job_wake(&b->job);
}

static bool may_map(void *data, uint64_t offset, uint64_t bytes)
{
    struct backup *b = data;

    return atomic_load(&b->broken) || !vemu__job_area_any(&b->todo, offset, bytes);
}

static const struct job_filter_ops filter_ops = { .before = before_change, .may_map = may_map };

static int copy_next(struct backup *b, uint64_t offset, uint64_t bytes, bool *ret_read)
{
    uint64_t mask = b->filter->align - 1;
    struct image_range range = { .begin = offset, .end = (offset + bytes + mask) & ~mask };
    int r;

    vemu__image_ranges_enter(&b->filter->ranges, &range);
    r = copy_range(b, range.begin, range.end, ret_read);
    vemu__image_ranges_leave(&b->filter->ranges, &range);
    return r;
}

/* From the beginning to the end; what failed is tried again in the next round. */
static int backup_run(struct vemu_job *job)
{
    struct backup *b = backup_of(job);
    uint64_t at = 0, bytes;
    bool reading;

    while (vemu__job_go_on(job) && !atomic_load(&b->broken)) {
        if (b->sync == VEMU_JOB_SYNC_NONE) {
            vemu__job_wait(job, 60000);
            continue;
        }
        if (!vemu__job_area_next(&b->todo, at, b->todo.size, JOB_CHUNK, &at, &bytes)) {
            if (!vemu__job_area_dirty(&b->todo))
                return 0;
            at = 0;
            continue;
        }
        int r = copy_next(b, at, bytes, &reading);

        if (r < 0 && !vemu__job_error(job, reading, r))
            return r;
        vemu__job_did(job, r < 0 ? 0 : bytes);
        vemu__job_set_left(job, vemu__job_area_dirty(&b->todo));
        at += bytes;
    }
    return atomic_load(&b->broken) ? atomic_load(&b->broken) : -ECANCELED;
}

/* --- bitmaps ---------------------------------------------------------------------------------- */

static int read_bitmap(struct backup *b, struct vemu_error **err)
{
    uint64_t at = 0, bytes = 0;
    int r;

    b->dirty = g_array_new(FALSE, FALSE, sizeof(struct dirty));
    while ((r = vemu_image_next_dirty(b->layer, b->bitmap, at, &at, &bytes, err)) > 0) {
        const struct dirty dirty = { at, bytes };

        g_array_append_val(b->dirty, dirty);
        vemu__job_area_set(&b->todo, at, bytes);
        at += bytes;
    }
    return r;
}

static void forget_dirty(struct backup *b)
{
    if (b->dirty)
        g_array_free(b->dirty, TRUE);
    b->dirty = NULL;
}

static int take_bitmap(struct backup *b, struct vemu_error **err)
{
    int r = read_bitmap(b, err);

    if (r >= 0 && b->bitmap_mode != VEMU_JOB_BITMAP_NEVER)
        r = vemu_image_clear_bitmap(b->layer, b->bitmap, err);
    if (r < 0 || b->bitmap_mode == VEMU_JOB_BITMAP_NEVER)
        forget_dirty(b);
    return r;
}

/* The job has failed: what it was to copy is dirty again, with "always" but for what it did. */
static void restore_bitmap(struct backup *b)
{
    int r = 0;

    for (guint i = 0; b->dirty && i < b->dirty->len && r >= 0; i++) {
        const struct dirty *d = &g_array_index(b->dirty, struct dirty, i);

        if (b->bitmap_mode != VEMU_JOB_BITMAP_ALWAYS ||
            vemu__job_area_any(&b->todo, d->offset, d->bytes))
            r = b->layer->driver->bitmaps->set_dirty(b->layer, b->bitmap, d->offset, d->bytes);
    }
    if (r < 0) /* nothing may be missed in the next backup: a bitmap that is wrong has to go */
        vemu_vm_log(b->job.vm, VEMU_LOG_ERROR,
                    "bitmap '%s' of '%s' is incomplete: make a full backup next (%s)", b->bitmap,
                    b->layer->filename, strerror(-r));
}

/* --- life ------------------------------------------------------------------------------------- */

static int check_options(const struct vemu_job_options *options, struct vemu_error **err)
{
    bool by_bitmap =
        options->sync == VEMU_JOB_SYNC_INCREMENTAL || options->sync == VEMU_JOB_SYNC_BITMAP;

    if (by_bitmap && !options->bitmap)
        return vemu__error_set(err, EINVAL, "must provide a valid bitmap name for '%s' sync mode",
                               options->sync == VEMU_JOB_SYNC_BITMAP ? "bitmap" : "incremental");
    if (!by_bitmap && options->bitmap)
        return vemu__error_set(err, ENOTSUP,
                               "a bitmap is for the sync modes 'incremental' and 'bitmap'");
    if (options->sync == VEMU_JOB_SYNC_INCREMENTAL && options->bitmap_mode)
        return vemu__error_set(err, EINVAL,
                               "Bitmap sync mode must be 'on-success' when using sync "
                               "mode 'incremental'");
    if (options->flags & (VEMU_JOB_WRITE_BLOCKING | VEMU_JOB_NO_UNMAP))
        return vemu__error_set(err, EINVAL, "a backup does not take this flag");
    return 0;
}

static void backup_free(struct backup *b)
{
    forget_dirty(b);
    vemu__job_area_fini(&b->todo);
    vemu__job_target_drop(&b->target);
    g_free(b->bitmap);
}

static void set_copy(struct backup *b, const struct vemu_job_options *options)
{
    bool top = b->sync == VEMU_JOB_SYNC_TOP;

    b->layer = vemu__graph_top(b->job.block);
    b->copy = (struct job_copy){
        .source = b->layer,
        .target = b->target.image,
        .base = top ? b->layer->backing : NULL,
        .above = top && b->layer->backing,
        .compress = options->flags & VEMU_JOB_COMPRESS,
        .zero_flags = VEMU_IMAGE_MAY_UNMAP,
    };
}

/* The point in time: no request is under way. */
static int begin(struct backup *b, struct vemu_error **err)
{
    uint64_t size = b->job.block->image->size;
    int r = 0;

    if (b->bitmap)
        r = take_bitmap(b, err);
    else
        vemu__job_area_set(&b->todo, 0, size);
    if (r >= 0)
        r = vemu__graph_put_filter(b->job.block, &filter_ops, b, 1ull << b->todo.shift, &b->filter,
                                   err);
    if (r < 0)
        restore_bitmap(b);
    b->job.total = vemu__job_area_dirty(&b->todo);
    return r;
}

static int backup_start(struct vemu_job *job, const struct vemu_job_options *options,
                        struct vemu_error **err)
{
    struct backup *b = backup_of(job);
    bool was_quiet = job->block->quiesced; /* by a transaction */
    int r = check_options(options, err);

    if (r >= 0)
        r = vemu__job_target_take(job, options, &b->target, err);
    if (r < 0)
        return r;
    b->sync = (enum vemu_job_sync)options->sync;
    b->bitmap = g_strdup(options->bitmap);
    b->bitmap_mode = (enum vemu_job_bitmap_mode)options->bitmap_mode;
    set_copy(b, options);
    r = vemu__job_area_init(&b->todo, job->block->image->size,
                            vemu__job_target_granularity(&b->target), err);
    if (r >= 0) {
        if (!was_quiet)
            vemu__block_quiesce(job->block);
        r = begin(b, err);
        if (!was_quiet)
            vemu__block_release(job->block);
    }
    if (r < 0)
        backup_free(b);
    return r;
}

static int backup_prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct backup *b = backup_of(job);
    int r = vemu_image_flush(b->target.image);

    return r < 0 ? vemu__error_set(err, -r, "cannot write the target back: %s", strerror(-r)) : 0;
}

static void backup_clean(struct vemu_job *job, bool failed)
{
    struct backup *b = backup_of(job);
    bool was_quiet = job->block->quiesced;

    if (b->sync == VEMU_JOB_SYNC_NONE && b->target.node)
        vemu__vm_nbd_forget(job->vm, b->target.node->id);
    if (!was_quiet)
        vemu__block_quiesce(job->block);
    vemu__graph_take_filter(job->block);
    if (failed)
        restore_bitmap(b);
    if (!was_quiet)
        vemu__block_release(job->block);
    backup_free(b);
}

const struct vemu_job_ops vemu__job_backup = {
    .kind = VEMU_JOB_BACKUP,
    .size = sizeof(struct backup),
    .start = backup_start,
    .run = backup_run,
    .prepare = backup_prepare,
    .clean = backup_clean,
};

int vemu__backup_view(const struct vemu_block *target, struct vemu_image **ret,
                      struct vemu_error **err)
{
    for (guint i = 0; i < target->vm->jobs->len; i++) {
        struct vemu_job *job = target->vm->jobs->pdata[i];
        struct backup *b = backup_of(job);
        int r;

        if (job->ops != &vemu__job_backup || b->sync != VEMU_JOB_SYNC_NONE ||
            b->target.node != target || job->block->job != job)
            continue;
        r = vemu__job_view_new(
            &(struct job_view_of){ b->filter, &b->todo, b->target.image, &b->broken }, ret, err);
        return r < 0 ? r : 1;
    }
    return 0;
}

int vemu__job_check_bitmap(const struct vemu_block *block, const char *name,
                           struct vemu_error **err)
{
    struct vemu_job *job = block->job;

    if (!job || job->ops != &vemu__job_backup || !backup_of(job)->bitmap ||
        strcmp(backup_of(job)->bitmap, name) != 0)
        return 0;
    return vemu__error_set(err, EBUSY, "Bitmap '%s' is currently in use by job '%s'", name,
                           job->id);
}
