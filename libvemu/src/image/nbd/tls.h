/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS on a connection, in a program of its own (vemu-tls).
 */
#ifndef VEMU_IMAGE_NBD_TLS_H
#define VEMU_IMAGE_NBD_TLS_H

#include <stdbool.h>

#include "core/error.h"
#include "net/helper.h"

struct nbd_tls_config {
    bool server;
    bool verify_peer;     /* of a server: clients need a certificate */
    const char *creds;    /* directory; NULL: the host's authorities (client only) */
    const char *hostname; /* client: what the server's certificate must be for; NULL: anything */
};

/*
 * Does the handshake on `fd`, which it takes over, and returns the descriptor to go on with: what
 * is written there goes out encrypted. -errno and *err on failure. Context: any; takes up to ten
 * seconds.
 */
int vemu__nbd_tls_start(struct vemu_net_helper *helper, const struct nbd_tls_config *config, int fd,
                        struct vemu_error **err);
/* After the descriptor was closed. Fine without a start. */
void vemu__nbd_tls_stop(struct vemu_net_helper *helper);
/* Whether the program and the files in the directory are there: to say so before the first
 * client comes. */
int vemu__nbd_tls_check(const struct nbd_tls_config *config, struct vemu_error **err);

#endif
