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

#endif
