/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static ACPI tables, and the MP table for kernels without ACPI.
 */
#ifndef VEMU_BOOT_ACPI_H
#define VEMU_BOOT_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "core/topology.h"

#define VEMU_ACPI_SERIAL_MAX 4
#define VEMU_ACPI_CPU_WORDS  16u /* 1024 vCPUs */

struct vemu_acpi_numa_range {
    uint64_t start, size;
    uint32_t node;
    bool hot_pluggable;
};

/* NUMA nodes. */
struct vemu_acpi_numa {
    uint32_t count;
    const uint8_t *cpu_nodes; /* of each vCPU */
    uint32_t range_count;
    const struct vemu_acpi_numa_range *ranges;
    const uint8_t *distances; /* from node n to m at n * distance_row + m; NULL: not known */
    uint32_t distance_row;
};

/* What stands on the board. */
struct vemu_acpi_config {
    uint32_t vcpus;      /* that there can be */
    uint32_t boot_vcpus; /* that are there for good; less than vcpus: CPUs are plugged in. 0: all */
    struct vemu_topology topology; /* their APIC ids */
    uint64_t absent[VEMU_ACPI_CPU_WORDS]; /* bit n: vCPU n is not there now */
    uint32_t memory_slots; /* for modules that are plugged in */
    uint32_t event_gsi; /* of the generic event device; 0: events come by gpe_port */
    uint64_t ioapic_address;
    bool pic, pit, rtc;
    bool hpet;
    bool s3;  /* suspend to memory */
    bool ps2; /* keyboard and mouse at the keyboard controller */
    uint16_t pvpanic_port; /* 0: none */
    uint64_t genid_address; /* of the generation ID; 0: none */
    unsigned serial_count;
    struct {
        uint16_t iobase;
        uint8_t irq;
    } serials[VEMU_ACPI_SERIAL_MAX];
    uint16_t gpe_port;               /* general-purpose events, VEMU_ACPI_GPE_SIZE ports; 0: none */
    uint16_t fw_cfg_port;            /* 0: none */
    const struct vemu_acpi_pci *pci; /* NULL: none */
    const struct vemu_acpi_numa *numa;     /* NULL: none */
    const struct vemu_acpi_virtio *virtio; /* mmio */
    unsigned virtio_count;
};
#define VEMU_ACPI_GPE_SIZE 16
#define VEMU_ACPI_FACS     64u /* the FACS lies so far behind the address of vemu__acpi_build() */
/* Bits of the general-purpose event block that are raised. */
#define VEMU_ACPI_GPE_CPU    2u
#define VEMU_ACPI_GPE_MEMORY 3u
#define VEMU_ACPI_GPE_GENID  5u

static inline bool vemu__acpi_is_absent(const struct vemu_acpi_config *config, uint32_t vcpu)
{
    return vcpu / 64 < VEMU_ACPI_CPU_WORDS && config->absent[vcpu / 64] >> vcpu % 64 & 1;
}

/* PCI Express, as MCFG and DSDT tell it. Ranges are [start, end); empty: none. */
struct vemu_acpi_pci {
    uint64_t ecam_address; /* 0: there is none */
    uint8_t last_bus;
    uint64_t memory_start[2], memory_end[2]; /* below 4 GiB */
    uint64_t memory64_start, memory64_end;
};

/* Builds RSDP (at the start), RSDT, XSDT, FADT, FACS, DSDT, MADT and others for address `gpa` (a
 * multiple of 64). Returns the length, or -ENOSPC. */
int vemu__acpi_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                     size_t size);
/* The same for firmware, which places them itself: the files etc/acpi/rsdp, etc/acpi/tables and
 * etc/table-loader, which says how. */
void vemu__acpi_build_files(const struct vemu_acpi_config *config, GByteArray *rsdp,
                            GByteArray *tables, GByteArray *loader);
/* Builds MP floating pointer and configuration table (Intel MultiProcessor Specification 1.4). */
int vemu__mptable_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                        size_t size);

#endif
