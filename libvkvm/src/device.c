/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In-kernel devices.
 */
#include <errno.h>
#include <stdlib.h>

#include <vkvm/device.h>

#include "device.h"

int vkvm_device_from_fd(const struct vkvm_syscalls *syscalls, int fd,
                        struct vkvm_device **ret_device)
{
    struct vkvm_device *device = malloc(sizeof(*device));
    int r = device ? vkvm__handle_init(&device->h, syscalls, fd) : -ENOMEM;
    if (r < 0) {
        free(device);
        vkvm__close_fd(syscalls, fd);
        return r;
    }
    *ret_device = device;
    return 0;
}

struct vkvm_device *vkvm_device_close(struct vkvm_device *device)
{
    if (device) {
        vkvm__handle_fini(&device->h);
        free(device);
    }
    return NULL;
}

int vkvm_device_get_fd(const struct vkvm_device *device)
{
    return device->h.fd;
}

int vkvm_device_ioctl(struct vkvm_device *device, unsigned long request, void *argument)
{
    return vkvm__ioctl_raw(&device->h, request, argument);
}
