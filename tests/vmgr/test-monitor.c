/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of an emulator's monitor, and emulators that are none: nobody waits for them for ever.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver/vemu/run/qmp.h"
#include "driver/vemu/vemu.h"
#include "harness.h"

#define TIMEOUT_MS 5000

/* Our own clock: with each look some time has passed. */
static gint64 step_us;
gint64 g_get_monotonic_time(void)
{
    static gint64 ahead;
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ahead += step_us;
    return ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000 + ahead;
}

/* The run's directory, and a socket in it. */
static char dir[sizeof("/tmp/test-monitor-XXXXXX")];

static int listen_at(int backlog)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    step_us = 0;
    strcpy(dir, "/tmp/test-monitor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/qmp.sock", dir);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

static void clean_up(int fd)
{
    g_autofree char *path = g_build_filename(dir, "qmp.sock", NULL);

    close(fd);
    unlink(path);
    rmdir(dir);
}

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

struct talk {
    int listener, fd;
};

/* Answers the first command, then has much to say before the answer to the second. */
static void *talk(void *data)
{
    g_autoptr(GString) much = g_string_new(NULL);
    struct talk *t = data;
    char command[4096];

    g_string_append(much, "{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"other\"}}\n");
    for (int i = 0; i < 4 * TIMEOUT_MS; i++)
        g_string_append(much, "{}\n");
    g_string_append(much, "{\"return\": {\"status\": \"running\"}, \"id\": \"libvirt-2\"}\n");
    t->fd = accept(t->listener, NULL, NULL);
    ck_assert_int_ge(t->fd, 0);
    ck_assert(say(t->fd, "{\"QMP\": {}}\r\n"));
    ck_assert_int_gt(recv(t->fd, command, sizeof(command), 0), 0);
    ck_assert(say(t->fd, "{\"return\": {}, \"id\": \"libvirt-1\"}\r\n"));
    ck_assert(say(t->fd, much->str)); /* less than a socket takes at once */
    return NULL;
}

/* Also who never has to be waited for is given up in time. */
START_TEST(test_talkative)
{
    struct talk t = { .listener = listen_at(1) };
    int state, reason;
    struct vemu_qmp *q;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, talk, &t), 0);
    q = vmgr__qmp_open(dir, -1, TIMEOUT_MS, NULL);
    ck_assert_ptr_nonnull(q);
    pthread_join(thread, NULL);
    step_us = 1000;
    FAILS(vmgr__qmp_state(q, &state, &reason, &err), VMGR_ERR_OPERATION_TIMEOUT,
          "Timed out during operation: the emulator's monitor does not answer");
    ck_assert(vmgr__qmp_await_deleted(q, "other", TIMEOUT_MS));
    ck_assert(!vmgr__qmp_await_deleted(q, "this", TIMEOUT_MS));
    vmgr__qmp_close(q);
    close(t.fd);
    clean_up(t.listener);
}
END_TEST

/* As many as its queue holds have come and gone. */
START_TEST(test_deaf)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = listen_at(2), client, r;
    struct vmgr_error *err = NULL;

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/qmp.sock", dir);
    do {
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = connect(client, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
        close(client);
    } while (r == 0);
    ck_assert_int_eq(r, EAGAIN);
    step_us = 100000;
    ck_assert_ptr_null(vmgr__qmp_open(dir, -1, TIMEOUT_MS, &err));
    ck_assert_int_eq(vmgr_error_get_code(err), VMGR_ERR_OPERATION_TIMEOUT);
    vmgr_error_free(err);
    clean_up(fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("monitor");
    TCase *c = tcase_create("monitor");

    tcase_set_timeout(c, 30);
    tcase_add_test(c, test_talkative);
    tcase_add_test(c, test_deaf);
    suite_add_tcase(s, c);
    return run_suite(s);
}
