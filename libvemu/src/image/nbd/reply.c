/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replies of a server: "Simple reply message", "Structured reply chunk message".
 *
 * Everything is checked against the request before a byte of it is stored. A read is good only if
 * as many bytes came as were asked for.
 */
#include "image/nbd/reply.h"

#include <errno.h>
#include <glib.h>

#include "core/iov.h"
#include "image/nbd/proto.h"

#define ERROR_MAX  (NBD_MAX_STRING + 64u)
#define STATUS_MAX (4u + 8u * (1u << 20))

int vemu__nbd_error(uint32_t error)
{
    switch (error) {
    case 0: return 0;
    case NBD_EPERM: return -EPERM;
    case NBD_ENOMEM: return -ENOMEM;
    case NBD_EINVAL: return -EINVAL;
    case NBD_ENOSPC: return -ENOSPC;
    case NBD_EOVERFLOW: return -EOVERFLOW;
    case NBD_ENOTSUP: return -ENOTSUP;
    case NBD_ESHUTDOWN: return -ESHUTDOWN;
    default: return -EIO;
    }
}

/* --- chunks ----------------------------------------------------------------------------------- */

static bool inside(const struct nbd_request *request, uint64_t offset, uint64_t bytes)
{
    return request->type == NBD_CMD_READ && bytes && offset >= request->offset &&
           offset - request->offset <= request->bytes &&
           bytes <= request->bytes - (offset - request->offset);
}

static int take_data(struct nbd_stream *stream, struct nbd_request *request, uint32_t size)
{
    uint8_t head[8];
    uint64_t offset;
    int r;

    if (size <= sizeof(head))
        return -EPROTO;
    r = vemu__nbd_stream_read(stream, head, sizeof(head));
    if (r < 0)
        return r;
    offset = be_get64(head);
    size -= (uint32_t)sizeof(head);
    if (!inside(request, offset, size))
        return -EPROTO;
    request->received += size;
    return vemu__nbd_stream_readv(stream, request->iov, request->iov_count,
                                  request->iov_offset + (offset - request->offset), size);
}

static int take_hole(struct nbd_stream *stream, struct nbd_request *request, uint32_t size)
{
    uint8_t data[12];
    uint64_t offset;
    uint32_t bytes;
    int r;

    if (size != sizeof(data))
        return -EPROTO;
    r = vemu__nbd_stream_read(stream, data, sizeof(data));
    if (r < 0)
        return r;
    offset = be_get64(data);
    bytes = be_get32(data + 8);
    if (!inside(request, offset, bytes))
        return -EPROTO;
    request->received += bytes;
    vemu__iov_fill(request->iov, request->iov_count,
                   request->iov_offset + (offset - request->offset), 0, bytes);
    return 0;
}

static int take_status(struct nbd_stream *stream, const struct nbd_export *export,
                       struct nbd_request *request, uint32_t size)
{
    uint8_t data[12];
    int r;

    if (request->type != NBD_CMD_BLOCK_STATUS || size < sizeof(data) || size > STATUS_MAX ||
        (size - 4) % 8)
        return -EPROTO;
    r = vemu__nbd_stream_read(stream, data, sizeof(data));
    if (r < 0)
        return r;
    if (be_get32(data) == export->allocation_id) {
        if (request->extent_bytes || !be_get32(data + 4))
            return -EPROTO;
        request->extent_bytes = be_get32(data + 4);
        request->extent_flags = be_get32(data + 8);
    }
    return vemu__nbd_stream_skip(stream, size - sizeof(data));
}

static int take_error(struct nbd_stream *stream, struct nbd_request *request, uint32_t size)
{
    uint8_t data[6];
    int r;

    if (size < sizeof(data) || size > ERROR_MAX)
        return -EPROTO;
    r = vemu__nbd_stream_read(stream, data, sizeof(data));
    if (r < 0)
        return r;
    if (be_get16(data + 4) > size - sizeof(data))
        return -EPROTO;
    if (!request->result) {
        request->result = vemu__nbd_error(be_get32(data));
        if (!request->result)
            request->result = -EIO;
    }
    return vemu__nbd_stream_skip(stream, size - sizeof(data));
}

static int take_chunk(struct nbd_stream *stream, const struct nbd_export *export,
                      struct nbd_request *request, uint16_t type, uint32_t size, bool last)
{
    switch (type) {
    case NBD_REPLY_TYPE_NONE: return size || !last ? -EPROTO : 0;
    case NBD_REPLY_TYPE_OFFSET_DATA: return take_data(stream, request, size);
    case NBD_REPLY_TYPE_OFFSET_HOLE: return take_hole(stream, request, size);
    case NBD_REPLY_TYPE_BLOCK_STATUS: return take_status(stream, export, request, size);
    default: break;
    }
    return type & NBD_REPLY_TYPE_IS_ERROR ? take_error(stream, request, size) : -EPROTO;
}

/* All of it came: does it make sense? */
static int complete(struct nbd_request *request)
{
    if (request->result)
        return 1;
    if (request->type == NBD_CMD_READ && request->received != request->bytes)
        return -EPROTO;
    if (request->type == NBD_CMD_BLOCK_STATUS && !request->extent_bytes)
        return -EPROTO;
    return 1;
}

/* --- the two kinds ---------------------------------------------------------------------------- */

static int read_simple(struct nbd_stream *stream, const struct nbd_export *export,
                       struct nbd_request *request, uint32_t error)
{
    int r;

    if (!error && (request->type == NBD_CMD_BLOCK_STATUS ||
                   (request->type == NBD_CMD_READ && export->structured)))
        return -EPROTO;
    request->result = vemu__nbd_error(error);
    if (error || request->type != NBD_CMD_READ)
        return complete(request);
    r = vemu__nbd_stream_readv(stream, request->iov, request->iov_count, request->iov_offset,
                               request->bytes);
    request->received = request->bytes;
    return r < 0 ? r : complete(request);
}

int vemu__nbd_reply_read(struct nbd_stream *stream, const struct nbd_export *export,
                         struct nbd_request *(*find)(void *data, uint64_t cookie), void *data,
                         struct nbd_request **ret)
{
    uint8_t head[NBD_STRUCTURED_SIZE];
    bool structured;
    int r = vemu__nbd_stream_read(stream, head, NBD_SIMPLE_SIZE);

    if (r < 0)
        return r;
    structured = be_get32(head) == NBD_STRUCTURED_REPLY_MAGIC;
    if (!structured && be_get32(head) != NBD_SIMPLE_REPLY_MAGIC)
        return -EPROTO;
    *ret = find(data, be_get64(head + 8));
    if (!*ret || (structured && !export->structured))
        return -EPROTO;
    if (!structured)
        return read_simple(stream, export, *ret, be_get32(head + 4));
    r = vemu__nbd_stream_read(stream, head + NBD_SIMPLE_SIZE,
                              NBD_STRUCTURED_SIZE - NBD_SIMPLE_SIZE);
    if (r >= 0)
        r = take_chunk(stream, export, *ret, be_get16(head + 6), be_get32(head + 16),
                       be_get16(head + 4) & NBD_REPLY_FLAG_DONE);
    if (r < 0)
        return r;
    return be_get16(head + 4) & NBD_REPLY_FLAG_DONE ? complete(*ret) : 0;
}
