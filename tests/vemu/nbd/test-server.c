/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD server against clients that are played here: options, requests, limits, lies.
 */
#include "peer.h"

#define SIZE (8u << 20)
#define DATA (1u << 20) /* where the data is; before and behind there is none */

struct site {
    char *path, *file;
    struct vemu_image *image;
    struct vemu_nbd_server *server;
};

struct answer {
    uint32_t type, size;
    uint8_t data[70000];
};

static void add_export(struct site *site, const char *name, uint32_t flags)
{
    struct vemu_nbd_export_options export = VEMU_NBD_EXPORT_OPTIONS_INIT;

    export.flags = flags;
    export.name = name;
    export.description = "a disk";
    export.image = site->image;
    OK(vemu_nbd_server_add_export(site->server, &export, &err));
}

static void site_open(struct site *site, const struct vemu_nbd_server_options *options)
{
    struct vemu_image_open_options open_options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    g_autofree uint8_t *data = g_malloc(DATA);
    int fd;

    site->path = socket_path();
    site->file = g_strdup_printf("%s.raw", site->path);
    memset(data, 0x5a, DATA);
    fd = open(site->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, SIZE), 0);
    ck_assert_int_eq(pwrite(fd, data, DATA, DATA), DATA);
    close(fd);
    open_options.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP;
    open_options.format = "raw";
    OK(vemu_image_open(site->file, &open_options, &site->image, &err));
    OK(vemu_nbd_server_new(options, &site->server, &err));
    add_export(site, "disk", VEMU_NBD_EXPORT_WRITABLE | VEMU_NBD_EXPORT_ALLOCATION_DEPTH);
    add_export(site, "ro", 0);
    OK(vemu_nbd_server_listen_unix(site->server, site->path, &err));
    OK(vemu_nbd_server_start(site->server, &err));
}

static void site_close(struct site *site)
{
    vemu_nbd_server_free(site->server);
    ck_assert_int_eq(vemu_image_close(site->image), 0);
    ck_assert_int_ne(access(site->path, F_OK), 0);
    unlink(site->file);
    g_free(site->file);
    g_free(site->path);
}

/* --- negotiating ------------------------------------------------------------------------------ */

static int hello(const struct site *site)
{
    int fd = connect_to(site->path);
    uint8_t data[18];

    ck_assert(get(fd, data, sizeof(data)));
    ck_assert_uint_eq(be_get64(data), NBD_MAGIC);
    put32(fd, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    return fd;
}

static void option(int fd, uint32_t number, const void *data, uint32_t size)
{
    put64(fd, NBD_OPTION_MAGIC);
    put32(fd, number);
    put32(fd, size);
    put(fd, data, size);
}

static uint32_t next(int fd, struct answer *ret)
{
    uint8_t head[20];

    ck_assert(get(fd, head, sizeof(head)));
    ck_assert_uint_eq(be_get64(head), NBD_REPLY_MAGIC);
    ret->type = be_get32(head + 12);
    ret->size = be_get32(head + 16);
    ck_assert_uint_le(ret->size, sizeof(ret->data));
    ck_assert(get(fd, ret->data, ret->size));
    return ret->type;
}

/* The last reply to an option. */
static uint32_t final(int fd)
{
    struct answer *answer = g_new0(struct answer, 1);
    uint32_t type;

    do
        type = next(fd, answer);
    while (type != NBD_REP_ACK && !(type & NBD_REP_IS_ERROR));
    g_free(answer);
    return type;
}

static bool ended(int fd)
{
    uint8_t byte;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 5000) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static void go(int fd, const char *name, uint32_t number)
{
    uint8_t data[64], *p = be_put32(data, (uint32_t)strlen(name));

    memcpy(p, name, strlen(name));
    p = be_put16(p + strlen(name), 0);
    option(fd, number, data, (uint32_t)(p - data));
}

/* Ready for requests. */
static int attach(const struct site *site, const char *name, bool structured)
{
    int fd = hello(site);

    if (structured) {
        option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
        ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    }
    go(fd, name, NBD_OPT_GO);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    return fd;
}

START_TEST(test_options)
{
    static const uint8_t long_name[] = { 0xff, 0xff, 0xff, 0xff, 0, 0 };
    static const uint8_t wrong_count[] = { 0, 0, 0, 4, 'd', 'i', 's', 'k', 0, 9, 0, 3 };
    struct answer *answer = g_new0(struct answer, 1);
    struct site site;
    int fd;

    site_open(&site, NULL);
    fd = hello(&site);
    option(fd, 4711, "abc", 3);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_UNSUP);
    option(fd, NBD_OPT_GO, NULL, 0);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID);
    option(fd, NBD_OPT_GO, long_name, sizeof(long_name));
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID);
    option(fd, NBD_OPT_GO, wrong_count, sizeof(wrong_count));
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID);
    go(fd, "no", NBD_OPT_GO);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_UNKNOWN);
    go(fd, "disk", NBD_OPT_INFO);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    option(fd, NBD_OPT_STARTTLS, NULL, 0);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_POLICY);
    option(fd, NBD_OPT_LIST, "x", 1);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID);
    option(fd, NBD_OPT_LIST, NULL, 0);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_SERVER);
    ck_assert_mem_eq(answer->data, "\0\0\0\4diska disk", 14);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_SERVER);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_ACK);
    option(fd, NBD_OPT_ABORT, NULL, 0);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    ck_assert(ended(fd));
    close(fd);
    g_free(answer);
    site_close(&site);
}
END_TEST

/* What ends a connection at once; the server goes on. */
START_TEST(test_thrown_out)
{
    uint8_t junk[NBD_REQUEST_SIZE] = { 1, 2, 3 };
    struct site site;

    site_open(&site, NULL);
    for (int i = 0; i < 6; i++) {
        int fd = i == 0  ? connect_to(site.path)
                 : i < 5 ? hello(&site)
                         : attach(&site, "disk", true);

        switch (i) {
        case 0: put32(fd, 0xffffffff); break;       /* flags nobody knows */
        case 1: put(fd, junk, sizeof(junk)); break; /* no option */
        case 2: option(fd, NBD_OPT_EXPORT_NAME, "no", 2); break;
        case 3: /* data without end */
            put64(fd, NBD_OPTION_MAGIC);
            put32(fd, NBD_OPT_GO);
            put32(fd, UINT32_MAX);
            break;
        case 4:
            for (int n = 0; n < 1000; n++) {
                option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
                ck_assert_uint_eq(final(fd), NBD_REP_ACK);
            }
            break;
        default: put(fd, junk, sizeof(junk)); break; /* no request */
        }
        if (i == 0) {
            uint8_t greeting[18];
            get(fd, greeting, sizeof(greeting));
        }
        ck_assert_msg(ended(fd), "case %d", i);
        close(fd);
    }
    close(attach(&site, "disk", true));
    site_close(&site);
}
END_TEST

START_TEST(test_contexts)
{
    static const char set[] = "\0\0\0\4disk\0\0\0\3\0\0\0\17base:allocation\0\0\0\1x"
                              "\0\0\0\25qemu:allocation-depth";
    static const char list[] = "\0\0\0\4disk\0\0\0\1\0\0\0\5base:";
    static const char lie[] = "\0\0\0\4disk\0\0\0\2\0\0\0\5base:";
    struct answer *answer = g_new0(struct answer, 1);
    struct site site;
    int fd;

    site_open(&site, NULL);
    fd = hello(&site);
    option(fd, NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 1);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID); /* no structured replies */
    option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
    final(fd);
    option(fd, NBD_OPT_LIST_META_CONTEXT, lie, sizeof(lie) - 1);
    ck_assert_uint_eq(final(fd), NBD_REP_ERR_INVALID);
    option(fd, NBD_OPT_LIST_META_CONTEXT, list, sizeof(list) - 1);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_META_CONTEXT);
    ck_assert_mem_eq(answer->data + 4, "base:allocation", 15);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_ACK);
    option(fd, NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 1);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_META_CONTEXT);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_META_CONTEXT);
    ck_assert_uint_eq(next(fd, answer), NBD_REP_ACK);
    /* asked of another export, they do not count */
    go(fd, "ro", NBD_OPT_GO);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    close(fd);
    g_free(answer);
    site_close(&site);
}
END_TEST

/* --- requests --------------------------------------------------------------------------------- */

static void request(int fd, uint16_t type, uint16_t flags, uint64_t offset, uint32_t bytes)
{
    put32(fd, NBD_REQUEST_MAGIC);
    put16(fd, flags);
    put16(fd, type);
    put64(fd, 0x1122334455667788 + type);
    put64(fd, offset);
    put32(fd, bytes);
}

/* The error of a simple reply, or of an error chunk. */
static uint32_t error_of(int fd)
{
    uint8_t head[NBD_STRUCTURED_SIZE], data[256];

    ck_assert(get(fd, head, NBD_SIMPLE_SIZE));
    if (be_get32(head) == NBD_SIMPLE_REPLY_MAGIC)
        return be_get32(head + 4);
    ck_assert_uint_eq(be_get32(head), NBD_STRUCTURED_REPLY_MAGIC);
    ck_assert(get(fd, head + NBD_SIMPLE_SIZE, 4));
    ck_assert_uint_eq(be_get16(head + 6), NBD_REPLY_TYPE_ERROR);
    ck_assert_uint_le(be_get32(head + 16), sizeof(data));
    ck_assert(get(fd, data, be_get32(head + 16)));
    return be_get32(data);
}

/* A chunk; returns its size. */
static uint32_t chunk(int fd, uint32_t type, bool last, uint8_t *data, size_t room)
{
    uint8_t head[NBD_STRUCTURED_SIZE];

    ck_assert(get(fd, head, sizeof(head)));
    ck_assert_uint_eq(be_get32(head), NBD_STRUCTURED_REPLY_MAGIC);
    ck_assert_uint_eq(be_get16(head + 6), type);
    ck_assert_int_eq(be_get16(head + 4) & 1, last);
    ck_assert_uint_le(be_get32(head + 16), room);
    ck_assert(get(fd, data, be_get32(head + 16)));
    return be_get32(head + 16);
}

static void check_errors(int fd, bool writable)
{
    static const struct {
        uint16_t type, flags;
        uint64_t offset;
        uint32_t bytes, error;
    } cases[] = {
        { NBD_CMD_READ, 0, SIZE, 1, NBD_EINVAL },
        { NBD_CMD_READ, 0, SIZE - 1, 2, NBD_EINVAL },
        { NBD_CMD_READ, 0, UINT64_MAX, 2, NBD_EINVAL },
        { NBD_CMD_READ, 0, 0, NBD_MAX_PAYLOAD + 1, NBD_EINVAL },
        { NBD_CMD_READ, NBD_CMD_FLAG_NO_HOLE, 0, 512, NBD_EINVAL },
        { NBD_CMD_READ, 0x8000, 0, 512, NBD_EINVAL },
        { NBD_CMD_TRIM, 0, SIZE, 1, NBD_ENOSPC },
        { NBD_CMD_WRITE_ZEROES, 0, SIZE - 1, UINT32_MAX, NBD_ENOSPC },
        { NBD_CMD_CACHE, 0, SIZE, 1, NBD_EINVAL },
        { NBD_CMD_FLUSH, 0, 1, 0, NBD_EINVAL },
        { NBD_CMD_BLOCK_STATUS, 0, 0, 512, NBD_EINVAL }, /* no context */
        { 77, 0, 0, 512, NBD_EINVAL },
        { NBD_CMD_CACHE, 0, 0, SIZE, 0 },
        { NBD_CMD_FLUSH, NBD_CMD_FLAG_FUA, 0, 0, 0 },
        { NBD_CMD_TRIM, NBD_CMD_FLAG_FUA, 0, 4096, 0 },
        { NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_NO_HOLE, 0, 4096, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool writes = cases[i].type == NBD_CMD_TRIM || cases[i].type == NBD_CMD_WRITE_ZEROES;
        uint32_t error = writes && !writable ? NBD_EPERM : cases[i].error;

        request(fd, cases[i].type, cases[i].flags, cases[i].offset, cases[i].bytes);
        ck_assert_msg(error_of(fd) == error, "case %u", i);
    }
}

START_TEST(test_requests)
{
    struct site site;
    uint8_t data[4096] = { 1 }, back[8 + 4096];
    int fd;

    site_open(&site, NULL);
    for (int i = 0; i < 4; i++) {
        fd = attach(&site, i & 1 ? "ro" : "disk", i & 2);
        check_errors(fd, !(i & 1));
        request(fd, NBD_CMD_WRITE, NBD_CMD_FLAG_FUA, 4096, 4096);
        put(fd, data, 4096);
        ck_assert_uint_eq(error_of(fd), i & 1 ? NBD_EPERM : 0);
        request(fd, NBD_CMD_WRITE, 0, SIZE - 4095, 4096);
        put(fd, data, 4096);
        ck_assert_uint_eq(error_of(fd), i & 1 ? NBD_EPERM : NBD_ENOSPC);
        request(fd, NBD_CMD_READ, 0, 4096, 4096);
        if (i & 2) {
            ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, true, back, sizeof(back)),
                              8 + 4096);
            ck_assert_uint_eq(be_get64(back), 4096);
            ck_assert_mem_eq(back + 8, data, 4096);
        } else {
            ck_assert_uint_eq(error_of(fd), 0);
            ck_assert(get(fd, back, 4096));
            ck_assert_mem_eq(back, data, 4096);
        }
        /* more than it listens to */
        request(fd, NBD_CMD_WRITE, 0, 0, UINT32_MAX);
        ck_assert(ended(fd));
        close(fd);
    }
    site_close(&site);
}
END_TEST

/* Longer than a thread's buffer, with zeros around the data. */
START_TEST(test_long_read)
{
    g_autofree uint8_t *data = g_malloc(8 + SIZE);
    struct site site;
    uint8_t hole[12];
    int fd;

    site_open(&site, NULL);
    fd = attach(&site, "disk", true);
    request(fd, NBD_CMD_READ, 0, 0, 3 * DATA);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_OFFSET_HOLE, false, hole, sizeof(hole)), 12);
    ck_assert_uint_eq(be_get32(hole + 8), DATA);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, false, data, 8 + SIZE), 8 + DATA);
    ck_assert_uint_eq(be_get64(data), DATA);
    ck_assert_int_eq(data[8], 0x5a);
    ck_assert_mem_eq(data + 8, data + 9, DATA - 1); /* all the same */
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_OFFSET_HOLE, true, hole, sizeof(hole)), 12);
    request(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, DATA - 512, 65536);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, true, data, 8 + SIZE), 8 + 65536);
    request(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, 0, 2 * DATA);
    ck_assert_uint_eq(error_of(fd), NBD_EOVERFLOW);
    request(fd, NBD_CMD_READ, 0, 0, 0);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_NONE, true, data, SIZE), 0);
    close(fd);
    fd = attach(&site, "disk", false);
    request(fd, NBD_CMD_READ, 0, 0, 3 * DATA);
    ck_assert_uint_eq(error_of(fd), 0);
    ck_assert(get(fd, data, 3 * DATA));
    ck_assert_int_eq(data[DATA - 1] | data[2 * DATA], 0);
    ck_assert_int_eq(data[DATA] & data[2 * DATA - 1], 0x5a);
    request(fd, NBD_CMD_WRITE, 0, 4 * DATA, 3 * DATA);
    put(fd, data, 3 * DATA);
    ck_assert_uint_eq(error_of(fd), 0);
    ck_assert_int_eq(vemu_image_read(site.image, 5 * DATA, data, 512), 0);
    ck_assert_int_eq(data[0] & data[511], 0x5a);
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(test_status)
{
    static const char set[] = "\0\0\0\4disk\0\0\0\1\0\0\0\17base:allocation";
    uint8_t data[256];
    struct site site;
    int fd;

    site_open(&site, NULL);
    fd = hello(&site);
    option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
    final(fd);
    option(fd, NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 1);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    go(fd, "disk", NBD_OPT_GO);
    ck_assert_uint_eq(final(fd), NBD_REP_ACK);
    request(fd, NBD_CMD_BLOCK_STATUS, 0, 0, SIZE);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_BLOCK_STATUS, true, data, sizeof(data)), 4 + 24);
    ck_assert_uint_eq(be_get32(data + 4), DATA);
    ck_assert_uint_eq(be_get32(data + 8), NBD_STATE_HOLE | NBD_STATE_ZERO);
    ck_assert_uint_eq(be_get32(data + 12), DATA);
    ck_assert_uint_eq(be_get32(data + 16), 0);
    request(fd, NBD_CMD_BLOCK_STATUS, NBD_CMD_FLAG_REQ_ONE, DATA + 512, SIZE - DATA - 512);
    ck_assert_uint_eq(chunk(fd, NBD_REPLY_TYPE_BLOCK_STATUS, true, data, sizeof(data)), 12);
    ck_assert_uint_eq(be_get32(data + 4), DATA - 512);
    request(fd, NBD_CMD_BLOCK_STATUS, 0, 0, 0);
    ck_assert_uint_eq(error_of(fd), NBD_EINVAL);
    close(fd);
    site_close(&site);
}
END_TEST

/* --- clients that come and go ----------------------------------------------------------------- */

struct gone {
    int ended, negotiated, left;
};

static void client_gone(void *data, uint32_t connected, int negotiated)
{
    struct gone *gone = data;

    __atomic_add_fetch(&gone->negotiated, negotiated, __ATOMIC_SEQ_CST);
    __atomic_store_n(&gone->left, (int)connected, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&gone->ended, 1, __ATOMIC_SEQ_CST);
}

START_TEST(test_limits)
{
    struct vemu_nbd_server_options options = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct gone gone = { 0 };
    struct pollfd poll_fd;
    struct site site;
    int slow, fd, third, pair[2];

    options.max_clients = 2;
    options.max_requests = 2;
    options.handshake_timeout_ms = 500;
    options.client_gone = client_gone;
    options.data = &gone;
    site_open(&site, &options);
    slow = connect_to(site.path); /* says nothing */
    fd = attach(&site, "disk", true);
    ck_assert_uint_eq(vemu_nbd_server_get_clients(site.server), 2);
    third = connect_to(site.path);
    poll_fd = (struct pollfd){ third, POLLIN, 0 };
    ck_assert_int_eq(poll(&poll_fd, 1, 100), 0); /* waits */
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    FAILS(vemu_nbd_server_add_client(site.server, pair[0], &err), EBUSY, "as many clients");
    close(pair[1]);
    ck_assert_int_eq(poll(&poll_fd, 1, 5000), 1); /* the slow one was thrown out */
    request(fd, NBD_CMD_FLUSH, 0, 0, 0);
    ck_assert_uint_eq(error_of(fd), 0);
    request(fd, NBD_CMD_DISC, 0, 0, 0);
    ck_assert(ended(fd));
    while (__atomic_load_n(&gone.ended, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    ck_assert_int_eq(gone.negotiated, 1);
    close(slow);
    close(fd);
    vemu_nbd_server_stop(site.server);
    ck_assert_uint_eq(vemu_nbd_server_get_clients(site.server), 0);
    ck_assert_int_eq(gone.left, 0);
    FAILS(vemu_nbd_server_start(site.server, &err), EBUSY, "stopped");
    close(third);
    site_close(&site);
}
END_TEST

/* A client that takes none of what it asked for is in nobody's way. */
START_TEST(test_greedy)
{
    struct site site;
    int greedy, fd;

    site_open(&site, NULL);
    greedy = attach(&site, "disk", false);
    fcntl(greedy, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 1000; i++)
        request(greedy, NBD_CMD_READ, 0, 0, SIZE);
    fd = attach(&site, "disk", true);
    for (int i = 0; i < 100; i++) {
        uint8_t back[8 + 512];

        request(fd, NBD_CMD_READ, 0, DATA, 512);
        chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, true, back, sizeof(back));
    }
    close(fd);
    site_close(&site); /* with the greedy one still there */
    close(greedy);
}
END_TEST

START_TEST(test_exports)
{
    struct vemu_nbd_export_options export = VEMU_NBD_EXPORT_OPTIONS_INIT;
    static const char *const bitmap = "b0";
    struct site site;
    int fd;

    site_open(&site, NULL);
    export.image = site.image;
    export.name = "disk";
    FAILS(vemu_nbd_server_add_export(site.server, &export, &err), EEXIST, "disk");
    export.name = "b";
    export.bitmaps = &bitmap;
    export.bitmap_count = 1;
    FAILS(vemu_nbd_server_add_export(site.server, &export, &err), ENOTSUP, "b0");
    FAILS(vemu_nbd_server_remove_export(site.server, "no", 0, &err), ENOENT, "no");
    fd = attach(&site, "disk", true);
    FAILS(vemu_nbd_server_remove_export(site.server, "disk", 0, &err), EBUSY, "in use");
    FAILS(vemu_nbd_server_remove_export(site.server, "disk", 4, &err), EINVAL, "flags");
    OK(vemu_nbd_server_remove_export(site.server, "disk", VEMU_NBD_REMOVE_FORCE, &err));
    ck_assert(ended(fd));
    close(fd);
    OK(vemu_nbd_server_remove_export(site.server, "ro", 0, &err));
    add_export(&site, NULL, 0);
    close(attach(&site, "", true));
    site_close(&site);
}
END_TEST

START_TEST(test_new)
{
    struct vemu_nbd_server_options options = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct vemu_nbd_server *server = NULL;
    int pair[2];

    options.flags = VEMU_NBD_TLS_REQUIRED;
    FAILS(vemu_nbd_server_new(&options, &server, &err), EINVAL, "credentials");
    options.flags = 0;
    options.max_clients = 5000;
    FAILS(vemu_nbd_server_new(&options, &server, &err), EINVAL, "4096 clients");
    OK(vemu_nbd_server_new(NULL, &server, &err));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    FAILS(vemu_nbd_server_listen_fd(server, pair[0], &err), EINVAL, "does not listen");
    FAILS(vemu_nbd_server_add_client(server, pair[1], &err), ESHUTDOWN, "does not run");
    FAILS(vemu_nbd_server_listen_inet(server, "nowhere", "0", &err), EINVAL, "nowhere");
    ck_assert_ptr_null(vemu_nbd_server_get_address(server, 0));
    OK(vemu_nbd_server_listen_inet(server, "127.0.0.1", "0", &err));
    ck_assert(g_str_has_prefix(vemu_nbd_server_get_address(server, 0), "127.0.0.1:"));
    OK(vemu_nbd_server_start(server, &err));
    FAILS(vemu_nbd_server_listen_inet(server, "127.0.0.1", "0", &err), EBUSY, "runs");
    vemu_nbd_server_free(server);
    vemu_nbd_server_free(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_options,   test_thrown_out, test_contexts, test_requests,
                                   test_long_read, test_status,     test_limits,   test_greedy,
                                   test_exports,   test_new,        NULL };

    return run_tests("nbd-server", tests);
}
