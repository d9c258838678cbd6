/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver against servers that misbehave: wrong numbers, half packets, sudden death.
 */
#include <poll.h>

#include "fake-server.h"

#define THREADS 8

START_TEST(test_uris)
{
    static const struct {
        const char *uri, *message;
    } bad[] = {
        { "qemu+unix://host/system", "has a host; a unix socket is on this one" },
        { "qemu+tcp:///system", "has no host to connect to" },
        { "qemu+tls:///system", "has no host to connect to" },
        { "qemu+ssh:///system", "has no host to connect to" },
        { "qemu+ssh://-oProxyCommand=x/system", "cannot begin with '-'" },
        { "qemu+ext:///system", "needs the parameter command" },
        { "qemu+pigeon:///system", "no connection driver available for qemu+pigeon" },
        { "+unix:///system", "nable to parse" },
        { "qemu+unix:///system?mode=x", "must be auto, legacy or direct, not 'x'" },
        { "qemu+unix:///system?no_verify=2", "must be 0 or 1, not '2'" },
        { "qemu+unix:///system?socket=", "must be given" },
        { "qemu+unix:///system?socket=/nowhere/sock",
          "Failed to connect socket to '/nowhere/sock'" },
        { "qemu+ext:///system?command=/nowhere/prog", "cannot run /nowhere/prog" },
        { "qemu+ext:///system?command=/bin/false", "cannot connect: " },
    };
    struct vmgr_conn_options o = VMGR_CONN_OPTIONS_INIT;
    struct vmgr_conn *c = NULL;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        FAILS_WITH(vmgr_conn_open(bad[i].uri, 0, &c, &err), bad[i].message);
    o.uri = "qemu+unix:///system?socket=/nowhere";
    o.root = "/tmp";
    FAILS_WITH(vmgr_conn_open_with(&o, &c, &err), "takes no root directory");
    setenv("VMGR_DAEMON", "/bin/false", 1);
    FAILS_WITH(vmgr_conn_open("vemu+unix:///session?root=/tmp/vmgr-nowhere", 0, &c, &err),
               "cannot start /bin/false");
    FAILS_WITH(
        vmgr_conn_open("vemu+unix:///session?root=/tmp/vmgr-nowhere&no_start=1", 0, &c, &err),
        "Failed to connect socket to '/tmp/vmgr-nowhere/run/vmgr/libvirt-sock'");
    ck_assert_ptr_null(c);
}
END_TEST

/* ---- opening ---- */

static void serve_nothing(struct fake *f, int fd)
{
    struct packet p;

    (void)f;
    take(fd, &p);
}

static void serve_garbage(struct fake *f, int fd)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n no such protocol here";

    (void)f;
    put_bytes(fd, text, sizeof(text));
    take(fd, &(struct packet){ 0 });
}

static void serve_huge(struct fake *f, int fd)
{
    (void)f;
    put_bytes(fd, "\xff\xff\xff\xff", 4);
    take(fd, &(struct packet){ 0 });
}

static void serve_tiny(struct fake *f, int fd)
{
    (void)f;
    put_bytes(fd, "\0\0\0\4", 4);
    take(fd, &(struct packet){ 0 });
}

static void serve_strange_auth(struct fake *f, int fd)
{
    struct packet p;

    (void)f;
    if (take(fd, &p))
        answer_words(fd, &p, (uint32_t[]){ 1, 77 }, 2);
    take(fd, &p);
}

static void serve_many_auths(struct fake *f, int fd)
{
    struct packet p;

    (void)f;
    if (take(fd, &p))
        answer_words(fd, &p, (uint32_t[]){ 0x10000000, 0 }, 2);
    take(fd, &p);
}

START_TEST(test_opening)
{
    static const struct {
        void (*serve)(struct fake *f, int fd);
        const char *message;
    } bad[] = {
        { serve_nothing, "cannot connect: the server has closed the connection" },
        { serve_garbage, "cannot connect: the server sent a malformed packet" },
        { serve_huge, "cannot connect: the server sent a malformed packet" },
        { serve_tiny, "cannot connect: the server sent a malformed packet" },
        { serve_strange_auth, "unsupported authentication type 77" },
        { serve_many_auths, "Unable to decode message payload" },
    };
    struct vmgr_conn *c = NULL;

    fake_start(&fake, bad[_i].serve);
    FAILS_WITH(vmgr_conn_open(fake.uri, 0, &c, &err), bad[_i].message);
    ck_assert_ptr_null(c);
    fake_end(&fake);
}
END_TEST

/* ---- replies ---- */

/* The first call's answer is for the test's eyes; a second one asks for the host's name. */
static int round_of;

static void serve_reply(struct fake *f, int fd)
{
    static const uint32_t name[] = { 3, 0x61626300 };
    struct packet p;

    if (!take_opened(f, fd, &p))
        return;
    switch (round_of) {
    case 0: /* for a call that nobody made, and then the right one */
        put(fd, REMOTE_PROGRAM, p.procedure, REPLY, p.serial + 100, STATUS_OK, "\0\0\0\0", 4);
        put(fd, REMOTE_PROGRAM, p.procedure, CALL, p.serial, STATUS_OK, "\0\0\0\0", 4);
        put(fd, REMOTE_PROGRAM, 999, MESSAGE, 0, STATUS_OK, "\0\0\0\0", 4);
        put(fd, REMOTE_PROGRAM, P_OPEN_CONSOLE, STREAM, 17, STATUS_CONTINUE, "abcd", 4);
        put(fd, 0x12345678, 2, 77, p.serial, STATUS_OK, NULL, 0);
        answer_words(fd, &p, name, 2);
        break;
    case 1: /* cut off */ answer_words(fd, &p, (uint32_t[]){ 100000, 0x61626300 }, 2); break;
    case 2: /* an error that is none */ answer(fd, &p, STATUS_ERROR, "\0\0\0\1", 4); break;
    case 3: /* an error of code 0 */ answer(fd, &p, STATUS_ERROR, (char[100]){ 0 }, 100); break;
    case 4: /* a status that no reply has */ answer(fd, &p, STATUS_CONTINUE, NULL, 0); break;
    case 5: /* a NUL inside of the string */
        answer_words(fd, &p, (uint32_t[]){ 3, 0x61006300 }, 2);
        break;
    }
    /* Alive after all of it. */
    while (take_opened(f, fd, &p))
        answer_words(fd, &p, name, 2);
}

START_TEST(test_replies)
{
    static const char *const messages[] = {
        NULL,
        "Unable to decode message payload",
        "error that cannot be read",
        "error that cannot be read",
        "error that cannot be read",
        "Unable to decode message payload",
    };
    struct vmgr_conn *conn;
    char *name = NULL;

    round_of = _i;
    conn = open_fake(serve_reply);
    if (messages[_i])
        FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err), messages[_i]);
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    ck_assert_str_eq(name, "abc");
    free(name);
    ck_assert_int_eq(vmgr_conn_is_alive(conn, NULL), 1);
    close_fake(conn);
}
END_TEST

static void serve_other_procedure(struct fake *f, int fd)
{
    struct packet p;

    if (take_opened(f, fd, &p))
        put(fd, REMOTE_PROGRAM, p.procedure + 1, REPLY, p.serial, STATUS_OK, NULL, 0);
    take(fd, &p);
}

START_TEST(test_other_procedure)
{
    struct vmgr_conn *conn = open_fake(serve_other_procedure);
    char *name;

    FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err), "of procedure 59 as procedure 60");
    close_fake(conn);
}
END_TEST

static void serve_lies(struct fake *f, int fd)
{
    struct packet p;

    while (take_opened(f, fd, &p)) {
        if (p.procedure == P_LIST_ALL)
            answer_words(fd, &p, (uint32_t[]){ 16384, 0, 0 }, 3);
        else
            answer_words(fd, &p, (uint32_t[]){ 0xfffffff0 }, 1);
    }
}

START_TEST(test_lies)
{
    struct vmgr_conn *conn = open_fake(serve_lies);

    FAILS_WITH(vmgr_domain_list(conn, 0, NULL, &err), "Unable to decode");
    FAILS_WITH(vmgr_conn_get_max_vcpus(conn, NULL, &err), "below zero");
    close_fake(conn);
}
END_TEST

/* Texts come as a word for each byte, with the end of the text. */
static void serve_labels(struct fake *f, int fd)
{
    static const uint32_t domain[] = { 1, 0x67000000, 0, 0, 0, 0, 5 };
    static const uint32_t labels[] = { 2, 1, 0, 0, 3, '+', '7', 0, 1, 2 };
    struct packet p;

    while (take_opened(f, fd, &p)) {
        switch (p.procedure) {
        case P_LOOKUP_BY_NAME: answer_words(fd, &p, domain, 7); break;
        case P_GET_SECURITY_LABEL_LIST: answer_words(fd, &p, labels, 10); break;
        default: answer(fd, &p, STATUS_OK, NULL, 0);
        }
    }
}

START_TEST(test_labels)
{
    struct vmgr_conn *conn = open_fake(serve_labels);
    struct vmgr_security_label **labels = NULL;
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    OK(vmgr_domain_get_security_labels(dom, &labels, &err));
    ck_assert(labels[0] && labels[1] && !labels[2]);
    ck_assert_str_eq(labels[0]->label, "");
    ck_assert_int_eq(labels[0]->enforcing, 0);
    ck_assert_str_eq(labels[1]->label, "+7");
    ck_assert_int_eq(labels[1]->enforcing, 1);
    vmgr_security_labels_free(labels);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

/* ---- death ---- */

static void serve_half(struct fake *f, int fd)
{
    struct packet p;

    if (!take_opened(f, fd, &p))
        return;
    put_bytes(fd, "\0\0\0\x30\x20\0\x80\x86\0\0", 10);
}

static void count_close(struct vmgr_conn *conn, int reason, void *data)
{
    (void)conn;
    ck_assert_int_eq(reason, VMGR_CONN_CLOSE_EOF);
    ++*(int *)data;
}

static void count_free(void *data)
{
    *(int *)data += 100;
}

START_TEST(test_death_in_call)
{
    struct vmgr_conn *conn = open_fake(serve_half);
    struct pollfd p = { .events = POLLIN };
    int told = 0;
    char *name;

    OK(vmgr_conn_set_close_callback(conn, count_close, &told, count_free, &err));
    FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err),
               "connection lost: the server has closed the connection");
    FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err), "connection lost");
    ck_assert_int_eq(vmgr_conn_is_alive(conn, NULL), 0);
    p.fd = vmgr_conn_get_event_fd(conn, NULL);
    ck_assert_int_eq(poll(&p, 1, 10000), 1);
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_int_eq(told, 101);
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_int_eq(told, 101);
    close_fake(conn);
}
END_TEST

/* Answers calls in the order opposite to theirs; then dies with as many under way. */
static void serve_backwards(struct fake *f, int fd)
{
    static struct packet p[THREADS];
    int n = 0;

    while (n < THREADS && take_opened(f, fd, &p[n]))
        n++;
    while (n-- > 0)
        answer_words(fd, &p[n], (uint32_t[]){ 3, 0x61626300 }, 2);
    for (n = 0; n < THREADS && take(fd, &p[0]);)
        n += p[0].type == CALL;
}

static pthread_barrier_t barrier;

static void *two_calls(void *data)
{
    char *name = NULL;

    OK(vmgr_conn_get_hostname(data, &name, &err));
    ck_assert_str_eq(name, "abc");
    free(name);
    pthread_barrier_wait(&barrier);
    FAILS_WITH(vmgr_conn_get_hostname(data, &name, &err), "connection lost");
    return NULL;
}

START_TEST(test_threads)
{
    struct vmgr_conn *conn = open_fake(serve_backwards);
    pthread_t threads[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, two_calls, conn), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_fake(conn);
}
END_TEST

/* ---- who reads ---- */

/* Answers one call, then as many as there are threads, each a while after the one before. */
static void serve_in_turn(struct fake *f, int fd)
{
    static struct packet p[THREADS];
    int n = 0;

    if (!take_opened(f, fd, &p[0]))
        return;
    answer_words(fd, &p[0], (uint32_t[]){ 3, 0x61626300 }, 2);
    while (n < THREADS && take_opened(f, fd, &p[n]))
        n++;
    for (int i = 0; i < n; i++) {
        usleep(5000);
        answer_words(fd, &p[i], (uint32_t[]){ 3, 0x61626300 }, 2);
    }
    take_opened(f, fd, &p[0]);
}

static void *one_call(void *data)
{
    char *name = NULL;

    OK(vmgr_conn_get_hostname(data, &name, &err));
    ck_assert_str_eq(name, "abc");
    free(name);
    return NULL;
}

/* The caller that reads for all is answered first and leaves. */
START_TEST(test_reader_leaves)
{
    struct vmgr_conn *conn = open_fake(serve_in_turn);
    pthread_t threads[THREADS];

    one_call(conn);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, one_call, conn), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_fake(conn);
}
END_TEST

/* Many calls that are answered at once, then one after longer than is worth looking for it; then a
 * PING, and the end, when nobody calls. */
static void serve_then_ping(struct fake *f, int fd)
{
    struct packet p;

    for (int i = 0; i < 100; i++) {
        if (!take_opened(f, fd, &p))
            return;
        if (i % 10 == 9)
            usleep(1000);
        answer_words(fd, &p, (uint32_t[]){ 3, 0x61626300 }, 2);
    }
    put(fd, KEEPALIVE_PROGRAM, 1, MESSAGE, 0, STATUS_OK, NULL, 0);
    f->asked = take(fd, &p) && p.program == KEEPALIVE_PROGRAM && p.procedure == 2;
}

START_TEST(test_unasked_after_calls)
{
    struct vmgr_conn *conn = open_fake(serve_then_ping);
    struct pollfd p = { .events = POLLIN };
    int told = 0;

    OK(vmgr_conn_set_close_callback(conn, count_close, &told, count_free, &err));
    for (int i = 0; i < 100; i++)
        one_call(conn);
    p.fd = vmgr_conn_get_event_fd(conn, NULL);
    ck_assert_int_eq(poll(&p, 1, 10000), 1);
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_int_eq(told, 101);
    close_fake(conn);
    ck_assert(fake.asked);
}
END_TEST

/* ---- keepalive ---- */

static void serve_ping(struct fake *f, int fd)
{
    struct packet p;

    if (!take_opened(f, fd, &p))
        return;
    put(fd, KEEPALIVE_PROGRAM, 1, MESSAGE, 0, STATUS_OK, NULL, 0);
    /* The answer comes though a call is under way. */
    struct packet pong;
    if (take(fd, &pong) && pong.program == KEEPALIVE_PROGRAM && pong.procedure == 2)
        answer_words(fd, &p, (uint32_t[]){ 3, 0x61626300 }, 2);
    take_opened(f, fd, &p);
}

START_TEST(test_ping)
{
    struct vmgr_conn *conn = open_fake(serve_ping);
    char *name = NULL;

    OK(vmgr_conn_get_hostname(conn, &name, &err));
    free(name);
    close_fake(conn);
}
END_TEST

static void serve_silence(struct fake *f, int fd)
{
    struct packet p;

    take_opened(f, fd, &p);
    while (take(fd, &p))
        continue;
}

START_TEST(test_no_sign_of_life)
{
    struct vmgr_conn *conn = open_fake(serve_silence);
    char *name = NULL;

    OK(vmgr_conn_set_keepalive(conn, 1, 1, &err));
    FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err),
               "connection lost: the server gives no sign of life");
    close_fake(conn);
}
END_TEST

/* ---- events ---- */

/* Domain "g", a UUID of zeros, id 5, STARTED, BOOTED. */
static const uint32_t event_words[] = { 0 /* callback */, 1, 0x67000000, 0, 0, 0, 0, 5, 2, 0 };

static void put_event(int fd, uint32_t callback)
{
    uint32_t words[10];

    memcpy(words, event_words, sizeof(words));
    words[0] = callback;
    for (int i = 0; i < 10; i++)
        words[i] = htonl(words[i]);
    put(fd, REMOTE_PROGRAM, P_EVENT_LIFECYCLE, MESSAGE, 1, STATUS_OK, words, sizeof(words));
}

static void serve_events(struct fake *f, int fd)
{
    struct packet p;

    if (!take_opened(f, fd, &p) || p.procedure != P_REGISTER_ANY)
        return;
    put_event(fd, 44);
    answer_words(fd, &p, (uint32_t[]){ 7 }, 1);
    if (!take_opened(f, fd, &p))
        return;
    put_event(fd, 8); /* of nobody's */
    put_event(fd, 7);
    put(fd, REMOTE_PROGRAM, P_EVENT_LIFECYCLE, MESSAGE, 1, STATUS_OK, "\0\0\0\7", 4);
    answer_words(fd, &p, (uint32_t[]){ 3, 0x61626300 }, 2);
    take_opened(f, fd, &p);
}

START_TEST(test_events)
{
    struct vmgr_conn *conn = open_fake(serve_events);
    struct event_log log = { "" };
    char *name = NULL;

    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, log_event, &log, NULL,
                                  &err));
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    free(name);
    OK(vmgr_conn_dispatch(conn, &err));
    ck_assert_str_eq(log.text, "Started Booted; ");
    close_fake(conn);
}
END_TEST

/* ---- streams ---- */

static uint32_t stream_serial;

static void put_stream(int fd, int type, int status, const char *data)
{
    put(fd, REMOTE_PROGRAM, P_OPEN_CONSOLE, type, stream_serial, status, data, strlen(data));
}

/* Says anything but that the stream has ended, until the client says something else. */
static void talk_on(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (poll(&p, 1, 100) == 0)
        put_stream(fd, STREAM, STATUS_CONTINUE, "and another thing");
}

static void serve_stream(struct fake *f, int fd)
{
    static const uint32_t domain[] = { 1, 0x67000000, 0, 0, 0, 0, 5 };
    struct packet p;

    if (!take_opened(f, fd, &p) || p.procedure != P_LOOKUP_BY_NAME)
        return;
    answer_words(fd, &p, domain, 7);
    if (!take_opened(f, fd, &p) || p.procedure != P_OPEN_CONSOLE)
        return;
    stream_serial = p.serial;
    answer(fd, &p, STATUS_OK, NULL, 0);
    put_stream(fd, STREAM, STATUS_CONTINUE, "hello ");
    put_stream(fd, STREAM, STATUS_OK, ""); /* nobody has asked */
    put_stream(fd, STREAM, STATUS_CONTINUE, "world");
    if (round_of == 1)
        put_stream(fd, STREAM, STATUS_CONTINUE, "");
    else if (round_of == 2)
        put_stream(fd, STREAM, STATUS_ERROR, "?");
    else if (round_of == 3)
        put_stream(fd, HOLE, STATUS_CONTINUE, "");
    else if (round_of == 4)
        return;
    /* What the client sends comes back; its end is agreed to. */
    while (take(fd, &p)) {
        if (p.type == STREAM && p.status == STATUS_CONTINUE)
            put(fd, REMOTE_PROGRAM, P_OPEN_CONSOLE, STREAM, p.serial, STATUS_CONTINUE, p.payload,
                p.size);
        else if (p.type == STREAM && round_of == 6)
            talk_on(fd);
        else if (p.type == STREAM)
            put_stream(fd, STREAM, STATUS_OK, "");
        else if (p.type == CALL)
            answer(fd, &p, STATUS_OK, NULL, 0);
    }
}

/* Waits for `size` bytes, or 0 or an error: what vmgr_stream_recv() gives last. */
static ssize_t receive(struct vmgr_stream *st, char *to, size_t size, struct vmgr_error **err)
{
    struct pollfd p = { .fd = vmgr_stream_get_fd(st), .events = POLLIN };
    size_t got = 0;

    while (got < size) {
        const ssize_t n = vmgr_stream_recv(st, to + got, size - got, err);

        if (n == VMGR_STREAM_AGAIN)
            ck_assert_int_eq(poll(&p, 1, 10000), 1);
        else if (n <= 0)
            return n;
        else
            got += (size_t)n;
    }
    return (ssize_t)got;
}

START_TEST(test_streams)
{
    struct vmgr_domain *dom = NULL;
    struct vmgr_stream *st = NULL;
    struct vmgr_conn *conn;
    char text[20] = "";

    round_of = _i;
    conn = open_fake(serve_stream);
    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    OK(vmgr_domain_open_console(dom, NULL, 0, &st, &err));
    OK((int)receive(st, text, 11, &err));
    ck_assert_str_eq(text, "hello world");
    switch (_i) {
    case 0:
        OK((int)vmgr_stream_send(st, "again", 5, &err));
        OK((int)receive(st, text, 5, &err));
        ck_assert_str_eq(text, "again world");
        OK(vmgr_stream_finish(st, &err));
        FAILS_WITH(vmgr_stream_finish(st, &err), "stream is not open");
        break;
    case 1:
        ck_assert_int_eq(receive(st, text, 1, NULL), 0);
        OK(vmgr_stream_abort(st, &err));
        break;
    case 2:
        FAILS_WITH((int)receive(st, text, 1, &err), "cannot be read");
        FAILS_WITH(vmgr_stream_finish(st, &err), "cannot be read");
        break;
    case 3: FAILS_WITH((int)receive(st, text, 1, &err), "not opened as sparse"); break;
    case 4:
        FAILS_WITH((int)receive(st, text, 1, &err), "connection lost");
        FAILS_WITH((int)vmgr_stream_send(st, "x", 1, &err), "connection lost");
        FAILS_WITH(vmgr_stream_finish(st, &err), "connection lost");
        break;
    case 5: break; /* dropped as it is */
    case 6:
        FAILS_WITH(vmgr_stream_abort(st, &err), "does not confirm the end of the stream");
        FAILS_WITH(vmgr_stream_abort(st, &err), "stream is not open");
        ck_assert_int_eq(vmgr_conn_is_alive(conn, NULL), 1);
        break;
    }
    vmgr_stream_unref(st);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vmgr-remote");
    TCase *tc = tcase_create("remote");

    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, test_uris);
    tcase_add_loop_test(tc, test_opening, 0, 6);
    tcase_add_loop_test(tc, test_replies, 0, 6);
    tcase_add_test(tc, test_other_procedure);
    tcase_add_test(tc, test_lies);
    tcase_add_test(tc, test_labels);
    tcase_add_test(tc, test_death_in_call);
    tcase_add_test(tc, test_threads);
    tcase_add_test(tc, test_reader_leaves);
    tcase_add_test(tc, test_unasked_after_calls);
    tcase_add_test(tc, test_ping);
    tcase_add_test(tc, test_no_sign_of_life);
    tcase_add_test(tc, test_events);
    tcase_add_loop_test(tc, test_streams, 0, 7);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
