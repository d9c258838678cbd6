/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-vsock from inside: vsock.c is the device, guest.c its queues, conn.c the connections,
 * host.c their sockets, message.c what SOCK_SEQPACKET adds.
 */
#ifndef VEMU_DEVICES_VIRTIO_VSOCK_VSOCK_H
#define VEMU_DEVICES_VIRTIO_VSOCK_VSOCK_H

#include <glib.h>
#include <linux/virtio_vsock.h>

#include "core/loop.h"
#include "core/unix-socket.h"
#include "virtio/virtio.h"

#define VSOCK_RX    0u /* queues: to the guest, from it, events */
#define VSOCK_TX    1u
#define VSOCK_EVENT 2u

#define VSOCK_HDR        sizeof(struct virtio_vsock_hdr)
#define VSOCK_BUF        (256u << 10) /* of a connection: bytes from the guest for its socket */
#define VSOCK_BUF_SEQ    (128u << 10) /* the same of one with messages: what a Unix socket takes */
#define VSOCK_CONNS      1024u        /* connections at a time, whoever asked for them */
#define VSOCK_RESETS     256u         /* answers to packets without a connection */
#define VSOCK_HOST_CID   2u
#define VSOCK_LINGER_S   30u /* without progress, for what a guest that is gone has sent */
#define VSOCK_HELLO_MAX  32u         /* bytes of "CONNECT 4294967295\n", generously */
#define VSOCK_PORT_FIRST 0x40000000u /* of programs on the host */
#define VSOCK_SHUT_ALL   (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* What a connection has to say to the guest, besides data; said in this order. */
#define VSOCK_SAY_REQUEST  (1u << 0)
#define VSOCK_SAY_RESPONSE (1u << 1)
#define VSOCK_SAY_RESET    (1u << 2) /* and is over */
#define VSOCK_SAY_CREDIT   (1u << 3) /* update */
#define VSOCK_SAY_ASK      (1u << 4) /* credit request */

enum vsock_state {
    VSOCK_HELLO,  /* a host program has connected; its CONNECT line is awaited */
    VSOCK_ASKING, /* the guest was asked */
    VSOCK_OPEN,
    VSOCK_LINGER, /* the guest has forgotten it; the rest of its data goes to the socket */
    VSOCK_DEAD,   /* to be freed on the loop */
};

struct vsock;

struct vsock_conn {
    struct vsock *vsock;
    enum vsock_state state;
    uint16_t type;      /* VIRTIO_VSOCK_TYPE_* */
    uint32_t buf_alloc; /* bytes the guest may have on their way */
    bool keyed; /* in vsock->table */
    uint32_t host_port, guest_port;
    uint32_t say;        /* VSOCK_SAY_* */
    bool ready;          /* in vsock->ready */
    GList link;          /* there */
    int64_t deadline_ns; /* of hello, asking, lingering; else INT64_MAX */

    int fd;
    struct vemu_watch *watch; /* NULL until the loop has made it */
    bool readable;            /* the socket has data or an end that was not looked at */
    bool hung_up;             /* the peer is gone altogether */
    char hello[VSOCK_HELLO_MAX];
    unsigned hello_used;

    /* Of the socket's side, VIRTIO_VSOCK_SHUTDOWN_*: what is, and what the guest was told. */
    uint32_t shut, shut_told;
    uint32_t guest_shut; /* what the guest said */
    bool shut_done;      /* SHUT_WR was done */

    /* From the guest: bytes that the socket had no room for. */
    uint8_t *buf;
    uint32_t buf_start, buf_used;
    uint32_t own;      /* of buf_used: the first bytes are ours ("OK 1234\n") */
    uint32_t fwd_cnt;  /* bytes of the guest that left buf; 5.10.6.3 */
    uint32_t fwd_told; /* in the last packet */

    /* The same where there are messages (message.c): complete ones, each behind its length in four
     * bytes, from `message_at` on, then the pieces of one. buf_used counts the complete ones. */
    GByteArray *messages;
    uint32_t message_at, pieces;
    bool in_pieces;
    uint8_t *in; /* for the guest: a message of which in_at bytes are on their way; or NULL */
    uint32_t in_size, in_at;

    /* To the guest. */
    uint32_t tx_cnt, peer_fwd_cnt, peer_buf_alloc;
    bool asked; /* for credit; until there is some */
};

struct vsock_counters {
    uint64_t bad;      /* packets that are none, or not for the host */
    uint64_t resets;   /* that were sent */
    uint64_t opened;   /* connections */
    uint64_t refused;  /* of these: not possible */
    uint64_t timeouts; /* connections given up */
};

/* Where programs of the host come to: PATH, and PATH_seqpacket. */
struct vsock_listener {
    struct vsock *vsock;
    uint16_t type; /* of connections */
    int fd;
    char *path;
    struct vemu_unix_file file;
    struct vemu_watch *watch;
};

#define VSOCK_LISTENERS 2

struct vsock {
    struct vemu_virtio vdev;
    /* properties */
    uint64_t guest_cid;
    char *path;
    bool seqpacket;

    struct vsock_listener listeners[VSOCK_LISTENERS]; /* fd -1: not in use */
    bool listen_off; /* no more connections now */
    int kick;        /* an eventfd: the loop has something to do */
    struct vemu_watch *kick_watch;
    struct vemu_timer *timer;
    int64_t timer_ns; /* when it fires */

    GHashTable *table; /* key -> struct vsock_conn */
    GPtrArray *conns;  /* all, dead ones included; shrinks on the loop only */
    GQueue ready;      /* connections with something for the guest */
    uint32_t next_port;
    struct virtio_vsock_hdr resets[VSOCK_RESETS]; /* a ring */
    unsigned reset_start, reset_count;
    bool stalled;      /* packets wait until there is room for resets */
    uint8_t event_due; /* transport reset; saved */
    struct vsock_counters counters;
};

static inline struct vsock *vsock_of(struct vemu_virtio *vdev)
{
    return (struct vsock *)vdev;
}

/* --- guest.c ---------------------------------------------------------------------------------- */
/* Packets of the guest. */
void vemu__vsock_hear(struct vsock *v);
/* As much as there is to say and room for. */
void vemu__vsock_tell(struct vsock *v);
/* The transport reset event, if it is due (5.10.6.7). */
void vemu__vsock_tell_event(struct vsock *v);

/* --- conn.c ----------------------------------------------------------------------------------- */
/* NULL: too many. Takes the descriptor when it is made. */
struct vsock_conn *vemu__vsock_conn_new(struct vsock *v, int fd, uint16_t type,
                                        enum vsock_state state);
struct vsock_conn *vemu__vsock_conn_find(struct vsock *v, uint32_t host_port, uint32_t guest_port);
/* Gives it its name; false: taken. */
bool vemu__vsock_conn_name(struct vsock_conn *c, uint32_t host_port, uint32_t guest_port);
/* Something is to be said; vemu__vsock_tell() does it. */
void vemu__vsock_conn_say(struct vsock_conn *c, uint32_t what);
/* Looks whether there is something to say, and what to wait for. */
void vemu__vsock_conn_update(struct vsock_conn *c);
/* There is something to be read, or the end. */
bool vemu__vsock_conn_has_data(const struct vsock_conn *c);
/* Bytes that the guest can take now. */
uint32_t vemu__vsock_conn_credit(const struct vsock_conn *c);
/* The guest knows nothing of it any more: what it sent is still delivered. */
void vemu__vsock_conn_linger(struct vsock_conn *c);
void vemu__vsock_conn_kill(struct vsock_conn *c);
void vemu__vsock_conn_set_deadline(struct vsock_conn *c, unsigned seconds);
/* The timer shall fire at `ns` or before. */
void vemu__vsock_set_timer(struct vsock *v, int64_t ns);
/* The loop shall look after connections. */
void vemu__vsock_wake(struct vsock *v);
/* Connections whose time is up. */
void vemu__vsock_expire(struct vsock *v);
void vemu__vsock_kill_all(struct vsock *v);
/* Frees dead connections, watches new ones. Context: loop. */
void vemu__vsock_tidy(struct vsock *v);

/* --- host.c ----------------------------------------------------------------------------------- */
/* A program accepts connections for the port: a socket that is connected to it, or -errno. */
int vemu__vsock_dial(struct vsock *v, uint32_t port, uint16_t type);
/* Data of the guest, from byte `offset` of the chain on: to the socket or behind what waits. */
void vemu__vsock_conn_write(struct vsock_conn *c, const struct vemu_virtq_elem *elem, size_t offset,
                            uint32_t size);
/* "OK port\n" */
void vemu__vsock_conn_greet(struct vsock_conn *c);
/* Bytes of the guest are where they should be, or nobody wants them. */
void vemu__vsock_conn_forwarded(struct vsock_conn *c, uint32_t size);
/* The socket takes nothing any more. */
void vemu__vsock_conn_failed(struct vsock_conn *c);
/* The socket gave its end: what the guest is to be told. */
void vemu__vsock_conn_ended(struct vsock_conn *c);
/* What waits goes to the socket. */
void vemu__vsock_conn_flush(struct vsock_conn *c);
/* Reads into the chain behind the header; bytes, 0: nothing now, or at the end (c->shut). */
uint32_t vemu__vsock_conn_read(struct vsock_conn *c, struct vemu_virtq_elem *elem, uint32_t limit);
/* --- message.c -------------------------------------------------------------------------------- */
static inline bool vsock_has_messages(const struct vsock_conn *c)
{
    return c->type == VIRTIO_VSOCK_TYPE_SEQPACKET;
}
/* A piece of a message of the guest; `last`: it is complete. */
void vemu__vsock_message_write(struct vsock_conn *c, const struct vemu_virtq_elem *elem,
                               size_t offset, uint32_t size, bool last);
/* A message of our own. */
void vemu__vsock_message_put(struct vsock_conn *c, const void *data, uint32_t size);
void vemu__vsock_message_flush(struct vsock_conn *c);
/* Forgets what waits for the socket. */
void vemu__vsock_message_drop(struct vsock_conn *c);
/* As vemu__vsock_conn_read(); *ret_last: the message ends here. */
uint32_t vemu__vsock_message_read(struct vsock_conn *c, struct vemu_virtq_elem *elem,
                                  uint32_t limit, bool *ret_last);

/* Handlers of watches. Context: loop; they take the lock. */
void vemu__vsock_on_conn(void *data, uint32_t revents);
void vemu__vsock_on_listener(void *data, uint32_t revents);
void vemu__vsock_on_kick(void *data, uint32_t revents);

#endif
