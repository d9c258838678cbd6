/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Character back-ends to other machines and devices: TCP clients, UDP, FIFOs, terminals; and logs,
 * which all of them have.
 */
#include "ends.h"
#include "test-main.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <vemu/chardev.h>

#include "chardev/backend.h"

static struct vemu_vm *vm;
static struct fake_device *device;
static struct vemu_chardev *chr;

static void attach(const char *room)
{
    device = fake_add_device(vm, "dev", "chardev", "c", "room", room, NULL);
    OK(vemu_vm_realize(vm, &err));
    chr = vemu__vm_find_chardev(vm, "c");
    fake_sync(vm);
}

#define FIELD(field) fake_field(device, field)

static void more_room(size_t room)
{
    pthread_mutex_lock(&device->dev.lock);
    device->room += room;
    vemu_chardev_input_ready(chr);
    pthread_mutex_unlock(&device->dev.lock);
}

static void says(const char *text)
{
    ck_assert_uint_eq(vemu_chardev_write(chr, text, strlen(text)), strlen(text));
}

/* A socket of ours on the loopback; its port as text. */
static int own_socket(int type, char port[8])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(port, 8, "%u", ntohs(address.sin_port));
    return fd;
}

/* --- TCP -------------------------------------------------------------------------------------- */

START_TEST(tcp_refused)
{
    char port[8];

    close(own_socket(SOCK_STREAM, port)); /* where nobody listens */
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "host", "127.0.0.1", NULL), EINVAL, "'port'");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "port", "x", NULL), EINVAL, "'x'");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "port", "1", "path", "/x", NULL), EINVAL,
          "exclude");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "host", "example.org", "port", "1", NULL),
          EINVAL, "numeric");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "host", "example.org", "port", "1", "reconnect",
                           "1", NULL),
          EINVAL, "numeric");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "port", port, NULL), ECONNREFUSED, "refused");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "port", port, "server", "on", "reconnect", "1",
                           NULL),
          EINVAL, "'reconnect'");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(tcp_client)
{
    char *filename = NULL, port[8];
    int listener = own_socket(SOCK_STREAM, port), fd;

    ck_assert_int_eq(listen(listener, 1), 0);
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "socket", "c", "host", "127.0.0.1", "port", port, NULL));
    attach("100");
    ck_assert_int_eq(vemu_chardev_get_filename(vm, "c", &filename), 0);
    ck_assert(g_str_has_prefix(filename, "tcp:127.0.0.1:") && g_str_has_suffix(filename, port));
    free(filename);
    fd = accept(listener, NULL, NULL);
    says("hello");
    reads(fd, "hello");
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    fake_until(FIELD(input->len) == 3);
    close(fd);
    fake_until(FIELD(closes) == 1);
    says("nobody is there");
    vemu_vm_unref(vm);
    close(listener);
}
END_TEST

START_TEST(tcp_reconnects)
{
    char port[8];
    int listener = own_socket(SOCK_STREAM, port), fd;

    /* it does not listen yet */
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "socket", "c", "port", port, "reconnect", "1", NULL));
    attach("100");
    ck_assert(!vemu_chardev_is_open(chr));
    ck_assert_int_eq(listen(listener, 1), 0);
    fd = accept(listener, NULL, NULL);
    fake_until(FIELD(opens) == 1);
    close(fd);
    fd = accept(listener, NULL, NULL);
    fake_until(FIELD(opens) == 2);
    says("again");
    reads(fd, "again");
    close(listener);
    close(fd);
    fake_until(FIELD(closes) == 2);
    vemu_vm_unref(vm);
}
END_TEST

/* --- UDP -------------------------------------------------------------------------------------- */

START_TEST(udp)
{
    char port[8], local[8], buf[64];
    int fd = own_socket(SOCK_DGRAM, port), other = own_socket(SOCK_DGRAM, local);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "udp", "c", NULL), EINVAL, "'port'");
    FAILS(fake_add_chardev(vm, &err, "udp", "c", "port", port, "localaddr", "127.0.0.1", NULL),
          EINVAL, "'localport'");
    FAILS(fake_add_chardev(vm, &err, "udp", "c", "port", port, "localaddr", "::1", "localport", "0",
                           NULL),
          EINVAL, "families");
    FAILS(fake_add_chardev(vm, &err, "udp", "c", "port", port, "localaddr", "127.0.0.1",
                           "localport", local, NULL),
          EADDRINUSE, local);
    close(other);
    OK(fake_add_chardev(vm, &err, "udp", "c", "port", port, "localaddr", "127.0.0.1", "localport",
                        local, NULL));
    attach("4");
    says("one");
    ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), 3);
    says("two!");
    ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), 4);
    /* one without bytes is no end; a long one waits until there is room */
    address.sin_port = htons((uint16_t)atoi(local));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(send(fd, "", 0, 0), 0);
    ck_assert_int_eq(send(fd, "abcdefghij", 10, 0), 10);
    ck_assert_int_eq(send(fd, "kl", 2, 0), 2);
    fake_until(FIELD(input->len) == 4);
    more_room(100);
    fake_until(FIELD(input->len) == 12);
    ck_assert_str_eq(device->input->str, "abcdefghijkl");
    /* nobody is there for a while */
    close(fd);
    for (int i = 0; i < 10; i++)
        says("lost");
    ck_assert(vemu_chardev_is_open(chr));
    vemu_vm_unref(vm);
}
END_TEST

/* --- FIFOs, terminals ------------------------------------------------------------------------- */

START_TEST(fifos)
{
    char dir[] = "/tmp/vemu-test-XXXXXX";
    g_autofree char *path = g_build_filename(mkdtemp(dir), "p", NULL);
    g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    int fd, reader;

    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "pipe", "c", NULL), EINVAL, "'path'");
    FAILS(fake_add_chardev(vm, &err, "pipe", "c", "path", path, NULL), ENOENT, in);
    ck_assert_int_eq(mkfifo(in, 0600), 0);
    FAILS(fake_add_chardev(vm, &err, "pipe", "c", "path", path, NULL), ENOENT, out);
    ck_assert(g_file_set_contents(out, "x", 1, NULL));
    FAILS(fake_add_chardev(vm, &err, "pipe", "c", "path", path, NULL), EINVAL, "not a FIFO");
    unlink(out);
    ck_assert_int_eq(mkfifo(out, 0600), 0);
    OK(fake_add_chardev(vm, &err, "pipe", "c", "path", path, NULL));
    attach("100");
    says("early");
    reader = open(out, O_RDONLY);
    reads(reader, "early");
    for (unsigned i = 1; i <= 2; i++) { /* writers come and go */
        fd = open(in, O_WRONLY);
        ck_assert_int_eq(write(fd, "abc", 3), 3);
        close(fd);
        fake_until(FIELD(input->len) == 3 * i);
    }
    close(reader); /* and readers: SIGPIPE is not for us */
    says("late");
    vemu_vm_unref(vm);
    unlink(in);
    unlink(out);
    rmdir(dir);
}
END_TEST

START_TEST(terminal)
{
    struct termios before, mode;
    char name[64];
    int master, slave;

    ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
    ck_assert_int_eq(tcgetattr(slave, &before), 0);
    ck_assert(before.c_lflag & ICANON);
    for (int i = 0; i < 2; i++) {
        vm = fake_vm(NULL);
        FAILS(fake_add_chardev(vm, &err, "serial", "c", NULL), EINVAL, "'path'");
        FAILS(fake_add_chardev(vm, &err, "serial", "c", "path", "/nope", NULL), ENOENT, "/nope");
        FAILS(fake_add_chardev(vm, &err, "serial", "c", "path", "/dev/null", NULL), ENOTTY,
              "not a terminal");
        OK(fake_add_chardev(vm, &err, i ? "tty" : "serial", "c", "path", name, NULL));
        attach("100");
        ck_assert_int_eq(tcgetattr(slave, &mode), 0);
        ck_assert(!(mode.c_lflag & (ICANON | ECHO)) && !(mode.c_oflag & OPOST));
        says("a\n");
        reads(master, "a\n");
        ck_assert_int_eq(write(master, "b\r", 2), 2);
        fake_until(FIELD(input->len) == 2);
        vemu_vm_unref(vm);
        ck_assert_int_eq(tcgetattr(slave, &mode), 0);
        ck_assert_mem_eq(mode.c_cc, before.c_cc, sizeof(mode.c_cc));
        ck_assert_uint_eq(mode.c_lflag, before.c_lflag);
    }
    /* one that is unplugged */
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "serial", "c", "path", name, NULL));
    attach("100");
    close(slave);
    close(master);
    fake_until(FIELD(closes) == 1);
    says("nobody is there");
    vemu_vm_unref(vm);
}
END_TEST

/* --- logs ------------------------------------------------------------------------------------- */

START_TEST(logs)
{
    char path[] = "/tmp/vemu-test-XXXXXX";

    close(mkstemp(path));
    ck_assert(g_file_set_contents(path, "old ", -1, NULL));
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "null", "c", "logfile", "/nope/x", NULL), ENOENT, "/nope/x");
    FAILS(fake_add_chardev(vm, &err, "null", "c", "logappend", "on", NULL), EINVAL, "'logfile'");
    OK(fake_add_chardev(vm, &err, "pty", "c", "logfile", path, "logappend", "on", NULL));
    attach("100");
    says("nobody looks");
    vemu_vm_unref(vm);
    file_is(path, "old nobody looks");

    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "ring", "c", "logfile", path, NULL));
    attach("100");
    says("both");
    vemu_vm_unref(vm);
    file_is(path, "both");
    unlink(path);
}
END_TEST

/* A slow peer takes part of what is written; the rest is not logged before it is taken. */
START_TEST(log_of_what_is_taken)
{
    char dir[] = "/tmp/vemu-test-XXXXXX";
    g_autofree char *path = g_build_filename(mkdtemp(dir), "p", NULL);
    g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    g_autofree char *log = g_strconcat(path, ".log", NULL);
    static char block[65536];
    size_t taken = 0, n;
    struct stat st;

    ck_assert(mkfifo(in, 0600) == 0 && mkfifo(out, 0600) == 0);
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "pipe", "c", "path", path, "logfile", log, NULL));
    attach("0");
    while ((n = vemu_chardev_write(chr, block, sizeof(block))) > 0)
        taken += n;
    ck_assert_int_eq(stat(log, &st), 0);
    ck_assert_uint_eq((size_t)st.st_size, taken);
    vemu_vm_unref(vm);
    unlink(in);
    unlink(out);
    unlink(log);
    rmdir(dir);
}
END_TEST

START_TEST(log_on_a_full_disk)
{
    char path[] = "/tmp/vemu-test-XXXXXX";
    struct rlimit limit;
    size_t taken;

    close(mkstemp(path));
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "null", "d", "logfile", "/dev/full", NULL));
    OK(fake_add_chardev(vm, &err, "null", "c", "logfile", path, NULL));
    attach("0");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 4;
    setrlimit(RLIMIT_FSIZE, &limit);
    taken = vemu_chardev_write(chr, "abcdef", 6);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_uint_eq(taken, 6); /* the guest goes on */
    says("gh");
    ck_assert_uint_eq(vemu_chardev_write(vemu__vm_find_chardev(vm, "d"), "x", 1), 1);
    vemu_vm_unref(vm);
    file_is(path, "abcdgh");
    unlink(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        tcp_refused, tcp_client,           tcp_reconnects,     udp, fifos, terminal,
        logs,        log_of_what_is_taken, log_on_a_full_disk, NULL
    };

    return run_tests("chardev-net", tests);
}
