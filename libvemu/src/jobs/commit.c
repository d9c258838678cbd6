/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit: what images of a chain have goes down into one below them.
 *
 * Of the active image it is a mirror to the base, which takes the disk's place. Of images below
 * nothing changes while it runs: what they have is copied, and what stands on them hides that the
 * base changes. In the end the base is on stable storage before the image above is told to stand on
 * it; whenever it stops, the chain reads as before.
 */
#include <errno.h>
#include <string.h>

#include "jobs/graph.h"
#include "jobs/job.h"
#include "jobs/mirror.h"

/* The lowest, or what the options name: the layer above it. */
static struct vemu_image *find_above_base(struct vemu_vm *vm, struct vemu_image *top,
                                          const char *base, struct vemu_error **err)
{
    struct vemu_image *layer = top, *below;

    if (!top->backing) {
        vemu__error_set(err, EINVAL, "'%s' has no backing image to commit to", top->filename);
        return NULL;
    }
    if (base)
        return vemu__graph_find_above(vm, top, base, err);
    while ((below = vemu__image_skip_filters(layer->backing))->backing)
        layer = below;
    return layer;
}

/* The base is written to from now on, and is as large as what comes. */
static int open_base(struct vemu_vm *vm, struct vemu_image *above, uint64_t size,
                     struct vemu_error **err)
{
    int r;

    r = vemu__graph_reopen(vm, above, true, err);
    if (r >= 0 && above->backing->size < size) {
        r = vemu_image_resize(above->backing, size, NULL, 0, NULL, err);
        if (r < 0)
            vemu__graph_reopen(vm, above, false, NULL);
    }
    return r;
}

static int check_flags(const struct vemu_job_options *options, struct vemu_error **err)
{
    if (options->flags & ~(VEMU_JOB_MANUAL_FINALIZE | VEMU_JOB_MANUAL_DISMISS))
        return vemu__error_set(err, EINVAL, "committing does not take this flag");
    return 0;
}

/* --- the active image ------------------------------------------------------------------------- */

struct commit_active {
    struct mirror mirror;
    struct vemu_image *above; /* the layer above the base */
};

static int active_start(struct vemu_job *job, const struct vemu_job_options *options,
                        struct vemu_error **err)
{
    struct commit_active *c = (struct commit_active *)job;
    struct mirror *m = &c->mirror;
    struct vemu_image *top = vemu__graph_top(job->block);
    int r = check_flags(options, err);

    if (r >= 0 && options->backing_file)
        r = vemu__error_set(err, EINVAL, "'backing-file' specified, but 'top' is the active layer");
    if (r >= 0 && top != vemu__graph_image(job->block))
        r = vemu__error_set(err, ENOTSUP, "'%s' has filters above the image to commit",
                            job->block->id);
    if (r >= 0 && !(top->open_flags & VEMU_IMAGE_WRITE))
        r = vemu__error_set(err, EROFS, "'%s' is read-only: nothing to commit", job->block->id);
    if (r >= 0)
        r = vemu__graph_check_alone(job->block, err);
    if (r < 0)
        return r;
    c->above = find_above_base(job->vm, top, options->base, err);
    if (!c->above)
        return -ENOENT;
    vemu__block_quiesce(job->block);
    r = open_base(job->vm, c->above, top->size, err);
    if (r >= 0) {
        m->sync = VEMU_JOB_SYNC_TOP;
        m->copy = (struct job_copy){
            .source = top,
            .target = c->above->backing,
            .base = c->above->backing,
            .above = true,
            .zero_flags = VEMU_IMAGE_MAY_UNMAP,
        };
        r = vemu__mirror_begin(m, options, MAX(m->copy.target->cluster_size, 64u << 10), err);
        if (r < 0)
            vemu__graph_reopen(job->vm, c->above, false, NULL);
    }
    vemu__block_release(job->block);
    return r;
}

/* The base takes the disk's place. Whoever still has the layers above, by name, has them with the
 * base below, as long as nobody writes to the disk. */
static void active_pivot(struct commit_active *c)
{
    struct vemu_job *job = &c->mirror.job;
    struct vemu_image *base = vemu_image_ref(c->mirror.copy.target);
    struct vemu_block *node = vemu__graph_node_of(job->vm, base);

    vemu__graph_take_filter(job->block);
    vemu__graph_pivot(job->block, node, base, NULL);
    vemu_image_close(base);
    c->above = NULL;
}

static int active_prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct commit_active *c = (struct commit_active *)job;
    int r;

    vemu__block_quiesce(job->block);
    r = vemu__mirror_settle(&c->mirror, err);
    if (r >= 0 && vemu__mirror_pivots(&c->mirror))
        active_pivot(c);
    vemu__block_release(job->block);
    return r;
}

static void warn_reopen(struct vemu_vm *vm, struct vemu_error *err)
{
    if (err)
        vemu_vm_log(vm, VEMU_LOG_WARNING, "a backing image stays open for writing: %s",
                    vemu_error_message(err));
    vemu_error_free(err);
}

static void active_clean(struct vemu_job *job, bool failed)
{
    struct commit_active *c = (struct commit_active *)job;
    struct vemu_error *err = NULL;

    vemu__mirror_end(&c->mirror);
    if (!c->above)
        return;
    vemu__block_quiesce(job->block);
    vemu__graph_reopen(job->vm, c->above, false, &err);
    vemu__block_release(job->block);
    warn_reopen(job->vm, err);
}

const struct vemu_job_ops vemu__job_commit_active = {
    .kind = VEMU_JOB_COMMIT,
    .size = sizeof(struct commit_active),
    .start = active_start,
    .run = vemu__mirror_run,
    .prepare = active_prepare,
    .clean = active_clean,
    .completes = true,
};

/* --- images below ----------------------------------------------------------------------------- */

struct commit {
    struct vemu_job job;
    struct job_copy copy;
    struct vemu_image *above_top;   /* the layer that stands on the top */
    struct vemu_image *above_above; /* and the one on that; NULL: it is the active one */
    struct vemu_image *above_base;
    char *backing_name;
};

static int commit_run(struct vemu_job *job)
{
    struct commit *c = (struct commit *)job;
    uint64_t size = c->copy.source->size;

    for (uint64_t at = 0; at < size;) {
        uint64_t bytes = MIN(JOB_CHUNK, size - at);
        bool reading;
        int r;

        if (!vemu__job_go_on(job))
            return -ECANCELED;
        r = vemu__job_copy(&c->copy, at, bytes, &reading);
        if (r < 0 && !vemu__job_error(job, reading, r))
            return r;
        if (r < 0)
            continue;
        vemu__job_did(job, bytes);
        at += bytes;
    }
    return 0;
}

static int find_layers(struct commit *c, const struct vemu_job_options *options,
                       struct vemu_error **err)
{
    struct vemu_vm *vm = c->job.vm;
    struct vemu_image *active = vemu__graph_top(c->job.block), *top, *at;

    c->above_top = vemu__graph_find_above(vm, active, options->top, err);
    if (!c->above_top)
        return -ENOENT;
    if (!(active->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "'%s' is read-only", c->job.block->id);
    top = vemu__image_skip_filters(c->above_top->backing);
    c->above_base = find_above_base(vm, top, options->base, err);
    if (!c->above_base)
        return -ENOENT;
    for (at = active; at != c->above_top; at = vemu__image_skip_filters(at->backing))
        c->above_above = at;
    c->backing_name = options->backing_file ? g_strdup(options->backing_file)
                                            : vemu__graph_backing_name(c->above_base, c->above_top);
    c->copy.source = top;
    return 0;
}

static int commit_start(struct vemu_job *job, const struct vemu_job_options *options,
                        struct vemu_error **err)
{
    struct commit *c = (struct commit *)job;
    int r = check_flags(options, err);

    if (r >= 0)
        r = vemu__graph_check_alone(job->block, err);
    if (r >= 0)
        r = find_layers(c, options, err);
    if (r < 0)
        return r;
    vemu__block_quiesce(job->block);
    r = open_base(job->vm, c->above_base, c->copy.source->size, err);
    vemu__block_release(job->block);
    if (r < 0) {
        g_free(c->backing_name);
        return r;
    }
    c->copy.target = c->copy.base = c->above_base->backing;
    c->copy.above = true;
    c->copy.zero_flags = VEMU_IMAGE_MAY_UNMAP;
    job->total = c->copy.source->size;
    return 0;
}

/* The layer above the top may be one that is only read: it is opened for writing for the moment. */
static int relink(struct commit *c, struct vemu_error **err)
{
    struct vemu_vm *vm = c->job.vm;
    struct vemu_image *base, *overlay = c->above_top;
    struct vemu_error *late = NULL;
    int r = vemu_image_flush(c->copy.target);

    if (r < 0)
        return vemu__error_set(err, -r, "cannot write the base back: %s", strerror(-r));
    if (c->above_above) {
        r = vemu__graph_reopen(vm, c->above_above, true, err);
        overlay = c->above_top = vemu__image_skip_filters(c->above_above->backing);
    }
    if (r < 0)
        return r;
    vemu__graph_reopen(vm, c->above_base, false, &late);
    base = vemu_image_ref(c->above_base->backing);
    r = vemu__graph_set_backing(vm, overlay, base, c->backing_name, err);
    vemu_image_close(base);
    if (r >= 0)
        c->above_base = NULL; /* it may be gone */
    if (c->above_above)
        vemu__graph_reopen(vm, c->above_above, false, &late);
    warn_reopen(vm, late);
    return r;
}

static int commit_prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct commit *c = (struct commit *)job;
    int r;

    vemu__block_quiesce(job->block);
    r = relink(c, err);
    vemu__block_release(job->block);
    return r;
}

static void commit_clean(struct vemu_job *job, bool failed)
{
    struct commit *c = (struct commit *)job;
    struct vemu_error *err = NULL;

    if (c->above_base) {
        vemu__block_quiesce(job->block);
        vemu__graph_reopen(job->vm, c->above_base, false, &err);
        vemu__block_release(job->block);
        warn_reopen(job->vm, err);
    }
    g_free(c->backing_name);
}

const struct vemu_job_ops vemu__job_commit = {
    .kind = VEMU_JOB_COMMIT,
    .size = sizeof(struct commit),
    .start = commit_start,
    .run = commit_run,
    .prepare = commit_prepare,
    .clean = commit_clean,
};
