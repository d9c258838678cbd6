/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of virtio-vsock in the test, and the sockets of the host.
 */
#include "vsock-guest.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define SEQPACKET VEMU_VIRTIO_F(VIRTIO_VSOCK_F_SEQPACKET)

static char dir[] = "/tmp/vemu-vsock-XXXXXX";
static char path[64];
uint64_t rx_gpa, tx_gpa;
uint32_t heard;
uint16_t type = VIRTIO_VSOCK_TYPE_STREAM;

/* --- the guest -------------------------------------------------------------------------------- */

void give(struct guest *g, unsigned i)
{
    const struct guest_buffer b = { rx_gpa + RX_SIZE * (uint64_t)i, RX_SIZE, true };

    guest_add(g, &g->queues[0], &b, 1);
}

struct guest *start_with(unsigned buffers)
{
    struct guest *g;

    if (!path[0]) {
        ck_assert_ptr_nonnull(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/v", dir);
    }
    g = guest_new("virtio-vsock", "guest-cid", "7", "uds-path", path, NULL);
    guest_start(g, type == VIRTIO_VSOCK_TYPE_STREAM ? ALL : ALL | SEQPACKET, 3);
    ck_assert_uint_eq(g->t->config_read(g, 0, 8), CID);
    rx_gpa = guest_alloc(g, (uint64_t)RX_SIZE * RX_BUFS, 4096);
    tx_gpa = guest_alloc(g, HDR + 65536, 8);
    for (unsigned i = 0; i < buffers; i++)
        give(g, i);
    g->t->notify(g, 0);
    heard = 0;
    return g;
}

struct guest *start(void)
{
    return start_with(RX_BUFS);
}

void finish(struct guest *g)
{
    ck_assert(!guest_broken(g));
    guest_free(g);
    ck_assert_int_ne(access(path, F_OK), 0); /* the sockets' files went with it */
    ck_assert_int_eq(g_rmdir(dir), 0);
}

struct virtio_vsock_hdr packet(uint16_t op, uint32_t host_port, uint32_t guest_port)
{
    return (struct virtio_vsock_hdr){
        .src_cid = htole64(CID),
        .dst_cid = htole64(2),
        .src_port = htole32(guest_port),
        .dst_port = htole32(host_port),
        .type = htole16(type),
        .op = htole16(op),
        .buf_alloc = htole32(65536),
        .fwd_cnt = htole32(heard),
    };
}

void send_packet(struct guest *g, struct virtio_vsock_hdr hdr, const void *data, uint32_t size)
{
    const struct guest_buffer b[] = { { tx_gpa, HDR, false }, { tx_gpa + HDR, size, false } };

    memcpy(guest_ptr(g, tx_gpa), &hdr, HDR);
    if (size)
        memcpy(guest_ptr(g, tx_gpa + HDR), data, size);
    guest_request(g, &g->queues[1], b, size ? 2 : 1);
}

void say(struct guest *g, uint16_t op, uint32_t host_port, uint32_t guest_port)
{
    send_packet(g, packet(op, host_port, guest_port), NULL, 0);
}

void say_data(struct guest *g, uint32_t host_port, uint32_t guest_port, const void *data,
              uint32_t size)
{
    struct virtio_vsock_hdr hdr = packet(VIRTIO_VSOCK_OP_RW, host_port, guest_port);

    hdr.len = htole32(size);
    send_packet(g, hdr, data, size);
}

void say_shutdown(struct guest *g, uint32_t host_port, uint32_t guest_port, uint32_t flags)
{
    struct virtio_vsock_hdr hdr = packet(VIRTIO_VSOCK_OP_SHUTDOWN, host_port, guest_port);

    hdr.flags = htole32(flags);
    send_packet(g, hdr, NULL, 0);
}

bool hear(struct guest *g, struct virtio_vsock_hdr *hdr, uint8_t *data, bool wait)
{
    uint32_t len;
    int id = wait ? guest_wait(g, &g->queues[0], &len) : guest_take(g, &g->queues[0], &len);
    uint64_t gpa;

    if (id < 0)
        return false;
    gpa = rx_gpa + RX_SIZE * (uint64_t)((unsigned)id % RX_BUFS);
    memcpy(hdr, guest_ptr(g, gpa), HDR);
    ck_assert_uint_eq(le64toh(hdr->dst_cid), CID);
    ck_assert_uint_eq(len, HDR + le32toh(hdr->len));
    if (data)
        memcpy(data, guest_ptr(g, gpa + HDR), le32toh(hdr->len));
    if (le16toh(hdr->op) == VIRTIO_VSOCK_OP_RW)
        heard += le32toh(hdr->len);
    give(g, (unsigned)id % RX_BUFS);
    g->t->notify(g, 0);
    return true;
}

struct virtio_vsock_hdr expect(struct guest *g, uint16_t op, uint32_t host_port,
                               uint32_t guest_port)
{
    struct virtio_vsock_hdr hdr;

    ck_assert(hear(g, &hdr, NULL, true));
    ck_assert_uint_eq(le16toh(hdr.op), op);
    ck_assert_uint_eq(le32toh(hdr.src_port), host_port);
    ck_assert_uint_eq(le32toh(hdr.dst_port), guest_port);
    return hdr;
}

void expect_nothing(struct guest *g)
{
    struct virtio_vsock_hdr hdr;

    fake_sync(g->vm);
    g_usleep(20000);
    fake_sync(g->vm);
    ck_assert(!hear(g, &hdr, NULL, false));
}

/* --- the host --------------------------------------------------------------------------------- */

struct sockaddr_un address(const char *suffix)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    snprintf(a.sun_path, sizeof(a.sun_path), "%s%s", path, suffix);
    return a;
}

static int socket_type(void)
{
    return (type == VIRTIO_VSOCK_TYPE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC;
}

int host_listen(unsigned port)
{
    char suffix[16];
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, socket_type(), 0);

    snprintf(suffix, sizeof(suffix), "_%u", port);
    a = address(suffix);
    unlink(a.sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

int host_connect(const char *hello)
{
    struct sockaddr_un a = address(type == VIRTIO_VSOCK_TYPE_STREAM ? "" : "_seqpacket");
    struct timeval patience = { .tv_sec = 25 };
    int fd = socket(AF_UNIX, socket_type(), 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(send(fd, hello, strlen(hello), 0), (long)strlen(hello));
    return fd;
}

void host_expect(int fd, const char *text)
{
    char buf[256] = { 0 };
    size_t n = 0;

    while (n < strlen(text)) {
        ssize_t r = recv(fd, buf + n, strlen(text) - n, 0);

        ck_assert_int_gt(r, 0);
        n += (size_t)r;
    }
    ck_assert_str_eq(buf, text);
}

void host_expect_end(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "%zd %d", n, errno);
}

int open_from_host(struct guest *g, uint32_t *ret_port)
{
    int fd = host_connect("CONNECT 1000\n");
    struct virtio_vsock_hdr hdr;
    char ok[32];

    heard = 0;
    ck_assert(hear(g, &hdr, NULL, true));
    ck_assert_uint_eq(le16toh(hdr.op), VIRTIO_VSOCK_OP_REQUEST);
    ck_assert_uint_eq(le32toh(hdr.dst_port), 1000);
    ck_assert_uint_eq(le32toh(hdr.buf_alloc), type == VIRTIO_VSOCK_TYPE_STREAM ? BUF : BUF / 2);
    *ret_port = le32toh(hdr.src_port);
    say(g, VIRTIO_VSOCK_OP_RESPONSE, *ret_port, 1000);
    snprintf(ok, sizeof(ok), "OK %u\n", *ret_port);
    host_expect(fd, ok);
    return fd;
}

int open_from_guest(struct guest *g)
{
    int listener = host_listen(50), fd;
    struct sockaddr_un a = address("_50");

    heard = 0;
    say(g, VIRTIO_VSOCK_OP_REQUEST, 50, 2000);
    expect(g, VIRTIO_VSOCK_OP_RESPONSE, 50, 2000);
    fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    close(listener);
    unlink(a.sun_path);
    return fd;
}
