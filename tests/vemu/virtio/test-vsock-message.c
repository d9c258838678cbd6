/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-vsock: connections of messages (SOCK_SEQPACKET), which keep their ends.
 */
#include <poll.h>
#include <unistd.h>

#include "vsock-guest.h"

static void say_piece(struct guest *g, const void *data, uint32_t size, bool last)
{
    struct virtio_vsock_hdr hdr = packet(VIRTIO_VSOCK_OP_RW, 50, 2000);

    hdr.len = htole32(size);
    hdr.flags = htole32(last ? VIRTIO_VSOCK_SEQ_EOM : 0);
    send_packet(g, hdr, data, size);
}

static void host_expect_message(int fd, const char *text)
{
    char buf[256] = { 0 };

    ck_assert_int_eq(recv(fd, buf, sizeof(buf) - 1, 0), (long)strlen(text));
    ck_assert_str_eq(buf, text);
}

/* The next message for the guest: its size and how many packets it was; the data is a count. */
static size_t hear_message(struct guest *g, uint8_t first, unsigned *ret_packets)
{
    struct virtio_vsock_hdr hdr;
    uint8_t data[RX_SIZE];
    size_t size = 0;

    *ret_packets = 0;
    do {
        ck_assert(hear(g, &hdr, data, true));
        ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_RW);
        ck_assert_uint_eq(le16toh(hdr.type), VIRTIO_VSOCK_TYPE_SEQPACKET);
        for (uint32_t i = 0; i < le32toh(hdr.len); i++)
            ck_assert_uint_eq(data[i], (uint8_t)(first + size + i));
        size += le32toh(hdr.len);
        ++*ret_packets;
    } while (!(le32toh(hdr.flags) & VIRTIO_VSOCK_SEQ_EOM));
    return size;
}

START_TEST(test_messages)
{
    g_autofree uint8_t *data = g_malloc(70000);
    struct virtio_vsock_hdr hdr;
    struct guest *g;
    unsigned packets;
    char c;
    int fd;

    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    g = start();
    fd = open_from_guest(g);
    say_piece(g, "in ", 3, false);
    say_piece(g, "pieces", 6, false);
    ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT), -1);
    say_piece(g, ", all", 5, true);
    say_piece(g, NULL, 0, true); /* is none */
    say_piece(g, "next", 4, false);
    say_piece(g, NULL, 0, true);
    host_expect_message(fd, "in pieces, all");
    host_expect_message(fd, "next");
    for (unsigned i = 0; i < 70000; i++)
        data[i] = (uint8_t)i;
    ck_assert_int_eq(send(fd, data, 10000, 0), 10000);
    ck_assert_int_eq(send(fd, data + 7, 1, 0), 1);
    ck_assert_int_eq(send(fd, data, 2, 0), 2);
    ck_assert_uint_eq(hear_message(g, 0, &packets), 10000);
    ck_assert_uint_eq(packets, 3);
    ck_assert_uint_eq(hear_message(g, 7, &packets), 1);
    ck_assert_uint_eq(hear_message(g, 0, &packets), 2);
    /* Larger than the guest can ever take. */
    ck_assert_int_eq(send(fd, data, 70000, 0), 70000);
    hdr = expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    ck_assert_uint_eq(le16toh(hdr.type), VIRTIO_VSOCK_TYPE_SEQPACKET);
    close(fd);
    finish(g);
}
END_TEST

/* A program that does not read: many messages wait, keep their ends, and none is lost when the
 * guest goes. More than the credit is a mistake. */
START_TEST(test_messages_wait)
{
    g_autofree uint8_t *data = g_malloc0(65536);
    struct guest *g;
    int fd;

    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    g = start();
    fd = open_from_guest(g);
    for (unsigned i = 1; i <= 400; i++)
        say_piece(g, data, i, true);
    for (unsigned i = 1; i <= 200; i++)
        ck_assert_int_eq(recv(fd, data, 65536, 0), i);
    say_piece(g, data, 10, false); /* never complete */
    say_shutdown(g, 50, 2000, 3);
    for (unsigned i = 201; i <= 400; i++)
        ck_assert_int_eq(recv(fd, data, 65536, 0), i);
    host_expect_end(fd);
    close(fd);
    finish(g);
}
END_TEST

START_TEST(test_messages_credit)
{
    g_autofree uint8_t *data = g_malloc0(65536);
    struct guest *g;
    int fd;

    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    g = start();
    fd = open_from_guest(g);
    say_piece(g, data, 65536, false);
    say_piece(g, data, 65536, false);
    expect_nothing(g);
    say_piece(g, data, 1, true);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    host_expect_end(fd);
    close(fd);
    finish(g);
}
END_TEST

START_TEST(test_messages_from_host)
{
    struct virtio_vsock_hdr hdr;
    struct guest *g;
    unsigned packets;
    uint32_t port;
    int fd;

    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    g = start();
    fd = host_connect("CONNECT 77\nand more");
    host_expect_end(fd);
    close(fd);
    fd = open_from_host(g, &port);
    ck_assert_int_eq(send(fd, "\1\2\3", 3, 0), 3);
    ck_assert_int_eq(send(fd, "\4", 1, 0), 1);
    ck_assert_uint_eq(hear_message(g, 1, &packets), 3);
    ck_assert_uint_eq(hear_message(g, 4, &packets), 1);
    /* The other type is another connection, which is not there. */
    hdr = packet(VIRTIO_VSOCK_OP_RW, port, 1000);
    hdr.type = htole16(VIRTIO_VSOCK_TYPE_STREAM);
    send_packet(g, hdr, NULL, 0);
    hdr = expect(g, VIRTIO_VSOCK_OP_RST, port, 1000);
    ck_assert_uint_eq(le16toh(hdr.type), VIRTIO_VSOCK_TYPE_STREAM);
    shutdown(fd, SHUT_WR);
    hdr = expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 1000);
    ck_assert_uint_eq(le32toh(hdr.flags), VIRTIO_VSOCK_SHUTDOWN_SEND);
    close(fd);
    expect(g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 1000);
    finish(g);
}
END_TEST

/* Streams and messages do not meet. */
START_TEST(test_types)
{
    struct guest *g;
    int listener;
    struct sockaddr_un a;

    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    g = start();
    type = VIRTIO_VSOCK_TYPE_STREAM;
    listener = host_listen(50);
    type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    say(g, VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    type = 3;
    say(g, VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    expect(g, VIRTIO_VSOCK_OP_RST, 50, 2000);
    close(listener);
    a = address("_50");
    unlink(a.sun_path);
    finish(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_messages,        test_messages_wait,
                                   test_messages_credit, test_messages_from_host,
                                   test_types,           NULL };

    return run_tests("vsock-message", tests);
}
