/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server of disk images over the network: NBD.
 *
 * The protocol is that of https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md. A
 * server offers any number of images by name, to any number of clients, each with a few threads of
 * its own; so a client that is slow or hostile is in nobody's way. How to read an export is a
 * matter of vemu_image_open() ("nbd://...").
 */
#ifndef VEMU_NBD_H
#define VEMU_NBD_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/error.h>
#include <vemu/image.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_nbd_server;

/* --- server ----------------------------------------------------------------------------------- */

/** Clients that do not use TLS get nothing. Without it, with credentials, they may choose. */
#define VEMU_NBD_TLS_REQUIRED (1u << 0)
/** Clients need a certificate that the authority of the credentials has signed. */
#define VEMU_NBD_TLS_VERIFY_PEER (1u << 1)

/**
 * struct vemu_nbd_server_options - how to serve
 * @size: sizeof(struct vemu_nbd_server_options)
 * @flags: VEMU_NBD_TLS_*; only with `tls_creds`
 * @max_clients: connections at once, others wait; 0: 100. With 1, exports do not offer several
 *               connections to a client (NBD_FLAG_CAN_MULTI_CONN)
 * @max_requests: requests of a connection that are worked on at once; 0: 16
 * @handshake_timeout_ms: a client that has not chosen an export by then is cut off; 0: 10000
 * @tls_creds: directory with ca-cert.pem, server-cert.pem and server-key.pem; NULL: no TLS
 * @client_gone: a connection has ended and `connected` are left; `negotiated` is 0 if it never
 *               chose an export. Called on a thread of the server, without locks; it must not stop
 *               the server. NULL: not interested
 */
struct vemu_nbd_server_options {
    uint32_t size;
    uint32_t flags;
    uint32_t max_clients, max_requests, handshake_timeout_ms;
    const char *tls_creds;
    void (*client_gone)(void *data, uint32_t connected, int negotiated);
    void *data;
};
#define VEMU_NBD_SERVER_OPTIONS_INIT                                                               \
    {                                                                                              \
        .size = sizeof(struct vemu_nbd_server_options)                                             \
    }

/**
 * vemu_nbd_server_new() - makes a server that does not run yet
 * @options: NULL: all defaults
 * Errors: EINVAL (flags, limits above 4096 clients or 256 requests), ENOENT, EACCES (credentials,
 * or the program vemu-tls). Context: any. Since 0.1
 */
int vemu_nbd_server_new(const struct vemu_nbd_server_options *options, struct vemu_nbd_server **ret,
                        struct vemu_error **err);

/**
 * vemu_nbd_server_listen_unix(), _inet(), _fd() - where clients come from; several calls add up
 * @path: of the socket, which is made, and removed when the server is freed
 * @host: numeric address or "localhost"; NULL: all addresses of the host
 * @port: "10809"; "0": the kernel chooses
 * @fd: a socket that listens; the server takes it over, also on failure
 * Errors: EBUSY (the server runs), EINVAL, E2BIG (more than 8), of bind(2) and listen(2). Context:
 * any. Since 0.1
 */
int vemu_nbd_server_listen_unix(struct vemu_nbd_server *server, const char *path,
                                struct vemu_error **err);
int vemu_nbd_server_listen_inet(struct vemu_nbd_server *server, const char *host, const char *port,
                                struct vemu_error **err);
int vemu_nbd_server_listen_fd(struct vemu_nbd_server *server, int fd, struct vemu_error **err);
/** The i-th place as a text ("127.0.0.1:10809", "/run/x.sock", "fd 3"); NULL: there are not so
 * many. Borrowed. Since 0.1 */
const char *vemu_nbd_server_get_address(const struct vemu_nbd_server *server, unsigned i);

/** Lets clients in. Errors: EINVAL (nowhere to listen), EBUSY (it runs already, or was stopped),
 * those of making threads. Since 0.1 */
int vemu_nbd_server_start(struct vemu_nbd_server *server, struct vemu_error **err);
/** One more client, whose connected stream socket is handed in (and taken over, also on failure).
 * Errors: EBUSY (too many clients), ESHUTDOWN (not running), of making threads. Since 0.1 */
int vemu_nbd_server_add_client(struct vemu_nbd_server *server, int fd, struct vemu_error **err);
/** Connections that are open. Since 0.1 */
uint32_t vemu_nbd_server_get_clients(const struct vemu_nbd_server *server);
/** Cuts all connections, and returns when the last request is done. Not on a thread of the
 * server. Since 0.1 */
void vemu_nbd_server_stop(struct vemu_nbd_server *server);
/** Stops it and frees it. NULL is fine. Since 0.1 */
void vemu_nbd_server_free(struct vemu_nbd_server *server);

/* --- exports ---------------------------------------------------------------------------------- */

/** Clients may write; the image has to be open for writing. */
#define VEMU_NBD_EXPORT_WRITABLE (1u << 0)
/** Offers "qemu:allocation-depth". */
#define VEMU_NBD_EXPORT_ALLOCATION_DEPTH (1u << 1)

/**
 * struct vemu_nbd_export_options - an image to be offered
 * @size: sizeof(struct vemu_nbd_export_options)
 * @name: at most 4096 bytes; NULL: "", the one that clients get which name none
 * @description: for people; NULL: none
 * @image: the server takes a reference
 * @bitmaps, @bitmap_count: dirty bitmaps of the image that are offered as
 *                          "qemu:dirty-bitmap:NAME"; at most 32
 */
struct vemu_nbd_export_options {
    uint32_t size;
    uint32_t flags;
    const char *name, *description;
    struct vemu_image *image;
    const char *const *bitmaps;
    size_t bitmap_count;
};
#define VEMU_NBD_EXPORT_OPTIONS_INIT                                                               \
    {                                                                                              \
        .size = sizeof(struct vemu_nbd_export_options)                                             \
    }

/** Offers an image, also while the server runs. Errors: EEXIST (the name), EINVAL, EROFS (writable,
 * but the image is not), ENOENT (a bitmap). Context: any. Since 0.1 */
int vemu_nbd_server_add_export(struct vemu_nbd_server *server,
                               const struct vemu_nbd_export_options *options,
                               struct vemu_error **err);

/** Its clients are cut off. Without it that is EBUSY. */
#define VEMU_NBD_REMOVE_FORCE (1u << 0)
/** Returns when the server has given up the image. Errors: ENOENT, EBUSY, EINVAL (flags). Context:
 * any but the server's threads. Since 0.1 */
int vemu_nbd_server_remove_export(struct vemu_nbd_server *server, const char *name, uint32_t flags,
                                  struct vemu_error **err);

/* --- what others offer ------------------------------------------------------------------------ */

/**
 * vemu_nbd_list() - asks a server for its exports
 * @address: "nbd://...", as for vemu_image_open(); an export named in it does not matter
 * @tls_creds: directory of the client's credentials; NULL: as the address says
 * @each: called for every export until it returns something else than 0; returns that. `size` is
 *        UINT64_MAX and `flags` 0 where the server does not tell without a choice; flags are the
 *        protocol's (bit 1: read only)
 * Errors: of connecting, EPROTO, ENOTSUP, EACCES (TLS is wanted, or listing forbidden). Since 0.1
 */
int vemu_nbd_list(const char *address, const char *tls_creds,
                  int (*each)(void *data, const char *name, const char *description, uint64_t size,
                              uint32_t flags),
                  void *data, struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
