/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs and memory modules that are plugged in, in the DSDT.
 */
#ifndef VEMU_BOOT_ACPI_HOTPLUG_H
#define VEMU_BOOT_ACPI_HOTPLUG_H

#include "boot/acpi.h"

/* Bits of the general-purpose event block that are raised. */
#define VEMU_ACPI_GPE_CPU    2u
#define VEMU_ACPI_GPE_MEMORY 3u

void vemu__acpi_dsdt_hotplug(GByteArray *out, const struct vemu_acpi_config *config);

#endif
