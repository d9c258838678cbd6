/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: two-way byte pipes to a console, and the bytes of a storage volume.
 *
 * A console never blocks. A volume's stream works on the volume in the call itself: it never says
 * VMGR_STREAM_AGAIN, always polls ready, and waits as long as the storage does.
 */
#ifndef VMGR_STREAM_H
#define VMGR_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmgr/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_stream;

/** What vmgr_stream_recv() and vmgr_stream_send() return when they would have to wait. */
#define VMGR_STREAM_AGAIN (-2)

/** Takes a reference. Returns stream. Since 0.1 */
struct vmgr_stream *vmgr_stream_ref(struct vmgr_stream *stream);
/** Drops a reference; the last one aborts. NULL is fine. Returns NULL. Since 0.1 */
struct vmgr_stream *vmgr_stream_unref(struct vmgr_stream *stream);

/**
 * vmgr_stream_recv() - takes what has come
 * Returns bytes (> 0), 0 at the end (the guest is gone or another client took the console over),
 * VMGR_STREAM_AGAIN, or -1 and *err. Context: any. Since 0.1
 */
ssize_t vmgr_stream_recv(struct vmgr_stream *stream, void *buf, size_t size,
                         struct vmgr_error **err);
/** Sends; returns the bytes taken (maybe fewer), VMGR_STREAM_AGAIN, or -1 and *err. Since 0.1 */
ssize_t vmgr_stream_send(struct vmgr_stream *stream, const void *buf, size_t size,
                         struct vmgr_error **err);

/** What vmgr_stream_recv_flags() returns at the beginning of a hole. */
#define VMGR_STREAM_AT_HOLE      (-3)
#define VMGR_STREAM_STOP_AT_HOLE (1u << 0)
/** As vmgr_stream_recv(). With VMGR_STREAM_STOP_AT_HOLE a hole is not read as zeros: it ends what
 * is returned, and VMGR_STREAM_AT_HOLE tells of it. Since 0.1 */
ssize_t vmgr_stream_recv_flags(struct vmgr_stream *stream, void *buf, size_t size, uint32_t flags,
                               struct vmgr_error **err);
/** Takes the hole that comes next; *ret_bytes is 0 when data does. Returns 0, or -1 and *err:
 * VMGR_ERR_NO_SUPPORT (a stream without holes). Since 0.1 */
int vmgr_stream_recv_hole(struct vmgr_stream *stream, uint64_t *ret_bytes, struct vmgr_error **err);
/** Sends a hole: what is there becomes zeros that take no space. Errors as above. Since 0.1 */
int vmgr_stream_send_hole(struct vmgr_stream *stream, uint64_t bytes, struct vmgr_error **err);
/** 1 for a stream of a volume, whose calls wait for storage; 0: for a console, whose never do. */
int vmgr_stream_is_blocking(struct vmgr_stream *stream);
/** A descriptor that polls readable while vmgr_stream_recv() has something to say. Borrowed. */
int vmgr_stream_get_fd(struct vmgr_stream *stream);
/**
 * A descriptor that polls writable while vmgr_stream_send() would take bytes; may be the same as
 * vmgr_stream_get_fd(). Borrowed.
 */
int vmgr_stream_get_send_fd(struct vmgr_stream *stream);
/** Ends it in good order; what was sent to a volume is on stable storage then. Returns 0, or -1 and
 * *err: VMGR_ERR_INTERNAL_ERROR (ended before), VMGR_ERR_SYSTEM_ERROR (of writing). */
int vmgr_stream_finish(struct vmgr_stream *stream, struct vmgr_error **err);
/** Breaks it off. Returns 0, or -1 and *err: VMGR_ERR_INTERNAL_ERROR (ended before),
 * VMGR_ERR_OPERATION_TIMEOUT (a server did not confirm it within 10 s). The stream is over in any
 * case. Context: any; waits for that answer where the stream is a server's. */
int vmgr_stream_abort(struct vmgr_stream *stream, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
