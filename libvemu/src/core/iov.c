/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of pieces of memory.
 */
#include "core/iov.h"

#include <string.h>

#include <glib.h>

static size_t copy(const struct iovec *iov, unsigned count, uint64_t offset, uint8_t *buf,
                   size_t size, bool write)
{
    size_t done = 0;

    for (unsigned i = 0; i < count && done < size; i++) {
        uint8_t *at = (uint8_t *)iov[i].iov_base + offset;
        size_t n;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        n = MIN(iov[i].iov_len - offset, size - done);
        memcpy(write ? at : buf + done, write ? buf + done : at, n);
        offset = 0;
        done += n;
    }
    return done;
}

size_t vemu__iov_read(const struct iovec *iov, unsigned count, uint64_t offset, void *buf,
                      size_t size)
{
    return copy(iov, count, offset, buf, size, false);
}

size_t vemu__iov_write(const struct iovec *iov, unsigned count, uint64_t offset, const void *buf,
                       size_t size)
{
    return copy(iov, count, offset, (uint8_t *)buf, size, true);
}

uint64_t vemu__iov_size(const struct iovec *iov, unsigned count)
{
    uint64_t size = 0;

    for (unsigned i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}
