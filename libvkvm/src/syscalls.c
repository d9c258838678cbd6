/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vkvm/syscalls.h>

static int real_open(void *data, const char *path, int flags)
{
    (void)data;
    int fd = open(path, flags);
    return fd < 0 ? -errno : fd;
}

static int real_close(void *data, int fd)
{
    (void)data;
    return close(fd) < 0 ? -errno : 0;
}

static int real_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    (void)data;
    int r = ioctl(fd, request, argument);
    return r < 0 ? -errno : r;
}

static int real_mmap(void *data, size_t length, int prot, int flags, int fd, off_t offset,
                     void **ret)
{
    (void)data;
    void *p = mmap(NULL, length, prot, flags, fd, offset);
    if (p == MAP_FAILED)
        return -errno;
    *ret = p;
    return 0;
}

static int real_munmap(void *data, void *address, size_t length)
{
    (void)data;
    return munmap(address, length) < 0 ? -errno : 0;
}

static int real_kill_thread(void *data, int thread_id, int signal_number)
{
    (void)data;
    return syscall(SYS_tgkill, getpid(), thread_id, signal_number) < 0 ? -errno : 0;
}

static ssize_t real_pread(void *data, int fd, void *buffer, size_t size, off_t offset)
{
    (void)data;
    ssize_t n = pread(fd, buffer, size, offset);
    return n < 0 ? -errno : n;
}

static const struct vkvm_syscalls real = {
    .size = sizeof(real),
    .open = real_open,
    .close = real_close,
    .ioctl = real_ioctl,
    .mmap = real_mmap,
    .munmap = real_munmap,
    .kill_thread = real_kill_thread,
    .pread = real_pread,
};

const struct vkvm_syscalls *vkvm_syscalls_real(void)
{
    return &real;
}
