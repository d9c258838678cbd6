/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work on a file of the host, to the end, on the calling thread.
 */
#ifndef VEMU_IMAGE_FILE_IO_H
#define VEMU_IMAGE_FILE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vemu/image.h>

/* All return 0 or -errno. What is behind the end of the file reads as zeros. */
int vemu__file_read(int fd, uint64_t offset, const struct iovec *iov, unsigned count);
int vemu__file_write(int fd, uint64_t offset, const struct iovec *iov, unsigned count, bool fua);
/* The same through one buffer of the alignment that the descriptor wants; offset and bytes have
 * it. */
int vemu__file_bounce(int fd, unsigned align, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, bool write, bool fua);
/* fallocate() with FALLOC_FL_*. */
int vemu__file_allocate(int fd, int mode, uint64_t offset, uint64_t bytes);
/* True of the errors with which a file system says that it cannot do such a thing. */
bool vemu__file_is_unsupported(int r);
/* Grows a file: "off", "falloc" or "full" from `from` to `to`. */
int vemu__file_preallocate(int fd, const char *how, uint64_t from, uint64_t to,
                           const struct vemu_progress *progress);
/* The smallest unit of O_DIRECT. */
unsigned vemu__file_probe_align(int fd);

/* --- file-lock.c ------------------------------------------------------------------------------ */

struct vemu_error;

/* Permissions, bit by bit QEMU's BLK_PERM_*. */
#define FILE_PERM_READ      (1u << 0)
#define FILE_PERM_WRITE     (1u << 1)
#define FILE_PERM_UNCHANGED (1u << 2)
#define FILE_PERM_RESIZE    (1u << 3)
#define FILE_PERM_ALL       0xfu

/* Takes locks for what is done with the file, and for what others may not do (`shared`: what they
 * may). -EAGAIN: somebody else does, or does not let us. They last until the file is closed. */
int vemu__file_lock(int fd, const char *filename, uint32_t perms, uint32_t shared,
                    struct vemu_error **err);
/* Lets go of them while others have the open file. */
void vemu__file_unlock(int fd);
/* False: the file system has no such locks. */
bool vemu__file_can_lock(int fd);

#endif
