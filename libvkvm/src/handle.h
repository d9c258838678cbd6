/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every libvkvm handle begins with: a descriptor and the way to the kernel.
 */
#ifndef VKVM_SRC_HANDLE_H
#define VKVM_SRC_HANDLE_H

#include <vkvm/syscalls.h>

struct vkvm_handle {
    struct vkvm_syscalls sys;
    int fd;
};

struct vkvm {
    struct vkvm_handle h;
};

/* Takes the descriptor. NULL syscalls: the real ones. -EINVAL: the table is not of this version. */
int vkvm__handle_init(struct vkvm_handle *h, const struct vkvm_syscalls *sys, int fd);
void vkvm__handle_fini(struct vkvm_handle *h);
/* Closes a descriptor that never became a handle. */
void vkvm__close_fd(const struct vkvm_syscalls *sys, int fd);
int vkvm__ioctl(const struct vkvm_handle *h, unsigned long request, const void *argument);
/* For requests whose argument is a number. */
int vkvm__ioctl_int(const struct vkvm_handle *h, unsigned long request, unsigned long argument);
int vkvm__enable_cap(const struct vkvm_handle *h, uint32_t cap, const uint64_t args[4]);

#endif
