/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending to a client: whoever has a packet sends as much as the socket takes, the I/O thread the
 * rest.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "internal.h"

void vmgr__client_update_locked(struct vmgr__client *c)
{
    struct epoll_event e = { .data.ptr = c };

    if (c->dead)
        return;
    e.events = (c->paused ? 0 : EPOLLIN) | (c->out_armed ? EPOLLOUT : 0);
    if (c->handshaking)
        e.events = c->handshake_writes ? EPOLLOUT : EPOLLIN;
    epoll_ctl(c->server->epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* The I/O thread closes it once its socket says so. */
static void give_up_locked(struct vmgr__client *c)
{
    if (c->dead)
        return;
    c->paused = false;
    vmgr__client_update_locked(c);
    c->dead = true;
    shutdown(c->fd, SHUT_RDWR);
}

static void flush_locked(struct vmgr__client *c)
{
    struct vmgr__rpc_out *out;
    bool wait = false;

    while (!wait && (out = g_queue_peek_head(&c->out))) {
        const int r = vmgr__layer_send(c->layer, out, c->fd);

        if (r < 0) {
            give_up_locked(c);
            return;
        }
        wait = r == 0;
        if (r > 0) {
            c->out_bytes -= out->bytes->len;
            vmgr__rpc_out_free(g_queue_pop_head(&c->out));
        }
    }
    if (wait != c->out_armed) {
        c->out_armed = wait;
        vmgr__client_update_locked(c);
    }
}

static bool send_locked(struct vmgr__client *c, struct vmgr__rpc_out *out)
{
    if (c->dead) {
        vmgr__rpc_out_free(out);
        return false;
    }
    c->out_bytes += out->bytes->len;
    g_queue_push_tail(&c->out, out);
    if (!c->out_armed)
        flush_locked(c);
    if (c->out_bytes > CLIENT_OUT_MAX)
        give_up_locked(c);
    return !c->dead;
}

bool vmgr__client_send(struct vmgr__client *c, struct vmgr__rpc_out *out)
{
    bool r;

    if (!out)
        return false;
    g_mutex_lock(&c->lock);
    r = send_locked(c, out);
    g_mutex_unlock(&c->lock);
    return r;
}

bool vmgr__client_send_last(struct vmgr__client *c, struct vmgr__rpc_out *out,
                            struct vmgr__layer *layer)
{
    bool r;

    g_mutex_lock(&c->lock);
    r = out && !c->layer && send_locked(c, out);
    if (r && c->out.length) {
        give_up_locked(c); /* a socket that does not take a first answer */
        r = false;
    }
    if (r)
        c->layer = layer;
    g_mutex_unlock(&c->lock);
    if (!r)
        vmgr__layer_free(layer);
    return r;
}

bool vmgr__client_send_event(struct vmgr__client *c, struct vmgr__rpc_out *out)
{
    bool r;

    if (!out)
        return false;
    g_mutex_lock(&c->lock);
    if (c->out_bytes > CLIENT_EVENTS_MAX && !c->dead) {
        c->event_close = true;
        give_up_locked(c);
    }
    r = send_locked(c, out);
    g_mutex_unlock(&c->lock);
    return r;
}

void vmgr__client_flush(struct vmgr__client *c)
{
    size_t before;
    bool low;

    g_mutex_lock(&c->lock);
    before = c->out_bytes;
    if (!c->dead)
        flush_locked(c);
    /* The socket was full: who makes room in it is alive, even if nothing of it is read here. */
    if (c->out_bytes < before)
        vmgr__keepalive_alive(&c->keepalive, g_get_monotonic_time());
    low = c->out_bytes < CLIENT_OUT_HIGH;
    g_mutex_unlock(&c->lock);
    if (low)
        vmgr__client_resume(c);
}
