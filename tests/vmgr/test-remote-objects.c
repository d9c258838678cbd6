/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver's networks, volumes, statistics and events against servers that misbehave.
 */
#include <vmgr/device.h>
#include <vmgr/network.h>
#include <vmgr/stats.h>
#include <vmgr/storage.h>

#include "fake-server.h"

static int round_of;

/* Waits for the end: the server stays until the client has gone. */
static void stay(struct fake *f, int fd, struct packet *p)
{
    while (take_opened(f, fd, p))
        answer(fd, p, STATUS_OK, NULL, 0);
}

/* ---- volumes ---- */

/* Pool "p", name "v", key "k". */
static const uint32_t volume_words[] = { 1, 0x70000000, 1, 0x76000000, 1, 0x6b000000 };

static struct vmgr_volume *find_volume(struct vmgr_conn *conn)
{
    struct vmgr_volume *volume = NULL;

    OK(vmgr_volume_lookup_by_path(conn, "/v", &volume, &err));
    ck_assert_str_eq(vmgr_volume_get_pool_name(volume), "p");
    ck_assert_str_eq(vmgr_volume_get_name(volume), "v");
    ck_assert_str_eq(vmgr_volume_get_key(volume), "k");
    return volume;
}

static bool take_volume_call(struct fake *f, int fd, struct packet *p)
{
    if (!take_opened(f, fd, p) || p->procedure != P_VOL_LOOKUP_BY_PATH)
        return false;
    answer_words(fd, p, volume_words, 6);
    return take_opened(f, fd, p);
}

static void put_part(int fd, const struct packet *p, int type, int status, const void *data,
                     size_t size)
{
    put(fd, REMOTE_PROGRAM, p->procedure, type, p->serial, status, data, size);
}

static void put_hole(int fd, const struct packet *p, uint32_t high, uint32_t low, uint32_t flags)
{
    const uint32_t words[] = { htonl(high), htonl(low), htonl(flags) };

    put_part(fd, p, HOLE, STATUS_CONTINUE, words, sizeof(words));
}

static void serve_download(struct fake *f, int fd)
{
    struct packet p, q;

    if (!take_volume_call(f, fd, &p) || p.procedure != P_VOL_DOWNLOAD)
        return;
    answer(fd, &p, STATUS_OK, NULL, 0);
    put_part(fd, &p, STREAM, STATUS_CONTINUE, "abc", 3);
    switch (round_of) {
    case 0:
    case 1:
    case 2: /* holes, one of them of nothing, then data and the end */
        put_hole(fd, &p, 0, 0, 0);
        put_hole(fd, &p, 0, 5, 0);
        put_part(fd, &p, STREAM, STATUS_CONTINUE, "def", 3);
        put_part(fd, &p, STREAM, STATUS_CONTINUE, NULL, 0);
        break;
    case 3: put_hole(fd, &p, 0x80000000, 0, 0); break;             /* below zero */
    case 4: put_hole(fd, &p, 0, 5, 1); break;                      /* with a flag */
    case 5: put_part(fd, &p, HOLE, STATUS_CONTINUE, "", 0); break; /* of no length at all */
    case 6: put_part(fd, &p, STREAM, STATUS_ERROR, "?", 1); break;
    case 7: return;
    }
    while (take(fd, &q)) {
        if (q.type == STREAM)
            put_part(fd, &p, STREAM, STATUS_OK, NULL, 0);
        else if (q.type == CALL)
            answer(fd, &q, STATUS_OK, NULL, 0);
    }
}

/* As zeros, in calls of two bytes. */
static void read_zeros(struct vmgr_stream *st)
{
    char text[12] = "xxxxxxxxxxx";
    size_t got = 0;
    ssize_t n;

    while ((n = vmgr_stream_recv(st, text + got, 2, NULL)) > 0)
        got += (size_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(got, 11);
    ck_assert_mem_eq(text, "abc\0\0\0\0\0def", 11);
}

static void read_holes(struct vmgr_stream *st)
{
    uint64_t hole = 99;
    char text[8];

    ck_assert_int_eq(vmgr_stream_recv_flags(st, text, 8, VMGR_STREAM_STOP_AT_HOLE, NULL), 3);
    OK(vmgr_stream_recv_hole(st, &hole, &err));
    ck_assert_uint_eq(hole, 0); /* the one of nothing */
    ck_assert_int_eq(vmgr_stream_recv_flags(st, text, 8, VMGR_STREAM_STOP_AT_HOLE, NULL),
                     VMGR_STREAM_AT_HOLE);
    ck_assert_int_eq(vmgr_stream_recv(st, text, 2, NULL), 2); /* some of it as zeros */
    OK(vmgr_stream_recv_hole(st, &hole, &err));
    ck_assert_uint_eq(hole, 3);
    ck_assert_int_eq(vmgr_stream_recv_flags(st, text, 8, VMGR_STREAM_STOP_AT_HOLE, NULL), 3);
    ck_assert_mem_eq(text, "def", 3);
    OK(vmgr_stream_recv_hole(st, &hole, &err));
    ck_assert_uint_eq(hole, 0); /* the end is no hole */
    ck_assert_int_eq(vmgr_stream_recv(st, text, 8, NULL), 0);
}

START_TEST(test_download)
{
    static const char *const refusals[] = {
        "not opened as sparse",
        "",
        "",
        "a hole that cannot be",
        "a hole that cannot be",
        "a hole that cannot be",
        "cannot be read",
        "connection lost",
    };
    const uint32_t flags = _i == 0 ? 0 : VMGR_VOLUME_STREAM_SPARSE;
    struct vmgr_volume *volume;
    struct vmgr_stream *st = NULL;
    struct vmgr_conn *conn;
    char text[4] = "";

    round_of = _i;
    conn = open_fake(serve_download);
    volume = find_volume(conn);
    OK(vmgr_volume_download(volume, 0, 0, flags, &st, &err));
    ck_assert_int_eq(vmgr_stream_is_blocking(st), 1);
    if (_i == 1) {
        read_zeros(st);
        OK(vmgr_stream_finish(st, &err));
    } else if (_i == 2) {
        read_holes(st);
        FAILS_WITH((int)vmgr_stream_send(st, "x", 1, &err), "for receiving");
        FAILS_WITH(vmgr_stream_send_hole(st, 1, &err), "not supported");
        OK(vmgr_stream_finish(st, &err));
    } else {
        ck_assert_int_eq(vmgr_stream_recv(st, text, 3, NULL), 3);
        FAILS_WITH((int)vmgr_stream_recv(st, text, 3, &err), refusals[_i]);
    }
    vmgr_stream_unref(st);
    vmgr_volume_unref(volume);
    close_fake(conn);
}
END_TEST

/* Expects "ab", a hole of 7, "c" and the end. */
static void serve_upload(struct fake *f, int fd)
{
    static const unsigned char hole[12] = { 0, 0, 0, 0, 0, 0, 0, 7 };
    struct packet p, q;
    bool good;

    if (!take_volume_call(f, fd, &p) || p.procedure != P_VOL_UPLOAD)
        return;
    answer(fd, &p, STATUS_OK, NULL, 0);
    if (round_of == 1)
        put_part(fd, &p, STREAM, STATUS_CONTINUE, "x", 1);
    if (round_of) {
        stay(f, fd, &q);
        return;
    }
    good = take(fd, &q) && q.type == STREAM && q.size == 2 && q.serial == p.serial;
    good = good && take(fd, &q) && q.type == HOLE && q.status == STATUS_CONTINUE &&
           q.size == sizeof(hole) && memcmp(q.payload, hole, sizeof(hole)) == 0;
    good = good && take(fd, &q) && q.type == STREAM && q.size == 1 && q.payload[0] == 'c';
    good = good && take(fd, &q) && q.type == STREAM && q.status == STATUS_OK;
    put_part(fd, &p, STREAM, good ? STATUS_OK : STATUS_ERROR, NULL, 0);
    stay(f, fd, &q);
}

START_TEST(test_upload)
{
    const uint32_t flags = _i == 2 ? 0 : VMGR_VOLUME_STREAM_SPARSE;
    struct vmgr_volume *volume;
    struct vmgr_stream *st = NULL;
    struct vmgr_conn *conn;
    char c;

    round_of = _i;
    conn = open_fake(serve_upload);
    volume = find_volume(conn);
    OK(vmgr_volume_upload(volume, 0, 0, flags, &st, &err));
    FAILS_WITH((int)vmgr_stream_recv(st, &c, 1, &err), "for sending");
    switch (_i) {
    case 0:
        ck_assert_int_eq(vmgr_stream_send(st, "ab", 2, NULL), 2);
        OK(vmgr_stream_send_hole(st, 7, &err));
        FAILS_WITH(vmgr_stream_send_hole(st, UINT64_MAX, &err), "a hole of 18446744073709551615");
        ck_assert_int_eq(vmgr_stream_send(st, "c", 1, NULL), 1);
        OK(vmgr_stream_finish(st, &err));
        break;
    case 1: FAILS_WITH(vmgr_stream_finish(st, &err), "sent data in an upload"); break;
    case 2: FAILS_WITH(vmgr_stream_send_hole(st, 7, &err), "not opened as sparse"); break;
    }
    vmgr_stream_unref(st);
    vmgr_volume_unref(volume);
    close_fake(conn);
}
END_TEST

/* ---- networks ---- */

/* Network "n", a UUID of ones. */
#define NETWORK 1, 0x6e000000, 0x01010101, 0x01010101, 0x01010101, 0x01010101

/* Tells by an error's words whether command (2) came first, or section (5). */
static void serve_update(struct fake *f, int fd)
{
    struct packet p;

    if (!take_opened(f, fd, &p) || p.procedure != P_NETWORK_LOOKUP_BY_NAME)
        return;
    answer_words(fd, &p, (uint32_t[]){ NETWORK }, 6);
    if (take_opened(f, fd, &p) && p.procedure == P_NETWORK_UPDATE &&
        p.payload[24 + 3] == (f->features ? 2 : 5) && p.payload[24 + 7] == (f->features ? 5 : 2))
        answer(fd, &p, STATUS_OK, NULL, 0);
    stay(f, fd, &p);
}

START_TEST(test_network_update)
{
    struct vmgr_conn *conn = open_fake(serve_update);
    struct vmgr_network *net = NULL;

    OK(vmgr_network_lookup_by_name(conn, "n", &net, &err));
    fake.features = _i;
    OK(vmgr_network_update(net, 2, 5, -1, "<host/>", 0, &err));
    vmgr_network_unref(net);
    close_fake(conn);
}
END_TEST

/* ---- events ---- */

static char told[200];

static void tell(const char *kind, const char *name, int type)
{
    const size_t used = strlen(told);

    snprintf(told + used, sizeof(told) - used, "%s %s %d; ", kind, name, type);
}

static void on_network(struct vmgr_conn *conn, struct vmgr_network *net,
                       const struct vmgr_network_event *event, void *data)
{
    (void)conn;
    (void)data;
    ck_assert_int_eq(event->id, VMGR_NETWORK_EVENT_LIFECYCLE);
    tell("net", vmgr_network_get_name(net), event->type);
}

static void on_pool(struct vmgr_conn *conn, struct vmgr_pool *pool,
                    const struct vmgr_pool_event *event, void *data)
{
    (void)conn;
    (void)data;
    tell(event->id == VMGR_POOL_EVENT_REFRESH ? "refresh" : "pool", vmgr_pool_get_name(pool),
         event->type);
}

static void on_device(struct vmgr_conn *conn, struct vmgr_domain *dom,
                      const struct vmgr_domain_event *event, void *data)
{
    (void)conn;
    (void)dom;
    (void)data;
    tell("device", event->device, event->id);
}

static void put_words(int fd, int procedure, const uint32_t *words, size_t n)
{
    uint32_t swapped[20];

    for (size_t i = 0; i < n; i++)
        swapped[i] = htonl(words[i]);
    put(fd, REMOTE_PROGRAM, procedure, MESSAGE, 1, STATUS_OK, swapped, n * 4);
}

/* Callback 3 is the networks', 4 and 5 the pools', 6 the domains'; the first is refused once. */
static void serve_events(struct fake *f, int fd)
{
    static const uint32_t domain[] = { 6, 1, 0x67000000, 0, 0, 0, 0, 5, 3, 0x75612d00 };
    static const int order[] = { P_NETWORK_REGISTER_ANY, P_NETWORK_REGISTER_ANY,
                                 P_POOL_REGISTER_ANY, P_POOL_REGISTER_ANY, P_REGISTER_ANY };
    struct packet p;

    for (uint32_t i = 0; i < 5; i++) {
        if (!take_opened(f, fd, &p) || p.procedure != order[i])
            return;
        if (i == 0)
            answer(fd, &p, STATUS_ERROR, "?", 1);
        else
            answer_words(fd, &p, (uint32_t[]){ 2 + i }, 1);
    }
    if (!take_opened(f, fd, &p))
        return;
    put_words(fd, P_NETWORK_EVENT, (uint32_t[]){ 9, NETWORK, 2, 0 }, 9); /* of nobody's */
    put_words(fd, P_NETWORK_EVENT, (uint32_t[]){ 3, NETWORK, 2, 0 }, 9);
    put_words(fd, P_NETWORK_EVENT, (uint32_t[]){ 3, NETWORK }, 7); /* cut off */
    put_words(fd, P_POOL_EVENT, (uint32_t[]){ 4, NETWORK, 3, 0 }, 9);
    put_words(fd, P_POOL_EVENT_REFRESH, (uint32_t[]){ 5, NETWORK }, 7);
    put_words(fd, P_POOL_EVENT_REFRESH, (uint32_t[]){ 4, NETWORK }, 7);
    put_words(fd, P_EVENT_DEVICE_ADDED, domain, 10);
    answer_words(fd, &p, (uint32_t[]){ 3, 0x61626300 }, 2);
    stay(f, fd, &p);
}

START_TEST(test_events)
{
    struct vmgr_conn *conn = open_fake(serve_events);
    char *name = NULL;

    told[0] = '\0';
    FAILS_WITH(vmgr_conn_add_network_event(conn, NULL, VMGR_NETWORK_EVENT_LIFECYCLE, on_network,
                                           NULL, NULL, &err),
               "cannot be read");
    OK(vmgr_conn_add_network_event(conn, NULL, VMGR_NETWORK_EVENT_LIFECYCLE, on_network, NULL, NULL,
                                   &err));
    OK(vmgr_conn_add_pool_event(conn, NULL, VMGR_POOL_EVENT_LIFECYCLE, on_pool, NULL, NULL, &err));
    OK(vmgr_conn_add_pool_event(conn, NULL, VMGR_POOL_EVENT_REFRESH, on_pool, NULL, NULL, &err));
    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_DEVICE_ADDED, on_device, NULL, NULL,
                                  &err));
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    free(name);
    OK(vmgr_conn_dispatch(conn, &err));
    /* Those of domains first, then of pools and networks; each kind in its order. */
    ck_assert_str_eq(told, "device ua- 19; pool n 3; refresh n 0; net n 2; ");
    close_fake(conn);
}
END_TEST

/* ---- statistics ---- */

static void serve_stats(struct fake *f, int fd)
{
    static const uint32_t domain[] = { 1, 0x67000000, 0, 0, 0, 0, 5 };
    /* One record, of that domain, with figures of each type. */
    static const uint32_t words[] = {
        1, 1,          0x67000000, 0,           0,          0, 0, 5, 6, /* figures */
        1, 0x61000000, 1,          0xffffffff,                          /* int a */
        1, 0x62000000, 2,          4000000000u,                         /* uint b */
        1, 0x63000000, 3,          0,           12,                     /* llong c */
        1, 0x64000000, 4,          1,           0,                      /* ullong d */
        1, 0x65000000, 6,          1,                                   /* boolean e */
        1, 0x66000000, 7,          1,           0x78000000,             /* string f */
    };
    struct packet p;

    if (!take_opened(f, fd, &p) || p.procedure != P_LOOKUP_BY_NAME)
        return;
    answer_words(fd, &p, domain, 7);
    if (!take_opened(f, fd, &p) || p.procedure != P_GET_ALL_STATS)
        return;
    if (round_of == 0)
        answer_words(fd, &p, words, sizeof(words) / sizeof(words[0]));
    else if (round_of == 1) /* no record */
        answer_words(fd, &p, (uint32_t[]){ 0 }, 1);
    else /* more than there are */
        answer_words(fd, &p, (uint32_t[]){ 2, 1, 0x67000000, 0, 0, 0, 0, 5, 0x40000 }, 9);
    stay(f, fd, &p);
}

START_TEST(test_stats)
{
    struct vmgr_stat *stats = NULL;
    struct vmgr_domain *dom = NULL;
    struct vmgr_conn *conn;

    round_of = _i;
    conn = open_fake(serve_stats);
    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    if (_i == 0) {
        ck_assert_int_eq(vmgr_domain_get_stats(dom, 0, VMGR_STATS_ENFORCE, &stats, NULL), 6);
        ck_assert_int_eq((int)vmgr_stats_find(stats, "a")->number, -1);
        ck_assert_uint_eq(vmgr_stats_find(stats, "b")->number, 4000000000u);
        ck_assert_uint_eq(vmgr_stats_find(stats, "c")->number, 12);
        ck_assert_uint_eq(vmgr_stats_find(stats, "d")->number, 1ull << 32);
        ck_assert_uint_eq(vmgr_stats_find(stats, "e")->number, 1);
        ck_assert_str_eq(vmgr_stats_find(stats, "f")->text, "x");
    } else if (_i == 1) {
        ck_assert_int_eq(vmgr_domain_get_stats(dom, VMGR_STATS_BLOCK, 0, &stats, NULL), 0);
    } else {
        FAILS_WITH(vmgr_domain_get_stats(dom, 0, 0, &stats, &err), "Unable to decode");
    }
    vmgr_stats_free(stats);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vmgr-remote-objects");
    TCase *tc = tcase_create("objects");

    tcase_set_timeout(tc, 100);
    tcase_add_loop_test(tc, test_download, 0, 8);
    tcase_add_loop_test(tc, test_upload, 0, 3);
    tcase_add_loop_test(tc, test_network_update, 0, 2);
    tcase_add_test(tc, test_events);
    tcase_add_loop_test(tc, test_stats, 0, 3);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
