/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stdio chardev on a terminal, pipes and sockets; escapes; what it leaves behind.
 */
#include "ends.h"
#include "test-main.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backend.h"

static struct vemu_vm *vm;
static struct fake_device *device;
static struct vemu_chardev *chr;
static int saved_out;

/* Takes the place of standard input and output; Check's own output is safe meanwhile. */
static void replace(int in, int out)
{
    fflush(stdout);
    saved_out = dup(STDOUT_FILENO);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
}

static void restore(void)
{
    dup2(saved_out, STDOUT_FILENO);
    close(saved_out);
}

static void attach(const char *mux, const char *signal)
{
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "stdio", "c", "mux", mux, "signal", signal, NULL));
    device = fake_add_device(vm, "dev", "chardev", "c", "room", "1000", NULL);
    OK(vemu_vm_realize(vm, &err));
    chr = vemu__vm_find_chardev(vm, "c");
    fake_sync(vm);
}

#define FIELD(field) fake_field(device, field)

static void terminal(int *master, int *slave)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(*master, 0);
    ck_assert_int_eq(grantpt(*master), 0);
    ck_assert_int_eq(unlockpt(*master), 0);
    *slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(*slave, 0);
}

static void is_raw(int fd, bool raw, bool signals)
{
    struct termios mode;

    ck_assert_int_eq(tcgetattr(fd, &mode), 0);
    ck_assert_int_eq(!(mode.c_lflag & (ICANON | ECHO)), raw);
    ck_assert_int_eq(!!(mode.c_lflag & ISIG), signals);
}

START_TEST(on_terminal)
{
    int master, slave;

    terminal(&master, &slave);
    replace(slave, slave);
    attach("on", "off");
    is_raw(slave, true, false);
    ck_assert_int_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0); /* others share it */
    ck_assert_uint_eq(vemu_chardev_write(chr, "login: ", 7), 7);
    reads(master, "login: ");
    ck_assert_int_eq(write(master, "root\r\003", 6), 6);
    fake_until(FIELD(input->len) == 6);
    ck_assert_str_eq(device->input->str, "root\r\003");
    /* Escapes, also cut between two reads. */
    ck_assert_int_eq(write(master, "a\001", 2), 2);
    fake_until(FIELD(input->len) == 7);
    ck_assert_int_eq(write(master, "bc\001\001d\001qe", 8), 8);
    fake_until(FIELD(input->len) == 11);
    ck_assert_str_eq(device->input->str + 6, "ac\001de");
    ck_assert_uint_eq(FIELD(breaks), 1);
    ck_assert_int_eq(write(master, "\001h", 2), 2);
    reads(master, "\r\r\nCtrl-A h ");
    OK(vemu_vm_start(vm, &err));
    ck_assert_int_eq(write(master, "\001x", 2), 2);
    ck_assert_int_eq(vemu_vm_wait(vm, 1u << VEMU_VM_SHUTDOWN, 5000), VEMU_VM_SHUTDOWN);
    fake_sync(vm);
    ck_assert_int_eq(vemu_vm_get_cause(vm, NULL), VEMU_CAUSE_HOST_QUIT);
    vemu_vm_unref(vm);
    is_raw(slave, false, true);
    restore();
}
END_TEST

START_TEST(plain)
{
    int master, slave;

    terminal(&master, &slave);
    replace(slave, slave);
    attach("off", "on");
    is_raw(slave, true, true);
    ck_assert_int_eq(write(master, "\001x", 2), 2);
    fake_until(FIELD(input->len) == 2);
    vemu_vm_unref(vm);
    is_raw(slave, false, true);
    restore();
}
END_TEST

START_TEST(only_one)
{
    struct vemu_vm *other;
    int in[2], out[2];

    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    replace(in[0], out[1]);
    attach("off", "on");
    other = fake_vm(NULL);
    FAILS(fake_add_chardev(other, &err, "stdio", "c", NULL), EBUSY, "another");
    vemu_vm_unref(vm);
    OK(fake_add_chardev(other, &err, "stdio", "c", NULL));
    vemu_vm_unref(other);
    restore();
}
END_TEST

START_TEST(pipes)
{
    g_autofree char *big = g_malloc0(1 << 20);
    int in[2], out[2];
    size_t taken;

    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    replace(in[0], out[1]);
    attach("off", "on");
    ck_assert_int_eq(write(in[1], "input", 5), 5);
    close(in[1]);
    fake_until(FIELD(input->len) == 5);
    fake_sync(vm);
    ck_assert_uint_eq(FIELD(closes), 0); /* output goes on after the end of input */
    ck_assert_uint_eq(vemu_chardev_write(chr, "output", 6), 6);
    reads(out[0], "output");
    taken = vemu_chardev_write(chr, big, 1 << 20);
    ck_assert_uint_lt(taken, 1 << 20);
    close(out[1]);
    restore();
    close(out[0]); /* nobody reads any more */
    fake_until(FIELD(writables) == 1);
    ck_assert_uint_eq(vemu_chardev_write(chr, big, 1 << 20), 1 << 20);
    vemu_vm_unref(vm);
}
END_TEST

static void *read_all(void *data)
{
    int fd = *(int *)data;
    size_t total = 0;
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        total += (size_t)n;
        g_usleep(200);
    }
    return (void *)total;
}

/* What was taken is written before the chardev is gone, however slow the reader. */
START_TEST(drains)
{
    g_autofree char *big = g_malloc0(1 << 20);
    int in[2], out[2];
    size_t taken;
    pthread_t thread;
    void *total;

    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    replace(in[0], out[1]);
    attach("off", "on");
    taken = vemu_chardev_write(chr, big, 1 << 20);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_all, &out[0]), 0);
    vemu_vm_unref(vm);
    close(out[1]);
    restore();
    pthread_join(thread, &total);
    ck_assert_uint_ge((size_t)total, taken);
}
END_TEST

START_TEST(sockets)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    replace(fds[0], fds[0]);
    close(fds[0]);
    attach("off", "on");
    ck_assert_uint_eq(vemu_chardev_write(chr, "output", 6), 6);
    reads(fds[1], "output");
    close(fds[1]);
    ck_assert_uint_eq(vemu_chardev_write(chr, "x", 1), 1); /* no SIGPIPE */
    vemu_vm_unref(vm);
    restore();
}
END_TEST

START_TEST(closed)
{
    vm = fake_vm(NULL);
    close(STDIN_FILENO);
    FAILS(fake_add_chardev(vm, &err, "stdio", "c", NULL), EBADF, "closed");
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { on_terminal, plain,   only_one, pipes,
                                   drains,      sockets, closed,   NULL };

    return run_tests("stdio", tests);
}
