/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A monitor's socket for several clients: each hears every event, whoever is full or gone.
 */
#include "../devices/suite.h"
#include "chardev/chardev.h"
#include "client.h"
#include "core/vm.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct client c; /* on a monitor of its own: what it orders is an event for the others */
static char dir[] = "/tmp/monitor-server-XXXXXX";
static char *path;

static void setup(unsigned clients)
{
    struct vemu_error *err = NULL;

    client_init(&c);
    memcpy(strrchr(dir, '-'), "-XXXXXX", 8);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    path = g_strdup_printf("%s/events.sock", dir);
    ck_assert_int_eq(vemu_vm_add_monitor_server(c.board.vm, "ev", path, clients, &err), 0);
}

static void teardown(void)
{
    client_fini(&c);
    ck_assert_int_ne(access(path, F_OK), 0); /* the machine took it away */
    ck_assert_int_eq(rmdir(dir), 0);
    g_free(path);
}

/* A listener, which may have to wait for its greeting. */
static int join(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* Reads until all of it has come; false: not within the time. */
static bool hears_within(int fd, const char *text, int ms)
{
    g_autoptr(GString) in = g_string_new(NULL);
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    char ch;

    while (!strstr(in->str, text)) {
        if (poll(&poll_fd, 1, ms) != 1 || read(fd, &ch, 1) != 1)
            return false;
        g_string_append_c(in, ch);
    }
    return true;
}

static bool hears(int fd, const char *text)
{
    return hears_within(fd, text, 10000);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void greet(int fd)
{
    ck_assert(hears(fd, "\"QMP\""));
    say(fd, "{\"execute\":\"qmp_capabilities\"}\n");
    ck_assert(hears(fd, "\"return\""));
}

static int count(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    unsigned *n = data;

    for (guint i = 0; i < vm->chardevs->len; i++)
        *n += g_str_has_prefix(vemu__chardev_id(vm->chardevs->pdata[i]), "ev-") ? 1 : 0;
    return 0;
}

static unsigned sessions(void)
{
    unsigned n = 0;

    ck_assert_int_eq(vemu__vm_control(c.board.vm, count, &n, NULL), 0);
    return n;
}

static void await_sessions(unsigned n)
{
    for (int i = 0; i < 1000 && sessions() != n; i++)
        g_usleep(10000);
    ck_assert_uint_eq(sessions(), n);
}

START_TEST(test_all_hear)
{
    int fds[3];

    setup(3);
    for (int i = 0; i < 3; i++)
        greet(fds[i] = join());
    client_ok(&c, "cont", NULL);
    client_ok(&c, "stop", NULL);
    for (int i = 0; i < 3; i++)
        ck_assert(hears(fds[i], "\"STOP\""));
    /* each has its own session: a reply is of the one that asked */
    say(fds[1], "{\"execute\":\"query-status\",\"id\":\"mine\"}\n");
    ck_assert(hears(fds[1], "\"mine\""));
    ck_assert(!hears_within(fds[0], "\"return\"", 50));
    close(fds[0]);
    await_sessions(2);
    client_ok(&c, "cont", NULL);
    ck_assert(hears(fds[2], "\"RESUME\""));
    close(fds[1]);
    close(fds[2]);
    await_sessions(0);
    teardown();
}
END_TEST

START_TEST(test_full)
{
    int one, two, three;

    setup(2);
    greet(one = join());
    greet(two = join());
    three = join();
    ck_assert(!hears_within(three, "\"QMP\"", 100)); /* waits */
    await_sessions(2);
    close(one);
    greet(three);
    client_ok(&c, "cont", NULL);
    ck_assert(hears(two, "\"RESUME\""));
    ck_assert(hears(three, "\"RESUME\""));
    close(two);
    close(three);
    await_sessions(0);
    teardown();
}
END_TEST

/* Who comes and goes at once, and who never reads, leave the others alone. */
START_TEST(test_rude)
{
    static const char ask[] = "{\"execute\":\"query-commands\"}\n";
    int deaf, good;

    setup(2);
    for (int i = 0; i < 200; i++)
        close(join());
    /* they are taken in order: with this one greeted, all of them have been */
    greet(good = join());
    close(good);
    await_sessions(0);
    greet(deaf = join());
    greet(good = join());
    /* until nothing is taken from it any more, since it does not read either */
    for (int i = 0; i < 1000000 && send(deaf, ask, strlen(ask), MSG_DONTWAIT) > 0; i++)
        ;
    client_ok(&c, "cont", NULL);
    client_ok(&c, "stop", NULL);
    ck_assert(hears(good, "\"STOP\""));
    close(deaf);
    await_sessions(1);
    /* with a client there, the machine ends in good order */
    teardown();
    ck_assert(hears(good, "\"SHUTDOWN\""));
    close(good);
}
END_TEST

/* Clients of the monitor see the socket that was made, and not who is connected to it. */
START_TEST(test_listed)
{
    struct json_object *list;
    const char *filename = NULL;
    int fds[2];

    setup(2);
    for (int i = 0; i < 2; i++)
        greet(fds[i] = join());
    await_sessions(2);
    list = client_ok(&c, "query-chardev", NULL);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        ck_assert(!g_str_has_prefix(qmp_get_string(o, "label"), "ev-"));
        if (strcmp(qmp_get_string(o, "label"), "ev") == 0) {
            ck_assert_ptr_null(filename);
            filename = qmp_get_string(o, "filename");
        }
    }
    ck_assert_ptr_nonnull(filename);
    ck_assert(g_str_has_prefix(filename, "unix:") && strstr(filename, path));
    client_fails(&c, "chardev-remove", "GenericError", "Chardev 'ev-1' not found", "{'id':'ev-1'}");
    for (int i = 0; i < 2; i++)
        close(fds[i]);
    await_sessions(0);
    teardown();
}
END_TEST

START_TEST(test_refused)
{
    struct vemu_error *err = NULL;

    setup(1);
    ck_assert_int_eq(vemu_vm_add_monitor_server(c.board.vm, "x", path, 0, &err), -EINVAL);
    ck_assert_str_eq(vemu_error_message(err), "monitor 'x': 0 clients (1 to 64)");
    vemu_error_free(err);
    err = NULL;
    ck_assert_int_eq(vemu_vm_add_monitor_server(c.board.vm, "x", NULL, 1, &err), -EINVAL);
    vemu_error_free(err);
    err = NULL;
    ck_assert_int_lt(vemu_vm_add_monitor_server(c.board.vm, "x", "/no/such/dir/s", 1, &err), 0);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "/no/such/dir/s"));
    vemu_error_free(err);
    teardown();
}
END_TEST

SUITE_MAIN("monitor-server", test_all_hear, test_full, test_rude, test_listed, test_refused)
