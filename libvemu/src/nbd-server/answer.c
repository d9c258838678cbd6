/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers to requests: simple replies, and chunks of structured ones.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/iov.h"
#include "nbd-server/server.h"

#define HOLE_UNIT (64u << 10) /* zeros are looked for in such blocks */

/* "Error values". */
static uint32_t error_number(int result)
{
    switch (-result) {
    case 0: return 0;
    case EPERM:
    case EACCES:
    case EROFS: return NBD_EPERM;
    case ENOMEM: return NBD_ENOMEM;
    case EINVAL: return NBD_EINVAL;
    case EDQUOT:
    case EFBIG:
    case ENOSPC: return NBD_ENOSPC;
    case EOVERFLOW: return NBD_EOVERFLOW;
    case ENOTSUP: return NBD_ENOTSUP;
    case ESHUTDOWN: return NBD_ESHUTDOWN;
    default: return NBD_EIO;
    }
}

/* After a failure nothing more is sent: the client could not tell where it stands. The receiver
 * notices that the socket is closed. */
static void send_locked(struct nbd_session *session, const void *head, size_t head_size,
                        const void *data, size_t size)
{
    struct iovec iov = { (void *)(uintptr_t)data, size };

    if (session->send_failed ||
        vemu__nbd_stream_write(&session->stream, head, head_size, &iov, 1, 0, size) >= 0)
        return;
    session->send_failed = true;
    shutdown(session->stream.fd, SHUT_RDWR);
}

static void send_all(struct nbd_session *session, const void *head, size_t head_size,
                     const void *data, size_t size)
{
    pthread_mutex_lock(&session->send_lock);
    send_locked(session, head, head_size, data, size);
    pthread_mutex_unlock(&session->send_lock);
}

static uint8_t *put_simple(uint8_t *p, const struct nbd_job *job, uint32_t error)
{
    p = be_put32(p, NBD_SIMPLE_REPLY_MAGIC);
    p = be_put32(p, error);
    return be_put64(p, job->cookie);
}

static uint8_t *put_structured(uint8_t *p, const struct nbd_job *job, uint32_t type, size_t size,
                               bool last)
{
    p = be_put32(p, NBD_STRUCTURED_REPLY_MAGIC);
    p = be_put16(p, last ? NBD_REPLY_FLAG_DONE : 0);
    p = be_put16(p, type);
    p = be_put64(p, job->cookie);
    return be_put32(p, (uint32_t)size);
}

void vemu__nbd_answer_chunk(struct nbd_session *session, const struct nbd_job *job, uint32_t type,
                            const void *data, size_t size, bool last)
{
    uint8_t head[NBD_STRUCTURED_SIZE];

    put_structured(head, job, type, size, last);
    send_all(session, head, sizeof(head), data, size);
}

void vemu__nbd_answer(struct nbd_session *session, const struct nbd_job *job, int result)
{
    uint8_t data[6 + 128], *p = data;

    if (session->structured && result < 0) {
        const char *text = strerrordesc_np(-result), *message = text ? text : "failure";
        size_t size = MIN(strlen(message), sizeof(data) - 6);

        p = be_put32(p, error_number(result));
        p = be_put16(p, (uint32_t)size);
        memcpy(p, message, size);
        vemu__nbd_answer_chunk(session, job, NBD_REPLY_TYPE_ERROR, data, 6 + size, true);
    } else if (session->structured && job->type == NBD_CMD_READ) {
        vemu__nbd_answer_chunk(session, job, NBD_REPLY_TYPE_NONE, NULL, 0, true);
    } else {
        p = put_simple(p, job, error_number(result));
        send_all(session, data, (size_t)(p - data), NULL, 0);
    }
}

/* --- data ------------------------------------------------------------------------------------- */

/* So many bytes of the same kind, zeros or not. */
static uint32_t measure(const uint8_t *data, uint32_t bytes, bool *ret_zero)
{
    uint32_t run = MIN(bytes, HOLE_UNIT);

    *ret_zero = vemu__is_zero(data, run);
    while (run < bytes) {
        uint32_t unit = MIN(bytes - run, HOLE_UNIT);

        if (vemu__is_zero(data + run, unit) != *ret_zero)
            break;
        run += unit;
    }
    return run;
}

void vemu__nbd_answer_data(struct nbd_session *session, const struct nbd_job *job, uint64_t offset,
                           const uint8_t *data, uint32_t bytes, bool last)
{
    bool whole = job->flags & NBD_CMD_FLAG_DF, zero = false;

    while (bytes) {
        uint8_t head[NBD_STRUCTURED_SIZE + 12], *p;
        uint32_t run = whole ? bytes : measure(data, bytes, &zero);

        p = put_structured(head, job,
                           zero ? NBD_REPLY_TYPE_OFFSET_HOLE : NBD_REPLY_TYPE_OFFSET_DATA,
                           zero ? 12 : 8 + (size_t)run, last && run == bytes);
        p = be_put64(p, offset);
        if (zero)
            p = be_put32(p, run);
        send_all(session, head, (size_t)(p - head), data, zero ? 0 : run);
        offset += run;
        data += run;
        bytes -= run;
    }
}

void vemu__nbd_answer_simple(struct nbd_session *session, struct nbd_job *job, uint32_t have,
                             int (*more)(struct nbd_session *session, struct nbd_job *job,
                                         uint32_t from, uint32_t bytes))
{
    uint8_t head[NBD_SIMPLE_SIZE];

    put_simple(head, job, 0);
    pthread_mutex_lock(&session->send_lock);
    send_locked(session, head, sizeof(head), job->buf, have);
    for (uint32_t done = have; done < job->bytes && !session->send_failed;) {
        uint32_t piece = MIN(job->bytes - done, NBD_PIECE);

        if (more(session, job, done, piece) < 0) {
            /* "the server MUST immediately initiate a hard disconnect" */
            session->send_failed = true;
            shutdown(session->stream.fd, SHUT_RDWR);
        }
        send_locked(session, NULL, 0, job->buf, piece);
        done += piece;
    }
    pthread_mutex_unlock(&session->send_lock);
}
