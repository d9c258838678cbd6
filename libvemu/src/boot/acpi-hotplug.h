/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs and memory modules that are plugged in, in the DSDT.
 */
#ifndef VEMU_BOOT_ACPI_HOTPLUG_H
#define VEMU_BOOT_ACPI_HOTPLUG_H

#include "boot/acpi.h"

void vemu__acpi_dsdt_hotplug(GByteArray *out, const struct vemu_acpi_config *config);

#endif
