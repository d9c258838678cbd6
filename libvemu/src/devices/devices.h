/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device classes of this directory, for core/registry.c.
 */
#ifndef VEMU_DEVICES_DEVICES_H
#define VEMU_DEVICES_DEVICES_H

#include "core/device.h"
#include "virtio/class.h"

extern const struct vemu_device_class vemu__device_acpi_cpu_hotplug;
extern const struct vemu_device_class vemu__device_acpi_memory_hotplug;
extern const struct vemu_device_class vemu__device_acpi_pm;
extern const struct vemu_device_class vemu__device_ahci;
extern const struct vemu_device_class vemu__device_bochs_display;
extern const struct vemu_device_class vemu__device_debug_exit;
extern const struct vemu_device_class vemu__device_debugcon;
extern const struct vemu_device_class vemu__device_fw_cfg;
extern const struct vemu_device_class vemu__device_hpet;
extern const struct vemu_device_class vemu__device_i6300esb;
extern const struct vemu_device_class vemu__device_i8042;
extern const struct vemu_device_class vemu__device_i8254;
extern const struct vemu_device_class vemu__device_i8259;
extern const struct vemu_device_class vemu__device_ich9_lpc;
extern const struct vemu_device_class vemu__device_ide_cd;
extern const struct vemu_device_class vemu__device_ide_hd;
extern const struct vemu_device_class vemu__device_ioapic;
extern const struct vemu_device_class vemu__device_pc_dimm;
extern const struct vemu_device_class vemu__device_pflash_cfi01;
extern const struct vemu_device_class vemu__device_port92;
extern const struct vemu_device_class vemu__device_post_port;
extern const struct vemu_device_class vemu__device_pvpanic;
extern const struct vemu_device_class vemu__device_q35_mch;
extern const struct vemu_device_class vemu__device_ramfb;
extern const struct vemu_device_class vemu__device_reset_port;
extern const struct vemu_device_class vemu__device_rtc;
extern const struct vemu_device_class vemu__device_scsi_cd;
extern const struct vemu_device_class vemu__device_scsi_hd;
extern const struct vemu_device_class vemu__device_serial_16550;

/* One for each transport (virtio/class.h). */
extern const struct vemu_virtio_device_class vemu__device_virtio_9p_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_9p_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_balloon_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_balloon_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_blk_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_blk_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_keyboard_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_keyboard_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_mouse_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_mouse_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_mem_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_mem_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_net_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_net_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_pmem_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_pmem_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_rng_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_rng_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_scsi_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_scsi_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_serial_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_serial_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_tablet_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_tablet_pci;
extern const struct vemu_virtio_device_class vemu__device_virtio_vsock_mmio;
extern const struct vemu_virtio_device_class vemu__device_virtio_vsock_pci;
extern const struct vemu_device_class vemu__device_virtconsole;
extern const struct vemu_device_class vemu__device_virtserialport;
extern const struct vemu_device_class vemu__device_vmgenid;
extern const struct vemu_device_class vemu__device_x86_cpu;

#endif
