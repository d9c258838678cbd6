/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual machines: vCPUs, devices, capabilities.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <vkvm/device.h>
#include <vkvm/vcpu.h>
#include <vkvm/vm.h>

#include "vm.h"

int vkvm_vm_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t vcpu_mmap_size,
                    struct vkvm_vm **ret_vm)
{
    int r = -EINVAL;
    struct vkvm_vm *vm = NULL;
    if (vcpu_mmap_size < sizeof(struct kvm_run))
        goto fail;
    r = -ENOMEM;
    vm = calloc(1, sizeof(*vm));
    if (!vm)
        goto fail;
    r = vkvm__handle_init(&vm->h, syscalls, fd);
    if (r < 0)
        goto fail;
    pthread_mutex_init(&vm->slots_lock, NULL);
    vm->vcpu_mmap_size = vcpu_mmap_size;
    *ret_vm = vm;
    return 0;
fail:
    free(vm);
    vkvm__close_fd(syscalls, fd);
    return r;
}

struct vkvm_vm *vkvm_vm_close(struct vkvm_vm *vm)
{
    if (vm) {
        vkvm__handle_fini(&vm->h);
        pthread_mutex_destroy(&vm->slots_lock);
        vkvm__slots_fini(&vm->slots);
        free(vm);
    }
    return NULL;
}

int vkvm_vm_get_fd(const struct vkvm_vm *vm)
{
    return vm->h.fd;
}

int vkvm_vm_check_cap(struct vkvm_vm *vm, uint32_t cap)
{
    return vkvm__ioctl_int(&vm->h, KVM_CHECK_EXTENSION, cap);
}

int vkvm_vm_enable_cap(struct vkvm_vm *vm, uint32_t cap, const uint64_t args[4])
{
    return vkvm__enable_cap(&vm->h, cap, args);
}

int vkvm_vm_ioctl(struct vkvm_vm *vm, unsigned long request, void *argument)
{
    return vkvm__ioctl_raw(&vm->h, request, argument);
}

int vkvm_vm_create_vcpu(struct vkvm_vm *vm, uint32_t id, struct vkvm_vcpu **ret_vcpu)
{
    int fd = vkvm__ioctl_int(&vm->h, KVM_CREATE_VCPU, id);
    if (fd < 0)
        return fd;
    return vkvm_vcpu_from_fd(&vm->h.sys, fd, vm->vcpu_mmap_size, ret_vcpu);
}

int vkvm_vm_create_device(struct vkvm_vm *vm, uint32_t type, uint32_t flags,
                          struct vkvm_device **ret_device)
{
    struct kvm_create_device create = { .type = type, .flags = flags };
    int r = vkvm__ioctl(&vm->h, KVM_CREATE_DEVICE, &create);
    if (r < 0)
        return r;
    if (flags & KVM_CREATE_DEVICE_TEST) { /* only asked whether it could be made */
        *ret_device = NULL;
        return 0;
    }
    return vkvm_device_from_fd(&vm->h.sys, (int)create.fd, ret_device);
}
