/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GSI routing: which interrupt number leads to which pin or message [4.52].
 *
 * The kernel takes the whole table at once. struct vkvm_routing is such a table, for programs that
 * know all of it; struct vkvm_routes edits one for a VM, hands out numbers, and replaces the
 * kernel's in one step, so that no interrupt ever meets half a change.
 */
#ifndef VKVM_ROUTING_H
#define VKVM_ROUTING_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_vm;

/* --- a table ---------------------------------------------------------------------------------- */
/** A table in user space. Context: one thread at a time. */
struct vkvm_routing;

/** Errors: -ENOMEM. Since 0.1 */
int vkvm_routing_new(struct vkvm_routing **ret_routing);
/** NULL is fine. Returns NULL. Since 0.1 */
struct vkvm_routing *vkvm_routing_free(struct vkvm_routing *routing);
void vkvm_routing_clear(struct vkvm_routing *routing);
/** chip KVM_IRQCHIP_PIC_MASTER, _SLAVE, _IOAPIC (x86), 0 (arm64). One GSI may have an entry a chip.
 * Errors: -ENOMEM. Since 0.1 */
int vkvm_routing_add_irqchip(struct vkvm_routing *routing, uint32_t gsi, uint32_t chip,
                             uint32_t pin);
/** Errors: -ENOMEM. Since 0.1 */
int vkvm_routing_add_msi(struct vkvm_routing *routing, uint32_t gsi, uint64_t address,
                         uint32_t data);
/** Any entry, as the kernel takes it: MSI with a device id, Hyper-V synthetic interrupt, Xen event
 * channel, s390 adapter. Errors: -ENOMEM. Since 0.1 */
int vkvm_routing_add(struct vkvm_routing *routing, const struct kvm_irq_routing_entry *entry);
/** Removes all entries of a GSI; returns how many, cannot fail. Since 0.1 */
int vkvm_routing_remove(struct vkvm_routing *routing, uint32_t gsi);
size_t vkvm_routing_count(const struct vkvm_routing *routing);
/** The entries, borrowed until the table changes. Since 0.1 */
const struct kvm_irq_routing_entry *vkvm_routing_entries(const struct vkvm_routing *routing,
                                                         size_t *ret_count);
/** Makes `routing` a copy of `from`. Errors: -ENOMEM, `routing` unchanged. Since 0.1 */
int vkvm_routing_copy(struct vkvm_routing *routing, const struct vkvm_routing *from);
/** KVM_SET_GSI_ROUTING [4.52], KVM_CAP_IRQ_ROUTING: replaces the VM's table. Errors: -EINVAL: an
 * entry for a controller or pin that is not there, too many entries. Since 0.1 */
int vkvm_vm_set_routing(struct vkvm_vm *vm, const struct vkvm_routing *routing);

/* --- an editor -------------------------------------------------------------------------------- */
/**
 * A VM's table being edited. Changes are made to a working copy; vkvm_routes_commit() gives it to
 * the kernel. Context: any; calls are serialised inside.
 */
struct vkvm_routes;

/**
 * vkvm_routes_new() - an empty table
 * @reserved: GSIs below this are not handed out by vkvm_routes_alloc() (24 for the pins of an
 *   IOAPIC)
 *
 * The VM's own table is replaced by the first commit. The VM must outlive it. Errors: -EOPNOTSUPP:
 * no KVM_CAP_IRQ_ROUTING; -EINVAL: the host has fewer GSIs than reserved; -ENOMEM. Since 0.1
 */
int vkvm_routes_new(struct vkvm_vm *vm, uint32_t reserved, struct vkvm_routes **ret_routes);
/** The kernel keeps the table. NULL is fine. Returns NULL. Since 0.1 */
struct vkvm_routes *vkvm_routes_free(struct vkvm_routes *routes);
/** Hands out the lowest free GSI. It has no entry yet. -ENOSPC: all KVM_CAP_IRQ_ROUTING are in use.
 * Since 0.1 */
int vkvm_routes_alloc(struct vkvm_routes *routes, uint32_t *ret_gsi);
/** Removes the GSI's entries and takes back its number. Remove its irqfd first. -ENOENT: not handed
 * out. Since 0.1 */
int vkvm_routes_release(struct vkvm_routes *routes, uint32_t gsi);
/** Adds an entry for a pin, next to those of other chips. -EINVAL: the GSI is not of this host.
 * -ENOMEM. Since 0.1 */
int vkvm_routes_set_irqchip(struct vkvm_routes *routes, uint32_t gsi, uint32_t chip, uint32_t pin);
/** Makes the GSI lead to this message, and nowhere else. -EINVAL, -ENOMEM. Since 0.1 */
int vkvm_routes_set_msi(struct vkvm_routes *routes, uint32_t gsi, uint64_t address, uint32_t data);
/** The same with a device id (KVM_CAP_MSI_DEVID). Since 0.1 */
int vkvm_routes_set_msi_from(struct vkvm_routes *routes, uint32_t gsi, uint64_t address,
                             uint32_t data, uint32_t devid);
/** Replaces the GSI's entries by any one. -EINVAL, -ENOMEM. Since 0.1 */
int vkvm_routes_set(struct vkvm_routes *routes, const struct kvm_irq_routing_entry *entry);
/** Removes the GSI's entries (a masked vector); its number stays handed out. Since 0.1 */
void vkvm_routes_unset(struct vkvm_routes *routes, uint32_t gsi);
/** Gives the working table to the kernel in one step. On errors (those of vkvm_vm_set_routing())
 * the kernel has the one before, and the changes stay to be corrected, committed or rolled back.
 * Does nothing when nothing changed. Since 0.1 */
int vkvm_routes_commit(struct vkvm_routes *routes);
/** Goes back to what was committed last, numbers handed out included. Since 0.1 */
void vkvm_routes_rollback(struct vkvm_routes *routes);
/** Entries of the working table. Since 0.1 */
size_t vkvm_routes_count(struct vkvm_routes *routes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
