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

void vemu__iov_fill(const struct iovec *iov, unsigned count, uint64_t offset, int byte,
                    uint64_t size)
{
    for (; count && size; iov++, count--) {
        size_t n;

        if (offset >= iov->iov_len) {
            offset -= iov->iov_len;
            continue;
        }
        n = MIN(iov->iov_len - offset, size);
        memset((uint8_t *)iov->iov_base + offset, byte, n);
        offset = 0;
        size -= n;
    }
}

unsigned vemu__iov_slice(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t size,
                         struct iovec *ret, unsigned max)
{
    unsigned n = 0;

    for (; count && size && n < max; iov++, count--) {
        if (offset >= iov->iov_len) {
            offset -= iov->iov_len;
            continue;
        }
        ret[n].iov_base = (uint8_t *)iov->iov_base + offset;
        ret[n].iov_len = MIN(iov->iov_len - offset, size);
        size -= ret[n++].iov_len;
        offset = 0;
    }
    return n;
}

/* Compared with itself, a step apart: memcmp() is the library's fastest loop. The first bytes are
 * looked at by hand, since most of what is not zero differs there. */
bool vemu__is_zero(const void *buf, size_t size)
{
    const uint8_t *bytes = buf;
    size_t head = MIN(size, 16u);

    for (size_t i = 0; i < head; i++)
        if (bytes[i])
            return false;
    return size <= head || memcmp(bytes, bytes + head, size - head) == 0;
}
