/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The editor of a VM's routing table.
 *
 * Theory of operation: two states, the working one and the one the kernel has. A state is a table
 * and a map of the numbers handed out. Edits change the first; a commit copies it, gives its table
 * to the kernel, and makes the copy the second; a rollback copies back. Neither can fail half way:
 * the copy is made before the kernel is asked, and the way back needs no more room than there has
 * been.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/routing.h>
#include <vkvm/vm.h>

#include "vm.h"

#define GSI_MAX 65536u /* the kernel's own limit is 4096 */

struct routes_state {
    struct vkvm_routing *table;
    uint8_t *taken; /* a byte a GSI */
};

struct vkvm_routes {
    struct vkvm_vm *vm;
    pthread_mutex_t lock;
    struct routes_state working, committed;
    uint32_t limit, reserved;
    bool changed;
    bool told; /* there was a commit */
};

static int state_init(struct routes_state *state, uint32_t limit)
{
    int r = vkvm_routing_new(&state->table);
    if (r < 0)
        return r;
    state->taken = calloc(limit, 1);
    return state->taken ? 0 : -ENOMEM;
}

static void state_fini(struct routes_state *state)
{
    vkvm_routing_free(state->table);
    free(state->taken);
}

int vkvm_routes_new(struct vkvm_vm *vm, uint32_t reserved, struct vkvm_routes **ret_routes)
{
    int limit = vkvm_vm_check_cap(vm, KVM_CAP_IRQ_ROUTING);
    if (limit <= 0)
        return vkvm__failed(&vm->h, KVM_SET_GSI_ROUTING, NULL, -EOPNOTSUPP);
    if ((uint32_t)limit > GSI_MAX)
        limit = GSI_MAX;
    if (reserved > (uint32_t)limit)
        return -EINVAL;
    struct vkvm_routes *routes = calloc(1, sizeof(*routes));
    if (!routes)
        return -ENOMEM;
    routes->vm = vm;
    routes->limit = (uint32_t)limit;
    routes->reserved = reserved;
    routes->changed = true; /* the kernel's table is another */
    pthread_mutex_init(&routes->lock, NULL);
    int r = state_init(&routes->working, routes->limit);
    if (r >= 0)
        r = state_init(&routes->committed, routes->limit);
    if (r < 0) {
        vkvm_routes_free(routes);
        return r;
    }
    *ret_routes = routes;
    return 0;
}

struct vkvm_routes *vkvm_routes_free(struct vkvm_routes *routes)
{
    if (routes) {
        state_fini(&routes->working);
        state_fini(&routes->committed);
        pthread_mutex_destroy(&routes->lock);
        free(routes);
    }
    return NULL;
}

int vkvm_routes_alloc(struct vkvm_routes *routes, uint32_t *ret_gsi)
{
    int r = -ENOSPC;
    pthread_mutex_lock(&routes->lock);
    for (uint32_t gsi = routes->reserved; gsi < routes->limit; gsi++)
        if (!routes->working.taken[gsi]) {
            routes->working.taken[gsi] = 1;
            *ret_gsi = gsi;
            r = 0;
            break;
        }
    pthread_mutex_unlock(&routes->lock);
    return r;
}

/* Locked. */
static void routes_remove(struct vkvm_routes *routes, uint32_t gsi)
{
    if (vkvm_routing_remove(routes->working.table, gsi) > 0)
        routes->changed = true;
}

int vkvm_routes_release(struct vkvm_routes *routes, uint32_t gsi)
{
    int r = -ENOENT;
    pthread_mutex_lock(&routes->lock);
    if (gsi < routes->limit && routes->working.taken[gsi]) {
        routes->working.taken[gsi] = 0;
        routes_remove(routes, gsi);
        r = 0;
    }
    pthread_mutex_unlock(&routes->lock);
    return r;
}

/* Adds an entry. `alone`: instead of the GSI's others, which go only when it was added. */
static int routes_add(struct vkvm_routes *routes, const struct kvm_irq_routing_entry *entry,
                      bool alone)
{
    if (entry->gsi >= routes->limit)
        return -EINVAL;
    pthread_mutex_lock(&routes->lock);
    int r = vkvm_routing_add(routes->working.table, entry);
    if (r >= 0) {
        routes->changed = true;
        if (alone) { /* the new one is among them */
            vkvm_routing_remove(routes->working.table, entry->gsi);
            vkvm_routing_add(routes->working.table, entry); /* there is room */
        }
    }
    pthread_mutex_unlock(&routes->lock);
    return r;
}

int vkvm_routes_set_irqchip(struct vkvm_routes *routes, uint32_t gsi, uint32_t chip, uint32_t pin)
{
    struct kvm_irq_routing_entry entry;
    memset(&entry, 0, sizeof(entry)); /* all of the union */
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_IRQCHIP;
    entry.u.irqchip.irqchip = chip;
    entry.u.irqchip.pin = pin;
    return routes_add(routes, &entry, false);
}

static int routes_msi(struct vkvm_routes *routes, uint32_t gsi, uint64_t address, uint32_t data,
                      uint32_t flags, uint32_t devid)
{
    struct kvm_irq_routing_entry entry;
    memset(&entry, 0, sizeof(entry));
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_MSI;
    entry.flags = flags;
    entry.u.msi.address_lo = (uint32_t)address;
    entry.u.msi.address_hi = (uint32_t)(address >> 32);
    entry.u.msi.data = data;
    entry.u.msi.devid = devid;
    return routes_add(routes, &entry, true);
}

int vkvm_routes_set_msi(struct vkvm_routes *routes, uint32_t gsi, uint64_t address, uint32_t data)
{
    return routes_msi(routes, gsi, address, data, 0, 0);
}

int vkvm_routes_set_msi_from(struct vkvm_routes *routes, uint32_t gsi, uint64_t address,
                             uint32_t data, uint32_t devid)
{
    return routes_msi(routes, gsi, address, data, KVM_MSI_VALID_DEVID, devid);
}

int vkvm_routes_set(struct vkvm_routes *routes, const struct kvm_irq_routing_entry *entry)
{
    return routes_add(routes, entry, true);
}

void vkvm_routes_unset(struct vkvm_routes *routes, uint32_t gsi)
{
    pthread_mutex_lock(&routes->lock);
    routes_remove(routes, gsi);
    pthread_mutex_unlock(&routes->lock);
}

static int state_copy(struct vkvm_routes *routes, struct routes_state *to,
                      const struct routes_state *from)
{
    int r = vkvm_routing_copy(to->table, from->table);
    if (r >= 0)
        memcpy(to->taken, from->taken, routes->limit);
    return r;
}

int vkvm_routes_commit(struct vkvm_routes *routes)
{
    int r = 0;
    pthread_mutex_lock(&routes->lock);
    /* The copy comes first: once the kernel has the table, nothing may fail. */
    struct routes_state before = { NULL, NULL };
    if (routes->changed) {
        r = state_init(&before, routes->limit);
        if (r >= 0)
            r = state_copy(routes, &before, &routes->working);
        if (r >= 0)
            r = vkvm_vm_set_routing(routes->vm, routes->working.table);
        if (r >= 0) {
            struct routes_state old = routes->committed;
            routes->committed = before;
            before = old;
            routes->changed = false;
            routes->told = true;
            r = 0;
        }
        state_fini(&before);
    } else {
        memcpy(routes->committed.taken, routes->working.taken, routes->limit);
    }
    pthread_mutex_unlock(&routes->lock);
    return r;
}

void vkvm_routes_rollback(struct vkvm_routes *routes)
{
    pthread_mutex_lock(&routes->lock);
    /* The working table has had at least as many entries, so it has the room. */
    state_copy(routes, &routes->working, &routes->committed);
    routes->changed = !routes->told; /* before the first commit the kernel has another */
    pthread_mutex_unlock(&routes->lock);
}

size_t vkvm_routes_count(struct vkvm_routes *routes)
{
    pthread_mutex_lock(&routes->lock);
    size_t count = vkvm_routing_count(routes->working.table);
    pthread_mutex_unlock(&routes->lock);
    return count;
}
