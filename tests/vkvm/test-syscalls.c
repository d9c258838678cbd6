/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real system calls, on files that are there everywhere.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vkvm/vkvm.h>

Suite *vkvm_syscalls_suite(void);

START_TEST(real_calls)
{
    const struct vkvm_syscalls *sys = vkvm_syscalls_real();
    char path[] = "/tmp/vkvm-syscalls-XXXXXX", buffer[8] = { 0 };
    void *memory = NULL;
    int left = -1;
    ck_assert_uint_eq(sys->size, sizeof(*sys));
    int made = mkstemp(path);
    ck_assert_int_eq(write(made, "statistics", 10), 10);
    int fd = sys->open(sys->data, path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(sys->pread(sys->data, fd, buffer, 4, 3), 4);
    ck_assert_str_eq(buffer, "tist");
    ck_assert_int_eq(sys->mmap(sys->data, 10, PROT_READ, MAP_SHARED, fd, 0, &memory), 0);
    ck_assert_mem_eq(memory, "statistics", 10);
    ck_assert_int_eq(sys->munmap(sys->data, memory, 10), 0);
    ck_assert_int_eq(sys->ioctl(sys->data, fd, FIONREAD, &left), 0);
    ck_assert_int_eq(left, 10);
    ck_assert_int_eq(sys->close(sys->data, fd), 0);
    ck_assert_int_eq(sys->kill_thread(sys->data, gettid(), 0), 0);
    close(made);
    unlink(path);
}
END_TEST

START_TEST(real_errors)
{
    const struct vkvm_syscalls *sys = vkvm_syscalls_real();
    char buffer[8];
    void *memory = NULL;
    ck_assert_int_eq(sys->open(sys->data, "/nowhere/kvm", O_RDWR), -ENOENT);
    ck_assert_int_eq(sys->pread(sys->data, -1, buffer, 4, 0), -EBADF);
    ck_assert_int_eq(sys->mmap(sys->data, 4096, PROT_READ, MAP_SHARED, -1, 0, &memory), -EBADF);
    ck_assert_ptr_null(memory);
    ck_assert_int_eq(sys->munmap(sys->data, buffer + 1, 4096), -EINVAL);
    ck_assert_int_eq(sys->ioctl(sys->data, -1, KVM_GET_API_VERSION, NULL), -EBADF);
    ck_assert_int_eq(sys->close(sys->data, -1), -EBADF);
    ck_assert_int_eq(sys->kill_thread(sys->data, gettid(), 1000), -EINVAL);
}
END_TEST

/* A file that is no KVM device. */
START_TEST(not_kvm)
{
    struct vkvm *kvm = NULL;
    ck_assert_int_eq(vkvm_open_with(NULL, "/dev/null", &kvm), -ENOTTY);
    ck_assert_int_eq(vkvm_open_with(NULL, "/nowhere/kvm", &kvm), -ENOENT);
    ck_assert_ptr_null(kvm);
}
END_TEST

Suite *vkvm_syscalls_suite(void)
{
    Suite *s = suite_create("vkvm-syscalls");
    TCase *t = tcase_create("real");
    tcase_add_test(t, real_calls);
    tcase_add_test(t, real_errors);
    tcase_add_test(t, not_kvm);
    suite_add_tcase(s, t);
    return s;
}
