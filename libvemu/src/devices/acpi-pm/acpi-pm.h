/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI fixed hardware: the ports that the FADT announces.
 */
#ifndef VEMU_DEVICES_ACPI_PM_H
#define VEMU_DEVICES_ACPI_PM_H

#define VEMU_ACPI_PM1_EVENT   0x600 /* 4 ports */
#define VEMU_ACPI_PM1_CONTROL 0x604 /* 2 ports */
#define VEMU_ACPI_PM_TIMER    0x608 /* 4 ports */
#define VEMU_ACPI_SCI         9
#define VEMU_ACPI_S3_TYPE     1 /* SLP_TYP of \_S3 */
#define VEMU_ACPI_S5_TYPE     0 /* SLP_TYP of \_S5: what OVMF writes without looking */

#endif
