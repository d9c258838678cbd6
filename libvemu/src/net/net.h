/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks: the border between a network device (front end) and what its frames go through
 * (back-end, "-netdev").
 *
 * A network has at most one front end. Frames are Ethernet without checksum; with each goes a
 * struct virtio_net_hdr_v1 that says what is left to do (checksum, segmentation), which is all zero
 * unless the network has the offload and the front end asked for it.
 *
 * Back-pressure: a back-end that cannot take a frame says so and calls `writable` later; a front
 * end that has no room for one says so and calls vemu__net_receive_ready() later. Nothing is lost
 * in between and nobody polls.
 *
 * Locking: as for block nodes. The front end gives its lock when it attaches. Every function below
 * that takes a network which has a front end is called with that lock held, and so are the front
 * end's handlers: on the loop, never inside a call of the front end. Attaching and detaching happen
 * on the loop, so there the front end does not change unnoticed. Without a front end a network
 * belongs to the loop alone.
 */
#ifndef VEMU_NET_NET_H
#define VEMU_NET_NET_H

#include <linux/virtio_net.h>
#include <pthread.h>
#include <sys/uio.h>

#include "core/backend.h"
#include "core/device.h"

struct vemu_net;

#define VEMU_NET_FRAME_MAX  (65536u + 14u + 4u) /* largest segment, Ethernet header, VLAN tag */
#define VEMU_NET_IOV_MAX    64u
#define VEMU_NET_QUEUES_MAX 16u /* pairs */
#define VEMU_NET_MTU_MIN    68u /* virtio 1.2, 5.1.4.1 */

/* What one side may leave to the other. */
#define VEMU_NET_CSUM (1u << 0) /* checksums are left open; the others need it */
#define VEMU_NET_TSO4 (1u << 1)
#define VEMU_NET_TSO6 (1u << 2)
#define VEMU_NET_ECN  (1u << 3)
#define VEMU_NET_UFO  (1u << 4)

struct vemu_net_frame {
    const struct virtio_net_hdr_v1 *hdr;
    const struct iovec *iov; /* the frame, from the Ethernet header on */
    unsigned count;          /* at most VEMU_NET_IOV_MAX */
    size_t size;
};

/* --- front end's side ------------------------------------------------------------------------- */

struct vemu_net_front {
    const char *name; /* for people: the device's id */
    /* A frame for the guest. True: taken, or dropped for good; false: no room now. */
    bool (*receive)(void *data, unsigned queue, const struct vemu_net_frame *frame);
    /* A series of `receive` is over. */
    void (*batch)(void *data, unsigned queue);
    /* A queue whose frame was refused may send again. */
    void (*writable)(void *data, unsigned queue);
    void (*link)(void *data, bool up);
    /* The guest should tell its neighbours where it is. */
    void (*announce)(void *data);
};

/* Takes the network. -EBUSY: it has a front end. Context: loop. */
int vemu__net_attach(struct vemu_net *net, const struct vemu_net_front *front, void *data,
                     pthread_mutex_t *lock, struct vemu_error **err);
/* NULL and "not attached" are fine. Context: loop. */
void vemu__net_detach(struct vemu_net *net);

/* Sends a frame of the guest. True: it is on its way, or was dropped (link down, error; counted);
 * false: the back-end has no room, `writable` follows. */
bool vemu__net_send(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame);
/* There may be room for what was refused. Frames follow later, from the loop. */
void vemu__net_receive_ready(struct vemu_net *net, unsigned queue);
/* How many queue pairs are in use, from the first on; at most vemu__net_queues(). */
void vemu__net_set_queues(struct vemu_net *net, unsigned pairs);
/* What the guest takes of VEMU_NET_* in frames for it; what it sends needs no telling. */
void vemu__net_set_offload(struct vemu_net *net, uint32_t offloads);

unsigned vemu__net_queues(const struct vemu_net *net);   /* pairs, at least 1 */
uint32_t vemu__net_offloads(const struct vemu_net *net); /* VEMU_NET_* that are possible */
uint32_t vemu__net_mtu(const struct vemu_net *net); /* bytes behind the Ethernet header; 0: any */
bool vemu__net_link(const struct vemu_net *net);
const char *vemu__net_id(const struct vemu_net *net);

/* --- back-end's side -------------------------------------------------------------------------- */

struct vemu_net_class {
    struct vemu_backend_class base; /* of a struct whose first member is struct vemu_net */
    /* Sets queues, offloads, mtu, and `connected` by vemu__net_set_connected(). Context: loop. */
    int (*open)(struct vemu_net *net, struct vemu_error **err);
    void (*close)(struct vemu_net *net); /* also after an open that failed half-way */
    /* 1: taken; 0: no room, vemu__net_writable() follows; -errno: dropped. */
    int (*send)(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame);
    /* The front end has come, gone, or has room again: read on, or look whether one is there.
     * Context: any; never calls the front end from here. */
    void (*ready)(struct vemu_net *net, unsigned queue);
    void (*set_queues)(struct vemu_net *net, unsigned pairs);     /* NULL: nothing to do */
    void (*set_offload)(struct vemu_net *net, uint32_t offloads); /* likewise */
};

struct vemu_net_stats {
    uint64_t tx_frames, tx_bytes, tx_dropped, tx_blocked; /* from the guest */
    uint64_t rx_frames, rx_bytes, rx_dropped, rx_blocked; /* to the guest */
};

/* First member of every back-end's struct. */
struct vemu_net {
    const struct vemu_net_class *class_;
    struct vemu_vm *vm;
    char *id;
    bool opened; /* open was called */
    /* set by open */
    unsigned queues;
    uint32_t offloads, mtu;
    /* the front end; written on the loop with its lock held */
    const struct vemu_net_front *front;
    void *front_data;
    pthread_mutex_t *front_lock;
    bool connected;   /* there is a peer */
    bool link_off;    /* the user took the cable out */
    uint32_t blocked; /* queues whose frame was refused by the back-end, a bit for each */
    struct vemu_net_stats stats;
};

/* NULL-terminated table in core/registry.c. */
extern const struct vemu_backend_class *const vemu__net_classes[];
extern const struct vemu_backend_kind vemu__net_kind;
extern const struct vemu_net_class vemu__net_socket, vemu__net_tap, vemu__net_user;

/* Takes the front end's lock around work on the loop; fine without a front end. */
void vemu__net_enter(struct vemu_net *net);
void vemu__net_leave(struct vemu_net *net);
/* A frame from outside; between enter and leave. False: keep it, class->ready follows. A frame
 * that nobody can take is dropped. */
bool vemu__net_receive(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame);
/* A series of vemu__net_receive() is over. */
void vemu__net_received(struct vemu_net *net, unsigned queue);
/* Between enter and leave. */
void vemu__net_writable(struct vemu_net *net, unsigned queue);
/* Between enter and leave, or in open. */
void vemu__net_set_connected(struct vemu_net *net, bool connected);

/* --- the VM's networks ------------------------------------------------------------------------ */
struct vemu_net *vemu__vm_find_net(struct vemu_vm *vm, const char *id);
void vemu__net_free(struct vemu_net *net);

#endif
