/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks that callers share: who has one is named, and its end frees it.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/vemu/state/file.h"
#include "harness.h"

static char path[] = "/tmp/vmgr-lock-XXXXXX";

/* A child that holds the lock until it is killed; -1: it could not get it. */
static pid_t hold(void)
{
    int told[2];
    char got = 0;
    pid_t pid;

    ck_assert_int_eq(pipe(told), 0);
    pid = fork();
    if (pid == 0) {
        if (vmgr__file_lock(path, 0, NULL) < 0 || write(told[1], "y", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(told[1]);
    ck_assert_int_ge(read(told[0], &got, 1), 0);
    close(told[0]);
    return got ? pid : -1;
}

START_TEST(test_holder)
{
    struct vmgr_error *err = NULL;
    char message[100];
    pid_t pid = hold();
    int fd;

    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(vmgr__file_lock(path, 0, &err), -1); /* no error where nobody waits */
    ck_assert_ptr_null(err);
    snprintf(message, sizeof(message), "cannot acquire state change lock (held by process %d)",
             (int)pid);
    ck_assert_int_eq(vmgr__file_lock(path, 20, &err), -1);
    ck_assert_int_eq(vmgr_error_get_code(err), VMGR_ERR_OPERATION_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(vmgr_error_get_message(err), message));
    vmgr_error_free(err);
    err = NULL;
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    fd = vmgr__file_lock(path, 20, &err);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0); /* nothing is written for that */
    ck_assert_int_eq(hold(), -1);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lock");
    TCase *t = tcase_create("lock");
    int failed;

    close(mkstemp(path));
    tcase_add_test(t, test_holder);
    suite_add_tcase(s, t);
    failed = run_suite(s);
    unlink(path);
    return failed;
}
