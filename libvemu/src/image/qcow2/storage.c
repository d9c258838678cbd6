/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layer below a qcow2 image: reading past its end, and making it longer by writing there.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

int vemu__qcow2_file_readv(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count)
{
    return bytes ? vemu_image_readv(file, offset, iov, count) : 0;
}

int vemu__qcow2_file_writev(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                            const struct iovec *iov, unsigned count)
{
    return bytes ? vemu_image_writev(file, offset, iov, count, 0) : 0;
}

#define FEW 32u

typedef int (*file_fn)(struct vemu_image *, uint64_t, uint64_t, const struct iovec *, unsigned);

static int with_slice(file_fn fn, struct vemu_image *file, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, uint64_t skip)
{
    struct iovec few[FEW], *part = few;
    unsigned n;
    int r;

    while (count && skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        count--;
    }
    if (count > FEW) {
        part = g_try_new(struct iovec, count);
        if (!part)
            return -ENOMEM;
    }
    n = vemu__iov_slice(iov, count, skip, bytes, part, count);
    r = fn(file, offset, bytes, part, n);
    if (part != few)
        g_free(part);
    return r;
}

int vemu__qcow2_file_readv_at(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                              const struct iovec *iov, unsigned count, uint64_t skip)
{
    return with_slice(vemu__qcow2_file_readv, file, offset, bytes, iov, count, skip);
}

int vemu__qcow2_file_writev_at(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                               const struct iovec *iov, unsigned count, uint64_t skip)
{
    return with_slice(vemu__qcow2_file_writev, file, offset, bytes, iov, count, skip);
}

int vemu__qcow2_file_read(struct vemu_image *file, uint64_t offset, void *buf, size_t bytes)
{
    struct iovec iov = { .iov_base = buf, .iov_len = bytes };

    return vemu__qcow2_file_readv(file, offset, bytes, &iov, 1);
}

int vemu__qcow2_file_write(struct vemu_image *file, uint64_t offset, const void *buf, size_t bytes)
{
    struct iovec iov = { .iov_base = (void *)buf, .iov_len = bytes };

    return vemu__qcow2_file_writev(file, offset, bytes, &iov, 1);
}

void *vemu__qcow2_buffer(size_t bytes)
{
    void *buf;

    return posix_memalign(&buf, 4096, bytes ? bytes : 1) == 0 ? buf : NULL;
}

int vemu__qcow2_file_read_table(struct vemu_image *file, uint64_t offset, uint64_t count,
                                uint64_t **ret)
{
    uint64_t *table = vemu__qcow2_buffer(count * 8);
    int r;

    *ret = NULL;
    if (!table)
        return -ENOMEM;
    r = vemu__qcow2_file_read(file, offset, table, count * 8);
    if (r < 0) {
        free(table);
        return r;
    }
    for (uint64_t i = 0; i < count; i++)
        table[i] = be64toh(table[i]);
    *ret = table;
    return 0;
}

int vemu__qcow2_file_write_table(struct vemu_image *file, uint64_t offset, uint64_t count,
                                 const uint64_t *table)
{
    uint64_t *copy = vemu__qcow2_buffer(count * 8);
    int r;

    if (!copy)
        return -ENOMEM;
    for (uint64_t i = 0; i < count; i++)
        copy[i] = htobe64(table[i]);
    r = vemu__qcow2_file_write(file, offset, copy, count * 8);
    free(copy);
    return r;
}
