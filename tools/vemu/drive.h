/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -blockdev and -drive.
 */
#ifndef VEMU_TOOL_DRIVE_H
#define VEMU_TOOL_DRIVE_H

#include "options.h"

/* Tells the machine of -drive if=pflash. False: the reason was printed. */
bool drives_announce_flash(struct options *o);
/* Makes the block nodes, and the drives of -drive. False: the reason was printed. */
bool build_drives(struct vemu_vm *vm, const struct options *o);

#endif
