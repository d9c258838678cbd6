/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -fw_cfg: files that the guest is given by fw_cfg.
 */
#ifndef VEMU_TOOL_FWFILE_H
#define VEMU_TOOL_FWFILE_H

#include "options.h"

/* Adds them to the machine. False: said why. */
bool build_fw_files(struct vemu_vm *vm, const struct options *o);

#endif
