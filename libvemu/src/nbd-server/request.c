/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests: reading, checking, doing them.
 *
 * Whatever a client asks for, a thread needs no more than NBD_PIECE bytes for it: longer reads and
 * writes go through the buffer piece by piece.
 */
#include <errno.h>
#include <fcntl.h>

#include "image/image.h"
#include "nbd-server/server.h"

/* --- receiving -------------------------------------------------------------------------------- */

/* "It SHOULD return EINVAL if it receives a flag not documented for the request". */
static uint32_t allowed_flags(const struct nbd_session *session, uint16_t type)
{
    switch (type) {
    case NBD_CMD_READ: return NBD_CMD_FLAG_FUA | (session->structured ? NBD_CMD_FLAG_DF : 0);
    case NBD_CMD_WRITE_ZEROES:
        return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO;
    case NBD_CMD_BLOCK_STATUS: return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_REQ_ONE;
    default: return NBD_CMD_FLAG_FUA; /* "clients are known to set it on other commands" */
    }
}

static int check_range(const struct nbd_session *session, const struct nbd_job *job, int beyond)
{
    return job->offset <= session->size && job->bytes <= session->size - job->offset ? 0 : beyond;
}

static int check(const struct nbd_session *session, const struct nbd_job *job)
{
    bool writes = job->type == NBD_CMD_WRITE || job->type == NBD_CMD_TRIM ||
                  job->type == NBD_CMD_WRITE_ZEROES;

    if (job->flags & ~allowed_flags(session, job->type))
        return -EINVAL;
    if (writes)
        return session->export->writable ? check_range(session, job, -ENOSPC) : -EPERM;
    switch (job->type) {
    case NBD_CMD_READ:
        if (job->bytes > NBD_MAX_PAYLOAD)
            return -EINVAL;
        if (job->flags & NBD_CMD_FLAG_DF && job->bytes > NBD_PIECE)
            return -EOVERFLOW;
        return check_range(session, job, -EINVAL);
    case NBD_CMD_BLOCK_STATUS:
        return session->contexts && job->bytes ? check_range(session, job, -EINVAL) : -EINVAL;
    case NBD_CMD_CACHE: return check_range(session, job, -EINVAL);
    case NBD_CMD_FLUSH: return job->offset || job->bytes ? -EINVAL : 0;
    default: return -EINVAL;
    }
}

static int need_buf(struct nbd_job *job)
{
    if (!job->buf)
        job->buf = g_try_malloc(NBD_PIECE);
    return job->buf ? 0 : -ENOMEM;
}

static int read_payload(struct nbd_session *session, struct nbd_job *job)
{
    if (job->bytes > NBD_MAX_PAYLOAD)
        return -E2BIG; /* not worth listening to */
    if (job->result >= 0 && job->bytes <= NBD_PIECE)
        job->result = need_buf(job);
    if (job->result < 0)
        return vemu__nbd_stream_skip(&session->stream, job->bytes);
    if (job->bytes > NBD_PIECE)
        return 0; /* when it is written */
    return vemu__nbd_stream_read(&session->stream, job->buf, job->bytes);
}

int vemu__nbd_job_read(struct nbd_session *session, struct nbd_job *job)
{
    uint8_t head[NBD_REQUEST_SIZE];
    int r = vemu__nbd_stream_read(&session->stream, head, sizeof(head));

    if (r < 0)
        return r;
    if (be_get32(head) != NBD_REQUEST_MAGIC)
        return -EPROTO;
    job->flags = be_get16(head + 4);
    job->type = be_get16(head + 6);
    job->cookie = be_get64(head + 8);
    job->offset = be_get64(head + 16);
    job->bytes = be_get32(head + 24);
    if (job->type == NBD_CMD_DISC)
        return -ENOTCONN;
    job->result = check(session, job);
    return job->type == NBD_CMD_WRITE ? read_payload(session, job) : 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void do_structured_read(struct nbd_session *session, struct nbd_job *job)
{
    struct vemu_image *image = session->export->image;
    uint32_t done = 0;

    while (done < job->bytes) {
        uint32_t piece = MIN(job->bytes - done, NBD_PIECE);
        int r = vemu_image_read(image, job->offset + done, job->buf, piece);

        if (r < 0) {
            vemu__nbd_answer(session, job, r);
            return;
        }
        done += piece;
        vemu__nbd_answer_data(session, job, job->offset + done - piece, job->buf, piece,
                              done == job->bytes);
    }
}

static int read_piece(struct nbd_session *session, struct nbd_job *job, uint32_t from,
                      uint32_t bytes)
{
    return vemu_image_read(session->export->image, job->offset + from, job->buf, bytes);
}

static void do_simple_read(struct nbd_session *session, struct nbd_job *job)
{
    uint32_t first = MIN(job->bytes, NBD_PIECE);
    int r = read_piece(session, job, 0, first);

    if (r < 0)
        vemu__nbd_answer(session, job, r);
    else
        vemu__nbd_answer_simple(session, job, first, read_piece);
}

static void do_read(struct nbd_session *session, struct nbd_job *job)
{
    int r = need_buf(job);

    if (r < 0 || !job->bytes)
        vemu__nbd_answer(session, job, r);
    else if (session->structured)
        do_structured_read(session, job);
    else
        do_simple_read(session, job);
}

/* From the page cache; false: it is not there, or not that simple. */
static bool try_read(struct nbd_session *session, struct nbd_job *job)
{
    struct vemu_image_span span = { 0 };
    struct iovec iov = { NULL, job->bytes };
    ssize_t n = -1;

    if (!job->bytes || job->bytes > NBD_PIECE || need_buf(job) < 0 ||
        vemu__image_map(session->export->image, job->offset, job->bytes, false, &span) < 0)
        return false;
    iov.iov_base = job->buf;
    if (span.direct_fd < 0 && span.bytes >= job->bytes)
        n = preadv2(span.fd, &iov, 1, (off_t)span.offset, RWF_NOWAIT);
    vemu__image_unmap(&span);
    if (n != (ssize_t)job->bytes)
        return false;
    if (session->structured)
        vemu__nbd_answer_data(session, job, job->offset, job->buf, job->bytes, true);
    else
        vemu__nbd_answer_simple(session, job, job->bytes, read_piece);
    return true;
}

/* --- the others ------------------------------------------------------------------------------- */

/* A long one's payload is still in the socket, and all of it has to be read in any case. */
static int do_write(struct nbd_session *session, struct nbd_job *job)
{
    struct vemu_image *image = session->export->image;
    uint32_t flags = job->flags & NBD_CMD_FLAG_FUA ? VEMU_IMAGE_FUA : 0;
    int r = need_buf(job);

    if (r >= 0 && job->bytes <= NBD_PIECE)
        return vemu_image_write(image, job->offset, job->buf, job->bytes, flags);
    if (r < 0) {
        vemu__nbd_stream_skip(&session->stream, job->bytes);
        return r;
    }
    for (uint32_t done = 0; done < job->bytes;) {
        uint32_t piece = MIN(job->bytes - done, NBD_PIECE);

        if (vemu__nbd_stream_read(&session->stream, job->buf, piece) < 0)
            return -EIO;
        if (r >= 0)
            r = vemu_image_write(image, job->offset + done, job->buf, piece, flags);
        done += piece;
    }
    return r;
}

static int do_zero(struct vemu_image *image, const struct nbd_job *job)
{
    uint32_t flags = job->flags & NBD_CMD_FLAG_FUA ? VEMU_IMAGE_FUA : 0;

    if (!(job->flags & NBD_CMD_FLAG_NO_HOLE))
        flags |= VEMU_IMAGE_MAY_UNMAP;
    if (job->flags & NBD_CMD_FLAG_FAST_ZERO)
        flags |= VEMU_IMAGE_NO_FALLBACK;
    return vemu_image_zero(image, job->offset, job->bytes, flags);
}

static int do_trim(struct vemu_image *image, const struct nbd_job *job)
{
    int r = vemu_image_discard(image, job->offset, job->bytes);

    return r >= 0 && job->flags & NBD_CMD_FLAG_FUA ? vemu_image_flush(image) : r;
}

/* The page cache is where it goes. */
static int do_cache(struct nbd_session *session, struct nbd_job *job)
{
    int r = need_buf(job);

    for (uint32_t done = 0; done < job->bytes && r >= 0;) {
        uint32_t piece = MIN(job->bytes - done, NBD_PIECE);

        r = read_piece(session, job, done, piece);
        done += piece;
    }
    return r;
}

void vemu__nbd_job_do(struct nbd_session *session, struct nbd_job *job)
{
    struct vemu_image *image = session->export->image;
    int r = job->result;

    if (r >= 0) {
        switch (job->type) {
        case NBD_CMD_READ: do_read(session, job); return;
        case NBD_CMD_BLOCK_STATUS: vemu__nbd_status(session, job); return;
        case NBD_CMD_WRITE: r = do_write(session, job); break;
        case NBD_CMD_WRITE_ZEROES: r = do_zero(image, job); break;
        case NBD_CMD_TRIM: r = do_trim(image, job); break;
        case NBD_CMD_CACHE: r = do_cache(session, job); break;
        default: r = vemu_image_flush(image); break;
        }
    }
    vemu__nbd_answer(session, job, r);
}

/* To the page cache. */
static bool write_is_quick(struct nbd_session *session, const struct nbd_job *job)
{
    struct vemu_image_span span = { 0 };
    bool quick;

    if (job->flags & NBD_CMD_FLAG_FUA ||
        session->export->image->open_flags & VEMU_IMAGE_WRITE_THROUGH ||
        vemu__image_map(session->export->image, job->offset, job->bytes, true, &span) < 0)
        return false;
    quick = span.direct_fd < 0 && span.bytes >= job->bytes;
    vemu__image_unmap(&span);
    return quick;
}

bool vemu__nbd_job_try(struct nbd_session *session, struct nbd_job *job)
{
    bool now = job->result < 0 || job->type == NBD_CMD_BLOCK_STATUS;

    if (!now && job->type == NBD_CMD_READ)
        return try_read(session, job);
    if (!now && job->type == NBD_CMD_WRITE)
        now = !job->bytes || job->bytes > NBD_PIECE || write_is_quick(session, job);
    if (now)
        vemu__nbd_job_do(session, job);
    return now;
}
