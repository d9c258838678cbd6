/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-vsock: connections from both sides, credit, half-close, resets, what a guest may do wrong.
 */
#include <poll.h>
#include <unistd.h>

#include "vsock-guest.h"

START_TEST(test_from_host)
{
    struct guest *g = start();
    struct virtio_vsock_hdr hdr;
    uint8_t data[RX_SIZE];
    uint32_t port;
    int fd = open_from_host(g, &port);

    ck_assert_int_eq(send(fd, "to the guest", 12, 0), 12);
    ck_assert(hear(g, &hdr, data, true));
    ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_RW);
    ck_assert_mem_eq(data, "to the guest", 12);
    say_data(g, port, 1000, "and back", 8);
    host_expect(fd, "and back");
    /* The guest closes: RST says that it was heard, and the program sees the end. */
    say_shutdown(g, port, 1000, 3);
    expect(g, VIRTIO_VSOCK_OP_RST, port, 1000);
    host_expect_end(fd);
    close(fd);
    finish(g);
}
END_TEST

START_TEST(test_from_guest)
{
    struct guest *g = start();
    int fd = open_from_guest(g);
    struct virtio_vsock_hdr hdr;

    say_data(g, 50, 2000, "question", 8);
    host_expect(fd, "question");
    ck_assert_int_eq(send(fd, "answer", 6, 0), 6);
    hdr = expect(g, VIRTIO_VSOCK_OP_RW, 50, 2000);
    ck_assert_uint_eq(le32toh(hdr.fwd_cnt), 8);
    /* Asking twice for the same is a mistake. */
    say(g, VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    host_expect_end(fd);
    close(fd);
    finish(g);
}
END_TEST

START_TEST(test_refused)
{
    static const char *const hellos[] = {
        "HELLO 1\n",  "CONNECT x\n",   "CONNECT 4294967296\n",
        "CONNECT \n", "CONNECT 1 2\n", "CONNECT 00000000000000000000000001\n",
        "\n",
    };
    struct guest *g = start();
    struct virtio_vsock_hdr hdr;
    uint32_t port;
    int fd;

    say(g, VIRTIO_VSOCK_OP_REQUEST, 51, 2000); /* nobody listens */
    expect(g, VIRTIO_VSOCK_OP_RST, 51, 2000);
    for (size_t i = 0; i < G_N_ELEMENTS(hellos); i++) {
        fd = host_connect(hellos[i]);
        host_expect_end(fd);
        close(fd);
    }
    expect_nothing(g);
    /* The line may come in pieces, and be followed by data at once. */
    fd = host_connect("CONN");
    g_usleep(5000);
    ck_assert_int_eq(send(fd, "ECT 77\nearly", 12, 0), 12);
    ck_assert(hear(g, &hdr, NULL, true));
    ck_assert_uint_eq(le32toh(hdr.dst_port), 77);
    port = le32toh(hdr.src_port);
    say(g, VIRTIO_VSOCK_OP_RESPONSE, port, 77);
    hdr = expect(g, VIRTIO_VSOCK_OP_RW, port, 77);
    ck_assert_uint_eq(le32toh(hdr.len), 5);
    close(fd);
    hdr = expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 77);
    ck_assert_uint_eq(le32toh(hdr.flags), 3);
    say(g, VIRTIO_VSOCK_OP_RST, port, 77);
    /* The guest refuses. */
    fd = host_connect("CONNECT 78\n");
    ck_assert(hear(g, &hdr, NULL, true));
    say(g, VIRTIO_VSOCK_OP_RST, le32toh(hdr.src_port), 78);
    host_expect_end(fd);
    close(fd);
    finish(g);
}
END_TEST

/* A host that does not read: what the guest has credit for is kept, more is a violation. */
START_TEST(test_to_slow_host)
{
    struct guest *g = start();
    int fd = open_from_guest(g);
    g_autofree uint8_t *data = g_malloc(65536), *back = g_malloc(65536);
    struct virtio_vsock_hdr hdr;
    uint32_t sent = 0, got = 0, credit = BUF, fwd = 0;

    for (unsigned round = 0; round < 40 && sent < (4u << 20); round++) {
        while (credit - (sent - fwd) >= 32768 && sent < (4u << 20)) {
            for (unsigned i = 0; i < 32768; i++)
                data[i] = (uint8_t)((sent + i) * 7 >> 3);
            say_data(g, 50, 2000, data, 32768);
            sent += 32768;
            while (hear(g, &hdr, NULL, false)) {
                ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
                fwd = le32toh(hdr.fwd_cnt);
            }
        }
        /* The guest must wait; the host reads everything there is. */
        while (got < sent) {
            ssize_t n = recv(fd, back, 65536, 0), same = 0;

            ck_assert_int_gt(n, 0);
            while (same < n && back[same] == (uint8_t)((got + (uint32_t)same) * 7 >> 3))
                same++;
            ck_assert_int_eq(same, n); /* an assertion for each byte would take long */
            got += (uint32_t)n;
        }
        say(g, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 50, 2000);
        do {
            ck_assert(hear(g, &hdr, NULL, true));
            fwd = le32toh(hdr.fwd_cnt);
        } while (fwd != sent && le16toh(hdr.op) == VIRTIO_VSOCK_OP_CREDIT_UPDATE &&
                 (say(g, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 50, 2000), true));
    }
    ck_assert_uint_eq(got, 4u << 20);
    while (hear(g, &hdr, NULL, false))
        ;
    /* Without regard for credit. */
    for (unsigned i = 0; i < 64; i++)
        say_data(g, 50, 2000, data, 32768);
    do
        ck_assert(hear(g, &hdr, NULL, true));
    while (le16toh(hdr.op) == VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_RST);
    close(fd);
    finish(g);
}
END_TEST

/* A guest that does not take: no more than its credit is sent, and all arrives in the end. */
START_TEST(test_to_slow_guest)
{
    struct guest *g = start();
    int fd = open_from_guest(g);
    g_autofree uint8_t *data = g_malloc(1 << 20);
    uint8_t piece[RX_SIZE];
    struct virtio_vsock_hdr hdr;
    uint32_t asked = 0, told = 0;
    size_t sent = 0;

    for (unsigned i = 0; i < 1 << 20; i++)
        data[i] = (uint8_t)(i * 11 >> 4);
    while (heard < 1 << 20) {
        ssize_t n = sent < 1 << 20 ? send(fd, data + sent, (1 << 20) - sent, MSG_DONTWAIT) : 0;

        sent += n > 0 ? (size_t)n : 0;
        ck_assert(hear(g, &hdr, piece, true));
        if (le16toh(hdr.op) == VIRTIO_VSOCK_OP_CREDIT_REQUEST) {
            asked++;
            expect_nothing(g);
            ck_assert_uint_eq(heard - told, 65536);
            told = heard;
            say(g, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 50, 2000);
            continue;
        }
        ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_RW);
        ck_assert_mem_eq(piece, data + heard - le32toh(hdr.len), le32toh(hdr.len));
    }
    ck_assert_uint_ge(asked, 15);
    close(fd);
    finish(g);
}
END_TEST

START_TEST(test_half_close)
{
    struct guest *g = start();
    int fd = open_from_guest(g);
    struct virtio_vsock_hdr hdr;

    /* The host sends no more, the guest still does. */
    ck_assert_int_eq(send(fd, "last", 4, 0), 4);
    shutdown(fd, SHUT_WR);
    hdr = expect(g, VIRTIO_VSOCK_OP_RW, 50, 2000);
    hdr = expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 50, 2000);
    ck_assert_uint_eq(le32toh(hdr.flags), VIRTIO_VSOCK_SHUTDOWN_SEND);
    say_data(g, 50, 2000, "reply", 5);
    host_expect(fd, "reply");
    say_shutdown(g, 50, 2000, 3);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    host_expect_end(fd);
    close(fd);

    /* The other way round. */
    fd = open_from_guest(g);
    say_data(g, 50, 2000, "bye", 3);
    say_shutdown(g, 50, 2000, VIRTIO_VSOCK_SHUTDOWN_SEND);
    host_expect(fd, "bye");
    host_expect_end(fd);
    ck_assert_int_eq(send(fd, "still", 5, 0), 5);
    expect(g, VIRTIO_VSOCK_OP_RW, 50, 2000);
    close(fd);
    hdr = expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 50, 2000);
    ck_assert_uint_eq(le32toh(hdr.flags), 3);
    say(g, VIRTIO_VSOCK_OP_RST, 50, 2000);

    /* The host is gone while it owes the guest nothing: both directions end. */
    fd = open_from_guest(g);
    shutdown(fd, SHUT_WR);
    expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 50, 2000);
    close(fd);
    hdr = expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, 50, 2000);
    ck_assert_uint_eq(le32toh(hdr.flags), 3);
    finish(g);
}
END_TEST

/* The guest closes at once behind more than the socket holds: nothing is lost. */
START_TEST(test_close_with_data)
{
    struct guest *g = start();
    int fd = open_from_guest(g);
    g_autofree uint8_t *data = g_malloc0(65536);
    size_t got = 0, sent = 0;
    ssize_t n;

    for (unsigned i = 0; i < 6; i++, sent += 60000)
        say_data(g, 50, 2000, data, 60000);
    say_shutdown(g, 50, 2000, 3);
    g_usleep(10000);
    while ((n = recv(fd, data, 65536, 0)) > 0)
        got += (size_t)n;
    ck_assert_uint_eq(got, sent);
    close(fd);
    finish(g);
}
END_TEST

/* Answers wait for buffers; packets wait when there are too many answers. None is lost. */
START_TEST(test_no_buffers)
{
    struct guest *g = start_with(0);
    struct virtio_vsock_hdr hdr;
    unsigned resets = 0;
    uint64_t at = guest_alloc(g, HDR * 128ull, 8);

    for (unsigned round = 0; round < 3; round++) {
        uint32_t len;

        for (unsigned i = 0; i < 128; i++) {
            const struct guest_buffer b = { at + HDR * i, HDR, false };

            hdr = packet(VIRTIO_VSOCK_OP_RW, 9, round * 128 + i);
            memcpy(guest_ptr(g, b.gpa), &hdr, HDR);
            guest_add(g, &g->queues[1], &b, 1);
        }
        g->t->notify(g, 1);
        if (round < 2)
            for (unsigned i = 0; i < 128; i++)
                ck_assert_int_ge(guest_wait(g, &g->queues[1], &len), 0);
        else
            ck_assert_int_eq(guest_take(g, &g->queues[1], &len), -1);
    }
    for (unsigned i = 0; i < RX_BUFS; i++)
        give(g, i);
    g->t->notify(g, 0);
    while (resets < 384) {
        ck_assert(hear(g, &hdr, NULL, true));
        ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_RST);
        ck_assert_uint_eq(le32toh(hdr.dst_port), resets++);
    }
    expect_nothing(g);
    finish(g);
}
END_TEST

START_TEST(test_nonsense)
{
    struct guest *g = start();
    struct virtio_vsock_hdr hdr = packet(VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    struct guest_buffer b = { tx_gpa, 20, false };
    uint32_t port;
    int fd;

    guest_request(g, &g->queues[1], &b, 1); /* half a header */
    hdr.src_cid = htole64(CID + 1);
    send_packet(g, hdr, NULL, 0);
    say(g, VIRTIO_VSOCK_OP_RST, 50, 2000); /* no answer to that */
    expect_nothing(g);
    hdr = packet(VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    hdr.dst_cid = htole64(99);
    send_packet(g, hdr, NULL, 0);
    hdr = expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    ck_assert_uint_eq(le64toh(hdr.src_cid), 99);
    hdr = packet(VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    hdr.type = htole16(2);
    send_packet(g, hdr, NULL, 0);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    for (uint16_t op = 0; op < 12; op++) { /* without a connection */
        if (op == VIRTIO_VSOCK_OP_REQUEST || op == VIRTIO_VSOCK_OP_RST)
            continue;
        say(g, op, 60, 2001);
        expect(g, VIRTIO_VSOCK_OP_RST, 60, 2001);
    }
    for (uint16_t op = 0; op < 12; op++) { /* with one */
        if (op == VIRTIO_VSOCK_OP_RST || (op >= 4 && op <= 7))
            continue;
        fd = open_from_host(g, &port);
        say(g, op, port, 1000);
        expect(g, VIRTIO_VSOCK_OP_RST, port, 1000);
        host_expect_end(fd);
        close(fd);
    }
    fd = open_from_host(g, &port); /* data that are not there */
    hdr = packet(VIRTIO_VSOCK_OP_RW, port, 1000);
    hdr.len = htole32(100000);
    send_packet(g, hdr, "x", 1);
    expect(g, VIRTIO_VSOCK_OP_RST, port, 1000);
    close(fd);
    finish(g);
}
END_TEST

/* A receive buffer that holds no header breaks the device, and a reset repairs it. */
START_TEST(test_small_buffer)
{
    struct guest *g = start_with(0);
    const struct guest_buffer b = { rx_gpa, 20, true };

    guest_add(g, &g->queues[0], &b, 1);
    say(g, VIRTIO_VSOCK_OP_RW, 1, 1);
    ck_assert(guest_broken(g));
    guest_start(g, ALL, 3);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* A reset ends all connections; afterwards there are new ones. */
START_TEST(test_reset)
{
    struct guest *g = start();
    uint32_t port;
    int fd = open_from_host(g, &port), fd2 = open_from_guest(g);

    g->t->set_status(g, 0);
    host_expect_end(fd);
    host_expect_end(fd2);
    close(fd);
    close(fd2);
    fd = host_connect("CONNECT 5\n"); /* no driver, no connection */
    host_expect_end(fd);
    close(fd);
    guest_start(g, ALL, 3);
    for (unsigned i = 0; i < RX_BUFS; i++)
        give(g, i);
    g->t->notify(g, 0);
    fd = open_from_host(g, &port);
    close(fd);
    expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 1000);
    finish(g);
}
END_TEST

/* A guest that was restored hears that its connections are gone. */
START_TEST(test_transport_reset)
{
    struct guest *g = start();
    const struct guest_buffer b = { guest_alloc(g, 8, 8), 8, true };
    uint32_t id = 77, len;

    OK(vemu_vm_start(g->vm, &err));
    memcpy(guest_ptr(g, b.gpa), &id, 4);
    guest_add(g, &g->queues[2], &b, 1);
    g->t->notify(g, 2);
    ck_assert_int_eq(guest_take(g, &g->queues[2], &len), -1);
    OK(vemu_vm_pause(g->vm, &err));
    pthread_mutex_lock(&g->dev->lock);
    vemu__virtio_restored(g->vdev);
    pthread_mutex_unlock(&g->dev->lock);
    OK(vemu_vm_resume(g->vm, &err));
    ck_assert_int_ge(guest_wait(g, &g->queues[2], &len), 0);
    ck_assert_uint_eq(len, 4);
    memcpy(&id, guest_ptr(g, b.gpa), 4);
    ck_assert_uint_eq(id, VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
    finish(g);
}
END_TEST

/* Many at a time, and one too many: it waits until there is room. */
START_TEST(test_many)
{
    struct guest *g = start();
    static int fds[1030];
    struct virtio_vsock_hdr hdr;
    unsigned asked = 0;

    for (unsigned i = 0; i < 1030; i++) {
        fds[i] = host_connect("CONNECT 9\n");
        while (hear(g, &hdr, NULL, false))
            asked++;
    }
    while (asked < 1024) {
        ck_assert(hear(g, &hdr, NULL, true));
        asked++;
    }
    expect_nothing(g);
    say(g, VIRTIO_VSOCK_OP_RST, le32toh(hdr.src_port), 9);
    ck_assert(hear(g, &hdr, NULL, true)); /* one more */
    ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_REQUEST);
    for (unsigned i = 0; i < 1030; i++)
        close(fds[i]);
    finish(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_from_host,
                                   test_from_guest,
                                   test_refused,
                                   test_to_slow_host,
                                   test_to_slow_guest,
                                   test_half_close,
                                   test_close_with_data,
                                   test_no_buffers,
                                   test_nonsense,
                                   test_small_buffer,
                                   test_reset,
                                   test_transport_reset,
                                   test_many,
                                   NULL };

    return run_tests("vsock", tests);
}
