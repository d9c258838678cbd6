/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-mmio devices in the DSDT: LNRO0005, as all drivers know them.
 */
#include <stdio.h>

#include "boot/acpi-virtio.h"
#include "boot/aml.h"

#define MMIO_SIZE 0x200u

/* Resource descriptors (ACPI 6.4, 6.4.3.4 and 6.4.3.6): Memory32Fixed (ReadWrite) and Interrupt
 * (ResourceConsumer, Level, ActiveHigh, Shared). */
struct resources {
    uint8_t memory_tag;
    uint16_t memory_length;
    uint8_t writable;
    uint32_t base, size;
    uint8_t irq_tag;
    uint16_t irq_length;
    uint8_t flags, count;
    uint32_t irq;
} __attribute__((packed));
#define IRQ_CONSUMER 0x01u
#define IRQ_SHARED   0x08u

void vemu__acpi_dsdt_virtio(GByteArray *out, const struct vemu_acpi_virtio *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct resources res = {
            .memory_tag = 0x86,
            .memory_length = 9,
            .writable = 1,
            .base = slots[i].address,
            .size = MMIO_SIZE,
            .irq_tag = 0x89,
            .irq_length = 6,
            .flags = IRQ_CONSUMER | IRQ_SHARED,
            .count = 1,
            .irq = slots[i].irq,
        };
        char name[5];
        gsize device, crs;

        snprintf(name, sizeof(name), "VR%02u", i % 100);
        device = vemu__aml_device(out, name);
        vemu__aml_name_string(out, "_HID", "LNRO0005");
        vemu__aml_name_integer(out, "_UID", i);
        vemu__aml_name_integer(out, "_CCA", 1);
        crs = vemu__aml_crs(out);
        g_byte_array_append(out, (const uint8_t *)&res, sizeof(res));
        vemu__aml_crs_end(out, crs);
        vemu__aml_end(out, device);
    }
}
