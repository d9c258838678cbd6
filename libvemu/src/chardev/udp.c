/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UDP: what the guest writes goes out as datagrams, each as long as one write; what comes from the
 * peer is a stream to the guest. Datagrams get lost, and nobody knows whether there is a peer: a
 * refusal (ICMP) is not the end.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/backend.h"
#include "core/inet-socket.h"

#define DATAGRAM_MAX 65536u

struct udp {
    struct vemu_chardev chr;
    char *host, *port, *local_address, *local_port;
    int fd;    /* -1: none */
    size_t at; /* what the front end has of the first datagram that waits */
    uint8_t datagram[DATAGRAM_MAX];
};

static int udp_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct udp *udp = (struct udp *)chr;

    udp->fd = -1;
    if (!udp->port)
        return vemu__error_set(err, EINVAL, "property 'port' is missing");
    if (udp->local_address && !udp->local_port)
        return vemu__error_set(err, EINVAL, "property 'localaddr' needs 'localport'");
    udp->fd = vemu__inet_udp(udp->host, udp->port, udp->local_address, udp->local_port, err);
    if (udp->fd < 0)
        return udp->fd;
    vemu__chardev_stream_start(chr, udp->fd, udp->fd);
    vemu__chardev_set_filename(chr, "udp:%s:%s", udp->host ? udp->host : "", udp->port);
    return 0;
}

static void udp_close(struct vemu_chardev *chr)
{
    struct udp *udp = (struct udp *)chr;

    vemu__chardev_stream_stop(chr);
    if (udp->fd >= 0)
        close(udp->fd);
    udp->fd = -1;
}

static ssize_t udp_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    ssize_t n;

    do
        n = send(chr->out_fd, buf, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? 0 : (ssize_t)size; /* lost */
}

/* A datagram stays where it is until the front end has all of it. */
static ssize_t udp_read(struct vemu_chardev *chr, void *buf, size_t size, int *ret_fd)
{
    struct udp *udp = (struct udp *)chr;
    ssize_t n = recv(chr->in_fd, udp->datagram, sizeof(udp->datagram), MSG_DONTWAIT | MSG_PEEK);
    size_t left;

    if (n < 0) { /* a refusal is told once, and is not the end */
        errno = errno == EINTR ? EINTR : EAGAIN;
        return -1;
    }
    left = (size_t)n > udp->at ? (size_t)n - udp->at : 0;
    if (size < left) {
        memcpy(buf, udp->datagram + udp->at, size);
        udp->at += size;
        return (ssize_t)size;
    }
    memcpy(buf, udp->datagram + udp->at, left);
    udp->at = 0;
    recv(chr->in_fd, udp->datagram, sizeof(udp->datagram), MSG_DONTWAIT);
    if (left)
        return (ssize_t)left;
    errno = EAGAIN; /* without bytes: no end either */
    return -1;
}

static const struct vemu_prop udp_props[] = {
    VEMU_PROP(struct udp, host, "host", STRING, NULL,
              "numeric address of the peer, the loopback unless given"),
    VEMU_PROP(struct udp, port, "port", STRING, NULL, "port of the peer"),
    VEMU_PROP(struct udp, local_address, "localaddr", STRING, NULL,
              "own numeric address, any unless given"),
    VEMU_PROP(struct udp, local_port, "localport", STRING, NULL,
              "own port, chosen by the kernel unless given"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_udp = {
    .base = {
        .name = "udp",
        .summary = "Datagrams to and from a peer",
        .instance_size = sizeof(struct udp),
        .props = udp_props,
    },
    .open = udp_open,
    .close = udp_close,
    .write = udp_write,
    .read = udp_read,
};
