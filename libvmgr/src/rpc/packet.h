/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets: framing, headers, descriptors on the way; the same for server and client.
 *
 * A packet is a length word that counts itself, a header of six words, and a payload. A packet of a
 * _WITH_FDS type begins its payload with their number; after the packet each descriptor travels
 * with one byte of its own. The kernel ends what it gives at once where a descriptor came
 * (unix(7)), so a reader knows which bytes one belongs to: those that no packet has announced end
 * the connection, and none is ever taken for another packet's.
 */
#ifndef VMGR_RPC_PACKET_H
#define VMGR_RPC_PACKET_H

#include <sys/types.h>

#include "wire-protocol.h"

#define VMGR__RPC_FDS_MAX    32
#define VMGR__RPC_STREAM_MAX 262120u /* bytes in one packet of a stream */

enum vmgr__rpc_type {
    RPC_CALL = 0,
    RPC_REPLY = 1,
    RPC_MESSAGE = 2, /* events, keepalive */
    RPC_STREAM = 3,
    RPC_CALL_WITH_FDS = 4,
    RPC_REPLY_WITH_FDS = 5,
    RPC_STREAM_HOLE = 6,
};
enum vmgr__rpc_status { RPC_OK = 0, RPC_ERROR = 1, RPC_CONTINUE = 2 };

struct vmgr__rpc_header {
    uint32_t program;
    uint32_t version;
    int32_t procedure;
    int32_t type;
    uint32_t serial;
    int32_t status;
};

/* One that came in, in one piece of memory for g_free(), after vmgr__rpc_packet_free(). */
struct vmgr__rpc_packet {
    struct vmgr__rpc_header header;
    uint32_t size; /* of the payload, without the number of descriptors */
    uint32_t n_fds;
    int *fds;         /* owned; -1: taken */
    uint8_t *payload; /* in this piece of memory */
};
struct vmgr__rpc_packet *vmgr__rpc_packet_free(struct vmgr__rpc_packet *p);
/* Closes its descriptors that nobody has taken: there are none any more. */
void vmgr__rpc_packet_close_fds(struct vmgr__rpc_packet *p);

/* ---- receiving ---- */
struct vmgr__rpc_reader {
    GByteArray *bytes;
    size_t start;        /* what comes before has been taken */
    uint64_t dropped;    /* bytes of the connection that came before those */
    uint32_t packet_max; /* more than that in a packet is refused; at most the protocol's limit */
    uint32_t fds_max;    /* likewise of descriptors that wait in it; 0: none may come */
    bool covered;        /* a layer lies under what is read now */
    int fds[VMGR__RPC_FDS_MAX];
    uint64_t fd_ends[VMGR__RPC_FDS_MAX]; /* bytes of the connection when each had come */
    uint32_t n_fds;
};
void vmgr__rpc_reader_init(struct vmgr__rpc_reader *r);
void vmgr__rpc_reader_fini(struct vmgr__rpc_reader *r);
/* Reads from a non-blocking socket what is there, at most a little. Bytes (> 0), 0 at its end,
 * -EAGAIN, -EPROTO (descriptors beyond fds_max), or another -errno. */
ssize_t vmgr__rpc_reader_fill(struct vmgr__rpc_reader *r, int fd);
/* For bytes that came another way. */
void vmgr__rpc_reader_feed(struct vmgr__rpc_reader *r, const void *bytes, size_t n);
/* 1 and the next whole packet, 0: none yet, -EBADMSG (a length or a number of descriptors that
 * cannot be, or other descriptors than were announced). Memory grows with what has come, not with
 * what a length word announces. */
int vmgr__rpc_reader_next(struct vmgr__rpc_reader *r, struct vmgr__rpc_packet **ret);
/* Whether nothing waits in it, not even the beginning of a packet. */
bool vmgr__rpc_reader_is_empty(const struct vmgr__rpc_reader *r);

/* ---- sending ---- */
struct vmgr__rpc_out {
    GByteArray *bytes;
    size_t sent;
    uint32_t n_fds, fds_sent;
    int fds[VMGR__RPC_FDS_MAX]; /* owned */
};
/* A packet with that payload. NULL if it is too large or cannot be encoded. With fds the type must
 * be one _WITH_FDS; they are duplicated. */
struct vmgr__rpc_out *vmgr__rpc_out_new(const struct vmgr__rpc_header *header,
                                        const struct vmgr__wire_layout *layout, const void *from,
                                        const int *fds, uint32_t n_fds);
struct vmgr__rpc_out *vmgr__rpc_out_raw(const struct vmgr__rpc_header *header, const void *payload,
                                        size_t size);
/* Bytes that are no packet. */
struct vmgr__rpc_out *vmgr__rpc_out_bytes(const void *bytes, size_t size);
struct vmgr__rpc_out *vmgr__rpc_out_free(struct vmgr__rpc_out *out);
/* 1: all of it is gone, 0: would have to wait, or -errno. */
int vmgr__rpc_out_send(struct vmgr__rpc_out *out, int fd);

#endif
