/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In-kernel devices and their attributes.
 */
#include <errno.h>
#include <stdlib.h>

#include <vkvm/device.h>

#include "handle.h"

struct vkvm_device {
    struct vkvm_handle h;
};

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

static int device_attr(struct vkvm_device *device, unsigned long request, uint32_t group,
                       uint64_t attr, const void *value)
{
    struct kvm_device_attr request_attr = {
        .group = group,
        .attr = attr,
        .addr = (uintptr_t)value,
    };
    return vkvm__ioctl(&device->h, request, &request_attr);
}

int vkvm_device_has_attr(struct vkvm_device *device, uint32_t group, uint64_t attr)
{
    return device_attr(device, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

int vkvm_device_get_attr(struct vkvm_device *device, uint32_t group, uint64_t attr, void *value)
{
    return device_attr(device, KVM_GET_DEVICE_ATTR, group, attr, value);
}

int vkvm_device_set_attr(struct vkvm_device *device, uint32_t group, uint64_t attr,
                         const void *value)
{
    return device_attr(device, KVM_SET_DEVICE_ATTR, group, attr, value);
}
