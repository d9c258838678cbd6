/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS between packets and a socket (GnuTLS, X.509 certificates for either end).
 *
 * Functions that can fail return -1 or NULL and a sentence in *err, for g_free().
 */
#ifndef VMGR_RPC_TLS_H
#define VMGR_RPC_TLS_H

#include "layer.h"

struct vmgr__tls_files {
    const char *ca;         /* whose signature a peer's certificate must have */
    const char *cert, *key; /* NULL: none of our own (a client may do without) */
    const char *crl;        /* revoked certificates; NULL: none */
    const char *priority;   /* GnuTLS's words for what is allowed; NULL: the system's default */
    bool server;
};

/* What the sessions of one end share. Any thread. */
struct vmgr__tls_context;
struct vmgr__tls_context *vmgr__tls_context_new(const struct vmgr__tls_files *files, char **err);
struct vmgr__tls_context *vmgr__tls_context_ref(struct vmgr__tls_context *c);
/* NULL is fine. */
void vmgr__tls_context_unref(struct vmgr__tls_context *c);

/* A session on a non-blocking socket, which it borrows. hostname: a client's, for the server to
 * choose a certificate by; else NULL. */
struct vmgr__layer *vmgr__tls_new(struct vmgr__tls_context *c, int fd, const char *hostname,
                                  char **err);
/* A step of the handshake. 1: it is done, 0: wait for the socket (*ret_write: to take more), -1. */
int vmgr__tls_handshake(struct vmgr__layer *layer, bool *ret_write, char **err);
/*
 * Verifies the peer's certificate after the handshake: chain, dates, revocation, and, with a
 * hostname, that it is that host's. *ret_subject (may be NULL): its distinguished name, for
 * g_free(). On failure the peer is sent an alert that says why.
 */
int vmgr__tls_verify(struct vmgr__layer *layer, const char *hostname, char **ret_subject,
                     char **err);
/* Tells the peer, who is who it says, that it is not welcome. */
void vmgr__tls_deny(struct vmgr__layer *layer);
/* Bits of the cipher's key. */
unsigned vmgr__tls_strength(struct vmgr__layer *layer);
/* Waits for a byte: what a server sends once it has accepted its client. 1 and *ret, 0: wait for
 * the socket, -1: it says why it has not. */
int vmgr__tls_read_byte(struct vmgr__layer *layer, char *ret, char **err);

#endif
