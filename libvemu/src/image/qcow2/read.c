/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading from qcow2 images.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

bool vemu__qcow2_reads_zero(const struct qcow2 *s, enum qcow2_type type, uint64_t offset)
{
    switch (type) {
    case QCOW2_T_ZERO_PLAIN:
    case QCOW2_T_ZERO_ALLOC: return true;
    case QCOW2_T_UNALLOCATED:
    case QCOW2_T_UNALLOCATED_ALLOC:
        return !s->image.backing || offset >= atomic_load(&s->image.backing->size);
    default: return false;
    }
}

static int read_backing(struct qcow2 *s, uint64_t offset, uint64_t bytes, const struct iovec *iov,
                        unsigned count, uint64_t skip)
{
    struct vemu_image *backing = s->image.backing;
    uint64_t size = backing ? atomic_load(&backing->size) : 0;
    uint64_t there = offset < size ? MIN(bytes, size - offset) : 0;

    if (there < bytes)
        vemu__iov_fill(iov, count, skip + there, 0, bytes - there);
    return there ? vemu__qcow2_file_readv_at(backing, offset, there, iov, count, skip) : 0;
}

static int read_compressed(struct qcow2 *s, uint64_t entry, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, uint64_t skip)
{
    uint64_t in = offset & (s->cluster_size - 1);
    uint8_t *cluster;
    int r = 0;

    /* Small reads in a row take from the cluster that was read last. */
    pthread_mutex_lock(&s->inflate_lock);
    if (s->inflated && s->inflated_entry == entry) {
        vemu__iov_write(iov, count, skip, s->inflated + in, bytes);
        pthread_mutex_unlock(&s->inflate_lock);
        return 0;
    }
    pthread_mutex_unlock(&s->inflate_lock);
    cluster = vemu__qcow2_buffer(s->cluster_size);
    if (!cluster)
        return -ENOMEM;
    r = vemu__qcow2_inflate(s, entry, cluster);
    if (r == 0) {
        vemu__iov_write(iov, count, skip, cluster + in, bytes);
        if (bytes < s->cluster_size && !s->writable) {
            pthread_mutex_lock(&s->inflate_lock);
            free(s->inflated);
            s->inflated = cluster;
            s->inflated_entry = entry;
            cluster = NULL;
            pthread_mutex_unlock(&s->inflate_lock);
        }
    }
    free(cluster);
    return r;
}

static int read_run(struct qcow2 *s, const struct qcow2_run *run, uint64_t offset,
                    const struct iovec *iov, unsigned count, uint64_t skip)
{
    switch (run->type) {
    case QCOW2_T_NORMAL:
        if (!s->data)
            return -ENOTSUP; /* VEMU_IMAGE_NO_DATA_FILE */
        return vemu__qcow2_file_readv_at(s->data, run->host, run->bytes, iov, count, skip);
    case QCOW2_T_COMPRESSED:
        return read_compressed(s, run->host, offset, run->bytes, iov, count, skip);
    case QCOW2_T_UNALLOCATED:
    case QCOW2_T_UNALLOCATED_ALLOC: return read_backing(s, offset, run->bytes, iov, count, skip);
    case QCOW2_T_ZERO_PLAIN:
    case QCOW2_T_ZERO_ALLOC: vemu__iov_fill(iov, count, skip, 0, run->bytes); return 0;
    default: return -EIO;
    }
}

int vemu__qcow2_read_inner(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, uint64_t skip)
{
    struct qcow2_run run;
    int r = 0;

    while (r == 0 && bytes) {
        pthread_mutex_lock(&s->lock);
        r = vemu__qcow2_find(s, offset, bytes, &run);
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
            return r;
        r = read_run(s, &run, offset, iov, count, skip);
        offset += run.bytes;
        skip += run.bytes;
        bytes -= run.bytes;
    }
    return r;
}

int vemu__qcow2_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_run run;
    unsigned token;
    int r;

    pthread_mutex_lock(&s->lock);
    token = vemu__qcow2_begin(s);
    r = vemu__qcow2_find(s, offset, bytes, &run);
    pthread_mutex_unlock(&s->lock);
    if (r == 0)
        r = read_run(s, &run, offset, iov, count, 0);
    if (r == 0 && run.bytes < bytes)
        r = vemu__qcow2_read_inner(s, offset + run.bytes, bytes - run.bytes, iov, count, run.bytes);
    vemu__qcow2_end(s, token);
    return r;
}
