/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mirror: an image follows a disk.
 *
 * Theory of operation: `dirty` says which parts the target does not have. The guest's changes set
 * it; the job's thread copies such parts and clears it, each part being the business of one thread
 * at a time (the filter's ranges). When nothing is dirty the job is ready, and goes on. When it is
 * to complete, or from the beginning if that is wanted, the mirror is active: a write is done when
 * the target has it too, so that what is dirty can only become less. Then the node is quiesced, the
 * rest (what the target refused) is copied, and the target is flushed: now both are the same.
 *
 * What the target refuses never hurts the guest: the part is dirty again.
 */
#include "jobs/mirror.h"

#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "jobs/target.h"

#define IDLE_MS    60000 /* nothing to do but to wait for the guest */
#define SCAN_BYTES (1ull << 30)
#define MIN_PART   (4u << 10)
#define MAX_PART   (64u << 20)

/* --- the guest's changes ---------------------------------------------------------------------- */

/* To the target as well. A discard leaves contents that are not known: it is copied later. */
static int pass_on(struct mirror *m, const struct job_change *change)
{
    struct vemu_image *target = m->copy.target;

    switch (change->op) {
    case JOB_CHANGE_WRITE:
        return vemu_image_writev(target, change->offset, change->iov, change->iov_count, 0);
    case JOB_CHANGE_ZERO:
        return vemu_image_zero(target, change->offset, change->bytes, m->copy.zero_flags);
    default: return -EAGAIN;
    }
}

static void after_change(void *data, const struct job_change *change, int result)
{
    struct mirror *m = data;

    /* a part that is dirty will be copied as a whole */
    if (result >= 0 && atomic_load(&m->active) && change->op != JOB_CHANGE_DISCARD &&
        !vemu__job_area_any(&m->dirty, change->offset, change->bytes) && pass_on(m, change) >= 0)
        return;
    vemu__job_area_set(&m->dirty, change->offset, change->bytes);
    vemu__job_wake(&m->job);
}

static bool may_map(void *data, uint64_t offset, uint64_t bytes)
{
    return false;
}

static const struct job_filter_ops filter_ops = { .after = after_change, .may_map = may_map };

/* --- copying ---------------------------------------------------------------------------------- */

static int copy_part(struct mirror *m, uint64_t offset, uint64_t bytes, bool *ret_read)
{
    uint64_t mask = m->filter->align - 1;
    struct image_range range = { .begin = offset, .end = (offset + bytes + mask) & ~mask };
    int r;

    vemu__image_ranges_enter(&m->filter->ranges, &range);
    r = vemu__job_copy(&m->copy, offset, bytes, ret_read);
    if (r >= 0)
        vemu__job_area_clear(&m->dirty, offset, bytes);
    vemu__image_ranges_leave(&m->filter->ranges, &range);
    return r;
}

/* Marks what the layers have. The guest may be faster: then it is marked already. */
static int scan(struct mirror *m)
{
    uint64_t size = m->dirty.size, end = MIN(size, m->scan + SCAN_BYTES);

    if (m->sync == VEMU_JOB_SYNC_NONE)
        m->scan = end = size;
    while (m->scan < end) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
        int r =
            vemu_image_get_extent(m->copy.source, m->copy.base, m->scan, end - m->scan, &extent);

        if (r < 0)
            return r;
        if (!m->copy.above || extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED)
            vemu__job_area_set(&m->dirty, m->scan, extent.bytes);
        m->scan += extent.bytes;
    }
    return 0;
}

static int run_scan(struct vemu_job *job)
{
    struct mirror *m = (struct mirror *)job;

    if (m->sync == VEMU_JOB_SYNC_FULL) {
        vemu__job_area_set(&m->dirty, 0, m->dirty.size);
        return 0;
    }
    while (m->scan < m->dirty.size) {
        int r;

        if (!vemu__job_go_on(job))
            return -ECANCELED;
        r = scan(m);
        if (r < 0 && !vemu__job_error(job, true, r))
            return r;
    }
    return 0;
}

int vemu__mirror_run(struct vemu_job *job)
{
    struct mirror *m = (struct mirror *)job;
    uint64_t at = 0, bytes;
    bool reading, ready = false;
    int r = run_scan(job);

    while (r >= 0 && vemu__job_go_on(job)) {
        bool ending = ready && vemu__job_is_ending(job);

        if (ending)
            atomic_store(&m->active, true);
        vemu__job_set_left(job, vemu__job_area_dirty(&m->dirty));
        if (vemu__job_area_next(&m->dirty, at, m->dirty.size, JOB_CHUNK, &at, &bytes)) {
            r = copy_part(m, at, bytes, &reading);
            at += bytes;
            if (r >= 0)
                vemu__job_did(job, bytes);
            else if (vemu__job_error(job, reading, r))
                r = 0; /* still dirty */
        } else if (at) {
            at = 0;
        } else if (ending) {
            return 0;
        } else if (!ready) {
            ready = true;
            vemu__job_set_ready(job);
        } else {
            vemu__job_wait(job, IDLE_MS);
        }
    }
    return r < 0 ? r : -ECANCELED;
}

int vemu__mirror_settle(struct mirror *m, struct vemu_error **err)
{
    uint64_t at = 0, bytes;
    bool reading;
    int r = 0;

    while (r >= 0 && vemu__job_area_next(&m->dirty, at, m->dirty.size, JOB_CHUNK, &at, &bytes)) {
        r = copy_part(m, at, bytes, &reading);
        at += bytes;
    }
    if (r >= 0)
        r = vemu_image_flush(m->copy.target);
    return r < 0 ? vemu__error_set(err, -r, "cannot bring the rest to the target: %s", strerror(-r))
                 : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

bool vemu__mirror_pivots(struct mirror *m)
{
    bool pivots;

    pthread_mutex_lock(&m->job.lock);
    pivots = m->job.complete && !m->job.soft_cancelled;
    pthread_mutex_unlock(&m->job.lock);
    return pivots;
}

int vemu__mirror_begin(struct mirror *m, const struct vemu_job_options *options,
                       uint64_t granularity, struct vemu_error **err)
{
    struct vemu_block *block = m->job.block;
    int r = vemu__job_area_init(&m->dirty, block->image->size, granularity, err);

    if (r < 0)
        return r;
    atomic_store(&m->active, (options->flags & VEMU_JOB_WRITE_BLOCKING) != 0);
    vemu__block_quiesce(block);
    r = vemu__graph_put_filter(block, &filter_ops, m, granularity, &m->filter, err);
    vemu__block_release(block);
    if (r < 0)
        vemu__job_area_fini(&m->dirty);
    return r;
}

void vemu__mirror_end(struct mirror *m)
{
    vemu__block_quiesce(m->job.block);
    vemu__graph_take_filter(m->job.block);
    vemu__block_release(m->job.block);
    vemu__job_area_fini(&m->dirty);
}

/* --- the job of that name --------------------------------------------------------------------- */

struct mirror_job {
    struct mirror mirror;
    struct job_target target;
    char *target_name;
    bool target_backing; /* the target gets the disk's backing image when it takes its place */
};

static int check_options(const struct vemu_job *job, const struct vemu_job_options *options,
                         struct vemu_error **err)
{
    uint32_t part = options->granularity;

    if (options->sync > VEMU_JOB_SYNC_NONE)
        return vemu__error_set(err, EINVAL, "a mirror's sync mode is full, top or none");
    if (options->flags & VEMU_JOB_COMPRESS)
        return vemu__error_set(err, EINVAL, "a mirror cannot be compressed");
    if (part && (part < MIN_PART || part > MAX_PART || part & (part - 1)))
        return vemu__error_set(err, EINVAL,
                               "the granularity is a power of two from 4 KiB to 64 MiB");
    if (options->target_node && vemu__vm_find_block(job->vm, options->target_node))
        return vemu__error_set(err, EEXIST, "Duplicate nodes with node-name='%s'",
                               options->target_node);
    return options->target_node ? vemu__config_check_id(options->target_node, err) : 0;
}

static void set_copy(struct mirror_job *mj, const struct vemu_job_options *options)
{
    struct mirror *m = &mj->mirror;
    struct vemu_image *layer = vemu__graph_top(m->job.block);
    bool above = options->sync == VEMU_JOB_SYNC_TOP && layer->backing;

    m->sync = (enum vemu_job_sync)options->sync;
    m->copy = (struct job_copy){
        .source = layer,
        .target = mj->target.image,
        .base = above ? layer->backing : NULL,
        .above = above,
        .zero_flags = options->flags & VEMU_JOB_NO_UNMAP ? 0 : VEMU_IMAGE_MAY_UNMAP,
    };
    if (m->sync == VEMU_JOB_SYNC_TOP && !above)
        m->sync = VEMU_JOB_SYNC_FULL;
    mj->target_backing =
        above && !vemu__image_skip_filters(mj->target.image)->backing && !options->target;
}

static int mirror_start(struct vemu_job *job, const struct vemu_job_options *options,
                        struct vemu_error **err)
{
    struct mirror_job *mj = (struct mirror_job *)job;
    int r = check_options(job, options, err);

    if (r >= 0)
        r = vemu__job_target_take(job, options, &mj->target, err);
    if (r < 0)
        return r;
    if (mj->target.image->size != job->block->image->size)
        r = vemu__error_set(err, EINVAL, "source and target image have different sizes");
    set_copy(mj, options);
    if (r >= 0)
        r = vemu__mirror_begin(&mj->mirror, options,
                               options->granularity
                                   ? MAX(options->granularity, mj->target.image->cluster_size)
                                   : vemu__job_target_granularity(&mj->target),
                               err);
    if (r < 0)
        vemu__job_target_drop(&mj->target);
    else
        mj->target_name = g_strdup(options->target_node);
    return r;
}

static void pivot(struct mirror_job *mj)
{
    struct vemu_block *block = mj->mirror.job.block, *node = mj->target.node;
    struct vemu_image *layer = vemu__image_skip_filters(mj->target.image);

    if (mj->target_backing) {
        struct vemu_image *backing = mj->mirror.copy.base;

        layer->backing = vemu_image_ref(backing);
    }
    vemu__graph_take_filter(block);
    if (node)
        node->claimed = NULL; /* the claim stays with the place */
    mj->target.node = NULL;
    vemu__graph_pivot(block, node, mj->target.image, mj->target_name);
}

static int mirror_prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct mirror_job *mj = (struct mirror_job *)job;
    int r;

    vemu__block_quiesce(job->block);
    r = vemu__mirror_settle(&mj->mirror, err);
    if (r >= 0 && vemu__mirror_pivots(&mj->mirror))
        pivot(mj);
    vemu__block_release(job->block);
    return r;
}

static void mirror_clean(struct vemu_job *job, bool failed)
{
    struct mirror_job *mj = (struct mirror_job *)job;

    vemu__mirror_end(&mj->mirror);
    vemu__job_target_drop(&mj->target);
    g_free(mj->target_name);
}

const struct vemu_job_ops vemu__job_mirror = {
    .kind = VEMU_JOB_MIRROR,
    .size = sizeof(struct mirror_job),
    .start = mirror_start,
    .run = vemu__mirror_run,
    .prepare = mirror_prepare,
    .clean = mirror_clean,
    .completes = true,
};
