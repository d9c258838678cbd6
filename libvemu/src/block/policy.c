/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of requests that failed: the guest is told, or not, or the machine stops until
 * somebody has made room (or plugged the cable back in) and lets it go on.
 *
 * A request that is held is not under way: the machine can pause meanwhile. When it goes on, it is
 * made again from the beginning. A device that is reset or goes away gets its requests back as
 * failed.
 */
#include "block/policy.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/vm.h"

int vemu__block_parse_policy(const char *text, const char *name, bool reads,
                             enum vemu_block_policy otherwise, enum vemu_block_policy *ret,
                             struct vemu_error **err)
{
    static const struct {
        const char *word;
        enum vemu_block_policy policy;
    } words[] = {
        { "report", VEMU_BLOCK_REPORT },
        { "ignore", VEMU_BLOCK_IGNORE },
        { "stop", VEMU_BLOCK_STOP },
        { "enospc", VEMU_BLOCK_ENOSPC },
    };

    *ret = otherwise;
    if (!text || strcmp(text, "auto") == 0)
        return 0;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcmp(text, words[i].word) == 0 && !(reads && words[i].policy == VEMU_BLOCK_ENOSPC)) {
            *ret = words[i].policy;
            return 0;
        }
    return vemu__error_set(err, EINVAL, "%s '%s' is none of auto, report, ignore, stop%s", name,
                           text, reads ? "" : ", enospc");
}

int vemu__block_set_policy(struct vemu_block *block, const char *rerror, const char *werror,
                           struct vemu_error **err)
{
    int r = vemu__block_parse_policy(rerror, "rerror", true, block->policy[0],
                                     &block->user_policy[0], err);

    if (r >= 0)
        r = vemu__block_parse_policy(werror, "werror", false, block->policy[1],
                                     &block->user_policy[1], err);
    return r;
}

bool vemu__block_may_stop(const struct vemu_block *block)
{
    return block->user_policy[0] == VEMU_BLOCK_STOP || block->user_policy[1] == VEMU_BLOCK_STOP ||
           block->user_policy[1] == VEMU_BLOCK_ENOSPC;
}

/* At most one error of a node is told in a second, but each that stops the machine. */
static void tell(struct vemu_block *block, bool write, int result, enum vemu_block_policy what)
{
    int64_t second = g_get_monotonic_time() / 1000000;

    if (block->error_second == second && what != VEMU_BLOCK_STOP)
        return;
    block->error_second = second;
    vemu__events_post(block->vm, VEMU_EVENT_BLOCK_ERROR, block->id,
                      (write ? 1 : 0) | (what == VEMU_BLOCK_STOP ? 2 : 0) |
                          (what == VEMU_BLOCK_IGNORE ? 4 : 0) | (uint64_t)(unsigned)-result << 8);
}

/* A machine that has not begun, or has ended, does not go on later. */
static bool can_stop(struct vemu_vm *vm)
{
    int state = atomic_load(&vm->state);

    return state == VEMU_VM_RUNNING || state == VEMU_VM_PAUSED;
}

bool vemu__block_hold(struct vemu_block *block, struct vemu_block_request *req, int *result)
{
    bool write = req->op != VEMU_BLOCK_READ;
    enum vemu_block_policy what = block->user_policy[write];

    /* what the guest did wrong, not the storage */
    if (*result == -EINVAL || *result == -EROFS || *result == -ENOTSUP)
        return false;
    if (what == VEMU_BLOCK_ENOSPC)
        what = *result == -ENOSPC || *result == -EDQUOT ? VEMU_BLOCK_STOP : VEMU_BLOCK_REPORT;
    if (what == VEMU_BLOCK_STOP && (block->no_holding || !can_stop(block->vm)))
        what = VEMU_BLOCK_REPORT;
    tell(block, write, *result, what);
    if (what == VEMU_BLOCK_STOP) {
        block->io_error = block->io_error ? block->io_error : *result;
        vemu__vm_request_io_stop(block->vm);
    }
    if (what == VEMU_BLOCK_IGNORE)
        *result = 0;
    if (what != VEMU_BLOCK_STOP)
        return false;
    req->result = *result;
    req->next = NULL;
    *block->held_last = req;
    block->held_last = &req->next;
    return true;
}

bool vemu__block_fail_held(struct vemu_block *block)
{
    struct vemu_block_request *req = block->held;
    bool any = req != NULL;

    block->held = NULL;
    block->held_last = &block->held;
    while (req) {
        struct vemu_block_request *next = req->next;

        block->stats.ops[req->op]++;
        block->stats.errors[req->op]++;
        req->done(req, req->result);
        req = next;
    }
    if (any && block->user->batch)
        block->user->batch(block->user_data);
    return any;
}
