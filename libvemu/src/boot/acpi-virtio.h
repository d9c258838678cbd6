/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-mmio devices in the DSDT.
 */
#ifndef VEMU_BOOT_ACPI_VIRTIO_H
#define VEMU_BOOT_ACPI_VIRTIO_H

#include <stdint.h>

#include <glib.h>

struct vemu_acpi_virtio {
    uint32_t address;
    uint32_t irq; /* I/O APIC pin; level-triggered, may be shared */
};

/* Device objects VR00, VR01 ... inside a scope that is open. */
void vemu__acpi_dsdt_virtio(GByteArray *out, const struct vemu_acpi_virtio *slots, unsigned count);

#endif
