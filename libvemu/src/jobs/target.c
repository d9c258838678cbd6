/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where backup and mirror write to.
 */
#include "jobs/target.h"

#include <errno.h>

#define MIN_GRANULARITY (64u << 10)
#define MAX_GRANULARITY (2u << 20) /* the largest clusters there are */

static int check(const struct vemu_job *job, const struct vemu_image *image,
                 struct vemu_error **err)
{
    if (!(image->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "the target '%s' is read-only", image->filename);
    if (image->size < job->block->image->size)
        return vemu__error_set(err, EINVAL, "the target '%s' is smaller than the disk",
                               image->filename);
    return 0;
}

static int take_node(struct vemu_job *job, const char *name, struct job_target *ret,
                     struct vemu_error **err)
{
    struct vemu_block *node = vemu__vm_find_block(job->vm, name), *parent;
    int r;

    if (!node)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", name,
                               name);
    if (node == job->block)
        return vemu__error_set(err, EINVAL, "Source and target cannot be the same");
    parent = vemu__block_parent(node);
    if (node->user || parent)
        return vemu__error_set(err, EBUSY, "Node '%s' is in use by '%s'", name,
                               node->user ? node->user->name : parent->id);
    r = vemu__block_check_free(node, err);
    if (r >= 0)
        r = vemu__block_want_write(node, err);
    if (r >= 0)
        r = check(job, node->image, err);
    if (r < 0)
        return r;
    node->claimed = job->id;
    ret->node = node;
    ret->image = vemu_image_ref(node->image);
    return 0;
}

int vemu__job_target_take(struct vemu_job *job, const struct vemu_job_options *options,
                          struct job_target *ret, struct vemu_error **err)
{
    int r;

    if (!options->target == !options->target_image)
        return vemu__error_set(err, EINVAL, "a job's target is either a node or an image");
    if (options->target)
        return take_node(job, options->target, ret, err);
    r = check(job, options->target_image, err);
    if (r >= 0)
        ret->image = vemu_image_ref(options->target_image);
    return r;
}

void vemu__job_target_drop(struct job_target *target)
{
    if (target->node)
        target->node->claimed = NULL;
    vemu_image_close(target->image);
    target->node = NULL;
    target->image = NULL;
}

uint64_t vemu__job_target_granularity(const struct job_target *target)
{
    return CLAMP(target->image->cluster_size, MIN_GRANULARITY, MAX_GRANULARITY);
}
