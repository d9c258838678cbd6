/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames over a stream socket: a length of four bytes, big endian, in front of each.
 */
#ifndef VEMU_NET_STREAM_H
#define VEMU_NET_STREAM_H

#include "net/net.h"

/* Embedded in the back-end's struct, which sets the first two. */
struct vemu_net_stream {
    struct vemu_net *net;
    /* The peer is gone, or talks nonsense (`why`). The stream was stopped. Context: loop. */
    void (*lost)(struct vemu_net *net, const char *why);
    int fd; /* -1: not started */
    struct vemu_watch *watch;
    uint8_t *in, *out;
    size_t in_from, in_to;   /* what was read and not delivered */
    size_t out_from, out_to; /* the rest of a frame that was sent in part */
    bool held;               /* the front end has no room for the first frame of `in` */
    bool posted;             /* the loop will look at it again */
    bool wants_room;         /* a frame was refused */
};

/* Takes fd (non-blocking). Connects the network. Context: loop. */
void vemu__net_stream_start(struct vemu_net_stream *stream, int fd);
/* Closes fd. Fine when not started. Context: loop, between enter and leave. */
void vemu__net_stream_stop(struct vemu_net_stream *stream);
/* For class->send and class->ready. */
int vemu__net_stream_send(struct vemu_net_stream *stream, const struct vemu_net_frame *frame);
void vemu__net_stream_ready(struct vemu_net_stream *stream);

#endif
