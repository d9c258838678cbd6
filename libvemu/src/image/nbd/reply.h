/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replies of a server.
 */
#ifndef VEMU_IMAGE_NBD_REPLY_H
#define VEMU_IMAGE_NBD_REPLY_H

#include "image/nbd/client.h"

/*
 * Reads one reply, or one chunk of a structured one, and applies it to the request that `find`
 * gives for its cookie (NULL: there is none). 1: *ret is answered; 0: more is to come; -EPROTO: the
 * server does not keep to the protocol; -errno of the stream.
 */
int vemu__nbd_reply_read(struct nbd_stream *stream, const struct nbd_export *export,
                         struct nbd_request *(*find)(void *data, uint64_t cookie), void *data,
                         struct nbd_request **ret);
/* A server's error number as -errno. */
int vemu__nbd_error(uint32_t error);

#endif
