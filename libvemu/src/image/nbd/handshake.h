/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of the negotiation.
 */
#ifndef VEMU_IMAGE_NBD_HANDSHAKE_H
#define VEMU_IMAGE_NBD_HANDSHAKE_H

#include "image/nbd/address.h"
#include "image/nbd/stream.h"
#include "net/helper.h"

/* What the server says of an export. */
struct nbd_export {
    uint64_t size;
    uint32_t flags;                           /* NBD_FLAG_* */
    uint32_t min_block, preferred, max_block; /* bytes; powers of two but for max */
    bool structured;
    bool has_allocation; /* base:allocation may be asked for */
    uint32_t allocation_id;
    char *description; /* NULL: none */
};
void vemu__nbd_export_clear(struct nbd_export *info);

/* A connection in the making. */
struct nbd_handshake {
    struct nbd_stream stream; /* the server's, or the TLS helper's */
    struct vemu_net_helper tls;
    uint32_t server_flags; /* NBD_FLAG_FIXED_NEWSTYLE ... */
    uint64_t budget;       /* bytes of replies that are still listened to */
};

/* Connects and gets as far as options can be sent, with TLS if the address says so. On failure
 * nothing is left. Errors: of connecting, EPROTO (it is no NBD server, or a broken one), ENOTSUP,
 * EACCES (it wants TLS), ETIMEDOUT. */
int vemu__nbd_handshake_start(struct nbd_handshake *handshake, const struct nbd_address *address,
                              unsigned timeout_ms, struct vemu_error **err);
/* Chooses the export; then the stream is for requests. Errors as above, ENOENT (no such export). */
int vemu__nbd_handshake_go(struct nbd_handshake *handshake, const char *export,
                           struct nbd_export *ret, struct vemu_error **err);
/* NBD_OPT_INFO: the facts, without choosing it. 1; 0: the server does not know that option. */
int vemu__nbd_handshake_info(struct nbd_handshake *handshake, const char *export,
                             struct nbd_export *ret, struct vemu_error **err);
/* NBD_OPT_LIST: calls `each` for every export until it returns something else than 0; returns
 * that. */
int vemu__nbd_handshake_list(struct nbd_handshake *handshake,
                             int (*each)(void *data, const char *name, const char *description),
                             void *data, struct vemu_error **err);
/* Says goodbye and closes, from the negotiation or with NBD_CMD_DISC (`transmission`). */
void vemu__nbd_handshake_end(struct nbd_handshake *handshake, bool transmission);

#endif
