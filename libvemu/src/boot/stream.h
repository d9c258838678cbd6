/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of an image file read in order, decompressed on the way if need be.
 *
 * The reader pulls, and codecs write to where the reader wants the bytes: a kernel goes from its
 * compressed file straight into guest memory, without a copy of it in between.
 */
#ifndef VEMU_BOOT_STREAM_H
#define VEMU_BOOT_STREAM_H

#include "boot/file.h"

struct vemu_stream;

/* `size` bytes of the file from `offset`, as they are. */
int vemu__stream_open_raw(const struct vemu_boot_file *file, uint64_t offset, uint64_t size,
                          struct vemu_stream **ret);
/* The same, decompressed with the codec its first bytes tell. At most `limit` bytes come out.
 * -ENOEXEC and *err: no known compression; *err also for -ENOMEM and the like. */
int vemu__stream_open_compressed(const struct vemu_boot_file *file, uint64_t offset, uint64_t size,
                                 uint64_t limit, struct vemu_stream **ret, struct vemu_error **err);
void vemu__stream_close(struct vemu_stream *stream);

/* "lz4", "xz", ..., "uncompressed". */
const char *vemu__stream_name(const struct vemu_stream *stream);
/* Position in the output. */
uint64_t vemu__stream_position(const struct vemu_stream *stream);
/* Reads exactly `size` bytes. -ENODATA: the stream ends before; -EBADMSG: corrupt; -EFBIG: more
 * than the limit; -ENOMEM; others from reading the file. */
int vemu__stream_read(struct vemu_stream *stream, void *buf, size_t size);
/* Goes on to `position`; back only in raw streams (-ESPIPE). */
int vemu__stream_seek(struct vemu_stream *stream, uint64_t position);
/* Reads to the end, so that checksums there are verified. *ret_total: the length of the output. */
int vemu__stream_drain(struct vemu_stream *stream, uint64_t *ret_total);
/* "is truncated" or the like for a result of the calls above. */
const char *vemu__stream_strerror(int result);

#endif
