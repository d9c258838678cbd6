/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames over a descriptor that keeps them apart.
 *
 * Frames are read one at a time into one buffer. A frame the front end has no room for stays there,
 * and nothing is read until it has gone: further ones wait in the kernel, which tells their sender.
 */
#include "net/packet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/vm.h"

/* Of one turn: other descriptors want theirs. */
#define TURN 64u

/* Up to which copying costs less than a vector: an Ethernet frame. */
#define SMALL 2048u

#define BUF_SIZE (VEMU_NET_FRAME_MAX + sizeof(struct virtio_net_hdr_v1))

static void update(struct vemu_net_packet *packet)
{
    uint32_t events =
        (packet->held ? 0u : (uint32_t)POLLIN) | (packet->wants_room ? (uint32_t)POLLOUT : 0u);

    if (packet->watch)
        vemu__watch_set(packet->watch, packet->off ? 0 : events);
}

/* The frame in the buffer; false: it stays. */
static bool deliver(struct vemu_net_packet *packet, size_t size)
{
    struct virtio_net_hdr_v1 hdr = { 0 };
    const struct iovec iov = { packet->buf + packet->hdr_size, size - packet->hdr_size };
    const struct vemu_net_frame frame = { &hdr, &iov, 1, iov.iov_len };

    memcpy(&hdr, packet->buf, packet->hdr_size);
    packet->held = vemu__net_receive(packet->net, packet->queue, &frame) ? 0 : size;
    return !packet->held;
}

/* 0, or -errno other than -EAGAIN: the descriptor is of no use any more. */
static int read_turn(struct vemu_net_packet *packet)
{
    for (unsigned i = 0; i < TURN; i++) {
        ssize_t n = read(packet->fd, packet->buf, BUF_SIZE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* a peer that was not there yet is no reason to give up */
            return errno == EAGAIN || errno == ECONNREFUSED || errno == ENOBUFS ? 0 : -errno;
        if ((size_t)n <= packet->hdr_size) {
            if (n == 0 && !packet->is_socket)
                return -EIO;
            continue;
        }
        if (!deliver(packet, (size_t)n))
            return 0;
    }
    return 0;
}

static void on_fd(void *data, uint32_t revents)
{
    struct vemu_net_packet *packet = data;
    struct vemu_net *net = packet->net;
    int r = 0;

    vemu__net_enter(net);
    if (packet->off)
        revents = 0;
    if (!packet->held && revents & ~(uint32_t)POLLOUT) {
        r = read_turn(packet);
        vemu__net_received(net, packet->queue);
    }
    if (r >= 0 && packet->wants_room && revents & (POLLOUT | POLLERR | POLLHUP)) {
        packet->wants_room = false;
        vemu__net_writable(net, packet->queue);
    }
    if (r < 0) {
        vemu_vm_log(net->vm, VEMU_LOG_WARNING, "netdev '%s': lost: %s", net->id, strerror(-r));
        vemu__watch_free(packet->watch);
        packet->watch = NULL;
        vemu__net_set_connected(net, false);
    }
    update(packet);
    vemu__net_leave(net);
}

/* There may be room for the frame that was held. */
static void on_ready(void *data)
{
    struct vemu_net_packet *packet = data;

    vemu__net_enter(packet->net);
    packet->posted = false;
    if (packet->held && packet->watch && deliver(packet, packet->held))
        vemu__net_received(packet->net, packet->queue);
    update(packet);
    vemu__net_leave(packet->net);
}

void vemu__net_packet_ready(struct vemu_net_packet *packet)
{
    if (!packet->held || packet->posted)
        return;
    packet->posted = true;
    vemu__loop_post(packet->net->vm->loop, on_ready, packet, NULL);
}

/* Into one piece, which the kernel takes faster than a vector of several. */
static ssize_t send_small(const struct vemu_net_packet *packet, const struct vemu_net_frame *frame)
{
    uint8_t linear[SMALL];
    size_t size = packet->hdr_size;

    memcpy(linear, frame->hdr, size);
    for (unsigned i = 0; i < frame->count; i++) {
        if (frame->iov[i].iov_len > sizeof(linear) - size) {
            errno = EMSGSIZE; /* more than it said */
            return -1;
        }
        memcpy(linear + size, frame->iov[i].iov_base, frame->iov[i].iov_len);
        size += frame->iov[i].iov_len;
    }
    return packet->is_socket ? send(packet->fd, linear, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                             : write(packet->fd, linear, size);
}

static ssize_t send_large(const struct vemu_net_packet *packet, const struct vemu_net_frame *frame)
{
    struct iovec iov[VEMU_NET_IOV_MAX + 1];
    struct msghdr msg = { .msg_iov = iov };
    unsigned count = 0;

    if (packet->hdr_size)
        iov[count++] = (struct iovec){ (void *)frame->hdr, packet->hdr_size };
    memcpy(iov + count, frame->iov, frame->count * sizeof(*iov));
    count += frame->count;
    msg.msg_iovlen = count;
    return packet->is_socket ? sendmsg(packet->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT)
                             : writev(packet->fd, iov, (int)count);
}

int vemu__net_packet_send(struct vemu_net_packet *packet, const struct vemu_net_frame *frame)
{
    const size_t size = packet->hdr_size + frame->size;
    ssize_t n;

    if (frame->size > VEMU_NET_FRAME_MAX)
        return -EMSGSIZE;
    do
        n = size <= SMALL ? send_small(packet, frame) : send_large(packet, frame);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (size_t)n == size ? 1 : -EIO;
    /* A queue that is full makes poll(2) wait; memory that is short does not. */
    if (errno != EAGAIN || !packet->watch)
        return -errno;
    packet->wants_room = true;
    update(packet);
    return 0;
}

void vemu__net_packet_set_off(struct vemu_net_packet *packet, bool off)
{
    packet->off = off;
    update(packet);
}

void vemu__net_packet_start(struct vemu_net_packet *packet)
{
    packet->buf = g_malloc(BUF_SIZE);
    packet->watch = vemu__watch_new(packet->net->vm->loop, packet->fd, 0, on_fd, packet);
    update(packet);
}

void vemu__net_packet_stop(struct vemu_net_packet *packet)
{
    vemu__watch_free(packet->watch);
    packet->watch = NULL;
    packet->held = 0;
    g_clear_pointer(&packet->buf, g_free);
}
