/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work on a file of the host, to the end, on the calling thread.
 */
#include "image/file-io.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/iov.h"
#include "image/image.h"

#define DIRECT_MAX_ALIGN 4096u
#define BOUNCE_SIZE      (1u << 20)
#define FULL_SIZE        (256u << 10) /* written at a time by preallocation "full" */

/* --- reading and writing ---------------------------------------------------------------------- */

static ssize_t transfer_some(int fd, uint64_t offset, const struct iovec *iov, unsigned count,
                             bool write, bool fua)
{
    int n = (int)MIN(count, (unsigned)IOV_MAX);
    ssize_t done;

    do {
        done = write ? pwritev2(fd, iov, n, (off_t)offset, fua ? RWF_DSYNC : 0)
                     : preadv(fd, iov, n, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

/* The rest of a transfer of which the kernel did a part. */
static int transfer_rest(int fd, uint64_t offset, const struct iovec *iov, unsigned count,
                         uint64_t done, uint64_t bytes, bool write, bool fua)
{
    g_autofree struct iovec *rest = g_new(struct iovec, count);

    while (done < bytes) {
        unsigned n = vemu__iov_slice(iov, count, done, bytes - done, rest, count);
        ssize_t r = transfer_some(fd, offset + done, rest, n, write, fua);

        if (r < 0)
            return (int)r;
        if (r == 0 && write)
            return -ENOSPC;
        if (r == 0) { /* behind the end */
            vemu__iov_fill(rest, n, 0, 0, bytes - done);
            return 0;
        }
        done += (uint64_t)r;
    }
    return 0;
}

static int transfer(int fd, uint64_t offset, const struct iovec *iov, unsigned count, bool write,
                    bool fua)
{
    uint64_t bytes = vemu__iov_size(iov, count);
    ssize_t done = transfer_some(fd, offset, iov, count, write, fua);

    if (done < 0)
        return (int)done;
    if ((uint64_t)done == bytes)
        return 0;
    if (done == 0 && write)
        return -ENOSPC;
    if (done == 0) {
        vemu__iov_fill(iov, count, 0, 0, bytes);
        return 0;
    }
    return transfer_rest(fd, offset, iov, count, (uint64_t)done, bytes, write, fua);
}

int vemu__file_read(int fd, uint64_t offset, const struct iovec *iov, unsigned count)
{
    return transfer(fd, offset, iov, count, false, false);
}

int vemu__file_write(int fd, uint64_t offset, const struct iovec *iov, unsigned count, bool fua)
{
    return transfer(fd, offset, iov, count, true, fua);
}

int vemu__file_bounce(int fd, unsigned align, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, bool write, bool fua)
{
    size_t size = MIN(bytes, BOUNCE_SIZE);
    void *buf = NULL;
    int r = 0;

    if (posix_memalign(&buf, MAX(align, (unsigned)sizeof(void *)), size))
        return -ENOMEM;
    for (uint64_t done = 0; done < bytes && r >= 0;) {
        const struct iovec piece = { buf, MIN(bytes - done, size) };

        if (write)
            vemu__iov_read(iov, count, done, buf, piece.iov_len);
        r = transfer(fd, offset + done, &piece, 1, write, fua);
        if (!write && r >= 0)
            vemu__iov_write(iov, count, done, buf, piece.iov_len);
        done += piece.iov_len;
    }
    free(buf);
    return r;
}

/* What the kernel says (since Linux 6.1); 0: nothing. */
static unsigned told_align(int fd)
{
#ifdef STATX_DIOALIGN
    struct statx x = { 0 };

    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 && (x.stx_mask & STATX_DIOALIGN))
        return MAX(MAX(x.stx_dio_offset_align, x.stx_dio_mem_align), IMAGE_SECTOR);
#endif
    return 0;
}

/* Else it is found by trying, which needs something to read. */
unsigned vemu__file_probe_align(int fd)
{
    unsigned align = told_align(fd);
    void *buf = NULL;
    off_t end;

    if (align && align <= (64u << 10))
        return align;
    end = lseek(fd, 0, SEEK_END);
    if (end < 2 * (off_t)DIRECT_MAX_ALIGN)
        return DIRECT_MAX_ALIGN;
    if (posix_memalign(&buf, DIRECT_MAX_ALIGN, DIRECT_MAX_ALIGN))
        return DIRECT_MAX_ALIGN;
    for (align = IMAGE_SECTOR; align < DIRECT_MAX_ALIGN; align *= 2)
        if (pread(fd, buf, align, align) >= 0)
            break;
    free(buf);
    return align;
}

/* --- space ------------------------------------------------------------------------------------ */

int vemu__file_allocate(int fd, int mode, uint64_t offset, uint64_t bytes)
{
    int r;

    do {
        r = fallocate(fd, mode, (off_t)offset, (off_t)bytes);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

bool vemu__file_is_unsupported(int r)
{
    return r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL || r == -ENODEV || r == -EPERM;
}

/* The space is allocated first: in few extents, and a disk that is too small says so at once. */
static int write_full(int fd, uint64_t from, uint64_t to, const struct vemu_progress *progress)
{
    g_autofree uint8_t *zeros = g_try_malloc0(FULL_SIZE);
    int r = zeros ? vemu__file_allocate(fd, 0, from, to - from) : -ENOMEM;

    if (vemu__file_is_unsupported(r))
        r = 0;
    for (uint64_t at = from; at < to && r >= 0;) {
        const struct iovec iov = { zeros, MIN(to - at, FULL_SIZE) };

        r = transfer(fd, at, &iov, 1, true, false);
        at += iov.iov_len;
        if (r >= 0)
            r = vemu__image_progress(progress, at - from, to - from);
    }
    if (r >= 0 && fsync(fd) < 0)
        r = -errno;
    return r;
}

int vemu__file_preallocate(int fd, const char *how, uint64_t from, uint64_t to,
                           const struct vemu_progress *progress)
{
    if (to == from)
        return 0;
    if (!strcmp(how, "falloc"))
        return vemu__file_allocate(fd, 0, from, to - from);
    if (!strcmp(how, "full"))
        return write_full(fd, from, to, progress);
    return ftruncate(fd, (off_t)to) < 0 ? -errno : 0;
}
