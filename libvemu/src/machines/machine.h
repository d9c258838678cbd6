/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Machine classes: which devices stand on the board, where RAM lies, how it boots.
 */
#ifndef VEMU_MACHINES_MACHINE_H
#define VEMU_MACHINES_MACHINE_H

#include "accel/accel.h"
#include "core/device.h"

struct vemu_machine;
struct vemu_pci_host;

/* What can be plugged in by ACPI. */
enum vemu_hotplug_kind { VEMU_HOTPLUG_CPU, VEMU_HOTPLUG_MEMORY, VEMU_HOTPLUG_KINDS };

struct vemu_machine_class {
    const char *name, *alias, *summary;
    uint32_t max_vcpus;
    bool has_numa;
    bool has_fw_cfg;
    bool has_dies; /* sockets may be made of several */
    size_t instance_size;          /* of the struct whose first member is struct vemu_machine */
    const struct vemu_prop *props; /* options after "microvm,": pit=on|off ... */
    /* RAM, interrupt controllers, board devices (vemu__vm_add_board_device), before user devices.
     * */
    int (*init)(struct vemu_machine *machine, struct vemu_error **err);
    /* All devices are realized: load kernel and tables. Called again on every reset, when memory
     * the loader wrote may have been overwritten. */
    int (*load)(struct vemu_machine *machine, struct vemu_error **err);
    /* State of vCPU `id` at power-on, after load (vCPU 0: the kernel's entry). Groups as returned.
     * */
    uint32_t (*boot_state)(struct vemu_machine *machine, uint32_t id, struct vemu_cpu_state *state);
    /* The machine wakes up: devices are reset, vCPUs will be; memory is as the guest left it. NULL
     * where `can_sleep` is never set. */
    int (*wake)(struct vemu_machine *machine, struct vemu_error **err);
    void (*fini)(struct vemu_machine *machine);
    /* A free virtio-mmio slot for `dev`: address and interrupt line. NULL: the board has none.
     * -ENOSPC. */
    int (*virtio_slot)(struct vemu_machine *machine, struct vemu_device *dev, uint64_t *ret_address,
                       unsigned *ret_irq, struct vemu_error **err);
    /* What "virtio-blk" and the like stand for: "-device" (mmio) or "-pci". NULL: nothing. */
    const char *virtio_suffix;
};

/* Is `name` the alias (may be NULL)? One that ends with '*' stands for all that begin like it. */
bool vemu__alias_matches(const char *alias, const char *name);

struct vemu_machine {
    const struct vemu_machine_class *class_;
    struct vemu_vm *vm;
    /* What the board's interrupt wiring is: filled by init. irq_lines[n] for
     * vemu_device_get_irq(). */
    struct vemu_irq *irq_lines[24];
    /* Accelerator callbacks that belong to interrupt controllers; NULL when absent. */
    void (*ioapic_eoi)(struct vemu_machine *machine, uint8_t vector);
    int (*pic_ack)(struct vemu_machine *machine);
    struct vemu_pci_host *pci; /* set by init; NULL: no PCI */
    /* Set by init: the ACPI controllers of devices that are plugged in (NULL: none), the lines they
     * raise (edges), and where memory that is plugged in may lie (size 0: nowhere). */
    struct vemu_device *hotplug[VEMU_HOTPLUG_KINDS];
    struct vemu_irq *hotplug_lines[VEMU_HOTPLUG_KINDS];
    uint64_t device_memory_base, device_memory_size;
    uint64_t address_end; /* set by init: behind all RAM, room for memory and PCI windows */
    bool can_sleep; /* set by init: the guest can put it to sleep (ACPI S3) */
    struct vemu_irq *genid_line; /* an edge tells the guest of a generation ID; NULL: it cannot */
};

extern const struct vemu_machine_class vemu__machine_microvm;
extern const struct vemu_machine_class vemu__machine_q35;
extern const struct vemu_machine_class *const vemu__machine_classes[]; /* core/registry.c */

/* Adds and realizes a device of the board, like vemu_vm_add_device but in init. */
struct vemu_device *vemu__vm_add_board_device(struct vemu_vm *vm, const char *class_name,
                                              const char *id, const struct vemu_property *props,
                                              size_t prop_count, struct vemu_error **err);

/* --- what machines and boot code need of the VM ----------------------------------------------- */
const struct vemu_vm_config *vemu__vm_config(struct vemu_vm *vm); /* with defaults filled in */
const struct vemu_accel_ops *vemu__vm_accel(struct vemu_vm *vm,
                                            struct vemu_accel_vm **ret_accel_vm);
struct vemu_machine *vemu__vm_machine(struct vemu_vm *vm);

/* An interrupt line whose level goes to `fn` (under the controller's own lock inside fn). Users get
 * their own ends by vemu__irq_user(); freed with the VM. */
typedef void (*vemu_irq_fn)(void *data, unsigned n, bool level);
struct vemu_irq *vemu__irq_new(struct vemu_vm *vm, vemu_irq_fn fn, void *data, unsigned n);
struct vemu_irq *vemu__irq_user(struct vemu_irq *line);

#endif
