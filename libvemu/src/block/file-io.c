/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One request on a file, to the end, on the calling thread.
 */
#include "block/file-io.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS_SIZE (64u << 10)

/* Drops `n` bytes from the front of the list. */
static void iov_advance(struct iovec **iov, unsigned *count, size_t n)
{
    while (*count && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*count)--;
    }
    if (*count) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

static int transfer(int fd, const struct vemu_block_request *req)
{
    g_autofree struct iovec *copy = g_memdup2(req->iov, req->iov_count * sizeof(*req->iov));
    int flags = req->op == VEMU_BLOCK_WRITE && (req->flags & VEMU_BLOCK_FUA) ? RWF_DSYNC : 0;
    struct iovec *iov = copy;
    unsigned count = req->iov_count;
    uint64_t at = req->offset;

    while (count) {
        ssize_t n = req->op == VEMU_BLOCK_READ
                        ? preadv(fd, iov, (int)count, (off_t)at)
                        : pwritev2(fd, iov, (int)count, (off_t)at, flags);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 && req->op == VEMU_BLOCK_WRITE)
            return -ENOSPC;
        if (n == 0) { /* behind the end */
            for (; count; iov++, count--)
                memset(iov->iov_base, 0, iov->iov_len);
            return 0;
        }
        at += (uint64_t)n;
        iov_advance(&iov, &count, (size_t)n);
    }
    return 0;
}

static int allocate(int fd, int mode, const struct vemu_block_request *req)
{
    int r;

    do {
        r = fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)req->offset, (off_t)req->bytes);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static int write_zeros(int fd, const struct vemu_block_request *req)
{
    g_autofree uint8_t *zeros = g_malloc0(ZEROS_SIZE);

    for (uint64_t done = 0; done < req->bytes;) {
        ssize_t n = pwrite(fd, zeros, MIN(req->bytes - done, ZEROS_SIZE),
                           (off_t)(req->offset + done));

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ENOSPC;
        if (n > 0)
            done += (uint64_t)n;
    }
    return 0;
}

static bool is_unsupported(int r)
{
    return r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL || r == -ENODEV;
}

/* Zeros without writing them where the file system can; a hole only with leave to free space. */
static int zero(int fd, const struct vemu_block_request *req)
{
    int r = -EOPNOTSUPP;

    if (req->flags & VEMU_BLOCK_UNMAP)
        r = allocate(fd, FALLOC_FL_PUNCH_HOLE, req);
    if (is_unsupported(r))
        r = allocate(fd, FALLOC_FL_ZERO_RANGE, req);
    if (is_unsupported(r))
        r = write_zeros(fd, req);
    if (r == 0 && (req->flags & VEMU_BLOCK_FUA))
        r = fdatasync(fd) < 0 ? -errno : 0;
    return r;
}

/* Contents need not change: a file system that cannot free space is no error. */
static int discard(int fd, const struct vemu_block_request *req)
{
    int r = allocate(fd, FALLOC_FL_PUNCH_HOLE, req);

    return is_unsupported(r) ? 0 : r;
}

int vemu__file_execute(int fd, const struct vemu_block_request *req)
{
    switch (req->op) {
    case VEMU_BLOCK_READ:
    case VEMU_BLOCK_WRITE: return transfer(fd, req);
    case VEMU_BLOCK_FLUSH: return fdatasync(fd) < 0 ? -errno : 0;
    case VEMU_BLOCK_DISCARD: return discard(fd, req);
    case VEMU_BLOCK_ZERO: return zero(fd, req);
    }
    return -EINVAL;
}
