/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware configuration: what the board puts into it.
 */
#ifndef VEMU_DEVICES_FW_CFG_H
#define VEMU_DEVICES_FW_CFG_H

#include "core/device.h"

#define VEMU_FW_CFG_PORT 0x510u

/* Numbers of what is not a file. */
#define VEMU_FW_CFG_UUID     0x02u
#define VEMU_FW_CFG_RAM_SIZE 0x03u
#define VEMU_FW_CFG_NO_VGA   0x04u
#define VEMU_FW_CFG_CPUS     0x05u
#define VEMU_FW_CFG_MAX_CPUS 0x0fu
#define VEMU_FW_CFG_NAME_MAX 55u

/* Sets an item, in place of what it held. Copies. -EINVAL (number), -ENOSPC. Context: loop, vCPUs
 * do not run. */
int vemu__fw_cfg_set(struct vemu_device *fw_cfg, uint16_t item, const void *data, size_t size);
int vemu__fw_cfg_set_integer(struct vemu_device *fw_cfg, uint16_t item, uint64_t value,
                             unsigned size);
/* The same for a file, by name. -EINVAL: the name is longer than VEMU_FW_CFG_NAME_MAX. */
int vemu__fw_cfg_set_file(struct vemu_device *fw_cfg, const char *name, const void *data,
                          size_t size);
/* A file of zeros that the guest may write, by DMA. After each write that was carried out
 * written(data, file) is called, with fw_cfg's lock held, and with `size` bytes of the file.
 * -EINVAL, -EEXIST, -ENOSPC. */
int vemu__fw_cfg_add_writable(struct vemu_device *fw_cfg, const char *name, size_t size,
                              void (*written)(void *data, const void *file), void *data);

#endif
