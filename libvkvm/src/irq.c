/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts of a VM: lines, MSI, irqfd; and ioeventfd.
 */
#include <errno.h>

#include <vkvm/vm.h>

#include "vm.h"

int vkvm_vm_set_irq_line(struct vkvm_vm *vm, uint32_t gsi, bool level)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level };
    return vkvm__ioctl(&vm->h, KVM_IRQ_LINE, &line);
}

int vkvm_vm_signal_msi(struct vkvm_vm *vm, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address,
        .address_hi = (uint32_t)(address >> 32),
        .data = data,
    };
    return vkvm__ioctl(&vm->h, KVM_SIGNAL_MSI, &msi);
}

int vkvm_vm_signal_msi_from(struct vkvm_vm *vm, uint64_t address, uint32_t data, uint32_t devid)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address,
        .address_hi = (uint32_t)(address >> 32),
        .data = data,
        .flags = KVM_MSI_VALID_DEVID,
        .devid = devid,
    };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_MSI_DEVID, KVM_SIGNAL_MSI);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_SIGNAL_MSI, &msi);
}

/* --- event descriptors --- */

int vkvm_vm_add_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi, int resample_fd)
{
    struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };
    if (resample_fd >= 0) {
        irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
        irqfd.resamplefd = (uint32_t)resample_fd;
    }
    return vkvm__ioctl(&vm->h, KVM_IRQFD, &irqfd);
}

int vkvm_vm_remove_irqfd(struct vkvm_vm *vm, int fd, uint32_t gsi)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t)fd,
        .gsi = gsi,
        .flags = KVM_IRQFD_FLAG_DEASSIGN,
    };
    return vkvm__ioctl(&vm->h, KVM_IRQFD, &irqfd);
}

static int ioeventfd_set(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd,
                         uint32_t flags)
{
    struct kvm_ioeventfd request = {
        .datamatch = io->value,
        .addr = io->address,
        .len = io->length,
        .fd = fd,
        .flags = flags | (io->pio ? KVM_IOEVENTFD_FLAG_PIO : 0) |
                 (io->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };
    bool known = io->length <= 8 && (0x117u >> io->length & 1); /* 0, 1, 2, 4, 8 */
    if (!known || (io->match && !io->length))
        return vkvm__failed(&vm->h, KVM_IOEVENTFD, &request, -EINVAL);
    return vkvm__ioctl(&vm->h, KVM_IOEVENTFD, &request);
}

int vkvm_vm_add_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd)
{
    return ioeventfd_set(vm, io, fd, 0);
}

int vkvm_vm_remove_ioeventfd(struct vkvm_vm *vm, const struct vkvm_ioeventfd *io, int fd)
{
    return ioeventfd_set(vm, io, fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}
