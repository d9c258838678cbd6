/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static ACPI tables, and the MP table for kernels without ACPI.
 */
#ifndef VEMU_BOOT_ACPI_H
#define VEMU_BOOT_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VEMU_ACPI_SERIAL_MAX 4

/* What stands on the board. */
struct vemu_acpi_config {
    uint32_t vcpus;
    uint64_t ioapic_address;
    bool pic, pit, rtc;
    uint16_t pvpanic_port; /* 0: none */
    unsigned serial_count;
    struct {
        uint16_t iobase;
        uint8_t irq;
    } serials[VEMU_ACPI_SERIAL_MAX];
    const struct vemu_acpi_virtio *virtio; /* mmio */
    unsigned virtio_count;
};

/* Builds RSDP (at the start), XSDT, FADT, FACS, DSDT and MADT for address `gpa` (a multiple of 64).
 * Returns the length, or -ENOSPC. */
int vemu__acpi_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                     size_t size);
/* Builds MP floating pointer and configuration table (Intel MultiProcessor Specification 1.4). */
int vemu__mptable_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                        size_t size);

#endif
