/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The protocol, white box: codec against recorded packets and against hostile bytes, framing,
 * descriptors on the way, keepalive, typed parameters.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errors.h"
#include "harness.h"
#include "keepalive.h"
#include "layer.h"
#include "params.h"
#include "spin.h"

static const struct vmgr__wire_layout *layout_of(const struct vmgr__rpc_header *h)
{
    const struct vmgr__wire_program *program =
        h->program == WIRE_QEMU_PROGRAM ? &vmgr__wire_qemu : &vmgr__wire_remote;
    const struct vmgr__wire_call *call = vmgr__wire_call(program, h->procedure);

    ck_assert_uint_eq(h->program, program->number);
    ck_assert_ptr_nonnull(call);
    if (h->status == RPC_ERROR)
        return &vmgr__wire_layout_error;
    return h->type == RPC_REPLY || h->type == RPC_REPLY_WITH_FDS ? call->ret : call->args;
}

static GByteArray *from_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    for (; g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2) {
        const guint8 byte =
            (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

/* Decodes what libvirt sent, with nothing left, and makes the same bytes of it again. */
static void round_trip(const char *line)
{
    const char *hex = strrchr(line, ' ') + 1;
    g_autoptr(GByteArray) bytes = from_hex(hex);
    g_autoptr(GByteArray) again = g_byte_array_new();
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    const struct vmgr__wire_layout *layout;
    struct vmgr__rpc_packet *p = NULL;
    struct vmgr__rpc_reader reader;
    g_autofree uint8_t *before = NULL;
    void *value;

    vmgr__rpc_reader_init(&reader);
    vmgr__rpc_reader_feed(&reader, bytes->data, bytes->len);
    ck_assert_int_eq(vmgr__rpc_reader_next(&reader, &p), 1);
    layout = layout_of(&p->header);
    if (!layout) {
        ck_assert_msg(p->size == 0, "%s: has %u bytes too many", line, p->size);
    } else {
        before = g_memdup2(p->payload, p->size);
        value = vmgr__arena_alloc(&arena, layout->size);
        ck_assert_msg(vmgr__wire_decode(layout, p->payload, p->size, &arena, value) ==
                          (ssize_t)p->size,
                      "%s", line);
        ck_assert_int_eq(vmgr__wire_encode(layout, value, again), 0);
        ck_assert_uint_eq(again->len, p->size);
        ck_assert_msg(memcmp(again->data, before, p->size) == 0, "%s", line);
    }
    vmgr__arena_clear(&arena);
    vmgr__rpc_packet_free(p);
    vmgr__rpc_reader_fini(&reader);
}

START_TEST(test_samples)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    int n = 0;

    ck_assert(g_file_get_contents(SAMPLES, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (!**line || **line == '#')
            continue;
        round_trip(*line);
        n++;
    }
    ck_assert_int_gt(n, 200);
}
END_TEST

/* What a program's table must be for the calls to be where their numbers say. */
START_TEST(test_tables)
{
    ck_assert_uint_eq(vmgr__wire_remote.n_calls, WIRE_REMOTE_CALLS);
    ck_assert_str_eq(vmgr__wire_call(&vmgr__wire_remote, WIRE_DOMAIN_LOOKUP_BY_NAME)->name,
                     "domain_lookup_by_name");
    ck_assert_int_eq(WIRE_DOMAIN_LOOKUP_BY_NAME, 23);
    ck_assert_int_eq(WIRE_CONNECT_GET_ALL_DOMAIN_STATS, 344);
    ck_assert_ptr_null(vmgr__wire_call(&vmgr__wire_remote, 0));
    ck_assert_ptr_null(vmgr__wire_call(&vmgr__wire_remote, -1));
    ck_assert_ptr_null(vmgr__wire_call(&vmgr__wire_remote, WIRE_REMOTE_CALLS + 1));
    /* Nothing that changes something is open to a read-only client. */
    for (uint32_t i = 0; i < vmgr__wire_remote.n_calls; i++) {
        static const char *const changes[] = { "_set_",    "_create",   "_destroy",  "_undefine",
                                               "_define_", "_shutdown", "_reboot",   "_attach_",
                                               "_detach_", "_delete",   "_migrate_", "_resume",
                                               "_suspend", "_rename",   "_console" };
        const struct vmgr__wire_call *c = &vmgr__wire_remote.calls[i];

        for (size_t k = 0; k < G_N_ELEMENTS(changes); k++)
            ck_assert_msg(!(c->flags & WIRE_CALL_READ) || !strstr(c->name, changes[k]) ||
                              g_str_has_prefix(c->name, "connect_num_of_defined_") ||
                              g_str_has_prefix(c->name, "connect_list_defined_"),
                          "%s is open to read-only clients", c->name);
    }
}
END_TEST

static ssize_t decode_name(const char *hex, struct vmgr__arena *arena, char **ret)
{
    static struct wire_domain_lookup_by_name_args args;
    GByteArray *bytes = from_hex(hex);
    const ssize_t n =
        vmgr__wire_decode(vmgr__wire_call(&vmgr__wire_remote, WIRE_DOMAIN_LOOKUP_BY_NAME)->args,
                          bytes->data, bytes->len, arena, &args);

    *ret = n < 0 ? NULL : vmgr__arena_strdup(arena, args.name);
    g_byte_array_unref(bytes);
    return n;
}

START_TEST(test_strings)
{
    static const struct {
        const char *hex;
        ssize_t n;
        const char *text;
    } cases[] = {
        { "0000000274310000", 8, "t1" },
        { "0000000274310102", 8, "t1" },         /* padding that is not zero */
        { "00000002743100005a5a5a5a", 8, "t1" }, /* bytes after it */
        { "0000000461626364", 8, "abcd" },       /* no padding: the terminator finds a place */
        { "00000000", 4, "" },
        { "", -EBADMSG, NULL },
        { "000000", -EBADMSG, NULL },
        { "0000006461626364", -EBADMSG, NULL }, /* longer than there is */
        { "004c4b4061626364", -EBADMSG, NULL }, /* longer than there may be */
        { "ffffffff61626364", -EBADMSG, NULL },
        { "000000026100", -EBADMSG, NULL },     /* padding missing */
        { "0000000461006364", -EBADMSG, NULL }, /* a NUL inside */
    };
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    char *text;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        ck_assert_msg(decode_name(cases[i].hex, &arena, &text) == cases[i].n, "%s", cases[i].hex);
        ck_assert_pstr_eq(text, cases[i].text);
    }
    vmgr__arena_clear(&arena);
}
END_TEST

/* A list of stats with `domains` announced and nothing behind. */
START_TEST(test_lists)
{
    const struct vmgr__wire_layout *layout =
        vmgr__wire_call(&vmgr__wire_remote, WIRE_CONNECT_GET_ALL_DOMAIN_STATS)->args;
    struct wire_connect_get_all_domain_stats_args args;
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    g_autoptr(GByteArray) bytes = from_hex("000040000000000000000000");
    g_autoptr(GByteArray) out = g_byte_array_new();
    const struct vmgr__wire_layout *reply =
        vmgr__wire_call(&vmgr__wire_remote, WIRE_CONNECT_LIST_ALL_DOMAINS)->ret;
    struct wire_connect_list_all_domains_ret ret = { 0 };

    ck_assert_int_eq(vmgr__wire_decode(layout, bytes->data, bytes->len, &arena, &args), -EBADMSG);
    ck_assert_uint_eq(arena.allocated, 0); /* not believed, not allocated */
    vmgr__put32(bytes->data, 16385);
    ck_assert_int_eq(vmgr__wire_decode(layout, bytes->data, bytes->len, &arena, &args), -EBADMSG);
    vmgr__put32(bytes->data, 0);
    ck_assert_int_eq(vmgr__wire_decode(layout, bytes->data, bytes->len, &arena, &args), 12);

    ret.domains.n = 16385;
    ret.domains.v = g_new0(struct wire_domain, ret.domains.n);
    ck_assert_int_eq(vmgr__wire_encode(reply, &ret, out), -E2BIG);
    ret.domains.n = 1; /* a domain must have a name */
    ck_assert_int_eq(vmgr__wire_encode(reply, &ret, out), -EINVAL);
    ck_assert_uint_eq(out->len, 0);
    g_free(ret.domains.v);
    vmgr__arena_clear(&arena);
}
END_TEST

START_TEST(test_values)
{
    const struct vmgr__wire_layout *layout =
        vmgr__wire_call(&vmgr__wire_remote, WIRE_NODE_GET_MEMORY_PARAMETERS)->ret;
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    struct wire_node_get_memory_parameters_ret ret = { 0 }, back;
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct vmgr__params p;

    vmgr__params_init(&p, &arena);
    vmgr__params_add_int(&p, -5, "a.%d", 1);
    vmgr__params_add_uint(&p, 4000000000u, "b");
    vmgr__params_add_ullong(&p, UINT64_MAX, "c");
    vmgr__params_add_string(&p, "text", "d");
    ret.params.v = vmgr__params_end(&p, &ret.params.n);
    ck_assert_int_eq(vmgr__wire_encode(layout, &ret, out), 0);
    ck_assert_int_eq(vmgr__wire_decode(layout, out->data, out->len, &arena, &back), (int)out->len);
    ck_assert_uint_eq(back.params.n, 4);
    ck_assert_str_eq(back.params.v[0].field, "a.1");
    ck_assert_int_eq(back.params.v[0].value.i, -5);
    ck_assert_uint_eq(back.params.v[1].value.ui, 4000000000u);
    ck_assert_uint_eq(back.params.v[2].value.ul, UINT64_MAX);
    ck_assert_str_eq(back.params.v[3].value.s, "text");
    ret.params.v[0].value.type = 8;
    ck_assert_int_eq(vmgr__wire_encode(layout, &ret, out), -EINVAL);
    vmgr__arena_clear(&arena);
}
END_TEST

static const struct vmgr__rpc_header some_header = { WIRE_REMOTE_PROGRAM, 1, 3, RPC_CALL, 9, 0 };

/* Packets in pieces of any size come out as they went in. */
START_TEST(test_pieces)
{
    struct vmgr__rpc_out *out = vmgr__rpc_out_raw(&some_header, "payload", 7);
    struct vmgr__rpc_reader reader;
    struct vmgr__rpc_packet *p;
    unsigned got = 0;

    vmgr__rpc_reader_init(&reader);
    for (unsigned piece = 1; piece < 60; piece++) {
        g_autoptr(GByteArray) three = g_byte_array_new();

        for (int i = 0; i < 3; i++)
            g_byte_array_append(three, out->bytes->data, out->bytes->len);
        for (guint at = 0; at < three->len; at += piece) {
            vmgr__rpc_reader_feed(&reader, three->data + at, MIN(piece, three->len - at));
            while (vmgr__rpc_reader_next(&reader, &p) == 1) {
                ck_assert_int_eq(p->header.serial, 9);
                ck_assert_uint_eq(p->size, 7);
                ck_assert_mem_eq(p->payload, "payload", 7);
                vmgr__rpc_packet_free(p);
                got++;
            }
        }
    }
    ck_assert_uint_eq(got, 3 * 59);
    vmgr__rpc_reader_fini(&reader);
    vmgr__rpc_out_free(out);
}
END_TEST

START_TEST(test_lengths)
{
    static const struct {
        const char *hex;
        int result;
    } cases[] = {
        { "000000", 0 },
        { "0000001c", 0 },
        { "00000003", -EBADMSG },
        { "0000001b", -EBADMSG },
        { "7fffffff", -EBADMSG },
        { "02000005", -EBADMSG },
        { "02000004", 0 },
        /* CALL_WITH_FDS: no number, a number that is too large, descriptors that did not come */
        { "0000001c200080860000000100000003000000040000000900000000", -EBADMSG },
        { "0000002020008086000000010000000300000004000000090000000000000021", -EBADMSG },
        { "0000002020008086000000010000000300000004000000090000000000000001", 0 },
        { "002000002020008086000000010000000300000004000000090000000000000001", 0 },
        { "000000202000808600000001000000030000000400000009000000000000000100", -EBADMSG },
    };
    struct vmgr__rpc_packet *p;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = from_hex(cases[i].hex);
        struct vmgr__rpc_reader reader;

        vmgr__rpc_reader_init(&reader);
        vmgr__rpc_reader_feed(&reader, bytes->data, bytes->len);
        ck_assert_msg(vmgr__rpc_reader_next(&reader, &p) == cases[i].result, "%s", cases[i].hex);
        vmgr__rpc_reader_fini(&reader);
    }
}
END_TEST

static int wait_packet(struct vmgr__rpc_reader *reader, int fd, struct vmgr__rpc_packet **ret)
{
    int r;

    while ((r = vmgr__rpc_reader_next(reader, ret)) == 0) {
        const ssize_t n = vmgr__rpc_reader_fill(reader, fd);

        ck_assert_msg(n > 0, "%d", (int)n);
    }
    return r;
}

/* Two packets with descriptors and one without, in one burst. */
START_TEST(test_descriptors)
{
    struct vmgr__rpc_header header = some_header;
    struct vmgr__rpc_reader reader;
    struct vmgr__rpc_packet *p;
    int pair[2], pipes[2][2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    for (int i = 0; i < 3; i++) {
        const int fds[] = { pipes[0][1], pipes[1][1] };
        struct vmgr__rpc_out *out;

        header.type = i < 2 ? RPC_CALL_WITH_FDS : RPC_CALL;
        header.serial = (uint32_t)i;
        out = vmgr__rpc_out_new(&header, NULL, NULL, fds, i < 2 ? (uint32_t)i + 1 : 0);
        ck_assert_int_eq(vmgr__rpc_out_send(out, pair[0]), 1);
        vmgr__rpc_out_free(out);
    }
    vmgr__rpc_reader_init(&reader);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(wait_packet(&reader, pair[1], &p), 1);
        ck_assert_uint_eq(p->header.serial, i);
        ck_assert_uint_eq(p->n_fds, i < 2 ? i + 1 : 0);
        for (uint32_t k = 0; k < p->n_fds; k++) {
            char byte = 0;

            ck_assert_int_eq(write(p->fds[k], "x", 1), 1);
            ck_assert_int_eq(read(pipes[k][0], &byte, 1), 1);
            ck_assert_int_eq(byte, 'x');
        }
        vmgr__rpc_packet_free(p);
    }
    ck_assert_int_eq(vmgr__rpc_reader_fill(&reader, pair[1]), -EAGAIN);
    close(pair[0]);
    ck_assert_int_eq(vmgr__rpc_reader_fill(&reader, pair[1]), 0);
    vmgr__rpc_reader_fini(&reader);
    ck_assert_ptr_null(vmgr__rpc_out_new(&some_header, NULL, NULL, pair, 1)); /* not such a type */
}
END_TEST

/* Bytes, and the write end of a pipe as many times as asked with the last of them. */
static void send_with(int fd, const void *bytes, size_t n, int write_end, unsigned times)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * (VMGR__RPC_FDS_MAX + 8))];
    } control = { 0 };
    struct iovec iov = { (void *)bytes, n };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (times) {
        struct cmsghdr *c;

        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * times);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * times);
        for (unsigned i = 0; i < times; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &write_end, sizeof(int));
    }
    ck_assert_int_eq(sendmsg(fd, &msg, 0), (ssize_t)n);
}

/* Numbers of descriptors that are no packet's. None is left open, whatever came. */
START_TEST(test_wrong_descriptors)
{
    static const struct {
        uint32_t type, announced, max;
        unsigned come[3]; /* with the packet, and with each of the two bytes after it */
        int fill, next;   /* of the read that ends it; 0: does not come to it */
    } cases[] = {
        { RPC_CALL_WITH_FDS, 2, 32, { 0, 1, 1 }, 0, 1 },
        { RPC_CALL_WITH_FDS, 2, 32, { 0, 2, 0 }, 0, 1 },
        { RPC_CALL_WITH_FDS, 2, 32, { 0, 1, 0 }, 0, -EBADMSG },  /* too few */
        { RPC_CALL_WITH_FDS, 2, 32, { 0, 0, 0 }, 0, -EBADMSG },  /* none */
        { RPC_CALL_WITH_FDS, 2, 32, { 0, 2, 1 }, 0, -EBADMSG },  /* too many */
        { RPC_CALL_WITH_FDS, 1, 32, { 1, 1, 0 }, 0, -EBADMSG },  /* some with the packet itself */
        { RPC_CALL_WITH_FDS, 0, 32, { 1, 0, 0 }, 0, -EBADMSG },  /* not announced */
        { RPC_CALL_WITH_FDS, 33, 32, { 0, 0, 0 }, 0, -EBADMSG }, /* more than a packet may have */
        { RPC_CALL, 0, 32, { 1, 0, 0 }, 0, -EBADMSG },           /* with a call that has none */
        { RPC_MESSAGE, 0, 32, { 1, 0, 0 }, 0, -EBADMSG },
        { RPC_CALL_WITH_FDS, 2, 1, { 0, 0, 0 }, 0, -EBADMSG }, /* who may send one announces two */
        { RPC_CALL_WITH_FDS, 1, 0, { 0, 0, 0 }, 0, -EBADMSG }, /* who may send none */
        { RPC_CALL_WITH_FDS, 1, 0, { 0, 1, 0 }, -EPROTO, 0 },  /* and does */
        { RPC_CALL, 0, 0, { 1, 0, 0 }, -EPROTO, 0 },
        { RPC_CALL, 0, 1, { 2, 0, 0 }, -EPROTO, 0 },
        { RPC_CALL, 0, 32, { 33, 0, 0 }, -EPROTO, 0 }, /* in one message */
        { RPC_CALL, 0, 32, { 40, 0, 0 }, -EPROTO, 0 }, /* the kernel keeps some of them back */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const bool counted = cases[i].type == RPC_CALL_WITH_FDS;
        struct vmgr__rpc_header header = some_header;
        struct vmgr__rpc_packet *p = NULL;
        struct vmgr__rpc_reader reader;
        struct vmgr__rpc_out *out;
        uint8_t number[4];
        int pair[2], pipes[2], r;
        ssize_t n = 1;
        char byte;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        ck_assert_int_eq(pipe2(pipes, O_NONBLOCK), 0);
        vmgr__rpc_reader_init(&reader);
        reader.fds_max = cases[i].max;
        header.type = (int32_t)cases[i].type;
        vmgr__put32(number, cases[i].announced);
        out = vmgr__rpc_out_raw(&header, number, counted ? sizeof(number) : 0);
        send_with(pair[0], out->bytes->data, out->bytes->len, pipes[1], cases[i].come[0]);
        for (unsigned k = 1; k <= MIN(cases[i].announced, 2u); k++)
            send_with(pair[0], "", 1, pipes[1], cases[i].come[k]);
        vmgr__rpc_out_free(out);
        close(pair[0]);
        while ((r = vmgr__rpc_reader_next(&reader, &p)) == 0 && n > 0)
            n = vmgr__rpc_reader_fill(&reader, pair[1]);
        ck_assert_msg(r == cases[i].next, "case %zu: next %d", i, r);
        ck_assert_msg(r != 0 || n == cases[i].fill, "case %zu: fill %zd", i, n);
        if (r == 1) {
            ck_assert_uint_eq(p->n_fds, cases[i].announced);
            for (uint32_t k = 0; k < p->n_fds; k++)
                ck_assert_int_eq(fcntl(p->fds[k], F_GETFD), FD_CLOEXEC);
            close(p->fds[0]);
            p->fds[0] = -1; /* taken: not closed once more */
        }
        vmgr__rpc_packet_free(p);
        vmgr__rpc_reader_fini(&reader);
        close(pair[1]);
        close(pipes[1]);
        /* Its end is read when no other write end is open. */
        ck_assert_msg(read(pipes[0], &byte, 1) == 0, "case %zu: one is left open", i);
        close(pipes[0]);
    }
}
END_TEST

/* What the reader has given back or moved does not shift where a descriptor belongs. */
START_TEST(test_descriptors_after_much)
{
    struct vmgr__rpc_header header = some_header;
    g_autofree uint8_t *bulk = g_malloc0(50000);
    struct vmgr__rpc_out *plain, *passing;
    struct vmgr__rpc_reader reader;
    struct vmgr__rpc_packet *p;
    int pair[2], size = 1 << 20;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    vmgr__rpc_reader_init(&reader);
    header.type = RPC_CALL_WITH_FDS;
    for (unsigned round = 0; round < 20; round++) {
        plain = vmgr__rpc_out_raw(&some_header, bulk, 50000 - 997 * round);
        passing = vmgr__rpc_out_new(&header, NULL, NULL, pair, 1);
        ck_assert_int_eq(vmgr__rpc_out_send(plain, pair[0]), 1);
        ck_assert_int_eq(vmgr__rpc_out_send(passing, pair[0]), 1);
        vmgr__rpc_out_free(plain);
        vmgr__rpc_out_free(passing);
        for (uint32_t n = 0; n < 2; n++) {
            ck_assert_int_eq(wait_packet(&reader, pair[1], &p), 1);
            ck_assert_uint_eq(p->n_fds, n);
            vmgr__rpc_packet_free(p);
        }
    }
    ck_assert(vmgr__rpc_reader_is_empty(&reader));
    vmgr__rpc_reader_fini(&reader);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

static ssize_t covered_recv(struct vmgr__layer *layer, int fd, void *buf, size_t size)
{
    static bool given;

    (void)layer, (void)fd, (void)size;
    if (given)
        return -EAGAIN;
    given = true;
    memset(buf, 0, 3);
    return 3;
}

static bool covered_pending(struct vmgr__layer *layer)
{
    (void)layer;
    return false;
}

/* What came before a layer was laid, be it the beginning of a packet, is not read on through it. */
START_TEST(test_bytes_before_a_layer)
{
    static const struct vmgr__layer_ops ops = { .recv = covered_recv, .pending = covered_pending };
    struct vmgr__layer layer = { &ops };
    struct vmgr__rpc_reader reader;

    vmgr__rpc_reader_init(&reader);
    vmgr__rpc_reader_feed(&reader, "\0", 1);
    ck_assert(!vmgr__rpc_reader_is_empty(&reader));
    ck_assert_int_eq(vmgr__layer_fill(&layer, &reader, -1), -EBADMSG);
    vmgr__rpc_reader_fini(&reader);

    vmgr__rpc_reader_init(&reader);
    ck_assert(vmgr__rpc_reader_is_empty(&reader));
    ck_assert_int_eq(vmgr__layer_fill(&layer, &reader, -1), 3);
    /* what came through it waits as ever */
    ck_assert_int_eq(vmgr__layer_fill(&layer, &reader, -1), -EAGAIN);
    vmgr__rpc_reader_fini(&reader);
}
END_TEST

START_TEST(test_keepalive)
{
    const struct vmgr__rpc_header pong = { VMGR__KEEPALIVE_PROGRAM, 1, 2, RPC_MESSAGE, 0, 0 };
    struct vmgr__rpc_header ping = pong;
    struct vmgr__keepalive k = { 0 };
    struct vmgr__rpc_out *answer;
    const int64_t s = 1000000;

    vmgr__keepalive_start(&k, 5, 2, 0);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 4 * s), VMGR__KEEPALIVE_NOTHING);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 5 * s), VMGR__KEEPALIVE_ASK);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 6 * s), VMGR__KEEPALIVE_NOTHING);
    vmgr__keepalive_alive(&k, 7 * s);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 12 * s), VMGR__KEEPALIVE_ASK);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 17 * s), VMGR__KEEPALIVE_ASK);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 22 * s), VMGR__KEEPALIVE_DEAD);
    vmgr__keepalive_start(&k, -1, 2, 0);
    ck_assert_int_eq(vmgr__keepalive_check(&k, 1000 * s), VMGR__KEEPALIVE_NOTHING);

    ping.procedure = VMGR__KEEPALIVE_PING;
    ck_assert(vmgr__keepalive_take(&ping, &answer));
    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(answer->bytes->len, 28);
    ck_assert_uint_eq(vmgr__get32(answer->bytes->data + 12), VMGR__KEEPALIVE_PONG);
    vmgr__rpc_out_free(answer);
    ck_assert(vmgr__keepalive_take(&pong, &answer));
    ck_assert_ptr_null(answer);
    ck_assert(!vmgr__keepalive_take(&some_header, &answer));
}
END_TEST

START_TEST(test_errors)
{
    const struct wire_error none = vmgr__rpc_error_from(NULL);
    struct wire_error e = vmgr__rpc_error(42, 10, "Domain not found");

    ck_assert_int_eq(none.code, VMGR_ERR_INTERNAL_ERROR);
    ck_assert_int_eq(e.code, 42);
    ck_assert_int_eq(e.level, 2);
    ck_assert_int_eq(e.int1, -1);
    ck_assert_str_eq(vmgr__rpc_error_message(&e), "Domain not found");
    e.message = NULL;
    ck_assert_str_eq(vmgr__rpc_error_message(&e), "unknown error");
}
END_TEST

/* Waits of that many microseconds, as many times. */
static void wait_for(struct vmgr__spin *s, int64_t us, int times)
{
    for (int i = 0; i < times; i++)
        vmgr__spin_waited(s, us);
}

/* How long is looked, in steps of ten microseconds, before sleeping. */
static int64_t looked_us(const struct vmgr__spin *s)
{
    int64_t us = 0;

    while (vmgr__spin_wanted(s, us))
        us += 10;
    return us;
}

START_TEST(test_spin)
{
    struct vmgr__spin s;

    vmgr__spin_init(&s);
    s.alone = false;
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 3);
    ck_assert_int_eq(looked_us(&s), 0); /* not yet often enough */
    wait_for(&s, 5, 1);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MIN_US);
    wait_for(&s, 60, 40); /* the other end is slow to wake */
    ck_assert_int_ge(looked_us(&s), 110);
    ck_assert_int_le(looked_us(&s), 120);
    wait_for(&s, 140, 60);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MAX_US);
    wait_for(&s, VMGR__SPIN_MAX_US, 8); /* in vain now and then, after much that was not */
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MAX_US);
    wait_for(&s, VMGR__SPIN_MAX_US, 1); /* too often: twice as many are needed */
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 7);
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 1);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MIN_US);
    wait_for(&s, 1000000, 1); /* nothing was found yet */
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 16 + 8); /* it pays again */
    wait_for(&s, 1000000, 1);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MIN_US);
    wait_for(&s, 1000000, 100); /* only the first of them was looked through */
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 32);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MIN_US);
    for (int i = 0; i < 20; i++) { /* what comes soon, and then does not */
        wait_for(&s, 5, (int)s.needed);
        wait_for(&s, 100, 1);
    }
    wait_for(&s, 5, 63);
    ck_assert_int_eq(looked_us(&s), 0);
    wait_for(&s, 5, 1);
    ck_assert_int_eq(looked_us(&s), VMGR__SPIN_MIN_US);
    s.alone = true;
    wait_for(&s, 5, 10);
    ck_assert_int_eq(looked_us(&s), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rpc");
    TCase *c = tcase_create("rpc");

    tcase_add_test(c, test_samples);
    tcase_add_test(c, test_tables);
    tcase_add_test(c, test_strings);
    tcase_add_test(c, test_lists);
    tcase_add_test(c, test_values);
    tcase_add_test(c, test_pieces);
    tcase_add_test(c, test_lengths);
    tcase_add_test(c, test_descriptors);
    tcase_add_test(c, test_wrong_descriptors);
    tcase_add_test(c, test_descriptors_after_much);
    tcase_add_test(c, test_bytes_before_a_layer);
    tcase_add_test(c, test_keepalive);
    tcase_add_test(c, test_errors);
    tcase_add_test(c, test_spin);
    suite_add_tcase(s, c);
    return run_suite(s);
}
