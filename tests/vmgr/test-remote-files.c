/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that the remote driver sends: what a server gets, and what never goes to one.
 */
#include <fcntl.h>
#include <vmgr/files.h>

#include "fake-server.h"

enum { P_CREATE_XML_WITH_FILES = 309, P_CREATE_WITH_FILES = 310, P_FD_ASSOCIATE = 443 };

static int take_fd(int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char byte = 1;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c;
    int passed;

    ck_assert_int_eq(recvmsg(fd, &msg, 0), 1);
    ck_assert_int_eq(byte, 0);
    c = CMSG_FIRSTHDR(&msg);
    ck_assert(c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)));
    memcpy(&passed, CMSG_DATA(c), sizeof(int));
    return passed;
}

/* Writes into each descriptor how many there were and which it was, and answers with a domain. */
static void serve_files(struct fake *f, int fd)
{
    static const uint32_t domain[] = { 1, 0x67000000, 1, 2, 3, 4, 5 };
    struct packet p;

    while (take_opened(f, fd, &p)) {
        const bool files = p.procedure == P_CREATE_XML_WITH_FILES ||
                           p.procedure == P_CREATE_WITH_FILES || p.procedure == P_FD_ASSOCIATE;
        uint32_t n = 0;

        ck_assert_int_eq(p.type, files && f->asked ? CALL_FDS : CALL);
        if (p.type == CALL_FDS) {
            memcpy(&n, p.payload, sizeof(n));
            n = ntohl(n);
        }
        for (uint32_t i = 0; i < n; i++) {
            const int passed = take_fd(fd);
            const unsigned char said[] = { (unsigned char)n, (unsigned char)i };

            ck_assert_int_eq(write(passed, said, sizeof(said)), sizeof(said));
            close(passed);
        }
        answer_words(fd, &p, domain, p.procedure == P_FD_ASSOCIATE ? 0 : 7);
    }
}

/* What was said into the pipe to which the last n descriptors lead, up to its end. */
static void expect(int held, unsigned n)
{
    unsigned char said[2];

    for (unsigned i = 0; i < n; i++) {
        ck_assert_int_eq(read(held, said, sizeof(said)), sizeof(said));
        ck_assert_uint_eq(said[0], n);
        ck_assert_uint_eq(said[1], i);
    }
    ck_assert_int_eq(read(held, said, 1), 0); /* this side has closed its copies, too */
    close(held);
}

static struct vmgr_domain *find(struct vmgr_conn *conn)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_lookup_by_name(conn, "g", &dom, &err));
    return dom;
}

START_TEST(test_sent)
{
    static const unsigned counts[] = { 1, 2, VMGR_FILES_MAX };
    struct vmgr_conn *conn = open_fake(serve_files);
    struct vmgr_domain *dom = find(conn), *made = NULL;

    fake.asked = true;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int which = 0; which < 3; which++) {
            int pipes[2], fds[VMGR_FILES_MAX];

            ck_assert_int_eq(pipe(pipes), 0);
            for (unsigned k = 0; k < counts[i]; k++)
                fds[k] = pipes[1];
            if (which == 0)
                OK(vmgr_domain_start_with_files(dom, fds, counts[i], 0, &err));
            else if (which == 1)
                OK(vmgr_domain_create_xml_with_files(conn, "<domain/>", fds, counts[i], 0, &made,
                                                     &err));
            else
                OK(vmgr_domain_associate_files(dom, "group", fds, counts[i],
                                               VMGR_DOMAIN_FILES_SECLABEL_WRITABLE, &err));
            ck_assert_int_ge(fcntl(pipes[1], F_GETFD), 0); /* the caller's stays */
            close(pipes[1]);
            expect(pipes[0], counts[i]);
            if (made)
                ck_assert_str_eq(vmgr_domain_get_name(made), "g");
            vmgr_domain_unref(made);
            made = NULL;
        }
    }
    fake.asked = false; /* without any it is a call as others */
    OK(vmgr_domain_start_with_files(dom, NULL, 0, 0, &err));
    OK(vmgr_domain_create_xml_with_files(conn, "<domain/>", NULL, 0, 0, &made, &err));
    vmgr_domain_unref(made);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

START_TEST(test_refused)
{
    struct vmgr_conn *conn = open_fake(serve_files);
    struct vmgr_domain *dom = find(conn), *made = NULL;
    int pipes[2], many[VMGR_FILES_MAX + 1], gone[2];

    ck_assert_int_eq(pipe(pipes), 0);
    for (unsigned i = 0; i <= VMGR_FILES_MAX; i++)
        many[i] = pipes[1];
    gone[0] = pipes[1];
    gone[1] = dup(pipes[1]);
    close(gone[1]);
    FAILS_WITH(vmgr_domain_start_with_files(dom, many, VMGR_FILES_MAX + 1, 0, &err),
               "33 descriptors in virDomainCreateWithFiles, of which at most 32 can go");
    FAILS_WITH(vmgr_domain_start_with_files(dom, gone, 2, 0, &err),
               "in virDomainCreateWithFiles is not open");
    FAILS_WITH(vmgr_domain_start_with_files(dom, NULL, 2, 0, &err), "no descriptors given");
    FAILS_WITH(vmgr_domain_start_with_files(dom, many, 1, 1u << 4, &err), "unsupported flags");
    FAILS_WITH(vmgr_domain_create_xml_with_files(conn, NULL, many, 1, 0, &made, &err),
               "no document given");
    FAILS_WITH(vmgr_domain_create_xml_with_files(conn, "<domain/>", gone, 2, 0, &made, &err),
               "in virDomainCreateXMLWithFiles is not open");
    FAILS_WITH(vmgr_domain_associate_files(dom, NULL, many, 1, 0, &err), "no name given");
    FAILS_WITH(vmgr_domain_associate_files(dom, "", many, 1, 0, &err), "no name given");
    FAILS_WITH(vmgr_domain_associate_files(dom, "x", NULL, 0, 0, &err),
               "nfds in virDomainFDAssociate must not be zero");
    FAILS_WITH(vmgr_domain_associate_files(dom, "x", many, 1, 1u << 2, &err), "unsupported flags");
    fake.features = 0;
    FAILS_WITH(vmgr_domain_associate_files(dom, "x", many, 1, 0, &err),
               "argument unsupported: fd passing is not supported by this connection");
    close(pipes[1]);
    expect(pipes[0], 0); /* none has gone */
    ck_assert_ptr_null(made);
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

START_TEST(test_read_only)
{
    struct vmgr_conn *conn = NULL;
    struct vmgr_domain *dom;

    fake_start(&fake, serve_files);
    OK(vmgr_conn_open(fake.uri, VMGR_CONN_RO, &conn, &err));
    dom = find(conn);
    FAILS_WITH(vmgr_domain_start_with_files(dom, (int[]){ 0 }, 1, 0, &err), "read only access");
    FAILS_WITH(vmgr_domain_create_xml_with_files(conn, "<x/>", (int[]){ 0 }, 1, 0, NULL, &err),
               "read only access");
    FAILS_WITH(vmgr_domain_associate_files(dom, "x", (int[]){ 0 }, 1, 0, &err), "read only access");
    vmgr_domain_unref(dom);
    close_fake(conn);
}
END_TEST

/* In this process: the test driver starts its domain, and opens no disk. */
START_TEST(test_in_memory)
{
    struct vmgr_conn *conn = NULL;
    struct vmgr_domain *dom = NULL;

    OK(vmgr_conn_open("test:///default", 0, &conn, &err));
    OK(vmgr_domain_lookup_by_name(conn, "test", &dom, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    OK(vmgr_domain_start_with_files(dom, (int[]){ 0, 1 }, 2, 0, &err));
    FAILS_WITH(vmgr_domain_start_with_files(dom, (int[]){ 0 }, 1, 0, &err), "already");
    FAILS_WITH(vmgr_domain_associate_files(dom, "x", (int[]){ 0 }, 1, 0, &err),
               "this function is not supported by the connection driver: virDomainFDAssociate");
    vmgr_domain_unref(dom);
    vmgr_conn_unref(conn);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("remote-files");
    TCase *t = tcase_create("remote-files");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_sent);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_read_only);
    tcase_add_test(t, test_in_memory);
    suite_add_tcase(s, t);
    return run_suite(s);
}
