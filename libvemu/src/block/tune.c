/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of a node that change while it is in use: of what its user asks for, not of jobs.
 *
 * A node that has limits gives nothing to the kernel directly: its workers wait until there is
 * room, and then call the image. Without limits it is as if there had never been any.
 */
#include <errno.h>
#include <string.h>

#include "block/backend.h"
#include "core/error.h"
#include "core/vm.h"
#include "image/throttle.h"

static bool has_limits(const struct vemu_throttle_limits *limits)
{
    for (unsigned i = 0; i < THROTTLE_BUCKETS; i++)
        if (limits->of[i].rate)
            return true;
    return false;
}

/* Another node of the group; NULL: none. */
static struct vemu_block *find_member(const struct vemu_block *block, const char *name)
{
    for (guint i = 0; name && i < block->vm->blocks->len; i++) {
        struct vemu_block *other = block->vm->blocks->pdata[i];

        if (other != block && other->tune && !g_strcmp0(other->tune_name, name))
            return other;
    }
    return NULL;
}

static int make_group(const struct vemu_block *block, const struct vemu_throttle_limits *limits,
                      const char *name, struct vemu_throttle_group **ret, struct vemu_error **err)
{
    const struct vemu_block *member = find_member(block, name);
    int r;

    *ret = NULL;
    if (!has_limits(limits) && !member)
        return vemu__throttle_check(limits, err);
    if (!member)
        return vemu__throttle_group_new(limits, ret, err);
    r = vemu__throttle_group_set(member->tune, limits, err);
    if (r >= 0)
        *ret = vemu__throttle_group_ref(member->tune);
    return r;
}

int vemu__block_tune(struct vemu_block *block, const struct vemu_throttle_limits *limits,
                     const char *name, struct vemu_error **err)
{
    struct vemu_throttle_group *fresh, *old;
    int r = make_group(block, limits, name, &fresh, err);

    if (r < 0)
        return r;
    /* Nobody waits in the old one any more. */
    vemu__block_quiesce(block);
    old = block->tune;
    block->tune = fresh;
    vemu__block_release(block);
    vemu__throttle_group_unref(old);
    g_free(block->tune_name);
    block->tune_name = fresh ? g_strdup(name) : NULL;
    return 0;
}

void vemu__block_wait_tune(struct vemu_block *block, const struct vemu_block_request *req)
{
    if (block->tune && req->op != VEMU_BLOCK_FLUSH)
        vemu__throttle_group_account(block->tune, req->bytes, req->op != VEMU_BLOCK_READ,
                                     &block->hurried);
}
