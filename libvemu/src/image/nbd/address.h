/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an NBD server is, and the export wanted of it.
 */
#ifndef VEMU_IMAGE_NBD_ADDRESS_H
#define VEMU_IMAGE_NBD_ADDRESS_H

#include <stdbool.h>

#include "core/error.h"

struct nbd_address {
    char *path; /* Unix socket; NULL: host and port */
    char *host, *port;
    char *export; /* "": the default one; never NULL after parsing */
    bool tls;
    char *tls_creds;    /* directory; NULL: the host's certificate authorities */
    char *tls_hostname; /* what the certificate must be for; NULL: `host` */
};

/*
 * "nbd://HOST[:PORT][/EXPORT]", "nbds://...", "nbd+unix:///[EXPORT]?socket=PATH", "nbds+unix://..."
 * (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md), QEMU's
 * "nbd:unix:PATH[:exportname=NAME]" and "nbd:HOST:PORT[:exportname=NAME]". Errors: EINVAL. Also on
 * failure vemu__nbd_address_clear() is due.
 */
int vemu__nbd_address_parse(struct nbd_address *address, const char *text, struct vemu_error **err);
void vemu__nbd_address_clear(struct nbd_address *address);
/* For messages: "'PATH'" or "HOST:PORT". To be freed. */
char *vemu__nbd_address_name(const struct nbd_address *address);

/* A connected, blocking stream socket. Errors: ETIMEDOUT, those of connect(2), ENOENT (no such
 * host). Context: any; takes as long as it takes, at most `timeout_ms` and what names take. */
int vemu__nbd_connect(const struct nbd_address *address, unsigned timeout_ms,
                      struct vemu_error **err);

#endif
