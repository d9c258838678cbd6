/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What boards of the PC family have in common: interrupt controllers, clock, legacy ports.
 */
#ifndef VEMU_MACHINES_PC_H
#define VEMU_MACHINES_PC_H

#include "boot/acpi.h"
#include "boot/boot.h"
#include "core/numa.h"
#include "machines/machine.h"

/* ISA lines 0 and 8: the PIT's and the clock's, or in legacy replacement the HPET's instead. */
struct vemu_pc_legacy {
    pthread_mutex_t lock; /* device -> line -> this -> controllers */
    bool replaced, chips[2], hpet[2], out[2];
};

/* First member of such a board's struct. */
struct vemu_pc {
    struct vemu_machine machine;
    struct vemu_device *ioapic, *pic; /* pic: NULL when there is none */
    struct vemu_device *hpet;         /* NULL: there is none */
    struct vemu_pc_legacy legacy;
    struct vemu_boot *boot;           /* NULL: firmware boots */
    struct vemu_e820 e820;
    uint64_t ram_low, ram_high; /* bytes from 0 on, and from 4 GiB on */
    struct vemu_acpi_numa numa; /* for the tables */
    struct vemu_acpi_numa_range numa_ranges[VEMU_NUMA_NODES_MAX + 2];
};

/* A device of the board; its class is its id. NULL on failure. */
struct vemu_device *vemu__pc_add(struct vemu_pc *pc, const char *class_name,
                                 struct vemu_error **err);
/* I/O APIC, 8259 pair if wanted, and the lines: ISA line n is input n of both, except that line 0
 * is pin 2 of the I/O APIC; 16 to 23 are the I/O APIC's alone. */
int vemu__pc_add_interrupts(struct vemu_pc *pc, bool has_pic, struct vemu_error **err);
int vemu__pc_add_hpet(struct vemu_pc *pc, struct vemu_error **err);
/* Clock and CMOS, which tells firmware the size of RAM. */
int vemu__pc_add_rtc(struct vemu_pc *pc, const char *base, struct vemu_error **err);
/* Serial ports and pvpanic among the devices, for the tables. */
void vemu__pc_describe_devices(const struct vemu_pc *pc, struct vemu_acpi_config *config);

/* RAM of the machine: `offset` bytes from its beginning on. Of the configured memory object, or the
 * library's own. */
int vemu__pc_add_ram(struct vemu_pc *pc, uint64_t gpa, uint64_t size, uint64_t offset,
                     const char *name, struct vemu_error **err);
/* Where memory that is plugged in lies, from `start` on; the first address behind it. */
uint64_t vemu__pc_place_device_memory(struct vemu_pc *pc, uint64_t start);
/* Controllers for CPUs and memory modules, if the configuration leaves room for any; their lines
 * call `fn` with enum vemu_hotplug_kind. */
int vemu__pc_add_hotplug(struct vemu_pc *pc, bool has_acpi, vemu_irq_fn fn, void *data,
                         struct vemu_error **err);
/* What the tables tell of vCPUs and what can be plugged in. */
void vemu__pc_describe_hotplug(const struct vemu_pc *pc, struct vemu_acpi_config *config);
/* ... and of NUMA nodes, if there are any. */
void vemu__pc_describe_numa(struct vemu_pc *pc, struct vemu_acpi_config *config);

#endif
