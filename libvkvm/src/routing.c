/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The GSI routing table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/routing.h>
#include <vkvm/vm.h>

#include "vm.h"

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

int vkvm_routing_add(struct vkvm_routing *routing, const struct kvm_irq_routing_entry *entry)
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
    struct kvm_irq_routing_entry entry;
    memset(&entry, 0, sizeof(entry)); /* all of the union */
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_IRQCHIP;
    entry.u.irqchip.irqchip = chip;
    entry.u.irqchip.pin = pin;
    return vkvm_routing_add(routing, &entry);
}

int vkvm_routing_add_msi(struct vkvm_routing *routing, uint32_t gsi, uint64_t address,
                         uint32_t data)
{
    struct kvm_irq_routing_entry entry;
    memset(&entry, 0, sizeof(entry));
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_MSI;
    entry.u.msi.address_lo = (uint32_t)address;
    entry.u.msi.address_hi = (uint32_t)(address >> 32);
    entry.u.msi.data = data;
    return vkvm_routing_add(routing, &entry);
}

int vkvm_routing_remove(struct vkvm_routing *routing, uint32_t gsi)
{
    struct kvm_irq_routing *table = routing->table;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->nr; i++)
        if (table->entries[i].gsi != gsi)
            table->entries[kept++] = table->entries[i];
    int removed = (int)(table->nr - kept);
    table->nr = kept;
    return removed;
}

const struct kvm_irq_routing_entry *vkvm_routing_entries(const struct vkvm_routing *routing,
                                                         size_t *ret_count)
{
    *ret_count = routing->table->nr;
    return routing->table->entries;
}

int vkvm_routing_copy(struct vkvm_routing *routing, const struct vkvm_routing *from)
{
    const uint32_t count = from->table->nr;
    if (count > routing->capacity) {
        int r = routing_reserve(routing, count);
        if (r < 0)
            return r;
    }
    memcpy(routing->table, from->table,
           sizeof(*from->table) + count * sizeof(from->table->entries[0]));
    return 0;
}

int vkvm_vm_set_routing(struct vkvm_vm *vm, const struct vkvm_routing *routing)
{
    return vkvm__ioctl(&vm->h, KVM_SET_GSI_ROUTING, routing->table);
}
