/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of a hostile client to a whole server, and replies of a hostile server to a whole client.
 *
 *     fuzz-rpc-server | fuzz-rpc-client  [SEED COUNT | FILE]
 *
 * Both are a server in this process that gets well-formed calls of any procedure with odd
 * arguments. fuzz-rpc-server's serves the driver for tests. fuzz-rpc-client's serves a connection
 * to another server, which lies: so each call is one of the client's functions, and what it is told
 * is made up.
 *
 * What is checked: each call is answered within a time, by a packet of the protocol.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/server.h"
#include "value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MOST 12
#define PATIENCE_S 30

static char dir[] = "/tmp/fuzz-rpc-XXXXXX";

static void require(bool condition, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void require(bool condition, const char *format, ...)
{
    va_list ap;

    if (condition)
        return;
    va_start(ap, format);
    fputs("fuzz-rpc: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

static void remove_dir(void)
{
    rmdir(dir);
}

static struct sockaddr_un address(const char *name)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
    return addr;
}

static void send_packet(int fd, const struct vmgr__rpc_header *h, const GByteArray *payload)
{
    struct vmgr__rpc_out *out = vmgr__rpc_out_raw(h, payload->data, payload->len);
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    while (out && vmgr__rpc_out_send(out, fd) == 0)
        poll(&p, 1, 1000);
    vmgr__rpc_out_free(out);
}

/* The next packet of a blocking socket; NULL: there is none in time, or never. */
static struct vmgr__rpc_packet *receive(int fd, struct vmgr__rpc_reader *reader)
{
    struct vmgr__rpc_packet *packet = NULL;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int r;

    while ((r = vmgr__rpc_reader_next(reader, &packet)) == 0) {
        const int ready = poll(&p, 1, PATIENCE_S * 1000);

        if (ready == 0 || (ready < 0 && errno != EINTR)) /* libFuzzer has an alarm */
            return NULL;
        if (ready > 0 && vmgr__rpc_reader_fill(reader, fd) == 0)
            return NULL;
    }
    return r == 1 ? packet : NULL;
}

/* ---- the server that lies ---- */

struct liar {
    pthread_t thread;
    int listen_fd, fd;
    struct fuzz_source source;
};

static void reply(struct liar *l, const struct vmgr__rpc_header *call, int status,
                  const struct vmgr__wire_layout *layout)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    struct vmgr__rpc_header h = *call;

    h.type = RPC_REPLY;
    h.status = status;
    fuzz_payload(&l->source, layout, payload);
    send_packet(l->fd, &h, payload);
}

/* An event that nobody may have asked for, a part of a stream, a sign of life. */
static void interrupt(struct liar *l, const struct vmgr__rpc_header *call)
{
    const struct vmgr__wire_call *event;
    g_autoptr(GByteArray) payload = g_byte_array_new();
    struct vmgr__rpc_header h = *call;

    h.status = (int32_t)(fuzz_take(&l->source, 1) % 4);
    switch (fuzz_take(&l->source, 1) % 3) {
    case 0:
        h.type = RPC_MESSAGE;
        h.serial = 0;
        h.status = RPC_OK;
        h.procedure = (int32_t)(fuzz_take(&l->source, 2) % WIRE_REMOTE_CALLS + 1);
        event = vmgr__wire_call(&vmgr__wire_remote, h.procedure);
        fuzz_payload(&l->source, event ? event->args : NULL, payload);
        break;
    case 1:
        h.type = fuzz_take(&l->source, 1) % 2 ? RPC_STREAM : RPC_STREAM_HOLE;
        h.serial -= fuzz_take(&l->source, 1) % 4;
        fuzz_payload(&l->source, h.status == RPC_ERROR ? &vmgr__wire_layout_error : NULL, payload);
        g_byte_array_append(payload, (const uint8_t *)"some bytes", 10);
        break;
    default:
        h.type = (int32_t)fuzz_take(&l->source, 1);
        h.serial = fuzz_take(&l->source, 1);
        if (h.type == RPC_REPLY || h.type == RPC_REPLY_WITH_FDS)
            h.serial += 1000000; /* of no call: else that one is answered */
    }
    send_packet(l->fd, &h, payload);
}

/* 0: the connection is over. */
static int lie(struct liar *l, const struct vmgr__rpc_packet *call)
{
    const struct vmgr__rpc_header *h = &call->header;
    const struct vmgr__wire_call *wire = vmgr__wire_call(
        h->program == WIRE_QEMU_PROGRAM ? &vmgr__wire_qemu : &vmgr__wire_remote, h->procedure);
    static const uint8_t one[] = { 0, 0, 0, 1, 0, 0, 0, 0 };
    g_autoptr(GByteArray) payload = g_byte_array_new();
    struct vmgr__rpc_header ok = *h;
    uint32_t how;

    ok.type = RPC_REPLY;
    if (h->type == RPC_STREAM && h->status != RPC_CONTINUE) { /* an end is waited for */
        ok.type = RPC_STREAM;
        ok.status = RPC_OK;
        send_packet(l->fd, &ok, payload);
    }
    if (h->type != RPC_CALL)
        return 1; /* of streams, of keepalive */
    if (h->procedure == WIRE_AUTH_LIST || h->procedure == WIRE_CONNECT_SUPPORTS_FEATURE)
        g_byte_array_append(payload, one, h->procedure == WIRE_AUTH_LIST ? 8 : 4);
    if (h->procedure == WIRE_AUTH_LIST || h->procedure == WIRE_CONNECT_SUPPORTS_FEATURE ||
        h->procedure == WIRE_CONNECT_OPEN || h->procedure == WIRE_CONNECT_CLOSE) {
        send_packet(l->fd, &ok, payload);
        return 1;
    }
    how = fuzz_take(&l->source, 1);
    for (uint32_t n = how >> 6; n > 1; n--)
        interrupt(l, h);
    how &= 63;
    if (how == 63)
        return 0;
    if (how == 62)
        ok.procedure++;
    if (how > 55)
        reply(l, &ok, RPC_ERROR, &vmgr__wire_layout_error);
    else
        reply(l, &ok, how == 55 ? RPC_CONTINUE : RPC_OK, wire ? wire->ret : NULL);
    return 1;
}

static void *lie_on(void *data)
{
    struct liar *l = data;
    struct vmgr__rpc_reader reader;
    struct vmgr__rpc_packet *packet;
    int more = 1;

    l->fd = accept(l->listen_fd, NULL, NULL);
    vmgr__rpc_reader_init(&reader);
    while (more && l->fd >= 0 && (packet = receive(l->fd, &reader))) {
        more = lie(l, packet);
        vmgr__rpc_packet_free(packet);
    }
    vmgr__rpc_reader_fini(&reader);
    shutdown(l->fd, SHUT_RDWR);
    return NULL;
}

static void liar_start(struct liar *l, struct fuzz_source source)
{
    struct sockaddr_un addr = address("liar");

    l->source = source;
    l->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(addr.sun_path);
    require(bind(l->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
                listen(l->listen_fd, 4) == 0 && pthread_create(&l->thread, NULL, lie_on, l) == 0,
            "cannot listen: %s", g_strerror(errno));
}

static void liar_stop(struct liar *l)
{
    shutdown(l->listen_fd, SHUT_RDWR);
    pthread_join(l->thread, NULL);
    if (l->fd >= 0)
        close(l->fd);
    close(l->listen_fd);
    unlink(address("liar").sun_path);
}

/* ---- the client ---- */

static void check_reply(const struct vmgr__rpc_packet *p, const struct vmgr__wire_call *wire)
{
    const struct vmgr__wire_layout *layout =
        p->header.status == RPC_ERROR ? &vmgr__wire_layout_error : wire->ret;
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    g_autofree uint8_t *value = g_malloc0(layout ? layout->size + 16 : 16);
    g_autofree uint8_t *copy = g_memdup2(p->payload, p->size);
    const ssize_t n = layout ? vmgr__wire_decode(layout, copy, p->size, &arena, value) : 0;

    require(n == (ssize_t)p->size, "%s: a reply of %u bytes is read as %zd", wire->name, p->size,
            n);
    vmgr__arena_clear(&arena);
}

/* Calls, and waits for its reply. */
static bool call(int fd, struct vmgr__rpc_reader *reader, uint32_t serial, int procedure,
                 struct fuzz_source *source)
{
    const struct vmgr__wire_call *wire = vmgr__wire_call(&vmgr__wire_remote, procedure);
    struct vmgr__rpc_header h = {
        WIRE_REMOTE_PROGRAM, WIRE_REMOTE_VERSION, procedure, RPC_CALL, serial, RPC_OK
    };
    g_autoptr(GByteArray) payload = g_byte_array_new();
    struct vmgr__rpc_packet *p;
    bool replied;

    if (source) {
        fuzz_payload(source, wire->args, payload);
    } else { /* CONNECT_OPEN without a name */
        static const uint8_t nothing[8];

        g_byte_array_append(payload, nothing, procedure == WIRE_CONNECT_OPEN ? 8 : 0);
    }
    send_packet(fd, &h, payload);
    do {
        p = receive(fd, reader);
        require(p != NULL, "%s is not answered", wire->name);
        replied = p->header.type == RPC_REPLY && p->header.serial == serial;
        if (replied && !(wire->flags & WIRE_CALL_EVENT))
            check_reply(p, wire);
        vmgr__rpc_packet_free(p);
    } while (!replied);
    return true;
}

static void *serve(void *data)
{
    g_autofree char *err = NULL;

    require(vmgr__server_run(data, &err) == 0, "the server ends: %s", err);
    return NULL;
}

static void be_client(struct fuzz_source *source)
{
    struct sockaddr_un addr = address("server");
    struct vmgr__rpc_reader reader;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint32_t serial = 0;

    require(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "cannot connect: %s",
            g_strerror(errno));
    vmgr__rpc_reader_init(&reader);
    call(fd, &reader, serial++, WIRE_AUTH_LIST, NULL);
    call(fd, &reader, serial++, WIRE_CONNECT_OPEN, NULL);
    for (int i = 0; i < CALLS_MOST && source->left; i++) {
        const int procedure = (int)(fuzz_take(source, 2) % WIRE_REMOTE_CALLS) + 1;

        call(fd, &reader, serial++, procedure, source);
    }
    vmgr__rpc_reader_fini(&reader);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize ready;
    struct vmgr__server_options o = { .uri = "test:///default",
                                      .limits = VMGR__SERVER_LIMITS_INIT };
    struct vmgr__server *s = NULL;
    struct fuzz_source calls = { data, size };
    struct liar liar = { .fd = -1 };
    g_autofree char *uri = NULL, *err = NULL;
    pthread_t thread;
    int r;

    if (g_once_init_enter(&ready)) {
        signal(SIGPIPE, SIG_IGN);
        require(mkdtemp(dir) != NULL, "cannot make %s", dir);
        atexit(remove_dir);
        g_once_init_leave(&ready, 1);
    }
    if (FUZZ_CLIENT) {
        calls.left = size / 2;
        liar_start(&liar, (struct fuzz_source){ data + calls.left, size - calls.left });
        o.uri = uri = g_strdup_printf("test+unix:///default?socket=%s/liar", dir);
    }
    r = vmgr__server_new(&o, &s, &err);
    if (r < 0) { /* what it asks its own server for is not always answered */
        require(FUZZ_CLIENT && err, "no server: %s", err);
        shutdown(liar.fd, SHUT_RDWR);
        liar_stop(&liar);
        return 0;
    }
    r = vmgr__server_listen(s, address("server").sun_path, false, &err);
    require(r == 0, "cannot serve: %s", err);
    r = pthread_create(&thread, NULL, serve, s);
    require(r == 0, "no thread: %s", g_strerror(r));
    be_client(&calls);
    vmgr__server_stop(s);
    pthread_join(thread, NULL);
    if (FUZZ_CLIENT)
        shutdown(liar.fd, SHUT_RDWR);
    vmgr__server_free(s);
    if (FUZZ_CLIENT)
        liar_stop(&liar);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t state;

static uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 2 ? strtoull(argv[1], NULL, 10) : 1;
    const unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 300;
    uint8_t input[512];
    g_autofree char *text = NULL;
    gsize size;

    if (argc == 2) {
        if (g_file_get_contents(argv[1], &text, &size, NULL))
            return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
        fprintf(stderr, "usage: fuzz-rpc-server [SEED COUNT | FILE]\n");
        return 2;
    }
    state = seed * 0x9e3779b97f4a7c15u | 1;
    for (unsigned i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(input); k++)
            input[k] = (uint8_t)random32();
        LLVMFuzzerTestOneInput(input, sizeof(input));
    }
    return 0;
}
#endif
