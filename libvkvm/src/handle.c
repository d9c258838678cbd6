/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The common part of handles.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "handle.h"

int vkvm__handle_init(struct vkvm_handle *h, const struct vkvm_syscalls *sys, int fd)
{
    if (!sys)
        sys = vkvm_syscalls_real();
    if (sys->size != sizeof(*sys) || fd < 0)
        return -EINVAL;
    h->sys = *sys;
    h->fd = fd;
    return 0;
}

void vkvm__handle_fini(struct vkvm_handle *h)
{
    h->sys.close(h->sys.data, h->fd);
    h->fd = -1;
}

void vkvm__close_fd(const struct vkvm_syscalls *sys, int fd)
{
    if (!sys || sys->size != sizeof(*sys))
        sys = vkvm_syscalls_real();
    if (fd >= 0)
        sys->close(sys->data, fd);
}

int vkvm__ioctl(const struct vkvm_handle *h, unsigned long request, const void *argument)
{
    return h->sys.ioctl(h->sys.data, h->fd, request, (void *)argument);
}

int vkvm__ioctl_int(const struct vkvm_handle *h, unsigned long request, unsigned long argument)
{
    return h->sys.ioctl(h->sys.data, h->fd, request, (void *)argument);
}

int vkvm__enable_cap(const struct vkvm_handle *h, uint32_t cap, const uint64_t args[4])
{
    struct kvm_enable_cap enable = { .cap = cap };
    if (args)
        memcpy(enable.args, args, sizeof(enable.args));
    return vkvm__ioctl(h, KVM_ENABLE_CAP, &enable);
}
