/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets through a layer.
 */
#include "layer.h"

#include <errno.h>

#define CHUNK 16384 /* what fits a TLS record (RFC 8446 5.1) */
#define MOST  (8 * CHUNK)

struct vmgr__layer *vmgr__layer_free(struct vmgr__layer *layer)
{
    if (layer)
        layer->ops->free(layer);
    return NULL;
}

ssize_t vmgr__layer_fill(struct vmgr__layer *layer, struct vmgr__rpc_reader *reader, int fd)
{
    char chunk[CHUNK];
    ssize_t n, total = 0;

    if (!layer)
        return vmgr__rpc_reader_fill(reader, fd);
    if (!reader->covered && !vmgr__rpc_reader_is_empty(reader))
        return -EBADMSG;
    reader->covered = true;
    /* What the layer keeps no poll() tells of, so it is emptied. */
    do {
        n = layer->ops->recv(layer, fd, chunk, sizeof(chunk));
        if (n > 0) {
            vmgr__rpc_reader_feed(reader, chunk, (size_t)n);
            total += n;
        }
    } while (n > 0 && (total < MOST || layer->ops->pending(layer)));
    return total > 0 ? total : n;
}

int vmgr__layer_send(struct vmgr__layer *layer, struct vmgr__rpc_out *out, int fd)
{
    if (!layer)
        return vmgr__rpc_out_send(out, fd);
    if (out->n_fds)
        return -EPROTO; /* they travel on unix sockets alone */
    while (out->sent < out->bytes->len) {
        const ssize_t n =
            layer->ops->send(layer, fd, out->bytes->data + out->sent, out->bytes->len - out->sent);

        if (n < 0)
            return n == -EAGAIN ? 0 : (int)n;
        out->sent += (size_t)n;
    }
    return 1;
}
