/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks: making them by class name, their front ends, what is the same for every back-end.
 */
#include "net/net.h"

#include <errno.h>
#include <string.h>

#include <vemu/net.h>

#include "core/property.h"
#include "core/vm.h"

/* --- the front end ---------------------------------------------------------------------------- */

int vemu__net_attach(struct vemu_net *net, const struct vemu_net_front *front, void *data,
                     pthread_mutex_t *lock, struct vemu_error **err)
{
    if (net->front)
        return vemu__error_set(err, EBUSY, "netdev '%s' is in use by '%s'", net->id,
                               net->front->name);
    net->front = front;
    net->front_data = data;
    net->front_lock = lock;
    for (unsigned n = 0; n < net->queues; n++)
        net->class_->ready(net, n);
    return 0;
}

void vemu__net_detach(struct vemu_net *net)
{
    if (!net || !net->front)
        return;
    if (net->class_->set_offload)
        net->class_->set_offload(net, 0);
    vemu__net_set_queues(net, 1);
    net->front = NULL;
    net->front_data = NULL;
    net->front_lock = NULL;
    net->blocked = 0;
    for (unsigned n = 0; n < net->queues; n++)
        net->class_->ready(net, n);
}

bool vemu__net_send(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame)
{
    int r = vemu__net_link(net) ? net->class_->send(net, queue, frame) : -ENETDOWN;

    if (r == 0) {
        net->stats.tx_blocked++;
        net->blocked |= 1u << queue;
        return false;
    }
    if (r < 0) {
        net->stats.tx_dropped++;
    } else {
        net->stats.tx_frames++;
        net->stats.tx_bytes += frame->size;
    }
    return true;
}

void vemu__net_receive_ready(struct vemu_net *net, unsigned queue)
{
    if (queue < net->queues)
        net->class_->ready(net, queue);
}

void vemu__net_set_queues(struct vemu_net *net, unsigned pairs)
{
    if (net->class_->set_queues)
        net->class_->set_queues(net, CLAMP(pairs, 1, net->queues));
}

void vemu__net_set_offload(struct vemu_net *net, uint32_t offloads)
{
    if (net->class_->set_offload)
        net->class_->set_offload(net, offloads & net->offloads);
}

/* --- the back-end ----------------------------------------------------------------------------- */

void vemu__net_enter(struct vemu_net *net)
{
    if (net->front)
        pthread_mutex_lock(net->front_lock);
}

void vemu__net_leave(struct vemu_net *net)
{
    if (net->front)
        pthread_mutex_unlock(net->front_lock);
}

bool vemu__net_receive(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame)
{
    if (!net->front || net->link_off) {
        net->stats.rx_dropped++;
        return true;
    }
    if (!net->front->receive(net->front_data, queue, frame)) {
        net->stats.rx_blocked++;
        return false;
    }
    net->stats.rx_frames++;
    net->stats.rx_bytes += frame->size;
    return true;
}

void vemu__net_received(struct vemu_net *net, unsigned queue)
{
    if (net->front)
        net->front->batch(net->front_data, queue);
}

void vemu__net_writable(struct vemu_net *net, unsigned queue)
{
    if (!(net->blocked & 1u << queue))
        return;
    net->blocked &= ~(1u << queue);
    if (net->front)
        net->front->writable(net->front_data, queue);
}

/* What waits for a link that is gone goes on: it is dropped. */
static void link_update(struct vemu_net *net, bool before)
{
    bool up = vemu__net_link(net);

    if (up == before)
        return;
    if (net->front)
        net->front->link(net->front_data, up);
    for (unsigned n = 0; !up && n < net->queues; n++)
        vemu__net_writable(net, n);
}

void vemu__net_set_connected(struct vemu_net *net, bool connected)
{
    bool before = vemu__net_link(net);

    net->connected = connected;
    link_update(net, before);
}

/* --- facts ------------------------------------------------------------------------------------ */

unsigned vemu__net_queues(const struct vemu_net *net)
{
    return net->queues;
}

uint32_t vemu__net_offloads(const struct vemu_net *net)
{
    return net->offloads;
}

uint32_t vemu__net_mtu(const struct vemu_net *net)
{
    return net->mtu;
}

bool vemu__net_link(const struct vemu_net *net)
{
    return net->connected && !net->link_off;
}

const char *vemu__net_id(const struct vemu_net *net)
{
    return net->id;
}

/* --- making and freeing ----------------------------------------------------------------------- */

void vemu__net_free(struct vemu_net *net)
{
    if (!net)
        return;
    if (net->opened && net->class_->close)
        net->class_->close(net);
    vemu__props_clear(net, net->class_->base.props);
    g_free(net->id);
    g_free(net);
}

static void *make(struct vemu_vm *vm, const struct vemu_backend_class *class_, const char *id)
{
    struct vemu_net *net = g_malloc0(class_->instance_size);

    net->class_ = (const struct vemu_net_class *)class_;
    net->vm = vm;
    net->id = g_strdup(id);
    net->queues = 1;
    return net;
}

static int net_open(void *instance, struct vemu_error **err)
{
    struct vemu_net *net = instance;

    net->opened = true;
    return net->class_->open(net, err);
}

static void net_free(void *instance)
{
    vemu__net_free(instance);
}

const struct vemu_backend_kind vemu__net_kind = {
    .a_noun = "a netdev",
    .class_noun = "netdev class",
    .classes = vemu__net_classes,
    .list = offsetof(struct vemu_vm, nets),
    .id = offsetof(struct vemu_net, id),
    .make = make,
    .open = net_open,
    .free = net_free,
};

struct vemu_net *vemu__vm_find_net(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__net_kind, id);
}

int vemu_vm_add_net(struct vemu_vm *vm, const char *class_name, const char *id,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    return vemu__backend_add(vm, &vemu__net_kind, class_name, id, props, prop_count, err);
}

/* --- what can be done with one ---------------------------------------------------------------- */

struct request {
    const char *id;
    int (*fn)(struct vemu_net *net, void *data, struct vemu_error **err);
    void *data;
};

/* Finds the network, and holds its front end's lock around fn. */
static int do_request(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct request *request = data;
    struct vemu_net *net = vemu__vm_find_net(vm, request->id);
    int r;

    if (!net)
        return vemu__error_set(err, ENOENT, "there is no netdev '%s'", request->id);
    vemu__net_enter(net);
    r = request->fn(net, request->data, err);
    vemu__net_leave(net);
    return r;
}

static int net_request(struct vemu_vm *vm, const char *id,
                       int (*fn)(struct vemu_net *net, void *data, struct vemu_error **err),
                       void *data, struct vemu_error **err)
{
    struct request request = { id, fn, data };

    if (!id)
        return vemu__error_set(err, EINVAL, "the netdev's id is missing");
    return vemu__vm_control(vm, do_request, &request, err);
}

/* Behind what the back-end itself has posted; also when the loop ends before. */
static void no_work(void *data) {}

static int remove_net(struct vemu_net *net, void *data, struct vemu_error **err)
{
    struct vemu_vm *vm = net->vm;
    const struct vemu_device *user = vemu__vm_find_user(vm, net);

    if (user)
        return vemu__error_set(err, EBUSY, "netdev '%s' is in use by '%s'", net->id, user->id);
    vemu__backend_unlist(vm, &vemu__net_kind, net);
    vemu__loop_post(vm->loop, no_work, net, net_free);
    return 0;
}

int vemu_vm_remove_net(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    return net_request(vm, id, remove_net, NULL, err);
}

static int set_link(struct vemu_net *net, void *data, struct vemu_error **err)
{
    bool before = vemu__net_link(net);

    net->link_off = !*(int *)data;
    link_update(net, before);
    return 0;
}

int vemu_vm_set_net_link(struct vemu_vm *vm, const char *id, int up, struct vemu_error **err)
{
    return net_request(vm, id, set_link, &up, err);
}

static int announce(struct vemu_net *net, void *data, struct vemu_error **err)
{
    if (net->front)
        net->front->announce(net->front_data);
    return 0;
}

int vemu_vm_announce_net(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    return net_request(vm, id, announce, NULL, err);
}

static int get_info(struct vemu_net *net, void *data, struct vemu_error **err)
{
    struct vemu_net_info *ret = data;
    const struct vemu_net_stats *s = &net->stats;
    const struct vemu_net_info info = {
        .size = ret->size,
        .flags = (vemu__net_link(net) ? VEMU_NET_LINK_UP : 0) |
                 (net->connected ? VEMU_NET_CONNECTED : 0),
        .tx_frames = s->tx_frames,
        .tx_bytes = s->tx_bytes,
        .tx_dropped = s->tx_dropped,
        .tx_blocked = s->tx_blocked,
        .rx_frames = s->rx_frames,
        .rx_bytes = s->rx_bytes,
        .rx_dropped = s->rx_dropped,
        .rx_blocked = s->rx_blocked,
    };

    memcpy(ret, &info, sizeof(info));
    return 0;
}

int vemu_vm_get_net_info(struct vemu_vm *vm, const char *id, struct vemu_net_info *ret,
                         struct vemu_error **err)
{
    if (!ret || ret->size < sizeof(*ret))
        return vemu__error_set(err, EINVAL, "vemu_net_info: wrong size");
    return net_request(vm, id, get_info, ret, err);
}
