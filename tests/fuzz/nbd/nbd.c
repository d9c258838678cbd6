/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes from the other side of an NBD connection, to the client and to the server.
 *
 *     fuzz-nbd [SEED COUNT | FILE...]
 *
 * The first byte of an input chooses: bit 0: a server's replies, to the client driver, which
 * negotiates and then asks for a few things; else a client's options and requests, to a server with
 * a disk in memory. Bit 1 puts a greeting in front that is right, bit 2 a negotiation too, so that
 * what follows is replies or requests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>
#include <vemu/nbd.h>

#include "image/nbd/client.h"
#include "image/nbd/proto.h"
#include "image/nbd/reply.h"

#define SIZE (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- a hostile server ------------------------------------------------------------------------- */

/* The client's end of a socket pair in which all that the server will ever say is already. */
static int said(const uint8_t *data, size_t size)
{
    const int room = 4 << 20;
    int pair[2];
    ssize_t n;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        abort();
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    n = send(pair[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n; /* the rest is not said */
    shutdown(pair[1], SHUT_WR);
    /* what the client says goes nowhere; its end must stay writable */
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    close(pair[1]);
    return pair[0];
}

static struct nbd_request the_request;

static struct nbd_request *find(void *data, uint64_t cookie)
{
    return cookie % 8 == 0 ? NULL : &the_request;
}

static void play_replies(const uint8_t *data, size_t size)
{
    static uint8_t buf[8192];
    struct iovec iov = { buf, sizeof(buf) };
    struct nbd_export export = { .structured = size & 1, .allocation_id = 1, .min_block = 1 };
    struct nbd_stream stream;
    struct nbd_request *ret = NULL;

    vemu__nbd_stream_init(&stream, said(data, size));
    stream.buffered = size & 2;
    the_request = (struct nbd_request){
        .type = size & 4   ? NBD_CMD_READ
                : size & 8 ? NBD_CMD_BLOCK_STATUS
                           : NBD_CMD_WRITE,
        .offset = 4096,
        .bytes = sizeof(buf),
        .iov = &iov,
        .iov_count = 1,
    };
    while (vemu__nbd_reply_read(&stream, &export, find, NULL, &ret) >= 0)
        ;
    vemu__nbd_stream_fini(&stream);
}

static void play_server(const uint8_t *data, size_t size, bool transmission)
{
    struct nbd_handshake handshake = {
        .stream.fd = -1, .server_flags = NBD_FLAG_FIXED_NEWSTYLE, .tls.pidfd = -1, .budget = 1 << 20
    };
    struct nbd_export export;

    if (transmission) {
        play_replies(data, size);
        return;
    }
    vemu__nbd_stream_init(&handshake.stream, said(data, size));
    if (vemu__nbd_handshake_go(&handshake, "x", &export, NULL) >= 0)
        vemu__nbd_export_clear(&export);
    vemu__nbd_handshake_end(&handshake, false);
}

/* --- a hostile client ------------------------------------------------------------------------- */

static struct vemu_nbd_server *server;

static void start_server(void)
{
    struct vemu_nbd_server_options options = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct vemu_nbd_export_options export = VEMU_NBD_EXPORT_OPTIONS_INIT;
    struct vemu_image_open_options open_options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *err = NULL;
    struct vemu_image *image = NULL;
    g_autofree char *path = NULL;
    int fd = memfd_create("fuzz-nbd", 0);

    path = g_strdup_printf("/proc/self/fd/%d", fd);
    open_options.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP;
    open_options.format = "raw";
    options.max_requests = 2;
    options.handshake_timeout_ms = 1000;
    if (ftruncate(fd, SIZE) < 0 || vemu_image_open(path, &open_options, &image, &err) < 0 ||
        vemu_nbd_server_new(&options, &server, &err) < 0) {
        fprintf(stderr, "%s\n", vemu_error_message(err));
        abort();
    }
    export.image = image;
    export.name = "x";
    export.flags = VEMU_NBD_EXPORT_WRITABLE | VEMU_NBD_EXPORT_ALLOCATION_DEPTH;
    if (vemu_nbd_server_add_export(server, &export, &err) < 0 ||
        vemu_nbd_server_listen_inet(server, "127.0.0.1", "0", &err) < 0 ||
        vemu_nbd_server_start(server, &err) < 0)
        abort();
    vemu_image_close(image);
}

static const uint8_t negotiation[] = {
    0,   0,   0,   3,                                                             /* client flags */
    'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T', 0,   0,   0,   8,   0,   0,   0,   0, /* structured */
    'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T', 0,   0,   0,   10,  0,   0,   0,   28, /* contexts */
    0,   0,   0,   1,   'x', 0,   0,   0,   1,   0,   0,   0,   15,  'b', 'a', 's',
    'e', ':', 'a', 'l', 'l', 'o', 'c', 'a', 't', 'i', 'o', 'n', 'I', 'H', 'A', 'V',
    'E', 'O', 'P', 'T', 0,   0,   0,   7,   0,   0,   0,   7, /* go */
    0,   0,   0,   1,   'x', 0,   0,
};

static void drain(int fd)
{
    uint8_t buf[65536];

    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
}

static void play_client(const uint8_t *data, size_t size, unsigned head)
{
    uint8_t buf[65536];
    int pair[2];

    if (!server)
        start_server();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        vemu_nbd_server_add_client(server, pair[0], NULL) < 0)
        abort();
    if (head && send(pair[1], negotiation, head, MSG_NOSIGNAL) < 0)
        abort();
    while (size) {
        ssize_t n = send(pair[1], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        drain(pair[1]);
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        } else if (errno != EAGAIN) {
            break;
        }
    }
    shutdown(pair[1], SHUT_WR);
    while (recv(pair[1], buf, sizeof(buf), 0) > 0)
        ;
    close(pair[1]);
    while (vemu_nbd_server_get_clients(server))
        g_usleep(20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 65536)
        return 0;
    if (data[0] & 1)
        play_server(data + 1, size - 1, data[0] & 4);
    else
        play_client(data + 1, size - 1, data[0] & 4 ? sizeof(negotiation) : data[0] & 2 ? 4 : 0);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t state;

static uint32_t random32(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static uint64_t odd_number(void)
{
    static const uint64_t numbers[] = { 0,          1,         511,        512,
                                        4096,       8192,      SIZE - 1,   SIZE,
                                        SIZE + 1,   1u << 25,  UINT32_MAX, UINT32_MAX - 7,
                                        1ull << 63, UINT64_MAX };
    return random32() % 4 ? numbers[random32() % G_N_ELEMENTS(numbers)] : random32() % SIZE;
}

/* A message that is nearly right, of the kind that the first byte promises. */
static uint8_t *put_message(uint8_t *p, unsigned kind)
{
    uint32_t extra = random32() % 48;

    if (kind & 1 && kind & 4) { /* reply */
        bool structured = random32() % 3;
        p = be_put32(p, structured ? NBD_STRUCTURED_REPLY_MAGIC : NBD_SIMPLE_REPLY_MAGIC);
        if (structured) {
            p = be_put16(p, random32() % 2);
            p = be_put16(p, random32() % 7 + (random32() % 4 ? 0 : 0x8000));
        } else {
            p = be_put32(p, random32() % 3 ? 0 : random32() % 120);
        }
        p = be_put64(p, random32());
        if (structured)
            p = be_put32(p, random32() % 3 ? extra : (uint32_t)odd_number());
        if (random32() % 2)
            p = be_put64(p, odd_number());
    } else if (kind & 1) { /* reply to an option */
        p = be_put64(p, NBD_REPLY_MAGIC);
        p = be_put32(p, (uint32_t[]){ 8, 10, 7, 1 }[random32() % 4]);
        p = be_put32(p, random32() % 5 + (random32() % 4 ? 0 : NBD_REP_IS_ERROR));
        p = be_put32(p, random32() % 8 ? extra : (uint32_t)odd_number());
    } else if (kind & 4) { /* request */
        p = be_put32(p, NBD_REQUEST_MAGIC);
        p = be_put16(p, random32() % 3 ? 0 : random32() % 64);
        p = be_put16(p, random32() % 9);
        p = be_put64(p, random32());
        p = be_put64(p, odd_number());
        p = be_put32(p, random32() % 2 ? extra : (uint32_t)odd_number());
    } else { /* option */
        p = be_put64(p, NBD_OPTION_MAGIC);
        p = be_put32(p, random32() % 12);
        p = be_put32(p, random32() % 8 ? extra : (uint32_t)odd_number());
    }
    for (uint32_t i = 0; i < extra; i++)
        *p++ = (uint8_t)(random32() % 3 ? random32() % 3 : random32());
    return p;
}

static void run_random(uint64_t seed, uint64_t count)
{
    uint8_t data[4096];

    state = seed;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *p = data;

        *p++ = (uint8_t)random32();
        for (unsigned n = random32() % 20; n; n--)
            p = put_message(p, data[0]);
        if (random32() % 3 == 0)
            data[random32() % (p - data)] ^= (uint8_t)random32();
        LLVMFuzzerTestOneInput(data, (size_t)(p - data));
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && argv[1][0] >= '0' && argv[1][0] <= '9') {
        run_random(strtoull(argv[1], NULL, 0), strtoull(argv[2], NULL, 0));
    } else if (argc == 1) {
        run_random(1, 3000);
    }
    for (int i = 1; i < argc && !(argv[1][0] >= '0' && argv[1][0] <= '9'); i++) {
        char *data = NULL;
        gsize size = 0;

        if (!g_file_get_contents(argv[i], &data, &size, NULL))
            return 1;
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        g_free(data);
    }
    vemu_nbd_server_free(server);
    return 0;
}
#endif
