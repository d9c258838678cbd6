/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI tables as files of fw_cfg, for firmware to place.
 */
#ifndef VEMU_MACHINES_FW_TABLES_H
#define VEMU_MACHINES_FW_TABLES_H

#include "boot/acpi.h"
#include "bus/pci-bus.h"

struct vemu_fw_tables {
    struct vemu_device *fw_cfg;
    struct vemu_pci_host *host;
    struct vemu_acpi_config acpi; /* pci: ranges where firmware leaves them as they are */
};

/* Publishes the tables, and once more when firmware reads them: with configuration space and PCI
 * memory where it has put them by then. `tables` stays as long as the machine. */
void vemu__fw_tables_publish(struct vemu_fw_tables *tables);

#endif
