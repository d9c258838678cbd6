/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to an export, shared by any number of threads.
 */
#ifndef VEMU_IMAGE_NBD_CLIENT_H
#define VEMU_IMAGE_NBD_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/nbd/handshake.h"

struct nbd_client;

struct nbd_client_options {
    unsigned reconnect_ms; /* so long requests wait for a server that went away */
    unsigned open_ms;      /* so long the first connection is tried */
    unsigned timeout_ms;   /* a server that is silent for so long while it owes answers counts as
                              dead; 0: never */
};

/* A request; the caller's, and its buffers, until vemu__nbd_client_do() returns. */
struct nbd_request {
    uint16_t type, flags; /* NBD_CMD_*, NBD_CMD_FLAG_* */
    uint64_t offset;
    uint32_t bytes;
    const struct iovec *iov; /* READ, WRITE: from iov_offset on */
    unsigned iov_count;
    uint64_t iov_offset;
    /* BLOCK_STATUS: the first extent */
    uint32_t extent_bytes, extent_flags;
    /* the connection's */
    enum { NBD_WAITING, NBD_DONE, NBD_LOST } state;
    bool asleep;
    int result;
    uint64_t received;
    pthread_cond_t cond;
};

/* Connects. `expected`: the export must be like that (for further connections); NULL: anything. */
int vemu__nbd_client_new(const struct nbd_address *address,
                         const struct nbd_client_options *options,
                         const struct nbd_export *expected, struct nbd_client **ret,
                         struct vemu_error **err);
/* No request may be under way. NULL is fine. */
void vemu__nbd_client_free(struct nbd_client *client);
const struct nbd_export *vemu__nbd_client_export(const struct nbd_client *client);
/* Requests that are under way or wait. */
unsigned vemu__nbd_client_load(const struct nbd_client *client);
/* Sends the request and waits for its answer. 0, what the server says as -errno, -EIO: the
 * connection is lost. Context: any, also several threads at once. */
int vemu__nbd_client_do(struct nbd_client *client, struct nbd_request *request);

#endif
