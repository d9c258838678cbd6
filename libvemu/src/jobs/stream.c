/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stream: what the images below have comes up into the disk's own, which then does without them.
 *
 * Copying reads old data and writes it later: the guest's writes keep out of the range meanwhile.
 * What the disk's own image has is never copied, so requests on that pass by.
 *
 * In the end all data is on stable storage before the new backing file is recorded.
 */
#include <errno.h>
#include <string.h>

#include "jobs/copy.h"
#include "jobs/graph.h"
#include "jobs/job.h"

struct stream {
    struct vemu_job job;
    struct job_filter *filter;
    struct job_copy copy;     /* .base: stays below; NULL: none */
    struct vemu_image *layer; /* the disk's own */
    char *backing_name;       /* of the base, as it will be recorded */
};

static struct stream *stream_of(struct vemu_job *job)
{
    return (struct stream *)job;
}

static int stream_run(struct vemu_job *job)
{
    struct stream *s = stream_of(job);
    uint64_t size = s->layer->size;
    int first = 0;

    for (uint64_t at = 0; at < size;) {
        struct image_range range = { .begin = at, .end = MIN(at + JOB_CHUNK, size) };
        bool reading;
        int r;

        if (!vemu__job_go_on(job))
            return -ECANCELED;
        vemu__image_ranges_enter(&s->filter->ranges, &range);
        r = vemu__job_copy(&s->copy, at, range.end - at, &reading);
        vemu__image_ranges_leave(&s->filter->ranges, &range);
        if (r < 0 && !vemu__job_error(job, reading, r))
            return r;
        if (r < 0 && job->on_error[!reading] == VEMU_JOB_ON_ERROR_IGNORE)
            first = first ? first : r;
        else if (r < 0) /* paused: once more */
            continue;
        vemu__job_did(job, range.end - at);
        at = range.end;
    }
    return first;
}

static const struct job_filter_ops filter_ops = { .before = NULL };

static int find_base(struct stream *s, const struct vemu_job_options *options,
                     struct vemu_error **err)
{
    struct vemu_image *above;

    if (!options->base)
        return 0;
    above = vemu__graph_find_above(s->job.vm, s->layer, options->base, err);
    if (!above)
        return -ENOENT;
    s->copy.base = above->backing;
    s->backing_name = options->backing_file ? g_strdup(options->backing_file)
                                            : vemu__graph_backing_name(above, s->layer);
    return 0;
}

static int check_layer(const struct stream *s, struct vemu_error **err)
{
    const struct vemu_image *layer = s->layer;

    if (!(layer->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "'%s' is read-only", layer->filename);
    if (!layer->backing)
        return vemu__error_set(err, EINVAL, "'%s' has no backing image", layer->filename);
    return vemu__graph_check_alone(s->job.block, err);
}

static int stream_start(struct vemu_job *job, const struct vemu_job_options *options,
                        struct vemu_error **err)
{
    struct stream *s = stream_of(job);
    uint64_t cluster;
    int r;

    if (options->flags & ~(VEMU_JOB_MANUAL_FINALIZE | VEMU_JOB_MANUAL_DISMISS))
        return vemu__error_set(err, EINVAL, "streaming does not take this flag");
    if (options->backing_file && !options->base)
        return vemu__error_set(err, EINVAL,
                               "backing file specified, but streaming the entire chain");
    s->layer = vemu__graph_top(job->block);
    r = check_layer(s, err);
    if (r >= 0)
        r = find_base(s, options, err);
    if (r < 0)
        return r;
    s->copy.source = s->copy.target = s->layer;
    s->copy.missing = s->copy.above = true;
    job->total = s->layer->size;
    cluster = MAX(s->layer->cluster_size, IMAGE_SECTOR);
    vemu__block_quiesce(job->block);
    r = vemu__graph_put_filter(job->block, &filter_ops, s, cluster, &s->filter, err);
    vemu__block_release(job->block);
    if (r < 0)
        g_free(s->backing_name);
    return r;
}

static int stream_prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct stream *s = stream_of(job);
    int r;

    vemu__block_quiesce(job->block);
    r = vemu__graph_set_backing(job->vm, s->layer, s->copy.base, s->backing_name, err);
    vemu__block_release(job->block);
    return r;
}

static void stream_clean(struct vemu_job *job, bool failed)
{
    struct stream *s = stream_of(job);

    vemu__block_quiesce(job->block);
    vemu__graph_take_filter(job->block);
    vemu__block_release(job->block);
    g_free(s->backing_name);
}

const struct vemu_job_ops vemu__job_stream = {
    .kind = VEMU_JOB_STREAM,
    .size = sizeof(struct stream),
    .start = stream_start,
    .run = stream_run,
    .prepare = stream_prepare,
    .clean = stream_clean,
};
