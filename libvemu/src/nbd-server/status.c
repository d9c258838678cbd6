/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NBD_CMD_BLOCK_STATUS: what is at a place of an export, for each context the client has chosen.
 */
#include <errno.h>

#include "nbd-server/server.h"

#define EXTENTS_MAX 4096u /* in a reply; "the server MAY return less" */

struct status {
    uint8_t data[4 + 8 * EXTENTS_MAX];
    unsigned count, max;
    uint64_t bytes; /* so far */
    uint32_t last;  /* flags of the last one */
};

/* False: there is no room for it. */
static bool add_extent(struct status *status, uint64_t bytes, uint32_t flags)
{
    uint8_t *p = status->data + 4 + 8 * (size_t)status->count;

    if (status->count && status->last == flags) {
        be_put32(p - 8, (uint32_t)(be_get32(p - 8) + bytes));
    } else if (status->count == status->max) {
        return false;
    } else {
        be_put32(be_put32(p, (uint32_t)bytes), flags);
        status->count++;
    }
    status->last = flags;
    status->bytes += bytes;
    return true;
}

static int add_extents(struct vemu_image *image, const struct nbd_job *job, unsigned context,
                       struct status *status)
{
    while (status->bytes < job->bytes) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
        uint64_t left = job->bytes - status->bytes;
        uint32_t flags = 0;
        int r = vemu_image_get_extent(image, NULL, job->offset + status->bytes, left, &extent);

        if (r < 0)
            return status->count ? 0 : r;
        if (context == NBD_CONTEXT_DEPTH) {
            flags = extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED ? extent.depth + 1 : 0;
        } else {
            flags |= extent.flags & VEMU_IMAGE_EXTENT_DATA ? 0 : NBD_STATE_HOLE;
            flags |= extent.flags & VEMU_IMAGE_EXTENT_ZERO ? NBD_STATE_ZERO : 0;
        }
        if (!add_extent(status, MIN(extent.bytes, left), flags))
            return 0;
    }
    return 0;
}

static int add_dirty(struct vemu_image *image, const struct nbd_job *job, const char *bitmap,
                     struct status *status)
{
    while (status->bytes < job->bytes) {
        uint64_t at = job->offset + status->bytes, end = job->offset + job->bytes;
        uint64_t from = 0, bytes = 0;
        int r = vemu_image_next_dirty(image, bitmap, at, &from, &bytes, NULL);

        if (r < 0)
            return status->count ? 0 : r;
        if (r == 0 || from >= end)
            from = end;
        if (from > at && !add_extent(status, from - at, 0))
            return 0;
        if (from < end && !add_extent(status, MIN(MAX(bytes, 1), end - from), NBD_STATE_DIRTY))
            return 0;
    }
    return 0;
}

void vemu__nbd_status(struct nbd_session *session, const struct nbd_job *job)
{
    g_autofree struct status *status = g_new(struct status, 1);
    const struct nbd_server_export *export = session->export;

    for (uint64_t left = session->contexts; left; left &= left - 1) {
        unsigned context = (unsigned)__builtin_ctzll(left);
        bool bitmap = context >= NBD_CONTEXT_BITMAP;
        int r;

        status->count = 0;
        status->bytes = 0;
        status->max = job->flags & NBD_CMD_FLAG_REQ_ONE ? 1 : EXTENTS_MAX;
        be_put32(status->data, context);
        r = bitmap ? add_dirty(export->image, job, export->bitmaps[context - NBD_CONTEXT_BITMAP],
                               status)
                   : add_extents(export->image, job, context, status);
        if (r < 0) {
            vemu__nbd_answer(session, job, r);
            return;
        }
        vemu__nbd_answer_chunk(session, job, NBD_REPLY_TYPE_BLOCK_STATUS, status->data,
                               4 + 8 * (size_t)status->count, !(left & (left - 1)));
    }
}
