/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI tables as files of fw_cfg, for firmware to place.
 *
 * Some of what they say is firmware's doing: it moves the configuration space (PCIEXBAR), and may
 * put large BARs far above of where the machine thinks. So the files are made anew when firmware
 * selects the first of them, which it does after it has set up the buses. Their sizes are known to
 * it already; so they are padded, with zeros, which mean nothing in either file.
 */
#include "machines/fw-tables.h"

#include <string.h>

#include "devices/fw-cfg/fw-cfg.h"

#define GIB          ((uint64_t)1 << 30)
#define WINDOW_ALIGN (32 * GIB)
#define PAD          4096u
#define SLACK        512u /* tables may grow by that much, without a page more */

static const char loader_name[] = "etc/table-loader";

static void pad(GByteArray *bytes, guint slack)
{
    guint size = (bytes->len + slack + PAD - 1) / PAD * PAD, length = bytes->len;

    g_byte_array_set_size(bytes, size);
    memset(bytes->data + length, 0, size - length);
}

static void build(const struct vemu_fw_tables *t, const struct vemu_acpi_pci *pci,
                  int (*set)(struct vemu_device *fw_cfg, const char *name, const void *data,
                             size_t size))
{
    g_autoptr(GByteArray) rsdp = g_byte_array_new(), tables = g_byte_array_new();
    g_autoptr(GByteArray) loader = g_byte_array_new();
    struct vemu_acpi_config acpi = t->acpi;

    acpi.pci = pci;
    vemu__acpi_build_files(&acpi, rsdp, tables, loader);
    pad(tables, SLACK);
    pad(loader, SLACK);
    set(t->fw_cfg, "etc/acpi/rsdp", rsdp->data, rsdp->len);
    set(t->fw_cfg, "etc/acpi/tables", tables->data, tables->len);
    set(t->fw_cfg, loader_name, loader->data, loader->len);
}

/* Where things are now. */
static void refresh(void *data)
{
    const struct vemu_fw_tables *t = data;
    struct vemu_acpi_pci pci = *t->acpi.pci;
    uint64_t size, start, end;

    vemu__pci_host_get_ecam(t->host, &pci.ecam_address, &size);
    if (size) {
        pci.last_bus = (uint8_t)((size >> 20) - 1);
        pci.memory_end[0] = pci.ecam_address;
        pci.memory_start[1] = pci.ecam_address + size;
    } else {
        pci.ecam_address = 0;
    }
    if (vemu__pci_host_get_memory64(t->host, &start, &end) &&
        (start < pci.memory64_start || end > pci.memory64_end)) {
        pci.memory64_start = start / WINDOW_ALIGN * WINDOW_ALIGN;
        pci.memory64_end = (end + WINDOW_ALIGN - 1) / WINDOW_ALIGN * WINDOW_ALIGN;
    }
    build(t, &pci, vemu__fw_cfg_set_file_locked);
}

void vemu__fw_tables_publish(struct vemu_fw_tables *t)
{
    build(t, t->acpi.pci, vemu__fw_cfg_set_file);
    vemu__fw_cfg_on_read(t->fw_cfg, loader_name, refresh, t);
}
