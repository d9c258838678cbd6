/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls libvkvm makes, as a table that tests replace.
 */
#ifndef VKVM_SYSCALLS_H
#define VKVM_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct vkvm_syscalls - how libvkvm reaches the kernel
 * @size: sizeof(struct vkvm_syscalls)
 * @data: first argument of every function
 *
 * Each function returns what the system call does, with -errno instead of -1 and errno. mmap stores
 * the address in *ret. A handle copies the table: only @data must outlive it. Handles made from a
 * handle (VMs, vCPUs, devices) use the same table.
 */
struct vkvm_syscalls {
    uint32_t size;
    void *data;
    int (*open)(void *data, const char *path, int flags);
    int (*close)(void *data, int fd);
    int (*ioctl)(void *data, int fd, unsigned long request, void *argument);
    int (*mmap)(void *data, size_t length, int prot, int flags, int fd, off_t offset, void **ret);
    int (*munmap)(void *data, void *address, size_t length);
    int (*kill_thread)(void *data, int thread_id, int signal_number);
    ssize_t (*pread)(void *data, int fd, void *buffer, size_t size, off_t offset);
};

/** The real ones. Context: any. Since 0.1 */
const struct vkvm_syscalls *vkvm_syscalls_real(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
