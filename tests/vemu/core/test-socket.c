/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket chardevs: server and client, one peer at a time, hang-ups at bad moments, waiting.
 */
#include "test-main.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vemu/chardev.h>

#include "chardev/backend.h"

static struct vemu_vm *vm;
static struct fake_device *device;
static struct vemu_chardev *chr;
static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof(path), "/tmp/vemu-test-%d.sock", getpid());
    unlink(path);
}

static void attach(const char *room)
{
    device = fake_add_device(vm, "dev", "chardev", "c", "room", room, NULL);
    OK(vemu_vm_realize(vm, &err));
    chr = vemu__vm_find_chardev(vm, "c");
    fake_sync(vm);
}

#define FIELD(field) fake_field(device, field)

static int dial(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int listen_here(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    return fd;
}

static void reads(int fd, const char *text)
{
    char buf[64];

    ck_assert_int_eq(recv(fd, buf, strlen(text), MSG_WAITALL), (ssize_t)strlen(text));
    ck_assert_mem_eq(buf, text, strlen(text));
}

static void server(const char *room)
{
    make_path();
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", "wait", "off",
                        NULL));
    attach(room);
}

START_TEST(refused)
{
    char longer[200];

    make_path();
    vm = fake_vm(NULL);
    memset(longer, 'x', sizeof(longer));
    longer[199] = '\0';
    FAILS(fake_add_chardev(vm, &err, "socket", "c", NULL), EINVAL, "'path'");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", "x", "fd", "3", NULL), EINVAL,
          "exclude");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", path, NULL), ENOENT, path);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", longer, "server", "on", NULL),
          ENAMETOOLONG, "107");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", longer, "reconnect", "1", NULL),
          ENAMETOOLONG, "107");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", "/nope/x", "server", "on", NULL),
          ENOENT, "/nope/x");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", "reconnect", "1",
                           NULL),
          EINVAL, "'reconnect'");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "fd", "900", NULL), EBADF, "900");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "fd", "x", NULL), EINVAL, "'x'");
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "fd", "0", NULL), ENOTSOCK, "0");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(serves)
{
    char *filename = NULL, c;
    int i, fd;

    server("1000");
    ck_assert_int_eq(vemu_chardev_get_filename(vm, "c", &filename), 0);
    ck_assert(g_str_has_prefix(filename, "unix:/tmp/vemu-test-"));
    ck_assert(g_str_has_suffix(filename, ",server=on"));
    free(filename);
    ck_assert_uint_eq(vemu_chardev_write(chr, "dropped", 7), 7);
    for (i = 1; i <= 3; i++) {
        fd = dial();
        fake_until(FIELD(opens) == (unsigned)i);
        ck_assert_uint_eq(vemu_chardev_write(chr, "hello", 5), 5);
        reads(fd, "hello");
        ck_assert_int_eq(write(fd, "abc", 3), 3);
        close(fd);
        fake_until(FIELD(closes) == (unsigned)i);
        ck_assert_uint_eq(FIELD(input->len), (gsize)(3 * i));
    }
    fd = dial();
    fake_until(FIELD(opens) == 4);
    vemu_vm_unref(vm);
    ck_assert_int_eq(read(fd, &c, 1), 0);
    close(fd);
    ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(one_at_a_time)
{
    int first, second;

    server("1000");
    first = dial();
    fake_until(FIELD(opens) == 1);
    second = dial(); /* waits in the backlog */
    ck_assert_int_eq(write(second, "two", 3), 3);
    g_usleep(20000);
    ck_assert_uint_eq(FIELD(input->len), 0);
    ck_assert_uint_eq(vemu_chardev_write(chr, "1", 1), 1);
    reads(first, "1");
    close(first);
    fake_until(FIELD(opens) == 2);
    ck_assert_uint_eq(vemu_chardev_write(chr, "2", 1), 1);
    reads(second, "2");
    fake_until(FIELD(input->len) == 3);
    close(second);
    vemu_vm_unref(vm);
}
END_TEST

/* The guest does not read. A client that left keeps its last words for it, but not its place. */
START_TEST(hang_up_while_held)
{
    int first, second;

    server("0");
    first = dial();
    fake_until(FIELD(opens) == 1);
    ck_assert_int_eq(write(first, "last words", 10), 10);
    close(first);
    g_usleep(20000);
    pthread_mutex_lock(&device->dev.lock);
    device->room = 4;
    vemu_chardev_input_ready(chr);
    pthread_mutex_unlock(&device->dev.lock);
    fake_until(FIELD(input->len) == 4);
    ck_assert_uint_eq(FIELD(closes), 0);
    second = dial();
    fake_until(FIELD(opens) == 2);
    ck_assert_uint_eq(FIELD(closes), 1);
    ck_assert_uint_eq(vemu_chardev_write(chr, "hi", 2), 2);
    reads(second, "hi");
    close(second);
    vemu_vm_unref(vm);
}
END_TEST

/* The same, and the guest does read in the end. */
START_TEST(hang_up_then_read)
{
    int fd;

    server("0");
    fd = dial();
    fake_until(FIELD(opens) == 1);
    ck_assert_int_eq(write(fd, "last words", 10), 10);
    close(fd);
    g_usleep(20000);
    pthread_mutex_lock(&device->dev.lock);
    device->room = 100;
    vemu_chardev_input_ready(chr);
    pthread_mutex_unlock(&device->dev.lock);
    fake_until(FIELD(closes) == 1);
    ck_assert_str_eq(device->input->str, "last words");
    vemu_vm_unref(vm);
}
END_TEST

/* A client that never reads fills the buffer; when it goes, the front end may go on. */
START_TEST(slow_client)
{
    g_autofree char *big = g_malloc0(1 << 20);
    int fd;

    server("10");
    fd = dial();
    fake_until(FIELD(opens) == 1);
    ck_assert_uint_lt(vemu_chardev_write(chr, big, 1 << 20), 1 << 20);
    ck_assert_uint_eq(vemu_chardev_write(chr, big, 1 << 20), 0);
    close(fd); /* a write would be SIGPIPE now */
    fake_until(FIELD(writables) == 1);
    ck_assert_uint_eq(vemu_chardev_write(chr, big, 1 << 20), 1 << 20);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(stale_path)
{
    struct vemu_vm *other;
    int fd;

    make_path();
    fd = listen_here();
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", "wait", "off",
                           NULL),
          EADDRINUSE, path);
    close(fd); /* the file stays, nobody listens */
    OK(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", "wait", "off",
                        NULL));
    other = fake_vm(NULL);
    FAILS(fake_add_chardev(other, &err, "socket", "c", "path", path, "server", "on", "wait", "off",
                           NULL),
          EADDRINUSE, path);
    vemu_vm_unref(other);
    ck_assert_int_eq(access(path, F_OK), 0); /* the other one did not take it away */
    vemu_vm_unref(vm);
    /* A file that is no socket is left alone. */
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", NULL), EADDRINUSE,
          path);
    ck_assert_int_eq(access(path, F_OK), 0);
    vemu_vm_unref(vm);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(client)
{
    int listener, fd;

    make_path();
    listener = listen_here();
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "socket", "c", "path", path, NULL));
    attach("100");
    fd = accept(listener, NULL, NULL);
    ck_assert_uint_eq(vemu_chardev_write(chr, "hello", 5), 5);
    reads(fd, "hello");
    close(fd);
    fake_until(FIELD(closes) == 1);
    vemu_vm_unref(vm);
    close(listener);
    unlink(path);
}
END_TEST

START_TEST(reconnects)
{
    int listener, fd;

    make_path();
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "socket", "c", "path", path, "reconnect", "1", NULL));
    attach("100");
    ck_assert(!vemu_chardev_is_open(chr));
    listener = listen_here();
    fd = accept(listener, NULL, NULL);
    fake_until(FIELD(opens) == 1);
    close(fd);
    fd = accept(listener, NULL, NULL);
    fake_until(FIELD(opens) == 2);
    ck_assert_uint_eq(FIELD(closes), 1);
    close(listener);
    close(fd);
    fake_until(FIELD(closes) == 2);
    vemu_vm_unref(vm); /* while it waits for the next attempt */
    unlink(path);
}
END_TEST

START_TEST(descriptor)
{
    char number[16];
    int fds[2], listener, fd;

    make_path();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    snprintf(number, sizeof(number), "%d", fds[0]);
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "fd", number, "server", "on", NULL), EINVAL,
          "does not listen");
    OK(fake_add_chardev(vm, &err, "socket", "c", "fd", number, NULL));
    attach("100");
    ck_assert_uint_eq(vemu_chardev_write(chr, "hello", 5), 5);
    reads(fds[1], "hello");
    vemu_vm_unref(vm);
    ck_assert_int_lt(fcntl(fds[0], F_GETFD), 0); /* it was the chardev's */
    close(fds[1]);

    listener = listen_here();
    snprintf(number, sizeof(number), "%d", listener);
    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "fd", number, NULL), EINVAL, "listens");
    OK(fake_add_chardev(vm, &err, "socket", "c", "fd", number, "server", "on", "wait", "off",
                        NULL));
    attach("100");
    fd = dial();
    fake_until(FIELD(opens) == 1);
    close(fd);
    vemu_vm_unref(vm);
    unlink(path);
}
END_TEST

static void *dial_later(void *data)
{
    g_usleep(30000);
    *(int *)data = dial();
    return NULL;
}

static void *stop_later(void *data)
{
    g_usleep(30000);
    vemu_vm_stop(vm, NULL);
    return NULL;
}

START_TEST(waits)
{
    pthread_t thread;
    int fd = -1;

    make_path();
    vm = fake_vm(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, dial_later, &fd), 0);
    OK(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", NULL));
    ck_assert(vemu_chardev_is_open(vemu__vm_find_chardev(vm, "c")));
    pthread_join(thread, NULL);
    close(fd);
    vemu_vm_unref(vm);

    /* Stopping the machine ends the wait. */
    make_path();
    vm = fake_vm(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, NULL), 0);
    FAILS(fake_add_chardev(vm, &err, "socket", "c", "path", path, "server", "on", NULL), ESHUTDOWN,
          "stopped");
    pthread_join(thread, NULL);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        refused,           serves,      one_at_a_time, hang_up_while_held,
        hang_up_then_read, slow_client, stale_path,    client,
        reconnects,        descriptor,  waits,         NULL
    };

    return run_tests("socket", tests);
}
