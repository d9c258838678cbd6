/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver and what servers send without end: signs of life, crumbs of a stream, lists of
 * nothing, and the words of a program that carries the bytes.
 */
#include <poll.h>
#include <sys/stat.h>
#include <vmgr/resources.h>

#include "fake-server.h"

enum { P_NODE_GET_INFO = 6, P_GET_VCPUS_FLAGS = 200, P_GET_VCPU_PIN_INFO = 230 };

static const uint32_t domain_words[] = { 1, 0x67000000, 0, 0, 0, 0, 5 };
static const uint32_t name_words[] = { 3, 0x61626300 };

/* ---- signs of life ---- */

#define PINGS 20000u

static unsigned pongs;

/* Reads nothing until the client has taken all the questions. */
static void serve_pings(struct fake *f, int fd)
{
    struct packet p;

    if (!take_opened(f, fd, &p))
        return;
    for (unsigned i = 0; i < PINGS; i++)
        put(fd, KEEPALIVE_PROGRAM, 1, MESSAGE, 0, STATUS_OK, NULL, 0);
    answer_words(fd, &p, name_words, 2);
    while (take(fd, &p)) {
        pongs += p.program == KEEPALIVE_PROGRAM && p.procedure == 2;
        if (p.type == CALL)
            answer_words(fd, &p, name_words, p.procedure == P_CLOSE ? 0 : 2);
    }
}

START_TEST(test_pings)
{
    struct vmgr_conn *conn = open_fake(serve_pings);
    char *name = NULL;

    pongs = 0;
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    free(name);
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    free(name);
    close_fake(conn);
    ck_assert_uint_gt(pongs, 0);
    ck_assert_uint_lt(pongs, PINGS / 2); /* what the socket takes, and one */
}
END_TEST

/* ---- streams ---- */

#define CRUMBS 400000u

/* A byte a packet, as long as somebody takes them. */
static void serve_crumbs(struct fake *f, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    struct packet call;
    unsigned sent = 0;

    if (!take_opened(f, fd, &call) || call.procedure != P_LOOKUP_BY_NAME)
        return;
    answer_words(fd, &call, domain_words, 7);
    if (!take_opened(f, fd, &call) || call.procedure != P_OPEN_CONSOLE)
        return;
    answer(fd, &call, STATUS_OK, NULL, 0);
    while (sent < CRUMBS && poll(&p, 1, 1000) == 1) {
        put(fd, REMOTE_PROGRAM, P_OPEN_CONSOLE, STREAM, call.serial, STATUS_CONTINUE, "x", 1);
        sent++;
    }
    f->asked = sent == CRUMBS;
}

START_TEST(test_crumbs)
{
    struct vmgr_conn *conn = open_fake(serve_crumbs);
    struct vmgr_domain *dom = NULL;
    struct vmgr_stream *st = NULL;
    struct vmgr_error *why = NULL;
    char bytes[4096];
    ssize_t n = VMGR_STREAM_AGAIN;
    size_t got = 0;

    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    OK(vmgr_domain_open_console(dom, NULL, 0, &st, &err));
    fake_join(&fake);
    ck_assert_msg(!fake.asked, "the client took %u packets that nobody read", CRUMBS);
    /* What did come is all there. */
    while (n > 0 || n == VMGR_STREAM_AGAIN) {
        struct pollfd p = { .fd = vmgr_stream_get_fd(st), .events = POLLIN };

        n = vmgr_stream_recv(st, bytes, sizeof(bytes), &why);
        got += n > 0 ? (size_t)n : 0;
        if (n == VMGR_STREAM_AGAIN)
            ck_assert_int_eq(poll(&p, 1, 10000), 1);
    }
    ck_assert_str_eq(vmgr_error_get_message(why),
                     "connection lost: the server has closed the connection");
    ck_assert_uint_gt(got, 0);
    vmgr_error_free(why);
    vmgr_stream_unref(st);
    vmgr_domain_unref(dom);
    vmgr_conn_unref(conn);
    fake_remove(&fake);
}
END_TEST

/* ---- lists ---- */

static uint32_t host_cpus;

/* A host with that many CPUs, and maps of a million vCPUs that take no room. */
static void serve_pins(struct fake *f, int fd)
{
    const uint32_t host[40] = { [34] = host_cpus }; /* behind a name of 32 and the memory */
    struct packet p;

    while (take_opened(f, fd, &p)) {
        switch (p.procedure) {
        case P_LOOKUP_BY_NAME: answer_words(fd, &p, domain_words, 7); break;
        case P_NODE_GET_INFO: answer_words(fd, &p, host, 40); break;
        case P_GET_VCPUS_FLAGS: answer_words(fd, &p, (uint32_t[]){ 1000000 }, 1); break;
        case P_GET_VCPU_PIN_INFO: answer_words(fd, &p, (uint32_t[]){ 0, 1000000 }, 2); break;
        default: answer(fd, &p, STATUS_OK, NULL, 0);
        }
    }
}

START_TEST(test_pins)
{
    static const uint32_t cpus[] = { 0, UINT32_MAX, 8 };
    struct vmgr_domain *dom = NULL;
    struct vmgr_pin *pins = NULL;
    struct vmgr_conn *conn;
    int n = -1;

    host_cpus = cpus[_i];
    conn = open_fake(serve_pins);
    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    OK(n = vmgr_domain_get_pins(dom, VMGR_PIN_VCPU, 0, &pins, &err));
    ck_assert_int_eq(n, 0);
    vmgr_pins_free(pins, 0);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

/* ---- words ---- */

/* The program of the test below: it says more than a pipe holds before it serves, and something at
 * its end that is not all UTF-8. */
static int carry(void)
{
    struct fake f = { .features = 0 };
    struct packet p;

    for (int i = 0; i < 20000; i++)
        fprintf(stderr, "debug1: line %d\n", i);
    if (take_opened(&f, STDIN_FILENO, &p))
        answer_words(STDIN_FILENO, &p, name_words, 2);
    if (take_opened(&f, STDIN_FILENO, &p))
        fprintf(stderr, "The tunnel\xff is closed\n");
    return 0;
}

START_TEST(test_words)
{
    char dir[] = "/tmp/vmgr-remote-XXXXXX", self[4096], path[64], uri[128];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct vmgr_conn *conn = NULL;
    char *name = NULL;
    FILE *script;

    ck_assert_int_gt(n, 0);
    self[n] = 0;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/carry", dir);
    snprintf(uri, sizeof(uri), "test+ext:///default?command=%s", path);
    script = fopen(path, "w");
    ck_assert_ptr_nonnull(script);
    fprintf(script, "#!/bin/sh\nexec '%s' carry\n", self);
    fchmod(fileno(script), 0700);
    ck_assert_int_eq(fclose(script), 0);
    OK(vmgr_conn_open(uri, 0, &conn, &err));
    OK(vmgr_conn_get_hostname(conn, &name, &err));
    ck_assert_str_eq(name, "abc");
    free(name);
    FAILS_WITH(vmgr_conn_get_hostname(conn, &name, &err), "The tunnel\xef\xbf\xbd is closed");
    vmgr_conn_unref(conn);
    unlink(path);
    rmdir(dir);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("vmgr-remote-floods");
    TCase *tc = tcase_create("floods");

    if (argc == 2 && strcmp(argv[1], "carry") == 0)
        return carry();
    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, test_pings);
    tcase_add_test(tc, test_crumbs);
    tcase_add_loop_test(tc, test_pins, 0, 3);
    tcase_add_test(tc, test_words);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
