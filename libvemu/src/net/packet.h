/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Back-ends whose other side is a descriptor that keeps frames apart: tap, datagram sockets.
 */
#ifndef VEMU_NET_PACKET_H
#define VEMU_NET_PACKET_H

#include "net/net.h"

/* One queue; embedded in the back-end's struct, which zeroes it. */
struct vemu_net_packet {
    struct vemu_net *net;
    unsigned queue;
    int fd; /* the back-end's */
    bool is_socket;
    unsigned hdr_size; /* 0, or of struct virtio_net_hdr_v1 in front of each frame */
    struct vemu_watch *watch;
    uint8_t *buf;    /* of the frame that is read */
    size_t held;     /* bytes of a frame the front end has no room for; 0: none */
    bool posted;     /* the loop will look at it again */
    bool wants_room; /* a frame was refused */
    bool off;        /* neither read nor waited for */
};

/* Reads and writes fd (non-blocking) from now on. Context: loop. */
void vemu__net_packet_start(struct vemu_net_packet *packet);
/* Does not close fd. Fine when not started. Context: loop. */
void vemu__net_packet_stop(struct vemu_net_packet *packet);
/* A queue that is not in use. The front end's lock is held, or there is none. */
void vemu__net_packet_set_off(struct vemu_net_packet *packet, bool off);
/* For class->send and class->ready. */
int vemu__net_packet_send(struct vemu_net_packet *packet, const struct vemu_net_frame *frame);
void vemu__net_packet_ready(struct vemu_net_packet *packet);

#endif
