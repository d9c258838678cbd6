/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu-slirp: a network in user space for one guest.
 *
 * Started by libvemu (-netdev user). Descriptor 0 is a stream socket with Ethernet frames, each
 * behind its length (four bytes, big endian); when it ends the program ends. Descriptor 2 takes the
 * reason why it cannot start, or "ready" when it has.
 *
 * Back-pressure: frames for the guest wait in a buffer; while that is more than half full the
 * host's sockets are not read, and the frames the guest sends are not either if it is nearly full,
 * since each may be answered by many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "sandbox.h"

#define FRAME_MAX  (65536u + 14u + 4u)
#define PREFIX     4u
#define OUT_SIZE   (1u << 20)
#define OUT_HIGH   (OUT_SIZE / 2)
#define IN_SIZE    (256u << 10)
#define POLLS_MAX  4096u
#define TIMERS_MAX 4

struct timer {
    bool used;
    int64_t deadline_ms; /* INT64_MAX: not armed */
    SlirpTimerId id;
    void *opaque;
};

static struct network {
    Slirp *slirp;
    uint8_t in[IN_SIZE], out[OUT_SIZE];
    size_t in_used, out_from, out_to;
    struct pollfd polls[POLLS_MAX];
    unsigned poll_count;
    struct timer timers[TIMERS_MAX];
} network;

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* --- to the guest ----------------------------------------------------------------------------- */

static void flush(struct network *net)
{
    while (net->out_from < net->out_to) {
        ssize_t n = send(0, net->out + net->out_from, net->out_to - net->out_from,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            exit(0);
        net->out_from += (size_t)n;
    }
    net->out_from = net->out_to = 0;
}

static ssize_t send_packet(const void *buf, size_t size, void *opaque)
{
    struct network *net = opaque;
    uint32_t prefix = htonl((uint32_t)size);
    if (size > FRAME_MAX)
        return -1;
    if (OUT_SIZE - net->out_to < PREFIX + size) {
        memmove(net->out, net->out + net->out_from, net->out_to - net->out_from);
        net->out_to -= net->out_from;
        net->out_from = 0;
        if (OUT_SIZE - net->out_to < PREFIX + size)
            return (ssize_t)size; /* lost; TCP sends it again */
    }
    memcpy(net->out + net->out_to, &prefix, PREFIX);
    memcpy(net->out + net->out_to + PREFIX, buf, size);
    net->out_to += PREFIX + size;
    return (ssize_t)size;
}

/* --- from the guest --------------------------------------------------------------------------- */

static void receive(struct network *net)
{
    ssize_t n = read(0, net->in + net->in_used, IN_SIZE - net->in_used);
    size_t at = 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        exit(0); /* the machine is gone */
    net->in_used += (size_t)n;
    while (net->in_used - at >= PREFIX) {
        uint32_t size;
        memcpy(&size, net->in + at, PREFIX);
        size = ntohl(size);
        if (size > FRAME_MAX)
            exit(1);
        if (net->in_used - at - PREFIX < size)
            break;
        if (size >= 14)
            slirp_input(net->slirp, net->in + at + PREFIX, (int)size);
        at += PREFIX + size;
    }
    net->in_used -= at;
    memmove(net->in, net->in + at, net->in_used);
}

/* --- what libslirp calls ---------------------------------------------------------------------- */

static void guest_error(const char *message, void *opaque)
{
}

static int64_t clock_get_ns(void *opaque)
{
    return now_ns();
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct network *net = opaque;
    for (int i = 0; i < TIMERS_MAX; i++)
        if (!net->timers[i].used) {
            net->timers[i] = (struct timer){ true, INT64_MAX, id, cb_opaque };
            return &net->timers[i];
        }
    die("out of timers");
}

static void timer_free(void *timer, void *opaque)
{
    ((struct timer *)timer)->used = false;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    ((struct timer *)timer)->deadline_ms = expire_ms;
}

static void poll_fd_changed(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new_opaque = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = poll_fd_changed,
    .unregister_poll_fd = poll_fd_changed,
    .notify = notify,
};

/* --- waiting ---------------------------------------------------------------------------------- */

static const struct {
    int slirp;
    short poll;
} events[] = {
    { SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
    { SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static int add_poll(int fd, int wanted, void *opaque)
{
    struct network *net = opaque;
    struct pollfd *p = &net->polls[net->poll_count];
    if (net->poll_count == POLLS_MAX)
        return -1;
    *p = (struct pollfd){ .fd = fd };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (wanted & events[i].slirp)
            p->events = (short)(p->events | events[i].poll);
    return (int)net->poll_count++;
}

static int get_revents(int index, void *opaque)
{
    const struct network *net = opaque;
    int result = 0;
    if (index < 0)
        return 0;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (net->polls[index].revents & events[i].poll)
            result |= events[i].slirp;
    return result;
}

static void run_timers(struct network *net)
{
    int64_t now = now_ns() / 1000000;
    for (int i = 0; i < TIMERS_MAX; i++) {
        struct timer *timer = &net->timers[i];
        if (timer->used && timer->deadline_ms <= now) {
            timer->deadline_ms = INT64_MAX;
            slirp_handle_timer(net->slirp, timer->id, timer->opaque);
        }
    }
}

static uint32_t shorten(const struct network *net, uint32_t timeout_ms)
{
    int64_t now = now_ns() / 1000000;
    for (int i = 0; i < TIMERS_MAX; i++) {
        const struct timer *timer = &net->timers[i];
        int64_t left = timer->deadline_ms - now;
        if (timer->used && timer->deadline_ms != INT64_MAX && left < timeout_ms)
            timeout_ms = left > 0 ? (uint32_t)left : 0;
    }
    return timeout_ms;
}

static void turn(struct network *net)
{
    size_t waiting = net->out_to - net->out_from;
    bool host = waiting < OUT_HIGH, guest = waiting < OUT_SIZE - OUT_SIZE / 8;
    uint32_t timeout_ms = 60000;
    net->poll_count = 1;
    if (host)
        slirp_pollfds_fill(net->slirp, &timeout_ms, add_poll, net);
    net->polls[0] = (struct pollfd){
        .fd = 0,
        .events = (short)((guest ? POLLIN : 0) | (waiting ? POLLOUT : 0)),
    };
    int r = poll(net->polls, net->poll_count, (int)shorten(net, timeout_ms));
    if (r < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    if (host)
        slirp_pollfds_poll(net->slirp, r < 0, get_revents, net);
    if (r > 0 && net->polls[0].revents & (POLLIN | POLLHUP | POLLERR))
        receive(net);
    run_timers(net);
    flush(net);
}

/* --- starting --------------------------------------------------------------------------------- */

static void add_forwards(const struct config *config)
{
    for (unsigned i = 0; i < config->forward_count; i++) {
        const struct forward *f = &config->forwards[i];
        struct in_addr guest = f->guest.s_addr ? f->guest : config->slirp.vdhcp_start;
        if (slirp_add_hostfwd(network.slirp, f->udp, f->host, f->host_port, guest,
                              f->guest_port) < 0)
            die("hostfwd: cannot listen for '%s': %s", f->text, strerror(errno));
    }
}

int main(int argc, char **argv)
{
    static struct config config;
    int type;
    socklen_t length = sizeof(type);
    if (getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM)
        die("vemu-slirp is started by vemu (-netdev user); descriptor 0 is no stream socket");
    signal(SIGPIPE, SIG_IGN);
    config_parse(&config, argc, argv);
    fcntl(0, F_SETFL, O_NONBLOCK);
    network.slirp = slirp_new(&config.slirp, &callbacks, &network);
    if (!network.slirp)
        die("libslirp does not start");
    add_forwards(&config);
    sandbox_enter();
    if (write(2, "ready\n", 6) != 6)
        return 1;
    for (;;)
        turn(&network);
}
