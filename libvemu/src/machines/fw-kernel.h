/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that firmware starts: UEFI finds it, its initrd and its command line in fw_cfg.
 */
#ifndef VEMU_MACHINES_FW_KERNEL_H
#define VEMU_MACHINES_FW_KERNEL_H

#include "core/device.h"

struct vemu_fw_kernel;

/* Opens what the configuration names. -ENOENT, -EACCES, ...; -ENOEXEC: not a Linux kernel. */
int vemu__fw_kernel_open(const struct vemu_vm_config *config, struct vemu_fw_kernel **ret,
                         struct vemu_error **err);
/* Puts them into fw_cfg, where they stay. -EIO and the like, -E2BIG. Context: loop, vCPUs do not
 * run. */
int vemu__fw_kernel_publish(const struct vemu_fw_kernel *kernel, struct vemu_device *fw_cfg,
                            struct vemu_error **err);
void vemu__fw_kernel_free(struct vemu_fw_kernel *kernel);

#endif
