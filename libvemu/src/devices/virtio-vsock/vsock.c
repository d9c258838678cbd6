/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-vsock: sockets between programs of the guest and of the host (virtio 1.2, 5.10).
 *
 * The host's end of every connection is a Unix socket (host.c), so no module of the host's kernel
 * takes part and no program needs to know about vsock. Connections are not saved: a restored guest
 * hears of a transport reset and its programs connect anew.
 */
#include "devices/virtio-vsock/vsock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"
#include "core/vm.h"
#include "virtio/class.h"

#define QUEUE_SIZE 128u
#define BACKLOG    128
#define CID_FIRST  3u /* 5.10.4: 0 and 1 are reserved, 2 is the host */
#define CID_LAST   0xfffffffeu

/* --- queues ----------------------------------------------------------------------------------- */

static void vsock_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct vsock *v = vsock_of(vdev);

    if (queue == VSOCK_EVENT) {
        vemu__vsock_tell_event(v);
        return;
    }
    /* Buffers for answers may be what packets were waiting for, and the other way round. */
    if (queue == VSOCK_RX && v->reset_count)
        vemu__vsock_tell(v);
    vemu__vsock_hear(v);
    vemu__vsock_tell(v);
}

static void vsock_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    memcpy(config, &vsock_of(vdev)->guest_cid, sizeof(vsock_of(vdev)->guest_cid));
}

/* --- life ------------------------------------------------------------------------------------- */

static void vsock_timer(struct vemu_device *dev)
{
    struct vsock *v = vsock_of(vemu__virtio_of(dev));

    vemu__vsock_expire(v);
    vemu__vsock_tell(v);
    vemu__vsock_tidy(v);
}

static void vsock_reset(struct vemu_virtio *vdev)
{
    struct vsock *v = vsock_of(vdev);

    vemu__vsock_kill_all(v);
    v->reset_start = v->reset_count = 0;
    v->event_due = 0;
}

static void vsock_restored(struct vemu_virtio *vdev)
{
    struct vsock *v = vsock_of(vdev);

    vemu__vsock_kill_all(v);
    v->event_due = !!(vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK);
}

static int listener_open(struct vsock_listener *l, struct vsock *v, struct vemu_error **err)
{
    bool seq = l->type == VIRTIO_VSOCK_TYPE_SEQPACKET;

    l->path = g_strconcat(v->path, seq ? "_seqpacket" : NULL, NULL);
    l->fd = vemu__unix_bind(l->path, seq ? SOCK_SEQPACKET : SOCK_STREAM, &l->file, err);
    if (l->fd >= 0 && listen(l->fd, BACKLOG) < 0)
        return vemu__error_set(err, errno, "cannot listen on '%s': %s", l->path, strerror(errno));
    if (l->fd >= 0)
        l->watch =
            vemu__watch_new(v->vdev.dev->vm->loop, l->fd, POLLIN, vemu__vsock_on_listener, l);
    return l->fd;
}

static void listener_close(struct vsock_listener *l)
{
    vemu__watch_free(l->watch);
    l->watch = NULL;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    if (l->path)
        vemu__unix_unbind(l->path, &l->file);
    g_clear_pointer(&l->path, g_free);
}

static void vsock_close(struct vsock *v)
{
    for (unsigned i = 0; i < VSOCK_LISTENERS; i++)
        listener_close(&v->listeners[i]);
    vemu__watch_free(v->kick_watch);
    v->kick_watch = NULL;
    if (v->kick >= 0)
        close(v->kick);
    v->kick = -1;
}

static int vsock_open(struct vsock *v, struct vemu_error **err)
{
    int r = 0;

    for (unsigned i = 0; i < (v->seqpacket ? 2u : 1u) && r >= 0; i++)
        r = listener_open(&v->listeners[i], v, err);
    if (r < 0)
        return r;
    v->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (v->kick < 0)
        return vemu__error_set(err, errno, "cannot make an eventfd: %s", strerror(errno));
    v->kick_watch = vemu__watch_new(v->vdev.dev->vm->loop, v->kick, POLLIN, vemu__vsock_on_kick, v);
    return 0;
}

static int vsock_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct vsock *v = vsock_of(vdev);
    int r;

    for (unsigned i = 0; i < VSOCK_LISTENERS; i++)
        v->listeners[i] = (struct vsock_listener){
            .vsock = v,
            .type = i ? VIRTIO_VSOCK_TYPE_SEQPACKET : VIRTIO_VSOCK_TYPE_STREAM,
            .fd = -1,
        };
    v->kick = -1;
    if (v->guest_cid < CID_FIRST || v->guest_cid > CID_LAST)
        return vemu__error_set(err, EINVAL, "property 'guest-cid' must be from %u to %u", CID_FIRST,
                               CID_LAST);
    if (!v->path || !*v->path)
        return vemu__error_set(err, EINVAL, "property 'uds-path' is missing");
    r = vsock_open(v, err);
    if (r < 0) {
        vsock_close(v);
        return r;
    }
    v->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    v->conns = g_ptr_array_new();
    g_queue_init(&v->ready);
    v->next_port = VSOCK_PORT_FIRST;
    v->timer = vemu_device_add_timer(vdev->dev, vsock_timer);
    v->timer_ns = INT64_MAX;
    for (unsigned n = 0; n < 3; n++)
        vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    vdev->features = VEMU_VIRTIO_F(0) | /* VIRTIO_VSOCK_F_STREAM */
                     (v->seqpacket ? VEMU_VIRTIO_F(VIRTIO_VSOCK_F_SEQPACKET) : 0);
    vdev->config_size = sizeof(struct virtio_vsock_config);
    return 0;
}

/* On the loop, or after it has ended. A reset has killed all connections. */
static void vsock_unrealize(struct vemu_virtio *vdev)
{
    struct vsock *v = vsock_of(vdev);

    vemu__vsock_tidy(v);
    vsock_close(v);
    g_ptr_array_free(v->conns, TRUE);
    g_hash_table_destroy(v->table);
}

static const struct vemu_virtio_ops vsock_ops = {
    .realize = vsock_realize,
    .unrealize = vsock_unrealize,
    .config_get = vsock_config_get,
    .notify = vsock_notify,
    .reset = vsock_reset,
    .restored = vsock_restored,
};

static const struct vemu_virtio_class vsock_class = {
    .name = "virtio-vsock",
    .id = VEMU_VIRTIO_ID_VSOCK,
    .ops = &vsock_ops,
};

static const struct vemu_prop vsock_props[] = {
    VEMU_PROP(struct vsock, guest_cid, "guest-cid", U64, NULL, "the guest's address, from 3 on"),
    VEMU_PROP(struct vsock, path, "uds-path", STRING, NULL,
              "Unix socket for the guest's ports; port P of the host is PATH_P"),
    VEMU_PROP(struct vsock, seqpacket, "seqpacket", BOOL, "on",
              "offer SOCK_SEQPACKET; PATH_seqpacket is for the guest's ports then"),
    VEMU_PROP_END,
};

static const struct vemu_state_field vsock_state[] = {
    VEMU_STATE(struct vsock, event_due),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_vsock, struct vsock, &vsock_class, "virtio-vsock",
                   "sockets between guest and host", vsock_props, vsock_state);
