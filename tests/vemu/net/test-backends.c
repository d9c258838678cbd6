/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network back-ends without a guest, or with two: what they refuse, two machines on one cable,
 * peers that come, go and talk nonsense, tap where the host lets us.
 */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vemu/net.h>

#include "../core/test-main.h"
#include "card.h"

static char path[64];

static void new_path(void)
{
    static int n;

    snprintf(path, sizeof(path), "/tmp/vemu-net-%d-%d", (int)getpid(), n++);
    unlink(path);
}

static struct vemu_net_info net_info(struct vemu_vm *vm)
{
    struct vemu_net_info info = VEMU_NET_INFO_INIT;

    OK(vemu_vm_get_net_info(vm, "n", &info, &err));
    return info;
}

static void wait_link(struct vemu_vm *vm, bool up)
{
    for (int i = 0; i < 5000 && !(net_info(vm).flags & VEMU_NET_LINK_UP) == up; i++)
        g_usleep(1000);
    ck_assert_int_eq(net_info(vm).flags & VEMU_NET_LINK_UP, up);
}

static struct guest *guest_on(struct vemu_vm *vm)
{
    struct guest *g = guest_attach(vm, "virtio-net", "netdev", "n", NULL);

    guest_start(g, CARD_ALL, 2);
    return g;
}

/* Sends frames of many sizes from one card to the other, also around what goes in one piece. */
static void exchange(struct guest *from, struct guest *to)
{
    struct card a = { .g = from }, b = { .g = to };
    uint8_t frame[9014];
    uint32_t len;

    for (unsigned i = 0; i < 100; i++) {
        uint32_t size = i < 30 ? 2030 + i : 60 + (i * 1310) % 8955;
        uint64_t from_heap = from->heap, to_heap = to->heap;
        uint64_t at = card_add_rx(&b, CARD_HDR + sizeof(frame));

        card_frame(frame, size, NULL, (uint8_t)i);
        to->t->notify(to, CARD_RX);
        card_add_tx(&a, frame, size);
        from->t->notify(from, CARD_TX);
        ck_assert_int_ge(guest_wait(from, &from->queues[CARD_TX], &len), 0);
        ck_assert_int_ge(guest_wait(to, &to->queues[CARD_RX], &len), 0);
        ck_assert_uint_eq(len, CARD_HDR + size);
        ck_assert_mem_eq((uint8_t *)guest_ptr(to, at) + CARD_HDR, frame, size);
        from->heap = from_heap;
        to->heap = to_heap;
    }
}

START_TEST(test_two_machines)
{
    const struct vemu_property serve[] = { { "path", path }, { "server", "on" } };
    struct vemu_vm *a = guest_vm(), *b = guest_vm();
    struct guest *ga, *gb;

    new_path();
    OK(vemu_vm_add_net(a, "socket", "n", serve, 2, &err));
    wait_link(a, false);
    OK(vemu_vm_add_net(b, "socket", "n", serve, 1, &err));
    wait_link(a, true);
    ga = guest_on(a);
    gb = guest_on(b);
    exchange(ga, gb);
    exchange(gb, ga);
    guest_free(gb);
    wait_link(a, false);
    guest_free(ga);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(test_datagrams)
{
    char other[sizeof(path) + 4];
    const struct vemu_property first[] = { { "type", "dgram" },
                                           { "local", path },
                                           { "path", other } };
    const struct vemu_property second[] = { { "type", "dgram" },
                                            { "local", other },
                                            { "path", path } };
    struct vemu_vm *a = guest_vm(), *b = guest_vm();
    struct guest *ga, *gb;

    new_path();
    snprintf(other, sizeof(other), "%s.b", path);
    OK(vemu_vm_add_net(a, "socket", "n", first, 3, &err));
    OK(vemu_vm_add_net(b, "socket", "n", second, 3, &err));
    ga = guest_on(a);
    gb = guest_on(b);
    exchange(ga, gb);
    exchange(gb, ga);
    guest_free(ga);
    guest_free(gb);
}
END_TEST

static int serve_at_path(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    return fd;
}

START_TEST(test_reconnect)
{
    const struct vemu_property props[] = { { "path", path }, { "reconnect", "1" } };
    struct vemu_vm *vm = guest_vm();
    int listener, peer;

    new_path();
    FAILS(vemu_vm_add_net(vm, "socket", "n", props, 1, &err), ENOENT, path);
    OK(vemu_vm_add_net(vm, "socket", "n", props, 2, &err));
    wait_link(vm, false);
    listener = serve_at_path();
    for (int i = 0; i < 2; i++) {
        peer = accept(listener, NULL, NULL);
        wait_link(vm, true);
        close(peer);
        wait_link(vm, false);
    }
    close(listener);
    unlink(path);
    vemu_vm_unref(vm);
}
END_TEST

/* A length no frame has ends the connection; frames cut in all ways arrive. */
START_TEST(test_stream_framing)
{
    static const uint8_t huge[] = { 0x7f, 0xff, 0xff, 0xff, 1, 2, 3 };
    const struct vemu_property props[] = { { "path", path } };
    struct vemu_vm *vm = guest_vm();
    uint8_t frame[4 + 700] = { 0 }, back[4 + 700];
    struct card card = { 0 };
    int listener, peer;
    uint32_t len, size = htonl(700);

    new_path();
    listener = serve_at_path();
    OK(vemu_vm_add_net(vm, "socket", "n", props, 1, &err));
    peer = accept(listener, NULL, NULL);
    card.g = guest_on(vm);
    memcpy(frame, &size, 4);
    card_frame(frame + 4, 700, NULL, 8);
    for (unsigned cut = 1; cut < sizeof(frame); cut += cut < 8 ? 1 : 97) {
        uint64_t heap = card.g->heap, at = card_add_rx(&card, 1526);

        card.g->t->notify(card.g, CARD_RX);
        ck_assert_int_eq(send(peer, frame, cut, 0), cut);
        g_usleep(2000);
        ck_assert_int_eq(send(peer, frame + cut, sizeof(frame) - cut, 0), sizeof(frame) - cut);
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        ck_assert_mem_eq((uint8_t *)guest_ptr(card.g, at) + CARD_HDR, frame + 4, 700);
        card.g->heap = heap;
    }
    card_add_tx(&card, frame + 4, 700);
    card.g->t->notify(card.g, CARD_TX);
    ck_assert_int_eq(recv(peer, back, sizeof(back), MSG_WAITALL), sizeof(back));
    ck_assert_mem_eq(back, frame, sizeof(back));
    ck_assert_int_eq(send(peer, huge, sizeof(huge), 0), sizeof(huge));
    wait_link(vm, false);
    guest_free(card.g);
    close(peer);
    close(listener);
    unlink(path);
}
END_TEST

/* The stream's peer stops reading in the middle of a frame, and goes on. */
START_TEST(test_stream_blocked)
{
    enum { COUNT = 120 };
    struct vemu_property props[] = { { "fd", NULL } };
    g_autofree char *fd = NULL;
    struct vemu_vm *vm = guest_vm();
    struct card card = { 0 };
    uint8_t frame[1514], back[4 + 1514];
    int ends[2], peer, small = 4096;
    uint32_t len;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    peer = ends[1];
    props[0].value = fd = g_strdup_printf("%d", ends[0]);
    OK(vemu_vm_add_net(vm, "socket", "n", props, 1, &err));
    card.g = guest_on(vm);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t heap = card.g->heap;

        for (unsigned i = 0; i < COUNT; i++) {
            card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
            card_add_tx(&card, frame, sizeof(frame));
            if (i % 40 == 39)
                card.g->t->notify(card.g, CARD_TX);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
            ck_assert_int_eq(recv(peer, back, sizeof(back), MSG_WAITALL), sizeof(back));
            ck_assert_mem_eq(back + 4, frame, sizeof(frame));
            ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
        }
        card.g->heap = heap;
    }
    ck_assert_uint_gt(net_info(vm).tx_blocked, 0);
    ck_assert_uint_eq(net_info(vm).tx_dropped, 0);
    /* A peer that goes while the guest waits for it lets the guest go on. */
    for (unsigned i = 0; i < COUNT; i++)
        card_add_tx(&card, frame, sizeof(frame));
    card.g->t->notify(card.g, CARD_TX);
    close(peer);
    for (unsigned i = 0; i < COUNT; i++)
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
    guest_free(card.g);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *class_name;
        struct vemu_property props[3];
        int code;
        const char *words;
    } cases[] = {
        { "bridge", { { NULL } }, EINVAL, "'bridge'" },
        { "socket", { { NULL } }, EINVAL, "udp= is given" },
        { "socket", { { "path", "/x" }, { "fd", "3" } }, EINVAL, "exclude" },
        { "socket", { { "path", "/x" }, { "type", "tcp" } }, EINVAL, "'tcp'" },
        { "socket", { { "path", "/x" }, { "type", "dgram" } }, EINVAL, "'local'" },
        { "socket", { { "path", "/x" }, { "local", "/y" } }, EINVAL, "'local'" },
        { "socket",
          { { "path", "/x" }, { "server", "on" }, { "reconnect", "1" } },
          EINVAL,
          "'reconnect'" },
        { "socket", { { "connect", "127.0.0.1" } }, EINVAL, "HOST:PORT" },
        { "socket", { { "connect", "example.org:80" } }, EINVAL, "numeric" },
        { "socket", { { "connect", "127.0.0.1:port" } }, EINVAL, "'port'" },
        { "socket", { { "listen", ":80" }, { "connect", ":80" } }, EINVAL, "exclude" },
        { "socket", { { "listen", ":80" }, { "server", "on" } }, EINVAL, "'server'" },
        { "socket", { { "listen", ":80" }, { "reconnect", "1" } }, EINVAL, "'reconnect'" },
        { "socket", { { "listen", ":80" }, { "type", "dgram" } }, EINVAL, "'listen'" },
        { "socket", { { "listen", "192.0.2.1:80" } }, EADDRNOTAVAIL, "cannot listen" },
        { "socket", { { "udp", "127.0.0.1:80" } }, EINVAL, "'localaddr'" },
        { "socket", { { "connect", ":80" }, { "localaddr", ":8" } }, EINVAL, "'localaddr'" },
        { "socket", { { "udp", "[::1]:80" }, { "localaddr", "127.0.0.1:0" } }, EINVAL, "families" },
        { "socket", { { "fd", "x" } }, EINVAL, "'x'" },
        { "socket", { { "fd", "1000" } }, EBADF, "1000" },
        { "socket", { { "path", "/nowhere/x" } }, ENOENT, "/nowhere/x" },
        { "tap", { { "script", "/etc/qemu-ifup" } }, EINVAL, "'script'" },
        { "tap", { { "downscript", "/x" } }, EINVAL, "'downscript'" },
        { "tap", { { "ifname", "a" }, { "fd", "3" } }, EINVAL, "exclude" },
        { "tap", { { "ifname", "a-name-of-more-than-15" } }, EINVAL, "'ifname'" },
        { "tap", { { "queues", "17" } }, EINVAL, "'queues'" },
        { "tap", { { "queues", "0" } }, EINVAL, "'queues'" },
        { "tap", { { "fd", "1000" } }, EBADF, "1000" },
        { "tap", { { "fd", "0" } }, EINVAL, "tap" },
        { "tap", { { "vhost", "on" } }, EINVAL, "'vhost'" },
        { "user", { { "guestfwd", "tcp:10.0.2.4:80-cmd:x" } }, EINVAL, "'guestfwd'" },
        { "user", { { "helper", "/nowhere/slirp" } }, ENOENT, "/nowhere/slirp" },
        { "user", { { "helper", "/bin/false" } }, EIO, "died" },
    };
    struct vemu_vm *vm = guest_vm();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t count = 0;

        while (count < 3 && cases[i].props[count].name)
            count++;
        FAILS(vemu_vm_add_net(vm, cases[i].class_name, "n", cases[i].props, count, &err),
              cases[i].code, cases[i].words);
    }
    FAILS(vemu_vm_add_net(vm, "socket", NULL, NULL, 0, &err), EINVAL, "id");
    FAILS(vemu_vm_add_net(vm, NULL, "n", NULL, 0, &err), EINVAL, "class");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(test_remove)
{
    const struct vemu_property props[] = { { "path", path }, { "server", "on" } };
    const struct vemu_property card_props[] = { { "netdev", "n" } };
    struct vemu_vm *vm = guest_vm();
    struct vemu_net_info info = { .size = 8 };

    new_path();
    FAILS(vemu_vm_remove_net(vm, "n", &err), ENOENT, "'n'");
    FAILS(vemu_vm_set_net_link(vm, "n", 0, &err), ENOENT, "'n'");
    FAILS(vemu_vm_announce_net(vm, "n", &err), ENOENT, "'n'");
    OK(vemu_vm_add_net(vm, "socket", "n", props, 2, &err));
    FAILS(vemu_vm_add_net(vm, "socket", "n", props, 2, &err), EEXIST, "'n'");
    FAILS(vemu_vm_get_net_info(vm, "n", &info, &err), EINVAL, "size");
    OK(vemu_vm_remove_net(vm, "n", &err));
    OK(vemu_vm_add_net(vm, "socket", "n", props, 2, &err));
    OK(vemu_vm_add_device(vm, "virtio-net", "card", card_props, 1, &err));
    OK(vemu_vm_add_device(vm, "virtio-net", "card2", card_props, 1, &err));
    FAILS(vemu_vm_realize(vm, &err), EBUSY, "'card'");
    FAILS(vemu_vm_remove_net(vm, "n", &err), EBUSY, "'card'");
    vemu_vm_unref(vm);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* A free port of the loopback: nobody else has it while this process lives on. */
static unsigned free_port(int type)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(in);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    close(fd);
    return ntohs(in.sin_port);
}

START_TEST(test_tcp)
{
    g_autofree char *at = g_strdup_printf("127.0.0.1:%u", free_port(SOCK_STREAM));
    const struct vemu_property client[] = { { "connect", at }, { "reconnect", "1" } };
    const struct vemu_property server[] = { { "listen", at } };
    struct vemu_vm *a = guest_vm(), *b = guest_vm();
    struct guest *ga, *gb;

    OK(vemu_vm_add_net(b, "socket", "n", client, 2, &err)); /* nobody is there: it comes back */
    wait_link(b, false);
    OK(vemu_vm_add_net(a, "socket", "n", server, 1, &err));
    FAILS(vemu_vm_add_net(a, "socket", "other", server, 1, &err), EADDRINUSE, "cannot listen");
    wait_link(b, true);
    wait_link(a, true);
    ga = guest_on(a);
    gb = guest_on(b);
    exchange(ga, gb);
    exchange(gb, ga);
    guest_free(gb);
    wait_link(a, false);
    guest_free(ga);
}
END_TEST

START_TEST(test_udp)
{
    g_autofree char *at_a = g_strdup_printf("127.0.0.1:%u", free_port(SOCK_DGRAM));
    g_autofree char *at_b = g_strdup_printf("127.0.0.1:%u", free_port(SOCK_DGRAM));
    const struct vemu_property first[] = { { "udp", at_b }, { "localaddr", at_a } };
    const struct vemu_property second[] = { { "udp", at_a }, { "localaddr", at_b } };
    struct vemu_vm *a = guest_vm(), *b = guest_vm();
    struct guest *ga, *gb;

    OK(vemu_vm_add_net(a, "socket", "n", first, 2, &err));
    wait_link(a, true);
    ga = guest_on(a);
    card_add_tx(&(struct card){ .g = ga }, (const uint8_t[60]){ 0 }, 60); /* to nobody */
    ga->t->notify(ga, CARD_TX);
    OK(vemu_vm_add_net(b, "socket", "n", second, 2, &err));
    gb = guest_on(b);
    exchange(gb, ga);
    guest_free(gb);
    wait_link(a, true);
    guest_free(ga);
}
END_TEST

/* Offloads and queues of a real interface; where that is not allowed, the reason. */
START_TEST(test_tap)
{
    const struct vemu_property props[] = { { "queues", "2" } };
    struct vemu_error *why = NULL;
    struct vemu_vm *vm = guest_vm();
    struct guest *g;
    uint16_t pairs = 2;
    struct card card = { 0 };

    if (vemu_vm_add_net(vm, "tap", "n", props, 1, &why) < 0) {
        ck_assert(strstr(vemu_error_message(why), "tun") ||
                  strstr(vemu_error_message(why), "interface"));
        vemu_error_free(why);
        vemu_vm_unref(vm);
        return;
    }
    card.g = g = guest_attach(vm, "virtio-net", "netdev", "n", NULL);
    guest_start(g, CARD_ALL, 5);
    ck_assert(g->features & CARD_F(MQ));
    ck_assert(g->features & CARD_F(CSUM));
    ck_assert(g->features & CARD_F(GUEST_TSO4));
    ck_assert_uint_eq(
        g->t->config_read(g, offsetof(struct virtio_net_config, max_virtqueue_pairs), 2), 2);
    g->queues[CARD_CTRL] = g->queues[4];
    for (unsigned i = 0; i < 4; i++) {
        pairs = i & 1 ? 1 : 2;
        ck_assert_uint_eq(
            card_control(&card, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
            VIRTIO_NET_OK);
        g_usleep(10000);
    }
    pairs = 3;
    ck_assert_uint_eq(
        card_control(&card, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
        VIRTIO_NET_ERR);
    wait_link(vm, true);
    guest_free(g);
}
END_TEST

/* One more queue of an interface; -1: not here. The first one makes it. */
static int open_queue(struct ifreq *ifr)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    ifr->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
    if (fd >= 0 && ioctl(fd, TUNSETIFF, ifr) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_detached(int fd)
{
    struct ifreq ifr;

    ck_assert_int_eq(ioctl(fd, TUNGETIFF, &ifr), 0);
    return ifr.ifr_flags & IFF_DETACH_QUEUE;
}

/* The queues that a guest does not use are taken off an interface that was handed in, too; and a
 * card offers what its user allows. */
START_TEST(test_tap_descriptors)
{
    struct ifreq ifr = { .ifr_name = "" };
    const int fds[] = { open_queue(&ifr), open_queue(&ifr) };
    const int second = fds[1] < 0 ? -1 : dup(fds[1]);
    g_autofree char *text = g_strdup_printf("%d:%d", fds[0], fds[1]);
    const struct vemu_property props[] = { { "fd", text } };
    struct card card = { 0 };
    struct vemu_vm *vm;
    struct guest *g;

    if (second < 0)
        return; /* test_tap says why */
    vm = guest_vm();
    OK(vemu_vm_add_net(vm, "tap", "n", props, 1, &err));
    ck_assert(is_detached(second));
    card.g = g = guest_attach(vm, "virtio-net", "netdev", "n", "host_tso4", "off", "host_ufo",
                              "off", "guest_tso6", "off", NULL);
    guest_start(g, CARD_ALL, 5);
    ck_assert(g->features & CARD_F(CSUM));
    ck_assert(!(g->features & (CARD_F(HOST_TSO4) | CARD_F(HOST_UFO) | CARD_F(GUEST_TSO6))));
    ck_assert(g->features & CARD_F(HOST_TSO6));
    ck_assert(g->features & CARD_F(GUEST_TSO4));
    g->queues[CARD_CTRL] = g->queues[4];
    for (uint16_t pairs = 2; pairs > 0; pairs--) {
        ck_assert_uint_eq(
            card_control(&card, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
            VIRTIO_NET_OK);
        ck_assert_int_eq(is_detached(second), pairs == 1);
    }
    guest_free(g);
    close(second);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_two_machines,
                                   test_datagrams,
                                   test_reconnect,
                                   test_stream_framing,
                                   test_stream_blocked,
                                   test_refused,
                                   test_remove,
                                   test_tcp,
                                   test_udp,
                                   test_tap,
                                   test_tap_descriptors,
                                   NULL };

    return run_tests("net-backends", tests);
}
