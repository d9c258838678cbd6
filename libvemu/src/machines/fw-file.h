/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of vemu_vm_add_fw_cfg(), for machines that have fw_cfg.
 */
#ifndef VEMU_MACHINES_FW_FILE_H
#define VEMU_MACHINES_FW_FILE_H

#include "core/device.h"

/* Puts them into fw_cfg, at power-on and at each reset. Context: loop, vCPUs do not run. */
void vemu__fw_files_publish(struct vemu_vm *vm, struct vemu_device *fw_cfg);

#endif
