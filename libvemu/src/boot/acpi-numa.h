/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA nodes as ACPI tells them: SRAT and SLIT.
 */
#ifndef VEMU_BOOT_ACPI_NUMA_H
#define VEMU_BOOT_ACPI_NUMA_H

#include "boot/acpi-table.h"
#include "boot/acpi.h"

uint64_t vemu__acpi_build_srat(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config);
uint64_t vemu__acpi_build_slit(struct vemu_acpi_builder *b, const struct vemu_acpi_numa *numa);

#endif
