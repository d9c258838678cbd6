/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's side of virtio-vsock: packets (virtio 1.2, 5.10.6).
 *
 * Nothing that is to be said is stored as a packet: a connection has a set of things to say, and
 * data stay in its socket until there is a buffer of the guest for them. Only answers to packets
 * that belong to no connection are kept, in a ring; when it is full, no more packets are taken
 * until the guest has heard some of them (5.10.6.1.2 leaves that to the device).
 *
 * What a guest says wrongly is answered by RST, as the specification has it; only a buffer that
 * cannot hold a header breaks the device.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio-vsock/vsock.h"

#define BATCH 256u /* packets, in either direction, before others get their turn */

/* --- to the guest ----------------------------------------------------------------------------- */

static struct virtio_vsock_hdr header(const struct vsock_conn *c, uint16_t op)
{
    return (struct virtio_vsock_hdr){
        .src_cid = htole64(VSOCK_HOST_CID),
        .dst_cid = htole64(c->vsock->guest_cid),
        .src_port = htole32(c->host_port),
        .dst_port = htole32(c->guest_port),
        .type = htole16(c->type),
        .op = htole16(op),
        .buf_alloc = htole32(c->buf_alloc),
        .fwd_cnt = htole32(c->fwd_cnt),
    };
}

static uint32_t put(struct vsock_conn *c, struct vemu_virtq_elem *elem,
                    const struct virtio_vsock_hdr *hdr)
{
    c->say &= ~VSOCK_SAY_CREDIT; /* every packet carries it */
    c->fwd_told = c->fwd_cnt;
    return (uint32_t)vemu__virtq_elem_write(elem, 0, hdr, sizeof(*hdr));
}

static uint32_t put_op(struct vsock_conn *c, struct vemu_virtq_elem *elem, uint16_t op)
{
    const struct virtio_vsock_hdr hdr = header(c, op);

    return put(c, elem, &hdr);
}

static uint32_t put_data(struct vsock_conn *c, struct vemu_virtq_elem *elem)
{
    uint32_t credit = vemu__vsock_conn_credit(c), room = elem->in_size - (uint32_t)VSOCK_HDR;
    struct virtio_vsock_hdr hdr;
    bool last = false;
    uint32_t n;

    if (!credit || !vemu__vsock_conn_has_data(c))
        return 0;
    if (!room) /* a buffer for headers only: something that fits */
        return put_op(c, elem, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    n = vsock_has_messages(c) ? vemu__vsock_message_read(c, elem, MIN(credit, room), &last)
                              : vemu__vsock_conn_read(c, elem, MIN(credit, room));
    if (!n)
        return 0;
    c->tx_cnt += n;
    hdr = header(c, VIRTIO_VSOCK_OP_RW);
    hdr.len = htole32(n);
    hdr.flags = htole32(last ? VIRTIO_VSOCK_SEQ_EOM : 0);
    return put(c, elem, &hdr) + n;
}

/* One packet; 0: there was nothing after all. */
static uint32_t say_one(struct vsock_conn *c, struct vemu_virtq_elem *elem)
{
    static const struct {
        uint32_t what;
        uint16_t op;
    } first[] = {
        { VSOCK_SAY_REQUEST, VIRTIO_VSOCK_OP_REQUEST },
        { VSOCK_SAY_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE },
        { VSOCK_SAY_RESET, VIRTIO_VSOCK_OP_RST },
        { VSOCK_SAY_CREDIT, VIRTIO_VSOCK_OP_CREDIT_UPDATE },
        { VSOCK_SAY_ASK, VIRTIO_VSOCK_OP_CREDIT_REQUEST },
    };
    struct virtio_vsock_hdr hdr;
    uint32_t n;

    for (size_t i = 0; i < G_N_ELEMENTS(first); i++) {
        if (!(c->say & first[i].what))
            continue;
        c->say &= ~first[i].what;
        n = put_op(c, elem, first[i].op);
        if (first[i].what == VSOCK_SAY_RESET) {
            c->vsock->counters.resets++;
            vemu__vsock_conn_kill(c);
        }
        return n;
    }
    n = put_data(c, elem);
    if (n || c->state != VSOCK_OPEN || c->shut == c->shut_told)
        return n;
    hdr = header(c, VIRTIO_VSOCK_OP_SHUTDOWN);
    hdr.flags = htole32(c->shut);
    c->shut_told = c->shut;
    return put(c, elem, &hdr);
}

/* One packet of whoever is first. False: nobody has anything to say. */
static bool tell_one(struct vsock *v, struct vemu_virtq_elem *elem)
{
    while (v->ready.head) {
        struct vsock_conn *c = v->ready.head->data;
        uint32_t n = say_one(c, elem);

        if (c->ready) { /* others come first now */
            g_queue_unlink(&v->ready, &c->link);
            g_queue_push_tail_link(&v->ready, &c->link);
        }
        if (c->state != VSOCK_DEAD)
            vemu__vsock_conn_update(c);
        if (n) {
            vemu__virtq_push(elem, n);
            return true;
        }
    }
    return false;
}

static void tell_reset(struct vsock *v, struct vemu_virtq_elem *elem)
{
    const struct virtio_vsock_hdr *hdr = &v->resets[v->reset_start];

    vemu__virtq_push(elem, (uint32_t)vemu__virtq_elem_write(elem, 0, hdr, sizeof(*hdr)));
    v->reset_start = (v->reset_start + 1) % VSOCK_RESETS;
    v->reset_count--;
    v->counters.resets++;
}

void vemu__vsock_tell(struct vsock *v)
{
    struct vemu_virtq *q = vemu__virtio_queue(&v->vdev, VSOCK_RX);
    struct vemu_virtq_elem *elem;
    unsigned i;

    for (i = 0; i < BATCH && (v->reset_count || v->ready.head) && vemu__virtq_take(q, &elem); i++) {
        if (elem->in_size < VSOCK_HDR) {
            vemu__virtio_broken(&v->vdev, "queue %u: a receive buffer of %u bytes", VSOCK_RX,
                                elem->in_size);
            vemu__virtq_drop(elem);
            break;
        }
        if (v->reset_count) {
            tell_reset(v, elem);
        } else if (!tell_one(v, elem)) {
            vemu__virtq_unpop(elem);
            break;
        }
    }
    vemu__virtq_flush(q);
    if (i == BATCH || (v->stalled && v->reset_count < VSOCK_RESETS))
        vemu__vsock_wake(v); /* the rest from the loop */
}

void vemu__vsock_tell_event(struct vsock *v)
{
    const struct virtio_vsock_event event = { htole32(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET) };
    struct vemu_virtq *q = vemu__virtio_queue(&v->vdev, VSOCK_EVENT);
    struct vemu_virtq_elem *elem;

    if (!v->event_due || !vemu__virtq_pop(q, &elem))
        return;
    v->event_due = 0;
    vemu__virtq_push(elem, (uint32_t)vemu__virtq_elem_write(elem, 0, &event, sizeof(event)));
    vemu__virtq_flush(q);
}

/* --- from the guest --------------------------------------------------------------------------- */

/* RST for a packet without a connection. There is room: see vemu__vsock_hear(). */
static void refuse(struct vsock *v, const struct virtio_vsock_hdr *hdr)
{
    unsigned at = (v->reset_start + v->reset_count) % VSOCK_RESETS;

    if (le16toh(hdr->op) == VIRTIO_VSOCK_OP_RST)
        return;
    v->reset_count++;
    v->resets[at] = (struct virtio_vsock_hdr){
        .src_cid = hdr->dst_cid,
        .dst_cid = hdr->src_cid,
        .src_port = hdr->dst_port,
        .dst_port = hdr->src_port,
        .type = hdr->type,
        .op = htole16(VIRTIO_VSOCK_OP_RST),
    };
}

static void hear_request(struct vsock *v, const struct virtio_vsock_hdr *hdr)
{
    uint32_t host_port = le32toh(hdr->dst_port), guest_port = le32toh(hdr->src_port);
    uint16_t type = le16toh(hdr->type);
    int fd = vemu__vsock_dial(v, host_port, type);
    struct vsock_conn *c = NULL;

    if (fd >= 0)
        c = vemu__vsock_conn_new(v, fd, type, VSOCK_OPEN);
    if (!c) {
        if (fd >= 0)
            close(fd);
        refuse(v, hdr);
        return;
    }
    vemu__vsock_conn_name(c, host_port, guest_port); /* free: the packet had no connection */
    c->peer_buf_alloc = le32toh(hdr->buf_alloc);
    c->peer_fwd_cnt = le32toh(hdr->fwd_cnt);
    vemu__vsock_conn_say(c, VSOCK_SAY_RESPONSE);
}

static bool hear_response(struct vsock_conn *c)
{
    if (c->state != VSOCK_ASKING || c->say & VSOCK_SAY_REQUEST)
        return false;
    c->state = VSOCK_OPEN;
    c->deadline_ns = INT64_MAX;
    c->readable = c->hung_up; /* else the socket tells */
    vemu__vsock_conn_greet(c);
    return true;
}

static bool hear_data(struct vsock_conn *c, const struct virtio_vsock_hdr *hdr,
                      const struct vemu_virtq_elem *elem)
{
    uint32_t len = le32toh(hdr->len);

    /* Credit that it never had. */
    if (c->state != VSOCK_OPEN || c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND ||
        len > c->buf_alloc - (c->buf_used - c->own) - c->pieces)
        return false;
    if (vsock_has_messages(c))
        vemu__vsock_message_write(c, elem, VSOCK_HDR, len,
                                  le32toh(hdr->flags) & VIRTIO_VSOCK_SEQ_EOM);
    else
        vemu__vsock_conn_write(c, elem, VSOCK_HDR, len);
    return true;
}

static bool hear_shutdown(struct vsock_conn *c, const struct virtio_vsock_hdr *hdr)
{
    if (c->state != VSOCK_OPEN)
        return false;
    c->guest_shut |= le32toh(hdr->flags) & VSOCK_SHUT_ALL;
    if (c->guest_shut == VSOCK_SHUT_ALL) { /* 5.10.6.5: RST says that this was heard */
        refuse(c->vsock, hdr);
        vemu__vsock_conn_linger(c);
        return true;
    }
    if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
        shutdown(c->fd, SHUT_RD); /* who writes there is told */
    vemu__vsock_conn_flush(c);
    return true;
}

static void hear_conn(struct vsock_conn *c, const struct virtio_vsock_hdr *hdr,
                      const struct vemu_virtq_elem *elem)
{
    bool good = true;

    c->peer_buf_alloc = le32toh(hdr->buf_alloc);
    c->peer_fwd_cnt = le32toh(hdr->fwd_cnt);
    if (le16toh(hdr->op) == VIRTIO_VSOCK_OP_RST) {
        if (c->state == VSOCK_OPEN)
            vemu__vsock_conn_linger(c);
        else
            vemu__vsock_conn_kill(c);
        return;
    }
    if (c->say & VSOCK_SAY_RESET)
        return; /* it will hear soon */
    switch (le16toh(hdr->op)) {
    case VIRTIO_VSOCK_OP_RESPONSE: good = hear_response(c); break;
    case VIRTIO_VSOCK_OP_SHUTDOWN: good = hear_shutdown(c, hdr); break;
    case VIRTIO_VSOCK_OP_RW: good = hear_data(c, hdr, elem); break;
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE: good = c->state == VSOCK_OPEN; break;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        good = c->state == VSOCK_OPEN;
        c->say |= good ? VSOCK_SAY_CREDIT : 0;
        break;
    default: good = false; break; /* also a request for what there is already */
    }
    if (!good)
        vemu__vsock_conn_say(c, VSOCK_SAY_RESET);
    else if (c->state == VSOCK_OPEN)
        vemu__vsock_conn_update(c);
}

static bool type_known(const struct vsock *v, uint16_t type)
{
    return type == VIRTIO_VSOCK_TYPE_STREAM ||
           (type == VIRTIO_VSOCK_TYPE_SEQPACKET &&
            vemu__virtio_has(&v->vdev, VEMU_VIRTIO_F(VIRTIO_VSOCK_F_SEQPACKET)));
}

static void hear_one(struct vsock *v, const struct vemu_virtq_elem *elem)
{
    struct virtio_vsock_hdr hdr;
    struct vsock_conn *c;

    if (vemu__virtq_elem_read(elem, 0, &hdr, sizeof(hdr)) < sizeof(hdr) ||
        le64toh(hdr.src_cid) != v->guest_cid) {
        v->counters.bad++;
        return;
    }
    c = vemu__vsock_conn_find(v, le32toh(hdr.dst_port), le32toh(hdr.src_port));
    if (le64toh(hdr.dst_cid) != VSOCK_HOST_CID || !type_known(v, le16toh(hdr.type)) ||
        (c && c->type != le16toh(hdr.type))) {
        v->counters.bad++;
        refuse(v, &hdr);
        return;
    }
    if (le32toh(hdr.len) > elem->out_size - VSOCK_HDR) {
        v->counters.bad++;
        if (c)
            vemu__vsock_conn_say(c, VSOCK_SAY_RESET);
        else
            refuse(v, &hdr);
    } else if (c) {
        hear_conn(c, &hdr, elem);
    } else if (le16toh(hdr.op) == VIRTIO_VSOCK_OP_REQUEST) {
        hear_request(v, &hdr);
    } else {
        refuse(v, &hdr);
    }
}

void vemu__vsock_hear(struct vsock *v)
{
    struct vemu_virtq *q = vemu__virtio_queue(&v->vdev, VSOCK_TX);
    struct vemu_virtq_elem *elem;
    unsigned i;

    /* A packet has one answer at most. */
    for (i = 0; i < BATCH && v->reset_count < VSOCK_RESETS && vemu__virtq_take(q, &elem); i++) {
        hear_one(v, elem);
        vemu__virtq_push(elem, 0);
    }
    v->stalled = v->reset_count == VSOCK_RESETS;
    vemu__virtq_flush(q);
    if (i == BATCH)
        vemu__vsock_wake(v);
}
