/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of pieces of memory.
 */
#ifndef VEMU_CORE_IOV_H
#define VEMU_CORE_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Copies between `buf` and the list from byte `offset` of it on; returns how many bytes there were,
 * at most `size`. */
size_t vemu__iov_read(const struct iovec *iov, unsigned count, uint64_t offset, void *buf,
                      size_t size);
size_t vemu__iov_write(const struct iovec *iov, unsigned count, uint64_t offset, const void *buf,
                       size_t size);
uint64_t vemu__iov_size(const struct iovec *iov, unsigned count);
/* Sets the bytes from `offset` on, at most `size` of them. */
void vemu__iov_fill(const struct iovec *iov, unsigned count, uint64_t offset, int byte,
                    uint64_t size);
/* The part of a list from byte `offset`, `size` long, as a list: at most `max` entries go to `ret`.
 * Returns their number. */
unsigned vemu__iov_slice(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t size,
                         struct iovec *ret, unsigned max);
/* Whether all bytes are 0. As fast as the memory. */
bool vemu__is_zero(const void *buf, size_t size);

#endif
