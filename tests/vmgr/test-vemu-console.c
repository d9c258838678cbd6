/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What callers may look at and talk to in a guest of the vemu driver: consoles, channels, memory
 * and disks.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "vemu-domain.h"

#define CHANNEL(type, source, number)                                                              \
    "<channel type='" type "'>" source "<target type='virtio' name='org.example." number           \
    "'/></channel>"

static void expect_echo(struct vmgr_stream *st, const char *text)
{
    struct pollfd p = { .fd = vmgr_stream_get_fd(st), .events = POLLIN };
    size_t size = strlen(text), got = 0;
    char buf[64];

    ck_assert_int_eq(vmgr_stream_send(st, text, size, NULL), size);
    while (got < size && poll(&p, 1, 5000) == 1) {
        ssize_t n = vmgr_stream_recv(st, buf + got, sizeof(buf) - got, NULL);

        ck_assert(n > 0 || n == VMGR_STREAM_AGAIN);
        got += n > 0 ? (size_t)n : 0;
    }
    ck_assert_mem_eq(buf, text, size);
}

START_TEST(test_console)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY)), *twin = by_name(other, "v");
    struct vmgr_stream *first = NULL, *second = NULL;
    struct pollfd p = { .events = POLLIN };
    char c;

    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_open_console(dom, NULL, 0, &first, &err));
    expect_echo(first, "hello");
    FAILS(vmgr_domain_open_console(twin, "serial0", 0, &second, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Active console session exists for this domain");
    FAILS(vmgr_domain_open_console(twin, "serial7", 0, &second, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find character device serial7");
    OK(vmgr_domain_open_console(twin, NULL, VMGR_DOMAIN_CONSOLE_FORCE, &second, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, &c, 1, NULL), 0);
    vmgr_stream_unref(first);
    expect_echo(second, "again");
    OK(vmgr_stream_finish(second, &err));
    vmgr_stream_unref(second);
    OK(vmgr_domain_open_console(dom, "console0", 0, &first, &err));
    OK(vmgr_domain_destroy(twin, 0, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, &c, 1, NULL), 0);
    vmgr_stream_unref(first);
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

/* The other end of a channel: the emulator's place is taken by the test, on the socket that the
 * definition names. */
START_TEST(test_channel)
{
    struct vmgr_domain *dom, *twin;
    struct vmgr_stream *first = NULL, *second = NULL;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct pollfd p = { .events = POLLIN };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), end;
    char xml[2048], text[8];

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/port", scratch_root);
    snprintf(xml, sizeof(xml),
             DOC("v", UUID_V, "x",
                 "<devices>" CHANNEL("unix", "<source mode='bind' path='%s'/>", "0")
                     CHANNEL("unix", "<source mode='connect' path='/nowhere'/>", "1")
                         CHANNEL("pty", "", "2") "</devices>"),
             addr.sun_path);
    dom = define_v(xml);
    twin = by_name(other, "v");
    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &first, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_open_channel(dom, "nope", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find channel nope");
    FAILS(vmgr_domain_open_channel(dom, "org.example.1", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: channel org.example.1 is not using a listening UNIX socket");
    FAILS(vmgr_domain_open_channel(dom, "channel2", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: channel channel2 is not using a listening UNIX socket");
    FAILS(vmgr_domain_open_channel(dom, NULL, 2, &first, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x2) in function virDomainOpenChannel");
    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &first, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: cannot connect to the channel's socket: No such file or directory");
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(listener, 4), 0);
    OK(vmgr_domain_open_channel(dom, "org.example.0", 0, &first, &err));
    end = accept(listener, NULL, NULL);
    ck_assert_int_eq(vmgr_stream_send(first, "hello", 5, NULL), 5);
    ck_assert_int_eq(read(end, text, sizeof(text)), 5);
    FAILS(vmgr_domain_open_channel(twin, "channel0", 0, &second, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Active channel stream exists for this domain");
    OK(vmgr_domain_open_channel(twin, "channel0", VMGR_DOMAIN_CHANNEL_FORCE, &second, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, text, 1, NULL), 0);
    vmgr_stream_unref(first);
    close(end);
    end = accept(listener, NULL, NULL);
    ck_assert_int_eq(write(end, "again", 5), 5);
    p.fd = vmgr_stream_get_fd(second);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(second, text, sizeof(text), NULL), 5);
    OK(vmgr_stream_finish(second, &err));
    vmgr_stream_unref(second);
    close(end);
    close(listener);
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

#define DISK(format, path, target)                                                                 \
    "<disk type='file'><driver type='" format "'/><source file='" path "'/><target dev='" target   \
    "' bus='virtio'/></disk>"

START_TEST(test_peek_disk)
{
    struct vmgr_conn *ro = sandbox_connect(VMGR_CONN_RO);
    struct vmgr_domain *dom, *seen = NULL;
    char path[300], xml[2048], text[400], buf[16] = "";
    FILE *f;

    snprintf(path, sizeof(path), "%s/image", scratch_root);
    f = fopen(path, "w");
    fprintf(f, "hello world");
    fclose(f);
    snprintf(xml, sizeof(xml),
             DOC("v", UUID_V, "x",
                 "<devices>" DISK("raw", "%s", "vda") DISK("qcow2", "/q", "vdb")
                     DISK("raw", "/nowhere", "vdc") DISK("raw", "/dev/null", "vdd") "</devices>"),
             path);
    dom = define_v(xml);
    OK(vmgr_domain_peek_disk(dom, "vda", 6, buf, 5, 0, &err));
    ck_assert_str_eq(buf, "world");
    OK(vmgr_domain_peek_disk(dom, path, 0, buf, 5, 0, &err));
    ck_assert_str_eq(buf, "hello");
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 12", path);
    FAILS(vmgr_domain_peek_disk(dom, "vda", 7, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG, text);
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 18446744073709551615", path);
    FAILS(vmgr_domain_peek_disk(dom, "vda", UINT64_MAX, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG,
          text);
    FAILS(vmgr_domain_peek_disk(dom, "vdz", 0, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: invalid path: vdz");
    FAILS(vmgr_domain_peek_disk(dom, "vdb", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: peeking is only supported for disk with 'raw' format not "
          "'qcow2'");
    FAILS(vmgr_domain_peek_disk(dom, "vdc", 0, buf, 5, 0, &err), VMGR_ERR_SYSTEM_ERROR,
          "cannot open '/nowhere': No such file or directory");
    FAILS(vmgr_domain_peek_disk(dom, "vdd", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: '/dev/null' is no file and no block device");
    FAILS(vmgr_domain_peek_disk(dom, "vda", 0, buf, VMGR_PEEK_MAX + 1, 0, &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: size 4194305 in virDomainBlockPeek is above 4194304 bytes");
    OK(vmgr_domain_lookup_by_name(ro, "v", &seen, &err));
    FAILS(vmgr_domain_peek_disk(seen, "vda", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virDomainBlockPeek");
    vmgr_domain_unref(seen);
    vmgr_conn_unref(ro);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_peek_memory)
{
    const uint32_t physical = VMGR_DOMAIN_MEMORY_PHYSICAL, virtual = VMGR_DOMAIN_MEMORY_VIRTUAL;
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY));
    char made[300], text[400], buf[8] = "";

    FAILS(vmgr_domain_peek_memory(dom, 0, buf, 4, physical, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_peek_memory(dom, 0, buf, 4, physical, &err));
    ck_assert_str_eq(buf, "pppp");
    OK(vmgr_domain_peek_memory(dom, 0, buf, 4, virtual, &err));
    ck_assert_str_eq(buf, "vvvv");
    for (int both = 0; both < 2; both++)
        FAILS(vmgr_domain_peek_memory(dom, 0, buf, 4, both ? physical | virtual : 0, &err),
              VMGR_ERR_INVALID_ARG,
              "invalid argument: flags in virDomainMemoryPeek must be one of VIR_MEMORY_VIRTUAL "
              "and VIR_MEMORY_PHYSICAL");
    FAILS(vmgr_domain_peek_memory(dom, UINT64_MAX, buf, 4, physical, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: addresses from 2^63 on are not supported by the vemu driver");
    /* what a guest that broke out of its emulator could put there */
    snprintf(made, sizeof(made), "%s/run/vmgr/domains/v.d/memory.peek", scratch_root);
    snprintf(text, sizeof(text),
             "unable to open what is made as '%s': Too many levels of symbolic links", made);
    FAILS(vmgr_domain_peek_memory(dom, 4096, buf, 4, physical, &err), VMGR_ERR_SYSTEM_ERROR, text);
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 4", made);
    FAILS(vmgr_domain_peek_memory(dom, 8192, buf, 4, physical, &err), VMGR_ERR_INVALID_ARG, text);
    ck_assert_int_eq(access(made, F_OK), -1);
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vemu-console");
    TCase *t = tcase_create("driver");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_console);
    tcase_add_test(t, test_channel);
    tcase_add_test(t, test_peek_disk);
    tcase_add_test(t, test_peek_memory);
    suite_add_tcase(s, t);
    return run_suite(s);
}
