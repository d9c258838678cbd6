/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may lie between packets and a socket: TLS, or the security layer of a SASL mechanism.
 *
 * Without a layer bytes go as they are, and descriptors can travel with them. A layer may be read
 * by one thread while another writes.
 *
 * What came before a layer was laid came from anybody: it must not be read on as what comes through
 * the layer. So a reader that still has some of it is refused.
 */
#ifndef VMGR_RPC_LAYER_H
#define VMGR_RPC_LAYER_H

#include "packet.h"

struct vmgr__layer;
struct vmgr__layer_ops {
    /* Bytes (> 0), 0 at the end, -EAGAIN or another -errno. */
    ssize_t (*recv)(struct vmgr__layer *layer, int fd, void *buf, size_t size);
    /* Bytes taken (> 0), -EAGAIN or another -errno. After -EAGAIN the call must come again with the
     * same bytes. */
    ssize_t (*send)(struct vmgr__layer *layer, int fd, const void *buf, size_t size);
    /* Whether recv() has something though the socket has not. */
    bool (*pending)(struct vmgr__layer *layer);
    void (*free)(struct vmgr__layer *layer);
};
struct vmgr__layer {
    const struct vmgr__layer_ops *ops;
};

/* NULL is fine. Returns NULL. */
struct vmgr__layer *vmgr__layer_free(struct vmgr__layer *layer);
/* vmgr__rpc_reader_fill() and vmgr__rpc_out_send() through a layer; NULL: there is none. -EBADMSG:
 * the reader has bytes that came without the layer. */
ssize_t vmgr__layer_fill(struct vmgr__layer *layer, struct vmgr__rpc_reader *reader, int fd);
int vmgr__layer_send(struct vmgr__layer *layer, struct vmgr__rpc_out *out, int fd);

#endif
