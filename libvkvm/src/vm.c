/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual machines: vCPUs, memory slots, capabilities, clock.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <vkvm/device.h>
#include <vkvm/vcpu.h>
#include <vkvm/vm.h>

#include "vm.h"

#define DEFAULT_SLOT_LIMIT 32 /* KVM_CAP_NR_MEMSLOTS absent [4.35] */

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
    return vkvm__ioctl(&vm->h, request, argument);
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

/* --- memory slots --- */

static int slot_set(struct vkvm_vm *vm, const struct vkvm_slot *slot)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot->number,
        .flags = slot->flags,
        .guest_phys_addr = slot->gpa,
        .memory_size = slot->size,
        .userspace_addr = (uintptr_t)slot->hva,
    };
    return vkvm__ioctl(&vm->h, KVM_SET_USER_MEMORY_REGION, &region);
}

int vkvm_vm_add_memory(struct vkvm_vm *vm, uint64_t gpa, uint64_t size, void *hva, uint32_t flags,
                       uint32_t *ret_slot)
{
    struct vkvm_slot slot = { .gpa = gpa, .size = size, .hva = hva, .flags = flags };
    size_t index;

    pthread_mutex_lock(&vm->slots_lock);
    if (!vm->slot_limit) {
        int limit = vkvm_vm_check_cap(vm, KVM_CAP_NR_MEMSLOTS);
        vm->slot_limit = limit > 0 ? (uint32_t)limit : DEFAULT_SLOT_LIMIT;
    }
    int r = vkvm__slots_prepare(&vm->slots, &slot, vm->slot_limit, &index, &slot.number);
    if (r == 0)
        r = slot_set(vm, &slot);
    if (r >= 0) {
        vkvm__slots_insert(&vm->slots, index, &slot);
        *ret_slot = slot.number;
        r = 0;
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

int vkvm_vm_set_memory_flags(struct vkvm_vm *vm, uint32_t number, uint32_t flags)
{
    pthread_mutex_lock(&vm->slots_lock);
    struct vkvm_slot *slot = vkvm__slots_find(&vm->slots, number, NULL);
    int r = -ENOENT;
    if (slot) {
        struct vkvm_slot changed = *slot;
        changed.flags = flags;
        r = slot_set(vm, &changed);
        if (r >= 0)
            slot->flags = flags;
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r < 0 ? r : 0;
}

int vkvm_vm_remove_memory(struct vkvm_vm *vm, uint32_t number)
{
    size_t index;
    pthread_mutex_lock(&vm->slots_lock);
    struct vkvm_slot *slot = vkvm__slots_find(&vm->slots, number, &index);
    int r = -ENOENT;
    if (slot) {
        struct vkvm_slot gone = *slot;
        gone.size = 0;
        r = slot_set(vm, &gone);
        if (r >= 0)
            vkvm__slots_remove(&vm->slots, index);
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r < 0 ? r : 0;
}

void *vkvm_vm_translate(struct vkvm_vm *vm, uint64_t gpa, uint64_t size)
{
    pthread_mutex_lock(&vm->slots_lock);
    const struct vkvm_slot *slot = vkvm__slots_at(&vm->slots, gpa, size);
    void *hva = slot ? (uint8_t *)slot->hva + (gpa - slot->gpa) : NULL;
    pthread_mutex_unlock(&vm->slots_lock);
    return hva;
}

int vkvm_vm_get_dirty_log(struct vkvm_vm *vm, uint32_t slot, uint64_t *bitmap)
{
    struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };
    return vkvm__ioctl(&vm->h, KVM_GET_DIRTY_LOG, &log);
}

/* --- clock --- */

int vkvm_vm_get_clock(struct vkvm_vm *vm, struct kvm_clock_data *ret)
{
    return vkvm__ioctl(&vm->h, KVM_GET_CLOCK, ret);
}

int vkvm_vm_set_clock(struct vkvm_vm *vm, const struct kvm_clock_data *clock)
{
    return vkvm__ioctl(&vm->h, KVM_SET_CLOCK, clock);
}
