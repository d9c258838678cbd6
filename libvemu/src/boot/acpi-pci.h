/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What ACPI tables say of PCI Express and of their own placing by firmware.
 */
#ifndef VEMU_BOOT_ACPI_PCI_H
#define VEMU_BOOT_ACPI_PCI_H

#include "boot/acpi-table.h"
#include "boot/acpi.h"

/* PCI Firmware Specification 3.2, 4.1.2. Returns the table's address. */
uint64_t vemu__acpi_build_mcfg(struct vemu_acpi_builder *b, const struct vemu_acpi_pci *pci);
/* \_SB.PCI0 with its windows, interrupt wiring and _OSC; the board's own reserved ranges. */
void vemu__acpi_dsdt_pci(GByteArray *out, const struct vemu_acpi_pci *pci);

/* acpi-loader.c: commands for firmware that loads the tables out of files. */
void vemu__acpi_put_loader(const struct vemu_acpi_builder *b, const GByteArray *rsdp,
                           const GByteArray *tables, GByteArray *loader);

#endif
