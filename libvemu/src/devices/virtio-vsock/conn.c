/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections of virtio-vsock: their names, their lives, their turn to speak.
 *
 * Any thread that has the device's lock may open and end a connection. Watches belong to the loop,
 * so a connection that is over becomes VSOCK_DEAD, its socket is shut down, and the loop frees it
 * (vemu__vsock_tidy), as it makes the watches of new ones.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/vm.h"
#include "devices/virtio-vsock/vsock.h"


static uint64_t key_of(uint32_t host_port, uint32_t guest_port)
{
    return (uint64_t)host_port << 32 | guest_port;
}

void vemu__vsock_wake(struct vsock *v)
{
    static const uint64_t one = 1;
    ssize_t n = write(v->kick, &one, sizeof(one));

    (void)n; /* fails only when it is signalled 2^64 times over */
}

/* --- names ------------------------------------------------------------------------------------ */

struct vsock_conn *vemu__vsock_conn_find(struct vsock *v, uint32_t host_port, uint32_t guest_port)
{
    const uint64_t key = key_of(host_port, guest_port);

    return g_hash_table_lookup(v->table, &key);
}

bool vemu__vsock_conn_name(struct vsock_conn *c, uint32_t host_port, uint32_t guest_port)
{
    uint64_t *key;

    if (vemu__vsock_conn_find(c->vsock, host_port, guest_port))
        return false;
    key = g_new(uint64_t, 1);
    *key = key_of(host_port, guest_port);
    g_hash_table_insert(c->vsock->table, key, c);
    c->host_port = host_port;
    c->guest_port = guest_port;
    c->keyed = true;
    return true;
}

static void unname(struct vsock_conn *c)
{
    const uint64_t key = key_of(c->host_port, c->guest_port);

    if (c->keyed)
        g_hash_table_remove(c->vsock->table, &key);
    c->keyed = false;
}

/* --- beginning and end ------------------------------------------------------------------------ */

struct vsock_conn *vemu__vsock_conn_new(struct vsock *v, int fd, uint16_t type,
                                        enum vsock_state state)
{
    struct vsock_conn *c;

    if (v->conns->len >= VSOCK_CONNS) {
        v->counters.refused++;
        return NULL;
    }
    c = g_new0(struct vsock_conn, 1);
    c->vsock = v;
    c->fd = fd;
    c->type = type;
    c->buf_alloc = vsock_has_messages(c) ? VSOCK_BUF_SEQ : VSOCK_BUF;
    c->state = state;
    c->link.data = c;
    c->deadline_ns = INT64_MAX;
    g_ptr_array_add(v->conns, c);
    v->counters.opened++;
    vemu__vsock_wake(v); /* it needs a watch */
    return c;
}

void vemu__vsock_conn_kill(struct vsock_conn *c)
{
    if (c->state == VSOCK_DEAD)
        return;
    unname(c);
    if (c->ready)
        g_queue_unlink(&c->vsock->ready, &c->link);
    c->ready = false;
    c->state = VSOCK_DEAD;
    c->say = 0;
    c->deadline_ns = INT64_MAX;
    shutdown(c->fd, SHUT_RDWR);
    if (c->watch)
        vemu__watch_set(c->watch, 0);
    vemu__vsock_wake(c->vsock);
}

void vemu__vsock_conn_linger(struct vsock_conn *c)
{
    unname(c);
    if (!c->buf_used) {
        vemu__vsock_conn_kill(c);
        return;
    }
    c->state = VSOCK_LINGER;
    c->say = 0;
    c->guest_shut = VSOCK_SHUT_ALL;
    vemu__vsock_conn_set_deadline(c, VSOCK_LINGER_S);
    vemu__vsock_conn_update(c);
}

void vemu__vsock_kill_all(struct vsock *v)
{
    for (guint i = 0; i < v->conns->len; i++)
        vemu__vsock_conn_kill(v->conns->pdata[i]);
}

static void conn_free(struct vsock_conn *c)
{
    vemu__watch_free(c->watch);
    close(c->fd);
    vemu__vsock_message_drop(c);
    g_free(c->in);
    g_free(c->buf);
    g_free(c);
}

void vemu__vsock_tidy(struct vsock *v)
{
    for (guint i = 0; i < v->conns->len;) {
        struct vsock_conn *c = v->conns->pdata[i];

        if (c->state == VSOCK_DEAD) {
            g_ptr_array_remove_index_fast(v->conns, i);
            conn_free(c);
            continue;
        }
        if (!c->watch) {
            c->watch = vemu__watch_new(v->vdev.dev->vm->loop, c->fd, 0, vemu__vsock_on_conn, c);
            vemu__vsock_conn_update(c);
        }
        i++;
    }
    if (v->listen_off && v->conns->len < VSOCK_CONNS) {
        v->listen_off = false;
        for (unsigned i = 0; i < VSOCK_LISTENERS; i++)
            if (v->listeners[i].watch)
                vemu__watch_set(v->listeners[i].watch, POLLIN);
    }
}

/* --- its turn to speak ------------------------------------------------------------------------ */

uint32_t vemu__vsock_conn_credit(const struct vsock_conn *c)
{
    uint32_t flying = c->tx_cnt - c->peer_fwd_cnt;

    return flying < c->peer_buf_alloc ? c->peer_buf_alloc - flying : 0;
}

static bool has_data(const struct vsock_conn *c)
{
    return c->readable && !(c->shut & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
           !(c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

static uint32_t events_of(const struct vsock_conn *c)
{
    uint32_t events = c->buf_used ? POLLOUT : 0;

    switch (c->state) {
    case VSOCK_HELLO: return POLLIN;
    case VSOCK_ASKING: return c->hung_up ? 0 : POLLERR; /* only whether it goes away */
    case VSOCK_OPEN: break;
    case VSOCK_LINGER: return events;
    case VSOCK_DEAD: return 0;
    }
    if (c->shut & VIRTIO_VSOCK_SHUTDOWN_SEND || c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
        return events | (c->hung_up ? 0 : POLLERR);
    return events | (c->readable ? 0 : POLLIN);
}

void vemu__vsock_conn_update(struct vsock_conn *c)
{
    bool ready = false;

    if (c->state == VSOCK_OPEN && !(c->say & VSOCK_SAY_RESET)) {
        uint32_t credit = vemu__vsock_conn_credit(c);

        if (!credit && has_data(c) && !c->asked)
            c->say |= VSOCK_SAY_ASK;
        c->asked = !credit && (c->asked || has_data(c));
        ready = (credit && has_data(c)) || c->shut != c->shut_told;
    }
    ready = ready || c->say;
    if (ready && !c->ready)
        g_queue_push_tail_link(&c->vsock->ready, &c->link);
    else if (!ready && c->ready)
        g_queue_unlink(&c->vsock->ready, &c->link);
    c->ready = ready;
    if (c->watch)
        vemu__watch_set(c->watch, events_of(c));
}

bool vemu__vsock_conn_has_data(const struct vsock_conn *c)
{
    return c->state == VSOCK_OPEN && has_data(c);
}

void vemu__vsock_conn_say(struct vsock_conn *c, uint32_t what)
{
    if (what & VSOCK_SAY_RESET) /* nothing else matters */
        c->say = VSOCK_SAY_RESET;
    else if (!(c->say & VSOCK_SAY_RESET))
        c->say |= what;
    vemu__vsock_conn_update(c);
}

/* --- time ------------------------------------------------------------------------------------- */

void vemu__vsock_set_timer(struct vsock *v, int64_t ns)
{
    if (ns >= v->timer_ns)
        return;
    v->timer_ns = ns;
    vemu_timer_set(v->timer, ns);
}

void vemu__vsock_conn_set_deadline(struct vsock_conn *c, unsigned seconds)
{
    c->deadline_ns = vemu_clock_ns(c->vsock->vdev.dev->vm) + (int64_t)seconds * 1000000000;
    vemu__vsock_set_timer(c->vsock, c->deadline_ns);
}

void vemu__vsock_expire(struct vsock *v)
{
    int64_t now = vemu_clock_ns(v->vdev.dev->vm), next = INT64_MAX;

    for (guint i = 0; i < v->conns->len; i++) {
        struct vsock_conn *c = v->conns->pdata[i];

        if (c->deadline_ns > now) {
            next = MIN(next, c->deadline_ns);
            continue;
        }
        v->counters.timeouts++;
        c->deadline_ns = INT64_MAX;
        if (c->state == VSOCK_ASKING) /* should it answer now, it hears that it is too late */
            vemu__vsock_conn_say(c, VSOCK_SAY_RESET);
        else
            vemu__vsock_conn_kill(c);
    }
    v->timer_ns = INT64_MAX;
    vemu__vsock_set_timer(v, next);
}
