/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/kvm: opening, version, capabilities, new VMs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <vkvm/system.h>
#include <vkvm/vm.h>

#include "handle.h"

#define API_VERSION 12 /* the only one there ever was since 2.6.22 [4.1] */

int vkvm_from_fd(const struct vkvm_syscalls *syscalls, int fd, struct vkvm **ret_kvm)
{
    struct vkvm *kvm = malloc(sizeof(*kvm));
    int r = kvm ? vkvm__handle_init(&kvm->h, syscalls, fd) : -ENOMEM;
    if (r < 0) {
        free(kvm);
        vkvm__close_fd(syscalls, fd);
        return r;
    }
    r = vkvm_get_api_version(kvm);
    if (r != API_VERSION) {
        vkvm_close(kvm);
        return r < 0 ? r : -EPROTO;
    }
    *ret_kvm = kvm;
    return 0;
}

int vkvm_open_with(const struct vkvm_syscalls *syscalls, const char *path, struct vkvm **ret_kvm)
{
    if (!syscalls)
        syscalls = vkvm_syscalls_real();
    if (syscalls->size != sizeof(*syscalls))
        return -EINVAL;
    int fd = syscalls->open(syscalls->data, path ? path : "/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fd;
    return vkvm_from_fd(syscalls, fd, ret_kvm);
}

int vkvm_open(struct vkvm **ret_kvm)
{
    return vkvm_open_with(NULL, NULL, ret_kvm);
}

struct vkvm *vkvm_close(struct vkvm *kvm)
{
    if (kvm) {
        vkvm__handle_fini(&kvm->h);
        free(kvm);
    }
    return NULL;
}

int vkvm_get_fd(const struct vkvm *kvm)
{
    return kvm->h.fd;
}

int vkvm_get_api_version(struct vkvm *kvm)
{
    return vkvm__ioctl_int(&kvm->h, KVM_GET_API_VERSION, 0);
}

int vkvm_check_cap(struct vkvm *kvm, uint32_t cap)
{
    return vkvm__ioctl_int(&kvm->h, KVM_CHECK_EXTENSION, cap);
}

int vkvm_get_vcpu_mmap_size(struct vkvm *kvm)
{
    return vkvm__ioctl_int(&kvm->h, KVM_GET_VCPU_MMAP_SIZE, 0);
}

int vkvm_create_vm(struct vkvm *kvm, uint32_t type, struct vkvm_vm **ret_vm)
{
    int size = vkvm_get_vcpu_mmap_size(kvm);
    if (size < 0)
        return size;
    int fd;
    do { /* a signal during the kernel's mm notifier set-up */
        fd = vkvm__ioctl_int(&kvm->h, KVM_CREATE_VM, type);
    } while (fd == -EINTR);
    if (fd < 0)
        return fd;
    return vkvm_vm_from_fd(&kvm->h.sys, fd, (size_t)size, ret_vm);
}

int vkvm_ioctl(struct vkvm *kvm, unsigned long request, void *argument)
{
    return vkvm__ioctl_raw(&kvm->h, request, argument);
}
