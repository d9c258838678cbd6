/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of virtio-blk (virtio 1.2, 5.2.6).
 *
 * A chain is: 16 bytes of header for the device, data for it; data for the driver, one byte of
 * status. How these are cut into descriptors is the driver's affair (2.7.4): the header may be in
 * pieces, and data may begin in the middle of one. The lists of the element are trimmed in place;
 * the status byte is given back before the element is.
 */
#include <linux/virtio_blk.h>
#include <string.h>

#include <glib.h>

#include "devices/virtio-blk/blk.h"

#define ID_SIZE 20u

static struct blk_request *request_of(struct vemu_block_request *req)
{
    return (struct blk_request *)((char *)req - offsetof(struct blk_request, req));
}

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(struct blk_request *request, uint8_t status, uint32_t written)
{
    struct vemu_virtq_elem *elem = &request->elem;

    if (status != VIRTIO_BLK_S_OK)
        request->blk->errors++;
    *request->status = status;
    elem->in[elem->in_count - 1].iov_len++;
    vemu__virtq_push(elem, written + 1);
}

static uint8_t status_of(int result)
{
    if (result >= 0)
        return VIRTIO_BLK_S_OK;
    return result == -ENOTSUP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

static void block_done(struct vemu_block_request *req, int result)
{
    struct blk_request *request = request_of(req);

    finish(request, status_of(result),
           req->op == VEMU_BLOCK_READ && result >= 0 ? (uint32_t)req->bytes : 0);
}

/* --- the kinds -------------------------------------------------------------------------------- */

/* A write is on stable storage when it is done: the driver has no flush, or chose so (5.2.6.2). */
static bool is_write_through(const struct blk *blk)
{
    const struct vemu_virtio *vdev = &blk->vdev;

    if (vemu__virtio_has(vdev, 1ull << VIRTIO_BLK_F_CONFIG_WCE))
        return !blk->writeback;
    return !vemu__virtio_has(vdev, 1ull << VIRTIO_BLK_F_FLUSH) || !blk->default_writeback;
}

static void submit(struct blk_request *request, enum vemu_block_op op, uint32_t flags,
                   uint64_t sector, uint64_t bytes)
{
    struct blk *blk = request->blk;

    if (sector > UINT64_MAX / BLK_SECTOR) {
        finish(request, VIRTIO_BLK_S_IOERR, 0);
        return;
    }
    request->req.op = op;
    request->req.flags = flags;
    request->req.offset = sector * BLK_SECTOR;
    request->req.bytes = bytes;
    request->req.done = block_done;
    vemu__block_submit(blk->drive, &request->req);
}

static void start_transfer(struct blk_request *request, enum vemu_block_op op, uint64_t sector,
                           uint64_t bytes)
{
    struct blk *blk = request->blk;
    uint32_t flags = op == VEMU_BLOCK_WRITE && is_write_through(blk) ? VEMU_BLOCK_FUA : 0;

    if (bytes % BLK_SECTOR || (op == VEMU_BLOCK_WRITE && vemu__block_read_only(blk->drive))) {
        finish(request, VIRTIO_BLK_S_IOERR, 0);
        return;
    }
    submit(request, op, flags, sector, bytes);
}

static void start_range(struct blk_request *request, bool zeroes)
{
    struct blk *blk = request->blk;
    uint64_t feature = 1ull << (zeroes ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD);
    uint32_t max = zeroes ? blk->max_write_zeroes : blk->max_discard, flags = 0;
    struct virtio_blk_discard_write_zeroes range;

    if (!vemu__virtio_has(&blk->vdev, feature) || request->elem.out_size != 16 + sizeof(range)) {
        finish(request, VIRTIO_BLK_S_UNSUPP, 0);
        return;
    }
    vemu__virtq_elem_read(&request->elem, 0, &range, sizeof(range));
    if (range.flags & ~(zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0)) {
        finish(request, VIRTIO_BLK_S_UNSUPP, 0);
        return;
    }
    if (!range.num_sectors || range.num_sectors > max) {
        finish(request, VIRTIO_BLK_S_IOERR, 0);
        return;
    }
    if (zeroes && is_write_through(blk))
        flags |= VEMU_BLOCK_FUA;
    if (range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)
        flags |= VEMU_BLOCK_UNMAP;
    submit(request, zeroes ? VEMU_BLOCK_ZERO : VEMU_BLOCK_DISCARD, flags, range.sector,
           (uint64_t)range.num_sectors * BLK_SECTOR);
}

static void answer_id(struct blk_request *request)
{
    char id[ID_SIZE] = { 0 };
    size_t n;

    if (request->blk->serial)
        memcpy(id, request->blk->serial, MIN(strlen(request->blk->serial), sizeof(id)));
    n = vemu__virtq_elem_write(&request->elem, 0, id, sizeof(id));
    finish(request, VIRTIO_BLK_S_OK, (uint32_t)n);
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* Takes header and status off the lists. The element keeps its own idea of `out` and `in` for its
 * end: only lengths and bases change, and the status byte comes back in finish(). */
static void trim(struct blk_request *request, size_t header)
{
    struct vemu_virtq_elem *elem = &request->elem;
    struct iovec *last = &elem->in[elem->in_count - 1];

    while (header >= elem->out->iov_len && elem->out_count) {
        header -= elem->out->iov_len;
        elem->out++;
        elem->out_count--;
    }
    if (elem->out_count) {
        elem->out->iov_base = (uint8_t *)elem->out->iov_base + header;
        elem->out->iov_len -= header;
    }
    last->iov_len--;
    request->status = (uint8_t *)last->iov_base + last->iov_len;
}

void vemu__blk_request_start(struct blk *blk, struct blk_request *request)
{
    struct vemu_virtq_elem *elem = &request->elem;
    struct virtio_blk_outhdr header;
    uint64_t in_bytes = elem->in_size - 1, out_bytes = elem->out_size - sizeof(header);

    request->blk = blk;
    vemu__virtq_elem_read(elem, 0, &header, sizeof(header));
    trim(request, sizeof(header));
    request->req.iov = elem->out;
    request->req.iov_count = elem->out_count;
    switch (header.type) {
    case VIRTIO_BLK_T_IN:
        request->req.iov = elem->in;
        /* Without the descriptor that held nothing but the status. */
        request->req.iov_count = elem->in_count - (elem->in[elem->in_count - 1].iov_len == 0);
        start_transfer(request, VEMU_BLOCK_READ, header.sector, in_bytes);
        break;
    case VIRTIO_BLK_T_OUT:
        start_transfer(request, VEMU_BLOCK_WRITE, header.sector, out_bytes);
        break;
    case VIRTIO_BLK_T_FLUSH: submit(request, VEMU_BLOCK_FLUSH, 0, 0, 0); break;
    case VIRTIO_BLK_T_DISCARD: start_range(request, false); break;
    case VIRTIO_BLK_T_WRITE_ZEROES: start_range(request, true); break;
    case VIRTIO_BLK_T_GET_ID: answer_id(request); break;
    default: finish(request, VIRTIO_BLK_S_UNSUPP, 0); break;
    }
}
