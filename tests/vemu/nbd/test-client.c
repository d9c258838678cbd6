/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD client against a server that is played here: negotiation, replies, breaks; and one that
 * lies.
 */
#include "peer.h"

#include "image/nbd/address.h"

#define SIZE (1u << 20)

/* What the played server does. */
struct play {
    char *path, *uri;
    int listen_fd;
    pthread_t thread;
    uint64_t size;
    uint32_t flags, min_block; /* 0: says nothing of blocks */
    bool no_go, no_structured;
    unsigned connections; /* to serve */
    /* a request: answers it; false: cuts the connection */
    bool (*answer)(struct play *play, int fd, const uint8_t *request);
    /* instead of the negotiation */
    void (*greet)(struct play *play, int fd);
    bool cut;          /* without listening to the end */
    unsigned requests; /* seen */
    uint8_t disk[SIZE];
};

static void reply(int fd, uint32_t option, uint32_t type, const void *data, uint32_t size)
{
    put64(fd, NBD_REPLY_MAGIC);
    put32(fd, option);
    put32(fd, type);
    put32(fd, size);
    put(fd, data, size);
}

static void put_hello(int fd)
{
    uint8_t flags[4];

    put64(fd, NBD_MAGIC);
    put64(fd, NBD_OPTION_MAGIC);
    put16(fd, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    get(fd, flags, sizeof(flags));
}

static void answer_go(struct play *play, int fd, uint32_t option)
{
    uint8_t info[14], *p = be_put16(info, NBD_INFO_BLOCK_SIZE);

    p = be_put32(p, play->min_block);
    p = be_put32(p, 4096);
    be_put32(p, 1u << 20);
    if (play->min_block)
        reply(fd, option, NBD_REP_INFO, info, 14);
    p = be_put16(info, NBD_INFO_EXPORT);
    p = be_put64(p, play->size);
    be_put16(p, play->flags);
    reply(fd, option, NBD_REP_INFO, info, 12);
    reply(fd, option, NBD_REP_ACK, NULL, 0);
}

/* True: transmission follows. */
static bool negotiate(struct play *play, int fd)
{
    static const char context[] = "\0\0\0\7base:allocation";
    uint8_t head[16], data[8192];

    put_hello(fd);
    while (get(fd, head, sizeof(head)) && get(fd, data, be_get32(head + 12))) {
        uint32_t option = be_get32(head + 8);

        if (option == NBD_OPT_EXPORT_NAME) {
            put64(fd, play->size);
            put16(fd, play->flags);
            return true;
        }
        if (option == NBD_OPT_ABORT)
            return false;
        if (option == NBD_OPT_STRUCTURED_REPLY && !play->no_structured) {
            reply(fd, option, NBD_REP_ACK, NULL, 0);
        } else if (option == NBD_OPT_SET_META_CONTEXT) {
            reply(fd, option, NBD_REP_META_CONTEXT, context, sizeof(context) - 1);
            reply(fd, option, NBD_REP_ACK, NULL, 0);
        } else if (option == NBD_OPT_GO && !play->no_go) {
            answer_go(play, fd, option);
            return true;
        } else {
            reply(fd, option, NBD_REP_ERR_UNSUP, "no", 2);
        }
    }
    return false;
}

static void *play_main(void *data)
{
    struct play *play = data;

    for (unsigned i = 0; i < play->connections; i++) {
        int fd = accept(play->listen_fd, NULL, NULL);
        uint8_t request[NBD_REQUEST_SIZE];

        if (play->greet)
            play->greet(play, fd);
        else if (negotiate(play, fd))
            while (get(fd, request, sizeof(request)) && be_get16(request + 6) != NBD_CMD_DISC) {
                play->requests++;
                if (!play->answer(play, fd, request)) {
                    shutdown(fd, SHUT_WR);
                    break;
                }
            }
        /* closing with something unread would take back what was sent */
        while (!play->cut && recv(fd, request, sizeof(request), 0) > 0)
            ;
        close(fd);
    }
    shutdown(play->listen_fd, SHUT_RDWR); /* the server has died */
    return NULL;
}

static struct play *play_new(void)
{
    struct play *play = g_new0(struct play, 1);

    play->size = SIZE;
    play->flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
                  NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES;
    play->connections = 1;
    play->path = socket_path();
    play->uri = g_strdup_printf("nbd+unix:///x?socket=%s", play->path);
    play->listen_fd = listen_at(play->path);
    return play;
}

static void play_start(struct play *play)
{
    ck_assert_int_eq(pthread_create(&play->thread, NULL, play_main, play), 0);
}

static void play_free(struct play *play)
{
    pthread_join(play->thread, NULL);
    close(play->listen_fd);
    unlink(play->path);
    g_free(play->uri);
    g_free(play->path);
    g_free(play);
}

static int try_open(const char *uri, const char *option, const char *value, struct vemu_image **ret,
                    struct vemu_error **err)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    const struct vemu_property prop = { option, value };

    options.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP;
    options.format = "nbd";
    options.props = &prop;
    options.prop_count = option != NULL;
    return vemu_image_open(uri, &options, ret, err);
}

static struct vemu_image *open_with(const struct play *play, const char *option, const char *value)
{
    struct vemu_image *image = NULL;

    OK(try_open(play->uri, option, value, &image, &err));
    return image;
}

/* --- addresses -------------------------------------------------------------------------------- */

START_TEST(test_addresses)
{
    static const struct {
        const char *text, *path, *host, *port, *export;
        bool tls;
    } good[] = {
        { "nbd://h", NULL, "h", "10809", "", false },
        { "nbd://h:1/", NULL, "h", "1", "", false },
        { "nbds://h:1/a%20b", NULL, "h", "1", "a b", true },
        { "nbd://[::1]:5//x", NULL, "::1", "5", "/x", false },
        { "nbd+unix:///n?socket=/s", "/s", NULL, NULL, "n", false },
        { "nbds+unix:///?socket=%2Fs", "/s", NULL, NULL, "", true },
        { "nbd:unix:/s", "/s", NULL, NULL, "", false },
        { "nbd:unix:/s:exportname=e:f", "/s", NULL, NULL, "e:f", false },
        { "nbd:h:7:exportname=e", NULL, "h", "7", "e", false },
    };
    static const char *const bad[] = {
        "nbd://h:0",
        "nbd://h:70000",
        "nbd://h:x",
        "nbd+unix:///n",
        "nbd+unix://h/n?socket=/s",
        "nbd://h?socket=/s",
        "nbd://u@h",
        "nbd://h/%zz",
        "nbd://h?what=1",
        "nbd://h/x#y",
        "nbd://[::1",
        "nbd:h",
        "nbd:unix:",
        "nbd:/h",
        "nbd+vsock://1",
        "nbd://h?tls-hostname",
        "file:x",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        struct nbd_address address = { 0 };

        OK(vemu__nbd_address_parse(&address, good[i].text, &err));
        ck_assert_pstr_eq(address.path, good[i].path);
        ck_assert_pstr_eq(address.host, good[i].host);
        ck_assert_pstr_eq(address.port, good[i].port);
        ck_assert_str_eq(address.export, good[i].export);
        ck_assert_int_eq(address.tls, good[i].tls);
        vemu__nbd_address_clear(&address);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct nbd_address address = { 0 };
        struct vemu_error *err = NULL;

        ck_assert_msg(vemu__nbd_address_parse(&address, bad[i], &err) == -EINVAL, "%s", bad[i]);
        ck_assert_ptr_nonnull(err);
        vemu_error_free(err);
        vemu__nbd_address_clear(&address);
    }
}
END_TEST

/* --- negotiation ------------------------------------------------------------------------------ */

static void greet_http(struct play *play, int fd)
{
    put(fd, "HTTP/1.1 400 Bad Request\r\n", 26);
}

static void greet_oldstyle(struct play *play, int fd)
{
    put64(fd, NBD_MAGIC);
    put64(fd, NBD_OLDSTYLE_MAGIC);
}

static void greet_cut(struct play *play, int fd)
{
    play->cut = true;
    put64(fd, NBD_MAGIC);
}

static void greet_huge(struct play *play, int fd)
{
    put_hello(fd);
    put64(fd, NBD_REPLY_MAGIC);
    put32(fd, NBD_OPT_STRUCTURED_REPLY);
    put32(fd, NBD_REP_ACK);
    put32(fd, UINT32_MAX);
}

static void greet_other(struct play *play, int fd)
{
    put_hello(fd);
    reply(fd, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

static void greet_endless(struct play *play, int fd)
{
    uint8_t data[60000] = { 0 };

    put_hello(fd);
    reply(fd, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ACK, NULL, 0);
    for (int i = 0; i < 100; i++)
        reply(fd, NBD_OPT_SET_META_CONTEXT, NBD_REP_META_CONTEXT, data, sizeof(data));
}

static void greet_unknown(struct play *play, int fd)
{
    put_hello(fd);
    reply(fd, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ERR_UNSUP, NULL, 0);
    reply(fd, NBD_OPT_GO, NBD_REP_ERR_UNKNOWN, "what\n\33x?", 8);
}

static void greet_tls(struct play *play, int fd)
{
    put_hello(fd);
    reply(fd, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ERR_TLS_REQD, NULL, 0);
}

static void greet_blocks(struct play *play, int fd)
{
    put_hello(fd);
    reply(fd, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ERR_UNSUP, NULL, 0);
    play->min_block = 3;
    answer_go(play, fd, NBD_OPT_GO);
}

static void greet_size(struct play *play, int fd)
{
    put_hello(fd);
    reply(fd, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ERR_UNSUP, NULL, 0);
    play->size = UINT64_MAX;
    answer_go(play, fd, NBD_OPT_GO);
}

START_TEST(test_bad_negotiation)
{
    static const struct {
        void (*greet)(struct play *play, int fd);
        int code;
        const char *words;
    } cases[] = {
        { greet_http, EPROTO, "not an NBD server" },
        { greet_oldstyle, ENOTSUP, "oldstyle" },
        { greet_cut, ECONNRESET, "cut the connection" },
        { greet_huge, EPROTO, "too long" },
        { greet_other, EPROTO, "not asked" },
        { greet_endless, EPROTO, "too long" },
        { greet_unknown, ENOENT, "what  x?" },
        { greet_tls, EACCES, "wants TLS" },
        { greet_blocks, EPROTO, "block sizes" },
        { greet_size, EPROTO, "impossible size" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct play *play = play_new();
        struct vemu_image *image = NULL;

        play->greet = cases[i].greet;
        play_start(play);
        FAILS(try_open(play->uri, NULL, NULL, &image, &err), cases[i].code, cases[i].words);
        play_free(play);
    }
}
END_TEST

START_TEST(test_options)
{
    static const struct {
        const char *uri, *option, *value, *words;
    } cases[] = {
        { "", NULL, NULL, "names the server" },
        { "", "server.type", "vsock", "names the server" },
        { "nbd:unix:/s", "server.type", "inet", "does not go" },
        { "nbd:unix:/s", "host", "h", "names the server" },
        { "nbd:unix:/s", "path", "/t", "both say" },
        { "nbd:unix:/s:exportname=a", "export", "b", "given twice" },
        { "nbd:unix:/s", "tls-hostname", "b", "tls-creds" },
        { "nbd:unix:/s", "connections", "17", "from 1 to 16" },
        { "nbd:unix:/s", "reconnect-delay", "1000000", "at most a day" },
        { "nbd:unix:/s", "what", "1", "what" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vemu_image *image = NULL;

        FAILS(try_open(cases[i].uri, cases[i].option, cases[i].value, &image, &err), EINVAL,
              cases[i].words);
    }
    FAILS(vemu_nbd_list("nbd:unix:/nowhere", NULL, NULL, NULL, &err), ENOENT, "/nowhere");
}
END_TEST

/* --- a server that keeps to the protocol ------------------------------------------------------ */

static void put_simple(int fd, const uint8_t *request, uint32_t error)
{
    put32(fd, NBD_SIMPLE_REPLY_MAGIC);
    put32(fd, error);
    put(fd, request + 8, 8);
}

static void put_chunk(int fd, const uint8_t *request, uint32_t flags, uint32_t type, uint32_t size)
{
    put32(fd, NBD_STRUCTURED_REPLY_MAGIC);
    put16(fd, flags);
    put16(fd, type);
    put(fd, request + 8, 8);
    put32(fd, size);
}

/* Reads in two chunks, the second half first. */
static void serve_read(struct play *play, int fd, const uint8_t *request)
{
    uint64_t offset = be_get64(request + 16);
    uint32_t bytes = be_get32(request + 24), half = bytes / 2;

    if (play->no_structured) {
        put_simple(fd, request, 0);
        put(fd, play->disk + offset, bytes);
        return;
    }
    put_chunk(fd, request, 0, NBD_REPLY_TYPE_OFFSET_DATA, 8 + bytes - half);
    put64(fd, offset + half);
    put(fd, play->disk + offset + half, bytes - half);
    if (half) {
        put_chunk(fd, request, 0, NBD_REPLY_TYPE_OFFSET_DATA, 8 + half);
        put64(fd, offset);
        put(fd, play->disk + offset, half);
    }
    put_chunk(fd, request, NBD_REPLY_FLAG_DONE, NBD_REPLY_TYPE_NONE, 0);
}

static void check_range(const struct play *play, const uint8_t *request)
{
    uint64_t mask = play->min_block ? play->min_block - 1 : 0;

    ck_assert_uint_eq(be_get64(request + 16) & mask, 0);
    ck_assert_uint_eq(be_get32(request + 24) & mask, 0);
    ck_assert_uint_le(be_get64(request + 16) + be_get32(request + 24), SIZE);
}

static bool serve(struct play *play, int fd, const uint8_t *request)
{
    uint64_t offset = be_get64(request + 16);
    uint32_t bytes = be_get32(request + 24);

    check_range(play, request);
    switch (be_get16(request + 6)) {
    case NBD_CMD_READ: serve_read(play, fd, request); return true;
    case NBD_CMD_WRITE: get(fd, play->disk + offset, bytes); break;
    case NBD_CMD_WRITE_ZEROES: memset(play->disk + offset, 0, bytes); break;
    case NBD_CMD_BLOCK_STATUS:
        put_chunk(fd, request, NBD_REPLY_FLAG_DONE, NBD_REPLY_TYPE_BLOCK_STATUS, 12);
        put32(fd, 7);
        put32(fd, 4096);
        put32(fd, NBD_STATE_HOLE | NBD_STATE_ZERO);
        return true;
    default: break;
    }
    put_simple(fd, request, 0);
    return true;
}

static void check_data(struct vemu_image *image, uint8_t *disk)
{
    uint8_t data[9000], back[9000];
    uint64_t offset = 4000;

    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    ck_assert_int_eq(vemu_image_write(image, offset, data, sizeof(data), VEMU_IMAGE_FUA), 0);
    ck_assert_mem_eq(disk + offset, data, sizeof(data));
    ck_assert_int_eq(vemu_image_read(image, offset + 1, back, sizeof(data) - 1), 0);
    ck_assert_mem_eq(back, data + 1, sizeof(data) - 1);
    ck_assert_int_eq(vemu_image_zero(image, offset + 10, 100, VEMU_IMAGE_MAY_UNMAP), 0);
    ck_assert_int_eq(disk[offset + 9], data[9]);
    ck_assert_int_eq(disk[offset + 10] | disk[offset + 109], 0);
    ck_assert_int_eq(disk[offset + 110], data[110]);
    ck_assert_int_eq(vemu_image_discard(image, 8192, 65536), 0);
    ck_assert_int_eq(vemu_image_flush(image), 0);
    ck_assert_int_eq(vemu_image_read(image, SIZE, back, 1), -EINVAL);
}

static void check_server(bool no_go, bool no_structured, uint32_t min_block)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    struct play *play = play_new();
    struct vemu_image *image;

    play->no_go = no_go;
    play->no_structured = no_structured;
    play->min_block = min_block;
    play->answer = serve;
    play_start(play);
    image = open_with(play, NULL, NULL);
    ck_assert_uint_eq(vemu_image_get_size(image), SIZE);
    check_data(image, play->disk);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 0, SIZE, &extent), 0);
    ck_assert_uint_eq(extent.bytes, no_structured ? SIZE : 4096);
    ck_assert_int_eq(!(extent.flags & VEMU_IMAGE_EXTENT_ZERO), no_structured);
    ck_assert_int_eq(vemu_image_close(image), 0);
    play_free(play);
}

START_TEST(test_servers)
{
    check_server(false, false, 0);
    check_server(true, false, 0);
    check_server(true, true, 0);
    check_server(false, true, 0);
    check_server(false, false, 512);
    check_server(false, true, 4096);
}
END_TEST

START_TEST(test_read_only)
{
    struct play *play = play_new();
    struct vemu_image *image = NULL;

    play->flags |= NBD_FLAG_READ_ONLY;
    play_start(play);
    FAILS(try_open(play->uri, NULL, NULL, &image, &err), EROFS, "only for reading");
    play_free(play);
}
END_TEST

static bool answer_errors(struct play *play, int fd, const uint8_t *request)
{
    static const uint32_t errors[] = { NBD_EPERM,   NBD_EIO,       NBD_ENOMEM,
                                       NBD_EINVAL,  NBD_ENOSPC,    NBD_EOVERFLOW,
                                       NBD_ENOTSUP, NBD_ESHUTDOWN, 4242 };
    uint32_t error = errors[(play->requests - 1) % G_N_ELEMENTS(errors)];

    if (be_get16(request + 6) == NBD_CMD_FLUSH) {
        put_simple(fd, request, error);
    } else {
        put_chunk(fd, request, NBD_REPLY_FLAG_DONE, NBD_REPLY_TYPE_ERROR_OFFSET, 6 + 3 + 8);
        put32(fd, error);
        put16(fd, 3);
        put(fd, "ow!12345678", 11);
    }
    return true;
}

START_TEST(test_errors)
{
    static const int codes[] = { EPERM,     EIO,     ENOMEM,    EINVAL, ENOSPC,
                                 EOVERFLOW, ENOTSUP, ESHUTDOWN, EIO };
    struct play *play = play_new();
    struct vemu_image *image;
    char byte;

    play->answer = answer_errors;
    play_start(play);
    image = open_with(play, NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++)
        ck_assert_int_eq(vemu_image_read(image, 0, &byte, 1), -codes[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++)
        ck_assert_int_eq(vemu_image_flush(image), -codes[i]);
    ck_assert_int_lt(vemu_image_close(image), 0);
    play_free(play);
}
END_TEST

/* --- a server that lies ----------------------------------------------------------------------- */

/* Each answers a read of 4096 bytes at 8192. */
static void lie(int which, int fd, const uint8_t *request)
{
    static const uint8_t data[8192];
    uint8_t other[NBD_REQUEST_SIZE];

    memcpy(other, request, sizeof(other));
    other[15] ^= 1;
    switch (which) {
    case 0: put(fd, data, 16); break;          /* no magic number */
    case 1: put_simple(fd, other, 0); break;   /* another's cookie */
    case 2: put_simple(fd, request, 0); break; /* must be structured */
    case 3:                                    /* in front of the range */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4096);
        put64(fd, 8191);
        put(fd, data, 4096);
        break;
    case 4: /* behind it */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4097);
        put64(fd, 8192);
        put(fd, data, 4097);
        break;
    case 5: /* wraps around */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, UINT32_MAX);
        put64(fd, UINT64_MAX - 5);
        put(fd, data, 4096);
        break;
    case 6: /* not all of it */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4095);
        put64(fd, 8192);
        put(fd, data, 4095);
        break;
    case 7: put_chunk(fd, request, 1, NBD_REPLY_TYPE_NONE, 0); break; /* nothing */
    case 8: put_chunk(fd, request, 0, NBD_REPLY_TYPE_NONE, 0); break;
    case 9: /* a hole of another size */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_HOLE, 12);
        put64(fd, 8192);
        put32(fd, UINT32_MAX);
        break;
    case 10: put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_HOLE, 13); break;
    case 11: put_chunk(fd, request, 1, NBD_REPLY_TYPE_BLOCK_STATUS, 12); break;
    case 12: put_chunk(fd, request, 1, 77, 0); break; /* of no known type */
    case 13: put_chunk(fd, request, 1, NBD_REPLY_TYPE_ERROR, UINT32_MAX); break;
    case 14: /* a message longer than its chunk */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_ERROR, 8);
        put32(fd, NBD_EIO);
        put16(fd, 3);
        put(fd, "ab", 2);
        break;
    case 15: /* twice the same */
        put_chunk(fd, request, 0, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4096);
        put64(fd, 8192);
        put(fd, data, 4096);
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4096);
        put64(fd, 8192);
        put(fd, data, 4096);
        break;
    default: /* cut in the middle */
        put_chunk(fd, request, 1, NBD_REPLY_TYPE_OFFSET_DATA, 8 + 4096);
        put64(fd, 8192);
        put(fd, data, 1000);
    }
}
#define LIES 17

static int current_lie;

static bool answer_lie(struct play *play, int fd, const uint8_t *request)
{
    lie(current_lie, fd, request);
    return false;
}

START_TEST(test_lies)
{
    for (current_lie = 0; current_lie < LIES; current_lie++) {
        struct play *play = play_new();
        uint8_t data[4096 + 64];
        struct vemu_image *image;

        memset(data, 0x55, sizeof(data));
        play->answer = answer_lie;
        play_start(play);
        image = open_with(play, NULL, NULL);
        ck_assert_msg(vemu_image_read(image, 8192, data + 32, 4096) == -EIO, "lie %d", current_lie);
        for (unsigned i = 0; i < 32; i++)
            ck_assert_int_eq(data[i] & data[32 + 4096 + i], 0x55);
        ck_assert_int_lt(vemu_image_write(image, 0, data, 1, 0), 0);
        vemu_image_close(image);
        play_free(play);
    }
}
END_TEST

/* --- breaks ----------------------------------------------------------------------------------- */

/* Every third request is answered by hanging up. */
static bool serve_and_die(struct play *play, int fd, const uint8_t *request)
{
    return play->requests % 3 != 0 && serve(play, fd, request);
}

START_TEST(test_reconnect)
{
    struct play *play = play_new();
    struct vemu_image *image;
    uint8_t data[512], back[512];

    play->answer = serve_and_die;
    play->connections = 11;
    play_start(play);
    image = open_with(play, "reconnect-delay", "10");
    for (unsigned i = 0; i < 10; i++) {
        memset(data, (int)i + 1, sizeof(data));
        ck_assert_int_eq(vemu_image_write(image, i * 512, data, 512, 0), 0);
        ck_assert_int_eq(vemu_image_read(image, i * 512, back, 512), 0);
        ck_assert_mem_eq(data, back, 512);
    }
    ck_assert_uint_ge(play->requests, 20 + 20 / 3);
    ck_assert_int_eq(vemu_image_close(image), 0);
    play_free(play);
}
END_TEST

START_TEST(test_gone)
{
    struct play *play = play_new();
    struct vemu_image *image;
    gint64 began;
    char byte;

    play->answer = serve_and_die;
    play->requests = 2;
    play_start(play);
    image = open_with(play, "reconnect-delay", "1");
    began = g_get_monotonic_time();
    ck_assert_int_eq(vemu_image_read(image, 0, &byte, 1), -EIO);
    ck_assert_int_ge(g_get_monotonic_time() - began, 900000);
    began = g_get_monotonic_time();
    ck_assert_int_eq(vemu_image_read(image, 0, &byte, 1), -EIO);
    ck_assert_int_lt(g_get_monotonic_time() - began, 900000);
    vemu_image_close(image);
    play_free(play);
}
END_TEST

static bool answer_never(struct play *play, int fd, const uint8_t *request)
{
    return true;
}

START_TEST(test_silence)
{
    struct play *play = play_new();
    struct vemu_image *image;
    char byte;

    play->answer = answer_never;
    play_start(play);
    image = open_with(play, "timeout", "1");
    ck_assert_int_eq(vemu_image_read(image, 0, &byte, 1), -EIO);
    vemu_image_close(image);
    play_free(play);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_addresses, test_bad_negotiation, test_options, test_servers,
        test_read_only, test_errors,          test_lies,    test_reconnect,
        test_gone,      test_silence,         NULL
    };

    return run_tests("nbd-client", tests);
}
