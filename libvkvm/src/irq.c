/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts of a VM: lines, MSI, the GSI routing table, irqfd and ioeventfd.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* --- routing table --- */

struct vkvm_routing {
    struct kvm_irq_routing *table;
    size_t capacity;
};

static int routing_reserve(struct vkvm_routing *routing, size_t capacity)
{
    struct kvm_irq_routing *table =
        realloc(routing->table, sizeof(*table) + capacity * sizeof(table->entries[0]));
    if (!table)
        return -ENOMEM;
    if (!routing->table)
        memset(table, 0, sizeof(*table));
    routing->table = table;
    routing->capacity = capacity;
    return 0;
}

int vkvm_routing_new(struct vkvm_routing **ret_routing)
{
    struct vkvm_routing *routing = calloc(1, sizeof(*routing));
    if (!routing || routing_reserve(routing, 24) < 0) {
        free(routing);
        return -ENOMEM;
    }
    *ret_routing = routing;
    return 0;
}

struct vkvm_routing *vkvm_routing_free(struct vkvm_routing *routing)
{
    if (routing) {
        free(routing->table);
        free(routing);
    }
    return NULL;
}

void vkvm_routing_clear(struct vkvm_routing *routing)
{
    routing->table->nr = 0;
}

size_t vkvm_routing_count(const struct vkvm_routing *routing)
{
    return routing->table->nr;
}

static int routing_add(struct vkvm_routing *routing, const struct kvm_irq_routing_entry *entry)
{
    if (routing->table->nr == routing->capacity) {
        int r = routing_reserve(routing, routing->capacity * 2);
        if (r < 0)
            return r;
    }
    routing->table->entries[routing->table->nr++] = *entry;
    return 0;
}

int vkvm_routing_add_irqchip(struct vkvm_routing *routing, uint32_t gsi, uint32_t chip,
                             uint32_t pin)
{
    struct kvm_irq_routing_entry entry = {
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
    return routing_add(routing, &entry);
}

int vkvm_routing_add_msi(struct vkvm_routing *routing, uint32_t gsi, uint64_t address,
                         uint32_t data)
{
    struct kvm_irq_routing_entry entry = {
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {
            .address_lo = (uint32_t)address,
            .address_hi = (uint32_t)(address >> 32),
            .data = data,
        },
    };
    return routing_add(routing, &entry);
}

int vkvm_vm_set_routing(struct vkvm_vm *vm, const struct vkvm_routing *routing)
{
    return vkvm__ioctl(&vm->h, KVM_SET_GSI_ROUTING, routing->table);
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
